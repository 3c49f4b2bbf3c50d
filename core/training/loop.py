"""The training loop: a generator of records, which can be closed and resumed.

On the CPU a run uses one thread, and batch t depends only on the seed and t, so that a resumed
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
from .nets import model, run_costs
from .records import DeadChannels, LayerFlow, Record, Snapshot, State, fingerprint
from .spec import TrainingSpec
from .tasks import source_of

MOMENTUM = 0.9
"""Momentum of SGD."""


def train(
    spec: TrainingSpec, *, state: State | bytes | None = None, device: str | None = "cpu"
) -> Iterator[Record]:
    """Train a network and yield a record at each of `TrainingSpec.record_steps`.

    All settings are checked before the first record. Close the generator to stop; pass the last
    record's state to resume. A resumed run yields only the records after that state.

    Args:
        spec: network, task and training settings.
        state: the state to resume from; None starts a new run.
        device: see `core.device.pick`. On the CPU the same spec gives the same records.

    Raises:
        SpecError: the run takes too much work or memory (see `core.training.nets.run_costs`), the
            state belongs to another spec, or there is no such device; during the run: the loss is
            not finite.
    """
    run_costs(spec)
    torch_device = pick(device)
    start = State.from_bytes(state) if isinstance(state, bytes) else state
    if start is not None and start.fingerprint != fingerprint(spec):
        raise SpecError("state", "must be of the run that is to go on", "that of another run")
    run = _Trainer(spec, torch_device)
    if start is not None:
        run.restore(start)
    return run.records(fresh=start is None)


def trained_network(spec: TrainingSpec, state: State | bytes) -> nn.Sequential:
    """The network of a state, on the CPU, in eval mode.

    Raises:
        SpecError: the state belongs to another spec.
    """
    start = State.from_bytes(state) if isinstance(state, bytes) else state
    if start.fingerprint != fingerprint(spec):
        raise SpecError("state", "must be of this run", "that of another run")
    net = model(spec.net, spec.task, spec.seed)
    _load_weights(net, start)
    return net.eval()


def learning_rate(spec: TrainingSpec, step: int) -> float:
    """Learning rate of an update, counted from 0: a linear warm-up, then half a cosine."""
    if step < spec.warm_up:
        return spec.learning_rate * (step + 1) / spec.warm_up
    done = (step - spec.warm_up) / (spec.steps - spec.warm_up)
    return spec.learning_rate * (1 + math.cos(math.pi * done)) / 2


def _load_weights(net: nn.Module, state: State) -> None:
    """Load the weights of a state into a network."""
    weights = {
        k[4:]: torch.from_numpy(v.copy()) for k, v in state.arrays.items() if k[:4] == "net/"
    }
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise SpecError("state", "must hold every weight of the net", "a damaged one") from error


class _Trainer:
    """One run: its network, optimizer and images, and the number of steps done."""

    def __init__(self, spec: TrainingSpec, device: torch.device) -> None:
        self.spec, self.device = spec, device
        self.source = source_of(spec.task)
        net = model(spec.net, spec.task, spec.seed)
        # Channels last: convolutions of few channels run faster, forward and backward.
        self.net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.layers = probes.weight_parameters(self.net)
        self.optimizer = self._optimizer()
        self.step, self.seconds = 0, 0.0
        images, labels = self.source.test_set()
        self.test = images.to(device), labels.to(device)

    def _optimizer(self) -> torch.optim.Optimizer:
        """The optimizer, without weight decay for parameters of one axis (biases and norms)."""
        trainable = [p for p in self.net.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in trainable if (p.ndim > 1) == decays],
                "weight_decay": self.spec.weight_decay if decays else 0.0,
            }
            for decays in (True, False)
        ]
        if self.spec.optimizer == "adamw":
            return torch.optim.AdamW(groups, self.spec.learning_rate, foreach=True)
        rate = self.spec.learning_rate
        return torch.optim.SGD(groups, rate, MOMENTUM, nesterov=True, foreach=True)

    def records(self, fresh: bool) -> Iterator[Record]:
        """Yield all records, or if not ``fresh`` those after the restored state."""
        if fresh:
            yield self._train_until(0)
        for stop in self.spec.record_steps:
            if stop > self.step:
                yield self._train_until(stop)

    def _train_until(self, stop: int) -> Record:
        """Train up to step ``stop`` and return its record.

        torch's threads and modes are restored before the record is yielded, so that the caller's
        code runs as before.
        """
        start_time, first = perf_counter(), self.step
        flow: tuple[LayerFlow, ...] = ()
        dead: tuple[DeadChannels, ...] = ()
        losses, correct_counts = [], []
        with _deterministic(self.device):
            while self.step < stop:
                measurement = (
                    probes.StepMeasurement(self.net, self.layers) if self.step == stop - 1 else None
                )
                loss, correct = self._train_step(measurement)
                losses.append(loss)
                correct_counts.append(correct)
                if measurement is not None:
                    flow, dead = measurement.flow(), measurement.dead()
            seconds_per_step = (
                (perf_counter() - start_time) / (stop - first) if stop > first else 0.0
            )
            mean_loss, accuracy = self._mean_loss_and_accuracy(losses, correct_counts)
            snapshot = self._snapshot() if stop in self.spec.snapshot_steps else None
        self.seconds += perf_counter() - start_time
        rate = learning_rate(self.spec, stop - 1) if stop else 0.0
        numbers = (rate, mean_loss, accuracy, flow, dead, snapshot, self.state())
        return Record(stop, self.spec.steps, self.seconds, seconds_per_step, *numbers)

    def _train_step(self, measurement: probes.StepMeasurement | None) -> tuple[Tensor, Tensor]:
        """Train one step.

        Args:
            measurement: measures the step if it is not None.

        Returns:
            The loss of the batch and the number of correct predictions, both before the update.
        """
        spec = self.spec
        images, labels = self.source.batch(spec.seed, self.step, spec.batch)
        images, labels = images.to(self.device), labels.to(self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(spec, self.step)
        self.net.train()
        with measurement or nullcontext():
            scores = self.net(images)
        loss = F.cross_entropy(scores, labels)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        if measurement is not None:
            measurement.before_update()
        self.optimizer.step()
        if measurement is not None:
            measurement.after_update()
        self.step += 1
        return loss.detach(), (scores.argmax(1) == labels).sum()

    def _mean_loss_and_accuracy(
        self, losses: list[Tensor], correct_counts: list[Tensor]
    ) -> tuple[float | None, float | None]:
        """Mean loss and accuracy over some steps; None for no steps.

        Raises:
            SpecError: the loss is not finite.
        """
        if not losses:
            return None, None
        loss = float(torch.stack(losses).double().mean())
        if not math.isfinite(loss):
            rule = f"must be smaller: by step {self.step} the loss is no longer a number"
            raise SpecError("learning_rate", rule, self.spec.learning_rate)
        return loss, int(torch.stack(correct_counts).sum()) / (
            len(correct_counts) * self.spec.batch
        )

    def _snapshot(self) -> Snapshot:
        """The snapshot of the current network."""
        last = self.step == self.spec.steps
        return probes.snapshot(self.net, self.test, self.spec, shifted=last)

    def state(self) -> State:
        """The current state: copies of weights, buffers and the optimizer's moments."""
        arrays = {
            f"net/{name}": _read_only_copy(each) for name, each in self.net.state_dict().items()
        }
        for index, moments in self.optimizer.state_dict()["state"].items():
            for name, each in moments.items():
                arrays[f"moments/{index}/{name}"] = _read_only_copy(each)
        return State(fingerprint(self.spec), self.step, self.seconds, arrays)

    def restore(self, state: State) -> None:
        """Restore weights, buffers, moments and step number from a state."""
        _load_weights(self.net, state)
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in state.arrays.items():
            if key.startswith("moments/"):
                _, index, name = key.split("/")
                moments.setdefault(int(index), {})[name] = torch.from_numpy(value.copy())
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        self.step, self.seconds = state.step, state.seconds


def _read_only_copy(tensor: Tensor) -> NDArray[Any]:
    array = tensor.detach().cpu().contiguous().numpy().copy()
    array.flags.writeable = False
    return array


@contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
    """Enable gradients, and on the CPU use one thread, so that sums are added in a fixed order."""
    with torch.inference_mode(False), torch.enable_grad():
        with threads(1) if device.type == "cpu" else nullcontext():
            yield
