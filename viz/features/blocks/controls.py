"""Widgets of the pages that compare blocks."""

from __future__ import annotations

import streamlit as st

from core.blocks import COMPARISONS
from viz.choices.network_picker import GRAMMAR
from viz.choices.picture import picture_control
from viz.features.blocks.params import (
    OWN,
    PAGE,
    SLOTS,
    BlockSettings,
    ProbeSettings,
    comparison,
    own_block_values,
    sizes_by_parameter,
)
from viz.page.session import change_settings
from viz.page.widgets import widget


def controls(values: BlockSettings) -> None:
    """Draw all settings of the blocks page."""
    widget(values, "compare", on_change=_on_compare)
    if values.compare == OWN:
        for slot in SLOTS:
            widget(values, slot, help=GRAMMAR)
    else:
        st.button(
            "Change these blocks",
            icon=":material/edit:",
            on_click=change_settings,
            args=(PAGE, {"compare": OWN, **own_block_values(comparison(values))}),
        )
    for names in (("input_height", "input_width"), ("in_channels", "batch")):
        for column, name in zip(st.columns(2, vertical_alignment="bottom"), names, strict=True):
            widget(values, name, column, low=1)
    picture_and_seed_controls(values)


def picture_and_seed_controls(values: ProbeSettings) -> None:
    """Draw the choice of the input picture, and the seed of the weights."""
    picture_control(values)
    widget(values, "block_seed")


def _on_compare() -> None:
    """Callback that takes the new comparison's input size; own blocks keep the previous one."""
    name = st.session_state["compare"]
    if name in COMPARISONS:
        change_settings(PAGE, sizes_by_parameter(COMPARISONS[name]))
