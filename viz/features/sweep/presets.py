"""The layers every lecture shows, as values for the board's controls."""

from __future__ import annotations

from typing import Any

from core.layer.board import BoardSpec, Upload
from viz.choices import layer
from viz.choices.layer import LayerSettings
from viz.features.sweep.params import SweepSettings

_LAYER = LayerSettings.defaults()


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


def matching(values: SweepSettings) -> str | None:
    """The preset whose layer these values are, or None."""
    for name, preset in PRESETS.items():
        if all(values[key] == value for key, value in preset.items() if not key.endswith("_width")):
            return name
    return None


def boards(
    values: SweepSettings, upload: Upload | None = None
) -> tuple[list[BoardSpec], list[str]]:
    """The boards that the sweep page's values compare, the first of them the page's layer.

    Returns:
        the boards, and one sentence for each setting of a classic that was changed to fit.

    Raises:
        SpecError: a layer cannot be.
    """
    if values.compare != "classics":
        return [layer.board(each, upload) for each in values.layers.values()], []
    specs, clauses = [], []
    for letter, classic in zip("ABCD", CLASSICS.values(), strict=True):
        changed = values.updated(classic | layer.equal_widths(classic) | _common(values))
        settled, sentences = layer.settle(changed)
        clauses += [f"Board {letter}: {sentence}" for sentence in sentences]
        specs.append(layer.board(settled, upload))
    return specs, clauses


def _common(values: SweepSettings) -> dict[str, Any]:
    """What the four classics take over: the kernel and its channels."""
    names = ("kernel_size", "kernel_width", "separate", "out_channels", "bias")
    return {name: values[name] for name in names}
