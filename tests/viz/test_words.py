"""Settings as English, compared with what torch and core say of the same layer."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.board import BoardSpec, InputSpec, KernelSpec, Upload
from core.data import PICTURES
from core.fixes import unread
from core.layer import LayerSpec
from core.operations import OPERATIONS, output_size
from core.window import Pads
from tests.core.strategies import cases, pads
from viz.words import both, channel_names, labels, remainder_sentence, times, title, unread_sentence
from viz.words import pads as pads_text


@pytest.mark.parametrize(
    "spec, said",
    [
        (LayerSpec(), "3×3 convolution, stride 1, padding 0"),
        (
            LayerSpec(kernel_size=(2, 5), stride=(1, 3), padding=((2, 2), (1, 1))),
            "2×5 convolution, stride 1×3, padding 2×1",
        ),
        (
            LayerSpec(padding=((0, 1), (2, 3)), padding_mode="reflect", dilation=2),
            "3×3 convolution, stride 1, padding top 0 bottom 1 left 2 right 3 (reflect), dilation 2",
        ),
        (
            LayerSpec("transposed_convolution", stride=2, output_padding=1),
            "3×3 transposed convolution, stride 2, padding 0, output_padding 1",
        ),
        (
            LayerSpec("max_pooling", kernel_size=2, stride=2, ceil_mode=True),
            "2×2 max pooling, stride 2, padding 0, ceil_mode",
        ),
        (
            LayerSpec(in_channels=4, out_channels=4, groups=2),
            "3×3 convolution, stride 1, padding 0, groups 2",
        ),
    ],
)
def test_a_title_says_the_settings_that_matter(spec: LayerSpec, said: str) -> None:
    assert title(spec) == said


@given(first=cases(), second=cases())
def test_layers_that_differ_in_a_window_setting_have_different_titles(
    first: tuple[LayerSpec, tuple[int, int]], second: tuple[LayerSpec, tuple[int, int]]
) -> None:
    names = ("operation", "kernel_size", "stride", "padding", "dilation", "padding_mode")
    names += ("ceil_mode", "output_padding", "groups")
    same = all(getattr(first[0], name) == getattr(second[0], name) for name in names)
    assert (title(first[0]) == title(second[0])) == same


@given(pads())
def test_padding_keeps_all_its_numbers(padding: Pads) -> None:
    (top, bottom), (left, right) = padding
    numbers = [int(n) for n in re.findall(r"\d+", pads_text(padding))]
    if top == bottom and left == right:
        assert numbers == ([top] if top == left else [top, left])
    else:
        assert numbers == [top, bottom, left, right]


def test_pairs() -> None:
    assert (times((8, 6)), both((2, 2)), both((2, 3))) == ("8×6", "2", "2×3")


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_planes_are_named_after_colours_where_they_are_colours(name: str, channels: int) -> None:
    names = channel_names(name, channels)
    assert len(names) == len(set(names)) == channels
    coloured = channels == 3 and PICTURES[name].colour
    assert (names == ["red", "green", "blue"]) == coloured


def test_an_upload_has_colours() -> None:
    upload = Upload(np.zeros((2, 2, 3), np.uint8), "digest")
    assert channel_names(upload, 3) == ["red", "green", "blue"]
    assert channel_names(upload, 2) == ["channel 0", "channel 1"]


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
def test_labels_name_every_plane_and_the_sizes(operation: str, data: st.DataObject) -> None:
    spec, size = data.draw(cases(operation))
    board = BoardSpec(spec, InputSpec("ramp", size, spec.in_channels), KernelSpec("box"))
    output, row = output_size(spec, size), OPERATIONS[operation]
    said = labels(board, output)
    assert said["title"] == title(spec)
    assert len(said["channels"]) == spec.in_channels
    assert len(said["filters"]) == row.out_channels(spec)
    assert len(set(said["filters"])) == len(said["filters"])
    assert said["captions"]["output"] == f"output {times(output)}"
    assert said["captions"]["kernel"].endswith(times(spec.kernel_size))
    assert said["captions"]["kernel"].startswith("window") != row.learned
    sizes = re.findall(r"(\d+)×(\d+)", said["captions"]["input"])
    padded = tuple(n + sum(p) for n, p in zip(size, spec.padding, strict=True))
    expected = [size]
    if not row.has("output_padding") and padded != size:
        expected.append(padded)
    assert [(int(h), int(w)) for h, w in sizes] == expected


@given(cases())
def test_the_unread_sentence_counts_what_is_lost(case: tuple[LayerSpec, tuple[int, int]]) -> None:
    mask = unread(*case)
    sentence = unread_sentence(mask)
    assert f": {mask.sum()} of {mask.size} pixels (hatched) never count." in sentence
    for word, lost in (("row", mask.all(axis=1)), ("column", mask.all(axis=0))):
        said = re.search(rf"(the last |\d+ )*{word}s?( \d+)?", sentence)
        assert bool(said) == bool(lost.any())
        if said:
            assert _said_count(said[0]) == lost.sum()


def _said_count(words: str) -> int:
    """How many lines ``the last row``, ``row 3`` or ``4 rows`` are."""
    plural = re.search(r"(\d+) (row|column)s", words)
    return int(plural[1]) if plural else 1


@pytest.mark.parametrize(
    "rows, said",
    [
        ([7], "the last row"),
        ([6, 7], "the last 2 rows"),
        ([3], "row 3"),
        ([0, 2, 4], "3 rows"),
    ],
)
def test_lost_rows_in_words(rows: list[int], said: str) -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[rows] = True
    assert unread_sentence(mask).startswith(f"No window reads {said}: {8 * len(rows)} of 64")


@pytest.mark.parametrize(
    "remainder, number, said",
    [
        ((1, 1), "1", "the last row and the last column"),
        ((2, 0), "2", "the last 2 rows"),
        ((0, 3), "3", "the last 3 columns"),
        ((1, 2), "1 and 2", "the last row and the last 2 columns"),
    ],
)
def test_a_remainder_in_words(remainder: tuple[int, int], number: str, said: str) -> None:
    sentence = remainder_sentence(*remainder)
    assert sentence.startswith(f"Remainder {number}: no window reads {said} of the padded")


def test_no_remainder_no_words() -> None:
    assert remainder_sentence(0, 0) == ""
