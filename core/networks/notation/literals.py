"""Evaluation of literal arguments in source: numbers, tuples, strings and simple arithmetic."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from ...errors import SpecError

MAX_MAGNITUDE = 10**12
"""Largest magnitude of a number in source."""
MAX_DEPTH = 30
"""Largest nesting of an expression."""

OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
"""The arithmetic operators that are allowed."""
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def literal(node: ast.expr, depth: int = 0) -> object:
    """The value of a literal expression; names and calls are never evaluated.

    Args:
        node: the expression.
        depth: number of expressions that it is nested in.

    Raises:
        SpecError: the expression is no literal, or a number beyond ``MAX_MAGNITUDE``.
    """
    if depth > MAX_DEPTH:
        raise SpecError("argument", "is nested too deeply; write the number", "…")
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(literal(each, depth + 1) for each in node.elts[:16])
    if isinstance(node, ast.UnaryOp) and type(node.op) in SIGNS:
        return SIGNS[type(node.op)](_number(node.operand, depth))
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        left, right = _number(node.left, depth), _number(node.right, depth)
        return _arithmetic_result(node.op, left, right)
    raise SpecError(
        "argument",
        "must be written as a value; names and calls are not read",
        _expression_kind(node),
    )


def _constant(value: object) -> object:
    """The value of a constant, checked to be of an allowed type and size."""
    if isinstance(value, int | float) and not abs(value) <= MAX_MAGNITUDE:
        raise SpecError("argument", f"must be a number up to {MAX_MAGNITUDE:,}", str(value)[:20])
    if value is not None and not isinstance(value, int | float | str):
        raise SpecError("argument", "must be a number, a tuple, a string, True or False", value)
    return value


def _number(node: ast.expr, depth: int) -> int | float:
    """The value of a literal that must be a number."""
    value = literal(node, depth + 1)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError("argument", "can compute with numbers only", value)
    return value


def _arithmetic_result(operation: ast.operator, left: float, right: float) -> object:
    """The value of an arithmetic expression; SpecError if it divides by zero."""
    try:
        return _constant(OPERATIONS[type(operation)](left, right))
    except ZeroDivisionError:
        raise SpecError("argument", "divides by zero", f"{left} / {right}") from None


def _expression_kind(node: ast.expr) -> str:
    """What an expression is, for an error message."""
    if isinstance(node, ast.Name):
        return node.id
    return {ast.Call: "a call", ast.Attribute: "a name"}.get(type(node), "an expression")
