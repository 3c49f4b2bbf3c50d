"""Settings as English, compared with what torch and core say of the same layer."""

from __future__ import annotations

import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.data import PICTURES
from core.layer import LayerSpec
from core.layer.board import BoardSpec, InputSpec, KernelSpec, Upload
from core.layer.fixes import unread_mask
from core.layer.operations import OPERATIONS, output_size
from core.layer.sizes import formula, measured_size
from core.layer.window import Pads
from core.text import int_pair_text
from core.text import short_padding_text as pads_text
from tests.core.strategies import cases, pads
from viz.page.words import (
    channel_names,
    cost_sentence,
    layer_title,
    player_labels,
    remainder_sentence,
    size_formulas,
    times,
    unread_sentence,
    why_this_size,
    window_sentence,
)


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
    assert layer_title(spec) == said


@given(first=cases(), second=cases())
def test_layers_that_differ_in_a_window_setting_have_different_titles(
    first: tuple[LayerSpec, tuple[int, int]], second: tuple[LayerSpec, tuple[int, int]]
) -> None:
    names = ("operation", "kernel_size", "stride", "padding", "dilation", "padding_mode")
    names += ("ceil_mode", "output_padding", "groups")
    same = all(getattr(first[0], name) == getattr(second[0], name) for name in names)
    assert (layer_title(first[0]) == layer_title(second[0])) == same


def computed(latex: str) -> int:
    """The value of a size formula as it is written."""
    text = re.sub(r"\\frac\{(.*?)\}\{(.*?)\}", r"Fraction(\1, \2)", latex)
    for sign, meaning in {
        r"\left\lfloor": "floor(",
        r"\left\lceil": "ceil(",
        r"\right\rfloor": ")",
        r"\right\rceil": ")",
        r"\cdot": "*",
    }.items():
        text = text.replace(sign, meaning)
    text = re.sub(r"(\d)\(", r"\1*(", text)
    assert re.fullmatch(r"[\d\s+\-*(),]|(?:floor|ceil|Fraction|[\d\s+\-*(),])+", text), text
    return int(eval(text, {"floor": math.floor, "ceil": math.ceil, "Fraction": Fraction}))


@given(cases())
def test_the_size_formula_computes_torchs_size(case: tuple[LayerSpec, tuple[int, int]]) -> None:
    """For every operation, padding on any side and ceil_mode, with the numbers on screen."""
    spec, size = case
    measured = measured_size(spec, size)
    assert measured is not None
    rows, cols = formula(spec, size)
    assert tuple(computed(axis.latex_steps[0]) for axis in (rows, cols)) == measured
    why = why_this_size(rows, cols)
    grown = OPERATIONS[spec.operation].has("output_padding")
    assert (r"\frac" in why) != grown
    assert ("rounded up" in why) == spec.ceil_mode
    assert ("output padding" in why) == any(spec.output_padding)
    assert ("dilation $d$" in why) == (spec.dilation != (1, 1))


@given(cases())
def test_windows_are_said_to_stand_where_torch_reads(
    case: tuple[LayerSpec, tuple[int, int]],
) -> None:
    """The rows and columns that move an output when they change, by torch's gradient."""
    spec, size = case
    operation, (rows, cols) = OPERATIONS[spec.operation], formula(spec, size)
    said = window_sentence(rows, cols)
    if rows.transposed:
        assert "moves by 1" in said
        assert ("between neighboring" in said) == (spec.stride != (1, 1))
        return
    if operation.reduce == "max" or spec.padding_mode != "zeros":
        return  # gradients of a maximum have one winner, copies in the padding other places
    x = torch.zeros(1, spec.in_channels, *size, requires_grad=True)
    shape = operation.weight_shape(spec)
    weight = torch.ones(shape) if shape and operation.learned else None
    y = operation.run(spec, x, weight, torch.zeros(spec.out_channels) if spec.bias else None)
    last = tuple(n - 1 for n in y.shape[2:])
    (gradient,) = torch.autograd.grad(y[0, 0][last], x)
    read = gradient[0].sum(0) != 0
    places = re.findall(r"\$((?:\d+\\,)?o(?: - \d+)?)\$", said)
    found = []
    for place, o, axis in zip(places[-2:], last, (rows, cols), strict=True):
        first = eval(place.replace("\\,", "*"), {"o": o})
        taps = [first + i * axis.dilation for i in range(axis.kernel_size)]
        found.append([tap for tap in taps if 0 <= tap < axis.n])
    wanted = np.zeros(size, dtype=bool)
    wanted[np.ix_(*found)] = True
    assert np.array_equal(read.numpy(), wanted)


