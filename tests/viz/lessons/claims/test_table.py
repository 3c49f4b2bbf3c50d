"""The table of claims: whole, well-formed, and every row with an experiment that can be broken."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import SpecError
from core.plots.axes import span
from core.plots.legend import entries
from core.plots.plot import Bars, Heat, Plot, Points, Polyline
from tests.core.plots.reading import marks_of
from viz.lessons.claims import CLAIMS, NUMBERS, TOPICS, VERDICTS, Claim, claim
from viz.lessons.claims.claim import Evidence, Setting, outcome, verdict_of_rows
from viz.lessons.claims.parts import pixel_map

HERE = Path(__file__).parent
LIGHT = [one for one in CLAIMS if not one.heavy]
MODULES = [path.stem for path in sorted(HERE.glob("test_*.py")) if path != Path(__file__)]


def sabotages() -> Mapping[int, Any]:
    """Of all tests of this folder, by claim."""
    found: dict[int, Any] = {}
    for name in MODULES:
        found |= getattr(import_module(f"tests.viz.lessons.claims.{name}"), "SABOTAGES", {})
    return found


def test_all_claims_are_there() -> None:
    assert list(NUMBERS) == list(range(1, 28))
    assert [one.number for one in CLAIMS] == list(NUMBERS)


def test_every_claim_has_an_experiment_that_is_broken_by_a_test() -> None:
    assert set(sabotages()) == set(NUMBERS)


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: str(one.number))
def test_a_row_is_well_formed(one: Claim) -> None:
    assert claim(one.number) is one
    assert one.topic in TOPICS
    assert one.statement.endswith((".", "”"))
    assert one.why
    assert 1 <= len(one.settings) <= 5
    assert len(one.defaults) == len(one.settings)
    for setting in one.settings:
        assert setting.checked(setting.default) == setting.default
        assert setting.options or setting.low != setting.high


@pytest.mark.parametrize("one", LIGHT, ids=lambda one: str(one.number))
def test_an_outcome_is_well_formed(one: Claim) -> None:
    outcome = one.run()
    evidence = outcome.evidence
    assert outcome.verdict in VERDICTS
    assert bool(outcome.condition) == (outcome.verdict == "holds when")
    assert outcome.sentence.endswith(".")
    assert len(evidence.rows) == len(evidence.agrees) > 0
    assert {len(row) for row in evidence.rows} == {len(evidence.columns)}
    assert {type(cell) for row in evidence.rows for cell in row} <= {int, float, str}
    assert {type(each) for each in evidence.agrees} <= {bool, type(None)}
    assert one.run() == outcome
    check_chart(outcome.chart)


def check_chart(chart: Plot) -> None:
    """A chart has finite axes, a legend for several series only, and a sentence on its data."""
    (panel,) = chart.panels
    assert chart.title
    assert chart.title in chart.alt
    assert panel.marks
    assert np.isfinite([*span(panel, "x"), *span(panel, "y")]).all()
    names = [entry.name for entry in entries(chart)]
    series = [mark for mark in panel.marks if isinstance(mark, Bars | Polyline)]
    assert len(names) == len(series) if len(series) > 1 else len(names) <= 1
    assert pickle.loads(pickle.dumps(chart)).alt == chart.alt, "it goes between processes"


def test_pixels_without_a_window_are_crossed_out_and_counted() -> None:
    chart = pixel_map("reads", "windows", [[1, 0], [2, 0]])
    (heat,), (crosses,) = marks_of(chart, Heat), marks_of(chart, Points)
    np.testing.assert_array_equal(heat.values, [[1, np.nan], [2, np.nan]])
    assert list(zip(crosses.x, crosses.y, strict=True)) == [(1, 0), (1, 1)]
    assert heat.texts == [["1", ""], ["2", ""]]
    assert "at most 2; 2 of 4 pixels are not read" in chart.alt
    nothing = marks_of(pixel_map("reads", "windows", [[0]]), Heat)[0].scale
    assert nothing.low < nothing.high


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: str(one.number))
def test_what_no_experiment_knows_is_refused(one: Claim) -> None:
    with pytest.raises(SpecError, match="must be one of"):
        one.run({"nonsense": 1})
    first = one.settings[0]
    for wrong in ("nonsense", -1, 10**6):
        with pytest.raises(SpecError, match=first.name):
            one.run({first.name: wrong})


def test_a_number_that_no_claim_has_is_refused() -> None:
    with pytest.raises(SpecError, match="claim"):
        claim(28)


def test_a_verdict_follows_from_its_rows() -> None:
    assert verdict_of_rows((True, None, True)) == "holds"
    assert verdict_of_rows((True, False)) == "holds when"
    assert verdict_of_rows((False, None)) == "does not hold"
    assert verdict_of_rows((None,)) == "does not hold"


def test_a_whole_number_is_no_text() -> None:
    setting = Setting("stride", "stride", 2, 1, 4)
    with pytest.raises(SpecError, match="from 1 to 4"):
        setting.checked("2")


def test_the_table_is_read_without_torch() -> None:
    code = "import sys, viz.lessons.claims; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "agrees, verdict, condition",
    [
        ((True, True), "holds", ""),
        ((True, False), "holds when", "so"),
        ((False, None), "does not hold", ""),
    ],
)
def test_an_outcome_has_the_verdict_of_its_rows(
    agrees: tuple[bool | None, ...], verdict: str, condition: str
) -> None:
    """A condition is said only where the claim holds in part; another verdict may be handed in."""
    chart = Plot("", (), "")
    made = outcome("A sentence.", ("case",), [["a"], ["b"]], list(agrees), chart, "so")
    assert (made.verdict, made.condition) == (verdict, condition)
    assert made.evidence == Evidence(("case",), (("a",), ("b",)), agrees)
    other = outcome("", (), [], agrees, chart, "so", verdict="not decided here")
    assert (other.verdict, other.condition) == ("not decided here", "")
