"""The records of a training run as frozen values, and the state to resume it from."""

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
"""Shifts of the test images in `ShiftAccuracy`, in pixels."""
MAX_STATE_BYTES = 64 * 2**20
"""Most bytes that a saved `State` may unpack to; `State.from_bytes` refuses more."""


def fingerprint(spec: TrainingSpec) -> str:
    """A hexadecimal digest that identifies a spec."""
    return hashlib.sha256(repr(spec).encode()).hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class State:
    """The state of a run after a step, from which it can resume.

    Attributes:
        fingerprint: `fingerprint` of the run's spec.
        step: number of updates done.
        seconds: computing time of these updates and their records.
        arrays: weights, buffers and moments by name, read-only copies.
    """

    fingerprint: str
    step: int
    seconds: float
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)

    def to_bytes(self) -> bytes:
        """The state as the bytes of an ``.npz`` file, without pickle."""
        buffer = io.BytesIO()
        head = {"step": np.int64(self.step), "seconds": np.float64(self.seconds)}
        name = np.frombuffer(self.fingerprint.encode(), dtype=np.uint8)
        arrays = {f"arrays/{key}": value for key, value in self.arrays.items()}
        np.savez(buffer, allow_pickle=False, **head, fingerprint=name, **arrays)
        return buffer.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> State:
        """Read a state from the bytes of `to_bytes`.

        Raises:
            SpecError: the bytes are no state.
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
    """Gradient and update of one layer's weights, without biases, at one step.

    Attributes:
        layer: name of the layer in the network.
        gradient: Euclidean norm of the gradient of the loss with respect to the weights.
        update: norm of the change of the weights, divided by their norm before the step.
    """

    layer: str
    gradient: float
    update: float


@dataclass(frozen=True)
class DeadChannels:
    """Zeros in the output of one ReLU, over one training batch.

    Attributes:
        layer: name of the ReLU in the network.
        channels: share of its channels that are 0 at every position of every image.
        zeros: share of its output values that are 0.
    """

    layer: str
    channels: float
    zeros: float


@dataclass(frozen=True)
class ShiftAccuracy:
    """Accuracy on the test set when its images are shifted circularly to the right.

    Attributes:
        shifts: the shifts in pixels.
        accuracy: for each shift, the share of images that are classified correctly.
        agreement: for each shift, the share of images with the same prediction as unshifted.
    """

    shifts: tuple[int, ...]
    accuracy: tuple[float, ...]
    agreement: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Measurements of the network that take longer and are part of some records only.

    Attributes:
        test_loss, test_accuracy: mean cross-entropy and accuracy over the test set.
        erf: effective receptive field of the class scores at the center unit, over test images (see
            `core.training.probes.center_erf`); None if every gradient is 0 or one is not finite.
        kernels: (filters, channels, 3, 3) weights of the first convolution, read-only.
        shifted: accuracy on shifted test images; None except after the last step.
    """

    test_loss: float
    test_accuracy: float
    erf: EffectiveReceptiveField | None = field(repr=False)
    kernels: NDArray[np.float32] = field(repr=False)
    shifted: ShiftAccuracy | None


@dataclass(frozen=True)
class Record:
    """The measurements of a run after a step.

    Records compare equal if all numbers except times are equal.

    Attributes:
        step, steps: number of updates done, and their total.
        seconds: computing time so far, including records, excluding pauses.
        seconds_per_step: mean time of a step since the previous record, excluding records; 0 at
            step 0.
        learning_rate: learning rate of the last update; 0 before the first.
        loss: mean cross-entropy, in nats, over the training batches since the previous record, each
            before its update and in train mode; None at step 0.
        train_accuracy: accuracy over the same images; None at step 0.
        flow: gradient and update of each layer with weights at this step; empty at step 0.
        dead: zeros of each ReLU on this step's batch; empty at step 0.
        snapshot: further measurements; None unless the step is one of the spec's snapshot steps.
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
        """All numbers as plain values for JSON, without maps, kernels and state."""
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
