"""Stride or pool? Blocks that do the same job, side by side, measured."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.blocks import COMPARISONS
from viz.features.blocks import params
from viz.features.blocks.controls import controls
from viz.features.blocks.params import OWN, PAGE, PARAMS, TABS, Values
from viz.features.blocks.tables import verdict
from viz.features.blocks.tabs import DRAW, PROBES, SLOTS_OF, TIMES, facts_table, known, save
from viz.page import progress
from viz.page.session import PageState, change, give
from viz.server import torch_start

WHY = r"""
A convolution multiplies $B \cdot H_{out} W_{out} \cdot C_{out} \cdot C_{in} k^2$ times. A stride of
$s$ leaves $H_{out} W_{out}$ smaller by $s^2$ before the multiplying is done, pooling after it; the
weights, $C_{out} C_{in} k^2$, do not know of the stride. Backward needs each layer's input again, and
of max-pooling also where the maximum stood: what is computed at full size is kept at full size.

The gradient takes the way back: max-pooling sends it to one pixel of each window, an average to
all of them alike, a convolution to all that it reads, weighted. With $k < s$ there are pixels that
no window reads. Multiply–accumulates are not time: pooling multiplies nothing and still has to move
every number, and a convolution of few channels waits for memory as well.
"""


def _notes(page: PageState) -> None:
    page.tell()


def _heading(values: Values) -> DeltaGenerator:
    """What is compared; returns where the menu for slides goes."""
    own = values["compare"] == OWN
    found = params.comparison(values)
    title = "Your own blocks" if own else found.title[:1].upper() + found.title[1:]
    channels, height, width = (
        values[name] for name in ("in_channels", "input_height", "input_width")
    )
    images = "1 image" if values["batch"] == 1 else f"{values['batch']} images"
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.markdown(f"#### {title}: {images} of {channels}×{height}×{width}", width="content")
        menu = st.container(width="content")
    if not own:
        st.markdown(found.sentence)
    return menu


def _refused() -> None:
    first = params.OFFERED[0]
    back = {"compare": first, **params.sizes_of(COMPARISONS[first])}
    st.button("Back to the first comparison", on_click=change, args=(PAGE, back), type="primary")


def page() -> None:
    """Adopt the URL, draw controls, facts and the open tab, publish the URL."""
    if not torch_start.is_warm():
        skeleton = st.skeleton(height=460)
        torch_start.warm()
        skeleton.empty()
    page_state = PageState(PAGE, PARAMS)
    values = page_state.values
    params.settle(values)
    page_state.place()
    _notes(page_state)
    with st.sidebar:
        controls(values)
    menu = _heading(values)
    found = known(params.asked(values))
    for error in found.errors:
        st.warning(error)
    if found.sound:
        st.markdown(verdict(found.titles, found.facts))
        facts_table(found)
        tabs = st.tabs(list(TABS.values()), key=give(values, "tab"), on_change="rerun")
        for tab, (name, label) in zip(tabs, TABS.items(), strict=True):
            if values["tab"] == label:
                progress.leave(*({PROBES, TIMES} - {SLOTS_OF[name]}))
                with tab:
                    more = DRAW[name](found)
                with menu:
                    save(found, more, values)
        with st.expander("Why"):
            st.markdown(WHY)
    else:
        progress.leave(PROBES, TIMES)
        if not found.blocks:
            st.info("Write a block in the sidebar, such as `conv3 s2 p1 c64, relu`.")
        _refused()
    page_state.publish()


page()
