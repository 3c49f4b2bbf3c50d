"""Presets of the sweep page: common layers as values of its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.layer.board import BoardSpec, Upload
from core.layer.operations import OPERATIONS, Operation
from viz.choices import layer
from viz.choices.layer import LayerSettings
from viz.features.sweep.params import SweepSettings

_LAYER = LayerSettings.defaults()
"""The default of each setting of a layer."""


def _preset(**changes: Any) -> dict[str, Any]:
    """All settings of a layer with stride 1 and no padding, except for the changes."""
    return _LAYER | {"stride": 1, "padding": 0} | changes


CLASSICS: dict[str, dict[str, Any]] = {
    "no padding": _preset(),
    "no padding, stride 2": _preset(stride=2),
    "padding": _preset(padding=1),
    "padding, stride 2": _preset(stride=2, padding=1),
}
"""The four presets that can be compared side by side: stride 1 or 2, with or without padding."""

USUAL_PRESETS: dict[str, dict[str, Any]] = CLASSICS | {
    "half (same size)": _preset(convention="half"),
    "full": _preset(convention="full"),
    "dilated": _preset(dilation=2),
    "transposed, stride 2": _preset(operation="transposed_convolution", stride=2, padding=1),
    "max pooling": _preset(operation="max_pooling", kernel_size=2, stride=2),
    "average pooling": _preset(operation="average_pooling", kernel_size=2, stride=2),
    "blur pooling": _preset(operation="blur_pooling", stride=2, padding=1, padding_mode="reflect"),
}
"""Settings of the usual presets by label."""


def presets_of_others(operations: Mapping[str, Operation]) -> dict[str, dict[str, Any]]:
    """A preset with stride 2 for each of these operations that `USUAL_PRESETS` leaves out."""
    usual = {preset["operation"] for preset in USUAL_PRESETS.values()}
    others = {name: each for name, each in operations.items() if name not in usual}
    return {each.label.lower(): _preset(operation=n, stride=2) for n, each in others.items()}


PRESETS = USUAL_PRESETS | presets_of_others(OPERATIONS)
"""Settings of all presets by label; a click on a preset sets them."""


def matching_preset(values: SweepSettings) -> str | None:
    """Label of the preset that has the values of the layer; None if there is none."""
    for name, preset in PRESETS.items():
        if all(values[key] == value for key, value in preset.items() if not key.endswith("_width")):
            return name
    return None


def boards(
    values: SweepSettings, upload: Upload | None = None
) -> tuple[list[BoardSpec], list[str]]:
    """The boards of the settings: one, two, or the four classics.

    Returns:
        The boards, and a sentence for each setting of a classic that was changed to fit.

    Raises:
        SpecError: A layer does not exist.
    """
    if values.compare != "classics":
        return [layer.board_spec(each, upload) for each in values.layers.values()], []
    specs, clauses = [], []
    for letter, classic in zip("ABCD", CLASSICS.values(), strict=True):
        changed = values.updated(
            classic | layer.widths_equal_to_heights(classic) | _settings_shared_by_classics(values)
        )
        valid, sentences = layer.make_runnable(changed)
        clauses += [f"Board {letter}: {sentence}" for sentence in sentences]
        specs.append(layer.board_spec(valid, upload))
    return specs, clauses


def _settings_shared_by_classics(values: SweepSettings) -> dict[str, Any]:
    """The settings that the four classics take from the page: those of the kernel and its filters."""
    names = ("kernel_size", "kernel_width", "separate", "out_channels", "bias")
    return {name: values[name] for name in names}
