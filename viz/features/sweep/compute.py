"""Computations of the sweep page, cached for all visitors."""

from __future__ import annotations

from core.layer.board import BoardSpec
from viz.server.cache import computed_once


@computed_once(64)
def snippet(framework: str, board: BoardSpec) -> str:
    """Code that runs the board's layer on its input, in one of `core.layer.code.SNIPPETS`."""
    from core.layer.code import snippet as write

    return write(
        framework,
        board.layer,
        board.source.size,
        board.weight(),
        board.bias(),
        board.source.pixels(),
    )
