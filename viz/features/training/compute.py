"""The training lab's computations: runs as work for a queue, and results of stored runs.

No other module of the page imports the parts of `core.training` that need torch.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Generator, Hashable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import SpecError
from core.training import files
from core.training.spec import OwnImages, Task, TrainingSpec
from core.training.text import from_text, to_text
from viz.choices import lab_store
from viz.choices.lab_store import Run, finished_run, stored_run, uploaded_images
from viz.server.cache import computed_once
from viz.server.queue import Report, Work
from viz.server.settings import settings
from viz.server.torch_start import warm

if TYPE_CHECKING:
    from torch import nn

    from core.erf import EffectiveReceptiveField
    from core.training.records import Record
    from core.training.turns import ResumableRun
    from viz.features.training.params import Comparison

    Runs = Mapping[tuple[int, int], tuple[Record, ...]]

MAX_WORK = 10**13
"""The most multiply–accumulates of a whole comparison, which take one core some minutes."""
MAX_PARAMETERS = 2_000_000
"""The most parameters of one net; every record carries three numbers for each of them."""


@dataclass(frozen=True)
class Facts:
    """The size and the cost of a net, computed before it is trained.

    Attributes:
        parameters: how many numbers the optimizer updates.
        macs: multiply–accumulates of one image, forward.
        work: multiply–accumulates of one run, forward and backward.
        steps: updates of one run.
        bytes: memory that a run takes; an estimate.
    """

    parameters: int
    macs: int
    work: int
    steps: int
    bytes: int


def facts(comparison: Comparison) -> tuple[Facts, ...]:
    """The facts of each net, in order.

    Raises:
        SpecError: The nets need too much memory or work, or the images are too small to be
            downsampled so often; the message says what is allowed.
    """
    plans = tuple(map(_facts, comparison.specs))
    largest = max(each.parameters for each in plans)
    if largest > MAX_PARAMETERS:
        rule = f"must be smaller: a net may have at most {MAX_PARAMETERS:,} parameters"
        raise SpecError("width", rule, f"{largest:,}")
    if sum(each.bytes for each in plans) > settings().memory_bytes:
        rule = f"must be at most {_largest_batch(comparison.specs)} for these nets side by side"
        raise SpecError("batch", rule, comparison.specs[0].batch)
    a_step = sum(each.work // each.steps for each in plans) * len(comparison.seeds)
    if plans[0].steps * a_step > MAX_WORK:
        rule = f"must be at most {MAX_WORK // a_step:,} for these nets and seeds, or those fewer"
        raise SpecError("steps", rule, plans[0].steps)
    return plans


def _largest_batch(specs: Sequence[TrainingSpec]) -> int:
    """The largest batch, found by halving, with which all nets fit into the server's memory."""
    batch, budget = specs[0].batch, settings().memory_bytes
    while batch > 2:
        batch //= 2
        if sum(_facts(replace(spec, batch=batch)).bytes for spec in specs) <= budget:
            break
    return batch


def _facts(spec: TrainingSpec) -> Facts:
    """The facts of one net, from a cache unless it learns a visitor's images."""
    if isinstance(spec.task, OwnImages):
        return _computed_facts(spec)  # a key of the cache would keep the images in memory
    return _cached_facts(replace(spec, seed=0))


@computed_once(256, outside=True)
def _cached_facts(spec: TrainingSpec) -> Facts:
    """The facts of one net, which do not depend on the seed."""
    return _computed_facts(spec)


def _computed_facts(spec: TrainingSpec) -> Facts:
    """The facts of one net, computed anew."""
    warm()
    from core.training.nets import run_costs

    costs = run_costs(spec)
    return Facts(costs.parameters, costs.macs, costs.work, spec.steps, costs.bytes)


# --- training -------------------------------------------------------------------------------------


def queue_key(comparison: Comparison, seed: int) -> Hashable:
    """The queue's key of `work` with these arguments; it contains no images."""
    return "training", *_run_texts(comparison, seed)


