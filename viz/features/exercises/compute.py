"""Exercises for the page: questions at once, the experiments of the interviews once for all."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from viz.server.torch_start import warm

if TYPE_CHECKING:
    from viz.lessons.exercises.experiments import Finding


class Revealed(NamedTuple):
    """What an experiment found, and the index of the option that says so."""

    finding: Finding
    right: int


@cache
def revealed(name: str) -> Revealed:
    """Run the experiment of an interview question; SpecError where there is none of that name."""
    warm()
    from viz.lessons.exercises.experiments import find, right_option

    finding = find(name)
    return Revealed(finding, right_option(name, finding))
