"""The tabs of the training lab, one function each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.features.sweep.params import SweepSettings
from viz.features.training import click_tab, files_tab, nets, words
from viz.features.training.controls import draw_sample_images
from viz.features.training.params import LabSettings
from viz.features.training.pickers import net_and_step, net_picker, snapshots
from viz.features.training.results import Lab, draw_live
from viz.features.training.words import is_finished, percent
from viz.page.session import PageState
from viz.params import query
from viz.slides.style import Picture

if TYPE_CHECKING:
    from core.training.records import Record
    from viz.features.training.results import Runs

BEFORE_TRAINING = "This tab is empty until nets are trained."
"""Text in place of a figure that needs a finished run, before the training starts."""
DURING_TRAINING = "This tab fills with the first results."
"""Text in place of a figure during the training."""
MOST_LINKS = 12
"""At most this many kernels have a link."""


def _chart(figure: Any, key: str) -> None:
    """Draw a Plotly figure as a widget with this key."""
    st.plotly_chart(figure, theme="streamlit", key=key)


def _charts_side_by_side(*charts: tuple[Any, str]) -> None:
    """Draw up to two charts side by side, on a phone one below the other."""
    for column, (figure, key) in zip(st.columns(2), charts, strict=False):
        with column:
            _chart(figure, key)


def _optional_sentence(sentence: str) -> None:
    """Draw a sentence, unless it is empty."""
    if sentence:
        st.markdown(sentence)


def pictures(lab: Lab, values: LabSettings) -> list[Picture]:
    """The pictures of the current page, for slides."""
    from viz.features.training import export

    return export.page_pictures(lab.comparison, lab.runs, values)


# --- Learning


def _curves_tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw accuracy, loss and time over the steps."""
    draw_live(lab, partial(_draw_curves, lab))


def _draw_curves(lab: Lab, runs: Runs) -> None:
    """Draw the figures of the tab "Learning", or a text if there are no records."""
    if not any(len(records) > 1 for records in runs.values()):
        _samples_before_training(lab)
        return

    from viz.features.training import plots as figures

    names, steps = lab.comparison.names, lab.comparison.specs[0].steps
    _optional_sentence(
        words.comparison_sentence(lab.comparison, runs, words.accuracy, percent, "test accuracy")
    )
    st.caption(words.schedule(lab.comparison.specs[0]))
    _charts_side_by_side(
        (figures.learning_figure(runs, names, "test_accuracy", steps), "training_test"),
        (figures.accuracy_figure(runs, names), "training_dots"),
    )
    _charts_side_by_side(
        (figures.learning_figure(runs, names, "loss", steps), "training_loss"),
        (figures.learning_figure(runs, names, "train_accuracy", steps), "training_train"),
    )
    _charts_side_by_side((figures.pace_figure(runs, names), "training_pace"))
    if note := words.confusable_nets_note(lab.comparison):
        st.caption(note)
        st.page_link(
            "../features/claims/page.py",
            label="Claim 26 puts both to the test",
            icon=":material/fact_check:",
            query_params={"claim": "26"},
        )


def _samples_before_training(lab: Lab) -> None:
    """Draw the images to be classified while there are no curves."""
    if lab.live:
        st.caption(DURING_TRAINING)
        return
    st.markdown(
        f"These nets are not trained yet. Their task: {words.task_text(lab.comparison.task)}."
    )
    draw_sample_images(lab.comparison, 10, 84)


# --- Gradient flow


def _flow_tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw gradients, updates and dead channels of one net's layers over the steps."""
    net_picker(lab, page)
    draw_live(lab, partial(_draw_flow, lab, page.values.net))


def _draw_flow(lab: Lab, net: int, runs: Runs) -> None:
    """Draw the figures of the tab "Gradient flow", or a text if there are no records."""
    seed = lab.comparison.seeds[0]
    if not any(record.flow for record in runs.get((net, seed), ())):
        st.caption(DURING_TRAINING if lab.live else BEFORE_TRAINING)
        return

    from viz.features.training import plots as figures

    what = "the gradient of the first convolution over that of the last one, mean over the steps"
    _optional_sentence(
        words.comparison_sentence(
            lab.comparison, runs, words.gradient_share, words.ratio_text, what
        )
    )
    name = lab.comparison.names[net]
    _charts_side_by_side(
        (figures.flow_figure(runs, net, seed, "gradient", name), "training_gradient"),
        (figures.flow_figure(runs, net, seed, "update", name), "training_update"),
    )
    _chart(figures.dead_figure(runs, net, seed, name), "training_dead")
    st.caption(
        "*Gradient*: norm of the loss's gradient for a layer's weights. *Update*: how "
        "far a step moves the weights, as a share of their norm; a thousandth or so is usual. "
        "*Dead*: channels that are 0 at every position of every image of a batch."
    )


# --- Shifts


