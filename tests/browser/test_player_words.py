"""What the player says, word by word: of every cell, of the sweep's progress, of what can be done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from core.layer.sweep import Sweep
from core.layer.window import INSERTED, OUTSIDE, PAD, Axis
from tests.browser.board import Board, board_of, payload, visit
from tests.browser.test_player_model import LAYERS
from viz.features.sweep import export
from viz.features.sweep.board_grids import Grids, scales_of
from viz.features.sweep.board_layout import Panel, Place
from viz.features.sweep.board_marks import mark_reach, mark_readers
from viz.features.sweep.board_words import View, number
from viz.slides.style import Style

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

ASK = """async ([boards, reads]) => {
  const at = "/_stcore/bidi-components/strides.player/player/";
  const { Board } = await import(at + "model.js"), { describe } = await import(at + "words.js");
  const board = new Board(boards[0]), view = { channel: 0, filter: 0, reads }, said = {};
  for (const [panel, [rows, cols]] of Object.entries(board.sizes))
    for (let row = 0; row < rows; row++) for (let col = 0; col < cols; col++)
      said[`${panel} ${row} ${col}`] = describe(board, { panel, cell: [row, col], pinned: false }, view);
  return said;
}"""
TELL = """async ([data, call, ...rest]) => {
  const at = "/_stcore/bidi-components/strides.player/player/";
  const { Board } = await import(at + "model.js"), words = await import(at + "words.js");
  return words[call](data.map((each) => new Board(each)), ...rest);
}"""
SCALES = """async ([data, palette]) => {
  const at = "/_stcore/bidi-components/strides.player/player/";
  const { Board } = await import(at + "model.js"), { scalesOf } = await import(at + "color.js");
  const [{ input, output }] = scalesOf([new Board(data)], palette);
  return [input, output].map(({ low, high, signed }) => [low, high, signed]);
}"""
MARKS = ((INSERTED, "of inserted zeros"), (PAD, "of padding"), (OUTSIDE, "past the padding"))


@pytest.fixture(scope="module")
def board(regular: BrowserContext, app_url: str) -> Iterator[Board]:
    """The app, once open, serves the player's modules."""
    with visit(regular, app_url) as opened:
        yield opened.open(step=0)


def reads(axis: Axis, out: int, word: str) -> str:
    """What the window of an output reads along one axis, tap by tap."""
    inside, others = [], dict.fromkeys((mark for mark, _ in MARKS), 0)
    for offset in axis.offsets:
        source = int(axis.source[axis.starts[out] + offset])
        if source >= 0:
            inside.append(source)
        else:
            others[source] += 1
    parts = [f"{word} {inside[0]}"] if len(inside) == 1 else []
    if len(inside) > 1:
        dense = inside == list(range(inside[0], inside[-1] + 1))
        text = f"{inside[0]} to {inside[-1]}" if dense else ", ".join(map(str, inside))
        parts = [f"{word}s {text}"]
    parts += [
        f"{others[mark]} {word}{'' if others[mark] == 1 else 's'} {what}"
        for mark, what in MARKS
        if others[mark]
    ]
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


@pytest.mark.parametrize("name", LAYERS)
def test_an_output_is_said_to_read_what_its_taps_read(board: Board, name: str) -> None:
    sweep = board_of(**LAYERS[name]).run()
    said = board.page.evaluate(ASK, [[payload(**LAYERS[name])], False])
    for row, col in np.ndindex(sweep.output.shape[1:]):
        along = f"{reads(sweep.rows, row, 'row')}; {reads(sweep.cols, col, 'column')}"
        value = number(float(sweep.output[0, row, col]), 5)
        assert said[f"output {row} {col}"] == f"Output ({row}, {col}) = {value} reads {along}."


@pytest.mark.parametrize("name", LAYERS)
def test_slides_say_the_same_of_pixels_and_weights(board: Board, name: str) -> None:
    said = board.page.evaluate(ASK, [[payload(**LAYERS[name])], False])
    made = export._board(board_of(**LAYERS[name]))
    axes = Figure().add_subplot()
    grids = Grids(axes, made, View(), Style(), scales_of([made], View())[0], 900)
    panels = [Panel(0, 0, *shape, 9) for shape in sizes_of(made.sweep)]
    place = Place(*panels, (None, None), 0)
    for key, sentence in said.items():
        panel, row, col = key.split()
        if panel != "output":
            mark = mark_readers if panel == "input" else mark_reach
            name_of, _, rest = sentence.partition(" = ")
            short = sentence
            if rest:  # slides leave the value out: it stands in the cell
                tail = rest.partition(": " if panel == "input" else " meets ")
                short = name_of + tail[1] + tail[2]
            assert mark(grids, place, (int(row), int(col))) + "." == short
        for artist in [*axes.patches, *axes.texts]:
            artist.remove()


