"""The training lab's pictures for slides. Matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from core.errors import SpecError
from core.text import sentence_case
from core.training.text import to_text
from viz.choices import lab_store
from viz.features.training import compute, params, words
from viz.features.training.params import TABS, Comparison, LabSettings
from viz.features.training.plot_parts import LEARNING, final_snapshot, flow_table
from viz.server.queue import run_now
from viz.slides.style import Film, Picture, Style, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from core.erf import EffectiveReceptiveField
    from core.training.records import Record

    Runs = Mapping[tuple[int, int], tuple[Record, ...]]
    Fields = list[tuple[int, EffectiveReceptiveField]]

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


def pictures(values: LabSettings) -> list[Picture]:
    """All pictures of the page, for the command line: drawing the first one trains the nets.

    Raises:
        SpecError: The settings contradict each other, or the training would take too much.
    """
    own = lab_store.uploaded_images(values.digest) if values.digest else None
    comparison = params.comparison(values, own)
    compute.facts(comparison)
    steps = comparison.specs[_selection(comparison, values).run[0]].snapshot_steps
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
    mine = here.get(_selection(comparison, values).run, ())
    offered = {"test_accuracy", "loss", "train_accuracy", "pace"} if here else set()
    offered |= (
        NEED_FINISHED_RUNS if any(final_snapshot(records) for records in here.values()) else set()
    )
    offered |= {"gradient", "update", "dead"} if flow_table(mine, "gradient").layers else set()
    offered |= {"erf", "film"} if snapshot_fields(mine) else set()
    offered |= {"sigma"} if any(snapshot_fields(records) for records in here.values()) else set()
    offered |= {"kernels"} if mine else set()
    offered |= {"digit"} if final_snapshot(mine) else set()
    frames = {name: len(_film_frames(name, mine)) for name in ("film", "kernels")}
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


@dataclass(frozen=True)
class Selection:
    """The run and the step that the page's settings choose.

    Attributes:
        run: (net, seed).
        title: The run's name for a figure's title.
        step: The training step of the chosen snapshot.
    """

    run: tuple[int, int]
    title: str
    step: int


def _selection(comparison: Comparison, values: LabSettings) -> Selection:
    """The chosen net with the first seed, and the chosen snapshot."""
    net, seed = min(values.net, len(comparison.specs) - 1), comparison.seeds[0]
    steps = comparison.specs[net].snapshot_steps
    title = f"{comparison.names[net]}, seed {seed}"
    step = steps[values.at if values.at < len(steps) else -1]
    return Selection((net, seed), sentence_case(title), step)


def _pictures(
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
    offered: set[str],
    frames: Mapping[str, int],
) -> list[Picture]:
    """The offered pictures, the open tab's first; ``load_runs`` is called when one is drawn."""
    pictures = []
    for name in (each for each in LABELS if each in offered):
        one = Picture(name, LABELS[name], partial(_draw_still, name, comparison, values, load_runs))
        if name in frames:
            film = partial(_film, name, comparison, values, load_runs)
            strip = partial(_draw_strip, comparison, values, load_runs) if name == "film" else None
            one = replace(one, film=film, frames=frames[name], strip=strip)
        pictures.append(one)
    first = FIRST_PICTURE.get(values.tab, "test_accuracy")
    pictures.sort(key=lambda picture: picture.name != first)
    settings = f"{words.heading(comparison, values.vary)}; {words.task_text(comparison.task)}"
    return [replace(each, settings=settings) for each in pictures]


def _draw_still(
    name: str,
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
    style: Style,
) -> Figure:
    """Draw a still picture."""
    runs = load_runs()
    if name in ("erf", "film", "kernels", "digit"):
        return _draw_single_run(name, comparison, values, runs, style)
    from viz.features.training import slides

    if name in ("gradient", "update", "dead"):
        selection = _selection(comparison, values)
        return slides.layers(runs, selection.run, name, style, title=selection.title)
    options: dict[str, Any] = {"task": _task_text(comparison)}
    if name in LEARNING:
        return slides.curve(runs, comparison.names, name, style, **options)
    draw: dict[str, Callable[..., Figure]] = {
        "accuracy": slides.accuracies,
        "pace": slides.pace,
        "shifts": slides.shifts,
        "sigma": slides.widths,
    }
    return draw[name](runs, comparison.names, style, **options)


