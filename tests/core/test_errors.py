"""The text of a refusal is an interface."""

from __future__ import annotations

import pickle

from core.errors import SpecError

ERROR = SpecError("stride", "must be at least 1", 0)


def test_parameter_rule_and_value_are_kept() -> None:
    assert (ERROR.parameter, ERROR.rule, ERROR.value) == ("stride", "must be at least 1", 0)


def test_sentence() -> None:
    assert str(ERROR) == "stride must be at least 1 (got 0)"


def test_is_a_value_error() -> None:
    assert isinstance(ERROR, ValueError)


def test_survives_a_process_border() -> None:
    """Caches and workers pickle what they raise."""
    again = pickle.loads(pickle.dumps(ERROR))
    assert str(again) == str(ERROR)
    assert (again.parameter, again.rule, again.value) == ("stride", "must be at least 1", 0)