def sizes_of(sweep: Sweep) -> list[tuple[int, int]]:
    """Rows and columns of input, kernel and output."""
    return [
        (len(sweep.rows.source), len(sweep.cols.source)),
        (len(sweep.rows.offsets), len(sweep.cols.offsets)),
        (sweep.output.shape[1], sweep.output.shape[2]),
    ]


def test_the_cases_that_misled() -> None:
    """Dilated rows are not a range; inserted zeros are not beyond the picture."""
    dilated = board_of(dilation=2, stride=1, padding=0, input_height=9).run()
    assert reads(dilated.rows, 0, "row") == "rows 0, 2, 4"
    grown = board_of(operation="transposed_convolution").run()
    assert reads(grown.rows, 2, "row") == "row 1 and 2 rows of inserted zeros"
    assert reads(grown.cols, 0, "column") == (
        "column 0, 1 column of inserted zeros and 1 column of padding"
    )


def test_the_pixels_of_an_output_are_counted_in_words(board: Board) -> None:
    link = {"operation": "transposed_convolution", "input_height": 3, "input_width": 3}
    counts = board_of(**link).layer.window.transposed_write_counts((3, 3))
    said = board.page.evaluate(ASK, [[payload(**link)], True])
    for (row, col), count in np.ndenumerate(counts):
        pixels = "1 pixel" if count == 1 else f"{count} pixels"
        assert said[f"output {row} {col}"].endswith(f" It adds up {pixels}.")


def test_slides_write_numbers_as_the_player_does(board: Board) -> None:
    rng = np.random.default_rng(0)
    drawn = np.concatenate([rng.normal(size=60) * 10.0 ** rng.integers(-9, 9, 60), rng.random(20)])
    halves = [0.0625, 151.125, -2.5, 0.125, 97.0625, 1e-6, 1.5e-7, -0.0, 999999.5, 1e6, 123456789.0]
    values = [*drawn.astype("f4").astype(float).tolist(), *halves]
    write = """async ([values, digits]) => {
      const { format } = await import("/_stcore/bidi-components/strides.player/player/model.js");
      return values.map((value) => format(value, digits));
    }"""
    for digits in (2, 3, 4, 5):
        said = board.page.evaluate(write, [values, digits])
        assert [number(value, digits) for value in values] == said


def named(*links: dict[str, Any]) -> list[dict[str, Any]]:
    return [payload(**link) | {"name": "ABCD"[i]} for i, link in enumerate(links)]


def test_progress_is_true_for_every_board(board: Board) -> None:
    alike, apart = named({}, {"kernel": "box"}), named({}, {"stride": 1})
    assert board.page.evaluate(TELL, [alike, "progress", 4]) == "step 5 of 16"
    assert board.page.evaluate(TELL, [apart, "progress", 4]) == "step 5 of 64"
    assert board.page.evaluate(TELL, [apart, "progress", 40]) == "step 41 of 64 (A at the end)"


@pytest.mark.parametrize("edits", [True, False])
@pytest.mark.parametrize(
    "link", [{}, {"operation": "max_pooling"}, {"input_height": 20}, {"operation": "blur_pooling"}]
)
def test_the_hint_speaks_of_what_is_there(board: Board, link: dict[str, Any], edits: bool) -> None:
    data = named(link)
    said = board.page.evaluate(TELL, [data, "hint", edits])
    weighted, learned = "weight" in data[0], data[0]["editable"]["kernel"]
    assert ("a weight" in said) == weighted
    assert ("a cell of the window" in said) != weighted
    assert ("double-click a weight" in said) == (edits and learned)
    typed = edits and data[0]["editable"]["input"]
    assert ("an input pixel to change it" in said) == typed


def test_values_of_either_sign_have_a_scale_around_zero(board: Board) -> None:
    """A gradient of ones is no picture of brightness 1, whatever its signs happen to be."""
    positive = payload(operation="average_pooling", picture="ramp")
    palette = {
        "grey": ["#000000", "#ffffff"],
        "counts": ["#ffffff", "#e69f00"],
        "signed": ["#0000ff", "#ffffff", "#ff0000"],
    }
    for signed, low in ((False, [0, 0]), (True, [-1, -1])):
        scales = board.page.evaluate(SCALES, [positive | {"signed": signed}, palette])
        assert [scale[2] for scale in scales] == [signed, signed]
        assert [scale[0] for scale in scales] == [
            at * scale[1] for at, scale in zip(low, scales, strict=True)
        ]
