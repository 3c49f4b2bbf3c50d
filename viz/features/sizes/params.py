"""Settings of the size page: the board's parameters, on inputs up to 4096 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.layer import LayerSpec
from core.layer.sizes import smaller_input
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.choices import layer as state
from viz.choices.layer import BoardSettings, SizeSettings
from viz.page import words
from viz.params import labeled_choice, number, pattern, query, switch

PAGE = "sizes"
BOARD = Path(__file__).parents[1] / "sweep" / "page.py"
MAX_INPUT = 4096
"""Longest input side, in pixels."""

TABS = {
    "padding": "Stride × padding",
    "common": "Common layers",
    "kernels": "Kernel × stride",
    "conventions": "Padding conventions",
    "solver": "Which layer gives …?",
}
"""Name in the URL: label on the page."""


@dataclass(frozen=True)
class SizesSettings(SizeSettings):
    """Everything that decides the page, named as on the board."""

    input_height: int = number(8, 1, MAX_INPUT, "input height", unit="px")
    input_width: int = number(8, 1, MAX_INPUT, "input width", unit="px")
    tab: str = labeled_choice(TABS)
    output_height: int = number(4, 1, MAX_INPUT, "wanted height", unit="px")
    output_width: int = number(4, 1, MAX_INPUT, "wanted width", unit="px")
    all_read: bool = switch(label="only layers that read every pixel")
    solution: str = pattern("", r"k\d{1,2}s\d{1,2}p\d{1,2}d\d{1,2}", "a layer like k3s2p1d1")


def on_board(values: SizesSettings) -> BoardSettings:
    """The layer with those settings of the board that do not change a size at their defaults."""
    return BoardSettings.of(values.flat)


def size(values: SizesSettings) -> Pair:
    """(height, width) of the input."""
    return values.input_height, values.input_width


def layer(values: SizesSettings) -> LayerSpec:
    """The layer; SpecError when it cannot be."""
    return state.layer(on_board(values))


def board_query(spec: LayerSpec, size: Pair, values: SizesSettings | None = None) -> dict[str, str]:
    """The board's URL parameters for this layer, on an input it can draw.

    ``values``: the settings the layer was made of, when it is the page's own; they keep a
    padding convention by its name.
    """
    size = smaller_input(spec, size, state.MAX_SIDE)
    board = state.values_of(spec, size)
    if values is not None:
        layer_values = SizeSettings.of(values.flat).flat
        board = layer_values | {"input_height": size[0], "input_width": size[1]}
    return query(BoardSettings.params(), board)


def board_help(spec: LayerSpec, size: Pair) -> str:
    """What opens, where it is not the same."""
    shown = smaller_input(spec, size, state.MAX_SIDE)
    if shown == size:
        return "Watch this layer slide over a picture."
    return (
        f"The board draws up to {state.MAX_SIDE} pixels a side: it opens with "
        f"{words.times(shown)}, whole strides less, so that the remainder stays."
    )


def counted(count: int, word: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def solution_name(solution: Solution) -> str:
    """``k3s2p1d1``, as in the URL."""
    s = solution
    return f"k{s.kernel_size}s{s.stride}p{s.padding}d{s.dilation}"


def settled(values: SizesSettings) -> tuple[SizesSettings, list[str]]:
    """Settings whose layer fits the input, and one sentence for each change."""
    board, sentences = state.settle(on_board(values), limit=None)
    return values.updated(board.flat), sentences
