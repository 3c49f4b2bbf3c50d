"""Training lab: small nets that differ in one thing learn from the same batches, here and now."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import SpecError
from viz.choices import lab_store
from viz.choices.network_picker import sentence
from viz.features.training import compute, params, words
from viz.features.training.compute import Facts
from viz.features.training.controls import sidebar, upload_says
from viz.features.training.params import PAGE, PARAMS, TABS, Comparison
from viz.features.training.results import SLOT, Lab, stand
from viz.features.training.tabs import DRAW, pictures
from viz.page import progress
from viz.page.save_menu import save_menu
from viz.page.session import PageState, change, give
from viz.server import torch_start

WHY = (
    "All nets begin from the same seed, see the same images in the same order, and are trained by "
    "the same rule; only the one thing that is varied differs. A difference of one run may still "
    "be chance: every seed brings other first weights and other batches, and the band over the "
    "seeds shows how far such runs lie apart. Only a gap that is wider than the bands says "
    "something, and only about these settings."
)


def _asked(values: dict[str, Any]) -> tuple[Comparison, tuple[Facts, ...]]:
    """What the settings ask for. Raises SpecError where that cannot be."""
    own = lab_store.held(values["digest"]) if values["digest"] else None
    asked = params.comparison(values, own)
    values["net"] = min(values["net"], len(asked.specs) - 1)
    if values["at"] >= len(asked.specs[0].snapshot_steps):
        values["at"] = -1
    return asked, compute.facts(asked)


def _refused(error: SpecError) -> None:
    """Why there is nothing to train, and a way back."""
    defaults = {param.name: param.default for param in PARAMS if param.name != "tab"}
    if error.parameter == "images":
        st.info(f"{sentence(error)} Choose the file at the side.")
        st.caption(upload_says())
        st.button("Back to the digits", on_click=change, args=(PAGE, defaults))
        return
    st.warning(sentence(error))
    st.button("Back to the defaults", on_click=change, args=(PAGE, defaults), type="primary",
              key="training_back")  # fmt: skip


def _board(page: PageState, asked: Comparison, facts: tuple[Facts, ...]) -> None:
    """The experiment in a sentence, how far it is, and what it shows."""
    values = page.values
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.markdown(f"#### {words.heading(asked, values['vary'])}", width="content")
        menu = st.container(width="content")
    under_way = stand(Lab(asked, facts))
    lab = Lab(asked, facts, under_way)
    tabs = st.tabs(list(TABS.values()), key=give(values, "tab"), on_change="rerun")
    for tab, (name, label) in zip(tabs, TABS.items(), strict=True):
        if values["tab"] == label:
            with tab:
                DRAW[name](lab, page)
    with menu:
        save_menu(PAGE, pictures(lab, values), words.heading(asked, values["vary"]))
    with st.expander("Why"):
        st.markdown(WHY)


def page() -> None:
    """Adopt the URL, draw the settings, the runs and the open tab, publish the URL."""
    if not torch_start.is_warm():
        skeleton = st.skeleton(height=460)
        torch_start.warm()
        skeleton.empty()
    page_state = PageState(PAGE, PARAMS)
    found: tuple[Comparison, tuple[Facts, ...]] | None = None
    refusal: SpecError | None = None
    try:
        found = _asked(page_state.values)
    except SpecError as error:
        refusal = error
    page_state.place()
    page_state.tell()
    with st.sidebar:
        sidebar(page_state.values, found[0] if found else None)
    if refusal:
        progress.leave(SLOT)
        _refused(refusal)
    elif found:
        _board(page_state, *found)
    page_state.publish()


page()