def _task_text(comparison: Comparison) -> str:
    """The task and the number of steps, for a subtitle."""
    text = f"{words.task_text(comparison.task)}, {comparison.specs[0].steps:,} steps"
    return sentence_case(text)


def _draw_single_run(
    name: str, comparison: Comparison, values: LabSettings, runs: Runs, style: Style
) -> Figure:
    """Draw a still picture of one run at the chosen step."""
    if name == "digit":
        return _draw_digit(comparison, values, style)
    selection = _selection(comparison, values)
    if name in ("film", "kernels"):
        film = _film(name, comparison, values, lambda: runs, style)
        steps = [step for step, _ in _film_frames(name, runs[selection.run])]
        film.show(max((i for i, step in enumerate(steps) if step <= selection.step), default=0))
        return film.figure
    from viz.slides.effective_field import variants

    shots = _required_fields(runs, selection)
    step, after = max((s for s in shots if s[0] <= selection.step), default=shots[0])
    named = {"before": shots[0][1], f"after {step:,} steps": after}
    return variants(named, style, title=f"{selection.title}: effective field", log=True)


def snapshot_fields(records: tuple[Record, ...]) -> Fields:
    """(step, effective field) of the snapshots that have one."""
    shots = [(record.step, record.snapshot) for record in records]
    return [(step, shot.erf) for step, shot in shots if shot is not None and shot.erf is not None]


def _required_fields(runs: Runs, selection: Selection) -> Fields:
    """(step, effective field) of the chosen run; SpecError if it has none."""
    shots = snapshot_fields(runs[selection.run])
    if not shots:
        rule = "has no field at any step: no gradient reaches the image"
        raise SpecError("net", rule, selection.title)
    return shots


def _film_frames(name: str, records: tuple[Record, ...]) -> list[tuple[int, Any]]:
    """(step, effective field or kernels) of each frame of the film with this name."""
    if name == "film":
        return list(snapshot_fields(records))
    return [(each.step, each.snapshot.kernels) for each in records if each.snapshot is not None]


def _film(
    name: str,
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
    style: Style,
) -> Film:
    """Make the film of the effective field ("film") or of the kernels ("kernels")."""
    from viz.features.training import map_slides

    selection, runs = _selection(comparison, values), load_runs()
    if name == "film":
        title = f"{selection.title}: effective field"
        return map_slides.field_film(_required_fields(runs, selection), style, title=title)
    kernels: list[tuple[int, NDArray[Any]]] = _film_frames(name, runs[selection.run])
    return map_slides.kernel_film(kernels, style, title=selection.title)


def _draw_strip(
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
    style: Style,
    count: int,
) -> Figure:
    """Draw the field at some steps side by side."""
    from viz.features.training.plot_parts import some_maps
    from viz.slides.effective_field import variants

    selection = _selection(comparison, values)
    shots = some_maps(_required_fields(load_runs(), selection), count)
    named = {f"step {step:,}": erf for step, erf in shots}
    return variants(named, style, title=f"{selection.title}: effective field", log=True)


def _draw_digit(comparison: Comparison, values: LabSettings, style: Style) -> Figure:
    """Draw one test image, its prediction and the pixels that move one unit's score."""
    from viz.features.training.map_slides import image_with_field

    selection = _selection(comparison, values)
    text = to_text(comparison.run_spec(*selection.run))
    images, labels = compute.test_images(comparison, 20_000)
    sample = min(values.sample, len(images) - 1)
    names = params.class_names(comparison.task)
    predicted = int(compute.classify(text, sample).argmax())
    erf = compute.predicted_class_erf(text, sample, values.unit)
    label = names[labels[sample]]
    verdict = "right" if predicted == labels[sample] else "wrong"
    subtitle = f"it is {label}; the net predicts {names[predicted]}: {verdict}"
    return image_with_field(images[sample], erf, style, title=selection.title, subtitle=subtitle)
