"""The sweep board as a slide: what is drawn is what torch made, and it fits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from core.errors import SpecError
from core.layer.operations import OPERATIONS
from tests.examples import examples
from tests.viz.slides import fits
from viz import theme
from viz.features.sweep import export
from viz.features.sweep.board_grids import Grids, scales_of
from viz.features.sweep.board_layout import Box, Grid, Panel, Place, places
from viz.features.sweep.board_marks import mark_readers
from viz.features.sweep.board_words import Board, Focus, View, focus_of, number, sizes, sum_lines
from viz.features.sweep.params import SweepSettings
from viz.slides.style import Picture, Style

WIDE = Style("wide", 72)
SMALL = {"input_height": 6, "input_width": 6}
CASES: dict[str, dict[str, Any]] = {
    **{name: {"operation": name, "step": 4, **SMALL} for name in OPERATIONS},
    "a pinned pixel": {"pin": "i3.4"},
    "a pixel outside": {"pin": "i9.9"},
    "a pinned weight": {"pin": "k0.2"},
    "a pinned output": {"pin": "o1.2"},
    "read counts": {"reads": "true", "step": 3},
    "counts of outputs": {"reads": "true", "operation": "transposed_convolution", **SMALL},
    "two layers": {"compare": "second", "stride_b": 1, "pin": "1:i4.4"},
    "four classics": {"compare": "classics", "step": 5},
    "no padding": {"padding": 0},
    "holes": {"dilation": 2, "padding": 0, "input_height": 9, "input_width": 9, "step": 4},
    "mirrored": {"padding_mode": "reflect", "pin": "i3.3", **SMALL},
    "overhang": {"operation": "average_pooling", "ceil_mode": "true", "step": 8, **SMALL},
    "planes": {"in_channels": 3, "out_channels": 2, "channel": 2, "filter": 1, "bias": -1.5},
    "a channel that is not read": {"in_channels": 4, "out_channels": 4, "groups": 4, "channel": 3},
    "planes of two layers": {"in_channels": 3, "out_channels": 2, "compare": "second"},
    "counts of two layers": {
        "reads": "true",
        "compare": "second",
        "operation_b": "transposed_convolution",
    },
    "large": {"input_height": 64, "input_width": 64, "step": 400},
    "larger than vectors": {
        "input_height": 64,
        "input_width": 64,
        "padding": 10,
        "kernel_size": 11,
    },
    "long": {"input_height": 3, "input_width": 64, "kernel_size": 3, "stride": 1},
    "tall": {"input_height": 64, "input_width": 3, "kernel_size": 3, "stride": 1},
    "one cell": {"input_height": 1, "input_width": 1, "kernel_size": 1, "padding": 0},
}


def values(**link: Any) -> SweepSettings:
    found, ignored = SweepSettings.decoded({name: str(value) for name, value in link.items()})
    assert not ignored
    return found


def picture(**link: Any) -> Picture:
    [found] = export.pictures(values(**link))
    return found


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in fits.texts_of(figure)]


def rings(figure: Figure, colour: str) -> list[Rectangle]:
    """The unfilled rectangles of a colour, those of the window and its output."""
    from matplotlib.colors import to_rgba

    [axes] = figure.axes
    return [
        patch
        for patch in axes.patches
        if isinstance(patch, Rectangle)
        and not patch.get_fill()
        and patch.get_edgecolor() == to_rgba(colour)
    ]


@fits.on_every_slide
@pytest.mark.parametrize("name", ["convolution", "two layers"])
def test_a_board_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(picture(**CASES[name]), slide)


@pytest.mark.slow
@pytest.mark.parametrize("style", [fits.STYLES[-1], replace(WIDE, **fits.CAPTION)])
@pytest.mark.parametrize("name", list(CASES))
def test_whatever_is_set_fits(name: str, style: Style) -> None:
    assert not fits.misfits(fits.drawn(picture(**CASES[name]), style), style)


@pytest.mark.parametrize("style", [fits.STYLES[-1], replace(WIDE, **fits.CAPTION)])
@pytest.mark.parametrize(
    "name, count",
    [("transposed_convolution", 3), ("large", 4), ("tall", 6), ("planes", 2), ("max_pooling", 8)],
)
def test_a_strip_fits(name: str, count: int, style: Style) -> None:
    found = picture(**CASES[name])
    assert found.strip is not None
    strip = found.strip
    figure = fits.drawn(Picture("strip", "", lambda style: strip(style, count)), style)
    assert not fits.misfits(figure, style)
    assert len([text for text in texts(figure) if text.startswith("step ")]) == count


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_the_outputs_that_read_a_pixel_are_counted(mode: str) -> None:
    """As many as have a gradient there, for weights that are all positive."""
    link = {"padding_mode": mode, "kernel": "box", "input_height": 4, "input_width": 5}
    board = board_of(**link)
    pixels = torch.zeros(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    padded = pixels
    if mode != "zeros":
        padded = torch.nn.functional.pad(pixels, (1, 1, 1, 1), mode=mode)
    weight = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    around = 1 if mode == "zeros" else 0
    outputs = torch.nn.functional.conv2d(padded, weight, stride=2, padding=around).flatten()
    reads = torch.stack(
        [torch.autograd.grad(output, pixels, retain_graph=True)[0][0, 0] > 0 for output in outputs]
    ).sum(dim=0)
    [scales] = scales_of([board], View())
    grids = Grids(Figure().add_subplot(), board, View(), WIDE, scales, 900)
    panels = [Panel(0, 0, *shape, 9) for shape in sizes(board).values()]
    place = Place(panels[0], panels[1], panels[2], (None, None), 0)
    for row, col in np.ndindex(4, 5):
        count = int(reads[row, col])
        noun = "output reads" if count == 1 else "outputs read"
        expected = f"Input ({row}, {col}): {count} {noun} it"
        assert mark_readers(grids, place, (row + 1, col + 1)) == expected


def test_a_strip_that_would_be_too_small_is_refused() -> None:
    strip = picture(**SMALL, stride=1).strip
    assert strip is not None
    with pytest.raises(SpecError, match="boards fewer"):
        strip(replace(WIDE, size="half"), 12)


def test_two_and_four_boards_have_no_strip_but_a_film() -> None:
    for case in ("two layers", "four classics"):
        found = picture(**CASES[case])
        assert found.strip is None
        assert found.film is not None


@pytest.mark.parametrize("step", [0, 5, 15])
def test_the_numbers_are_torchs_and_later_outputs_are_not_there_yet(step: int) -> None:
    link = {"step": step, "padding": 0, "stride": 1, **SMALL}
    [board] = export.boards(values(**link))[0]
    sweep = board.run()
    found = texts(fits.drawn(picture(**link), WIDE))
    inputs = [number(value) for value in sweep.input.ravel().tolist()]
    outputs = [number(value) for value in sweep.output.ravel().tolist()]
    weights = ["−1", "0", "1", "−2", "0", "2", "−1", "0", "1"]
    cells = [text for text in found if text in {*inputs, *outputs, *weights}]
    assert sorted(cells) == sorted(inputs + outputs[: step + 1] + weights)


def test_the_colours_are_those_of_the_values() -> None:
    link = {"padding": 0, "stride": 1, **SMALL}
    [board] = export.boards(values(**link))[0]
    meshes = [
        artist
        for artist in fits.drawn(picture(**link), WIDE).axes[0].collections
        if isinstance(artist, QuadMesh)
    ]
    faces = np.asarray(meshes[0].get_facecolor())
    grey = board.run().input[0].ravel() / 255
    assert np.abs(faces[:, :3] - grey[:, None]).max() < 1 / 255
    output = board.run().output[0].ravel()
    red, blue = np.asarray(meshes[-1].get_facecolor())[:, [0, 2]].T
    assert ((red > blue) == (output > 0))[np.abs(output) > 0.05 * np.abs(output).max()].all()


@examples(12)
@given(step=st.integers(0, 8), stride=st.integers(1, 2), padding=st.integers(0, 1))
def test_the_window_stands_where_core_says(step: int, stride: int, padding: int) -> None:
    link = {"stride": stride, "padding": padding, "input_height": 7, "input_width": 7}
    [board] = export.boards(values(**link))[0]
    sweep = board.run()
    step = min(step, int(np.prod(sweep.output.shape[1:])) - 1)
    figure = fits.drawn(picture(**link, step=step), WIDE)
    window, output = max_and_min(rings(figure, theme.WINDOW))
    cell = window.get_width() / 3
    [frame] = rings(figure, theme.INPUT)
    first = frame.get_x() - padding * cell, frame.get_y() - padding * cell
    row, col = divmod(step, sweep.output.shape[2])
    assert (window.get_x() - first[0]) / cell == pytest.approx(sweep.cols.starts[col])
    assert (window.get_y() - first[1]) / cell == pytest.approx(sweep.rows.starts[row])
    [outputs] = rings(figure, theme.OUTPUT)
    side = outputs.get_width() / sweep.output.shape[2]
    assert (output.get_x() - outputs.get_x()) / side == pytest.approx(col)
    assert (output.get_y() - outputs.get_y()) / side == pytest.approx(row)


def max_and_min(found: list[Rectangle]) -> tuple[Rectangle, Rectangle]:
    """The window on the input, which is as large as the kernel's frame, and the output's ring."""
    by_line = {ring.get_linewidth(): ring for ring in found}
    return by_line[4.5], by_line[4]


def test_a_pixel_no_window_reads_is_hatched_and_named() -> None:
    found = fits.drawn(picture(padding=0), WIDE)
    assert any("No window reads the last row" in text for text in texts(found))
    unread = [c for c in found.axes[0].collections if len(c.get_paths()) == 15 * 3]
    assert len(unread) == 1, "three strokes on each of 15 pixels"


@examples(30)
@given(
    operation=st.sampled_from(list(OPERATIONS)),
    row=st.integers(0, 2),
    col=st.integers(0, 2),
    ceil=st.booleans(),
    bias=st.sampled_from([0, 2.5]),
)
def test_the_sum_that_is_written_gives_the_output(
    operation: str, row: int, col: int, ceil: bool, bias: float
) -> None:
    link = {"operation": operation, "ceil_mode": str(ceil).lower(), "bias": bias, **SMALL}
    board = board_of(**link)
    [line] = sum_lines(board, View(), (row, col), 10, 1000)
    head, _, rest = line.partition(" = ")
    assert head == f"output ({row}, {col})"
    assert equation(rest) == pytest.approx(board.sweep.output[0, row, col], rel=1e-4, abs=1e-4)


@examples(12)
@given(
    channels=st.integers(2, 4),
    grouped=st.booleans(),
    channel=st.integers(0, 3),
    cell=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    bias=st.sampled_from([0, -1.5]),
)
def test_the_sums_of_channels_add_up_to_the_output(
    channels: int, grouped: bool, channel: int, cell: tuple[int, int], bias: float
) -> None:
    """Of groups of two channels each: a filter does not read the other group's."""
    channels, groups = (4, 2) if grouped else (channels, 1)
    link = {"in_channels": channels, "out_channels": 2, "groups": groups, "kernel": "random"}
    board, view = board_of(**link, bias=bias, **SMALL), View(channel=channel % channels, filter=1)
    first, *more = sum_lines(board, view, cell, 10, 1000)
    head, _, rest = first.partition(" = ")
    assert head == f"output ({cell[0]}, {cell[1]})"
    assert equation(rest) == pytest.approx(board.sweep.output[(1, *cell)], rel=1e-4, abs=1e-4)
    read = board.sweep.channels_of(1)
    assert len(rest.partition(" = ")[0].split(" + ")) == len(read) + (bias != 0)
    assert len(more) == (view.channel in read), "the terms of the drawn channel"
    for line in more:
        head, _, terms = line.partition(": ")
        assert head == board.planes["input"][view.channel]
        equation(terms)


