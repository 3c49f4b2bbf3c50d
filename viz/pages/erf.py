"""Effective receptive fields: which pixels really move a unit, by backpropagation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import streamlit as st

from core.errors import SpecError
from viz import compute, compute_erf, compute_networks, erf_state, network_state, waiting
from viz.compute_networks import Analysis
from viz.erf_controls import recipe, unit_picker
from viz.erf_map import erf_map
from viz.erf_state import PAGE, PARAMS, TABS, Request
from viz.erf_tabs import DRAW
from viz.jobs import View
from viz.network_picker import picker
from viz.url import MAX_TEXT, PageState, change, give


def _notes(page: PageState) -> None:
    if page.ignored:
        st.warning("Part of the link was ignored: " + "; ".join(page.ignored) + ".")
    if len(page.values["layers"]) > MAX_TEXT:
        st.info("This network is too long for a link: the address opens this page without it.")


def _found(values: dict[str, Any]) -> tuple[Analysis, Request]:
    """The network, and what is asked of it. Raises SpecError where that cannot be."""
    found = compute_networks.analysis(network_state.network(values))
    line = found.line(values["layer"])
    if line is None or line.node.kind == "input":
        values["layer"], line = "", found.deepest
    asked = erf_state.request(values, line.node.name, line.node.grid)
    compute_erf.network(asked, "meta")
    compute_erf.check(asked, sum(cost.macs for cost in found.costs.values()))
    return found, asked


def _heading(found: Analysis, asked: Request) -> None:
    line = found.line(asked.layer)
    assert line is not None
    row, col = asked.unit
    size = "×".join(f"{n:g}" for n in line.field.size)
    st.markdown(
        f"#### {found.network.title}: what unit ({row}, {col}) of `{line.label}` really uses\n"
        f"Its windows cover {size} pixels, the *theoretical* receptive field. How much each of "
        "them can move the unit is its gradient, averaged over draws: the *effective* one."
    )


def _refused(error: SpecError) -> None:
    sentence = str(error)
    st.warning(f"{sentence[:1].upper()}{sentence[1:]}.")
    defaults = {param.name: param.default for param in PARAMS} | {
        "input_height": 64,
        "input_width": 64,
    }
    st.button("Back to the first map", on_click=change, args=(PAGE, defaults))


def page() -> None:
    """Adopt the URL, draw the recipe, ask the queue, draw what is there, publish the URL."""
    if not compute.is_warm():
        with st.skeleton(height=460):
            compute.warm()
    page_state = PageState(PAGE, PARAMS)
    values = page_state.values
    network_state.settle(values)
    page_state.place()
    notes, place = st.container(), st.container()
    with notes:
        _notes(page_state)
    found, asked = None, None
    try:
        found, asked = _found(values)
    except SpecError as error:
        with place:
            _refused(error)
    with st.sidebar:
        picker(PAGE, values)
        recipe(values, found)
    if found is not None and asked is not None:
        with place:
            _heading(found, asked)
            _display(values)
            unit_picker(values, found, asked.layer, found.fields[asked.layer].grid)
            _results(asked, page_state)
    page_state.publish()


def _display(values: dict[str, Any]) -> None:
    """How the map is shown; outside of what is drawn anew while it is computed."""
    with st.container(horizontal=True):
        st.toggle(
            "logarithmic colours",
            key=give(values, "log"),
            help="For the eye only: all numbers are of the map itself.",
        )
        st.toggle("over the picture", key=give(values, "over"))


def _results(asked: Request, page: PageState) -> None:
    expected = compute_erf.expected(asked)

    def draw(views: Mapping[Hashable, View]) -> None:
        erf_map(asked, views[asked], expected, page.values)

    waiting.show("erf", {asked: compute_erf.work(asked)}, draw)
    view = st.session_state["seen"]["erf"].get(asked)
    erf = view.result if view else None
    tabs = st.tabs(list(TABS.values()), key=give(page.values, "tab"), on_change="rerun")
    for tab, (name, label) in zip(tabs, TABS.items(), strict=True):
        if page.values["tab"] == label:
            with tab:
                DRAW[name](erf, expected, page)


page()
