"""The widgets for a layer, the same on every page; their bounds depend on the other settings.

Widgets inside a closed expander are not made at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.layer.feasible import feasible_range
from core.layer.operations import MAX_OUTPUT_SIDE, OPERATIONS, check
from core.layer.padding import CONVENTIONS
from viz.choices import layer
from viz.choices.layer import SIDES, BoardSettings, WeightSettings
from viz.choices.picture import picture_control
from viz.page import words
from viz.page.session import change_settings, declared_param, page_has_param
from viz.page.widgets import widget
from viz.params import Settings


def _runnable_bounds(
    layers: Sequence[BoardSettings], name: str, limit: int | None = MAX_OUTPUT_SIDE
) -> dict[str, Any]:
    """The bounds of a setting, as arguments of `widget`, within which all layers can be run.

    Args:
        layers: Settings of each layer; all other settings stay as they are.
        name: Name of the setting.
        limit: Longest side of an output that is allowed; None for any.
    """

    def attempt(value: int) -> None:
        for each in layers:
            changed = each.updated({name: value})
            check(layer.layer_spec(changed), layer.input_size(changed), limit)

    param = declared_param(name)
    allowed = range(int(param.low or 0), int(param.high or 0) + 1)
    possible = feasible_range(attempt, allowed, layers[0][name])
    return {"low": possible[0], "high": possible[-1]}


def _valid_options(layers: Sequence[BoardSettings], name: str) -> list[int]:
    """The options of a setting with which all layers are valid."""

    def works(option: int) -> bool:
        try:
            for each in layers:
                layer.layer_spec(each.updated({name: option}))
        except SpecError:
            return False
        return True

    return [option for option in declared_param(name).labels if works(option)]


def kernel_size_control(values: BoardSettings) -> None:
    """Draw the widget of the kernel's size alone."""
    _Form("", values).axis_widgets("kernel_size")


def layer_controls(
    page: str,
    values: BoardSettings,
    suffix: str = "",
    limit: int | None = MAX_OUTPUT_SIDE,
    *,
    all_open: bool = False,
) -> None:
    """Draw the widgets of all settings that both the chosen operation and the page have.

    Args:
        page: Name of the page.
        values: Settings of the layer and its input, with defaults for those that the page lacks.
        suffix: Suffix of the layer's names in the link.
        limit: Longest side of an output that is allowed; None for any.
        all_open: Whether the expander with the rarer settings is open at the beginning.
    """
    form = _Form(page, values, suffix, limit)
    operation = OPERATIONS[values.operation]
    form.draw_widget("operation", help=operation.summary)
    form.axis_widgets("kernel_size")
    form.axis_widgets("stride")
    if values.convention == "number":
        form.axis_widgets("padding")
    elif values.convention == "sides":
        for side, column in zip(SIDES, [*st.columns(2), *st.columns(2)], strict=True):
            form.number_widget(side, column)
    if operation.has("dilation"):
        form.axis_widgets("dilation")
    if operation.has("output_padding") and values.convention not in CONVENTIONS:
        form.axis_widgets("output_padding")
    more = st.expander("More about the layer", all_open, key="more" + suffix, on_change="rerun")
    if more.open:
        with more:
            form.draw_rarer_settings()


@dataclass(frozen=True)
class _Form:
    """The widgets of one layer; the fields are the arguments of `layer_controls`."""

    page: str
    values: BoardSettings
    suffix: str = ""
    limit: int | None = MAX_OUTPUT_SIDE

    def draw_widget(self, name: str, place: Any = st, **settings: Any) -> None:
        """Draw the widget of a setting of the layer."""
        widget(self.values, name, place, suffix=self.suffix, **settings)

    def page_has(self, name: str) -> bool:
        """Whether the page has a setting of the layer."""
        return page_has_param(name + self.suffix)

    def number_widget(self, name: str, place: Any = st, **settings: Any) -> None:
        """Draw the widget of a number, with bounds within which the layer can be run."""
        self.draw_widget(
            name, place, **_runnable_bounds([self.values], name, self.limit), **settings
        )

    def axis_widgets(self, name: str) -> None:
        """Draw one widget for both axes, or one for each if they are set separately."""
        if not self.values.separate:
            self.number_widget(name)
            return
        height, across = st.columns(2, vertical_alignment="bottom")
        self.number_widget(name, height, label=f"{name} ↓")
        self.number_widget(layer.width_name(name), across)

    def draw_rarer_settings(self) -> None:
        """Draw the widgets of the rarer settings."""
        operation = OPERATIONS[self.values.operation]
        ways = declared_param("convention").labels
        self.draw_widget(
            "convention", options={n: words.convention_label(n, operation) for n in ways}
        )
        widths = layer.widths_equal_to_heights(self.values.flat)
        same_widths = {name + self.suffix: value for name, value in widths.items()}
        self.draw_widget("separate", on_change=change_settings, args=(self.page, same_widths))
        for name in ("padding_mode", "ceil_mode", "count_include_pad"):
            if operation.has(name) and self.page_has(name):
                self.draw_widget(name)
        if operation.has("out_channels") and self.page_has("out_channels"):
            for name, column in zip(("out_channels", "groups"), st.columns(2), strict=True):
                self.draw_widget(name, column, options=_valid_options([self.values], name))
            self.draw_widget("bias")


def input_controls(values: BoardSettings, layers: Sequence[BoardSettings]) -> None:
    """Draw the widgets of the input: its picture, size and channels, bounded so that all layers fit.

    Args:
        values: Settings of the page.
        layers: Settings of each layer on the page's input.
    """
    picture_control(values)
    for name in ("input_height", "input_width"):
        widget(values, name, **_runnable_bounds(layers, name))
    widget(values, "in_channels", options=_valid_options(layers, "in_channels"))


def kernel_controls(page: str, values: WeightSettings) -> None:
    """Draw the widgets of the weights: preset, seed, and a button that undoes edits of cells."""
    weights_control(values, help="Double-click a weight on the board to change it.")
    _undo_button(page, values, "weights", "typed weights")


def weights_control(values: WeightSettings, **settings: Any) -> None:
    """Draw the choice of the weights' preset, and its seed if they are random."""
    widget(values, "kernel", **settings)
    if values.kernel == "random":
        widget(values, "kernel_seed")


def undo_pixel_edits_button(page: str, values: BoardSettings) -> None:
    """Draw a button that undoes the edits of input cells."""
    _undo_button(page, values, "pixels", "typed pixels")


def _undo_button(page: str, values: Settings, name: str, what: str) -> None:
    """Draw an undo button that clears the setting ``name``, which holds typed weights or pixels;
    nothing if it is empty."""
    if values[name]:
        st.button(
            f"undo {what}", on_click=change_settings, args=(page, {name: ""}), key=f"undo_{name}"
        )