def equation(text: str) -> float:
    """The right side of an equation on a slide, whose left side has this value."""
    left, total = text.replace("−", "-").replace("·", "*").replace("∞", "inf").split(" = ")
    # Our own text of numbers, signs and brackets, shown to be the sum it claims to be.
    value = eval(left, {"__builtins__": {}}, {"max": max, "inf": float("inf")})
    assert value == pytest.approx(float(total), rel=2e-3, abs=0.5)
    return float(total)


def board_of(**link: Any) -> Board:
    """The one board of a link, with its texts."""
    [spec] = export.boards(values(**link))[0]
    return export._board(spec)


def shown(style: Style = WIDE, **link: Any) -> list[str]:
    """All texts of the slide of a link."""
    return texts(fits.drawn(picture(**link), style))


def strip_of(count: int, **link: Any) -> Figure:
    strip = picture(**link).strip
    assert strip is not None
    return fits.drawn(Picture("strip", "", lambda style: strip(style, count)), WIDE)


def signs(written: list[str]) -> list[str]:
    return [text for text in written if text in ("∗", "=", "→")]


def test_only_what_is_an_equation_is_written_as_one() -> None:
    assert signs(shown(**SMALL)) == ["∗", "="]
    for operation in ("max_pooling", "average_pooling"):
        assert signs(shown(operation=operation, **SMALL)) == ["→", "→"]
    assert set(signs(shown(compare="classics"))) == {"→"}, "the kernel stands beside them"
    assert "=" not in signs(texts(strip_of(4, **SMALL)))
    unread = {"in_channels": 4, "out_channels": 4, "groups": 4, "channel": 3}
    assert signs(shown(**unread)) == [], "the drawn channel is not in the output"
    assert "not read" in shown(**unread)