def work(comparison: Comparison, seed: int) -> Work:
    """Work for the queue that trains all nets with one seed in turns, from their last records.

    It reports and returns the records of each net so far: ``dict[int, tuple[Record, ...]]``. A net
    whose training fails stops there (see `failures`); the others go on.
    """
    texts = _run_texts(comparison, seed)
    digest = comparison.task.digest if isinstance(comparison.task, OwnImages) else ""

    def run(report: Report) -> dict[int, tuple[Record, ...]]:
        warm()  # the records that come bring torch along
        from core.training.turns import ResumableRun

        own = uploaded_images(
            digest
        )  # asked for here: the queue keeps this function, not the images
        specs = [from_text(text, own) for text in texts]
        runs = [stored_run(text) for text in texts]
        best = list(runs)  # replaced where another comparison has trained the same net further
        total = sum(len(spec.record_steps) for spec in specs)

        def report_all() -> bool:
            done = sum(len(each.records) for each in best)
            return report(done, total, {net: each.records for net, each in enumerate(best)})

        resumable = [
            ResumableRun(net, specs[net], each.state)
            for net, each in enumerate(runs)
            if not each.over
        ]
        if report_all() and resumable:
            with closing(_stream_records(resumable)) as steps:
                for net, step in steps:
                    runs[net] = _with_record_or_error(runs[net], step)
                    best[net] = lab_store.STORE.put(texts[net], runs[net], Run.further_than)
                    if not report_all():
                        break
        return {net: each.records for net, each in enumerate(best)}

    return run


def _run_texts(comparison: Comparison, seed: int) -> tuple[str, ...]:
    """The texts (`core.training.text`) that identify the runs of all nets with one seed."""
    return tuple(to_text(comparison.run_spec(net, seed)) for net in range(len(comparison.specs)))


def _with_record_or_error(run: Run, step: Record | SpecError) -> Run:
    """The run with one more record, or with the error that ended it."""
    if isinstance(step, SpecError):
        return Run(run.records, str(step))
    return run.with_record(step)


def _stream_records(
    resumable: list[ResumableRun],
) -> Generator[tuple[int, Record | SpecError], None, None]:
    """Train the runs in a worker process; yields (net, record or error) as they come."""
    from viz.server.processes import stream

    # The CPU unless the server's settings name a device: on one kind of CPU, runs repeat
    # bit by bit.
    yield from stream("core.training.turns:take_turns", resumable, settings().device or "cpu")


def stored_records(comparison: Comparison) -> Runs:
    """The stored records by (net, seed); newer ones may still be in the queue."""
    return {key: run.records for key, run in _runs(comparison).items() if run.records}


def failures(comparison: Comparison) -> Mapping[tuple[int, int], str]:
    """Error messages of the runs that cannot go on, by (net, seed)."""
    return {key: run.error for key, run in _runs(comparison).items() if run.error}


def is_over(comparison: Comparison, seed: int) -> bool:
    """Whether every net with this seed has finished or failed."""
    return all(run.over for (_, of), run in _runs(comparison).items() if of == seed)


def _runs(comparison: Comparison) -> dict[tuple[int, int], Run]:
    """The stored runs, empty ones included, by (net, seed)."""
    keys = [(net, seed) for seed in comparison.seeds for net in range(len(comparison.specs))]
    return {key: stored_run(to_text(comparison.run_spec(*key))) for key in keys}


# --- images ---------------------------------------------------------------------------------------


def store_images(data: bytes) -> OwnImages:
    """Read a visitor's ``.npz`` file, and store its images in memory for links that name them.

    Raises:
        SpecError: see `core.training.uploads.read_npz`.
    """
    from core.training.uploads import read_npz

    images = uploaded_images(hashlib.sha256(data).hexdigest()[:32])  # as `read_npz` names it
    if images is None:
        images = read_npz(data, settings().upload_bytes)
        lab_store.UPLOADS.put(images.digest, images)
    return images


