"""The training lab's computations: runs through their own queue in worker processes, and what the
runs that are kept can be asked. The only caller of the heavy half of `core.training`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.errors import SpecError
from core.training.spec import OwnImages, TrainingSpec
from core.training.text import from_text, to_text
from viz.compute import warm
from viz.jobs import Jobs, Report, Work
from viz.shared import shared
from viz.training_store import Run, Shelf

if TYPE_CHECKING:
    from torch import nn

    from core.erf import EffectiveReceptiveField
    from core.training.records import Record, State
    from viz.training_state import Comparison

    Runs = Mapping[tuple[int, int], tuple[Record, ...]]

MAX_WORK = 10**13
"""Multiply–accumulates of a whole comparison: some minutes of one core."""
MAX_PARAMETERS = 2_000_000
"""Of one net: every record carries three numbers for each to the server."""
STORE: Shelf[Run] = Shelf(200 * 2**20, lambda run: run.nbytes)
"""Runs by the text of their spec."""
UPLOADS: Shelf[OwnImages] = Shelf(256 * 2**20, lambda own: own.images.nbytes + own.labels.nbytes)
"""Visitors' images by their digest."""
NEVER = "is not trained on this server; train it in the training lab"


def queue() -> Jobs:
    """The queue for training."""
    from viz.waiting import trainings

    return trainings()


@dataclass(frozen=True)
class Facts:
    """What is known of a net before it is trained.

    Attributes:
        parameters: numbers to learn.
        macs: multiply–accumulates of one image, forward.
        work: multiply–accumulates of one run, forward and backward.
        steps: updates of one run.
    """

    parameters: int
    macs: int
    work: int
    steps: int


