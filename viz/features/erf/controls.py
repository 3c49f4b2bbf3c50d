"""Widgets for the settings with which an effective receptive field is measured."""

from __future__ import annotations

import streamlit as st

from viz.choices import network_analysis, unit
from viz.choices.network import TRAINED
from viz.choices.network_analysis import Analysis
from viz.choices.picture import picture_control
from viz.choices.unit import unit_position
from viz.components.cone.cone import cone
from viz.features.erf.params import PAGE, WEIGHTS, ErfSettings
from viz.page.session import bind_widget, change_settings
from viz.page.widgets import widget


def measurement_controls(values: ErfSettings, analysis: Analysis | None) -> None:
    """Draw all settings but the network; those of layer and unit only with an analysis."""
    if analysis is not None:
        _layer_and_unit_controls(values, analysis)
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


def _layer_and_unit_controls(values: ErfSettings, analysis: Analysis) -> None:
    """Draw the choice of the layer and of its unit."""
    labels = {line.node.name: line.label for line in analysis.lines if line.node.kind != "input"}
    chosen = values.layer if values.layer in labels else analysis.deepest.node.name
    st.selectbox(
        "layer",
        list(labels),
        format_func=lambda name: labels.get(name, name),
        key=bind_widget("erf_layer", chosen, values.layer, analysis.network),
        on_change=_on_layer,
    )
    unit.unit_control(values)


def _on_layer() -> None:
    """Callback of a chosen layer, which selects the middle unit of its map."""
    change_settings(PAGE, {"layer": st.session_state["erf_layer"], "unit": "centre"})


def map_controls(values: ErfSettings, analysis: Analysis, layer: str) -> None:
    """Draw the switches of the map's appearance, and the choice of its unit.

    They are outside the fragment that is drawn again during the measurement.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        widget(values, "log")
        widget(values, "over")
    expander = st.expander("Choose the unit on the map", key="erf_cone", on_change="rerun")
    if not expander.open:
        return
    row, col = unit_position(values.unit, analysis.fields[layer].grid)
    with expander:
        cone(
            network_analysis.cone_network(analysis.network),
            {"layer": layer, "unit": (row, col), "axis": 1, "down": False, "zoom": False,
             "grid": None},
            title=analysis.network.title,
            picture=network_analysis.picture_data_url(values.picture, analysis.network.input_size[1:]),
            identity=f"{analysis.network}",
            token=f"{layer} {row} {col}",
            key="unit_cone",
            on_view=_on_unit,
        )  # fmt: skip


def _on_unit() -> None:
    """Callback of a click on the cone."""
    view = unit.cone_view_values(st.session_state["unit_cone"].view)
    if view:
        change_settings(PAGE, {"layer": view["layer"], "unit": view["unit"]})
