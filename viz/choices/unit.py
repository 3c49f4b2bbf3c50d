"""One unit of a network as pages let a visitor choose it: its layer, its place, the cone's view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from viz.page.session import declared
from viz.page.widgets import widget
from viz.params import Param, Values, choice, pattern, switch

if TYPE_CHECKING:
    from core.receptive_field.outline import Line
    from viz.choices.network_analysis import Analysis

AXES = ("height", "width")


UNITS = {"centre": "the center", "edge": "middle of the top edge", "corner": "a corner"}
_PLACE = r"\d{1,4}\.\d{1,4}"


def layer_param(**control: Any) -> Param:
    """The name of a layer; "" for the page's own first one."""
    return pattern("layer", "", r"[\w.]{1,300}", "the name of a layer", label="layer", **control)


def unit_param(default: str, label: str, named: Sequence[str] = (*UNITS,), **control: Any) -> Param:
    """A unit of a map as row.column, or one of the names of such units."""
    rule = f"one of {', '.join(named)}, or row.column, such as 3.5"
    rule = rule if named else "a unit as row.column, such as 3.5"
    regex, labels = "|".join([*named, _PLACE]), {name: UNITS[name] for name in named}
    return pattern(
        "unit", default, regex, rule, kind="select", label=label, options=labels, **control
    )


def unit_control(
    values: Values, grid: tuple[int, int] = (0, 0), place: Any = st, **settings: Any
) -> None:
    """The choice of a unit: those that have a name, all of a map of ``grid`` units, and the one
    that was clicked or linked."""
    labels = declared("unit").labels
    places = [f"{row}.{column}" for row in range(grid[0]) for column in range(grid[1])]
    for name in (*places, values["unit"]):
        labels.setdefault(name, "({})".format(name.replace(".", ", ")))
    widget(values, "unit", place, options=labels, **settings)


VIEW = [
    layer_param(),
    unit_param("", "unit", ()),
    choice("axis", "width", AXES),
    switch("down"),
    switch("zoom"),
    switch("centres", True),
]
"""What the cone shows; told by it."""


def told(message: object) -> dict[str, Any]:
    """What the cone tells, held to the same rules as a link; nothing where it breaks one."""
    try:
        assert isinstance(message, dict)
        row, col = message["unit"]
        text = {
            "layer": str(message["layer"]),
            "unit": f"{int(row)}.{int(col)}",
            "axis": AXES[int(bool(message["axis"]))],
            **{
                name: "true" if message[key] is True else "false"
                for name, key in (("down", "down"), ("zoom", "zoom"), ("centres", "grid"))
            },
        }
        return {param.name: param.parse(text[param.name]) for param in VIEW}
    except (AssertionError, KeyError, OverflowError, TypeError, ValueError):
        return {}


def unit_of(text: str, grid: tuple[int, int]) -> tuple[int, int]:
    """The unit that is meant, kept inside the map."""
    rows, cols = grid
    named = {"centre": (rows // 2, cols // 2), "edge": (0, cols // 2), "corner": (0, 0)}
    if text in named:
        return named[text]
    row, col = map(int, text.split("."))
    return min(row, rows - 1), min(col, cols - 1)


def fit(
    analysis: Analysis, values: dict[str, Any], usual: str, image: bool = True
) -> tuple[Line, list[str]]:
    """The chosen layer, and sentences about a layer or a unit that the network does not have.

    In ``values`` the default layer and the usual unit take their places.

    Args:
        analysis: of the network.
        values: of a page; changed.
        usual: the value of ``unit`` when none is chosen.
        image: the image counts as a layer.
    """
    line, clauses = analysis.line(values["layer"]), []
    if line is None or (line.node.kind == "input" and not image):
        if values["layer"]:
            unit = f", so no unit {values['unit']} of it" if "." in values["unit"] else ""
            clauses.append(f"this network has no layer `{values['layer'][:80]}`{unit}")
            values["layer"], values["unit"] = "", usual
        line = analysis.deepest
    rows, cols = line.node.grid
    row, col = map(int, values["unit"].split(".")) if "." in values["unit"] else (0, 0)
    if row >= rows or col >= cols:
        clauses.append(f"`{line.label}` has no unit {values['unit']}, only {rows}×{cols}")
        values["unit"] = usual
    return line, clauses
