"""Positions of parsed source in the pasted text, for error messages."""

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
    """Maps positions in parsed source to positions in the pasted text.

    Attributes:
        lines: the lines that were parsed.
        indents: number of leading spaces that were removed from each line.
    """

    lines: tuple[str, ...]
    indents: tuple[int, ...]

    def error(
        self, node: ast.AST, parameter: str, rule: str, value: object = None, hint: str = ""
    ) -> NotationError:
        """The error at a node of the syntax tree; ``value`` None shows the node's source."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        if value is None:
            last, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", None)
            value = self.lines[line - 1][column : end if last == line else None].rstrip()
        column += self.indents[line - 1] + 1
        return NotationError(parameter, rule, value, line, column, hint)

    def build_at(
        self, node: ast.AST, make: Callable[[], Built], at: Mapping[str, ast.AST] | None = None
    ) -> Built:
        """Call ``make``, and give a SpecError that it raises its position in the text.

        Args:
            node: the syntax node that ``make`` builds something from.
            make: function without arguments.
            at: the syntax node of each argument, for errors that name the argument.
        """
        try:
            return make()
        except NotationError:
            raise
        except SpecError as error:
            node_at_fault = (at or {}).get(error.parameter, node)
            details = (error.parameter, error.rule, error.value)
            raise self.error(node_at_fault, *details) from None
