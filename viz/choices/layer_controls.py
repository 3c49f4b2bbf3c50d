"""The form of a layer, the same on every page: bounds follow the other settings.

Widgets inside a closed expander are not made at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.layer.feasible import feasible
from core.layer.operations import MAX_OUTPUT_SIDE, OPERATIONS, check
from core.layer.padding import CONVENTIONS
from viz.choices import layer
from viz.choices.layer import SIDES, Values
from viz.choices.picture import picture_control
from viz.page import words
from viz.page.session import change, declared, has
from viz.page.widgets import widget


def _slider(
    values: Values, name: str, suffix: str, limit: int | None, place: Any = st, **settings: Any
) -> None:
    """A length, in the bounds in which the layer can be run."""
    key = name + suffix
    bounds = _bounds(values, key, [suffix], limit)
    widget(values, key, place, low=bounds[0], high=bounds[-1], **settings)


def _bounds(values: Values, name: str, suffixes: Sequence[str], limit: int | None) -> range:
    """The values of one setting that leave the layers possible, the others as they are."""

    def attempt(value: int) -> None:
        changed = {**values, name: value}
        for suffix in suffixes:
            check(layer.layer(changed, suffix), layer.size(changed), limit)

    param = declared(name)
    return feasible(attempt, range(int(param.low or 0), int(param.high or 0) + 1), values[name])


def _sliders(values: Values, name: str, suffix: str, limit: int | None) -> None:
    """One slider for both axes, or one for each."""
    if not values["separate" + suffix]:
        _slider(values, name, suffix, limit)
        return
    height, across = st.columns(2, vertical_alignment="bottom")
    _slider(values, name, suffix, limit, height, label=f"{name} ↓")
    _slider(values, layer.width(name), suffix, limit, across)


def kernel_size_control(values: Values) -> None:
    """The kernel's size alone."""
    _sliders(values, "kernel_size", "", MAX_OUTPUT_SIDE)


def layer_controls(
    page: str,
    values: Values,
    suffix: str = "",
    limit: int | None = MAX_OUTPUT_SIDE,
    *,
    all_open: bool = False,
) -> None:
    """All settings that the chosen operation and the page have.

    Args:
        page: whose parameters these are.
        values: of all parameters of a layer and its input, those too that the page has not.
        suffix: of the layer's parameters.
        limit: longest side of an output that can be run; None for any.
        all_open: whether the rarer settings are in view from the start.
    """
    operation, convention = OPERATIONS[values["operation" + suffix]], values["convention" + suffix]
    sliders = partial(_sliders, values, suffix=suffix, limit=limit)
    widget(values, "operation" + suffix, help=operation.summary)
    sliders("kernel_size")
    sliders("stride")
    if convention == "number":
        sliders("padding")
    elif convention == "sides":
        for side, column in zip(SIDES, [*st.columns(2), *st.columns(2)], strict=True):
            _slider(values, side, suffix, limit, column)
    if operation.has("dilation"):
        sliders("dilation")
    if operation.has("output_padding") and convention not in CONVENTIONS:
        sliders("output_padding")
    more = st.expander("More about the layer", all_open, key="more" + suffix, on_change="rerun")
    if more.open:
        with more:
            _more(page, values, suffix)


def _more(page: str, values: Values, suffix: str) -> None:
    operation = OPERATIONS[values["operation" + suffix]]
    ways = declared("convention" + suffix).labels
    labels = {name: words.way_of_padding(name, operation) for name in ways}
    widget(values, "convention" + suffix, options=labels)
    widget(
        values,
        "separate" + suffix,
        on_change=change,
        args=(page, layer.apart(values, suffix)),
    )
    for name in ("padding_mode", "ceil_mode", "count_include_pad"):
        if operation.has(name) and has(name + suffix):
            widget(values, name + suffix)
    if operation.has("out_channels") and has("out_channels" + suffix):
        for name, column in zip(("out_channels", "groups"), st.columns(2), strict=True):
            widget(values, name + suffix, column, options=_working(values, name + suffix, [suffix]))
        widget(values, "bias" + suffix)


def _working(values: Values, name: str, suffixes: Sequence[str]) -> list[int]:
    """The options of one setting with which all layers can be."""

    def works(option: int) -> bool:
        try:
            for suffix in suffixes:
                layer.layer({**values, name: option}, suffix)
        except SpecError:
            return False
        return True

    return [option for option in declared(name).labels if works(option)]


def input_controls(values: Values, suffixes: Sequence[str]) -> None:
    """The picture, its size and channels; bounded so that every layer shown still fits."""
    picture_control(values)
    for name in ("input_height", "input_width"):
        bounds = _bounds(values, name, suffixes, MAX_OUTPUT_SIDE)
        widget(values, name, low=bounds[0], high=bounds[-1])
    widget(values, "in_channels", options=_working(values, "in_channels", suffixes))


def kernel_controls(page: str, values: Values) -> None:
    """The weights: a preset, its seed, and a button that takes back typed cells."""
    weights_control(values, help="Double-click a weight on the board to change it.")
    _reset(page, values, "weights", "typed weights")


def weights_control(values: Values, **settings: Any) -> None:
    """The weights of a kernel, and their seed where they are drawn."""
    widget(values, "kernel", **settings)
    if values["kernel"] == "random":
        widget(values, "kernel_seed")


def edits_controls(page: str, values: Values) -> None:
    """A button that takes back typed input cells."""
    _reset(page, values, "pixels", "typed pixels")


def _reset(page: str, values: Values, name: str, what: str) -> None:
    if values[name]:
        st.button(f"undo {what}", on_click=change, args=(page, {name: ""}), key=f"undo_{name}")
