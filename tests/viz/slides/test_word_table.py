"""Tables of words: nothing is lost without being counted, and everything fits."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.viz.slides import fits
from viz.slides.sheet import matplotlib_style
from viz.slides.style import SIZES, Style
from viz.slides.word_table import word_table

WORD = st.text("abcdefghij0123456789×", min_size=1, max_size=9)
CELL = st.lists(WORD, min_size=1, max_size=5).map(" ".join)


@examples(12)
@given(
    st.sampled_from(sorted(SIZES)),
    st.lists(CELL, min_size=3, max_size=3),
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=9),
)
def test_every_row_stands_or_is_counted(
    size: str, columns: list[str], rows: list[list[str]]
) -> None:
    style = Style(size, 72)
    with matplotlib_style(style):
        figure = word_table(columns, rows, style, title="Words")
    texts = [text.get_text() for text in fits.texts_of(figure)]
    more = [int(found[1]) for text in texts if (found := re.fullmatch(r"… (\d+) more", text))]
    shown = rows[: len(rows) - sum(more)]
    said = "".join("".join(texts).split())
    assert shown
    for row in shown:
        for cell in row:
            assert all(word in said for word in cell.split())
    assert not fits.misfits(figure, style)