@pytest.mark.parametrize("operation", ["convolution", "max_pooling"])
def test_every_strip_and_comparison_has_its_kernel(operation: str) -> None:
    caption = "kernel 3×3" if operation == "convolution" else "window 3×3"
    for count, times in ((2, 2), (4, 1), (6, 1)):
        assert texts(strip_of(count, operation=operation)).count(caption) == times
    second = shown(operation=operation, operation_b=operation, compare="second")
    assert second.count(caption) == 2
    assert shown(compare="classics").count("kernel 3×3") == 1


@pytest.mark.parametrize("word, operation", [("max", "max_pooling"), ("mean", "average_pooling")])
def test_a_pooling_window_has_one_word(word: str, operation: str) -> None:
    assert shown(operation=operation, kernel_size=2, padding=0).count(word) == 1


@pytest.mark.parametrize("count", [2, 3, 4, 8])
@pytest.mark.parametrize("link", [{}, SMALL, {"padding": 0, "stride": 3, **SMALL}])
def test_in_a_strip_all_outputs_have_numbers_or_none(link: dict[str, Any], count: int) -> None:
    sweep = board_of(**link).sweep
    outputs = [number(value) for value in sweep.output[0].ravel().tolist()]
    own = set(outputs) - {number(value) for value in sweep.input.ravel().tolist()}
    most = float(np.abs(sweep.output).max())  # an end of the color scale
    own -= {"0", "1", "2", "−1", "−2", number(most), number(-most)}
    count = min(count, len(outputs))
    steps = [round(i * (len(outputs) - 1) / (count - 1)) for i in range(count)]
    expected = sum(text in own for step in steps for text in outputs[: step + 1])
    written = [text for text in texts(strip_of(count, **link)) if text in own]
    assert len(written) in (0, expected)


