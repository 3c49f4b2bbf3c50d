"""The settings and widgets that choose a unit of a network: its layer, and its row and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from viz.page.session import declared_param
from viz.page.widgets import widget
from viz.params import Settings, choice, pattern, switch

if TYPE_CHECKING:
    from core.receptive_field.outline import Line
    from viz.choices.network_analysis import Analysis

AXES = ("height", "width")
"""Values of the cone's parameter ``axis``, by index of the axis."""

CENTERS: dict[str, bool | None] = {"auto": None, "true": True, "false": False}
"""Whether the cone draws the centers of units, by the value of the parameter ``centres``."""

UNITS = {"centre": "the center", "edge": "middle of the top edge", "corner": "a corner"}
"""Label on the page by the name of a unit in a link."""
_PLACE = r"\d{1,4}\.\d{1,4}"


def layer_name_setting(**control: Any) -> Any:
    """A field for the name of a layer; "" stands for the one that the page chooses."""
    return pattern("", r"[\w.]{1,300}", "the name of a layer", label="layer", **control)


def unit_setting(default: str, label: str, named: Sequence[str] = (*UNITS,), **control: Any) -> Any:
    """A field for a unit of a feature map: ``row.column``, or a name of `UNITS`.

    Args:
        default: Unit that is left out of the URL.
        label: Label of the widget.
        named: Names that are allowed.
        control: Other attributes of `Param`.
    """
    rule = f"one of {', '.join(named)}, or row.column, such as 3.5"
    rule = rule if named else "a unit as row.column, such as 3.5"
    regex, labels = "|".join([*named, _PLACE]), {name: UNITS[name] for name in named}
    return pattern(default, regex, rule, kind="select", label=label, options=labels, **control)


def unit_control(
    values: Settings, grid: tuple[int, int] = (0, 0), place: Any = st, **settings: Any
) -> None:
    """Draw the choice of a unit.

    Args:
        values: Settings with the parameter ``unit``; its current value is always an option.
        grid: Rows and columns of units that are offered besides those with a name.
        place: Container to draw into.
        settings: As of `viz.page.widgets.widget`.
    """
    labels = declared_param("unit").labels
    units = [f"{row}.{column}" for row in range(grid[0]) for column in range(grid[1])]
    for name in (*units, str(values["unit"])):
        labels.setdefault(name, "({})".format(name.replace(".", ", ")))
    widget(values, "unit", place, options=labels, **settings)


@dataclass(frozen=True)
class ConeView(Settings):
    """The view of the receptive-field cone, which reports changes of it.

    Attributes:
        layer: Name of the layer; "" for the one that the page chooses.
        unit: The selected unit as row.column; "" for the one that the page chooses.
        axis: Axis that is drawn.
        down: Whether it shows the later units that depend on the unit, instead of its receptive
            field.
        zoom: Whether the receptive field of the unit fills the width.
        centres: Whether the centers of the layer's units are marked on the image; "auto" where
            they do not hide it.
    """

    layer: str = layer_name_setting()
    unit: str = unit_setting("", "unit", ())
    axis: str = choice("width", AXES)
    down: bool = switch()
    zoom: bool = switch()
    centres: str = choice("auto", (*CENTERS,))


S = TypeVar("S", bound=Settings)


def cone_view_values(message: object) -> dict[str, Any]:
    """The values of `ConeView` in a message of the cone; {} if a link would not allow one of them.

    Args:
        message: What the browser sent, which can be anything.
    """
    try:
        assert isinstance(message, dict)
        row, col = message["unit"]
        text = {
            "layer": str(message["layer"]),
            "unit": f"{int(row)}.{int(col)}",
            "axis": AXES[int(bool(message["axis"]))],
            **{name: "true" if message[name] is True else "false" for name in ("down", "zoom")},
            "centres": next(name for name, drawn in CENTERS.items() if drawn is message["grid"]),
        }
        return {param.name: param.parse(text[param.name]) for param in ConeView.params()}
    except (AssertionError, KeyError, OverflowError, StopIteration, TypeError, ValueError):
        return {}


def unit_position(text: str, grid: tuple[int, int]) -> tuple[int, int]:
    """The (row, column) of a unit's name or of ``row.column``, clamped to a map of ``grid`` units."""
    rows, cols = grid
    named = {"centre": (rows // 2, cols // 2), "edge": (0, cols // 2), "corner": (0, 0)}
    if text in named:
        return named[text]
    row, col = map(int, text.split("."))
    return min(row, rows - 1), min(col, cols - 1)


def fit_layer_and_unit(
    analysis: Analysis, values: S, default_unit: str, image_counts: bool = True
) -> tuple[S, Line, list[str]]:
    """Fit the layer and the unit of a link to a network.

    Args:
        analysis: Analysis of the network.
        values: Settings with the parameters ``layer`` and ``unit``.
        default_unit: Unit that replaces one that the layer does not have.
        image_counts: Whether the image counts as a layer.

    Returns:
        The settings, in which "" replaces a layer that the network does not have; the line of the
        layer; and a clause for each replacement.
    """
    name, unit, clauses = str(values["layer"]), str(values["unit"]), list[str]()
    line = analysis.line(name)
    if line is None or (line.node.kind == "input" and not image_counts):
        if name:
            no_unit = f", so no unit {unit} of it" if "." in unit else ""
            clauses.append(f"this network has no layer `{name[:80]}`{no_unit}")
            name, unit = "", default_unit
        line = analysis.deepest
    rows, cols = line.node.grid
    row, col = map(int, unit.split(".")) if "." in unit else (0, 0)
    if row >= rows or col >= cols:
        clauses.append(f"`{line.label}` has no unit {unit}, only {rows}×{cols}")
        unit = default_unit
    return values.updated(layer=name, unit=unit), line, clauses
