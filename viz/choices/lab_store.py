"""Memory of the training lab for all visitors: runs and uploaded images, bounded in bytes.

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
A_RECORD = 8_000
"""Estimated bytes of a record's numbers, without its arrays; rather too many than too few."""


class ByteLimitedLRU(Generic[T]):
    """A thread-safe LRU mapping bounded by the bytes of its values.

    Args:
        most: how many bytes all values together may take.
        size: returns the bytes of a value.
    """

    def __init__(self, most: int, size: Callable[[T], int]) -> None:
        self._most, self._size = most, size
        self._lock = Lock()
        self._things: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes of all values."""
        return self._bytes

    def get(self, name: str) -> T | None:
        """The value of a name, which becomes the most recently used; None if there is none."""
        with self._lock:
            entry = self._things.get(name)
            if entry is None:
                return None
            self._things.move_to_end(name)
            return entry[0]

    def put(self, name: str, thing: T, better: Callable[[T, T], bool] = lambda a, b: True) -> T:
        """Store a value, unless the stored one is at least as good; drop the least recently used ones.

        A value that exceeds the bound alone is not stored.

        Returns:
            the better value.
        """
        size = self._size(thing)
        with self._lock:
            there = self._things.get(name)
            if there is not None and not better(thing, there[0]):
                self._things.move_to_end(name)
                return there[0]
            if there is not None:
                self._bytes -= self._things.pop(name)[1]
            if size <= self._most:
                self._things[name] = thing, size
                self._bytes += size
            while self._bytes > self._most:
                self._bytes -= self._things.popitem(last=False)[1][1]
            return thing


@dataclass(frozen=True)
class Run:
    """The records of a training run so far.

    Attributes:
        records: only the last one holds a state: the whole state while steps are left, and the
            weights after the last step.
        error: why the run cannot go on, in words for the screen; "" if it can.
    """

    records: tuple[Record, ...] = ()
    error: str = ""

    @property
    def state(self) -> State | None:
        """The state from which the run resumes."""
        return self.records[-1].state if self.records else None

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return bool(self.records) and _is_last(self.records[-1])

    @property
    def over(self) -> bool:
        """Whether the run has finished or cannot go on."""
        return self.finished or bool(self.error)

    def with_record(self, record: Record) -> Run:
        """The run with one more record."""
        before = tuple(
            _with_state(each, "") if each.state.arrays else each for each in self.records
        )
        newest = _with_state(record, "net/") if _is_last(record) else record
        for each in _arrays(newest):  # all visitors see the same ones
            each.flags.writeable = False
        return Run((*before, newest))

    def further_than(self, other: Run) -> bool:
        """Whether this run has more steps than the other, or as many and an error."""
        return (self._steps, self.error) > (other._steps, other.error)

    @property
    def _steps(self) -> int:
        return self.records[-1].step if self.records else -1

    @property
    def nbytes(self) -> int:
        """Approximate bytes of the run."""
        return sum(map(_bytes, self.records))


def _is_last(record: Record) -> bool:
    return record.step == record.steps


def _with_state(record: Record, prefix: str) -> Record:
    """The record with only those arrays of its state whose names have a prefix; "" for none."""
    arrays = {k: v for k, v in record.state.arrays.items() if prefix and k.startswith(prefix)}
    return replace(record, state=replace(record.state, arrays=arrays))


def _arrays(record: Record) -> list[NDArray[Any]]:
    arrays = list(record.state.arrays.values())
    shot = record.snapshot
    if shot is not None:
        arrays += [shot.kernels] if shot.erf is None else [shot.kernels, shot.erf.map]
    return arrays


def _bytes(record: Record) -> int:
    return A_RECORD + sum(each.nbytes for each in _arrays(record))


STORE: ByteLimitedLRU[Run] = ByteLimitedLRU(200 * 2**20, lambda run: run.nbytes)
"""Runs by the text of their spec."""
UPLOADS: ByteLimitedLRU[OwnImages] = ByteLimitedLRU(
    256 * 2**20, lambda own: own.images.nbytes + own.labels.nbytes
)
"""Visitors' images by their digest."""


def stored_run(text: str) -> Run:
    return STORE.get(text) or Run()


def uploaded_images(digest: str) -> OwnImages | None:
    """The images of a digest; None if they are no longer in memory."""
    return UPLOADS.get(digest)


def finished(text: str) -> tuple[TrainingSpec, State]:
    """A finished run and its weights: `core.training.loop.trained` makes the net of them, in
    another process too, which has no `STORE` of its own filled.

    Raises:
        SpecError: as `trained_module`.
    """
    spec = from_text(text, _own_of(text))
    run = stored_run(to_text(spec))
    if not run.finished:
        raise SpecError("run", "is not trained on this server; train it in the training lab", text)
    return spec, run.records[-1].state


def _own_of(text: str) -> OwnImages | None:
    digests = [word[7:] for word in text.split(" ") if word.startswith("digest=")]
    return uploaded_images(digests[0]) if digests else None
