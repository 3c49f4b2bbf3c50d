"""Shift and aliasing: what a layer that skips pixels makes of a picture that moves."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import SpecError
from viz.choices import network, network_analysis
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import lab_link, sentence
from viz.features.shift import compute, params
from viz.features.shift import tabs as shift_tabs
from viz.features.shift.controls import layer_controls, network_controls
from viz.features.shift.params import PAGE, PARAMS, TABS
from viz.features.shift.tabs import SLOT
from viz.page import progress
from viz.page.session import PageState, change, give
from viz.server import torch_start
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
    "do the old ones tell them. A blur before skipping makes it smooth "
    "(Zhang, *Making Convolutional Networks Shift-Invariant Again*, 2019). The moved output "
    "between whole pixels is interpolated without loss for such maps (Fourier)."
)


def _notes(page: PageState) -> None:
    page.tell()


def _network(values: dict[str, Any]) -> tuple[Analysis | None, SpecError | None]:
    network.settle(values)
    try:
        return network_analysis.analysis(network.network(values)), None
    except SpecError as error:
        return None, error


def _refused(error: SpecError, values: dict[str, Any]) -> None:
    """Why there is nothing to see, and a way back."""
    st.warning(sentence(error))
    if error.parameter == "run":
        lab_link(values)
    defaults = {param.name: param.default for param in PARAMS if param.name != "tab"}
    st.button("Back to the first picture", on_click=change, args=(PAGE, defaults), type="primary")


def _keep_layer(page: PageState, found: Analysis) -> None:
    """Another network has other layers; told where a link has asked for one."""
    before, st.session_state["shift_adopted"] = st.session_state.get("shift_adopted"), page.adopted
    layer = page.values["layer"]
    if not layer or layer in compute.layers(found):
        return
    page.values["layer"] = ""
    if before != page.adopted:
        page.ignored.append(f"no map of `{layer[:80]}` fits this image")


def page() -> None:
    """Adopt the URL, draw the widgets and the open tab, publish the URL."""
    if not torch_start.is_warm():
        skeleton = st.skeleton(height=460)
        torch_start.warm()
        skeleton.empty()
    page_state = PageState(PAGE, PARAMS)
    values = page_state.values
    params.settle(values)
    network_open = values["tab"] == TABS["network"]
    found, refusal = _network(values) if network_open else (None, None)
    if found:
        _keep_layer(page_state, found)
    page_state.place()
    _notes(page_state)
    with st.sidebar:
        network_controls(values, found) if network_open else layer_controls(values)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        heading = "#### Shift and aliasing: does the output move when the picture does?"
        st.markdown(heading, width="content")
        menu = st.container(width="content")
    tabs = st.tabs(list(TABS.values()), key=give(values, "tab"), on_change="rerun")
    if not network_open:
        progress.leave(SLOT)
    for tab, (name, label) in zip(tabs, TABS.items(), strict=True):
        if values["tab"] == label:
            with tab:
                pictures = _tab(name, values, found, refusal)
            with menu:
                shift_tabs.save(pictures, values)
    with st.expander("Why"):
        st.markdown(WHY)
    page_state.publish()


def _tab(
    name: str, values: dict[str, Any], found: Analysis | None, refusal: SpecError | None
) -> list[Picture]:
    """Draw it; returns what of it can be saved."""
    try:
        if refusal:
            raise refusal
        if found:
            layer = values["layer"] or compute.last_layer(found)
            return shift_tabs.network_tab(values, params.requests(values, layer))
        return DRAW[name](values)
    except SpecError as error:
        progress.leave(SLOT)
        _refused(error, values)
        return []


page()
