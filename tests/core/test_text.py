"""Sizes and sentences as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.text import padding_in_words, plural, sentence_case, times


@given(st.text(), st.text(alphabet="abcäß×1 ", max_size=1))
def test_only_the_first_letter_becomes_large(rest: str, first: str) -> None:
    large = sentence_case(first + rest)
    assert large.endswith(rest) or not first
    assert large.startswith(first.upper())
    assert sentence_case("") == ""


def test_sizes_of_any_length() -> None:
    assert times((8, 6)) == "8×6"
    assert times([3, 224, 224]) == "3×224×224"
    assert times(n for n in (5,)) == "5"


def test_a_count_gets_a_plural_noun_unless_it_is_one() -> None:
    assert [plural(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


def test_pads_in_words() -> None:
    assert padding_in_words(((1, 1), (1, 1))) == "1 on every side"
    assert padding_in_words(((0, 1), (0, 1))) == "0 before, 1 after"
    assert padding_in_words(((0, 1), (2, 3))) == "top 0, bottom 1, left 2, right 3"
    assert padding_in_words(((0, 0), (0, 0)), (1, 1)) == "0 on every side, output_padding 1"
