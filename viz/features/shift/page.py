"""The shift page: how the output of a downsampling layer follows a shift of its input."""

from __future__ import annotations

import streamlit as st

from core.errors import SpecError
from viz.choices import network, network_analysis
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import offer_training
from viz.features.shift import compute, params
from viz.features.shift import tabs as shift_tabs
from viz.features.shift.controls import layer_controls, network_controls
from viz.features.shift.params import PAGE, TABS, ShiftSettings
from viz.features.shift.tabs import SLOT
from viz.page import frame, progress
from viz.page.session import PageState
from viz.slides.style import Picture

DRAW = {
    "layers": shift_tabs.layers_tab,
    "curve": shift_tabs.curve_tab,
    "spectra": shift_tabs.spectra_tab,
}
"""Function of each tab that needs no network, by its name in the URL."""
SENTENCE = (
    "A layer with a stride samples its input, so a small shift can change its output: move the "
    "slider, and compare the layers."
)
"""The sentence below the title, true on every tab."""
WHY = (
    "A layer with stride $s$ computes $y_i = g(x)_{s i}$: of the map $g(x)$ that it would have at "
    "stride 1 it keeps every $s$-th value. $g(x)$ moves with the picture, whatever $g$ is; the "
    "positions where it is sampled do not. For a picture shifted by $d$ pixels the layer computes "
    "$g(x)_{s i - d}$. If $d$ is a multiple of $s$, these are the old values, shifted by $d / s$ "
    "units. Otherwise they are other values of $g(x)$, and the old ones determine them only if "
    "$g(x)$ is smooth: it has no frequency above $1/(2s)$ cycles a pixel. A blur before "
    "downsampling makes it smoother "
    "(Zhang, *Making Convolutional Networks Shift-Invariant Again*, 2019). The moved output "
    "between whole pixels is interpolated by Fourier series, which is exact for such maps."
)


def _analysis_or_error(values: ShiftSettings) -> tuple[Analysis | None, SpecError | None]:
    """The analysis of the chosen network, or the error with which it is refused."""
    try:
        return network_analysis.analysis(network.network(values)), None
    except SpecError as error:
        return None, error


def page() -> None:
    """Draw the whole page."""
    with frame.page_state(PAGE, ShiftSettings) as state:
        state.values = params.with_limited_shift(state.values)
        network_open = state.values.tab == TABS["network"]
        analysis = refusal = None
        if network_open:
            state.values = network.with_suitable_input(state.values)
            analysis, refusal = _analysis_or_error(state.values)
        if analysis:
            state.values, clauses = compute.fit_layer(analysis, state.values)
            if state.from_link:
                state.report_ignored(*clauses)
        values = state.values
        state.update_widgets()
        state.show_warnings()
        # Before the widgets: another page's title and tabs are seen at once.
        menu = frame.heading(
            "Shift and aliasing: does the output move when the picture does?", SENTENCE
        )
        name, place = frame.open_tab(values, TABS)
        with st.sidebar:
            network_controls(values, analysis) if network_open else layer_controls(values)
        if not network_open:
            progress.withdraw_requests(SLOT)
        with place:
            pictures = _draw_tab(name, state, analysis, refusal)
        with menu:
            shift_tabs.draw_save_menu(pictures, state.values)
        with st.expander("Why"):
            st.markdown(WHY)


def _draw_tab(
    name: str,
    state: PageState[ShiftSettings],
    analysis: Analysis | None,
    refusal: SpecError | None,
) -> list[Picture]:
    """Draw the open tab, or why it cannot be drawn; returns its pictures for slides."""
    values = state.values
    try:
        if refusal:
            raise refusal
        if analysis:
            return shift_tabs.network_tab(state, compute.requests_of(analysis, values))
        return DRAW[name](values)
    except SpecError as error:
        progress.withdraw_requests(SLOT)
        frame.draw_refusal(PAGE, error, "Back to the first picture", ShiftSettings.defaults("tab"))
        offer_training(error, values)
        return []


page()
