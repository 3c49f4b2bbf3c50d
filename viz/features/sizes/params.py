"""Settings of the size page: the layer's parameters of the sweep page, with inputs up to 4096 px."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.layer import LayerSpec
from core.layer.sizes import smaller_input_with_same_remainder
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.choices import layer as state
from viz.choices.layer import BoardSettings, SizeSettings
from viz.page import words
from viz.params import labeled_choice, number, pattern, query, switch

PAGE = "sizes"
BOARD = Path(__file__).parents[1] / "sweep" / "page.py"
MAX_INPUT = 4096
"""Longest side of an input, in pixels."""

TABS = {
    "padding": "Stride × padding",
    "common": "Common layers",
    "kernels": "Kernel × stride",
    "conventions": "Padding conventions",
    "solver": "Which layer gives …?",
}
"""Label on the page by name of a tab in the URL."""


@dataclass(frozen=True)
class SizesSettings(SizeSettings):
    """All settings of the page; those of the layer have the names of the sweep page."""

    input_height: int = number(8, 1, MAX_INPUT, "input height", unit="px")
    input_width: int = number(8, 1, MAX_INPUT, "input width", unit="px")
    tab: str = labeled_choice(TABS)
    output_height: int = number(4, 1, MAX_INPUT, "wanted height", unit="px")
    output_width: int = number(4, 1, MAX_INPUT, "wanted width", unit="px")
    all_read: bool = switch(label="only layers that read every pixel")
    solution: str = pattern("", r"k\d{1,2}s\d{1,2}p\d{1,2}d\d{1,2}", "a layer like k3s2p1d1")


def board_settings(values: SizesSettings) -> BoardSettings:
    """Settings of a board with the layer; those that do not affect a size have their defaults."""
    return BoardSettings.of(values.flat)


def input_size(values: SizesSettings) -> Pair:
    """(height, width) of the input."""
    return values.input_height, values.input_width


def layer_spec(values: SizesSettings) -> LayerSpec:
    """The layer of the settings.

    Raises:
        SpecError: There is no such layer.
    """
    return state.layer_spec(board_settings(values))


def board_query(spec: LayerSpec, size: Pair, values: SizesSettings | None = None) -> dict[str, str]:
    """URL parameters that open the layer on the sweep page, on an input that is small enough.

    Args:
        spec: The layer.
        size: (height, width) of its input.
        values: Settings of the layer, if it is the page's own; with them the link has the name of
            the padding convention instead of numbers.
    """
    size = smaller_input_with_same_remainder(spec, size, state.MAX_SIDE)
    board = state.values_of(spec, size)
    if values is not None:
        layer_values = SizeSettings.of(values.flat).flat
        board = layer_values | {"input_height": size[0], "input_width": size[1]}
    return query(BoardSettings.params(), board)


def board_help(spec: LayerSpec, size: Pair) -> str:
    """Help text of the link to the sweep page, with the size of the input there."""
    board_size = smaller_input_with_same_remainder(spec, size, state.MAX_SIDE)
    if board_size == size:
        return "Watch this layer slide over a picture."
    return (
        f"The board draws up to {state.MAX_SIDE} pixels a side: it opens with "
        f"{words.times(board_size)}, whole strides less, so that the remainder stays."
    )


def count_text(count: int, word: str) -> str:
    """A count with its noun: ``1 row``, ``2 rows``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def solution_name(solution: Solution) -> str:
    """Name of a solution in the URL: ``k3s2p1d1`` for kernel size, stride, padding and dilation."""
    s = solution
    return f"k{s.kernel_size}s{s.stride}p{s.padding}d{s.dilation}"


def make_valid(values: SizesSettings) -> tuple[SizesSettings, list[str]]:
    """Settings whose layer fits the input, and a sentence for each change of them."""
    board, sentences = state.make_runnable(board_settings(values), limit=None)
    return values.updated(board.flat), sentences
