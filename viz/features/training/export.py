"""The pictures that the training lab offers for slides."""

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
from viz.features.training.plot_parts import LEARNING, end, flow_table
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
"""Label in the menu by name of the picture."""
FIRST = {
    TABS["curves"]: "test_accuracy",
    TABS["flow"]: "gradient",
    TABS["shifts"]: "shifts",
    TABS["erf"]: "erf",
    TABS["kernels"]: "kernels",
    TABS["click"]: "digit",
}
"""The picture that comes first in the menu, by open tab."""
ENDED = {"accuracy", "shifts"}
"""Pictures that need finished runs."""


def pictures(values: LabSettings) -> list[Picture]:
    """All pictures of a link's values. What is not trained here yet is trained when the first of
    them is drawn: for the command line, which has no queue.

    Raises:
        SpecError: there is no such comparison, or it would take too much.
    """
    settled = values
    own = lab_store.uploaded_images(settled.digest) if settled.digest else None
    comparison = params.comparison(settled, own)
    compute.facts(comparison)
    steps = comparison.specs[_look(comparison, settled).run[0]].snapshot_steps
    limits = {"net": len(comparison.specs) - 1, "at": len(steps) - 1}
    refuse_unfit([f"{n} must be at most {most}" for n, most in limits.items() if values[n] > most])
    count = len(steps)
    frames = {"film": count, "kernels": count}
    return _pictures(comparison, settled, partial(trained, comparison), set(LABELS), frames)


def on_show(comparison: Comparison, runs: Runs, values: LabSettings) -> list[Picture]:
    """The pictures of the records that exist; nothing is trained for them.

    Args:
        comparison: the comparison.
        runs: records so far by (net, seed).
        values: of the page: which net, seed, step and image is looked at.
    """
    here = {key: records for key, records in runs.items() if records}
    mine = here.get(_look(comparison, values).run, ())
    offered = {"test_accuracy", "loss", "train_accuracy", "pace"} if here else set()
    offered |= ENDED if any(end(records) for records in here.values()) else set()
    offered |= {"gradient", "update", "dead"} if flow_table(mine, "gradient").layers else set()
    offered |= {"erf", "film"} if fields(mine) else set()
    offered |= {"sigma"} if any(fields(records) for records in here.values()) else set()
    offered |= {"kernels"} if mine else set()
    offered |= {"digit"} if end(mine) else set()
    frames = {name: len(_shots(name, mine)) for name in ("film", "kernels")}
    return _pictures(comparison, values, lambda: here, offered, frames)


def trained(comparison: Comparison) -> Runs:
    """Train the whole comparison in this process, except for runs that are stored already.

    Raises:
        SpecError: a run that cannot go on.
    """
    for seed in comparison.seeds:
        if not compute.over(comparison, seed):
            run_now(compute.work(comparison, seed))
    failed = compute.failures(comparison)
    if failed:
        raise SpecError("run", next(iter(failed.values())), comparison.names[next(iter(failed))[0]])
    return compute.stored_records(comparison)


@dataclass(frozen=True)
class Look:
    """The run and the step that the page's settings choose.

    Attributes:
        run: (net, seed).
        title: names it.
        step: of a snapshot.
    """

    run: tuple[int, int]
    title: str
    step: int


def _look(comparison: Comparison, values: LabSettings) -> Look:
    net, seed = min(values.net, len(comparison.specs) - 1), comparison.seeds[0]
    steps = comparison.specs[net].snapshot_steps
    title = f"{comparison.names[net]}, seed {seed}"
    step = steps[values.at if values.at < len(steps) else -1]
    return Look((net, seed), sentence_case(title), step)


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
        one = Picture(name, LABELS[name], partial(_drawn, name, comparison, values, load_runs))
        if name in frames:
            film = partial(_film, name, comparison, values, load_runs)
            strip = partial(_strip, comparison, values, load_runs) if name == "film" else None
            one = replace(one, film=film, frames=frames[name], strip=strip)
        pictures.append(one)
    first = FIRST.get(values.tab, "test_accuracy")
    pictures.sort(key=lambda picture: picture.name != first)
    settings = f"{words.heading(comparison, values.vary)}; {words.task(comparison.task)}"
    return [replace(each, settings=settings) for each in pictures]


