"""Plots of receptive fields against depth, and of designs that reach a receptive field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import SpecError
from core.plots.axes import number_text
from core.plots.plot import Color, Dash, Panel, Plot, PlotAxis, Points, Polyline, Symbol
from core.plots.table import Table, texts
from core.text import times

if TYPE_CHECKING:
    from core.receptive_field.growth import GrowthCurve
    from core.receptive_field.strategies import Strategy

LOOKS: tuple[tuple[Color, Dash, Symbol], ...] = (
    ("window", "solid", "circle"),
    ("pinned", "dash", "diamond"),
    ("sky", "dot", "square"),
)
"""Color, dash and symbol of the first, second and third network."""
COARSER = "units further apart (stride)"
FINER = "units closer together (upsampling)"
WHOLE = "sees the whole image"


def depth_plot(
    curves: Sequence[GrowthCurve],
    title: str = "Receptive field against depth",
    *,
    log: bool = False,
) -> Plot:
    """Receptive field over depth: a mark for each layer, a line through the widest so far.

    Args:
        curves: One to three networks.
        title: The heading.
        log: Whether the pixels are on a logarithmic axis.

    Raises:
        SpecError: No network, or more than three.
    """
    if not 1 <= len(curves) <= len(LOOKS):
        raise SpecError("curves", f"must be 1 to {len(LOOKS)} networks", len(curves))
    depth = max(1, *(len(curve.layers) for curve in curves))
    marks: list[Polyline | Points] = []
    for side in sorted({curve.image for curve in curves}):
        ends = [0.5, depth + 0.5]
        marks.append(Polyline(ends, [side, side], f"image: {side} px", "input", "longdash", 1.5))
    for curve, look in zip(curves, LOOKS, strict=False):
        marks += _curve_marks(curve, *look)
    across = PlotAxis("layer, in the order they run", 0.5, depth + 0.5, whole=True)
    up = PlotAxis("receptive field (px)", log=log, zero=not log, whole=True)
    ends_text = "; ".join(
        f"{curve.name} sees {number_text(curve.widest[-1])} px after {len(curve.layers)} layers"
        for curve in curves
        if curve.layers
    )
    below = any(size < wide for c in curves for size, wide in zip(c.sizes, c.widest, strict=True))
    notes = ("Symbols below a line belong to branches that see less.",) if below else ()
    panel = Panel(tuple(marks), across, up)
    return Plot(title, (panel,), f"{title}: {ends_text}.", notes=notes, keys=_keys(curves))


def _curve_marks(
    curve: GrowthCurve, color: Color, dash: Dash, symbol: Symbol
) -> list[Polyline | Points]:
    """The line of the widest field so far, and the symbols of the layers by kind."""
    places = list(range(1, len(curve.layers) + 1))
    hovers = _layer_hovers(curve)
    marks: list[Polyline | Points] = [
        Polyline(places, list(curve.widest), curve.name, color, dash, hover=None)
    ]
    kinds: dict[tuple[Symbol, bool], list[int]] = {}
    for index in range(len(places)):
        coarser, finer = curve.strided[index], curve.finer[index]
        kind: Symbol = "down" if coarser else "up" if finer else symbol
        kinds.setdefault((kind, curve.whole[index] and kind == symbol), []).append(index)
    for (kind, hollow), indices in kinds.items():
        marks.append(
            Points(
                [places[i] for i in indices],
                [curve.sizes[i] for i in indices],
                color=color,
                symbol=kind,
                size=7 if kind == symbol else 12,
                hollow=hollow,
                hover=[hovers[i] for i in indices],
            )
        )
    return marks


def _layer_hovers(curve: GrowthCurve) -> list[str]:
    """Texts for the pointer on the layers' symbols."""
    return [
        f"{layer} ({curve.name})\n"
        + (
            WHOLE
            if whole
            else f"receptive field {number_text(size)} px\neffective stride {stride:g} px"
        )
        for layer, size, stride, whole in zip(
            curve.layers, curve.sizes, curve.strides, curve.whole, strict=True
        )
    ]


def _keys(curves: Sequence[GrowthCurve]) -> tuple[Points, ...]:
    """Legend entries of the symbols that occur, in gray as they hold for every network."""
    kinds: tuple[tuple[Symbol, str, bool], ...] = (
        ("down", COARSER, any(any(c.strided) for c in curves)),
        ("up", FINER, any(any(c.finer) for c in curves)),
        ("circle", WHOLE, any(any(c.whole) for c in curves)),
    )
    return tuple(
        Points([], [], name, "padding", symbol, 10, hollow=name == WHOLE)
        for symbol, name, occurs in kinds
        if occurs
    )


