"""Widgets of the gradient page: the layers shown, their input and weights, what arrives."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from viz.choices import layer_controls
from viz.choices.layer import Values
from viz.choices.picture import picture_control
from viz.choices.unit import UNITS
from viz.features.gradients.params import (
    ACTIVATION_LABELS,
    COMPARED,
    DEPTHS,
    DOWNSAMPLING_LABELS,
    DRAWS,
    KIND_LABELS,
    LAYERS,
    MAX_SHOWN,
    MAX_SIDE,
    MIN_SIDE,
    OWN,
    PAGE,
    WEIGHT_LABELS,
    Shown,
    with_board,
)
from viz.page import words
from viz.page.session import change, give


def layer_name(name: str) -> str:
    """An option of the choice of layers."""
    return "your own layer…" if name == OWN else words.title(LAYERS[name])


def sidebar(values: Values) -> None:
    """Which layers, on which input, with which weights."""
    st.multiselect(
        "layers, side by side",
        [*LAYERS, OWN],
        format_func=layer_name,
        max_selections=MAX_SHOWN,
        key=give(values, "shown"),
    )
    if OWN in values["shown"]:
        with st.expander("Your own layer", expanded=True):
            layer_controls.layer_controls(PAGE, with_board(dict(values)))
    picture_control(values)
    for column, axis in zip(st.columns(2), ("height", "width"), strict=True):
        column.number_input(
            f"input {axis} (px)",
            MIN_SIDE,
            MAX_SIDE,
            key=give(values, f"input_{axis}"),
            help=f"From {MIN_SIDE} to {MAX_SIDE}; numbers stand in the cells up to 16.",
        )
    weights = st.expander("Kernel values", key="gradients_kernel", on_change="rerun")
    if weights.open:
        with weights:
            layer_controls.kernel_controls(PAGE, values)


def arriving_controls(values: Values, shown: list[Shown]) -> None:
    """The gradient that arrives at every layer's output."""
    kind, unit, other = st.columns([2.2, 1.2, 1], vertical_alignment="bottom")
    kind.radio(
        "gradient that arrives at the output",
        list(KIND_LABELS),
        format_func=KIND_LABELS.__getitem__,
        horizontal=True,
        key=give(values, "arriving"),
    )
    if values["arriving"] == "random":
        unit.number_input("seed of the draw", 0, 9999, key=give(values, "arriving_seed"))
    if values["arriving"] != "unit":
        return
    rows, cols = (max(each.grid[axis] for each in shown) for axis in (0, 1))
    units = [*UNITS, *(f"{r}.{c}" for r in range(min(rows, 40)) for c in range(min(cols, 40)))]
    if values["unit"] not in units:
        units.append(values["unit"])
    unit.selectbox(
        "output unit (row, column)",
        units,
        format_func=_unit_label,
        key=give(values, "unit"),
        help="Or click a unit in a lower grid. Layers with fewer units take their nearest.",
    )
    filters = max(each.filters for each in shown)
    if filters > 1:
        other.selectbox("filter of the unit", range(filters), key=give(values, "unit_filter"))


def _unit_label(name: str) -> str:
    return UNITS.get(name) or "({})".format(name.replace(".", ", "))


def on_click(key: str) -> None:
    """Callback of a panel: the unit that was clicked is the chosen one."""
    told: Any = st.session_state.get(key)
    try:
        point = told["selection"]["points"][0]
        row, col = int(point["y"]), int(point["x"])
    except (KeyError, IndexError, TypeError, ValueError):
        return  # the click took the choice back
    change(PAGE, {"unit": f"{row}.{col}", "arriving": "unit"})


def clicked(key: str) -> partial[None]:
    """`on_click` of one panel."""
    return partial(on_click, key)


def flow_controls(values: Values) -> None:
    """What is compared in depth, and what all networks have in common."""
    first = st.columns(4, vertical_alignment="bottom")
    first[0].selectbox(
        "compare",
        list(COMPARED),
        format_func=lambda name: COMPARED[name][0],
        key=give(values, "compare"),
    )
    with first[1]:
        st.select_slider("depth (layers)", DEPTHS, key=give(values, "depth"))
    with first[2]:
        st.slider("levels — halvings", 0, 4, key=give(values, "levels"))
    with first[3]:
        st.select_slider("draws (seeds)", DRAWS, key=give(values, "draws"))
    others: dict[str, dict[str, str]] = {
        "downsampling": DOWNSAMPLING_LABELS,
        "activation": ACTIVATION_LABELS,
        "weights": WEIGHT_LABELS,
    }
    second = iter(st.columns(5, vertical_alignment="bottom"))
    for name, labels in others.items():
        if values["compare"] != name:
            next(second).selectbox(
                COMPARED[name][0],
                list(labels),
                format_func=labels.__getitem__,
                key=give(values, f"flow_{name}"),
            )
    for name in ("batch_norm", "skips"):
        if values["compare"] != name:
            next(second).toggle(COMPARED[name][0], key=give(values, f"flow_{name}"))
    next(second).number_input("first seed", 0, 9999, key=give(values, "flow_seed"))
