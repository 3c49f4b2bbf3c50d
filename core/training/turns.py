"""Several resumable training runs side by side."""

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
        name: number that identifies the run's records.
        spec: of the run.
        state: the state to resume from; None for a new run.
    """

    name: int
    spec: TrainingSpec
    state: State | None


def take_turns(
    runs: Sequence[ResumableRun], device: str | None = "cpu"
) -> Iterator[tuple[int, Record | SpecError]]:
    """Yield the runs' next records in turn, as in `core.training.studies.compare`.

    Close the generator to stop. A run that cannot make its next record, because its loss is not
    finite, yields the error instead, and the others go on without it.

    Raises:
        SpecError: a spec or a state that `core.training.loop.train` refuses.
    """
    going = {name: train(spec, state=state, device=device) for name, spec, state in runs}
    while going:
        for name, run in tuple(going.items()):
            record = _next(run)
            if record is not None:
                yield name, record
            if not isinstance(record, Record):
                del going[name]


def _next(run: Iterator[Record]) -> Record | SpecError | None:
    try:
        return next(run, None)
    except SpecError as error:
        return error
