"""One layer: its window, padding, operation, output sizes and source code."""

from .spec import LayerSpec as LayerSpec
