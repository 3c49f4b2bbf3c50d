"""Finds marks in a plot's description, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from core.plots.plot import Mark, Panel, Plot

M = TypeVar("M")


def marks_of(where: Plot | Panel, kind: type[M]) -> list[M]:
    """All marks of one kind, in the order in which they are drawn."""
    return [mark for mark in all_marks(where) if isinstance(mark, kind)]


def named(where: Plot | Panel, kind: type[M], name: str) -> M:
    """The only mark of this kind with this name in the legend."""
    (mark,) = (mark for mark in marks_of(where, kind) if getattr(mark, "name", None) == name)
    return mark


def all_marks(where: Plot | Panel) -> Iterator[Mark]:
    """All marks of a plot or a panel."""
    for panel in where.panels if isinstance(where, Plot) else (where,):
        yield from panel.marks
