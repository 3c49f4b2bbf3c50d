"""The verdict on a claim, taken over a small grid of settings rather than at one setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from viz.lessons.claims.claim import (
    Claim,
    Outcome,
    Setting,
    Value,
    Values,
    Verdict,
    combined_verdict,
)

MAX_LISTED_SETTINGS = 3
"""Up to this many choices of settings are listed one by one if no rule describes them."""
NO_SIMPLE_CONDITION = "several settings go together: see them one by one"
"""The condition of a "holds when" verdict if no rule and no single setting describes it."""


@dataclass(frozen=True)
class GridVerdict:
    """The verdict on a claim over all points of its grid.

    Attributes:
        verdict: "holds" or "does not hold" if every point has this verdict; "holds when" if some
            points support the claim and others refute it, wholly or in part; "not decided here"
            if some points are undecided and the others have the same clear verdict.
        condition: The words after "holds when"; "" for any other verdict.
        holds, in_part, fails, undecided: Number of points with the verdict "holds", "holds when",
            "does not hold" and "not decided here".
    """

    verdict: Verdict
    condition: str
    holds: int
    in_part: int
    fails: int
    undecided: int

    @property
    def settings(self) -> int:
        """The number of points of the grid."""
        return self.holds + self.in_part + self.fails + self.undecided

    @property
    def counts_in_words(self) -> str:
        """The counts in words: ``4 of 12 settings, in part in 2, not decided in 1``."""
        more = f", in part in {self.in_part}" if self.in_part else ""
        more += f", not decided in {self.undecided}" if self.undecided else ""
        word = "setting" if self.settings == 1 else "settings"
        return f"{self.holds} of {self.settings} {word}{more}"


def grid_points(claim: Claim) -> tuple[dict[str, Value], ...]:
    """Return the values of all settings at each point of the grid.

    The claim's defaults come first if they are a point of the grid.
    """
    combinations = [
        claim.defaults | dict(zip(dict(part), settings_in_words, strict=True))
        for part in claim.grid
        for settings_in_words in product(*dict(part).values())
    ]
    return tuple(sorted(combinations, key=lambda case: case != claim.defaults))


def grid_verdict(claim: Claim, outcomes: Sequence[tuple[Values, Outcome]]) -> GridVerdict:
    """Return the verdict on a claim over all points of its grid.

    Args:
        claim: The claim.
        outcomes: The values of all settings with the outcome, for each point of its grid.
    """
    count = Counter(outcome.verdict for _, outcome in outcomes)
    verdict = combined_verdict(part for each in count for part in _VERDICT_PARTS[each])
    return GridVerdict(
        verdict,
        _holds_when_condition(claim, outcomes) if verdict == "holds when" else "",
        count["holds"],
        count["holds when"],
        count["does not hold"],
        count["not decided here"],
    )


_VERDICT_PARTS: dict[Verdict, tuple[bool | None, ...]] = {
    "holds": (True,),
    "holds when": (True, False),
    "does not hold": (False,),
    "not decided here": (None,),
}
"""The parts, as `combined_verdict` takes them, for which the verdict at one grid point stands."""


def _holds_when_condition(claim: Claim, outcomes: Sequence[tuple[Values, Outcome]]) -> str:
    """Return the words that separate the grid points at which the claim holds from the others.

    These are, in order of preference: a rule of the claim, the values of one setting, a list of
    the points if they are few, or a condition shared by all outcomes that hold in part.
    """
    judged = [each for each in outcomes if each[1].verdict != "not decided here"]
    holds = [outcome.verdict == "holds" for _, outcome in judged]
    if any(holds):
        for words, rule in claim.rules:
            if [rule(values) for values, _ in judged] == holds:
                return words
        for name in _varying_settings(claim):
            if condition := _condition_by_one_setting(
                claim, name, [values for values, _ in judged], holds
            ):
                return condition
    return (
        _listed_settings(claim, [v for (v, _), each in zip(judged, holds, strict=True) if each])
        or _condition_of_partial_outcomes(claim, judged)
        or NO_SIMPLE_CONDITION
    )


def _condition_of_partial_outcomes(claim: Claim, judged: Sequence[tuple[Values, Outcome]]) -> str:
    """Return the condition shared by all outcomes that hold in part.

    If they share none, but outcomes with equal values of one setting do, each value is named with
    its condition; "" if this fails as well.
    """
    partial = [(values, outcome.condition) for values, outcome in judged if outcome.condition]
    if len({condition for _, condition in partial}) == 1:
        return partial[0][1]
    for name in _varying_settings(claim):
        by_value: dict[Value, set[str]] = {}
        for values, condition in partial:
            by_value.setdefault(values[name], set()).add(condition)
        if by_value and all(len(each) == 1 for each in by_value.values()):
            by_condition: dict[str, list[Value]] = {}
            for value, (condition,) in by_value.items():
                by_condition.setdefault(condition, []).append(value)
            return "; ".join(
                f"{_short_label(claim, name)} is {' or '.join(map(str, values))}, and {condition}"
                for condition, values in by_condition.items()
            )
    return ""


def _condition_by_one_setting(
    claim: Claim, name: str, judged: Sequence[Values], holds: Sequence[bool]
) -> str:
    """Return the values of one setting at which the claim holds.

    Args:
        claim: The claim, for the setting's label.
        name: Name of the setting.
        judged: Values of all settings at each decided point.
        holds: Whether the claim holds at each of these points.

    Returns:
        The values in words; "" if points with one value have different verdicts.
    """
    verdicts: dict[Value, set[bool]] = {}
    for values, each in zip(judged, holds, strict=True):
        verdicts.setdefault(values[name], set()).add(each)
    if any(len(each) > 1 for each in verdicts.values()):
        return ""
    good = [value for value, each in verdicts.items() if each == {True}]
    return f"{_short_label(claim, name)} is {' or '.join(map(str, good))}"


def _listed_settings(claim: Claim, points: Sequence[Values]) -> str:
    """Return grid points in words; "" if they are more than `MAX_LISTED_SETTINGS`."""
    if len(points) > MAX_LISTED_SETTINGS:
        return ""
    return "; or ".join(
        ", ".join(
            f"{_short_label(claim, name)} is {values[name]}" for name in _varying_settings(claim)
        )
        for values in points
    )


def _varying_settings(claim: Claim) -> list[str]:
    """Return the names of the settings that take more than one value in the grid."""
    return [
        setting.name
        for setting in claim.settings
        if len({value for part in claim.grid for value in dict(part).get(setting.name, ())}) > 1
    ]


def settings_in_words(claim: Claim, values: Values) -> str:
    """Return a grid point in words, without what never varies: ``kernel_size 3, stride 2``."""
    return ", ".join(
        f"{_short_label(claim, name)} {values[name]}" for name in _varying_settings(claim)
    )


def _short_label(claim: Claim, name: str) -> str:
    """Return the short label of the claim's setting with this name."""
    return short_label(next(each for each in claim.settings if each.name == name))


def short_label(setting: Setting) -> str:
    """Return a setting's label without unit and explanation: ``kernel_size``."""
    return setting.label.partition(" — ")[0].partition(" (")[0]


def grid_in_words(claim: Claim) -> str:
    """Return the grid in words: ``kernel_size 2, 3, 5; stride 1, 2``."""
    return " / ".join(
        "; ".join(
            f"{_short_label(claim, name)} {', '.join(map(_quoted, values))}"
            for name, values in part
        )
        for part in claim.grid
    )


def _quoted(value: Value) -> str:
    """Return a value as an item of a comma-separated list: in quotes if it has a comma itself."""
    return f"“{value}”" if "," in str(value) else str(value)
