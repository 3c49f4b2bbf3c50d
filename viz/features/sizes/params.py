"""State and widgets of the size page: the board's parameters, on inputs up to 4096 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.layer import LayerSpec
from core.layer.sizes import smaller_input
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.choices import layer as state
from viz.choices.layer import Values
from viz.page import words
from viz.params import defaults, labelled, number, pattern, query, switch

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


_BOARD = [*state.layer_params(), *state.input_params()]
_DEFAULTS = defaults(_BOARD)
_APART = ("padding_mode", "count_include_pad", "bias", "out_channels", "groups")
"""Settings of a layer that do not change the size of its output."""
_LAYER = [param for param in state.layer_params() if param.name not in _APART]
PARAMS = [
    *_LAYER,
    number("input_height", 8, 1, MAX_INPUT, "input height", unit="px"),
    number("input_width", 8, 1, MAX_INPUT, "input width", unit="px"),
    labelled("tab", TABS),
    number("output_height", 4, 1, MAX_INPUT, "wanted height", unit="px"),
    number("output_width", 4, 1, MAX_INPUT, "wanted width", unit="px"),
    switch("all_read", label="only layers that read every pixel"),
    pattern("solution", "", r"k\d{1,2}s\d{1,2}p\d{1,2}d\d{1,2}", "a layer like k3s2p1d1"),
]
"""Everything that decides the page, named as on the board."""


def with_board(values: Values) -> dict[str, Any]:
    """The values with what the board has and this page has not, at its default."""
    return {**_DEFAULTS, **values}


def layer(values: Values) -> LayerSpec:
    """The layer; SpecError when it cannot be."""
    return state.layer(with_board(values))


def board_query(spec: LayerSpec, size: Pair, values: Values | None = None) -> dict[str, str]:
    """The board's URL parameters for this layer, on an input it can draw.

    ``values``: the settings the layer was made of, when it is the page's own; they keep a
    padding convention by its name.
    """
    size = smaller_input(spec, size, state.MAX_SIDE)
    shown = state.values_of(spec, size)
    if values is not None:
        shown = {param.name: values[param.name] for param in _LAYER}
        shown |= {"input_height": size[0], "input_width": size[1]}
    return query(_BOARD, shown)


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


def settle(values: dict[str, Any]) -> list[str]:
    """Change ``values`` in place until the layer fits its input; one sentence for each change."""
    full = with_board(values)
    sentences = state.settle(full, limit=None)
    values.update({name: full[name] for name in values})
    return sentences
