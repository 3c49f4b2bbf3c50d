"""Widgets for the board's parameters: labels, units, bounds that follow the other settings.

Each widget's key is its parameter's name; ``give`` hands it the page's value, and no widget
has a default of its own. Widgets inside a closed expander are not made at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.errors import SpecError
from core.layer.feasible import feasible
from core.layer.kernels import PRESETS
from core.layer.operations import OPERATIONS, check
from core.layer.padding import CONVENTIONS, FILLS
from viz.choices import layer
from viz.choices.layer import SIDES, Values
from viz.choices.picture import picture_control
from viz.page import words
from viz.page.session import change, give

_LABELS = {
    "kernel_size": "kernel_size — window",
    "stride": "stride — step",
    "padding": "padding — border",
    "dilation": "dilation — spacing of taps",
    "output_padding": "output_padding — extra rows",
}
_HELP = {
    "kernel_size": "Side of the window in pixels.",
    "stride": "How many pixels the window moves from one output to the next.",
    "padding": "Pixels put around the picture on each side.",
    "dilation": "Distance between neighbouring taps of the kernel; 1 leaves no gaps.",
    "output_padding": "Rows and columns added to one side of a transposed convolution's output.",
}
_SLIDERS: dict[str, tuple[int, int]] = {
    "kernel_size": (1, layer.MAX_KERNEL),
    "stride": (1, layer.MAX_STRIDE),
    "padding": (0, layer.MAX_PADDING),
    "dilation": (1, layer.MAX_DILATION),
    "output_padding": (0, layer.MAX_STRIDE - 1),
}


def _bounds(values: Values, name: str, low: int, high: int, suffix: str) -> range:
    """The values of one setting that leave the layer possible, the others as they are."""

    def attempt(value: int) -> None:
        changed = {**values, name: value}
        check(layer.layer(changed, suffix), layer.size(changed))

    return feasible(attempt, range(low, high + 1), values[name])


def _slider(values: Values, name: str, suffix: str, label: str, limits: tuple[int, int]) -> None:
    key = name + suffix
    bounds = _bounds(values, key, *limits, suffix)
    help_text = _HELP.get(name)
    if len(bounds) == 1:  # nothing else works: a slider that cannot move, and why
        only = bounds[0]
        st.slider(
            label,
            only,
            only + 1,
            key=give(values, key, only, only + 1),
            disabled=True,
            help="Only this value fits here.",
        )
        return
    low, high = bounds[0], bounds[-1]
    st.slider(label, low, high, key=give(values, key, low, high), help=help_text)


def _sliders(values: Values, name: str, suffix: str) -> None:
    """One slider for both axes, or one for each."""
    if not values["separate" + suffix]:
        _slider(values, name, suffix, _LABELS[name], _SLIDERS[name])
        return
    height, across = st.columns(2)
    with height:
        _slider(values, name, suffix, f"{name} ↓", _SLIDERS[name])
    with across:
        _slider(values, layer.width(name), suffix, "width →", _SLIDERS[name])


def kernel_size_control(values: Values) -> None:
    """The kernel's size alone."""
    _sliders(values, "kernel_size", "")


def layer_controls(page: str, values: Values, suffix: str = "") -> None:
    """All settings that the chosen operation has."""
    operation = OPERATIONS[values["operation" + suffix]]
    st.selectbox(
        "operation",
        list(OPERATIONS),
        format_func=lambda name: OPERATIONS[name].label,
        key=give(values, "operation" + suffix),
        help=operation.summary,
    )
    _sliders(values, "kernel_size", suffix)
    _sliders(values, "stride", suffix)
    if values["convention" + suffix] == "number":
        _sliders(values, "padding", suffix)
    elif values["convention" + suffix] == "sides":
        for line in (SIDES[:2], SIDES[2:]):
            for side, column in zip(line, st.columns(2), strict=True):
                with column:
                    label = side.replace("pad_", "") + " (px)"
                    _slider(values, side, suffix, label, _SLIDERS["padding"])
    if operation.has("dilation"):
        _sliders(values, "dilation", suffix)
    if operation.has("output_padding") and values["convention" + suffix] not in CONVENTIONS:
        _sliders(values, "output_padding", suffix)
    more = st.expander("More about the layer", key="more" + suffix, on_change="rerun")
    if more.open:
        with more:
            _more(page, values, suffix)