def test_the_drawn_planes_are_named_and_stacked() -> None:
    link = {"in_channels": 3, "out_channels": 2, "channel": 2, "filter": 1, **SMALL}
    assert "input: channel 2 of 3 (blue); output: filter 1 of 2" in shown(**link)
    figure = fits.drawn(picture(**link), WIDE)
    [axes] = figure.axes
    sheets = [patch for patch in axes.patches if patch.get_zorder() == 0.5]
    assert len(sheets) == 2 + 2 + 1, "planes behind those of input, kernel and output"
    edges = [sheet.get_window_extent() for sheet in sheets]
    captions = [t for t in fits.texts_of(figure) if t.get_text() in link_captions(**link)]
    assert len(captions) == 3
    for text in captions:
        box = text.get_window_extent()
        for edge in edges:
            apart = edge.x1 < box.x0 or box.x1 < edge.x0 or edge.y1 < box.y0 or box.y1 < edge.y1
            assert apart, f"{text.get_text()} is struck through"
    assert "same as channel 0" in " ".join(shown(in_channels=4, channel=3, **SMALL))


def link_captions(**link: Any) -> set[str]:
    captions = board_of(**link).captions
    return {captions[name] for name in ("input", "kernel", "output")}


@pytest.mark.parametrize("size", [6, 40])
def test_counts_have_their_own_scale(size: int) -> None:
    """Whether or not the counts are written into their cells."""
    side = {"input_height": size, "input_width": size, "padding": 0}
    for operation, caption in (
        ("convolution", "How many windows read each pixel"),
        ("transposed_convolution", "How many pixels each output adds up"),
    ):
        written = shown(operation=operation, reads="true", **side)
        most = int(board_of(operation=operation, **side).counts.max())
        at = written.index(caption)
        assert at
        assert written.count(str(most)) >= 1
        assert "255" not in written or operation != "convolution", "no brightness is drawn"
    two = shown(compare="second", reads="true", operation_b="transposed_convolution")
    assert "How many windows read each pixel; How many pixels each output adds up" in two
    assert two.count("counts") == 3, "on each board, and once at their scale"


