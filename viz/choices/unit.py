"""One unit of a network as pages let a visitor choose it: its layer, its place, the cone's view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from viz.page.session import declared
from viz.page.widgets import widget
from viz.params import Settings, choice, pattern, switch

if TYPE_CHECKING:
    from core.receptive_field.outline import Line
    from viz.choices.network_analysis import Analysis

AXES = ("height", "width")


UNITS = {"centre": "the center", "edge": "middle of the top edge", "corner": "a corner"}
_PLACE = r"\d{1,4}\.\d{1,4}"


def layer_name(**control: Any) -> Any:
    """A field for the name of a layer; "" stands for the page's own first one."""
    return pattern("", r"[\w.]{1,300}", "the name of a layer", label="layer", **control)


def unit_name(default: str, label: str, named: Sequence[str] = (*UNITS,), **control: Any) -> Any:
    """A field for a unit of a map: row.column, or one of the names of such units."""
    rule = f"one of {', '.join(named)}, or row.column, such as 3.5"
    rule = rule if named else "a unit as row.column, such as 3.5"
    regex, labels = "|".join([*named, _PLACE]), {name: UNITS[name] for name in named}
    return pattern(default, regex, rule, kind="select", label=label, options=labels, **control)


def unit_control(
    values: Settings, grid: tuple[int, int] = (0, 0), place: Any = st, **settings: Any
) -> None:
    """The choice of a unit: those that have a name, all of a map of ``grid`` units, and the one
    that was clicked or linked."""
    labels = declared("unit").labels
    places = [f"{row}.{column}" for row in range(grid[0]) for column in range(grid[1])]
    for name in (*places, str(values["unit"])):
        labels.setdefault(name, "({})".format(name.replace(".", ", ")))
    widget(values, "unit", place, options=labels, **settings)


@dataclass(frozen=True)
class ConeView(Settings):
    """What the cone shows; the cone reports changes of it."""

    layer: str = layer_name()
    unit: str = unit_name("", "unit", ())
    axis: str = choice("width", AXES)
    down: bool = switch()
    zoom: bool = switch()
    centres: bool = switch(True)


S = TypeVar("S", bound=Settings)


def view_values(message: object) -> dict[str, Any]:
    """The cone's message about its view, held to the rules of a link; {} where it breaks one."""
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
        return {param.name: param.parse(text[param.name]) for param in ConeView.params()}
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


def fit(analysis: Analysis, values: S, usual: str, image: bool = True) -> tuple[S, Line, list[str]]:
    """The layer that the settings choose, and settings whose layer and unit the network has.

    Args:
        analysis: of the network.
        values: of a page that has the parameters ``layer`` and ``unit``.
        usual: the value of ``unit`` when none is chosen.
        image: the image counts as a layer.

    Returns:
        the settings, in which the default layer and the usual unit replace what is missing; the
        layer; and a sentence for each replacement.
    """
    name, unit, clauses = str(values["layer"]), str(values["unit"]), list[str]()
    line = analysis.line(name)
    if line is None or (line.node.kind == "input" and not image):
        if name:
            of_it = f", so no unit {unit} of it" if "." in unit else ""
            clauses.append(f"this network has no layer `{name[:80]}`{of_it}")
            name, unit = "", usual
        line = analysis.deepest
    rows, cols = line.node.grid
    row, col = map(int, unit.split(".")) if "." in unit else (0, 0)
    if row >= rows or col >= cols:
        clauses.append(f"`{line.label}` has no unit {unit}, only {rows}×{cols}")
        unit = usual
    return values.updated(layer=name, unit=unit), line, clauses