def _more(page: str, values: Values, suffix: str) -> None:
    operation = OPERATIONS[values["operation" + suffix]]
    st.selectbox(
        "how padding is given",
        ["number", "sides", *CONVENTIONS],
        format_func=lambda name: words.way_of_padding(name, operation),
        key=give(values, "convention" + suffix),
        help="One number, a number for each side, or a framework's rule.",
    )
    if operation.has("padding_mode"):
        st.selectbox(
            "padding_mode — what fills it",
            list(FILLS),
            format_func=lambda name: f"{name}: {FILLS[name]}",
            key=give(values, "padding_mode" + suffix),
        )
    st.toggle(
        "height and width apart",
        key=give(values, "separate" + suffix),
        on_change=change,
        args=(page, layer.apart(values, suffix)),
    )
    if operation.has("ceil_mode"):
        st.toggle("ceil_mode — round the size up", key=give(values, "ceil_mode" + suffix))
    if operation.has("count_include_pad"):
        st.toggle(
            "count_include_pad — padding counts in the mean",
            key=give(values, "count_include_pad" + suffix),
        )
    if operation.has("out_channels"):
        _channels(values, suffix)


def _channels(values: Values, suffix: str) -> None:
    options = {name: _divisors(values, name, suffix) for name in ("out_channels", "groups")}
    left, right = st.columns(2)
    left.selectbox(
        "out_channels — filters", options["out_channels"], key=give(values, "out_channels" + suffix)
    )
    right.selectbox(
        "groups",
        options["groups"],
        key=give(values, "groups" + suffix),
        help="Channels are split into this many groups; each filter reads one group only.",
    )
    st.number_input(
        "bias — added to every sum",
        -1000.0,
        1000.0,
        step=1.0,
        format="%g",
        key=give(values, "bias" + suffix),
    )


def _divisors(values: Values, name: str, suffix: str) -> list[int]:
    """Numbers of filters or groups that the other channel settings allow."""
    works = []
    for option in range(1, layer.MAX_CHANNELS + 1):
        try:
            layer.layer({**values, name + suffix: option}, suffix)
        except SpecError:
            continue
        works.append(option)
    return works


def input_controls(values: Values, suffixes: Sequence[str]) -> None:
    """The picture, its size and channels; bounded so that every layer shown still fits."""
    picture_control(values)
    for name, label in (("input_height", "input height (px)"), ("input_width", "input width (px)")):
        ranges = [_bounds(values, name, 1, layer.MAX_SIDE, suffix) for suffix in suffixes]
        low, high = max(r[0] for r in ranges), min(r[-1] for r in ranges)
        st.number_input(
            label, low, high, key=give(values, name), help=f"From {low} to {high} with this layer."
        )
    works = [
        option
        for option in range(1, layer.MAX_CHANNELS + 1)
        if all(_works({**values, "in_channels": option}, suffix) for suffix in suffixes)
    ]
    st.selectbox(
        "in_channels", works, key=give(values, "in_channels"), help="3 is red, green, blue."
    )


def _works(values: Values, suffix: str) -> bool:
    try:
        layer.layer(values, suffix)
    except SpecError:
        return False
    return True


def kernel_controls(page: str, values: Values) -> None:
    """The weights: a preset, its seed, and the way back from typed cells."""
    st.selectbox(
        "weights",
        list(PRESETS),
        format_func=lambda name: PRESETS[name].label,
        key=give(values, "kernel"),
        help="Double-click a weight on the board to change it.",
    )
    if values["kernel"] == "random":
        st.number_input("seed of the weights", 0, 9999, key=give(values, "kernel_seed"))
    _reset(page, values, "weights", "typed weights")


def edits_controls(page: str, values: Values) -> None:
    """The way back from typed input cells."""
    _reset(page, values, "pixels", "typed pixels")


def _reset(page: str, values: Values, name: str, what: str) -> None:
    if values[name]:
        st.button(f"undo {what}", on_click=change, args=(page, {name: ""}), key=f"undo_{name}")
