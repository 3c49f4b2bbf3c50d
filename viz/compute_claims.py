"""Claims put to the test for the page: one light setting at once, all that is longer by the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.claims import CLAIMS, Outcome, claim
from core.claims.grid import Across, across, cases
from core.errors import SpecError
from viz.claims_state import Chosen
from viz.compute import warm
from viz.jobs import Report, Work
from viz.shared import shared
from viz.workers import queued


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
        found = [(dict(each.settings), each.outcome) for each in self.runs if each.outcome]
        return across(claim(self.number), found) if len(found) == size(self.number) else None


@shared(512, outside=True)
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


@queued
def work(number: int, settings: Chosen) -> Work:
    """A heavy claim with one choice of settings, for the queue."""

    def run(report: Report) -> Ran:
        return ran(number, settings)

    return run


def size(number: int) -> int:
    """Settings in the grid of a claim."""
    return len(cases(claim(number)))


@queued
def grid_work(number: int) -> Work:
    """A claim over its grid, for the queue; what is done so far if it is stopped."""

    def run(report: Report) -> Tested:
        done: list[Ran] = []
        for settings in cases(claim(number)):
            if not report(len(done), size(number), Tested(number, tuple(done))):
                break
            done.append(ran(number, tuple(settings.items())))
        return Tested(number, tuple(done))

    return run


@queued
def all_work() -> Work:
    """All claims over their grids, for the queue; those done so far if it is stopped."""

    def run(report: Report) -> Mapping[int, Tested]:
        total = sum(size(one.number) for one in CLAIMS)
        done: dict[int, Tested] = {}
        begun = 0
        for one in CLAIMS:
            runs: list[Ran] = []
            for settings in cases(one):
                if not report(begun, total, dict(done)):
                    return done
                runs.append(ran(one.number, tuple(settings.items())))
                begun += 1
            done[one.number] = Tested(one.number, tuple(runs))
        return done

    return run


def torch_version() -> str:
    """Of the torch that runs the experiments."""
    warm()
    import torch

    return str(torch.__version__)
