"""Words and cells of the tables of blocks."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.blocks.facts import BlockFacts, block_facts
from core.networks.notation import parse_notation
from viz.features.blocks.tables import comparison_sentence, fact_rows
from viz.page.tables import TableRow, comparison_table, percent, with_metric_prefix

PREFIXES = {"G": 1e9, "M": 1e6, "k": 1e3, "": 1, "m": 1e-3, "µ": 1e-6}


@given(st.floats(1e-6, 9e11))
def test_scaled_reads_back(amount: float) -> None:
    found = re.fullmatch(r"([\d.]+) ([GMkmµ]?)s", with_metric_prefix(amount, "s"))
    assert found
    assert float(found[1]) * PREFIXES[found[2]] == pytest.approx(amount, rel=0.006)
    assert sum(c.isdigit() for c in found[1]) == 3 or not found[2]


@pytest.mark.parametrize(
    "amount, text", [(1_849_688_064, "1.85 G"), (0, "0"), (928, "928"), (999_999, "1.00 M")]
)
def test_scaled_by_hand(amount: float, text: str) -> None:
    assert with_metric_prefix(amount) == text


@given(st.floats(0, 1))
def test_percent_is_0_and_100_only_when_it_is(share: float) -> None:
    text = percent(share)
    assert (text == "0 %") == (share == 0)
    assert (text == "100 %") == (share == 1)
    assert "0.0 %" not in text


@cache
def facts(line: str) -> BlockFacts:
    return block_facts(parse_notation(line), (3, 8, 8))


def said(*lines: str) -> str:
    titles = [f"block number {place}" for place in range(len(lines))]
    return comparison_sentence(titles, [facts(line) if line else None for line in lines])


def test_verdicts() -> None:
    assert said("conv3 p1 c4, maxpool2", "conv3 s2 p1 c4") == (
        "All give **4×4×4** from **112** parameters; “block number 0” takes **4 times** the "
        "multiply–accumulates of “block number 1”."
    )
    assert said("conv1 c4", "conv3 c4").startswith("Their outputs differ in **shape**;")
    assert said("maxpool2", "conv2 s2 c3").endswith("“block number 0” multiplies nothing.")
    assert said("maxpool2", "avgpool2") == (
        "All give **3×4×4** from **0** parameters, for the same multiply–accumulates."
    )
    assert said("maxpool2", "") == said("") == ""


def test_what_is_no_block_has_no_facts() -> None:
    lines = fact_rows([None, facts("maxpool2"), facts("conv1 s2")])
    assert all(len(line.cells) == 3 and line.cells[0] == "–" for line in lines)
    cells = {line.name: line.cells[1:] for line in lines}
    assert cells["never read"] == ("0", "75")
    assert cells["parameters"] == ("0", "12")


def test_a_visitors_text_is_harmless() -> None:
    evil = "<script>alert('x')</script>"
    page = comparison_table([evil], [TableRow("a", "b", (evil,))], [evil], evil)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4
