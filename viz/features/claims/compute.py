"""Running claims for the page: a quick experiment at once, anything longer in the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from core.errors import SpecError
from viz.features.claims.params import ChosenSettings
from viz.lessons.claims import CLAIMS, Outcome, claim
from viz.lessons.claims.grid import GridVerdict, grid_points, grid_verdict
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work
from viz.server.torch_start import warm


@dataclass(frozen=True)
class ClaimRun:
    """One claim that was run with one choice of settings.

    Attributes:
        number: The number of the claim.
        settings: The settings with which it was run.
        outcome: The outcome; None if the experiment refused the settings.
        refusal: Why the settings were refused; "" if they were not.
    """

    number: int
    settings: ChosenSettings
    outcome: Outcome | None
    refusal: str = ""


@dataclass(frozen=True)
class GridRuns:
    """One claim that was run at points of its grid.

    Attributes:
        number: The number of the claim.
        runs: The runs that are done so far, in the order of the grid.
    """

    number: int
    runs: tuple[ClaimRun, ...]

    @property
    def grid_verdict(self) -> GridVerdict | None:
        """The verdict on the claim; None until it was run at all points of its grid."""
        outcomes = [(dict(each.settings), each.outcome) for each in self.runs if each.outcome]
        return (
            grid_verdict(claim(self.number), outcomes)
            if len(outcomes) == grid_size(self.number)
            else None
        )


@computed_once(512, outside=True)
def outcome(number: int, settings: ChosenSettings) -> Outcome:
    """Return the cached outcome of a claim with these settings.

    Raises:
        SpecError: The experiment refuses the settings.
    """
    warm()
    return claim(number).run(dict(settings))


def run_claim(number: int, settings: ChosenSettings) -> ClaimRun:
    """Run a claim; a refusal of its settings is part of the result instead of an exception."""
    try:
        return ClaimRun(number, settings, outcome(number, settings))
    except SpecError as error:
        return ClaimRun(number, settings, None, str(error))


def _run_in_pieces(
    number: int, settings: ChosenSettings, may_continue: Callable[[], bool]
) -> ClaimRun | None:
    """Run a claim piece by piece; None if ``may_continue`` was false before one of the pieces."""
    for piece in claim(number).pieces(dict(settings)):
        if not may_continue():
            return None
        warm()
        piece()
    return run_claim(number, settings) if may_continue() else None


@queued
def claim_work(number: int, settings: ChosenSettings) -> Work:
    """Return the job that runs a heavy claim with one choice of settings.

    Its result is None if it is stopped.
    """

    def run(report: Report) -> ClaimRun | None:
        return _run_in_pieces(number, settings, lambda: report(0, 0, None))

    return run


def grid_size(number: int) -> int:
    """Return the number of points in the grid of a claim."""
    return len(grid_points(claim(number)))


def _run_grid(number: int, may_continue: Callable[[int, GridRuns], bool]) -> GridRuns:
    """Run a claim at the points of its grid, until all are done or ``may_continue`` is false.

    Args:
        number: The number of the claim.
        may_continue: Called with the number of finished points and with their runs.
    """
    done: list[ClaimRun] = []
    for settings in grid_points(claim(number)):
        so_far = GridRuns(number, tuple(done))
        run = _run_in_pieces(
            number, tuple(settings.items()), partial(may_continue, len(done), so_far)
        )
        if run is None:
            return so_far
        done.append(run)
    return GridRuns(number, tuple(done))


@queued
def grid_work(number: int) -> Work:
    """Return the job that runs a claim at all points of its grid.

    If it is stopped, its result has the points that were finished.
    """

    def run(report: Report) -> GridRuns:
        return _run_grid(number, lambda done, so_far: report(done, grid_size(number), so_far))

    return run


@queued
def all_work() -> Work:
    """Return the job that runs all claims at all points of their grids.

    Its result has the finished claims by number; if it is stopped, those are not all.
    """

    def run(report: Report) -> Mapping[int, GridRuns]:
        total = sum(grid_size(one.number) for one in CLAIMS)
        results: dict[int, GridRuns] = {}

        def may_continue(before: int, done: int, so_far: GridRuns) -> bool:
            return report(before + done, total, dict(results))

        before = 0
        for one in CLAIMS:
            tested = _run_grid(one.number, partial(may_continue, before))
            if tested.grid_verdict is None:
                break
            results[one.number] = tested
            before += grid_size(one.number)
        return results

    return run


def torch_version() -> str:
    """Return the version of the torch that runs the experiments."""
    warm()
    import torch

    return str(torch.__version__)
