"""Widgets of the gradient page: the layers, their input and weights, and the upstream gradient."""

from __future__ import annotations

from typing import Any

import streamlit as st

from viz.choices import layer_controls
from viz.choices.picture import picture_control
from viz.choices.unit import unit_control
from viz.features.gradients.params import (
    COMPARED,
    MAX_LAYERS,
    OWN,
    PAGE,
    GradientSettings,
    PageLayer,
    board_settings,
)
from viz.page.session import change_settings
from viz.page.widgets import widget


def sidebar(values: GradientSettings) -> None:
    """Draw the widgets of the layers, their input and their weights."""
    widget(values, "shown", max_selections=MAX_LAYERS)
    if OWN in values.shown:
        with st.expander("Your own layer", expanded=True):
            layer_controls.layer_controls(PAGE, board_settings(values))
    picture_control(values)
    for column, axis in zip(st.columns(2), ("height", "width"), strict=True):
        widget(values, f"input_{axis}", column)
    weights = st.expander("Kernel values", key="gradients_kernel", on_change="rerun")
    if weights.open:
        with weights:
            layer_controls.kernel_controls(PAGE, values)


def upstream_controls(values: GradientSettings, layers: list[PageLayer]) -> None:
    """Draw the widgets of the upstream gradient at every layer's output."""
    kind, unit, other = st.columns([2.2, 1.2, 1], vertical_alignment="bottom")
    widget(values, "arriving", kind)
    if values.arriving == "random":
        widget(values, "arriving_seed", unit)
    if values.arriving != "unit":
        return
    rows, cols = (max(each.grid[axis] for each in layers) for axis in (0, 1))
    unit_control(values, (min(rows, 40), min(cols, 40)), unit)
    filters = max(each.filters for each in layers)
    if filters > 1:
        widget(values, "unit_filter", other, options=range(filters))


def on_click(key: str) -> None:
    """Callback of a panel: the clicked output unit becomes the one with an upstream gradient."""
    event: Any = st.session_state.get(key)
    try:
        point = event["selection"]["points"][0]
        row, col = int(point["y"]), int(point["x"])
    except (KeyError, IndexError, TypeError, ValueError):
        return  # a second click has deselected the unit
    change_settings(PAGE, {"unit": f"{row}.{col}", "arriving": "unit"})


def flow_controls(values: GradientSettings) -> None:
    """Draw the widgets of the deep networks: what is compared, and what they have in common."""
    others = [f"flow_{name}" for name in COMPARED if name != values.compare]
    for names in (["compare", "depth", "levels", "draws"], [*others, "flow_seed"]):
        columns = st.columns(len(names), vertical_alignment="bottom")
        for column, name in zip(columns, names, strict=True):
            widget(values, name, column)
