"""The verdict of a claim over its grid: how it is counted, what is named, and that it can change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plots.plot import Plot
from tests.viz.lessons.claims.test_table import sabotages
from viz.lessons.claims import CLAIMS, Claim, Outcome, claim
from viz.lessons.claims.claim import VERDICTS, Evidence, Values, Verdict, grid_block
from viz.lessons.claims.grid import (
    NO_SIMPLE_CONDITION,
    GridVerdict,
    grid_in_words,
    grid_points,
    grid_verdict,
    settings_in_words,
)

SHORT = (1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 17, 18, 19, 22, 23, 25, 27)
"""Claims whose whole grid takes half a second at most."""
COMES_TO: dict[int, Verdict] = dict.fromkeys(SHORT, "holds when") | {12: "does not hold"}


def outcomes(number: int) -> list[tuple[Values, Outcome]]:
    """Of every point of the grid."""
    return [(values, claim(number).run(values)) for values in grid_points(claim(number))]


def said(verdict: Verdict, condition: str = "") -> Outcome:
    """An outcome of which only the verdict matters."""
    return Outcome(verdict, "", Evidence((), (), ()), Plot("", (), ""), condition)


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: str(one.number))
def test_a_grid_is_one_of_the_claim_s_own_settings(one: Claim) -> None:
    settings = {each.name: each for each in one.settings}
    made = grid_points(one)
    assert len(made) >= 2
    assert len({tuple(each.items()) for each in made}) == len(made)
    for values in made:
        assert all(settings[name].checked(value) == value for name, value in values.items())
        assert settings_in_words(one, values)
    assert len({settings_in_words(one, values) for values in made}) == len(made)
    for name, _ in (pair for part in one.grid for pair in part):
        assert name in settings
    assert grid_in_words(one)


def test_the_defaults_come_first_where_they_are_part_of_the_grid() -> None:
    for one in CLAIMS:
        if one.defaults in grid_points(one):
            assert grid_points(one)[0] == one.defaults


@pytest.mark.slow
@pytest.mark.parametrize("number", SHORT)
def test_a_claim_over_its_grid_and_over_a_broken_one(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = grid_verdict(claim(number), outcomes(number))
    assert honest.verdict == COMES_TO[number]
    assert honest.settings == len(grid_points(claim(number)))
    assert (honest.condition not in ("", NO_SIMPLE_CONDITION)) == (honest.verdict == "holds when")
    sabotages()[number](monkeypatch)
    assert grid_verdict(claim(number), outcomes(number)) != honest


def test_claims_about_one_situation_agree() -> None:
    """What an odd kernel at stride 2 leaves unread: both depend on the input."""
    assert [grid_verdict(claim(n), outcomes(n)).verdict for n in (4, 5)] == ["holds when"] * 2
    by_size = {int(v["n"]): o.verdict for v, o in outcomes(5)}
    for n, verdict in by_size.items():
        unread = claim(4).run({"kernel_size": 3, "stride": 2, "padding": 0}).evidence.rows
        assert (verdict == "holds") == (n % 2 == 0)
        assert {row[3] > 0 for row in unread if row[1] % 2 == n % 2} == {n % 2 == 0}


# --- Synthetic outcomes -----------------------------------------------------------------------

TOY = replace(claim(10), grid=(grid_block(layers=(2, 3), kernel_size=(3, 5)),), rules=())


def judged(one: Claim, verdicts: Sequence[Verdict], condition: str = "so") -> GridVerdict:
    points = grid_points(one)
    told = [said(each, condition if each == "holds when" else "") for each in verdicts]
    return grid_verdict(one, list(zip(points, told, strict=True)))


@given(st.lists(st.sampled_from(VERDICTS), min_size=4, max_size=4))
def test_the_verdict_follows_from_the_counts(verdicts: list[Verdict]) -> None:
    found = judged(TOY, verdicts)
    assert found.settings == 4
    assert found.holds == verdicts.count("holds")
    decided = set(verdicts) - {"not decided here"}
    if len(decided) > 1 or "holds when" in decided:
        assert found.verdict == "holds when"
        assert found.condition
    elif "not decided here" in verdicts:
        assert found.verdict == "not decided here"
        assert not found.condition
    else:
        assert [found.verdict] == list(decided)


def test_one_setting_s_values_are_named_where_they_decide() -> None:
    verdicts: list[Verdict] = [
        "holds" if values["layers"] == 3 else "does not hold" for values in grid_points(TOY)
    ]
    assert judged(TOY, verdicts).condition == "layers of the stack is 3"


def test_a_rule_is_named_only_where_it_is_right() -> None:
    right = ("the kernel is 5", lambda v: v["kernel_size"] == 5)
    wrong = ("the kernel is 3", lambda v: v["kernel_size"] == 3)
    one = replace(TOY, rules=(wrong, right))
    verdicts: list[Verdict] = [
        "holds" if values["kernel_size"] == 5 else "holds when" for values in grid_points(one)
    ]
    assert judged(one, verdicts).condition == "the kernel is 5"
    assert judged(one, ["holds when"] * 4, "the part is so").condition == "the part is so"


def test_the_count_is_told_in_words() -> None:
    found = judged(TOY, ["holds", "holds when", "not decided here", "does not hold"])
    assert found.counts_in_words == "1 of 4 settings, in part in 1, not decided in 1"