@pytest.mark.parametrize(
    "operation, parameters, macs, said",
    [
        ("convolution", 9, 144, "learns **9** numbers (parameters) and needs **144** mult"),
        ("convolution", 1, 1, "learns **1** number (parameters) and needs **1** multiply–accum"),
        ("max_pooling", 0, 0, "learns nothing, and it multiplies nothing."),
        ("blur_pooling", 0, 1234, "learns nothing (its weights are fixed) and needs **1,234**"),
    ],
)
def test_what_a_layer_costs(operation: str, parameters: int, macs: int, said: str) -> None:
    assert said in cost_sentence(OPERATIONS[operation], parameters, macs)


@given(pads())
def test_padding_keeps_all_its_numbers(padding: Pads) -> None:
    (top, bottom), (left, right) = padding
    numbers = [int(n) for n in re.findall(r"\d+", pads_text(padding))]
    if top == bottom and left == right:
        assert numbers == ([top] if top == left else [top, left])
    else:
        assert numbers == [top, bottom, left, right]


def test_pairs() -> None:
    assert (times((8, 6)), int_pair_text((2, 2)), int_pair_text((2, 3))) == ("8×6", "2", "2×3")


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_planes_are_named_after_colours_where_they_are_colours(name: str, channels: int) -> None:
    names = channel_names(name, channels)
    assert len(names) == len(set(names)) == channels
    coloured = channels == 3 and PICTURES[name].color
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
    said = player_labels(board, board.run())
    assert said["title"] == layer_title(spec)
    assert len(said["channels"]) == spec.in_channels
    assert len(said["filters"]) == row.out_channels(spec)
    assert len(set(said["filters"])) == len(said["filters"])
    for name, count in (("input", spec.in_channels), ("output", row.out_channels(spec))):
        assert len(said["planes"][name]) == count
        assert all(f" of {count}" in text for text in said["planes"][name] if count > 1)
        assert count > 1 or said["planes"][name] == [""]
    assert said["captions"]["output"] == f"output {times(output)}"
    assert said["captions"]["kernel"].endswith(times(spec.kernel_size))
    assert said["captions"]["kernel"].startswith("window") != row.learned
    sizes = re.findall(r"(\d+)×(\d+)", said["captions"]["input"])
    padded = tuple(n + sum(p) for n, p in zip(size, spec.padding, strict=True))
    expected = [size]
    if not row.has("output_padding") and padded != size:
        expected.append(padded)
    assert [(int(h), int(w)) for h, w in sizes] == expected


def test_channels_with_the_same_values_are_named() -> None:
    def channels(source: InputSpec) -> tuple[list[str], list[str]]:
        spec = LayerSpec("convolution", (3, 3), in_channels=source.channels)
        board = BoardSpec(spec, source, KernelSpec("box"))
        labels = player_labels(board, board.run())
        return labels["channels"], labels["planes"]["input"]

    short, long = channels(InputSpec("china", (6, 6), 4))
    assert short == ["channel 0", "channel 1", "channel 2", "channel 3 (same as channel 0)"]
    assert long[1:4:2] == ["channel 1 of 4", "channel 3 of 4 (same as channel 0)"]
    edited = InputSpec("china", (6, 6), 4, edits=(((3, 0, 0), 1.0),))
    assert channels(edited)[1][3] == "channel 3 of 4", "they differ in one pixel"
    assert channels(InputSpec("china", (6, 6), 3))[1][2] == "channel 2 of 3 (blue)"
    grey = Upload(np.full((6, 6, 3), 7, np.uint8), "grey")
    assert channels(InputSpec(grey, (6, 6), 3))[1][1] == "channel 1 of 3 (green, same as red)"
    assert channels(InputSpec("china", (6, 6), 1))[1] == [""]


@pytest.mark.parametrize("stride", [1, 2])
def test_formulas_are_written_with_typographic_signs(stride: int) -> None:
    for operation in ("convolution", "transposed_convolution"):
        spec = LayerSpec(operation, (3, 3), (stride, stride), padding=((1, 1), (0, 1)))
        lines = size_formulas(*formula(spec, (6, 6)))
        assert len(lines) == 2
        assert not set("-*") & set("".join(lines))
        assert all("−" in line for line in lines)


@given(cases())
def test_the_unread_sentence_counts_what_is_lost(case: tuple[LayerSpec, tuple[int, int]]) -> None:
    mask = unread_mask(*case)
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
