"""Claims put to the test for the page: one light setting at once, all that is longer by the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from core.errors import SpecError
from viz.features.claims.params import Chosen
from viz.lessons.claims import CLAIMS, Outcome, claim
from viz.lessons.claims.grid import Across, across, cases
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work
from viz.server.torch_start import warm


@dataclass(frozen=True)
class Ran:
    """One claim that was run with one choice of settings.

    Attributes:
        number: of the claim.
        settings: it was run with.
        outcome: None where it was refused.
        refusal: why; "" where it was not.
    """

    number: int
    settings: Chosen
    outcome: Outcome | None
    refusal: str = ""


@dataclass(frozen=True)
class Tested:
    """One claim over its grid.

    Attributes:
        number: of the claim.
        runs: those done so far.
    """

    number: int
    runs: tuple[Ran, ...]

    @property
    def across(self) -> Across | None:
        """The claim's verdict; None until its whole grid was run."""
        outcomes = [(dict(each.settings), each.outcome) for each in self.runs if each.outcome]
        return across(claim(self.number), outcomes) if len(outcomes) == size(self.number) else None


@computed_once(512, outside=True)
def outcome(number: int, settings: Chosen) -> Outcome:
    """A claim with these settings.

    Raises:
        SpecError: its experiment refuses them.
    """
    warm()
    return claim(number).run(dict(settings))


def ran(number: int, settings: Chosen) -> Ran:
    """The same with the refusal as a value."""
    try:
        return Ran(number, settings, outcome(number, settings))
    except SpecError as error:
        return Ran(number, settings, None, str(error))


def _by_pieces(number: int, settings: Chosen, go_on: Callable[[], bool]) -> Ran | None:
    """The same, asked before every piece of it whether to go on; None where it was stopped."""
    for piece in claim(number).pieces(dict(settings)):
        if not go_on():
            return None
        warm()
        piece()
    return ran(number, settings) if go_on() else None


@queued
def work(number: int, settings: Chosen) -> Work:
    """A heavy claim with one choice of settings, for the queue; None if it is stopped."""

    def run(report: Report) -> Ran | None:
        return _by_pieces(number, settings, lambda: report(0, 0, None))

    return run


def size(number: int) -> int:
    """Settings in the grid of a claim."""
    return len(cases(claim(number)))


def _over_grid(number: int, go_on: Callable[[int, Tested], bool]) -> Tested:
    """A claim over its grid, or what is done of it; asked with how many settings are done."""
    done: list[Ran] = []
    for settings in cases(claim(number)):
        so_far = Tested(number, tuple(done))
        piece = _by_pieces(number, tuple(settings.items()), partial(go_on, len(done), so_far))
        if piece is None:
            return so_far
        done.append(piece)
    return Tested(number, tuple(done))


@queued
def grid_work(number: int) -> Work:
    """A claim over its grid, for the queue; what is done so far if it is stopped."""

    def run(report: Report) -> Tested:
        return _over_grid(number, lambda done, so_far: report(done, size(number), so_far))

    return run


@queued
def all_work() -> Work:
    """All claims over their grids, for the queue; those done so far if it is stopped."""

    def run(report: Report) -> Mapping[int, Tested]:
        total = sum(size(one.number) for one in CLAIMS)
        results: dict[int, Tested] = {}

        def go_on(before: int, done: int, so_far: Tested) -> bool:
            return report(before + done, total, dict(results))

        before = 0
        for one in CLAIMS:
            tested = _over_grid(one.number, partial(go_on, before))
            if tested.across is None:
                break
            results[one.number] = tested
            before += size(one.number)
        return results

    return run


def torch_version() -> str:
    """Of the torch that runs the experiments."""
    warm()
    import torch

    return str(torch.__version__)
