"""Training lab: small nets that differ in one thing learn from the same batches, here and now."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import SpecError
from viz.choices import lab_store
from viz.features.training import compute, params, words
from viz.features.training.compute import Facts
from viz.features.training.controls import sidebar, upload_says
from viz.features.training.params import PAGE, PARAMS, TABS, Comparison
from viz.features.training.results import SLOT, Lab, stand
from viz.features.training.tabs import DRAW, pictures
from viz.page import frame, progress
from viz.page.save_menu import save_menu
from viz.page.session import PageState
from viz.page.words import sentence
from viz.params import defaults

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


def _refuse(error: SpecError) -> None:
    """Why there is nothing to train, and what would do."""
    plain = defaults(PARAMS, "tab")
    if error.parameter == "images":
        st.info(f"{sentence(error)} Choose the file at the side.")
        st.caption(upload_says())
        frame.refuse(PAGE, None, "Back to the digits", plain)
    else:
        frame.refuse(PAGE, error, "Back to the defaults", plain)


def _board(state: PageState, asked: Comparison, facts: tuple[Facts, ...]) -> None:
    """The experiment in a sentence, how far it is, and what it shows."""
    values = state.values
    menu = frame.heading(words.heading(asked, values["vary"]))
    lab = Lab(asked, facts, stand(Lab(asked, facts)))
    name, place = frame.open_tab(values, TABS)
    with place:
        DRAW[name](lab, state)
    with menu:
        save_menu(PAGE, pictures(lab, values), words.heading(asked, values["vary"]))
    with st.expander("Why"):
        st.markdown(WHY)


def page() -> None:
    """The settings at the side, the runs and the open tab."""
    with frame.opened(PAGE, PARAMS) as state:
        asked: tuple[Comparison, tuple[Facts, ...]] | None = None
        refusal: SpecError | None = None
        try:
            asked = _asked(state.values)
        except SpecError as error:
            refusal = error
        state.place()
        state.tell()
        with st.sidebar:
            sidebar(state.values, asked[0] if asked else None)
        if refusal:
            progress.leave(SLOT)
            _refuse(refusal)
        elif asked:
            _board(state, *asked)


page()