def test_images(
    comparison: Comparison, count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The first test images (N, C, H, W) as the nets' inputs, and their classes (N,)."""
    images, labels = _test_set(comparison.specs[0])
    return images[:count], labels[:count]


def _test_set(spec: TrainingSpec) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All test images (N, C, H, W) and classes (N,), read-only."""
    own = isinstance(spec.task, OwnImages)
    images, labels = _draw_test_set(spec.task) if own else _cached_test_set(spec.task)
    images.flags.writeable = labels.flags.writeable = False  # all visitors share the arrays
    return images, labels


@computed_once(16, outside=True)
def _cached_test_set(task: Task) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """A task's test images and classes, from a cache."""
    return _draw_test_set(task)


def _draw_test_set(task: Task) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Generate a task's test images and classes."""
    warm()
    from core.training.tasks import source_of

    images, labels = source_of(task).test_set()
    return images.numpy(), labels.numpy()


# --- trained nets ---------------------------------------------------------------------------------


def trained_module(text: str) -> nn.Module:
    """The net of a finished run, in eval mode, on the CPU; a new one at each call.

    Args:
        text: The run as `core.training.text.to_text` writes it.

    Raises:
        SpecError: There is no such run, or it is not finished on this server.
    """
    return _trained_net(text)[1]


def _trained_net(text: str) -> tuple[TrainingSpec, nn.Module]:
    """The spec and the trained net of a finished run."""
    warm()
    from core.training.loop import trained_network

    spec, state = finished_run(text)
    return spec, trained_network(spec, state)


@computed_once(256)
def classify(run_text: str, image_index: int) -> NDArray[np.float32]:
    """(classes,) softmax scores of a test image.

    Args:
        run_text: The finished run as `core.training.text.to_text` writes it.
        image_index: Index of the test image.

    Raises:
        SpecError: The run is not finished on this server, or there is no such image.
    """
    spec, net = _trained_net(run_text)
    import torch

    with torch.inference_mode():
        scores: NDArray[np.float32] = torch.softmax(
            net(_test_batch(spec, image_index))[0], 0
        ).numpy()
    scores.flags.writeable = False
    return scores


@computed_once(256)
def predicted_class_erf(
    run_text: str, image_index: int, unit: str = "centre"
) -> EffectiveReceptiveField | None:
    """The effective field of one unit of the last map, in one test image.

    The score is the predicted class's output of the linear layer for that unit alone; a head that
    averages returns the mean of it over all units. The map is the squared gradient of the score for
    the pixels, normalized to a sum of 1; None if the gradient is 0 everywhere.

    Args:
        run_text: The finished run as `core.training.text.to_text` writes it.
        image_index: Index of the test image.
        unit: "centre" or "row.column", clamped to the map.

    Raises:
        SpecError: See `classify`.
    """
    spec, net = _trained_net(run_text)
    import torch
    from torch import nn

    from core.erf import effective_receptive_field

    image = _test_batch(spec, image_index)
    with torch.inference_mode():
        body, linear = net.get_submodule("body"), net.get_submodule("linear")
        grid = body(image).shape[2:]
        predicted = int(net(image).argmax())
    weight = linear.get_parameter("weight").detach()[predicted : predicted + 1, :, None, None]
    last = nn.Conv2d(weight.shape[1], 1, 1, bias=False, device="meta")
    last.weight = nn.Parameter(weight)
    parts = nn.Sequential(OrderedDict(body=body, scores=last))
    at = unit_position(unit, (grid[0], grid[1]))
    try:
        return effective_receptive_field(
            parts, spec.task.shape, "scores", unit=at, draws=1, inputs=image, device="cpu"
        )
    except SpecError as error:
        if error.parameter in ("inputs", "weights"):  # a gradient of 0
            return None
        raise


def unit_position(unit: str, grid: tuple[int, int]) -> tuple[int, int]:
    """The (row, column) of "centre" or "row.column" in a map of (rows, columns), clamped to it."""
    rows, columns = grid
    if unit == "centre":
        return rows // 2, columns // 2
    row, column = map(int, unit.split("."))
    return min(row, rows - 1), min(column, columns - 1)


def _test_batch(spec: TrainingSpec, image_index: int) -> Any:
    """One image as a batch (1, C, H, W)."""
    import torch

    images, _ = _test_set(spec)
    if not 0 <= image_index < len(images):
        raise SpecError("sample", f"must be from 0 to {len(images) - 1}", image_index)
    return torch.from_numpy(images[image_index : image_index + 1].copy())


# --- files ----------------------------------------------------------------------------------------


def records_csv(comparison: Comparison, runs: Runs) -> str:
    """See `core.training.files.records_csv`."""
    return files.records_csv(comparison.names, runs)


def records_json(comparison: Comparison, runs: Runs) -> str:
    """See `core.training.files.records_json`."""
    return files.records_json(comparison.names, comparison.specs, runs)
