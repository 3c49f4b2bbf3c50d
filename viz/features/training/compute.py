"""The training lab's computations: runs through their own queue in worker processes, and what the
runs that are kept can be asked. The only caller of the heavy half of `core.training`.
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
from viz.choices.lab_store import Run, finished, stored_run, uploaded_images
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


def facts(c: Comparison) -> tuple[Facts, ...]:
    """The facts of each net, in order.

    Raises:
        SpecError: a run, or all together, would take too much; images too small for the
            halvings; with what would do.
    """
    plans = tuple(map(_facts, c.specs))
    largest = max(each.parameters for each in plans)
    if largest > MAX_PARAMETERS:
        rule = f"must be smaller: a net may have at most {MAX_PARAMETERS:,} parameters"
        raise SpecError("width", rule, f"{largest:,}")
    if sum(each.bytes for each in plans) > settings().memory_bytes:
        rule = f"must be at most {_fitting(c.specs)} for these nets side by side"
        raise SpecError("batch", rule, c.specs[0].batch)
    a_step = sum(each.work // each.steps for each in plans) * len(c.seeds)
    if plans[0].steps * a_step > MAX_WORK:
        rule = f"must be at most {MAX_WORK // a_step:,} for these nets and seeds, or those fewer"
        raise SpecError("steps", rule, plans[0].steps)
    return plans


def _fitting(specs: Sequence[TrainingSpec]) -> int:
    """The largest batch with which the nets fit into the memory."""
    batch, budget = specs[0].batch, settings().memory_bytes
    while batch > 2:
        batch //= 2
        if sum(_facts(replace(spec, batch=batch)).bytes for spec in specs) <= budget:
            break
    return batch


def _facts(spec: TrainingSpec) -> Facts:
    if isinstance(spec.task, OwnImages):
        return _planned(spec)  # a visitor's images are not for a cache to hold on to
    return _cached_facts(replace(spec, seed=0))


@computed_once(256, outside=True)
def _cached_facts(spec: TrainingSpec) -> Facts:
    return _planned(spec)


def _planned(spec: TrainingSpec) -> Facts:
    warm()
    from core.training.nets import run_costs

    planned = run_costs(spec)
    return Facts(planned.parameters, planned.macs, planned.work, spec.steps, planned.bytes)


# --- training -------------------------------------------------------------------------------------


def key(c: Comparison, seed: int) -> Hashable:
    """The queue's key of `work`; equal work has equal keys, and a key holds no images."""
    return "training", *_texts(c, seed)


def work(c: Comparison, seed: int) -> Work:
    """Work for the queue that trains the nets of one seed side by side from their last records.

    Reports and returns the records of each net so far: ``dict[int, tuple[Record, ...]]``. A net
    that cannot go on stops there (see `failures`); the others go on.
    """
    texts = _texts(c, seed)
    digest = c.task.digest if isinstance(c.task, OwnImages) else ""

    def run(report: Report) -> dict[int, tuple[Record, ...]]:
        warm()  # the records that come bring torch along
        from core.training.turns import ResumableRun

        own = uploaded_images(
            digest
        )  # asked for here: the queue keeps this function, not the images
        specs = [from_text(text, own) for text in texts]
        runs = [stored_run(text) for text in texts]
        best = list(runs)  # where another comparison has come further with the same net
        total = sum(len(spec.record_steps) for spec in specs)

        def report_all() -> bool:
            done = sum(len(each.records) for each in best)
            return report(done, total, {net: each.records for net, each in enumerate(best)})

        going = [
            ResumableRun(net, specs[net], each.state)
            for net, each in enumerate(runs)
            if not each.over
        ]
        if report_all() and going:
            with closing(_stream(going)) as steps:
                for net, step in steps:
                    runs[net] = _after(runs[net], step)
                    best[net] = lab_store.STORE.put(texts[net], runs[net], Run.further_than)
                    if not report_all():
                        break
        return {net: each.records for net, each in enumerate(best)}

    return run


def _texts(c: Comparison, seed: int) -> tuple[str, ...]:
    return tuple(to_text(c.unit(net, seed)) for net in range(len(c.specs)))


def _after(run: Run, step: Record | SpecError) -> Run:
    if isinstance(step, SpecError):
        return Run(run.records, str(step))
    return run.with_record(step)


def _stream(going: list[ResumableRun]) -> Generator[tuple[int, Record | SpecError], None, None]:
    from viz.server.processes import stream

    # On the CPU unless the server's owner has named a device: there, runs repeat to the last
    # bit on one kind of CPU.
    yield from stream("core.training.turns:take_turns", going, settings().device or "cpu")


def stored_records(c: Comparison) -> Runs:
    """The stored records by (net, seed), without those that the queue still holds."""
    return {key: run.records for key, run in _runs(c).items() if run.records}


def failures(c: Comparison) -> Mapping[tuple[int, int], str]:
    """Error messages of the runs that cannot go on, by (net, seed)."""
    return {key: run.error for key, run in _runs(c).items() if run.error}