def _drawn(
    name: str,
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
    style: Style,
) -> Figure:
    """Draw a still picture."""
    runs = load_runs()
    if name in ("erf", "film", "kernels", "digit"):
        return _of_one(name, comparison, values, runs, style)
    from viz.features.training import slides

    if name in ("gradient", "update", "dead"):
        look = _look(comparison, values)
        return slides.layers(runs, look.run, name, style, title=look.title)
    options: dict[str, Any] = {"task": _learned(comparison)}
    if name in LEARNING:
        return slides.curve(runs, comparison.names, name, style, **options)
    draw: dict[str, Callable[..., Figure]] = {
        "accuracy": slides.accuracies,
        "pace": slides.pace,
        "shifts": slides.shifts,
        "sigma": slides.widths,
    }
    return draw[name](runs, comparison.names, style, **options)


def _learned(comparison: Comparison) -> str:
    text = f"{words.task(comparison.task)}, {comparison.specs[0].steps:,} steps"
    return sentence_case(text)


def _of_one(
    name: str, comparison: Comparison, values: LabSettings, runs: Runs, style: Style
) -> Figure:
    """Draw a still picture of one run at the chosen step."""
    if name == "digit":
        return _digit(comparison, values, style)
    look = _look(comparison, values)
    if name in ("film", "kernels"):
        film = _film(name, comparison, values, lambda: runs, style)
        steps = [step for step, _ in _shots(name, runs[look.run])]
        film.show(max((i for i, step in enumerate(steps) if step <= look.step), default=0))
        return film.figure
    from viz.slides.effective_field import variants

    shots = _fields_of(runs, look)
    step, after = max((s for s in shots if s[0] <= look.step), default=shots[0])
    named = {"before": shots[0][1], f"after {step:,} steps": after}
    return variants(named, style, title=f"{look.title}: effective field", log=True)


def fields(records: tuple[Record, ...]) -> Fields:
    """(step, effective field) of the snapshots that have one."""
    shots = [(record.step, record.snapshot) for record in records]
    return [(step, shot.erf) for step, shot in shots if shot is not None and shot.erf is not None]


def _fields_of(runs: Runs, look: Look) -> Fields:
    shots = fields(runs[look.run])
    if not shots:
        rule = "has no field at any step: no gradient reaches the image"
        raise SpecError("net", rule, look.title)
    return shots


def _shots(name: str, records: tuple[Record, ...]) -> list[tuple[int, Any]]:
    if name == "film":
        return list(fields(records))
    return [(each.step, each.snapshot.kernels) for each in records if each.snapshot is not None]


def _film(
    name: str,
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
    style: Style,
) -> Film:
    from viz.features.training import map_slides

    look, runs = _look(comparison, values), load_runs()
    if name == "film":
        title = f"{look.title}: effective field"
        return map_slides.field_film(_fields_of(runs, look), style, title=title)
    kernels: list[tuple[int, NDArray[Any]]] = _shots(name, runs[look.run])
    return map_slides.kernel_film(kernels, style, title=look.title)


def _strip(
    comparison: Comparison,
    values: LabSettings,
    load_runs: Callable[[], Runs],
    style: Style,
    count: int,
) -> Figure:
    """Draw the field at some steps side by side."""
    from viz.features.training.plot_parts import some_maps
    from viz.slides.effective_field import variants

    look = _look(comparison, values)
    shots = some_maps(_fields_of(load_runs(), look), count)
    named = {f"step {step:,}": erf for step, erf in shots}
    return variants(named, style, title=f"{look.title}: effective field", log=True)


def _digit(comparison: Comparison, values: LabSettings, style: Style) -> Figure:
    from viz.features.training.map_slides import image_with_field

    look = _look(comparison, values)
    text = to_text(comparison.unit(*look.run))
    images, labels = compute.test_images(comparison, 20_000)
    sample = min(values.sample, len(images) - 1)
    names = params.class_names(comparison.task)
    predicted = int(compute.classify(text, sample).argmax())
    erf = compute.click_erf(text, sample, values.unit)
    label = names[labels[sample]]
    verdict = "right" if predicted == labels[sample] else "wrong"
    subtitle = f"it is {label}; the net says {names[predicted]}: {verdict}"
    return image_with_field(images[sample], erf, style, title=look.title, subtitle=subtitle)
