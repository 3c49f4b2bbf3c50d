"""Widgets of the size page: the size of the input, and the layer."""

from __future__ import annotations

import streamlit as st

from viz.choices.layer_controls import layer_controls
from viz.features.sizes.params import PAGE, SizesSettings, board_settings
from viz.page.widgets import widget


def sidebar(values: SizesSettings) -> None:
    """Draw the widgets of the input's size and of the layer."""
    for column, axis in zip(st.columns(2), ("height", "width"), strict=True):
        widget(values, f"input_{axis}", column)
    layer_controls(PAGE, board_settings(values), limit=None, all_open=True)