def test_four_boards_have_a_formula_each() -> None:
    assert len([text for text in shown(compare="classics") if text.startswith("⌊")]) == 4


@pytest.mark.parametrize("operation", ["convolution", "transposed_convolution"])
def test_read_counts_are_counted_and_are_no_operands(operation: str) -> None:
    """Of a layer that shrinks they stand on the input, of one that grows on the output."""
    link = {"operation": operation, "padding": 0, "step": 2, **SMALL}
    written = texts(fits.drawn(picture(reads="true", **link), WIDE))
    window = export.boards(values(**link))[0][0].layer.window
    grown = operation == "transposed_convolution"
    counts = (window.transposed_write_counts if grown else window.read_counts)((6, 6))
    found = [text for text in written if text.isdigit()]
    for count, times in zip(*np.unique(counts, return_counts=True), strict=True):
        assert found.count(str(count)) >= times
    assert ("How many pixels each output adds up" in written) == grown
    assert ("How many windows read each pixel" in written) != grown
    assert not {"∗", "=", "→"} & set(written)
    assert not any(text.startswith("output (") for text in written), "no sum"
    usual = texts(fits.drawn(picture(**link), WIDE))
    assert {"∗", "="} <= set(usual)


def test_a_sum_is_shortened_to_its_line() -> None:
    board = board_of(kernel_size=9, padding=4)
    [line] = sum_lines(board, View(), (1, 1), 14, 12)
    assert "…" in line
    assert line.endswith(number(float(board.sweep.output[0, 1, 1]), 5))


@given(value=st.floats(-1e5, 1e5) | st.integers(-999_999, 999_999).map(float))
def test_a_number_is_read_back_to_three_digits(value: float) -> None:
    text = number(value).replace("−", "-")
    assert "e" not in text or abs(value) < 1e-3
    assert float(text) == pytest.approx(value, rel=5.1e-3)


def test_a_pin_is_shown_on_its_board_and_outputs_on_all() -> None:
    boards = export._boards(export.boards(values(compare="second"))[0])
    step = Focus("output", (0, 2))
    assert focus_of(boards, View(step=2)) == [step, step]
    assert focus_of(boards, View(step=2, pin="1:i3.3")) == [step, Focus("input", (3, 3))]
    assert focus_of(boards, View(pin="o1.1")) == [Focus("output", (1, 1))] * 2
    assert focus_of(boards, View(step=2, pin="i99.1")) == [step, step], "no such cell"


@given(
    rows=st.integers(1, 84),
    cols=st.integers(1, 84),
    kernel=st.integers(1, 11),
    width=st.floats(200, 940),
    height=st.floats(160, 500),
)
def test_grids_stay_in_their_box_and_off_each_other(
    rows: int, cols: int, kernel: int, width: float, height: float
) -> None:
    box, out = Box(10, 20, width, height), (max(1, rows // 2), max(1, cols // 2))
    grids = (Grid(rows, cols, 60, 30), Grid(kernel, kernel, 60, 30), Grid(*out, 60, 30))
    [found] = places([box], [grids], 11, 11)
    panels = [found.input, found.output, *([found.kernel] if found.kernel else [])]
    for panel in panels:
        assert box.x - 1e-6 <= panel.x
        assert panel.x + panel.width <= box.x + box.width + 1e-6
        assert box.y <= panel.y
        assert panel.y + panel.height <= box.y + box.height + 1e-6
    for one in panels:
        for other in panels:
            beside = one.x + one.width <= other.x + 1e-6 or other.x + other.width <= one.x + 1e-6
            under = one.y + one.height <= other.y + 1e-6 or other.y + other.height <= one.y + 1e-6
            assert one is other or beside or under


def test_cells_that_are_compared_are_equally_large() -> None:
    figure = fits.drawn(picture(compare="classics"), WIDE)
    sides = {round(ring.get_width() / 8, 3) for ring in rings(figure, theme.INPUT)}
    assert len(sides) == 1


def test_dark_type_on_dark_paper_is_never_drawn() -> None:
    style = Style("wide", 72, dark=True)
    figure = fits.drawn(picture(stride=1, **SMALL), style)
    loose = [t for t in fits.texts_of(figure) if isinstance(t, Text) and len(t.get_text()) > 5]
    assert loose
    assert {text.get_color() for text in loose} <= {style.ink["text"], style.ink["muted"]}
