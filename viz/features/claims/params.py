"""Settings of the claims page: which claims are listed, which one is open, its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, make_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from core.errors import SpecError
from viz.lessons.claims import CLAIMS, NUMBERS, TOPICS, VERDICTS, Claim, claim
from viz.lessons.claims.claim import Setting, Value
from viz.params import Settings, choice, switch, text

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


def _claim_setting(name: str) -> Any:
    """A setting of one or more claims; "" stands for the open claim's own default."""
    alike = settings_of(name)
    options = [option for each in alike for option in each.options]
    lows = [each.low for each in alike if each.low is not None]
    highs = [each.high for each in alike if each.high is not None]

    def parse(value: str) -> Value:
        if value in options:
            return value
        if lows and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 10:
            whole = int(value)
            if min(lows) <= whole <= max(highs):
                return whole
        numbers = [f"a whole number from {min(lows)} to {max(highs)}"] if lows else []
        raise ValueError(f"must be {' or '.join([*dict.fromkeys(options), *numbers])}")

    return text("", parse)


NAMES = tuple(dict.fromkeys(each.name for one in CLAIMS for each in one.settings))
"""Of all settings."""


@dataclass(frozen=True)
class ListSettings(Settings):
    """Which claims are listed, and which one is open. A claim of 0 stands for the list."""

    claim: int = choice(
        0, NUMBERS, "claim", f"the number of a claim: {', '.join(map(str, NUMBERS))}"
    )
    topic: str = choice(ALL, [ALL, *TOPICS], "topic", kind="pills")
    verdict: str = choice(
        ALL,
        {ALL: ALL, **{name: f"{SIGNS[name]} {name}" for name in VERDICTS}, UNRUN: UNRUN},
        "verdict",
        kind="pills",
        help="Of the claim over all settings that are tried, where you have seen it.",
    )
    run: bool = switch()


if TYPE_CHECKING:
    ClaimSettings = ListSettings
else:
    ClaimSettings = make_dataclass(
        "ClaimSettings",
        [(name, Any, _claim_setting(name)) for name in NAMES],
        bases=(ListSettings,),
        frozen=True,
    )
    """The page's settings: those of the list, and each setting that a claim has."""


def settled(values: ClaimSettings) -> tuple[ClaimSettings, list[str]]:
    """Settings in which the open claim's own have values and those of others none; a clause for
    each that does not fit this claim."""
    opened = claim(values.claim).settings if values.claim else ()
    own = {each.name: each for each in opened}
    changes: dict[str, Any] = dict.fromkeys(NAMES, "")
    ignored = []
    for name, each in own.items():
        value = values[name]
        changes[name] = each.default if value == "" else value
        try:
            each.checked(changes[name])
        except SpecError as error:
            ignored.append(f"`{name}` {error.rule} in this claim (got `{value}`)")
            changes[name] = each.default
    return values.updated(changes), ignored


def chosen(one: Claim, values: ClaimSettings) -> Chosen:
    """The settings of an open claim, of settled values."""
    return tuple((each.name, values[each.name]) for each in one.settings)


def defaults(one: Claim) -> Chosen:
    """The settings with which a claim is told."""
    return tuple(one.defaults.items())


def opening(number: int) -> dict[str, Any]:
    """What to change to open a claim where it is told; 0 for the list."""
    return {"claim": number, **dict.fromkeys(NAMES, "")}


def listed(values: ClaimSettings, verdicts: Mapping[int, str]) -> list[Claim]:
    """The claims that the filters let through.

    Args:
        verdicts: of those that were run.
    """
    topic, wanted = values.topic, values.verdict
    return [
        one
        for one in CLAIMS
        if topic in (ALL, one.topic) and wanted in (ALL, verdicts.get(one.number, UNRUN))
    ]


def settings_text(given: Chosen) -> str:
    """``kernel_size 3, stride 2``."""
    return ", ".join(f"{name} {value}" for name, value in given)
