"""Claims put to the test for the page: light ones at once, heavy ones and all by the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.claims import CLAIMS, Outcome, claim
from core.errors import SpecError
from viz.claims_state import Chosen, defaults
from viz.compute import warm
from viz.jobs import Report, Work
from viz.shared import shared
from viz.workers import queued


@dataclass(frozen=True)
class Ran:
    """One claim that was run.

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


@shared(256, outside=True)
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
    """A heavy claim, for the queue."""

    def run(report: Report) -> Ran:
        return ran(number, settings)

    return run


@queued
def all_work() -> Work:
    """All claims where they are told, for the queue; those done so far if it is stopped."""

    def run(report: Report) -> Mapping[int, Ran]:
        done: dict[int, Ran] = {}
        for one in CLAIMS:
            if not report(len(done), len(CLAIMS), dict(done)):
                break
            done[one.number] = ran(one.number, defaults(one))
        return done

    return run


def torch_version() -> str:
    """Of the torch that runs the experiments."""
    warm()
    import torch

    return str(torch.__version__)
