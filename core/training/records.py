"""What a training run tells: frozen records, and the state from which it goes on."""

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
"""Pixels by which the test images are moved."""
MAX_STATE_BYTES = 64 * 2**20


def fingerprint(spec: TrainingSpec) -> str:
    """Hexadecimal; another spec has another one."""
    return hashlib.sha256(repr(spec).encode()).hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class State:
    """All that a run needs to go on after a step.

    Attributes:
        fingerprint: of the spec it belongs to.
        step: updates done.
        seconds: that they took.
        arrays: weights, buffers and moments by name, read-only copies.
    """

    fingerprint: str
    step: int
    seconds: float
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)

    def to_bytes(self) -> bytes:
        """As an ``.npz`` without pickle."""
        buffer = io.BytesIO()
        head = {"step": np.int64(self.step), "seconds": np.float64(self.seconds)}
        name = np.frombuffer(self.fingerprint.encode(), dtype=np.uint8)
        arrays = {f"arrays/{key}": value for key, value in self.arrays.items()}
        np.savez(buffer, allow_pickle=False, **head, fingerprint=name, **arrays)
        return buffer.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> State:
        """What `to_bytes` gave.

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
class Flow:
    """One layer with weights, at one step. Biases are not in it.

    Attributes:
        layer: its name in the net.
        gradient: Euclidean norm of the loss's gradient for its weights.
        update: norm of what the step changed in them, as a share of their norm before it.
    """

    layer: str
    gradient: float
    update: float


@dataclass(frozen=True)
class Dead:
    """One ReLU, over one training batch.

    Attributes:
        layer: its name in the net.
        channels: share of its channels that are 0 at every position of every image.
        zeros: share of its outputs that are 0.
    """

    layer: str
    channels: float
    zeros: float


@dataclass(frozen=True)
class Shifted:
    """The test set, each image moved right by some pixels, wrapped round the edge.

    Attributes:
        shifts: pixels.
        accuracy: share of the moved images that are told right.
        agreement: share of them that are told as when they were not moved, right or wrong.
    """

    shifts: tuple[int, ...]
    accuracy: tuple[float, ...]
    agreement: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What takes more time to see.

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
    shifted: Shifted | None


@dataclass(frozen=True)
class Record:
    """How a run stands after a step. Equal records are equal in every number but the times.

    Attributes:
        step, steps: updates done, and of how many.
        seconds: of computing so far, records included; not counting time stopped.
        seconds_per_step: mean over the steps since the record before, without records; 0 at 0.
        learning_rate: of the last update; 0 before the first.
        loss: mean cross-entropy, in nats, over the training batches since the record before, each
            before its update, in train mode. At step 0: None.
        train_accuracy: over the same images.
        flow: of each layer with weights, at this step; empty at step 0.
        dead: of each ReLU, on this step's batch; empty at step 0.
        snapshot: None where the spec asks for none at this step.
        state: from here the run can go on.
    """

    step: int
    steps: int
    seconds: float = field(compare=False)
    seconds_per_step: float = field(compare=False)
    learning_rate: float
    loss: float | None
    train_accuracy: float | None
    flow: tuple[Flow, ...]
    dead: tuple[Dead, ...]
    snapshot: Snapshot | None = field(compare=False)
    state: State = field(repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Every number as JSON takes it, without maps, kernels and state."""
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
