"""State of the claims page: which claims are listed, which one is open, its settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from core.errors import SpecError
from viz.lessons.claims import CLAIMS, NUMBERS, TOPICS, VERDICTS, Claim, claim
from viz.lessons.claims.claim import Setting, Value
from viz.params import Param, Values, choice, switch

PAGE = "claims"
ALL = "all"
UNRUN = "not run yet"
SIGNS = {"holds": "✓", "holds when": "±", "does not hold": "✗", "not decided here": "?"}
"""What stands before a verdict, so that no colour has to say it."""
Chosen = tuple[tuple[str, Value], ...]
"""All settings of one claim."""


@cache
def settings_of(name: str) -> tuple[Setting, ...]:
    """The settings of that name, of all claims."""
    return tuple(each for one in CLAIMS for each in one.settings if each.name == name)


def _setting(name: str) -> Param:
    """A setting of one or more claims; "" stands for the open claim's own default."""
    alike = settings_of(name)
    options = [option for each in alike for option in each.options]
    lows = [each.low for each in alike if each.low is not None]
    highs = [each.high for each in alike if each.high is not None]

    def parse(text: str) -> Value:
        if text in options:
            return text
        if lows and text.isascii() and text.removeprefix("-").isdigit() and len(text) < 10:
            value = int(text)
            if min(lows) <= value <= max(highs):
                return value
        numbers = [f"a whole number from {min(lows)} to {max(highs)}"] if lows else []
        raise ValueError(f"must be {' or '.join([*dict.fromkeys(options), *numbers])}")

    return Param(name, "", parse)


NAMES = tuple(dict.fromkeys(each.name for one in CLAIMS for each in one.settings))
"""Of all settings."""
PARAMS = [
    choice(
        *("claim", 0, NUMBERS, "claim"),
        f"the number of a claim: {', '.join(map(str, NUMBERS))}",
    ),
    choice("topic", ALL, [ALL, *TOPICS], "topic", kind="pills"),
    choice(
        *("verdict", ALL),
        {ALL: ALL, **{name: f"{SIGNS[name]} {name}" for name in VERDICTS}, UNRUN: UNRUN},
        "verdict",
        kind="pills",
        help="Of the claim over all settings that are tried, where you have seen it.",
    ),
    switch("run"),
    *(_setting(name) for name in NAMES),
]
"""A claim of 0 stands for the list."""


def settle(values: dict[str, Any]) -> list[str]:
    """Give the open claim's settings their values and let go of the others; a clause for each
    that does not fit this claim."""
    opened = claim(values["claim"]).settings if values["claim"] else ()
    known = {each.name: each for each in opened}
    ignored = []
    for name in NAMES:
        value = values[name]
        if name not in known:
            values[name] = ""
            continue
        if value == "":
            values[name] = known[name].default
            continue
        try:
            known[name].checked(value)
        except SpecError as error:
            ignored.append(f"`{name}` {error.rule} in this claim (got `{value}`)")
            values[name] = known[name].default
    return ignored


def chosen(one: Claim, values: Values) -> Chosen:
    """The settings of an open claim, of settled values."""
    return tuple((each.name, values[each.name]) for each in one.settings)


def defaults(one: Claim) -> Chosen:
    """The settings with which a claim is told."""
    return tuple(one.defaults.items())


def opening(number: int) -> dict[str, Any]:
    """What to change to open a claim where it is told; 0 for the list."""
    return {"claim": number, **dict.fromkeys(NAMES, "")}


def listed(values: Values, verdicts: Mapping[int, str]) -> list[Claim]:
    """The claims that the filters let through.

    Args:
        verdicts: of those that were run.
    """
    topic, wanted = values["topic"], values["verdict"]
    return [
        one
        for one in CLAIMS
        if topic in (ALL, one.topic) and wanted in (ALL, verdicts.get(one.number, UNRUN))
    ]


def settings_text(given: Chosen) -> str:
    """``kernel_size 3, stride 2``."""
    return ", ".join(f"{name} {value}" for name, value in given)
