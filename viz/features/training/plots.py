"""The training lab's plots, for the page and for files alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from core.errors import SpecError
from core.plots.training import (
    Learning,
    accuracy_plot,
    learning_plot,
    pace_plot,
    shift_plot,
    width_plot,
)
from core.plots.training_fields import (
    MOST_FIELDS,
    field_frames,
    fields_plot,
    image_plot,
    some_steps,
)
from core.plots.training_maps import LayerNumber, kernels_plot, layers_plot
from core.text import sentence_case
from core.training.text import to_text
from viz.features.training import compute
from viz.features.training.params import Comparison, LabSettings, class_names

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.plots.plot import Plot
    from core.plots.training import Runs
    from core.training.records import Record

LEARNING = get_args(Learning)
"""Names of the plots of a number over the steps."""
LAYERS = get_args(LayerNumber)
"""Names of the plots of a number by layer and step."""
FIELDS = "The effective field while it learns"
"""Title of the plots of a field at several steps."""
MOST_IMAGES = 20_000
"""Largest number of test images to choose from."""


@dataclass(frozen=True)
class Selection:
    """The run and the step that the page's settings choose.

    Attributes:
        run: (net, seed).
        title: The run's name.
        step: The training step of the chosen snapshot.
    """

    run: tuple[int, int]
    title: str
    step: int


def selection(comparison: Comparison, values: LabSettings) -> Selection:
    """The chosen net with the first seed, and the chosen snapshot."""
    net, seed = min(values.net, len(comparison.specs) - 1), comparison.seeds[0]
    steps = comparison.specs[net].snapshot_steps
    title = sentence_case(f"{comparison.names[net]}, seed {seed}")
    return Selection((net, seed), title, steps[values.at if values.at < len(steps) else -1])


def comparison_plot(name: str, comparison: Comparison, runs: Runs) -> Plot:
    """A plot of all nets: one of `LEARNING`, "accuracy", "pace", "shifts" or "sigma"."""
    names, steps = comparison.names, comparison.specs[0].steps
    if name in LEARNING:
        return learning_plot(runs, names, name, steps)  # type: ignore[arg-type]
    if name == "sigma":
        return width_plot(runs, names, steps)
    makers = {"accuracy": accuracy_plot, "pace": pace_plot, "shifts": shift_plot}
    return makers[name](runs, names)


def layer_plot(name: str, comparison: Comparison, runs: Runs, values: LabSettings) -> Plot:
    """One of `LAYERS` of the chosen run by layer and step."""
    chosen = selection(comparison, values)
    steps = comparison.specs[chosen.run[0]].record_steps
    return layers_plot(runs, chosen.run, name, steps, chosen.title)  # type: ignore[arg-type]


def snapshot_fields(records: Sequence[Record]) -> list[tuple[int, EffectiveReceptiveField]]:
    """(step, effective field) of the snapshots of a run that have one."""
    shots = [(record.step, record.snapshot) for record in records]
    return [(step, shot.erf) for step, shot in shots if shot is not None and shot.erf is not None]


def _chosen_fields(
    comparison: Comparison, runs: Runs, values: LabSettings
) -> tuple[Selection, list[tuple[int, EffectiveReceptiveField]]]:
    """The chosen run and its fields.

    Raises:
        SpecError: It has none.
    """
    chosen = selection(comparison, values)
    shots = snapshot_fields(runs[chosen.run])
    if not shots:
        rule = "has no field at any step: no gradient reaches the image"
        raise SpecError("net", rule, chosen.title)
    return chosen, shots


def field_pair(comparison: Comparison, runs: Runs, values: LabSettings) -> Plot:
    """The field of the chosen run before the first step and at the chosen one."""
    chosen, shots = _chosen_fields(comparison, runs, values)
    step, after = shots[index_at(chosen.step, shots)]
    named = {"Before training": shots[0][1], f"Step {step:,}": after}
    return fields_plot(named, "Effective field", chosen.title)


def field_steps(
    comparison: Comparison, runs: Runs, values: LabSettings, most: int = MOST_FIELDS
) -> Plot:
    """The field of the chosen run at so many steps."""
    chosen, shots = _chosen_fields(comparison, runs, values)
    return fields_plot(some_steps(shots, most), FIELDS, chosen.title)


def field_film(comparison: Comparison, runs: Runs, values: LabSettings) -> list[Plot]:
    """The field of the chosen run at every snapshot, a plot each."""
    chosen, shots = _chosen_fields(comparison, runs, values)
    return field_frames(shots, FIELDS, chosen.title)


def field_still(comparison: Comparison, runs: Runs, values: LabSettings) -> Plot:
    """The plot of `field_film` at the chosen step."""
    chosen, shots = _chosen_fields(comparison, runs, values)
    return field_film(comparison, runs, values)[index_at(chosen.step, shots)]


def score_plot(comparison: Comparison, values: LabSettings) -> Plot:
    """The chosen test image, and the pixels that change the predicted class's score."""
    chosen = selection(comparison, values)
    text = to_text(comparison.run_spec(*chosen.run))
    images, labels = compute.test_images(comparison, MOST_IMAGES)
    sample, names = min(values.sample, len(images) - 1), class_names(comparison.task)
    predicted = int(compute.classify(text, sample).argmax())
    erf = compute.predicted_class_erf(text, sample, values.unit)
    label = names[labels[sample]]
    return image_plot(images[sample], erf, label, names[predicted], chosen.title)


def snapshot_kernels(records: Sequence[Record]) -> list[tuple[int, Any]]:
    """(step, kernels of the first layer) of the snapshots of a run."""
    return [(each.step, each.snapshot.kernels) for each in records if each.snapshot is not None]


def kernel_plot(comparison: Comparison, runs: Runs, values: LabSettings) -> Plot:
    """The kernels of the chosen run at the chosen step, the chosen one of them framed."""
    chosen = selection(comparison, values)
    shots = snapshot_kernels(runs[chosen.run])
    index = index_at(chosen.step, shots)
    framed = min(values.kernel, len(shots[index][1]) - 1)
    return kernels_plot(shots, index, chosen.title, framed)


def kernel_plots(comparison: Comparison, runs: Runs, values: LabSettings) -> list[Plot]:
    """The kernels of the chosen run at every snapshot."""
    chosen = selection(comparison, values)
    shots = snapshot_kernels(runs[chosen.run])
    return [kernels_plot(shots, index, chosen.title) for index in range(len(shots))]


def index_at(step: int, shots: Sequence[tuple[int, Any]]) -> int:
    """The index of the last of some (step, …) that is not after a step; 0 if all are."""
    return max((index for index, (at, _) in enumerate(shots) if at <= step), default=0)
