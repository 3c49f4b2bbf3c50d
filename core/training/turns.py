"""Several runs side by side, each from where it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import SpecError
from .loop import train
from .records import Record, State
from .spec import TrainingSpec


class Going(NamedTuple):
    """A run that is to go on.

    Attributes:
        name: that its records are told by.
        spec: what it is.
        state: where it goes on; None for the beginning.
    """

    name: int
    spec: TrainingSpec
    state: State | None


def take_turns(
    runs: Sequence[Going], device: str | None = "cpu"
) -> Iterator[tuple[int, Record | SpecError]]:
    """Each makes its next record in turn, as in `core.training.studies.compare`; close it to stop.

    A run that cannot make its next record, as its loss is no longer a number, gives the reason in
    the record's place, and the others go on without it.

    Raises:
        SpecError: a spec or a state that `core.training.loop.train` refuses.
    """
    going = {name: train(spec, state=state, device=device) for name, spec, state in runs}
    while going:
        for name, run in tuple(going.items()):
            told = _next(run)
            if told is not None:
                yield name, told
            if not isinstance(told, Record):
                del going[name]


def _next(run: Iterator[Record]) -> Record | SpecError | None:
    try:
        return next(run, None)
    except SpecError as error:
        return error
