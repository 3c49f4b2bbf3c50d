"""Training runs and uploaded images of all visitors, in memory bounded in bytes.

This module imports neither torch nor Streamlit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from numpy.typing import NDArray

from core.errors import SpecError
from core.training.spec import OwnImages, TrainingSpec
from core.training.text import from_text, to_text

if TYPE_CHECKING:
    from core.training.records import Record, State

T = TypeVar("T")
RECORD_BYTES = 8_000
"""Upper estimate of the bytes of a record without its arrays."""


class ByteLimitedLRU(Generic[T]):
    """A thread-safe LRU mapping bounded by the bytes of its values.

    Args:
        max_bytes: Largest number of bytes of all values together.
        bytes_of: Function that returns the bytes of a value.
    """

    def __init__(self, max_bytes: int, bytes_of: Callable[[T], int]) -> None:
        self._max_bytes, self._bytes_of = max_bytes, bytes_of
        self._lock = Lock()
        self._entries: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes of all values."""
        return self._bytes

    def get(self, name: str) -> T | None:
        """The value of a name, which becomes the most recently used; None if there is none."""
        with self._lock:
            entry = self._entries.get(name)
            if entry is None:
                return None
            self._entries.move_to_end(name)
            return entry[0]

    def put(self, name: str, value: T, better: Callable[[T, T], bool] = lambda a, b: True) -> T:
        """Store a value, unless the stored one is at least as good; drop the least recently used ones.

        A value that exceeds the bound alone is not stored.

        Args:
            name: Name of the value.
            value: The new value.
            better: Function of the new and the stored value: whether the new one replaces it.

        Returns:
            The better value.
        """
        size = self._bytes_of(value)
        with self._lock:
            stored = self._entries.get(name)
            if stored is not None and not better(value, stored[0]):
                self._entries.move_to_end(name)
                return stored[0]
            if stored is not None:
                self._bytes -= self._entries.pop(name)[1]
            if size <= self._max_bytes:
                self._entries[name] = value, size
                self._bytes += size
            while self._bytes > self._max_bytes:
                self._bytes -= self._entries.popitem(last=False)[1][1]
            return value


@dataclass(frozen=True)
class Run:
    """The records of a training run so far.

    Attributes:
        records: Records so far. Only the last one holds a state: all of it while steps are left,
            and only the weights after the last step.
        error: Reason on screen why the run cannot continue; "" if it can.
    """

    records: tuple[Record, ...] = ()
    error: str = ""

    @property
    def state(self) -> State | None:
        """The state from which training continues; None before the first record."""
        return self.records[-1].state if self.records else None

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return bool(self.records) and _is_last(self.records[-1])

    @property
    def over(self) -> bool:
        """Whether all steps are done, or the run cannot continue."""
        return self.finished or bool(self.error)

    def with_record(self, record: Record) -> Run:
        """The run with one more record."""
        before = tuple(
            _with_state_arrays(each, "") if each.state.arrays else each for each in self.records
        )
        newest = _with_state_arrays(record, "net/") if _is_last(record) else record
        for each in _record_arrays(newest):  # all visitors share them
            each.flags.writeable = False
        return Run((*before, newest))

    def further_than(self, other: Run) -> bool:
        """Whether this run has more steps than the other, or as many and an error."""
        return (self._steps, self.error) > (other._steps, other.error)

    @property
    def _steps(self) -> int:
        """Number of steps done; -1 before the first record."""
        return self.records[-1].step if self.records else -1

    @property
    def nbytes(self) -> int:
        """Approximate bytes of the run."""
        return sum(map(_record_bytes, self.records))


def _is_last(record: Record) -> bool:
    """Whether the record is the one after the last step."""
    return record.step == record.steps


def _with_state_arrays(record: Record, prefix: str) -> Record:
    """The record with those arrays of its state whose names start with a prefix; "" for none."""
    arrays = {k: v for k, v in record.state.arrays.items() if prefix and k.startswith(prefix)}
    return replace(record, state=replace(record.state, arrays=arrays))


def _record_arrays(record: Record) -> list[NDArray[Any]]:
    """All arrays of a record: those of its state and of its snapshot."""
    arrays = list(record.state.arrays.values())
    shot = record.snapshot
    if shot is not None:
        arrays += [shot.kernels] if shot.erf is None else [shot.kernels, shot.erf.map]
    return arrays


def _record_bytes(record: Record) -> int:
    """Approximate bytes of a record."""
    return RECORD_BYTES + sum(each.nbytes for each in _record_arrays(record))


STORE: ByteLimitedLRU[Run] = ByteLimitedLRU(200 * 2**20, lambda run: run.nbytes)
"""Runs by the text of their spec, as `core.training.text.to_text` writes it."""
UPLOADS: ByteLimitedLRU[OwnImages] = ByteLimitedLRU(
    256 * 2**20, lambda own: own.images.nbytes + own.labels.nbytes
)
"""Uploaded images by their digest."""


def stored_run(text: str) -> Run:
    """The run of a spec's text; a run without records if none is stored."""
    return STORE.get(text) or Run()


def uploaded_images(digest: str) -> OwnImages | None:
    """The uploaded images with a digest; None if they are not in memory."""
    return UPLOADS.get(digest)


def finished_run(text: str) -> tuple[TrainingSpec, State]:
    """The spec and the weights of a finished run, from which `core.training.loop.trained_network` makes
    the net, also in a worker process, whose `STORE` is empty.

    Args:
        text: Text of the run's spec.

    Raises:
        SpecError: The text is no spec, its images are not here, or the run is not finished here.
    """
    spec = from_text(text, _own_images(text))
    run = stored_run(to_text(spec))
    if not run.finished:
        raise SpecError("run", "is not trained on this server; train it in the training lab", text)
    return spec, run.records[-1].state


def _own_images(text: str) -> OwnImages | None:
    """The uploaded images that the text of a spec names; None if it names none."""
    digests = [word[7:] for word in text.split(" ") if word.startswith("digest=")]
    return uploaded_images(digests[0]) if digests else None
