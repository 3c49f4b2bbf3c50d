"""Architectures: how published networks shrink their input, measured on one photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import streamlit as st

from core.blocks import COMPARISONS
from viz.choices import network
from viz.features.architectures import export
from viz.features.blocks import compute, params, tables
from viz.features.blocks.controls import picture
from viz.features.blocks.params import (
    ARCHITECTURES,
    VIEWS,
    ArchitectureSettings,
    Block,
)
from viz.features.blocks.tabs import known, measured
from viz.page import frame, progress
from viz.page.save_menu import save_menu
from viz.page.session import PageState
from viz.page.widgets import widget

if TYPE_CHECKING:
    from core.blocks.stages import Stage
    from viz.features.blocks.compute import BlockProbe

SLOT = "architectures"


def _save(
    name: str, page: PageState[ArchitectureSettings], probes: Mapping[Block, BlockProbe]
) -> None:
    pictures = export.of_view(name, page.values, probes)
    save_menu(ARCHITECTURES, pictures, export.settings(name, page.values))


def _blocks(name: str, page: PageState[ArchitectureSettings]) -> dict[Block, BlockProbe]:
    """Published blocks on one input: facts, then what is measured as it comes in."""
    comparison = COMPARISONS[name]
    found = known(params.of_comparison(comparison, page.values))
    channels, height, width = comparison.input_size
    st.markdown(f"{comparison.sentence} Input {channels}×{height}×{width}, one image.")
    st.markdown(tables.verdict(found.titles, found.facts))
    return measured(SLOT, found)


def _stages(page: PageState[ArchitectureSettings]) -> None:
    widget(page.values, "network")
    name = page.values.network
    found = compute.stage_table(name)
    size = "×".join(map(str, network.published(name).input_size))
    halvings = sum(before.grid > after.grid for before, after in pairwise(found))
    st.markdown(
        f"#### {network.title(name)} on {size}: the size falls {halvings} times\n"
        "A stage is all that runs on maps of one size. Norms and activations are counted with the "
        "layer before them."
    )
    _published(name, found)
    st.dataframe(
        tables.stage_columns(found),
        hide_index=True,
        column_config={
            "parameters": st.column_config.NumberColumn(format="localized"),
            "MACs (million)": st.column_config.NumberColumn(format="%.1f"),
            "outputs (MB)": st.column_config.NumberColumn(format="%.2f"),
        },
        key="stages",
    )


def _published(name: str, found: Sequence[Stage]) -> None:
    """The sums beside what the authors or their code say."""
    from core.networks.zoo import entry  # brings torch: not before the page stands

    row = entry(name)
    parameters = sum(stage.cost.parameters for stage in found)
    macs = sum(stage.cost.macs for stage in found)
    same = " ✓" if parameters == row.parameters else ""
    said = f"**{parameters:,}** parameters; published: {row.parameters:,}{same}. "
    said += f"**{macs / 1e9:.3f}** billion multiply–accumulates"
    st.markdown(said + (f"; published: {row.gmacs:g}." if row.gmacs else "."))


def page() -> None:
    """The picture at the side, and the open view."""
    with frame.page_state(ARCHITECTURES, ArchitectureSettings) as state:
        state.update_widgets()
        state.show_warnings()
        with st.sidebar:
            picture(state.values)
        menu = frame.heading("How published networks shrink their input")
        name, place = frame.open_tab(state.values, VIEWS, "view")
        probes: dict[Block, BlockProbe] = {}
        with place:
            if name == "stages":
                progress.withdraw(SLOT)
                _stages(state)
            else:
                probes = _blocks(name, state)
        with menu:
            _save(name, state, probes)


page()