def _shifts_tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw how shifts of the test images change predictions and accuracy."""
    draw_live(lab, partial(_draw_shifts, lab))


def _draw_shifts(lab: Lab, runs: Runs) -> None:
    """Draw the figures of the tab "Shifts", or a text if no run is finished."""
    if not any(map(is_finished, runs.values())):
        st.caption(BEFORE_TRAINING)
        return

    from viz.features.training import plots as figures

    what = "test images whose prediction is unchanged by a shift of 1 px"
    _optional_sentence(
        words.comparison_sentence(lab.comparison, runs, words.shift_agreement, percent, what)
    )
    _chart(figures.shift_figure(runs, lab.comparison.names), "training_shifts")
    st.caption(
        "Every test image is shifted right by whole pixels, around the edge. *Prediction unchanged*: "
        "the net predicts the same class as for the unshifted image, right or wrong."
    )


# --- Effective field


def _erf_tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the effective field of one net before and during the training."""
    net_and_step(lab, page)
    draw_live(lab, partial(_draw_erf, lab, page.values.net, page.values.at))


def _draw_erf(lab: Lab, net: int, at: int, runs: Runs) -> None:
    """Draw the figures of the tab "Effective field", or why there are none."""
    seed = lab.comparison.seeds[0]
    shots = snapshots(runs.get((net, seed), ()))
    seen = [(record.step, record.snapshot.erf) for record in shots if record.snapshot]
    maps = [(step, erf) for step, erf in seen if erf is not None]
    if not maps:
        reason = "No gradient reaches the image: there is no field to draw."
        st.caption(reason if seen else DURING_TRAINING if lab.live else BEFORE_TRAINING)
        return

    from viz.features.training import plots as figures

    _optional_sentence(words.growth_sentence(lab.comparison, runs))
    wanted = lab.comparison.specs[net].snapshot_steps[at]
    step, after = max((each for each in maps if each[0] <= wanted), default=maps[0])
    name = f"{lab.comparison.names[net]}, seed {seed}"
    _charts_side_by_side(
        (figures.erf_pair_figure(maps[0][1], after, f"{name}, step {step:,}"), "training_erf"),
        (figures.sigma_figure(runs, lab.comparison.names), "training_sigma"),
    )
    _charts_side_by_side((figures.erf_steps_figure(maps), "training_film"))
    st.caption(
        "Of the class scores at the unit in the middle of the last map, squared gradient, mean "
        "over test images."
    )


# --- Kernels


def _kernels_tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the kernels of one net's first layer, with links to the sweep page."""
    net_and_step(lab, page)
    draw_live(lab, partial(_draw_kernels, lab, page.values.net, page.values.at))
    _sweep_links(lab, page)


def _draw_kernels(lab: Lab, net: int, at: int, runs: Runs) -> None:
    """Draw the chosen snapshot's kernels, or a text if there is none."""
    record = _record_at(lab, net, at, runs)
    if record is None or record.snapshot is None:
        st.caption(DURING_TRAINING if lab.live else BEFORE_TRAINING)
        return

    from viz.features.training import plots as figures

    figure = figures.kernels_figure(record.snapshot.kernels, record.step)
    _chart(figure, "training_kernels")


def _record_at(lab: Lab, net: int, at: int, runs: Runs) -> Record | None:
    """The chosen snapshot, or the last existing one before it."""
    wanted = lab.comparison.specs[net].snapshot_steps[at]
    shots = snapshots(runs.get((net, lab.comparison.seeds[0]), ()))
    return next((record for record in reversed(shots) if record.step <= wanted), None)


def _sweep_links(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw links that open the sweep page with one of the kernels."""
    net, at = page.values.net, page.values.at
    record = _record_at(lab, net, at, lab.runs)
    if record is None or record.snapshot is None:
        return
    kernels = record.snapshot.kernels
    st.markdown("Sweep one of them over a real digit:")
    with st.container(horizontal=True, gap="small"):
        for place in range(min(MOST_LINKS, len(kernels))):
            values = nets.sweep_settings(lab.comparison.specs[net], kernels[place], place)
            st.page_link(
                "../features/sweep/page.py",
                label=f"kernel {place}",
                icon=":material/grid_on:",
                query_params=query(SweepSettings.params(), values),
            )
    st.caption(
        "On the sweep page the digit has gray values from 0 to 255; the net's input is standardized. "
        "Weights are rounded to three decimals."
    )


Draw = Callable[[Lab, PageState[LabSettings]], None]
"""A function that draws a tab."""
DRAW: dict[str, Draw] = {
    "curves": _curves_tab,
    "flow": _flow_tab,
    "shifts": _shifts_tab,
    "erf": _erf_tab,
    "kernels": _kernels_tab,
    "click": click_tab.tab,
    "files": files_tab.tab,
}
"""The functions that draw the tabs, by name in the URL."""
