"""The claims page as a visitor meets it: the list, one claim, all of them, links, nonsense."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.errors import SpecError
from core.training.text import from_text
from tests.examples import examples
from tests.viz.html_tables import html_of
from tests.viz.values import page_settings
from tests.viz.visit import open_page, run_until_done
from viz.features.claims import compute
from viz.features.claims import evidence as claims_evidence
from viz.features.claims import print as claims_print
from viz.features.claims.params import (
    NOT_RUN,
    SETTING_NAMES,
    ClaimSettings,
    chosen_settings,
    default_settings,
    filtered_claims,
    opening_changes,
)
from viz.features.claims.params import make_valid as settled_claim
from viz.features.training import params as training_state
from viz.lessons.claims import CLAIMS, NUMBERS, TOPICS, Claim, claim
from viz.lessons.claims.grid import grid_points
from viz.page import progress
from viz.pages import PAGES
from viz.server.queue import Jobs

MAIN = Path(__file__).parents[4] / "viz" / "shell" / "main.py"
LIGHT = [one for one in CLAIMS if not one.heavy]
PAGE_SETTINGS = page_settings()
DEFAULTS = ClaimSettings()


def visit(query: Mapping[str, str] | None = None) -> AppTest:
    """The page, opened by a link."""
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(app, "claims")
    for name, value in (query or {}).items():
        app.query_params[name] = value
    return settled(app)


def again(app: AppTest) -> AppTest:
    """Run the page, which must not fail."""
    app.run()
    assert not app.exception, [each.value for each in app.exception]
    return app


def settled(app: AppTest) -> AppTest:
    """Run the page until nothing is computed any more."""
    return run_until_done(again(app), again)


def pressed(app: AppTest, which: str) -> AppTest:
    """A button of that key or label, pressed."""
    next(b for b in app.button if which in (b.key, b.label)).click()
    return settled(app)


def words_of(app: AppTest) -> str:
    texts = [m.value for m in (*app.title, *app.header, *app.markdown, *app.caption)]
    return "\n".join([*texts, re.sub("<[^>]*>", "", html_of(app))])


def followed(app: AppTest, number: int) -> AppTest:
    """The link of a claim in the list, followed."""
    (href,) = re.findall(rf"data-choice='{number}' href='\?([^']*)'", html_of(app))
    app.query_params.update(parse_qsl(unescape(href)))
    return settled(app)


def url_of(app: AppTest) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else value[-1]
        for name, value in app.query_params.items()
    }


def listed(app: AppTest) -> list[int]:
    """The numbers of the claims in the list."""
    return [int(number) for number in re.findall(r"data-choice='(\d+)'", html_of(app))]


def verdicts_in_list(app: AppTest) -> list[str]:
    return re.findall(r"<span class='verdict \w+'>([^<]*)</span></a>", html_of(app))


def test_opens_with_all_claims_none_of_them_run() -> None:
    app = visit()
    assert listed(app) == list(NUMBERS)
    assert url_of(app) == {}
    assert not app.get("plotly_chart")
    assert verdicts_in_list(app) == []


def test_a_claim_is_opened_run_changed_and_remembered() -> None:
    app = visit()
    app = followed(app, 12)
    assert "It holds in 0 of 6 settings" in words_of(app)
    assert "With this setting: does not hold" in words_of(app)
    assert "Torch finds 4, 10, 22, 46" in words_of(app)
    assert url_of(app)["claim"] == "12"
    assert len(app.get("plotly_chart")) == 1
    app.slider(key="kernel_size").set_value(1)
    app = settled(app)
    assert "With this setting: holds when" in words_of(app)
    assert "It holds in 0 of 6 settings" in words_of(app), "the claim's verdict stays"
    assert url_of(app)["kernel_size"] == "1"
    app = pressed(app, "Reset")
    assert "Torch finds 4, 10, 22, 46" in words_of(app)
    app = pressed(app, "All claims")
    assert url_of(app) == {}
    assert verdicts_in_list(app) == ["does not hold"]


def test_settings_of_one_claim_do_not_follow_into_the_next() -> None:
    app = visit({"claim": "11", "kernel_size": "7", "layers": "2"})
    assert app.slider(key="kernel_size").value == 7
    app = pressed(app, "Next")
    assert url_of(app)["claim"] == "12"
    assert app.slider(key="kernel_size").value == 3
    assert "layers" not in url_of(app)


def test_a_link_restores_a_claim_with_its_settings() -> None:
    link = {"claim": "4", "kernel_size": "3", "stride": "2", "padding": "0"}
    app = visit(link)
    assert url_of(app) == link
    assert "With this setting: holds" in words_of(app)
    assert not app.warning


@pytest.mark.parametrize(
    "link",
    [
        {"claim": "28"},
        {"claim": "nonsense"},
        {"claim": "12", "kernel_size": "6"},
        {"claim": "12", "kernel_size": "x"},
        {"claim": "1", "layer": "nonsense"},
        {"topic": "nonsense"},
        {"unheard_of": "1"},
    ],
)
def test_what_a_link_asks_in_vain_is_told(link: dict[str, str]) -> None:
    assert "Part of the link was ignored" in visit(link).warning[0].value


def test_a_combination_that_the_experiment_refuses_is_told() -> None:
    app = visit({"claim": "11", "layers": "6", "kernel_size": "7", "stride": "3"})
    assert "receptive field would be" in app.warning[0].value
    assert not app.get("plotly_chart")


def test_a_heavy_claim_comes_by_the_queue() -> None:
    app = visit({"claim": "9", "side": "8", "channels": "1"})
    assert "Each sentence needs to say" in words_of(app)


CASES = {15: ({**claim(15).defaults, "steps": 30, "seeds": 1},)}
"""A grid that takes a second."""


def test_a_claim_that_trains_comes_by_the_queue_and_leads_to_the_lab(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compute, "grid_points", lambda one: CASES[one.number])
    app = visit({"claim": "15", "steps": "30", "seeds": "1"})
    assert "Trained for 30 steps on a mark 12 px from" in words_of(app)
    assert "With this setting: not decided here" in words_of(app)
    assert len(app.get("plotly_chart")) == 1
    assert "See it on Training lab" in [each.proto.label for each in app.get("page_link")]


def test_topic_and_verdict_filter_the_list() -> None:
    app = visit({"topic": "Cost"})
    assert listed(app) == [one.number for one in CLAIMS if one.topic == "Cost"]
    app = visit({"verdict": "holds"})
    assert "No claim is left" in app.info[0].value
    app = pressed(app, "Show all")
    assert len(listed(app)) == len(NUMBERS)


@given(
    st.sampled_from(["all", *TOPICS]), st.dictionaries(st.sampled_from(NUMBERS), st.just("holds"))
)
def test_each_claim_is_under_one_topic_and_one_verdict(topic: str, run: dict[int, str]) -> None:
    parts = [
        filtered_claims(ClaimSettings(topic=topic, verdict=verdict), run)
        for verdict in ("holds", NOT_RUN)
    ]
    assert not {one.number for one in parts[0]} & {one.number for one in parts[1]}
    whole = filtered_claims(ClaimSettings(topic=topic), run)
    assert sorted(one.number for part in parts for one in part) == [one.number for one in whole]


def few(monkeypatch: pytest.MonkeyPatch) -> list[Claim]:
    """Run all takes three claims only."""
    three = [claim(number) for number in (2, 4, 12)]
    monkeypatch.setattr(compute, "CLAIMS", three)
    return three


def test_all_are_run_with_results_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    three = few(monkeypatch)
    app = visit()
    app = pressed(app, f"Run all {len(NUMBERS)}")
    assert url_of(app) == {"run": "true"}
    assert f"3 of {len(NUMBERS)} claims put to the test with PyTorch" in words_of(app)
    told = "0 holds, 2 holds when, 1 does not hold, 0 not decided here"
    assert told in words_of(app)
    assert len(app.get("download_button")) == 2
    app = pressed(app, "Close the table")
    assert url_of(app) == {}
    assert len(verdicts_in_list(app)) == len(three)


def test_all_can_be_stopped_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch)
    first, second = (len(grid_points(claim(number))) for number in (2, 4))
    seen: list[int] = []

    def report(done: int, total: int, partial: Any) -> bool:
        seen.append(done)
        return done < first + second + 2

    assert list(compute.all_work()(report)) == [2, 4]
    assert seen == list(range(first + second + 3))


def test_one_claim_can_be_stopped_half_way_and_has_no_verdict_then() -> None:
    entire = compute.grid_work(12)(lambda *told: True)
    assert entire.grid_verdict
    assert entire.grid_verdict.verdict == "does not hold"
    part = compute.grid_work(12)(lambda done, total, partial: done < 2)
    assert part.runs == entire.runs[:2]
    assert part.grid_verdict is None


def test_a_claim_that_trains_stops_at_its_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []
    one = replace(claim(15), pieces=lambda values: [lambda: trained.append(1)] * 3)
    monkeypatch.setattr(compute, "claim", lambda number: one)
    settings = default_settings(one)
    assert compute.claim_work(15, settings)(lambda *told: len(trained) < 2) is None
    assert len(trained) == 2
    found = compute.grid_work(15)(lambda *told: len(trained) < 4)
    assert found.runs == ()
    assert len(trained) == 4


def whole(number: int) -> compute.GridRuns:
    """A claim over its whole grid."""
    found: compute.GridRuns = compute.grid_work(number)(lambda *told: True)
    return found


def test_results_as_files_say_settings_and_version() -> None:
    rows = [whole(number) for number in (4, 12)]
    refused = compute.ClaimRun(11, (("layers", 6),), None, "layers must be <fewer>")
    rows.append(compute.GridRuns(11, (refused,)))
    records = list(csv.DictReader(StringIO(claims_print.as_csv(rows, "9.9"))))
    assert [record["verdict"] for record in records] == [
        *("holds when", "does not hold", "not run to the end")
    ]
    assert [(r["holds in"], r["settings"]) for r in records] == [("12", "36"), ("0", "6"), ("", "")]
    assert {record["torch"] for record in records} == {"9.9"}
    assert records[1]["tried"] == "kernel_size 2, 3, 5; stride, and side of the pool 2, 3"
    page = claims_print.as_html(rows, "9.9")
    assert page.count("<tr>") == 1 + len(rows)
    assert "PyTorch 9.9" in page
    assert "<fewer>" not in page
    for row in rows[:2]:
        assert row.grid_verdict
        assert row.grid_verdict.counts_in_words in page
        assert row.runs[0].outcome
        assert row.runs[0].outcome.sentence in page.replace("&#x27;", "'")


def test_every_setting_of_the_grid_has_a_row() -> None:
    found = whole(5)
    html = claims_evidence.settings_table(found.runs)
    assert html.count("<tr>") == 1 + len(found.runs)
    assert "<th scope='row'>input 9</th><td class='no'>does not hold</td>" in html


def test_every_row_of_the_evidence_has_its_sign() -> None:
    evidence = claim(4).run().evidence
    html = claims_evidence.evidence_table(evidence)
    for agrees, (_, word) in claims_evidence.AGREEMENT.items():
        assert html.count(f">{word}</td>") == sum(each is agrees for each in evidence.agrees)


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: str(one.number))
def test_the_page_that_shows_a_claim_accepts_its_link(one: Claim) -> None:
    ends = [
        {each.name: each.default for each in one.settings},
        {each.name: each.options[-1] if each.options else each.low for each in one.settings},
        {each.name: each.options[0] if each.options else each.high for each in one.settings},
    ]
    for values in ends:
        link = one.link(values)
        assert link.page in {page.name for page in PAGES}
        assert PAGE_SETTINGS[link.page].decoded(dict(link.query))[1] == [], values


@pytest.mark.parametrize("number", [15, 20, 26])
def test_a_claim_that_trains_leads_to_the_same_runs_in_the_lab(number: int) -> None:
    one = claim(number)
    link = dict(one.link(one.defaults).query)
    values, _ = training_state.LabSettings.decoded(link)
    found = training_state.comparison(values)
    assert len(found.seeds) == one.defaults["seeds"]
    assert {spec.steps for spec in found.specs} == {one.defaults["steps"]}
    for spec in found.specs:
        words = (f"{name}={text}" for name, text in link.items() if name not in _OF_THE_PAGE)
        assert from_text(" ".join([spec.net.downsampling, *words])) == spec


_OF_THE_PAGE = ("variants", "seeds", "tab")


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: str(one.number))
def test_every_setting_goes_through_a_link(one: Claim) -> None:
    for each in one.settings:
        for value in each.options or (each.low, each.high):
            query = {"claim": str(one.number), each.name: str(value)}
            values, ignored = ClaimSettings.decoded(query)
            assert not ignored
            values, ignored = settled_claim(values)
            assert not ignored
            assert dict(chosen_settings(one, values)) == {**one.defaults, each.name: value}


def test_no_setting_is_named_like_the_page_s_own() -> None:
    assert len({param.name for param in ClaimSettings.params()}) == len(ClaimSettings.params())
    assert set(opening_changes(1)) == {"claim", *SETTING_NAMES}


@examples(60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from([0, *NUMBERS]),
    st.dictionaries(st.sampled_from(SETTING_NAMES), st.text(max_size=8) | st.integers().map(str)),
)
def test_no_link_leaves_a_claim_with_settings_it_does_not_know(
    number: int, query: dict[str, str]
) -> None:
    values, _ = ClaimSettings.decoded({"claim": str(number), **query} if number else query)
    values, _ = settled_claim(values)
    if number:
        one = claim(number)
        for each in one.settings:
            assert each.checked(values[each.name]) == values[each.name]
        assert settled_claim(values) == (values, [])


@pytest.mark.parametrize(
    "most",
    [
        pytest.param(2, id="two settings"),
        pytest.param(None, id="whole grid", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("one", LIGHT, ids=lambda one: str(one.number))
def test_every_light_claim_opens_with_verdict_picture_and_evidence(
    one: Claim, most: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute, "grid_points", lambda one: grid_points(one)[:most])
    fresh = cache(lambda: Jobs(1))  # the other one may hold the claim over its whole grid
    monkeypatch.setattr(progress, "queue", fresh)
    app = visit({"claim": str(one.number)})
    outcome = compute.outcome(one.number, default_settings(one))
    assert f"With this setting: {outcome.verdict}" in words_of(app)
    assert "It holds in " in words_of(app)
    assert len(app.get("plotly_chart")) == 1
    assert not app.warning


def test_a_refusal_is_kept_as_one() -> None:
    settings = tuple({**claim(14).defaults, "deepest": 2}.items())
    with pytest.raises(SpecError):
        compute.outcome(14, settings)
    assert compute.run_claim(14, settings).refusal.startswith("deepest must")
