"""Where the pieces of parsed source stand in the text that was pasted."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ...errors import SpecError
from .errors import NotationError

Built = TypeVar("Built")


@dataclass(frozen=True)
class SourcePositions:
    """The parsed text, and by how much each of its lines was moved to the left."""

    lines: tuple[str, ...]
    indents: tuple[int, ...]

    def error(
        self, node: ast.AST, parameter: str, rule: str, value: object = None, hint: str = ""
    ) -> NotationError:
        """The error for a piece; its text is shown unless there is a ``value``."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        if value is None:
            last, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", None)
            value = self.lines[line - 1][column : end if last == line else None].rstrip()
        column += self.indents[line - 1] + 1
        return NotationError(parameter, rule, value, line, column, hint)

    def build_at(
        self, node: ast.AST, make: Callable[[], Built], at: Mapping[str, ast.AST] | None = None
    ) -> Built:
        """The result of ``make``; a SpecError gets the position of the argument at fault."""
        try:
            return make()
        except NotationError:
            raise
        except SpecError as error:
            place = (at or {}).get(error.parameter, node)
            details = (error.parameter, error.rule, error.value)
            raise self.error(place, *details) from None
