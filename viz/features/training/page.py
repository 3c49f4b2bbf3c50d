"""The training lab: small nets that differ in one parameter, trained on the same batches."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.errors import SpecError
from viz.choices import lab_store
from viz.features.training import compute, params, words
from viz.features.training.compute import Facts
from viz.features.training.controls import sidebar, upload_rules
from viz.features.training.params import PAGE, TABS, Comparison, LabSettings
from viz.features.training.results import SLOT, Lab, draw_results, nets_table
from viz.features.training.tabs import DRAW, pictures
from viz.page import frame, progress
from viz.page.save_menu import save_menu
from viz.page.session import PageState
from viz.page.words import error_sentence
from viz.pages import title_of

SENTENCE = (
    "Train small nets on the same batches and compare what they learn: press *Train*, or first "
    "choose at the side in what they differ."
)
"""The sentence below the title."""
WHY = (
    "All nets begin from the same seed, see the same images in the same order, and are trained by "
    "the same rule; only the one thing that is varied differs. A difference of one run may still "
    "be chance: every seed brings other first weights and other batches, and the band over the "
    "seeds shows how far such runs lie apart. Only a gap that is wider than the bands says "
    "something, and only about these settings."
)
"""Text of the expander at the bottom of the page."""


def _comparison(state: PageState[LabSettings]) -> tuple[Comparison, tuple[Facts, ...]]:
    """The nets that the settings compare, and their facts.

    A chosen net or snapshot that does not exist becomes the last one in the state.

    Raises:
        SpecError: The settings contradict each other, or the training would take too much.
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
    """Draw the reason why nothing can be trained, with buttons that lead to settings that work."""
    plain = LabSettings.defaults("tab")
    if error.parameter == "images":
        st.info(f"{error_sentence(error)} Choose the file at the side.")
        st.caption(upload_rules())
        frame.draw_refusal(PAGE, None, "Back to the digits", plain)
    else:
        frame.draw_refusal(PAGE, error, "Reset", plain)


def _draw_experiment(
    state: PageState[LabSettings], comparison: Comparison, facts: tuple[Facts, ...]
) -> None:
    """Draw the experiment in a sentence, its results or progress, and the open tab."""
    values = state.values
    menu = frame.heading(words.heading(comparison, values.vary), SENTENCE)
    lab = Lab(comparison, facts, draw_results(Lab(comparison, facts)))
    name, place = frame.open_tab(values, TABS)
    with place:
        DRAW[name](lab, state)
    nets_table(lab)
    with menu:
        save_menu(PAGE, pictures(lab, state.values), words.heading(comparison, values.vary))
    with st.expander("Why"):
        st.markdown(WHY)


def page() -> None:
    """Draw the settings in the sidebar, the runs and the open tab."""
    with frame.page_state(PAGE, LabSettings) as state:
        experiment: tuple[Comparison, tuple[Facts, ...]] | None = None
        refusal: SpecError | None = None
        try:
            experiment = _comparison(state)
        except SpecError as error:
            refusal = error
        state.update_widgets()
        state.show_warnings()
        with st.sidebar:
            sidebar(state.values, experiment[0] if experiment else None)
        if refusal:
            progress.withdraw_requests(SLOT)
            frame.heading(title_of(PAGE), SENTENCE)
            _refuse(refusal)
        elif experiment:
            _draw_experiment(state, *experiment)


page()
