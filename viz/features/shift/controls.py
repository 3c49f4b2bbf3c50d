"""Widgets of the shift page: the picture, the layers, the network, and the shift."""

from __future__ import annotations

import streamlit as st

from viz.choices.layer_controls import weights_control
from viz.choices.network import TRAINED
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import picker
from viz.choices.picture import picture_control
from viz.features.shift import compute
from viz.features.shift.params import PAGE, ShiftSettings
from viz.page.widgets import widget


def layer_controls(values: ShiftSettings) -> None:
    """Draw the widgets of the picture and of the three layers."""
    picture_control(values)
    for name in ("side", "kernel_size", "stride", "blur"):
        widget(values, name)
    weights_control(values, label="weights of the convolution")
    more = st.expander("More about the layers", key="shift_more", on_change="rerun")
    if more.open:
        with more:
            widget(values, "padding_mode")
            widget(values, "relu")


def network_controls(values: ShiftSettings, analysis: Analysis | None) -> None:
    """Draw the widgets of the network, the compared layer and the picture.

    Args:
        values: Settings of the page.
        analysis: Analysis of the network; None if it cannot be built.
    """
    picker(PAGE, values)
    if analysis is not None:
        layers = {"": "the last one with units side by side", **compute.comparable_layers(analysis)}
        widget(values, "layer", options=layers)
    picture_control(values)
    widget(values, "blur")
    widget(values, "wrap")
    if values.network != TRAINED:
        widget(values, "draw_seed")


def shift_controls(values: ShiftSettings, most: int) -> None:
    """Draw the widgets of the shift, at most ``most`` pixels, and of its direction."""
    with st.container(horizontal=True, vertical_alignment="center"):
        widget(values, "shift", high=most)
        widget(values, "direction", width="content")
