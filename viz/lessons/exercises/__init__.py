"""Exercises: endless seeded questions whose answers come from core's closed forms.

Nothing here imports torch; the tests compare every kind of question with it.
"""

from viz.lessons.exercises.judging import GIVE_UP, Feedback, judge
from viz.lessons.exercises.kinds import (
    KINDS,
    LEVELS,
    MAX_NUMBER,
    MAX_SEED,
    Kind,
    kind_in_series,
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
    "GIVE_UP",
    "KINDS",
    "LEVELS",
    "MAX_NUMBER",
    "MAX_SEED",
    "Answer",
    "Feedback",
    "Kind",
    "LayerSubject",
    "NetworkSubject",
    "Question",
    "answer_format",
    "answer_text",
    "judge",
    "kind_in_series",
    "letter",
    "question",
    "series",
]
