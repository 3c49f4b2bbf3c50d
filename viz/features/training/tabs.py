"""The tabs of the training lab, one function each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.plots.training_maps import kernel_at
from viz.features.sweep.params import SweepSettings
from viz.features.training import click_tab, files_tab, nets, words
from viz.features.training.controls import draw_sample_images
from viz.features.training.params import PAGE, LabSettings
from viz.features.training.pickers import net_and_step, net_picker, snapshots
from viz.features.training.plots import (
    comparison_plot,
    field_pair,
    field_steps,
    index_at,
    kernel_plot,
    layer_plot,
    selection,
    snapshot_fields,
    snapshot_kernels,
)
from viz.features.training.results import Lab, draw_live
from viz.features.training.words import is_finished, percent
from viz.page.plots import show_plot
from viz.page.session import PageState, change_settings
from viz.page.widgets import widget
from viz.params import query
from viz.slides.style import Picture

if TYPE_CHECKING:
    from core.plots.plot import Plot
    from viz.features.training.results import Runs

BEFORE_TRAINING = "This tab is empty until nets are trained."
"""Text in place of a figure that needs a finished run, before the training starts."""
DURING_TRAINING = "This tab fills with the first results."
"""Text in place of a figure during the training."""


def _show_side_by_side(plots: Mapping[str, Plot]) -> None:
    """Draw up to two plots side by side, on a phone one below the other."""
    for column, (name, plot) in zip(st.columns(2), plots.items(), strict=False):
        with column:
            show_plot(plot, f"training_{name}")


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
    """Draw the plots of the tab "Learning", or a text if there are no records."""
    if not any(len(records) > 1 for records in runs.values()):
        _samples_before_training(lab)
        return

    _optional_sentence(
        words.comparison_sentence(lab.comparison, runs, words.accuracy, percent, "test accuracy")
    )
    st.caption(words.schedule(lab.comparison.specs[0]))
    for names in (("test_accuracy", "accuracy"), ("loss", "train_accuracy"), ("pace",)):
        _show_side_by_side({name: comparison_plot(name, lab.comparison, runs) for name in names})
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
    draw_live(lab, partial(_draw_flow, lab, page.values))


def _draw_flow(lab: Lab, values: LabSettings, runs: Runs) -> None:
    """Draw the plots of the tab "Gradient flow", or a text if there are no records."""
    chosen = selection(lab.comparison, values)
    if not any(record.flow for record in runs.get(chosen.run, ())):
        st.caption(DURING_TRAINING if lab.live else BEFORE_TRAINING)
        return

    what = "the gradient of the first convolution over that of the last one, mean over the steps"
    _optional_sentence(
        words.comparison_sentence(
            lab.comparison, runs, words.gradient_share, words.ratio_text, what
        )
    )
    for names in (("gradient", "update"), ("dead",)):
        _show_side_by_side({n: layer_plot(n, lab.comparison, runs, values) for n in names})
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
    """Draw the plots of the tab "Shifts", or a text if no run is finished."""
    if not any(map(is_finished, runs.values())):
        st.caption(BEFORE_TRAINING)
        return

    what = "test images whose prediction is unchanged by a shift of 1 px"
    _optional_sentence(
        words.comparison_sentence(lab.comparison, runs, words.shift_agreement, percent, what)
    )
    show_plot(comparison_plot("shifts", lab.comparison, runs), "training_shifts")
    st.caption(
        "Every test image is shifted right by whole pixels, around the edge. *Prediction unchanged*: "
        "the net predicts the same class as for the unshifted image, right or wrong."
    )


# --- Effective field


def _erf_tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the effective field of one net before and during the training."""
    net_and_step(lab, page)
    draw_live(lab, partial(_draw_erf, lab, page.values))


def _draw_erf(lab: Lab, values: LabSettings, runs: Runs) -> None:
    """Draw the plots of the tab "Effective field", or why there are none."""
    records = runs.get(selection(lab.comparison, values).run, ())
    if not snapshot_fields(records):
        reason = "No gradient reaches the image: there is no field to draw."
        empty = DURING_TRAINING if lab.live else BEFORE_TRAINING
        st.caption(reason if snapshots(records) else empty)
        return
    _optional_sentence(words.growth_sentence(lab.comparison, runs))
    _show_side_by_side(
        {
            "erf": field_pair(lab.comparison, runs, values),
            "sigma": comparison_plot("sigma", lab.comparison, runs),
        }
    )
    show_plot(field_steps(lab.comparison, runs, values), "training_film")
    st.caption(
        "Of the class scores at the unit in the middle of the last map, squared gradient, mean "
        "over test images."
    )


# --- Kernels


def _kernels_tab(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the kernels of one net's first layer, with a link to the sweep page for the chosen one."""
    net_and_step(lab, page)
    _kernel_choice(lab, page)
    draw_live(lab, partial(_draw_kernels, lab, page.values))


def _draw_kernels(lab: Lab, values: LabSettings, runs: Runs) -> None:
    """Draw the chosen snapshot's kernels, or a text if there is none."""
    shots = snapshot_kernels(runs.get(selection(lab.comparison, values).run, ()))
    if not shots:
        st.caption(DURING_TRAINING if lab.live else BEFORE_TRAINING)
        return
    plot = kernel_plot(lab.comparison, runs, values)
    show_plot(plot, "training_kernels", partial(_on_kernel, shots[0][1].shape))


def _on_kernel(shape: tuple[int, ...], key: str) -> None:
    """Callback of a click on a cell of the kernels of this shape."""
    event: Any = st.session_state.get(key)
    try:
        point = event["selection"]["points"][0]
        number = kernel_at(shape, int(point["y"]), int(point["x"]))
    except (KeyError, IndexError, TypeError, ValueError):
        return  # a second click has deselected the cell
    if number is not None:
        change_settings(PAGE, {"kernel": number})


def _kernel_choice(lab: Lab, page: PageState[LabSettings]) -> None:
    """Draw the choice of a kernel, and a link that opens the sweep page with it."""
    chosen = selection(lab.comparison, page.values)
    shots = snapshot_kernels(lab.runs.get(chosen.run, ()))
    if not shots:
        return
    _, kernels = shots[index_at(chosen.step, shots)]
    number = min(page.values.kernel, len(kernels) - 1)
    page.values = replace(page.values, kernel=number)
    spec = lab.comparison.specs[chosen.run[0]]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        widget(page.values, "kernel", high=len(kernels) - 1, width=220)
        st.page_link(
            "../features/sweep/page.py",
            label=f"Open kernel {number} on the board",
            icon=":material/grid_on:",
            query_params=query(
                SweepSettings.params(), nets.sweep_settings(spec, kernels[number], number)
            ),
        )
    st.caption(
        "Click a kernel to choose it. On the board it moves over a digit with gray values from 0 to "
        "255, where the net's input is standardized; weights are rounded to three decimals."
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