COSTS = (("layers", "layers"), ("parameters", "parameters"), ("macs", "MACs"))
"""(attribute of `core.receptive_field.strategies.Strategy`, heading) of each panel."""
NO_FIT = "does not fit on the input"


def strategies_plot(
    strategies: Sequence[Strategy], title: str = "What each way to this view needs"
) -> Plot:
    """Layers, parameters and MACs of each strategy: three panels over the same rows.

    Hollow symbols have holes in their receptive field; a dash stands where a network does not
    fit on the input.

    Args:
        strategies: Designs that reach the same receptive field, at least one.
        title: The heading.
    """
    panels = tuple(_cost_panel(strategies, *cost) for cost in COSTS)
    holes = any(way.read < 1 for way in strategies)
    misfits = any(way.macs is None for way in strategies)
    keys = [Points([], [], "sees every pixel of its field", "window", size=11)]
    keys += [Points([], [], "has holes in its field", "window", size=11, hollow=True)][: int(holes)]
    keys += [Points([], [], NO_FIT, "unread", "hbar", 12)][: int(misfits)]
    few = min(strategies, key=lambda way: way.layers)
    alt = f"{title}: {few.title} needs the fewest layers, {few.layers}."
    return Plot(
        title, panels, alt, keys=tuple(keys), shared_rows=True,
        half_table=strategies_table(strategies, title),
    )  # fmt: skip


def strategies_table(strategies: Sequence[Strategy], title: str) -> Table:
    """The strategies in rows, with what they cost and what their last unit sees."""
    rows = []
    for way in strategies:
        numbers = [getattr(way, attribute) for attribute, _ in COSTS]
        costs = [short_number(n) if n is not None else "–" for n in numbers]
        rows.append([way.title, *costs, times(way.size), f"{max(way.effective_stride):g}"])
    columns = ("strategy", *(name for _, name in COSTS), "sees", "stride")
    return Table(title, columns, texts(rows))


def _cost_panel(strategies: Sequence[Strategy], attribute: str, name: str) -> Panel:
    """One number of all designs, a row for each."""
    values = [getattr(way, attribute) for way in strategies]
    numbers = [value for value in values if value is not None]
    marks: list[Points] = []
    for hollow in (False, True):
        rows = [
            row
            for row, (way, value) in enumerate(zip(strategies, values, strict=True))
            if value is not None and (way.read < 1) == hollow
        ]
        marks.append(
            Points(
                [values[row] for row in rows],
                rows,
                color="window",
                size=11,
                hollow=hollow,
                texts=[short_number(values[row]) for row in rows],
                hover=[_strategy_hover(strategies[row]) for row in rows],
            )
        )
    missing = [row for row, value in enumerate(values) if value is None]
    least = min(numbers, default=1)
    hovers = [_strategy_hover(strategies[row]) for row in missing]
    marks.append(
        Points([least] * len(missing), missing, "", "unread", "hbar", 12,
               texts=["does not fit"] * len(missing), hover=hovers)
    )  # fmt: skip
    low, high = _decades(numbers)
    names = tuple(f"{way.title}, {times(way.size)}" for way in strategies)
    all_rows = tuple(map(float, range(len(strategies))))
    across = PlotAxis(log=True, low=10**low, high=10**high)
    down = PlotAxis(low=len(strategies) - 0.5, high=-0.5, ticks=all_rows, names=names, grid=False)
    return Panel(tuple(marks), across, down, title=name, rows=len(strategies))


def _decades(values: Sequence[int]) -> tuple[float, float]:
    """Exponents of the ends of an axis, with room for the numbers beside the symbols."""
    low, high = len(str(min(values, default=1))) - 1, len(str(max(values, default=1)))
    return low - 0.1 * (high - low), high + 0.7 * (high - low)


def _strategy_hover(way: Strategy) -> str:
    """The text for the pointer on a design."""
    costs = f"{way.layers} layers, {way.parameters:,} parameters"
    lines = [way.title, way.notation[:200], _reach(way), costs]
    if way.output_size and way.macs is not None:
        lines.append(f"{way.macs:,} MACs, output {times(way.output_size)}")
    return "\n".join([*lines, way.refusal or way.sentence])


def _reach(way: Strategy) -> str:
    """A design's receptive field, stride and share of pixels read, in words."""
    parts = [f"sees {times(way.size)}", f"stride {max(way.effective_stride):g}"]
    if way.read < 1:
        parts.append(f"reads {way.read:.0%}")
    return ", ".join(parts)


def short_number(number: int) -> str:
    """Three significant digits: ``16``, ``556 k``, ``27.8 G``."""
    value, unit = float(number), ""
    for unit in ("", " k", " M", " G", " T"):
        if value < 999.5 or unit == " T":
            break
        value /= 1000
    return f"{float(f'{value:.3g}'):g}{unit}"
