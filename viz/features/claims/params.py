"""The settings of the claims page: filters of the list, the open claim, and its settings."""

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
NOT_RUN = "not run yet"
VERDICT_LOOKS = {
    "holds": "yes",
    "holds when": "partly",
    "does not hold": "no",
    "not decided here": "undecided",
}
"""CSS class of each verdict, which brings its icon and color."""
ChosenSettings = tuple[tuple[str, Value], ...]
"""Name and value of each setting of one claim; hashable."""


@cache
def settings_of(name: str) -> tuple[Setting, ...]:
    """Return the settings of all claims that have this name."""
    return tuple(each for one in CLAIMS for each in one.settings if each.name == name)


def _claim_setting(name: str) -> Any:
    """Return the field for the settings of all claims with this name.

    Its default, "", stands for the default of the open claim's setting.
    """
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


SETTING_NAMES = tuple(dict.fromkeys(each.name for one in CLAIMS for each in one.settings))
"""The names of all claims' settings, without repetition."""


@dataclass(frozen=True)
class ListSettings(Settings):
    """The filters of the list, and the open claim; a claim of 0 stands for the list."""

    claim: int = choice(
        0, NUMBERS, "claim", f"the number of a claim: {', '.join(map(str, NUMBERS))}"
    )
    topic: str = choice(ALL, [ALL, *TOPICS], "topic")
    verdict: str = choice(
        ALL,
        [ALL, *VERDICTS, NOT_RUN],
        "verdict",
        help="The verdict over all settings that are tried; known once you have opened the claim.",
    )
    run: bool = switch()


if TYPE_CHECKING:
    ClaimSettings = ListSettings
else:
    ClaimSettings = make_dataclass(
        "ClaimSettings",
        [(name, Any, _claim_setting(name)) for name in SETTING_NAMES],
        bases=(ListSettings,),
        frozen=True,
    )
    """The page's settings: those of the list, and each setting that a claim has."""


def make_valid(values: ClaimSettings) -> tuple[ClaimSettings, list[str]]:
    """Return the settings with valid values for the open claim, and "" for those of other claims.

    The second value has a clause for each value in the link that does not fit the open claim.
    """
    opened = claim(values.claim).settings if values.claim else ()
    own = {each.name: each for each in opened}
    changes: dict[str, Any] = dict.fromkeys(SETTING_NAMES, "")
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


def chosen_settings(one: Claim, values: ClaimSettings) -> ChosenSettings:
    """Return the settings of an open claim; ``values`` come from `make_valid`."""
    return tuple((each.name, values[each.name]) for each in one.settings)


def default_settings(one: Claim) -> ChosenSettings:
    """Return the settings for which a claim is stated."""
    return tuple(one.defaults.items())


def opening_changes(number: int) -> dict[str, Any]:
    """Return the changes that open a claim with its defaults, or the list if ``number`` is 0."""
    return {"claim": number, **dict.fromkeys(SETTING_NAMES, "")}


def filtered_claims(values: ClaimSettings, verdicts: Mapping[int, str]) -> list[Claim]:
    """Return the claims that pass the filters.

    Args:
        values: The page's settings.
        verdicts: The verdicts of the claims that were run, by number.
    """
    topic, wanted = values.topic, values.verdict
    return [
        one
        for one in CLAIMS
        if topic in (ALL, one.topic) and wanted in (ALL, verdicts.get(one.number, NOT_RUN))
    ]


def settings_text(settings: ChosenSettings) -> str:
    """Return settings in words: ``kernel_size 3, stride 2``."""
    return ", ".join(f"{name} {value}" for name, value in settings)
