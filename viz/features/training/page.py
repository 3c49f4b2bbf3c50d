"""Training lab: small nets that differ in one thing learn from the same batches, here and now."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.errors import SpecError
from viz.choices import lab_store
from viz.features.training import compute, params, words
from viz.features.training.compute import Facts
from viz.features.training.controls import sidebar, upload_says
from viz.features.training.params import PAGE, TABS, Comparison, LabSettings
from viz.features.training.results import SLOT, Lab, stand
from viz.features.training.tabs import DRAW, pictures
from viz.page import frame, progress
from viz.page.save_menu import save_menu
from viz.page.session import PageState
from viz.page.words import sentence

WHY = (
    "All nets begin from the same seed, see the same images in the same order, and are trained by "
    "the same rule; only the one thing that is varied differs. A difference of one run may still "
    "be chance: every seed brings other first weights and other batches, and the band over the "
    "seeds shows how far such runs lie apart. Only a gap that is wider than the bands says "
    "something, and only about these settings."
)


def _comparison(state: PageState[LabSettings]) -> tuple[Comparison, tuple[Facts, ...]]:
    """The nets that the settings compare; a net or a step that is not theirs becomes the last one.

    Raises:
        SpecError: the settings do not fit each other.
    """
    values = state.values
    own = lab_store.uploaded_images(values.digest) if values.digest else None
    comparison = params.comparison(values, own)
    last = len(comparison.specs[0].snapshot_steps) - 1
    state.values = replace(
        values,
        net=min(values.net, len(comparison.specs) - 1),
        at=values.at if values.at <= last else -1,
    )
    return comparison, compute.facts(comparison)


def _refuse(error: SpecError) -> None:
    """Why there is nothing to train, and what would do."""
    plain = LabSettings.defaults("tab")
    if error.parameter == "images":
        st.info(f"{sentence(error)} Choose the file at the side.")
        st.caption(upload_says())
        frame.refuse(PAGE, None, "Back to the digits", plain)
    else:
        frame.refuse(PAGE, error, "Back to the defaults", plain)


def _board(state: PageState[LabSettings], comparison: Comparison, facts: tuple[Facts, ...]) -> None:
    """The experiment in a sentence, how far it is, and what it shows."""
    values = state.values
    menu = frame.heading(words.heading(comparison, values.vary))
    lab = Lab(comparison, facts, stand(Lab(comparison, facts)))
    name, place = frame.open_tab(values, TABS)
    with place:
        DRAW[name](lab, state)
    with menu:
        save_menu(PAGE, pictures(lab, state.values), words.heading(comparison, values.vary))
    with st.expander("Why"):
        st.markdown(WHY)


def page() -> None:
    """The settings at the side, the runs and the open tab."""
    with frame.page_state(PAGE, LabSettings) as state:
        comparison: tuple[Comparison, tuple[Facts, ...]] | None = None
        refusal: SpecError | None = None
        try:
            comparison = _comparison(state)
        except SpecError as error:
            refusal = error
        state.update_widgets()
        state.show_warnings()
        with st.sidebar:
            sidebar(state.values, comparison[0] if comparison else None)
        if refusal:
            progress.withdraw(SLOT)
            _refuse(refusal)
        elif comparison:
            _board(state, *comparison)


page()
