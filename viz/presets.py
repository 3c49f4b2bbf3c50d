"""The layers every lecture shows, as values for the board's controls."""

from __future__ import annotations

from typing import Any

from viz.state import layer_params

_LAYER = {param.name: param.default for param in layer_params()}


def _preset(**changes: Any) -> dict[str, Any]:
    return _LAYER | {"stride": 1, "padding": 0} | changes


CLASSICS: dict[str, dict[str, Any]] = {
    "no padding": _preset(),
    "no padding, stride 2": _preset(stride=2),
    "padding": _preset(padding=1),
    "padding, stride 2": _preset(stride=2, padding=1),
}
"""With and without padding, stride 1 and 2: shown side by side on request."""

PRESETS: dict[str, dict[str, Any]] = CLASSICS | {
    "half (same size)": _preset(convention="half"),
    "full": _preset(convention="full"),
    "dilated": _preset(dilation=2),
    "transposed, stride 2": _preset(operation="transposed_convolution", stride=2, padding=1),
    "max pooling": _preset(operation="max_pooling", kernel_size=2, stride=2),
    "average pooling": _preset(operation="average_pooling", kernel_size=2, stride=2),
    "blur pooling": _preset(operation="blur_pooling", stride=2, padding=1, padding_mode="reflect"),
}
"""One click each."""


def matching(values: dict[str, Any]) -> str | None:
    """The preset whose layer these values are, or None."""
    for name, preset in PRESETS.items():
        if all(values[key] == value for key, value in preset.items() if not key.endswith("_width")):
            return name
    return None