def over(c: Comparison, seed: int) -> bool:
    """Whether every net of this seed has finished or cannot go on."""
    return all(run.over for (_, of), run in _runs(c).items() if of == seed)


def _runs(c: Comparison) -> dict[tuple[int, int], Run]:
    keys = [(net, seed) for seed in c.seeds for net in range(len(c.specs))]
    return {key: stored_run(to_text(c.unit(*key))) for key in keys}


# --- images ---------------------------------------------------------------------------------------


def hold(data: bytes) -> OwnImages:
    """The images of a visitor's ``.npz``, which stay in memory for a while for all visitors.

    Raises:
        SpecError: see `core.training.uploads.read_npz`.
    """
    from core.training.uploads import read_npz

    images = uploaded_images(hashlib.sha256(data).hexdigest()[:32])  # as `read_npz` names it
    if images is None:
        images = read_npz(data, settings().upload_bytes)
        lab_store.UPLOADS.put(images.digest, images)
    return images


def test_images(c: Comparison, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The first test images (N, C, H, W) as the nets' inputs, and their classes (N,)."""
    images, labels = _tests(c.specs[0])
    return images[:count], labels[:count]


def _tests(spec: TrainingSpec) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    own = isinstance(spec.task, OwnImages)
    images, labels = _drawn(spec.task) if own else _cached_tests(spec.task)
    images.flags.writeable = labels.flags.writeable = False  # all visitors see the same ones
    return images, labels


@computed_once(16, outside=True)
def _cached_tests(task: Task) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    return _drawn(task)


def _drawn(task: Task) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    warm()
    from core.training.tasks import source_of

    images, labels = source_of(task).test()
    return images.numpy(), labels.numpy()


# --- trained nets ---------------------------------------------------------------------------------


def trained_module(text: str) -> nn.Module:
    """The net of a finished run, in eval mode, on the CPU; a new one at each call.

    Args:
        text: of `core.training.text`.

    Raises:
        SpecError: no such run, or it is not finished here.
    """
    return _trained(text)[1]


def _trained(text: str) -> tuple[TrainingSpec, nn.Module]:
    warm()
    from core.training.loop import trained

    spec, state = finished(text)
    return spec, trained(spec, state)


@computed_once(256)
def classify(text: str, index: int) -> NDArray[np.float32]:
    """(classes,) softmax scores of a test image.

    Raises:
        SpecError: the run is not finished here, there is no such image.
    """
    spec, net = _trained(text)
    import torch

    with torch.inference_mode():
        scores: NDArray[np.float32] = torch.softmax(net(_test(spec, index))[0], 0).numpy()
    scores.flags.writeable = False
    return scores


@computed_once(256)
def click_erf(text: str, index: int, unit: str = "centre") -> EffectiveReceptiveField | None:
    """Which pixels of one test image move the predicted class's score at one unit of the last map.

    The score is what the linear layer gives for that unit alone: a head that averages gives the
    mean of it over all units. The map is the squared gradient, made to sum to 1; None where the
    gradient is 0 everywhere.

    Args:
        text: of a finished run.
        index: of the test image.
        unit: "centre" or "row.column", kept inside the map.

    Raises:
        SpecError: as `classify`.
    """
    spec, net = _trained(text)
    import torch
    from torch import nn

    from core.erf import effective_receptive_field

    image = _test(spec, index)
    with torch.inference_mode():
        body, linear = net.get_submodule("body"), net.get_submodule("linear")
        grid = body(image).shape[2:]
        predicted = int(net(image).argmax())
    weight = linear.get_parameter("weight").detach()[predicted : predicted + 1, :, None, None]
    last = nn.Conv2d(weight.shape[1], 1, 1, bias=False, device="meta")
    last.weight = nn.Parameter(weight)
    parts = nn.Sequential(OrderedDict(body=body, scores=last))
    at = place(unit, (grid[0], grid[1]))
    try:
        return effective_receptive_field(
            parts, spec.task.shape, "scores", unit=at, draws=1, inputs=image, device="cpu"
        )
    except SpecError as error:
        if error.parameter in ("inputs", "weights"):  # a gradient of 0
            return None
        raise


def place(unit: str, grid: tuple[int, int]) -> tuple[int, int]:
    """The (row, column) that the text names, clamped to the map."""
    rows, columns = grid
    if unit == "centre":
        return rows // 2, columns // 2
    row, column = map(int, unit.split("."))
    return min(row, rows - 1), min(column, columns - 1)


def _test(spec: TrainingSpec, index: int) -> Any:
    """One image as a batch (1, C, H, W)."""
    import torch

    images, _ = _tests(spec)
    if not 0 <= index < len(images):
        raise SpecError("sample", f"must be from 0 to {len(images) - 1}", index)
    return torch.from_numpy(images[index : index + 1].copy())


# --- files ----------------------------------------------------------------------------------------


def records_csv(c: Comparison, runs: Runs) -> str:
    """See `core.training.files.records_csv`."""
    return files.records_csv(c.names, runs)


def records_json(c: Comparison, runs: Runs) -> str:
    """See `core.training.files.records_json`."""
    return files.records_json(c.names, c.specs, runs)
