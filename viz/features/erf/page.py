"""Effective receptive fields: which pixels really move a unit, by backpropagation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from viz.choices import network, network_analysis
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import offer_training, picker
from viz.features.erf import compute
from viz.features.erf.controls import recipe, unit_picker
from viz.features.erf.map import erf_map
from viz.features.erf.params import PAGE, TABS, ErfSettings, Request
from viz.features.erf.tabs import DRAW, save
from viz.page import frame, progress
from viz.page.session import PageState
from viz.page.widgets import widget
from viz.server.queue import View

BELOW = {"compare", "studies"}
"""Tabs that have something computed; their places in the queue have the same names."""


def _request(found: Analysis, state: PageState[ErfSettings]) -> Request:
    """What is computed of the network. Raises SpecError where that cannot be."""
    state.values, request, clauses = compute.request_of(found, state.values)
    if state.from_link:
        state.ignore(*clauses)
    return request


def _heading(found: Analysis, request: Request) -> None:
    line = found.line(request.layer)
    assert line is not None
    row, col = request.unit
    most = "at most " if line.field.bound else ""
    size = f"{most}{'×'.join(f'{n:g}' for n in line.field.size)}"
    st.markdown(
        f"#### {found.network.title}: what unit ({row}, {col}) of `{line.label}` really uses\n"
        f"Its windows cover {size} pixels, the *theoretical* receptive field. How much each of "
        "them can move the unit is its gradient, averaged over draws: the *effective* one."
    )


def _refuse(error: SpecError, most: int, values: ErfSettings) -> None:
    """Why there is no map, and what would do."""
    plain = ErfSettings.defaults() | {"input_height": 64, "input_width": 64}
    nearer = None
    if error.parameter == "draws" and most:
        nearer = "Take 1 draw" if most == 1 else f"Take {most} draws", {"draws": most}
    frame.refuse(PAGE, error, "Back to the first map", plain, nearer)
    offer_training(error, values)


def page() -> None:
    """The recipe at the side, the map as it is computed, and the open tab."""
    with frame.page_state(PAGE, ErfSettings) as state:
        state.values = network.settle(state.values)
        notes, place = st.container(), st.container()
        found: Analysis | None = None
        request: Request | None = None
        refusal, most = None, 0
        try:
            found = network_analysis.analysis(network.network(state.values))
            request = _request(found, state)
            most = compute.most_draws(request, found)
            compute.check(request, found)
        except SpecError as error:
            refusal = error
        values = state.values
        state.update_widgets()
        with notes:
            state.show_warnings()
        with st.sidebar:
            picker(PAGE, values)
            recipe(values, found)
        with place:
            if refusal:
                progress.withdraw("erf", *BELOW)
                _refuse(refusal, most, values)
            elif found and request:
                _heading(found, request)
                menu = _display(values)
                unit_picker(values, found, request.layer, found.fields[request.layer].grid)
                _results(request, state, menu)


def _display(values: ErfSettings) -> DeltaGenerator:
    """How the map is shown; outside of what is drawn anew while it is computed. Returns where
    the menu for slides goes."""
    with st.container(horizontal=True, vertical_alignment="center"):
        widget(values, "log")
        widget(values, "over")
        return st.container(width="content")


def _results(request: Request, state: PageState[ErfSettings], menu: DeltaGenerator) -> None:
    expected = compute.expected(request)

    def draw(views: Mapping[Hashable, View]) -> None:
        erf_map(request, views[request], expected, state.values)

    view = progress.show("erf", {request: compute.work(request)}, draw)[request]
    erf = view.partial if view.error == progress.STOPPED else view.result
    name, place = frame.open_tab(state.values, TABS)
    progress.withdraw(*BELOW - {name})
    with place:
        more = DRAW[name](request, erf, expected, state)
    with menu:
        save(request, erf, expected, state.values, more or [])


page()
