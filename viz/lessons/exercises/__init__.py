"""Exercises: endless seeded questions whose answers are core's closed forms.

Nothing here needs torch: the tests run every kind of question against it.
"""

from viz.lessons.exercises.judging import GIVEN_UP, Verdict, judge
from viz.lessons.exercises.kinds import (
    KINDS,
    LEVELS,
    MAX_NUMBER,
    MAX_SEED,
    Kind,
    kind_at,
    question,
    series,
)
from viz.lessons.exercises.question import (
    Answer,
    LayerSubject,
    NetworkSubject,
    Question,
    answer_format,
    answer_text,
    letter,
)

__all__ = [
    "GIVEN_UP",
    "KINDS",
    "LEVELS",
    "MAX_NUMBER",
    "MAX_SEED",
    "Answer",
    "Kind",
    "LayerSubject",
    "NetworkSubject",
    "Question",
    "Verdict",
    "answer_format",
    "answer_text",
    "judge",
    "kind_at",
    "letter",
    "question",
    "series",
]
