"""The training loop: a generator of records, which can be closed and resumed.

On the CPU a run uses one thread, and batch t depends on the seed and t alone, so that a resumed
run gives the same bits as an uninterrupted one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from time import perf_counter
from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..device import pick, threads
from ..errors import SpecError
from . import probes
from .nets import model, plan
from .records import DeadChannels, LayerFlow, Record, Snapshot, State, fingerprint
from .spec import TrainingSpec
from .tasks import source_of

MOMENTUM = 0.9


def train(
    spec: TrainingSpec, *, state: State | bytes | None = None, device: str | None = "cpu"
) -> Iterator[Record]:
    """Train a net and yield a record at step 0 and at each of `TrainingSpec.record_steps`.

    All settings are checked before the first record. Close the generator to stop; pass the last
    record's state to resume. A resumed run yields only the records after that state.

    Args:
        spec: the net, the task and the training settings.
        state: the state to resume from; None starts a new run.
        device: see `core.device.pick`. On the CPU the same spec gives the same records.

    Raises:
        SpecError: a run that takes too much (see `core.training.nets.plan`), a state of another
            spec, no such device; during the run: a loss that is not finite.
    """
    plan(spec)
    where = pick(device)
    start = State.from_bytes(state) if isinstance(state, bytes) else state
    if start is not None and start.fingerprint != fingerprint(spec):
        raise SpecError("state", "must be of the run that is to go on", "that of another run")
    run = _Trainer(spec, where)
    if start is not None:
        run.restore(start)
    return run.records(fresh=start is None)


def trained(spec: TrainingSpec, state: State | bytes) -> nn.Sequential:
    """The net of a state, on the CPU, in eval mode.

    Raises:
        SpecError: a state of another spec.
    """
    start = State.from_bytes(state) if isinstance(state, bytes) else state
    if start.fingerprint != fingerprint(spec):
        raise SpecError("state", "must be of this run", "that of another run")
    net = model(spec.net, spec.task, spec.seed)
    _load(net, start)
    return net.eval()


def learning_rate(spec: TrainingSpec, step: int) -> float:
    """Learning rate of update number ``step`` (from 0): linear warm-up, then half a cosine."""
    if step < spec.warm_up:
        return spec.learning_rate * (step + 1) / spec.warm_up
    done = (step - spec.warm_up) / (spec.steps - spec.warm_up)
    return spec.learning_rate * (1 + math.cos(math.pi * done)) / 2


def _load(net: nn.Module, state: State) -> None:
    weights = {
        k[4:]: torch.from_numpy(v.copy()) for k, v in state.arrays.items() if k[:4] == "net/"
    }
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise SpecError("state", "must hold every weight of the net", "a damaged one") from error


class _Trainer:
    """The net, optimizer and images of one run."""

    def __init__(self, spec: TrainingSpec, device: torch.device) -> None:
        self.spec, self.device = spec, device
        self.source = source_of(spec.task)
        net = model(spec.net, spec.task, spec.seed)
        # Channels last: convolutions of few channels run faster, forward and backward.
        self.net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.layers = probes.weighted(self.net)
        self.optimizer = self._optimizer()
        self.step, self.seconds = 0, 0.0
        images, labels = self.source.test()
        self.test = images.to(device), labels.to(device)

    def _optimizer(self) -> torch.optim.Optimizer:
        learned = [p for p in self.net.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in learned if (p.ndim > 1) == decays],
                "weight_decay": self.spec.weight_decay if decays else 0.0,
            }
            for decays in (True, False)
        ]
        if self.spec.optimizer == "adamw":
            return torch.optim.AdamW(groups, self.spec.learning_rate, foreach=True)
        rate = self.spec.learning_rate
        return torch.optim.SGD(groups, rate, MOMENTUM, nesterov=True, foreach=True)

    def records(self, fresh: bool) -> Iterator[Record]:
        """All records, or those after the restored state."""
        if fresh:
            yield self._stretch(0)
        for stop in self.spec.record_steps:
            if stop > self.step:
                yield self._stretch(stop)

    def _stretch(self, stop: int) -> Record:
        """Train up to step ``stop`` and make its record.

        torch's threads and modes are restored before each yield, while the caller runs.
        """
        begun, first = perf_counter(), self.step
        flow: tuple[LayerFlow, ...] = ()
        dead: tuple[DeadChannels, ...] = ()
        losses, right = [], []
        with _alone(self.device):
            while self.step < stop:
                watch = probes.Watch(self.net, self.layers) if self.step == stop - 1 else None
                loss, hits = self._update(watch)
                losses.append(loss)
                right.append(hits)
                if watch is not None:
                    flow, dead = watch.flow(), watch.dead()
            each = (perf_counter() - begun) / max(1, stop - first)
            loss_now, accuracy = self._means(losses, right)
            shot = self._snapshot() if stop in self.spec.snapshot_steps else None
        self.seconds += perf_counter() - begun
        rate = learning_rate(self.spec, stop - 1) if stop else 0.0
        numbers = (rate, loss_now, accuracy, flow, dead, shot, self.state())
        pace = each if stop > first else 0.0
        return Record(stop, self.spec.steps, self.seconds, pace, *numbers)

    def _update(self, watch: probes.Watch | None) -> tuple[Tensor, Tensor]:
        """Train one step; returns the loss of its batch and the number of correct predictions."""
        spec = self.spec
        images, labels = self.source.batch(spec.seed, self.step, spec.batch)
        images, labels = images.to(self.device), labels.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(spec, self.step)
        self.net.train()
        with watch or nullcontext():
            scores = self.net(images)
        loss = F.cross_entropy(scores, labels)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        if watch is not None:
            watch.before()
        self.optimizer.step()
        if watch is not None:
            watch.after()
        self.step += 1
        return loss.detach(), (scores.argmax(1) == labels).sum()

    def _means(
        self, losses: list[Tensor], right: list[Tensor]
    ) -> tuple[float | None, float | None]:
        if not losses:
            return None, None
        loss = float(torch.stack(losses).double().mean())
        if not math.isfinite(loss):
            rule = f"must be smaller: by step {self.step} the loss is no longer a number"
            raise SpecError("learning_rate", rule, self.spec.learning_rate)
        return loss, int(torch.stack(right).sum()) / (len(right) * self.spec.batch)

    def _snapshot(self) -> Snapshot:
        last = self.step == self.spec.steps
        return probes.snapshot(self.net, self.test, self.spec, shifted=last)

    def state(self) -> State:
        """The state to resume from: copies of weights, buffers and the optimizer's moments."""
        arrays = {f"net/{name}": _copied(each) for name, each in self.net.state_dict().items()}
        for place, moments in self.optimizer.state_dict()["state"].items():
            for name, each in moments.items():
                arrays[f"moments/{place}/{name}"] = _copied(each)
        return State(fingerprint(self.spec), self.step, self.seconds, arrays)

    def restore(self, state: State) -> None:
        """Restore weights, buffers, moments and the step from a state."""
        _load(self.net, state)
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in state.arrays.items():
            if key.startswith("moments/"):
                _, place, name = key.split("/")
                moments.setdefault(int(place), {})[name] = torch.from_numpy(value.copy())
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        self.step, self.seconds = state.step, state.seconds


def _copied(tensor: Tensor) -> NDArray[Any]:
    array = tensor.detach().cpu().contiguous().numpy().copy()
    array.flags.writeable = False
    return array


@contextmanager
def _alone(device: torch.device) -> Iterator[None]:
    """Enable gradients; use one thread on the CPU, so that sums are added in a fixed order."""
    with torch.inference_mode(False), torch.enable_grad():
        with threads(1) if device.type == "cpu" else nullcontext():
            yield
