"""The tab for one test image: the class scores, and the pixels that move one unit."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from core.training.text import to_text
from viz.features.training import compute, nets
from viz.features.training.params import LabSettings, class_names
from viz.features.training.pickers import net_picker, sample_picker, unit_map, unit_picker
from viz.features.training.plots import MOST_IMAGES, score_plot
from viz.features.training.results import Lab
from viz.features.training.words import is_finished
from viz.page.plots import show_plot
from viz.page.session import PageState
from viz.page.tables import percent
from viz.theme import INPUT, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_BARS = 12
"""Largest number of bars; of more classes, only the likeliest have one."""


def tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw one test image and the prediction of one trained net."""
    values, comparison = page.values, lab.comparison
    net_picker(lab, page)
    net, seed = values.net, comparison.seeds[0]
    if not is_finished(lab.runs.get((net, seed), ())):
        st.caption("This tab is empty until this net is trained.")
        return

    spec, text = comparison.run_spec(net, seed), to_text(comparison.run_spec(net, seed))
    images, labels = compute.test_images(comparison, MOST_IMAGES)
    sample = min(values.sample, len(images) - 1)
    page.values = replace(values, sample=sample)
    scores = compute.classify(text, sample)
    predicted, names = int(scores.argmax()), class_names(comparison.task)
    left, right = st.columns([1.3, 1], gap="large")
    with left:
        sample_picker(page, len(images))
        grid = nets.last_map(spec).node.grid
        unit_picker(page, grid)
        show_plot(score_plot(comparison, page.values), "training_digit")
        unit_map(page, spec, images[sample])
    with right:
        verdict = "right" if predicted == labels[sample] else "wrong"
        st.markdown(f"The net predicts **{names[predicted]}**, which is {verdict}.")
        st.html(score_bars(scores, names, int(labels[sample])))
        st.caption(
            "In orange: the pixels that change the predicted class's score, as one unit of the "
            "last map alone gives it (squared gradient, this image only)."
        )


def score_bars(scores: NDArray[np.float32], names: Sequence[str], label: int) -> str:
    """HTML with the scores as bars; the true class has a check mark, besides its color."""
    classes = range(len(scores))
    if len(scores) > MOST_BARS:
        classes = sorted(np.argsort(-scores)[:MOST_BARS].tolist())  # type: ignore[assignment]
    rows = "".join(
        f"<span class='{'yes' if place == label else ''}'>{escape(names[place])}</span>"
        f'<i style="width: {100 * float(scores[place]):.2f}%; background: '
        f'{OUTPUT if place == label else INPUT}"></i>'
        f"<span>{percent(float(scores[place]))}</span>"
        for place in classes
    )
    return f"<div class='scores' role='img' aria-label='Scores'>{rows}</div>"
