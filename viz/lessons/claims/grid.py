"""The verdict of a claim: of its experiment over a small grid of settings, not of one setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from viz.lessons.claims.claim import Claim, Outcome, Setting, Value, Values, Verdict, decided

MOST_LISTED = 3
"""Settings that are named one by one where no rule tells them from the others."""
UNNAMED = "several settings go together: see them one by one"
"""The condition where no rule was found."""


@dataclass(frozen=True)
class Across:
    """What a claim comes to over its grid.

    Attributes:
        verdict: "holds" and "does not hold" only where every setting says so; "holds when" where
            the claim is borne out in some and not, or only in part, in others; "not decided here"
            where nothing but chance stands against a clear verdict.
        condition: for "holds when": when; "" otherwise.
        holds, in_part, fails, undecided: how many settings have which verdict.
    """

    verdict: Verdict
    condition: str
    holds: int
    in_part: int
    fails: int
    undecided: int

    @property
    def settings(self) -> int:
        """How many there are."""
        return self.holds + self.in_part + self.fails + self.undecided

    @property
    def count(self) -> str:
        """``4 of 12 settings, in part in 2, not decided in 1``."""
        more = f", in part in {self.in_part}" if self.in_part else ""
        more += f", not decided in {self.undecided}" if self.undecided else ""
        word = "setting" if self.settings == 1 else "settings"
        return f"{self.holds} of {self.settings} {word}{more}"


def cases(one: Claim) -> tuple[dict[str, Value], ...]:
    """All settings of the claim at every point of its grid; its defaults first if they are one."""
    combinations = [
        one.defaults | dict(zip(dict(part), point, strict=True))
        for part in one.grid
        for point in product(*dict(part).values())
    ]
    return tuple(sorted(combinations, key=lambda case: case != one.defaults))


def across(one: Claim, outcomes: Sequence[tuple[Values, Outcome]]) -> Across:
    """The verdict of a claim.

    Args:
        one: the claim.
        outcomes: the outcome at each point of its grid.
    """
    count = Counter(outcome.verdict for _, outcome in outcomes)
    verdict = decided(part for each in count for part in _PARTS[each])
    return Across(
        verdict,
        _condition(one, outcomes) if verdict == "holds when" else "",
        count["holds"],
        count["holds when"],
        count["does not hold"],
        count["not decided here"],
    )


_PARTS: dict[Verdict, tuple[bool | None, ...]] = {
    "holds": (True,),
    "holds when": (True, False),
    "does not hold": (False,),
    "not decided here": (None,),
}
"""What each setting's verdict adds to the claim's."""


def _condition(one: Claim, outcomes: Sequence[tuple[Values, Outcome]]) -> str:
    """What parts the settings in which the claim holds from the others.

    A named rule, one setting's values, the settings themselves where they are few, or a condition
    that all outcomes which hold in part have in common, in this order.
    """
    judged = [each for each in outcomes if each[1].verdict != "not decided here"]
    whole = [outcome.verdict == "holds" for _, outcome in judged]
    if any(whole):
        for name, rule in one.rules:
            if all(rule(values) == held for (values, _), held in zip(judged, whole, strict=True)):
                return name
        for name in _names(one):
            if condition := _by_one_setting(one, name, [values for values, _ in judged], whole):
                return condition
    held = [values for (values, _), each in zip(judged, whole, strict=True) if each]
    return _listed(one, held) or _in_part(one, judged) or UNNAMED


def _in_part(one: Claim, judged: Sequence[tuple[Values, Outcome]]) -> str:
    """The condition that all outcomes which hold in part have in common, or one for each value of
    one setting; "" where it is neither."""
    partial = [(values, outcome.condition) for values, outcome in judged if outcome.condition]
    if len({condition for _, condition in partial}) == 1:
        return partial[0][1]
    for name in _names(one):
        by_value: dict[Value, set[str]] = {}
        for values, condition in partial:
            by_value.setdefault(values[name], set()).add(condition)
        if by_value and all(len(each) == 1 for each in by_value.values()):
            by_condition: dict[str, list[Value]] = {}
            for value, (condition,) in by_value.items():
                by_condition.setdefault(condition, []).append(value)
            return "; ".join(
                f"{_name(one, name)} is {' or '.join(map(str, values))}, and {condition}"
                for condition, values in by_condition.items()
            )
    return ""


def _by_one_setting(one: Claim, name: str, judged: Sequence[Values], held: Sequence[bool]) -> str:
    """The values of one setting for which the claim holds; "" where they do not decide it."""
    verdicts: dict[Value, set[bool]] = {}
    for values, each in zip(judged, held, strict=True):
        verdicts.setdefault(values[name], set()).add(each)
    if any(len(each) > 1 for each in verdicts.values()):
        return ""
    good = [value for value, each in verdicts.items() if each == {True}]
    return f"{_name(one, name)} is {' or '.join(map(str, good))}"


def _listed(one: Claim, held: Sequence[Values]) -> str:
    if len(held) > MOST_LISTED:
        return ""
    return "; or ".join(
        ", ".join(f"{_name(one, name)} is {values[name]}" for name in _names(one))
        for values in held
    )


def _names(one: Claim) -> list[str]:
    """The settings that vary."""
    return [
        setting.name
        for setting in one.settings
        if len({value for part in one.grid for value in dict(part).get(setting.name, ())}) > 1
    ]


def point(one: Claim, values: Values) -> str:
    """One setting of the grid, by what varies in it: ``kernel_size 3, stride 2``."""
    return ", ".join(f"{_name(one, name)} {values[name]}" for name in _names(one))


def _name(one: Claim, name: str) -> str:
    return short(next(each for each in one.settings if each.name == name))


def short(setting: Setting) -> str:
    """A setting's label without unit and explanation: ``kernel_size``, ``layers of the stack``."""
    return setting.label.partition(" — ")[0].partition(" (")[0]


def tried(one: Claim) -> str:
    """The grid in words: ``kernel_size 2, 3, 5; stride 1, 2``."""
    return " / ".join(
        "; ".join(f"{_name(one, name)} {', '.join(map(_value, values))}" for name, values in part)
        for part in one.grid
    )


def _value(value: Value) -> str:
    """As it stands in a list: quoted where it is a list itself."""
    return f"“{value}”" if "," in str(value) else str(value)
