"""The tabs below the table of the training lab, one function each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.features.sweep.params import SweepSettings
from viz.features.training import click_tab, files_tab, nets, words
from viz.features.training.controls import samples
from viz.features.training.params import LabSettings
from viz.features.training.pickers import net_and_step, net_picker, snapshots
from viz.features.training.results import Lab, live
from viz.features.training.words import finished, percent
from viz.page.session import PageState
from viz.params import query
from viz.slides.style import Picture

if TYPE_CHECKING:
    from core.training.records import Record
    from viz.features.training.results import Runs

LATER = "Here once nets are trained."
"""Shown in place of what only a finished run can provide."""
SOON = "Here with the first records."
MOST_LINKS = 12
"""At most this many kernels have a link."""


def _chart(figure: Any, key: str) -> None:
    st.plotly_chart(figure, theme="streamlit", key=key)


def _pair(*charts: tuple[Any, str]) -> None:
    """Draw up to two charts side by side, on a phone one below the other."""
    for column, (figure, key) in zip(st.columns(2), charts, strict=False):
        with column:
            _chart(figure, key)


def _caption(sentence: str) -> None:
    if sentence:
        st.markdown(sentence)


def pictures(lab: Lab, values: LabSettings) -> list[Picture]:
    """The pictures of the current page, for slides."""
    from viz.features.training import export

    return export.on_show(lab.comparison, lab.runs, values)


# --- Learning


def _curves(lab: Lab, page: PageState[LabSettings]) -> None:
    live(lab, partial(_draw_curves, lab))


def _draw_curves(lab: Lab, runs: Runs) -> None:
    if not any(len(records) > 1 for records in runs.values()):
        _before(lab)
        return

    from viz.features.training import plots as figures

    names, steps = lab.comparison.names, lab.comparison.specs[0].steps
    _caption(words.compared(lab.comparison, runs, words.accuracy, percent, "test accuracy"))
    st.caption(words.schedule(lab.comparison.specs[0]))
    _pair(
        (figures.learning_figure(runs, names, "test_accuracy", steps), "training_test"),
        (figures.accuracy_figure(runs, names), "training_dots"),
    )
    _pair(
        (figures.learning_figure(runs, names, "loss", steps), "training_loss"),
        (figures.learning_figure(runs, names, "train_accuracy", steps), "training_train"),
    )
    _pair((figures.pace_figure(runs, names), "training_pace"))
    if confused := words.not_alike(lab.comparison):
        st.caption(confused)
        st.page_link(
            "../features/claims/page.py",
            label="Claim 26 puts both to the test",
            icon=":material/fact_check:",
            query_params={"claim": "26"},
        )


def _before(lab: Lab) -> None:
    """Show the images to be classified while there are no curves."""
    if lab.live:
        st.caption(SOON)
        return
    st.markdown(
        f"Nobody has trained these nets here yet. Their task: {words.task(lab.comparison.task)}."
    )
    samples(lab.comparison, 10, 84)


# --- Gradient flow


def _flow(lab: Lab, page: PageState[LabSettings]) -> None:
    net_picker(lab, page)
    live(lab, partial(_draw_flow, lab, page.values.net))


def _draw_flow(lab: Lab, net: int, runs: Runs) -> None:
    seed = lab.comparison.seeds[0]
    if not any(record.flow for record in runs.get((net, seed), ())):
        st.caption(SOON if lab.live else LATER)
        return

    from viz.features.training import plots as figures

    what = "the gradient of the first convolution over that of the last one, mean over the steps"
    _caption(words.compared(lab.comparison, runs, words.reaching, words.factor, what))
    name = lab.comparison.names[net]
    _pair(
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


def _shifts(lab: Lab, page: PageState[LabSettings]) -> None:
    live(lab, partial(_draw_shifts, lab))


def _draw_shifts(lab: Lab, runs: Runs) -> None:
    if not any(map(finished, runs.values())):
        st.caption(LATER)
        return

    from viz.features.training import plots as figures

    what = "test images whose prediction is unchanged by a shift of 1 px"
    _caption(words.compared(lab.comparison, runs, words.agreement, percent, what))
    _chart(figures.shift_figure(runs, lab.comparison.names), "training_shifts")
    st.caption(
        "Every test image is moved right by whole pixels, round the edge. *Prediction unchanged*: "
        "the net predicts the class that it predicts for the image in its place, right or wrong."
    )


# --- Effective field


def _erf(lab: Lab, page: PageState[LabSettings]) -> None:
    net_and_step(lab, page)
    live(lab, partial(_draw_erf, lab, page.values.net, page.values.at))


def _draw_erf(lab: Lab, net: int, at: int, runs: Runs) -> None:
    seed = lab.comparison.seeds[0]
    shots = snapshots(runs.get((net, seed), ()))
    seen = [(record.step, record.snapshot.erf) for record in shots if record.snapshot]
    maps = [(step, erf) for step, erf in seen if erf is not None]
    if not maps:
        reason = "No gradient reaches the image: there is no field to draw."
        st.caption(reason if seen else SOON if lab.live else LATER)
        return

    from viz.features.training import plots as figures

    _caption(words.grew(lab.comparison, runs))
    wanted = lab.comparison.specs[net].snapshot_steps[at]
    step, after = max((each for each in maps if each[0] <= wanted), default=maps[0])
    name = f"{lab.comparison.names[net]}, seed {seed}"
    _pair(
        (figures.erf_pair_figure(maps[0][1], after, f"{name}, step {step:,}"), "training_erf"),
        (figures.sigma_figure(runs, lab.comparison.names), "training_sigma"),
    )
    _pair((figures.erf_steps_figure(maps), "training_film"))
    st.caption(
        "Of the class scores at the unit in the middle of the last map, squared gradient, mean "
        "over test images."
    )


# --- Kernels


def _kernels(lab: Lab, page: PageState[LabSettings]) -> None:
    net_and_step(lab, page)
    live(lab, partial(_draw_kernels, lab, page.values.net, page.values.at))
    _sweep_links(lab, page)


def _draw_kernels(lab: Lab, net: int, at: int, runs: Runs) -> None:
    record = _record_at(lab, net, at, runs)
    if record is None or record.snapshot is None:
        st.caption(SOON if lab.live else LATER)
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
    net, at = page.values.net, page.values.at
    record = _record_at(lab, net, at, lab.runs)
    if record is None or record.snapshot is None:
        return
    kernels = record.snapshot.kernels
    st.markdown("Sweep one of them over a real digit:")
    with st.container(horizontal=True, gap="small"):
        for place in range(min(MOST_LINKS, len(kernels))):
            values = nets.swept(lab.comparison.specs[net], kernels[place], place)
            st.page_link(
                "../features/sweep/page.py",
                label=f"kernel {place}",
                icon=":material/grid_on:",
                query_params=query(SweepSettings.params(), values),
            )
    st.caption(
        "On the sweep page the digit has its own grey, 0 to 255; the net sees it standardized. "
        "Weights are rounded to three decimals."
    )


Draw = Callable[[Lab, PageState[LabSettings]], None]
DRAW: dict[str, Draw] = {
    "curves": _curves,
    "flow": _flow,
    "shifts": _shifts,
    "erf": _erf,
    "kernels": _kernels,
    "click": click_tab.tab,
    "files": files_tab.tab,
}
"""The function that draws a tab, by the tab's name in the URL."""
