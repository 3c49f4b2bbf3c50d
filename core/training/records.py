"""The records of a training run, frozen, and the state to resume it from."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..erf import EffectiveReceptiveField
from ..errors import SpecError
from .spec import TrainingSpec

SHIFTS = tuple(range(9))
"""Shifts of the test images, in pixels."""
MAX_STATE_BYTES = 64 * 2**20


def fingerprint(spec: TrainingSpec) -> str:
    """A hexadecimal digest that identifies a spec."""
    return hashlib.sha256(repr(spec).encode()).hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class State:
    """The state of a run after a step, from which it can resume.

    Attributes:
        fingerprint: of the run's spec.
        step: number of updates done.
        seconds: their computing time.
        arrays: weights, buffers and moments by name, read-only copies.
    """

    fingerprint: str
    step: int
    seconds: float
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)

    def to_bytes(self) -> bytes:
        """The state as an ``.npz`` without pickle."""
        buffer = io.BytesIO()
        head = {"step": np.int64(self.step), "seconds": np.float64(self.seconds)}
        name = np.frombuffer(self.fingerprint.encode(), dtype=np.uint8)
        arrays = {f"arrays/{key}": value for key, value in self.arrays.items()}
        np.savez(buffer, allow_pickle=False, **head, fingerprint=name, **arrays)
        return buffer.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> State:
        """The state from the bytes of `to_bytes`.

        Raises:
            SpecError: anything else.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(member.file_size for member in archive.infolist()) > MAX_STATE_BYTES:
                    raise ValueError("larger than any state")
            with np.load(io.BytesIO(data), allow_pickle=False) as saved:
                arrays = {k[7:]: saved[k] for k in saved.files if k.startswith("arrays/")}
                name = saved["fingerprint"].tobytes().decode()
                return State(name, int(saved["step"]), float(saved["seconds"]), arrays)
        except Exception as error:  # damaged bytes: zipfile and numpy raise many kinds
            rule = "must be the saved state of a run; start the run anew"
            raise SpecError("state", rule, f"{len(data)} other bytes") from error


@dataclass(frozen=True)
class LayerFlow:
    """Gradient and update of one layer's weights at one step, without biases.

    Attributes:
        layer: its name in the net.
        gradient: Euclidean norm of the loss's gradient with respect to its weights.
        update: norm of the step's change of the weights, divided by their norm before the step.
    """

    layer: str
    gradient: float
    update: float


@dataclass(frozen=True)
class DeadChannels:
    """Zeros in the output of one ReLU, over one training batch.

    Attributes:
        layer: its name in the net.
        channels: share of its channels that are 0 at every position of every image.
        zeros: share of its outputs that are 0.
    """

    layer: str
    channels: float
    zeros: float


@dataclass(frozen=True)
class ShiftAccuracy:
    """Accuracy on the test set shifted right, circularly.

    Attributes:
        shifts: in pixels.
        accuracy: share of the shifted images that are classified correctly.
        agreement: share of the shifted images with the same prediction as unshifted.
    """

    shifts: tuple[int, ...]
    accuracy: tuple[float, ...]
    agreement: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Measurements that take longer, made at some records only.

    Attributes:
        test_loss, test_accuracy: over the whole test set.
        erf: of the class scores at the unit (H // 2, W // 2) of the body's last map, over test
            images (see `core.training.probes.center_erf`); None where every gradient is 0.
        kernels: (filters, channels, 3, 3) of the first convolution, read-only.
        shifted: after the last step only; None before.
    """

    test_loss: float
    test_accuracy: float
    erf: EffectiveReceptiveField | None = field(repr=False)
    kernels: NDArray[np.float32] = field(repr=False)
    shifted: ShiftAccuracy | None


@dataclass(frozen=True)
class Record:
    """The state of a run after a step. Records compare equal if all numbers but times are equal.

    Attributes:
        step, steps: number of updates done, and their total.
        seconds: computing time so far, records included, pauses excluded.
        seconds_per_step: mean over the steps since the record before, without records; 0 at 0.
        learning_rate: of the last update; 0 before the first.
        loss: mean cross-entropy, in nats, over the training batches since the record before, each
            before its update, in train mode. At step 0: None.
        train_accuracy: over the same images.
        flow: of each layer with weights, at this step; empty at step 0.
        dead: of each ReLU, on this step's batch; empty at step 0.
        snapshot: None where the spec asks for none at this step.
        state: the state to resume from.
    """

    step: int
    steps: int
    seconds: float = field(compare=False)
    seconds_per_step: float = field(compare=False)
    learning_rate: float
    loss: float | None
    train_accuracy: float | None
    flow: tuple[LayerFlow, ...]
    dead: tuple[DeadChannels, ...]
    snapshot: Snapshot | None = field(compare=False)
    state: State = field(repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Every number as plain values for JSON, without maps, kernels and state."""
        flat = {
            name: getattr(self, name)
            for name in (
                *("step", "steps", "seconds", "seconds_per_step"),
                *("learning_rate", "loss", "train_accuracy"),
            )
        }
        flat |= {name: [asdict(each) for each in getattr(self, name)] for name in ("flow", "dead")}
        shot = self.snapshot
        if shot is None:
            return flat
        return flat | {
            "test_loss": shot.test_loss,
            "test_accuracy": shot.test_accuracy,
            "erf_sigma": None if shot.erf is None else list(shot.erf.sigma),
            "shifted": None if shot.shifted is None else asdict(shot.shifted),
        }
