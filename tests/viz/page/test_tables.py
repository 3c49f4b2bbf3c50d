"""Tables: what a cell holds is text, whatever it is made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.plots import table as described
from viz.page.tables import Cell, TableRow, comparison_table, described_table, table


def test_a_table_says_its_headings_rows_and_notes() -> None:
    text = table(
        "Sizes",
        ["layer", Cell("output", "px")],
        [[Cell("conv", "3×3", head=True), Cell("4", kind="number", title="4×4")]],
        "wide",
    )
    assert text == (
        "<div class='table wide' tabindex='0' role='region' aria-label='Sizes'><table><thead><tr>"
        "<th scope='col'>layer</th><th scope='col'>output<small>px</small></th></tr></thead><tbody>"
        "<tr><th scope='row'>conv<small>3×3</small></th><td class='number' title='4×4'>4</td></tr>"
        "</tbody></table></div>"
    )


def test_a_table_without_headings_has_no_line_for_them() -> None:
    assert "<thead>" not in table("t", (), [["a"]])


def test_a_described_table_has_its_title_looks_hovers_and_notes_below_names() -> None:
    rows = ((described.Cell("3×3"), described.Cell("4", "unread", "a\nb"), described.Cell("VGG")),)
    content = described.Table(
        "Sizes <1>", ("layer", "8", "used in"), rows, "All agree.", optional=1
    )
    text = described_table(content, "sizes")
    assert "<h4>Sizes &lt;1&gt;</h4><p>All agree.</p>" in text
    assert (
        "<th scope='row'>3×3<small>VGG</small></th><td class='unread' title='a\nb'>4</td>" in text
    )
    assert "used in" not in text


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_in_a_cell_is_read_as_html(text: str, note: str, title: str, kind: str) -> None:
    plain = table("t", ["a"], [[Cell("x", "n", "k", "t")]])
    filled = table("t", ["a"], [[Cell(f"x{text}", f"n{note}", f"k{kind}", f"t{title}")]])
    assert filled.count("<") == plain.count("<")
    assert filled.count("'") == plain.count("'")


def test_how_a_line_is_made_is_below_its_name_or_on_hover() -> None:
    lines = [TableRow("time", "the median of 5 runs", ("1 ms",))]
    assert "<small>the median of 5 runs</small>" in comparison_table(["a block"], lines)
    compact = comparison_table(["a block"], lines, compact=True)
    assert "<small>" not in compact
    assert "title='the median of 5 runs'" in compact
