"""Tables: what a cell holds is text, whatever it is made of; numbers are aligned and comparable."""

from __future__ import annotations

import re
from math import isclose

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.plots import table as described
from tests.viz.html_tables import tables_in
from viz.page import tables
from viz.page.tables import (
    MAX_ROWS,
    Cell,
    TableRow,
    amounts_row,
    column_table,
    comparison_table,
    described_table,
    number_texts,
    percents_row,
    table,
)


def test_a_table_has_headings_of_columns_and_rows_and_notes() -> None:
    text = table(
        "Sizes", ["layer", Cell("output", "px")], [["conv", Cell("4", "3×3", title="4×4")]], "wide"
    )
    assert text == (
        "<div class='table wide' tabindex='0' role='region' aria-label='Sizes'><table><thead><tr>"
        "<th scope='col'>layer</th><th scope='col' class='number'>output<small>px</small></th></tr>"
        "</thead><tbody><tr><th scope='row'>conv</th><td class='number' title='4×4'>4"
        "<small>3×3</small></td></tr></tbody></table></div>"
    )


@pytest.mark.parametrize(
    "text",
    ["4", "1,234", "−0.5", "46×46", "(7.5, 7.5)", "12 to 15", "at most 46", "3 (15)", "1e-07",
     "0.99 ± 0.1", "below 0.1"],
)  # fmt: skip
def test_numbers_are_recognized(text: str) -> None:
    assert tables.is_number(text)


@pytest.mark.parametrize("text", ["", "yes", "conv3", "5 px", "never", "3 of 4", "–"])
def test_words_and_units_are_no_numbers(text: str) -> None:
    assert not tables.is_number(text)


def test_columns_of_numbers_are_aligned_right_also_where_some_are_unknown() -> None:
    rows = [["a", "1", "yes", "–"], ["b", "–", "no", "–"], ["c", "3×3", "yes", "–"]]
    (read,) = tables_in(table("t", ["name", "size", "even", "later"], rows))
    assert read.numbers == {1}
    assert read.rows == rows


def test_a_unit_that_all_cells_share_is_in_the_heading_alone() -> None:
    rows = [["a", "75 %", "3 px", "1 of 2"], ["b", "–", "4 ms", "2 of 2"]]
    (read,) = tables_in(table("t", ["layer", "unread", "mixed", "seeds"], rows))
    assert read.heads == ["layer", "unread (%)", "mixed", "seeds"]
    assert read.rows == [["a", "75", "3 px", "1 of 2"], ["b", "–", "4 ms", "2 of 2"]]


def test_the_number_of_rows_in_the_browser_is_bounded() -> None:
    rows = [[str(number)] for number in range(MAX_ROWS + 7)]
    (read,) = tables_in(table("t", ["n"], rows))
    assert len(read.rows) == MAX_ROWS + 1
    assert read.rows[-1] == ["… 7 more rows"]


def test_long_tables_scroll_in_a_box_of_their_own() -> None:
    assert "class='table'" in table("t", ["a"], [["x"]] * tables.LONG)
    assert "class='table long'" in table("t", ["a"], [["x"]] * (tables.LONG + 1))


numbers = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6)


@given(st.lists(numbers | st.none(), min_size=1, max_size=9))
def test_numbers_of_a_column_have_equal_decimals_and_stay_close(values: list[float | None]) -> None:
    texts = number_texts(values)
    plain = [text for text in texts if text != "–"]
    if not any("e" in text for text in plain):
        small = [n for n in values if n]
        assume(not small or min(map(abs, small)) * 1e6 > max(map(abs, small)))
        assert len({len(text.partition(".")[2]) for text in plain}) <= 1
    for value, text in zip(values, texts, strict=True):
        assert (text == "–") == (value is None)
        if value is not None:
            read = float(text.replace(",", "").replace("−", "-"))
            assert isclose(read, value, rel_tol=0.005) or abs(read - value) <= 0.5
            assert (read == 0) <= (value == 0), "a number other than 0 is not written as 0"


