"""Widgets of the recipe: how an effective receptive field is computed."""

from __future__ import annotations

import streamlit as st

from viz.choices import network_analysis, unit
from viz.choices.network import TRAINED
from viz.choices.network_analysis import Analysis
from viz.choices.picture import picture_control
from viz.choices.unit import unit_of
from viz.components.cone.cone import cone
from viz.features.erf.params import PAGE, WEIGHTS, ErfSettings
from viz.page.session import bind_widget, change
from viz.page.widgets import widget


def recipe(values: ErfSettings, found: Analysis | None) -> None:
    """All settings but the network."""
    if found is not None:
        _where(values, found)
    widget(values, "draws")
    as_is = {"as_is": "as they were trained"} if values.network == TRAINED else {}
    widget(values, "weights", options=WEIGHTS | as_is)
    widget(values, "inputs")
    if values.inputs == "picture" or values.over:
        picture_control(values)
    widget(values, "aggregate")
    more = st.expander("Change the network", key="erf_more", on_change="rerun")
    if more.open:
        with more:
            for name in ("activation", "pooling", "skips", "bf16", "draw_seed"):
                widget(values, name)


def _where(values: ErfSettings, found: Analysis) -> None:
    """The layer and its unit."""
    labels = {line.node.name: line.label for line in found.lines if line.node.kind != "input"}
    chosen = values.layer if values.layer in labels else found.deepest.node.name
    st.selectbox(
        "layer",
        list(labels),
        format_func=lambda name: labels.get(name, name),
        key=bind_widget("erf_layer", chosen, values.layer, found.network),
        on_change=_on_layer,
    )
    unit.unit_control(values)


def _on_layer() -> None:
    change(PAGE, {"layer": st.session_state["erf_layer"], "unit": "centre"})


def unit_picker(values: ErfSettings, found: Analysis, layer: str, grid: tuple[int, int]) -> None:
    """The cone as a map to click on."""
    place = st.expander("Choose the unit on the map", key="erf_cone", on_change="rerun")
    if not place.open:
        return
    row, col = unit_of(values.unit, grid)
    with place:
        cone(
            network_analysis.cone_lines(found.network),
            {"layer": layer, "unit": (row, col), "axis": 1, "down": False, "zoom": False,
             "grid": True},
            title=found.network.title,
            picture=network_analysis.picture(values.picture, found.network.input_size[1:]),
            identity=f"{found.network}",
            token=f"{layer} {row} {col}",
            key="unit_cone",
            on_view=_on_unit,
        )  # fmt: skip


def _on_unit() -> None:
    view = unit.view_values(st.session_state["unit_cone"].view)
    if view:
        change(PAGE, {"layer": view["layer"], "unit": view["unit"]})
