"""The pictures of the sweep page that can be saved for slides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from core.data import PICTURES
from core.errors import SpecError
from core.layer.board import BoardSpec, Upload
from core.layer.operations import operation_of
from core.layer.sizes import formula
from viz.choices import board as choices_board
from viz.choices import layer as state
from viz.features.sweep.params import SweepSettings, make_valid
from viz.features.sweep.presets import boards
from viz.page import words
from viz.slides.style import NO_UPLOAD, Film, Picture, Style, film_steps, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.features.sweep.board_words import Board, View


def pictures(values: SweepSettings) -> list[Picture]:
    """The pictures of a link to the page.

    Raises:
        SpecError: A layer does not fit the input, or the boards do not have the link's step, cell,
            channel or filter.
    """
    fitting, changes = make_valid(values)
    refuse_unfit(changes)
    refuse_unfit([NO_UPLOAD] if values.picture == state.UPLOAD else [])
    specs, changed = boards(fitting)
    refuse_unfit([*changed, *_missing_parts(specs, values)])
    return pictures_of(specs, fitting)


def _missing_parts(specs: Sequence[BoardSpec], values: SweepSettings) -> list[str]:
    """A clause for each part of a link's view, and each edited cell, that the boards do not have."""
    from viz.features.sweep.board_words import focus_of

    drawn_boards, view = _boards(specs), _slide_view(values)
    steps = max(board.steps for board in drawn_boards)
    planes = [board.sweep.input.shape[0] for board in drawn_boards]
    filters = [board.sweep.output.shape[0] for board in drawn_boards]
    clauses = [f"step must be from 0 to {steps - 1}"] if view.step >= steps else []
    if view.pin and focus_of(drawn_boards, view) == focus_of(drawn_boards, replace(view, pin="")):
        cell = drawn_boards[0].output_cell_at(view.step)
        if view.pin.rpartition(":")[2] != f"o{cell[0]}.{cell[1]}":
            clauses.append(f"no board has the cell {view.pin}")
    for name, index, counts in (
        ("channel", view.channel, planes),
        ("filter", view.filter, filters),
    ):
        if index >= max(counts):
            clauses.append(f"{name} must be from 0 to {max(counts) - 1}")
    source, layer = specs[0].source, specs[0].layer
    shape = (source.channels, *source.size)
    clauses += [
        f"the input has no pixel {'.'.join(map(str, index))}"
        for index, _ in source.edits
        if any(i >= n for i, n in zip(index, shape, strict=True))
    ]
    weight = operation_of(layer).weight_shape(layer) if operation_of(layer).learned else None
    return clauses + [
        f"the layer has no weight {'.'.join(map(str, index))}"
        for index, _ in specs[0].kernel.edits
        if weight is None or any(i >= n for i, n in zip(index, weight, strict=True))
    ]


def pictures_of(specs: Sequence[BoardSpec], values: SweepSettings) -> list[Picture]:
    """The picture of the boards, with the view (step, pin, channel, filter) of the settings."""
    steps = max(_steps(board) for board in specs)

    def draw(style: Style) -> Figure:
        from viz.features.sweep.slides import board_picture

        return board_picture(_boards(specs), _slide_view(values), style)

    def film(style: Style) -> Film:
        from viz.features.sweep.slides import board_film

        return board_film(_boards(specs), _slide_view(values), style)

    def strip(style: Style, count: int) -> Figure:
        from viz.features.sweep.slides import board_strip

        if count > steps:
            raise SpecError("strip", f"must be at most {steps} steps of this layer", count)
        return board_strip(_boards(specs)[0], _slide_view(values), style, count)

    frames, note = film_steps(steps)
    label = "the board" if len(specs) == 1 else "the boards"
    one = strip if len(specs) == 1 and steps > 1 else None
    return [Picture("board", label, draw, film, len(frames), note, one, settings_text(specs))]


def settings_text(specs: Sequence[BoardSpec]) -> str:
    """The layers and the input of the boards in words, for a caption."""
    source = specs[0].source
    own = isinstance(source.picture, Upload)
    name = "a picture of your own" if own else PICTURES[str(source.picture)].label.lower()
    return (
        "; ".join(words.layer_title(b.layer) for b in specs)
        + f"; input {words.times(source.size)}, {name}"
    )


def _steps(board: BoardSpec) -> int:
    """Number of positions of a board's window."""
    rows, cols = formula(board.layer, board.source.size)
    return rows.outputs * cols.outputs


def _boards(specs: Sequence[BoardSpec]) -> list[Board]:
    """The boards with their results and texts, for slides."""
    return [_board(spec) for spec in specs]


@lru_cache(maxsize=32)
def _board(spec: BoardSpec) -> Board:
    """A board with its results and texts, for slides."""
    from viz.features.sweep.board_words import Board

    sweep = choices_board.sweep(spec)
    labels = words.player_labels(spec, sweep)
    rows, cols = formula(spec.layer, spec.source.size)
    return Board(
        sweep,
        labels["title"],
        labels["captions"],
        labels["planes"],
        tuple(words.size_formulas(rows, cols)),
        choices_board.unread(spec).sentence,
    )


def _slide_view(values: SweepSettings) -> View:
    """The view of the settings, for slides."""
    from viz.features.sweep.board_words import View

    names = ("step", "pin", "channel", "filter", "reads")
    return View(**{name: values[name] for name in names})
