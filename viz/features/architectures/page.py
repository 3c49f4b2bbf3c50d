"""The architectures page: how published networks downsample, measured on one photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import streamlit as st

from core.blocks import COMPARISONS
from viz.choices import network
from viz.features.architectures import export
from viz.features.blocks import compute, params, tables
from viz.features.blocks.controls import picture_and_seed_controls
from viz.features.blocks.params import (
    ARCHITECTURES,
    VIEWS,
    ArchitectureSettings,
    Block,
)
from viz.features.blocks.tabs import check_blocks, draw_measurements
from viz.page import frame, progress
from viz.page.save_menu import save_menu
from viz.page.session import PageState
from viz.page.tables import column_table
from viz.page.widgets import widget

if TYPE_CHECKING:
    from core.blocks.stages import Stage
    from viz.features.blocks.compute import BlockProbe

SENTENCE = (
    "Parts that published networks downsample with, measured on one photograph: open a tab, and "
    "choose the picture at the side."
)
"""The sentence below the title, true on every tab."""
SLOT = "architectures"
"""Slot of `viz.page.progress` for the experiments."""


def _save_menu(
    name: str, page: PageState[ArchitectureSettings], probes: Mapping[Block, BlockProbe]
) -> None:
    """Draw the menu of the view's pictures as files."""
    pictures = export.view_pictures(name, page.values, probes)
    save_menu(ARCHITECTURES, pictures, export.settings_text(name, page.values))


def _blocks_view(name: str, page: PageState[ArchitectureSettings]) -> dict[Block, BlockProbe]:
    """Draw published blocks on one input: a sentence, then facts and measurements in a table.

    Returns:
        The finished experiments by block.
    """
    comparison = COMPARISONS[name]
    checked = check_blocks(params.blocks_of_comparison(comparison, page.values))
    channels, height, width = comparison.input_size
    st.markdown(f"{comparison.sentence} Input {channels}×{height}×{width}, one image.")
    st.markdown(tables.comparison_sentence(checked.titles, checked.facts))
    return draw_measurements(SLOT, checked)


def _stages_view(page: PageState[ArchitectureSettings]) -> None:
    """Draw the choice of a network, and the table of its stages."""
    widget(page.values, "network")
    name = page.values.network
    stages = compute.stage_table(name)
    size = "×".join(map(str, network.published_network(name).input_size))
    reductions = sum(before.grid > after.grid for before, after in pairwise(stages))
    st.header(
        f"{network.network_title(name)} on {size}: the size falls {reductions} times", anchor=False
    )
    st.markdown(
        "A stage is all that runs on maps of one size. Norms and activations are counted with the "
        "layer before them."
    )
    _draw_totals(name, stages)
    st.html(column_table("Stages", tables.stage_columns(stages)))


def _draw_totals(name: str, stages: Sequence[Stage]) -> None:
    """Draw a sentence with the network's parameters and costs beside the published numbers."""
    from core.networks.zoo import entry  # imports torch, which is slow: not with the page

    row = entry(name)
    parameters = sum(stage.cost.parameters for stage in stages)
    macs = sum(stage.cost.macs for stage in stages)
    same = " :material/check:" if parameters == row.parameters else ""
    text = f"**{parameters:,}** parameters; published: {row.parameters:,}{same}. "
    text += f"**{macs / 1e9:.3f}** billion multiply–accumulates"
    st.markdown(text + (f"; published: {row.gmacs:g}." if row.gmacs else "."))


def page() -> None:
    """Draw the picture and the seed in the sidebar, and the open view."""
    with frame.page_state(ARCHITECTURES, ArchitectureSettings) as state:
        state.update_widgets()
        state.show_warnings()
        # Before the widgets: another page's title and tabs are seen at once.
        menu = frame.heading("How published networks shrink their input", SENTENCE)
        name, place = frame.open_tab(state.values, VIEWS, "view")
        with st.sidebar:
            picture_and_seed_controls(state.values)
        probes: dict[Block, BlockProbe] = {}
        with place:
            if name == "stages":
                progress.withdraw_requests(SLOT)
                _stages_view(state)
            else:
                probes = _blocks_view(name, state)
        with menu:
            _save_menu(name, state, probes)


page()
