"""Several resumable training runs that take turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import SpecError
from .loop import train
from .records import Record, State
from .spec import TrainingSpec


class ResumableRun(NamedTuple):
    """A run and the state to resume it from.

    Attributes:
        name: number that identifies the run in the output of `take_turns`.
        spec: spec of the run.
        state: the state to resume from; None for a new run.
    """

    name: int
    spec: TrainingSpec
    state: State | None


def take_turns(
    runs: Sequence[ResumableRun], device: str | None = "cpu"
) -> Iterator[tuple[int, Record | SpecError]]:
    """Yield (name, record) of each run in turn, until all runs are complete.

    Close the generator to stop. A run that fails, because its loss is not finite, yields the error
    instead of a record and ends; the others continue.

    Raises:
        SpecError: a spec or a state that `core.training.loop.train` refuses.
    """
    active = {name: train(spec, state=state, device=device) for name, spec, state in runs}
    while active:
        for name, run in tuple(active.items()):
            record = _next_record_or_error(run)
            if record is not None:
                yield name, record
            if not isinstance(record, Record):
                del active[name]


def _next_record_or_error(run: Iterator[Record]) -> Record | SpecError | None:
    """The next record of a run, the error that it raises, or None at its end."""
    try:
        return next(run, None)
    except SpecError as error:
        return error
