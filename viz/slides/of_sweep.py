"""The pictures of the sweep page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.board import BoardSpec, Upload
from core.data import PICTURES
from core.sizes import formula
from viz import compute, state, words
from viz.presets import boards
from viz.slides.style import Film, Picture, Style, film_steps
from viz.state import SECOND

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.slides.board_words import Board, View


def pictures(values: Mapping[str, Any]) -> list[Picture]:
    """What a link to the page shows; a layer that does not fit is settled as the page does.

    Raises:
        SpecError: there is no layer that fits.
    """
    settled = dict(values)
    for suffix in ("", SECOND) if values["compare"] == "second" else ("",):
        state.settle(settled, suffix)
    shown, _ = boards(settled)
    return pictures_of(shown, settled)


def pictures_of(shown: Sequence[BoardSpec], values: Mapping[str, Any]) -> list[Picture]:
    """The boards on show, at the step, with the pin and the planes of the page's values."""

    def draw(style: Style) -> Figure:
        from viz.slides.board import board_picture

        return board_picture(_boards(shown), _view(values), style)

    def film(style: Style) -> Film:
        from viz.slides.board import board_film

        return board_film(_boards(shown), _view(values), style)

    def strip(style: Style, count: int) -> Figure:
        from viz.slides.board import board_strip

        return board_strip(_boards(shown)[0], _view(values), style, count)

    steps = max(_steps(board) for board in shown)
    frames, note = film_steps(steps)
    label = "the board" if len(shown) == 1 else "the boards"
    one = strip if len(shown) == 1 and steps > 1 else None
    return [Picture("board", label, draw, film, len(frames), note, one, settings(shown))]


def settings(shown: Sequence[BoardSpec]) -> str:
    """The boards in words, for a caption."""
    source = shown[0].source
    own = isinstance(source.picture, Upload)
    name = "a picture of your own" if own else PICTURES[str(source.picture)].label.lower()
    return (
        "; ".join(words.title(b.layer) for b in shown)
        + f"; input {words.times(source.size)}, {name}"
    )


def _steps(board: BoardSpec) -> int:
    rows, cols = formula(board.layer, board.source.size)
    return rows.outputs * cols.outputs


def _boards(shown: Sequence[BoardSpec]) -> list[Board]:
    return [_board(spec) for spec in shown]


@lru_cache(maxsize=32)
def _board(spec: BoardSpec) -> Board:
    from viz.slides.board_words import Board

    sweep = compute.sweep(spec)
    told = words.labels(spec, (sweep.output.shape[1], sweep.output.shape[2]))
    rows, cols = formula(spec.layer, spec.source.size)
    return Board(
        sweep,
        told["title"],
        told["captions"],
        tuple(words.formulas(rows, cols)),
        compute.unread(spec).sentence,
    )


def _view(values: Mapping[str, Any]) -> View:
    from viz.slides.board_words import View

    names = ("step", "pin", "channel", "filter", "reads")
    return View(**{name: values[name] for name in names})