def facts(c: Comparison) -> tuple[Facts, ...]:
    """Of each net.

    Raises:
        SpecError: a run, or all together, would take too much; images too small for the
            halvings; with what would do.
    """
    found = tuple(_facts(spec) for spec in c.specs)
    for each in found:
        if each.parameters > MAX_PARAMETERS:
            rule = f"must be smaller: at most {MAX_PARAMETERS:,} numbers to learn"
            raise SpecError("width", rule, f"{each.parameters:,}")
    a_step = sum(each.work // each.steps for each in found) * len(c.seeds)
    steps = c.specs[0].steps
    if steps * a_step > MAX_WORK:
        rule = f"must be at most {MAX_WORK // a_step:,} for these nets and seeds"
        raise SpecError("steps", rule, steps)
    return found


def _facts(spec: TrainingSpec) -> Facts:
    # A visitor's images are not for a cache to hold on to.
    return _planned(spec) if isinstance(spec.task, OwnImages) else _kept_facts(spec)


@shared(256)
def _kept_facts(spec: TrainingSpec) -> Facts:
    return _planned(spec)


def _planned(spec: TrainingSpec) -> Facts:
    warm()
    from core.training.nets import plan

    found = plan(spec)
    return Facts(found.parameters, found.macs, found.work, spec.steps)


# --- training -------------------------------------------------------------------------------------


def work(c: Comparison, seed: int) -> Work:
    """Trains the nets of one seed side by side, from where they were left; for the queue.

    Reports and returns the records of each net so far: ``dict[int, tuple[Record, ...]]``. A net
    that cannot go on stops there (see `failures`); the others go on.
    """
    texts = [to_text(c.unit(net, seed)) for net in range(len(c.specs))]
    digest = c.task.digest if isinstance(c.task, OwnImages) else ""

    def run(report: Report) -> dict[int, tuple[Record, ...]]:
        own = held(digest)  # not kept by this function: it outlives its images on the shelf
        specs = [from_text(text, own) for text in texts]
        runs = [_stored(text) for text in texts]
        total = sum(len(spec.record_steps) for spec in specs)
        going = [
            (net, specs[net], each.state) for net, each in enumerate(runs) if not each.over
        ]  # fmt: skip

        def told() -> bool:
            records = {net: each.records for net, each in enumerate(runs) if each.records}
            return report(sum(map(len, records.values())), total, records)

        if told() and going:
            with closing(_stream(going)) as steps:
                for net, step in steps:
                    runs[net] = STORE.put(texts[net], _after(runs[net], step), Run.further_than)
                    if not told():
                        break
        return {net: each.records for net, each in enumerate(runs)}

    return run


def _stored(text: str) -> Run:
    return STORE.get(text) or Run()


def _after(run: Run, step: Record | SpecError) -> Run:
    if isinstance(step, SpecError):
        return Run(run.records, str(step))
    return run.with_record(step)


Going = Sequence[tuple[int, TrainingSpec, "State | None"]]


def _stream(going: Going) -> Iterator[tuple[int, Record | SpecError]]:
    from viz.workers import stream

    return stream("viz.compute_training:turns", going)


def turns(going: Going) -> Iterator[tuple[int, Record | SpecError]]:
    """Each makes its next record in turn, as in `core.training.studies.compare`; in place of one
    it cannot make it gives the reason, and is done. What runs in the worker process."""
    from core.training.loop import train

    runs = {net: train(spec, state=state) for net, spec, state in going}
    while runs:
        for net, run in tuple(runs.items()):
            try:
                record = next(run, None)
            except SpecError as error:
                del runs[net]
                yield net, error
                continue
            if record is None:
                del runs[net]
            else:
                yield net, record


def known(c: Comparison) -> Runs:
    """What is here of it right now: records by (net, seed), without the queue."""
    return {key: run.records for key, run in _runs(c).items() if run.records}


def failures(c: Comparison) -> Mapping[tuple[int, int], str]:
    """Why runs by (net, seed) cannot go on."""
    return {key: run.error for key, run in _runs(c).items() if run.error}


def over(c: Comparison, seed: int) -> bool:
    """Every net of this seed has finished, or cannot go on: nothing is left to train."""
    return all(run.over for (_, of), run in _runs(c).items() if of == seed)


def _runs(c: Comparison) -> dict[tuple[int, int], Run]:
    keys = [(net, seed) for seed in c.seeds for net in range(len(c.specs))]
    return {key: _stored(to_text(c.unit(*key))) for key in keys}


# --- images ---------------------------------------------------------------------------------------

_READING = Lock()
_READ: OrderedDict[str, str] = OrderedDict()  # SHA-256 of a file → digest of its images


def hold(data: bytes) -> OwnImages:
    """The images of a visitor's ``.npz``, kept for a while for all visitors.

    Raises:
        SpecError: see `core.training.uploads.read_npz`.
    """
    from core.training.uploads import read_npz

    name = hashlib.sha256(data).hexdigest()
    with _READING:  # one at a time: unpacking takes many times the file's size
        found = held(_READ.get(name, ""))
        if found is None:
            found = UPLOADS.put(*_named(read_npz(data)))
            _READ[name] = found.digest
            while len(_READ) > 256:
                _READ.popitem(last=False)
    return found


def _named(own: OwnImages) -> tuple[str, OwnImages]:
    return own.digest, own


def held(digest: str) -> OwnImages | None:
    """The images of that digest, if they are still here."""
    return UPLOADS.get(digest)


def test_images(c: Comparison, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The first test images, (N, C, H, W), as the nets see them, and their classes, (N,)."""
    images, labels = _tests(c.specs[0])
    return images[:count], labels[:count]


def _tests(spec: TrainingSpec) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    if isinstance(spec.task, OwnImages):
        return _drawn(spec.task)
    return _kept_tests(spec.task)


@shared(16)
def _kept_tests(task: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    return _drawn(task)


def _drawn(task: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    warm()
    from core.training.tasks import source_of

    images, labels = (each.numpy() for each in source_of(task).test())
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


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

    spec = from_text(text, _own_of(text))
    run = _stored(to_text(spec))
    if not run.finished or run.state is None:
        raise SpecError("run", NEVER, text)
    return spec, trained(spec, run.state)


def _own_of(text: str) -> OwnImages | None:
    digests = [word[7:] for word in text.split(" ") if word.startswith("digest=")]
    return held(digests[0]) if digests else None


def classify(text: str, index: int) -> NDArray[np.float32]:
    """(classes,) softmax scores of a test image.

    Raises:
        SpecError: the run is not finished here, there is no such image.
    """
    spec, net = _trained(text)
    import torch

    with torch.inference_mode():
        scores: NDArray[np.float32] = torch.softmax(net(_test(spec, index))[0], 0).numpy()
    return scores


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
        told = int(net(image).argmax())
    weight = linear.get_parameter("weight").detach()[told : told + 1, :, None, None]
    last = nn.Conv2d(weight.shape[1], 1, 1, bias=False, device="meta")
    last.weight = nn.Parameter(weight)
    parts = nn.Sequential(OrderedDict(body=body, scores=last))
    at = place(unit, (grid[0], grid[1]))
    try:
        return effective_receptive_field(
            parts, spec.task.shape, "scores", at, draws=1, inputs=image, device="cpu"
        )
    except SpecError as error:
        if error.parameter in ("inputs", "weights"):  # a gradient of 0
            return None
        raise


def place(unit: str, grid: tuple[int, int]) -> tuple[int, int]:
    """The (row, column) that is meant, kept inside the map."""
    rows, columns = grid
    if unit == "centre":
        return rows // 2, columns // 2
    row, column = map(int, unit.split("."))
    return min(row, rows - 1), min(column, columns - 1)


def _test(spec: TrainingSpec, index: int) -> Any:
    """(1, C, H, W)."""
    import torch

    images, _ = _tests(spec)
    if not 0 <= index < len(images):
        raise SpecError("sample", f"must be from 0 to {len(images) - 1}", index)
    return torch.from_numpy(images[index : index + 1].copy())


# --- files ----------------------------------------------------------------------------------------


def records_csv(c: Comparison, runs: Runs) -> str:
    """One line for each record, all its numbers with all their digits; empty where there is none.

    Layers have columns of their own, of the gradient's norm, the update's share of the weights,
    the share of dead channels and of zeros; so have shifts.
    """
    rows = [
        {"net": c.names[net], "seed": seed, **_flat(record)}
        for (net, seed), records in runs.items()
        for record in records
    ]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(record: Record) -> dict[str, Any]:
    told = record.as_dict()
    lists = {name: told.pop(name, None) or () for name in ("flow", "dead", "erf_sigma")}
    shifted = told.pop("shifted", None)
    told |= dict(zip(("erf_sigma_rows", "erf_sigma_columns"), lists["erf_sigma"], strict=False))
    for name in ("flow", "dead"):
        for each in lists[name]:
            layer = each["layer"]
            told |= {f"{what} {layer}": value for what, value in each.items() if what != "layer"}
    if shifted:
        for what in ("accuracy", "agreement"):
            pairs = zip(shifted["shifts"], shifted[what], strict=True)
            told |= {f"{what} shifted {pixels} px": value for pixels, value in pairs}
    return told


def records_json(c: Comparison, runs: Runs) -> str:
    """Settings of every net, and every number of every record; null where there is none."""
    nets = [
        {"name": name, "run": to_text(spec), **_settings(spec)}
        for name, spec in zip(c.names, c.specs, strict=True)
    ]
    told = [
        {
            "net": c.names[net],
            "seed": seed,
            "run": to_text(c.unit(net, seed)),
            "records": [record.as_dict() for record in records],
        }
        for (net, seed), records in runs.items()
    ]
    whole = _finite({"seeds": list(c.seeds), "nets": nets, "runs": told})
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def _settings(spec: TrainingSpec) -> dict[str, Any]:
    own = isinstance(spec.task, OwnImages)
    task = {"digest": spec.task.digest} if own else asdict(spec.task)  # type: ignore[union-attr]
    rest = {
        name: value
        for name, value in vars(spec).items()
        if name not in ("net", "task", "seed")
    }  # fmt: skip
    return {**asdict(spec.net), "task": {"kind": spec.task.kind, **task}, **rest}


def _finite(told: Any) -> Any:
    """As JSON can say it."""
    if isinstance(told, dict):
        return {name: _finite(each) for name, each in told.items()}
    if isinstance(told, list | tuple):
        return [_finite(each) for each in told]
    return None if isinstance(told, float) and not math.isfinite(told) else told
