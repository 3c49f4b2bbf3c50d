"""The page on effective receptive fields: how much each pixel moves a unit, by backpropagation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from viz.choices import network, network_analysis
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import offer_training, picker
from viz.features.erf import compute
from viz.features.erf.controls import map_controls, measurement_controls
from viz.features.erf.map import erf_map, status_line
from viz.features.erf.params import PAGE, TABS, ErfSettings, Request
from viz.features.erf.tabs import DRAW, draw_save_menu
from viz.page import frame, progress
from viz.page.session import PageState
from viz.pages import title_of
from viz.server.queue import View

OWN_COMPUTATIONS = {"compare", "studies"}
"""Tabs with computations of their own, by name; their slots of `viz.page.progress` are equal."""


def _request(analysis: Analysis, state: PageState[ErfSettings]) -> Request:
    """The measurement that the settings describe; replaces a layer or unit that does not exist.

    Raises:
        SpecError: No layer has an output with a height and a width.
    """
    state.values, request, clauses = compute.fitted_settings_and_request(analysis, state.values)
    if state.from_link:
        state.report_ignored(*clauses)
    return request


def _heading(analysis: Analysis, request: Request) -> DeltaGenerator:
    """Draw the title, which names the unit, and a sentence on both kinds of receptive field.

    Returns:
        The container for the menu of slides.
    """
    line = analysis.line(request.layer)
    assert line is not None
    row, col = request.unit
    most = "at most " if line.field.bound else ""
    size = f"{most}{'×'.join(f'{n:g}' for n in line.field.size)}"
    return frame.heading(
        f"{analysis.network.title}: what unit ({row}, {col}) of `{line.label}` really uses",
        f"Its windows cover {size} pixels, the *theoretical* receptive field. How much each of "
        "them can move the unit is its gradient, averaged over draws: the *effective* one.",
    )


def _refuse(error: SpecError, most: int, values: ErfSettings) -> None:
    """Draw why there is no map, with buttons to settings that work, and an offer of training.

    Args:
        error: the reason.
        most: largest number of draws that can be computed in time; 0 for none.
        values: of the page.
    """
    plain = ErfSettings.defaults() | {"input_height": 64, "input_width": 64}
    nearer = None
    if error.parameter == "draws" and most:
        nearer = "Take 1 draw" if most == 1 else f"Take {most} draws", {"draws": most}
    frame.draw_refusal(PAGE, error, "Back to the first map", plain, nearer)
    offer_training(error, values)


def page() -> None:
    """Draw the settings in the sidebar, the map while it is measured, and the open tab."""
    with frame.page_state(PAGE, ErfSettings) as state:
        state.values = network.with_suitable_input(state.values)
        notes, place = st.container(), st.container()
        analysis: Analysis | None = None
        request: Request | None = None
        refusal, most = None, 0
        try:
            analysis = network_analysis.analysis(network.network(state.values))
            request = _request(analysis, state)
            most = compute.most_draws(request, analysis)
            compute.check_request(request, analysis)
        except SpecError as error:
            refusal = error
        values = state.values
        state.update_widgets()
        with notes:
            state.show_warnings()
        with st.sidebar:
            picker(PAGE, values)
            measurement_controls(values, analysis)
        with place:
            if refusal:
                progress.withdraw_requests("erf", *OWN_COMPUTATIONS)
                frame.heading(title_of(PAGE), "")
                _refuse(refusal, most, values)
            elif analysis and request:
                _results(request, state, analysis)


def _results(request: Request, state: PageState[ErfSettings], analysis: Analysis) -> None:
    """Start or follow the measurement; draw the heading and the open tab."""
    menu = _heading(analysis, request)
    name, place = frame.open_tab(state.values, TABS)
    progress.withdraw_requests(*OWN_COMPUTATIONS - {name})
    expected = compute.expected(request)

    def draw(views: Mapping[Hashable, View]) -> None:
        status_line(request, views[request])
        if name == "map":
            erf_map(request, views[request], expected, state.values)

    with place:
        if name == "map":
            map_controls(state.values, analysis, request.layer)
        view = progress.request_and_draw("erf", {request: compute.work(request)}, draw)[request]
        erf = view.partial if view.error == progress.STOPPED else view.result
        more = DRAW[name](request, erf, expected, state) if name in DRAW else None
    with menu:
        draw_save_menu(request, erf, expected, state.values, more or [])


page()
