"""State and widgets of the size page: the board's parameters, on inputs up to 4096 pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, check
from core.layer.padding import CONVENTIONS
from core.layer.sizes import smaller_input
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.choices import layer as state
from viz.choices.layer import SIDES, Values
from viz.page import words
from viz.page.session import change, give
from viz.params import Param, number, query, switch

PAGE = "sizes"
BOARD = Path(__file__).parents[1] / "sweep" / "page.py"
MAX_INPUT = 4096
"""Longest input side, in pixels."""

_LIMITS: dict[str, tuple[int, int]] = {
    "kernel_size": (1, state.MAX_KERNEL),
    "stride": (1, state.MAX_STRIDE),
    "padding": (0, state.MAX_PADDING),
    "dilation": (1, state.MAX_DILATION),
    "output_padding": (0, state.MAX_STRIDE - 1),
}
_LABELS = {
    "kernel_size": "kernel_size — window",
    "stride": "stride — step",
    "padding": "padding — border",
    "dilation": "dilation — tap spacing",
    "output_padding": "output_padding — extra",
}
_BOTH_AXES = {name: (name, state.width(name)) for name in _LIMITS}
_SWITCHES = ("operation", "separate", "convention", "ceil_mode")

TABS = {
    "padding": "Stride × padding",
    "common": "Common layers",
    "kernels": "Kernel × stride",
    "conventions": "Padding conventions",
    "solver": "Which layer gives …?",
}
"""Name in the URL: label on the page."""


def _tab(text: str) -> str:
    if text not in TABS:
        raise ValueError(f"must be one of {', '.join(TABS)}")
    return TABS[text]


def _solution(text: str) -> str:
    if not re.fullmatch(r"k\d{1,2}s\d{1,2}p\d{1,2}d\d{1,2}", text, re.ASCII):
        raise ValueError("must be a layer like k3s2p1d1")
    return text


_BOARD = [*state.layer_params(), *state.input_params()]
_DEFAULTS = {param.name: param.default for param in _BOARD}
_NAMES = {*_SWITCHES, *SIDES, *chain.from_iterable(_BOTH_AXES.values())}
PARAMS = [
    *(param for param in state.layer_params() if param.name in _NAMES),
    number("input_height", _DEFAULTS["input_height"], 1, MAX_INPUT),
    number("input_width", _DEFAULTS["input_width"], 1, MAX_INPUT),
    Param("tab", TABS["padding"], _tab, {label: name for name, label in TABS.items()}.__getitem__),
    number("output_height", 4, 1, MAX_INPUT),
    number("output_width", 4, 1, MAX_INPUT),
    switch("all_read"),
    Param("solution", "", _solution),
]
"""Everything that decides the page, named as on the board."""


def layer(values: Values) -> LayerSpec:
    """The layer; SpecError when it cannot be."""
    return state.layer({**_DEFAULTS, **values})


def board_query(spec: LayerSpec, size: Pair, values: Values | None = None) -> dict[str, str]:
    """The board's URL parameters for this layer, on an input it can draw.

    ``values``: the settings the layer was made of, when it is the page's own; they keep a
    padding convention by its name.
    """
    size = smaller_input(spec, size, state.MAX_SIDE)
    shown = state.values_of(spec, size)
    if values is not None:
        shown = {name: values[name] for name in _NAMES}
        shown |= {"input_height": size[0], "input_width": size[1]}
    return query(_BOARD, shown)


def board_help(spec: LayerSpec, size: Pair) -> str:
    """What opens, where it is not the same."""
    shown = smaller_input(spec, size, state.MAX_SIDE)
    if shown == size:
        return "Watch this layer slide over a picture."
    return (
        f"The board draws up to {state.MAX_SIDE} pixels a side: it opens with "
        f"{words.times(shown)}, whole strides less, so that the remainder stays."
    )


def counted(count: int, word: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def solution_name(solution: Solution) -> str:
    """``k3s2p1d1``, as in the URL."""
    s = solution
    return f"k{s.kernel_size}s{s.stride}p{s.padding}d{s.dilation}"


def settle(values: dict[str, Any]) -> list[str]:
    """Change ``values`` in place until the layer fits its input; one sentence for each change."""
    sentences: list[str] = []
    for _ in range(4):
        error = _error(values)
        if error is None:
            return sentences
        change = _mended(values, error)
        values.update(change)
        settings = ", ".join(f"`{name}` to {value}" for name, value in change.items())
        sentences.append(f"`{error.parameter}` {error.rule}. Set {settings}.")
    values.update({name: _DEFAULTS[name] for name in _NAMES})  # fits an input of any size
    return [*sentences, "The layer's settings are back at their defaults."]


def _error(values: Values) -> SpecError | None:
    try:
        check(layer(values), state.size(values), limit=None)
    except SpecError as error:
        return error
    return None


def _mended(values: Values, error: SpecError) -> dict[str, Any]:
    """The smallest change that removes the error: one setting, or one on both axes."""
    changes = list(_changes(values, error.parameter))
    for done in (_fits, _progresses):
        for attempt in changes:
            if done({**values, **attempt}, error):
                return attempt
    return {name: _DEFAULTS[name] for name in _SWITCHES}


def _fits(values: Values, error: SpecError) -> bool:
    return _error(values) is None


def _progresses(values: Values, error: SpecError) -> bool:
    left = _error(values)
    return left is not None and left.parameter != error.parameter


def _changes(values: Values, parameter: str) -> Iterator[dict[str, Any]]:
    """Settings that may mend what is wrong with ``parameter``, nearest first."""
    for name in {"kernel_size": ("kernel_size", "dilation")}.get(parameter, (parameter,)):
        if name not in _LIMITS:
            continue
        sides = list(_BOTH_AXES[name]) if values["separate"] else [name]
        if name == "padding" and values["convention"] == "sides":
            sides = list(SIDES)
        low, high = _LIMITS[name]
        for group in (*([side] for side in sides), sides):
            current = max(values[side] for side in group)
            for value in sorted(range(low, high + 1), key=lambda v: abs(v - current)):
                yield dict.fromkeys(group, value)
    if values["convention"] != "number":
        yield {"convention": "number"}


def sidebar(values: Values) -> None:
    """The input's size and all settings that decide the output's."""
    operation = OPERATIONS[values["operation"]]
    for column, axis in zip(st.columns(2), ("height", "width"), strict=True):
        column.number_input(
            f"input {axis} (px)", 1, MAX_INPUT, key=give(values, f"input_{axis}"), width="stretch"
        )
    st.caption(f"Each 1–{MAX_INPUT} px.")
    st.selectbox(
        "operation",
        list(OPERATIONS),
        format_func=lambda name: OPERATIONS[name].label,
        key=give(values, "operation"),
        help=operation.summary,
    )
    _sliders(values, "kernel_size")
    _sliders(values, "stride")
    _padding(values)
    if operation.has("dilation"):
        _sliders(values, "dilation")
    if operation.has("output_padding") and values["convention"] not in CONVENTIONS:
        _sliders(values, "output_padding")
    if operation.has("ceil_mode"):
        st.toggle("ceil_mode — round the size up", key=give(values, "ceil_mode"))
    st.toggle(
        "height and width apart",
        key=give(values, "separate"),
        on_change=change,
        args=(PAGE, state.apart({**_DEFAULTS, **values})),
    )


def _sliders(values: Values, name: str) -> None:
    low, high = _LIMITS[name]
    if not values["separate"]:
        label = f"{_LABELS[name]}, {low}–{high} px"
        st.slider(label, low, high, key=give(values, name))
        return
    labels = name if name == "output_padding" else f"{name} ↓", "width →"
    for column, key, label in zip(st.columns(2), _BOTH_AXES[name], labels, strict=True):
        column.slider(label, low, high, key=give(values, key), help=f"{low}–{high} px")


def _padding(values: Values) -> None:
    if values["convention"] == "number":
        _sliders(values, "padding")
    elif values["convention"] == "sides":
        for side, column in zip(SIDES, [*st.columns(2), *st.columns(2)], strict=True):
            label = f"{side.removeprefix('pad_')} padding (px)"
            column.number_input(label, 0, state.MAX_PADDING, key=give(values, side))
    st.selectbox(
        "how padding is given",
        ["number", "sides", *CONVENTIONS],
        format_func=lambda name: words.way_of_padding(name, OPERATIONS[values["operation"]]),
        key=give(values, "convention"),
        help="One number, a number for each side, or a framework's rule.",
    )
