"""The board as code, written once for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.layer.board import BoardSpec
from viz.server.cache import computed_once

if TYPE_CHECKING:
    pass


@computed_once(64)
def snippet(framework: str, board: BoardSpec) -> str:
    """The board's layer as code."""
    from core.layer.code import snippet as write

    return write(
        framework,
        board.layer,
        board.source.size,
        board.weight(),
        board.bias(),
        board.source.pixels(),
    )
