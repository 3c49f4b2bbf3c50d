"""The training lab's pictures for slides. Matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from core.errors import SpecError
from core.plots.training import final_snapshot
from core.text import sentence_case
from viz.choices import lab_store
from viz.features.training import compute, params, words
from viz.features.training.params import TABS, Comparison, LabSettings
from viz.features.training.plots import (
    LAYERS,
    comparison_plot,
    field_film,
    field_pair,
    field_steps,
    field_still,
    kernel_plot,
    kernel_plots,
    layer_plot,
    score_plot,
    selection,
    snapshot_fields,
    snapshot_kernels,
)
from viz.server.queue import run_now
from viz.slides.style import Picture, film_picture, plot_picture, refuse_unfit

if TYPE_CHECKING:
    from core.plots.plot import Plot
    from core.training.records import Record

    Runs = Mapping[tuple[int, int], tuple[Record, ...]]

LABELS = {
    "test_accuracy": "Test accuracy over the steps",
    "accuracy": "Test accuracy, every seed",
    "loss": "Loss over the steps",
    "train_accuracy": "Training accuracy over the steps",
    "pace": "Time of a step",
    "gradient": "Gradient, layer by step",
    "update": "Update, layer by step",
    "dead": "Dead channels",
    "shifts": "Test images moved",
    "erf": "Effective field, before and after",
    "film": "Effective field while it learns",
    "sigma": "Width of the field over the steps",
    "kernels": "Kernels of the first layer",
    "digit": "One test image",
}
"""Labels in the menu by a picture's name."""
FIRST_PICTURE = {
    TABS["curves"]: "test_accuracy",
    TABS["flow"]: "gradient",
    TABS["shifts"]: "shifts",
    TABS["erf"]: "erf",
    TABS["kernels"]: "kernels",
    TABS["click"]: "digit",
}
"""The picture that comes first in the menu, by open tab."""
NEED_FINISHED_RUNS = {"accuracy", "shifts"}
"""Pictures that need finished runs."""
OF_ONE_RUN = {"erf": field_pair, "film": field_still, "kernels": kernel_plot}
"""Functions that describe a picture of the chosen run, by its name."""
FILMS = {"film": field_film, "kernels": kernel_plots}
"""Functions that describe the frames of a film, by its name."""
FRAMES_PER_SECOND = 1.5
"""Frames per second of the films."""


def pictures(values: LabSettings) -> list[Picture]:
    """All pictures of the page, for the command line: drawing the first one trains the nets.

    Raises:
        SpecError: The settings contradict each other, or the training would take too much.
    """
    own = lab_store.uploaded_images(values.digest) if values.digest else None
    comparison = params.comparison(values, own)
    compute.facts(comparison)
    steps = comparison.specs[selection(comparison, values).run[0]].snapshot_steps
    limits = {"net": len(comparison.specs) - 1, "at": len(steps) - 1}
    refuse_unfit([f"{n} must be at most {most}" for n, most in limits.items() if values[n] > most])
    count = len(steps)
    frames = {"film": count, "kernels": count}
    return _pictures(comparison, values, partial(train_all, comparison), set(LABELS), frames)


def page_pictures(comparison: Comparison, runs: Runs, values: LabSettings) -> list[Picture]:
    """The pictures of the records that exist; nothing is trained for them.

    Args:
        comparison: The comparison.
        runs: Records so far by (net, seed).
        values: The page's settings, which choose the net, the step and the image.
    """
    here = {key: records for key, records in runs.items() if records}
    mine = here.get(selection(comparison, values).run, ())
    offered = {"test_accuracy", "loss", "train_accuracy", "pace"} if here else set()
    offered |= (
        NEED_FINISHED_RUNS if any(final_snapshot(records) for records in here.values()) else set()
    )
    offered |= {"gradient", "update", "dead"} if any(r.flow for r in mine) else set()
    offered |= {"erf", "film"} if snapshot_fields(mine) else set()
    offered |= {"sigma"} if any(snapshot_fields(records) for records in here.values()) else set()
    offered |= {"kernels"} if mine else set()
    offered |= {"digit"} if final_snapshot(mine) else set()
    frames = {"film": len(snapshot_fields(mine)), "kernels": len(snapshot_kernels(mine))}
    return _pictures(comparison, values, lambda: here, offered, frames)


def train_all(comparison: Comparison) -> Runs:
    """Train the whole comparison in this process, except for runs that are stored already.

    Raises:
        SpecError: A run failed.
    """
    for seed in comparison.seeds:
        if not compute.is_over(comparison, seed):
            run_now(compute.work(comparison, seed))
    failed = compute.failures(comparison)
    if failed:
        raise SpecError("run", next(iter(failed.values())), comparison.names[next(iter(failed))[0]])
    return compute.stored_records(comparison)


def _pictures(
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
    offered: set[str],
    frames: Mapping[str, int],
) -> list[Picture]:
    """The offered pictures, the open tab's first; ``load_runs`` is called when one is drawn."""
    chosen = comparison, values, load_runs
    pictures = [
        _film(name, frames[name], *chosen)
        if name in FILMS
        else plot_picture(name, LABELS[name], partial(_plot, name, *chosen))
        for name in LABELS
        if name in offered
    ]
    first = FIRST_PICTURE.get(values.tab, "test_accuracy")
    pictures.sort(key=lambda picture: picture.name != first)
    settings = f"{words.heading(comparison, values.vary)}; {words.task_text(comparison.task)}"
    return [replace(each, settings=settings) for each in pictures]


def _plot(
    name: str, comparison: Comparison, values: LabSettings, load_runs: Callable[[], Runs]
) -> Plot:
    """The plot with a name of `LABELS`; of a film the frame of the chosen step."""
    runs = load_runs()
    if name in OF_ONE_RUN:
        return OF_ONE_RUN[name](comparison, runs, values)
    if name in LAYERS:
        return layer_plot(name, comparison, runs, values)
    if name == "digit":
        return score_plot(comparison, values)
    return replace(comparison_plot(name, comparison, runs), subtitle=_task_text(comparison))


def _film(
    name: str,
    frames: int,
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
) -> Picture:
    """The film of the effective field or of the kernels, whose still is the chosen step."""
    still = plot_picture(name, LABELS[name], partial(_plot, name, comparison, values, load_runs))
    strip = partial(_strip, comparison, values, load_runs) if name == "film" else None
    film = film_picture(
        name,
        LABELS[name],
        lambda: FILMS[name](comparison, load_runs(), values),
        frames,
        FRAMES_PER_SECOND,
        strip,
    )
    return replace(film, draw=still.draw)


def _strip(
    comparison: Comparison, values: LabSettings, load_runs: Callable[[], Runs], count: int
) -> Plot:
    """The field at so many steps side by side."""
    return field_steps(comparison, load_runs(), values, count)


def _task_text(comparison: Comparison) -> str:
    """The task and the number of steps, for a subtitle."""
    text = f"{words.task_text(comparison.task)}, {comparison.specs[0].steps:,} steps"
    return sentence_case(text)
