"""Shift and aliasing: what a layer that downsamples makes of a picture that moves."""

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
"""One function a tab that needs no network."""
WHY = (
    "A layer with stride $s$ computes $y_i = g(x)_{s i}$: of the map $g(x)$ that it would have at "
    "stride 1 it keeps every $s$-th value. $g(x)$ moves with the picture, whatever $g$ is; the "
    "places where it is read do not. Moved by $d$ pixels, the layer reads $g(x)_{s i - d}$. Where "
    "$d$ is a multiple of $s$ these are the old values, $d / s$ places further. Otherwise they are "
    "others, and only as far as $g(x)$ is smooth, with no frequency above $1/(2s)$ cycles a pixel, "
    "do the old ones tell them. A blur before downsampling makes it smooth "
    "(Zhang, *Making Convolutional Networks Shift-Invariant Again*, 2019). The moved output "
    "between whole pixels is interpolated without loss for such maps (Fourier)."
)


def _network(values: ShiftSettings) -> tuple[Analysis | None, SpecError | None]:
    try:
        return network_analysis.analysis(network.network(values)), None
    except SpecError as error:
        return None, error


def page() -> None:
    """The widgets at the side, and the open tab."""
    with frame.page_state(PAGE, ShiftSettings) as state:
        state.values = params.settled(state.values)
        network_open = state.values.tab == TABS["network"]
        analysis = refusal = None
        if network_open:
            state.values = network.settle(state.values)
            analysis, refusal = _network(state.values)
        if analysis:
            state.values, clauses = compute.fit(analysis, state.values)
            if state.from_link:
                state.ignore(*clauses)
        values = state.values
        state.update_widgets()
        state.show_warnings()
        with st.sidebar:
            network_controls(values, analysis) if network_open else layer_controls(values)
        menu = frame.heading("Shift and aliasing: does the output move when the picture does?")
        name, place = frame.open_tab(values, TABS)
        if not network_open:
            progress.withdraw(SLOT)
        with place:
            pictures = _tab(name, state, analysis, refusal)
        with menu:
            shift_tabs.save(pictures, state.values)
        with st.expander("Why"):
            st.markdown(WHY)


def _tab(
    name: str,
    state: PageState[ShiftSettings],
    analysis: Analysis | None,
    refusal: SpecError | None,
) -> list[Picture]:
    """Draw the open tab; returns the pictures of it that can be saved."""
    values = state.values
    try:
        if refusal:
            raise refusal
        if analysis:
            return shift_tabs.network_tab(state, compute.requests_of(analysis, values))
        return DRAW[name](values)
    except SpecError as error:
        progress.withdraw(SLOT)
        frame.refuse(PAGE, error, "Back to the first picture", ShiftSettings.defaults("tab"))
        offer_training(error, values)
        return []


page()
