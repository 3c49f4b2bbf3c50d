"""Undo and redo of typed cells: every change comes back, and memory is bounded."""

from __future__ import annotations

import pytest

from viz.features.sweep import typed
from viz.features.sweep.params import SweepSettings


@pytest.fixture(autouse=True)
def _session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed.st, "session_state", {})


def settings(weights: str = "", pixels: str = "") -> SweepSettings:
    return SweepSettings.of({"weights": weights, "pixels": pixels})


STATES = [
    settings(),
    settings("0.0.0.0:1"),
    settings("0.0.0.0:1", "0.0.0:7"),
    settings("0.0.0.0:2"),
]


def typed_all() -> SweepSettings:
    """The settings after all changes were typed."""
    for before in STATES[:-1]:
        typed.remember(before)
    return STATES[-1]


def test_every_change_is_undone_and_redone_in_order() -> None:
    values = typed_all()
    for expected in reversed(STATES[:-1]):
        assert typed.can_undo(values)
        values = values.updated(typed.step(values, "undo"))
        assert values == expected
    assert not typed.can_undo(values)
    assert typed.step(values, "undo") == {}
    for expected in STATES[1:]:
        assert typed.can_redo(values)
        values = values.updated(typed.step(values, "redo"))
        assert values == expected
    assert not typed.can_redo(values)
    assert typed.step(values, "redo") == {}


def test_typing_after_an_undo_ends_what_can_be_redone() -> None:
    values = typed_all()
    values = values.updated(typed.step(values, "undo"))
    typed.remember(values)
    assert not typed.can_redo(settings("0.0.0.0:9"))


def test_what_a_link_has_typed_is_undone_at_once() -> None:
    values = settings("0.0.0.0:1_0.0.0.1:2", "0.0.0:7")
    assert typed.can_undo(values)
    assert values.updated(typed.step(values, "undo")) == settings()


def test_steps_that_change_nothing_are_passed_over() -> None:
    typed.remember(settings())
    typed.remember(settings("0.0.0.0:1"))
    values = settings("0.0.0.0:1")  # cleared by another button, and typed again
    assert typed.step(values, "undo") == {"weights": "", "pixels": ""}


def test_memory_is_bounded() -> None:
    for i in range(3 * typed.MOST_STEPS):
        typed.remember(settings(f"0.0.0.0:{i}"))
    values, count = settings("0.0.0.0:999"), 0
    while values.weights:
        values = values.updated(typed.step(values, "undo"))
        count += 1
    assert count == typed.MOST_STEPS + 1, "the last step takes what is left"
    typed.forget()
    assert not typed.can_redo(values)