@pytest.mark.parametrize(
    "values, texts",
    [
        ([1.85, 7.4], ["1.85", "7.40"]),
        ([118.0, 10.8, 14.5], ["118.0", "10.8", "14.5"]),
        ([10.4, 0.602], ["10.40", "0.60"]),
        ([1234567, 3], ["1,234,567", "3"]),
        ([0.0, -1.5, float("nan")], ["0.00", "−1.50", "–"]),
        ([200.0, 1e-5], ["200", "1e−05"]),
    ],
)
def test_numbers_as_texts(values: list[float], texts: list[str]) -> None:
    assert number_texts(values) == texts


def test_amounts_have_one_unit_in_the_name_of_their_row() -> None:
    row = amounts_row("saved", "by hooks", [10.4e6, 602e3, None], "B")
    assert (row.heading, row.cells) == ("saved (kB)", ("10,400", "602", "–"))
    assert amounts_row("MACs", "", [1.85e9, 7.4e9]).heading == "MACs (billion)"
    assert amounts_row("MACs", "", [0.0]).heading == "MACs"


def test_shares_have_one_decimal_if_one_of_them_needs_it() -> None:
    assert percents_row("s", "", [0.75, 0.984, 0.0, 1e-9]).cells == (
        *("75.0", "98.4", "0.0", "below 0.1"),
    )
    assert percents_row("s", "", [0.75, 1.0]).cells == ("75", "100")


def test_a_row_on_a_slide_has_its_notes_in_brackets() -> None:
    row = TableRow("time", "", ("7.40", "1.85"), "ms", ("×4", ""))
    assert (row.heading, row.lines) == ("time (ms)", ["7.40 (×4)", "1.85"])


def test_columns_of_numbers_texts_and_cells() -> None:
    text = column_table("t", {"net": ["a", "b"], "n": [1, 2000], "r": [0.5, None], "w": ["x", "y"]})
    (read,) = tables_in(text)
    assert read.columns == {
        "net": ["a", "b"], "n": ["1", "2,000"], "r": ["0.500", "–"], "w": ["x", "y"]
    }  # fmt: skip
    assert read.numbers == {1, 2}


def test_a_row_can_be_a_choice_with_a_link() -> None:
    text = table("t", ["layer"], [[Cell("conv1", choice="c'1", href="?layer=c&x=1")]])
    assert "<th scope='row'><a href='?layer=c&amp;x=1' data-choice='c&#x27;1'>conv1</a>" in text


def test_a_described_table_has_its_title_looks_hovers_and_notes_below_names() -> None:
    rows = ((described.Cell("3×3"), described.Cell("4", "unread", "a\nb"), described.Cell("VGG")),)
    content = described.Table(
        "Sizes <1>", ("layer", "8", "used in"), rows, "All agree.", optional=1
    )
    text = described_table(content)
    assert "<h2>Sizes &lt;1&gt;</h2><p>All agree.</p>" in text
    assert "<th scope='row'>3×3<small>VGG</small></th><td class='unread number'" in text
    assert "used in" not in text


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_in_a_cell_is_read_as_html(text: str, note: str, title: str, kind: str) -> None:
    plain = table("t", ["a"], [[Cell("x", "n", "k", "t")]])
    filled = table("t", ["a"], [[Cell(f"x{text}", f"n{note}", f"k{kind}", f"t{title}")]])
    assert filled.count("<") == plain.count("<")
    assert re.sub(" class='[^']*'", "", filled).count("'") == re.sub(
        " class='[^']*'", "", plain
    ).count("'")


def test_how_a_row_is_made_is_below_its_name_or_on_hover() -> None:
    lines = [TableRow("time", "the median of 5 runs", ("1",), "ms")]
    assert "<small>the median of 5 runs</small>" in comparison_table(["a block"], lines)
    compact = comparison_table(["a block"], lines, compact=True)
    assert "<small>" not in compact
    assert "title='the median of 5 runs'" in compact
