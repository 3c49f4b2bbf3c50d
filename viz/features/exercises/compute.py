"""Running the experiments of the interview questions, each once per server process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from viz.server.torch_start import warm

if TYPE_CHECKING:
    from viz.lessons.exercises.experiments import ExperimentResult


class InterviewResult(NamedTuple):
    """The result of a question's experiment, and the index of the option that it makes correct."""

    experiment: ExperimentResult
    correct: int


@cache
def interview_result(name: str) -> InterviewResult:
    """Run the experiment of an interview question; raises SpecError for an unknown name."""
    warm()
    from viz.lessons.exercises.experiments import correct_option, run_experiment

    result = run_experiment(name)
    return InterviewResult(result, correct_option(name, result))
