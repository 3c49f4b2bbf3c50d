"""One layer: its window, its padding, what it computes, its sizes, and the code that makes it."""

from .spec import LayerSpec as LayerSpec
