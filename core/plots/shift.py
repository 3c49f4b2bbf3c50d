"""Plots of how the output of a layer or a network follows a shift of the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import TYPE_CHECKING

import numpy as np

from core.plots.axes import number_text
from core.plots.maps import bare_axes
from core.plots.plot import (
    Color,
    Dash,
    Heat,
    Mark,
    Numbers,
    Panel,
    Plot,
    PlotAxis,
    Points,
    Polyline,
    Scale,
    Symbol,
    signed_scale,
)
from core.text import times

if TYPE_CHECKING:
    from core.shift.consistency import Consistency, ShiftComparison

NO_BLUR = "no blur"
LOOKS: tuple[tuple[Color, Dash, Symbol], ...] = (
    ("window", "dot", "diamond"),
    ("output", "solid", "square"),
)
"""Color, dash and symbol of the lines without and with a blur."""
FEW = 40
"""Most shifts that each have a symbol of its own."""
NEAREST = 1e-6
"""Least distance from 1 at which a cosine is told apart from 1 on an axis."""
FAR = ((0.5, "0.5"), (1.0, "0"), (2.0, "−1"))
"""Distances from 1 of the lowest number on the axis, where the cosines go below 0.9, and its text."""
ROUNDING = 1e-12
"""Distance from 1 below which a cosine is 1, but for the rounding of float64."""


def cosine_text(value: float) -> str:
    """A cosine with three digits after the point, four near 1; "1" only if it is exactly 1."""
    if value == 1:
        return "1"
    return f"{min(value, 0.9999):.4f}" if value > 0.9995 else f"{value:.3f}".replace("-", "−")


def pictures_plot(pictures: Mapping[str, Numbers], title: str) -> Plot:
    """The picture before and after a shift, in grey.

    Args:
        pictures: (H, W) maps by heading, all with the same values.
        title: The heading.
    """
    sizes = {times(picture.shape) for picture in pictures.values()}
    alt = f"{title}: {', '.join(pictures)}, {' and '.join(sorted(sizes))} pixels."
    return Plot(title, tuple(_picture_panels(pictures)), alt)


def _picture_panels(pictures: Mapping[str, Numbers]) -> list[Panel]:
    """A panel for each picture."""
    panels = []
    for name, picture in pictures.items():
        scale = _grey_scale("", picture)
        note = f"{times(picture.shape)} px"
        panels.append(_map_panel(picture, scale, name, note, ("row", "column")))
    return panels


def _map_panel(
    values: Numbers, scale: Scale, title: str, note: str, names: tuple[str, str]
) -> Panel:
    """A small map; the pointer calls rows and columns by these names."""
    rows, columns = values.shape
    across, down = bare_axes(rows, columns)
    heat = Heat(values, scale, names=names)
    return Panel((heat,), across, down, title, note, cell=1.0, size="small")


def _grey_scale(label: str, *values: Numbers) -> Scale:
    """A scale from black to white for some arrays."""
    low = min(float(each.min()) for each in values)
    high = max(float(each.max()) for each in values)
    return Scale(label, low, high if high > low else low + 1, "grey")


def comparison_scales(
    comparisons: Sequence[ShiftComparison], *, signed: bool, channel: int = 0
) -> tuple[Scale, Scale]:
    """The scale of the outputs of several comparisons, and that of their differences.

    Args:
        comparisons: At least one.
        signed: Whether the outputs can be negative; if not, they are grey.
        channel: Channel of the outputs that is drawn.
    """
    outputs = [np.asarray(each.output[channel]) for each in comparisons]
    differences = [np.asarray(each.difference[channel]) for each in comparisons]
    make = signed_scale if signed else _grey_scale
    return make("output", *outputs), signed_scale("output − moved output", *differences)


def comparison_plot(
    pair: tuple[ShiftComparison, ShiftComparison],
    title: str,
    blur: str,
    scales: tuple[Scale, Scale],
    *,
    subtitle: str = "",
    pictures: Mapping[str, Numbers] | None = None,
    channel: int = 0,
) -> Plot:
    """Outputs for the moved picture, and their differences from the moved outputs.

    Args:
        pair: Comparisons of the layer without and with a blur.
        title: The heading.
        blur: What the blur is called, ``blur 1 2 1``.
        scales: Those of the outputs and of the differences, from `comparison_scales`.
        subtitle: Line below the heading.
        pictures: The picture before and after the shift by heading, which begin the rows of the
            layer without and with a blur; None for no panels of them.
        channel: Channel of the outputs that is drawn.
    """
    named = list(zip((NO_BLUR, blur), pair, strict=True))
    axes = ("output row", "output column")
    outputs, differences = (
        [_map_panel(values, scale, name, note, axes) for values, name, note in maps]
        for scale, maps in zip(
            scales, (_outputs(named, channel), _differences(named, channel)), strict=True
        )
    )
    columns = [outputs, differences]
    columns = [_picture_panels(pictures), *columns] if pictures else columns
    rows = zip(*columns, strict=True) if pictures else columns
    cosines = [cosine_text(each.cosine) for each in pair]
    alt = (
        f"{title}: the cosine of the output of the moved picture and the moved output is "
        f"{cosines[0]} with {NO_BLUR} and {cosines[1]} with {blur}."
    )
    panels = tuple(panel for row in rows for panel in row)
    return Plot(title, panels, alt, subtitle, columns=3 if pictures else 0)


Named = Sequence[tuple[str, "ShiftComparison"]]
"""Comparisons with their names."""


def _outputs(named: Named, channel: int) -> list[tuple[Numbers, str, str]]:
    """(map, heading, note) of each output."""
    return [
        (np.asarray(each.output[channel]), name, f"cosine {cosine_text(each.cosine)}")
        for name, each in named
    ]


def _differences(named: Named, channel: int) -> list[tuple[Numbers, str, str]]:
    """(map, heading, note) of each difference."""
    maps = [(name, np.asarray(each.difference[channel])) for name, each in named]
    return [
        (values, f"difference, {name}", f"at most {number_text(float(np.abs(values).max()), 3)}")
        for name, values in maps
    ]


def consistency_plot(
    pairs: Mapping[str, tuple[Consistency, Consistency]],
    title: str,
    blur: str,
    *,
    subtitle: str = "",
    expected: Mapping[str, Sequence[Numbers | None]] | None = None,
    current: int | None = None,
    last: int | None = None,
) -> Plot:
    """Cosine against the shift in pixels, without and with a blur: a panel for each layer.

    All panels have the same axes. The vertical one is logarithmic in 1 − cosine, on which 0.9,
    0.99 and 0.999 are equally far apart.

    Args:
        pairs: Consistencies without and with a blur, by name of the layer or network.
        title: The heading.
        blur: What the blur is called, ``blur 1 2 1``.
        subtitle: Line below the heading.
        expected: Cosines in closed form of both, by the same names; None where there is none.
        current: A shift that is shown elsewhere, and marked here.
        last: Largest shift that is drawn; None for all.
    """
    farthest = max(int(_pixels(pair[0]).max()) for pair in pairs.values())
    last = farthest if last is None else min(last, farthest)
    drawn = {name: [_until(each, last) for each in pair] for name, pair in pairs.items()}
    up, one, note = cosine_axis(np.concatenate([c for pair in drawn.values() for _, c in pair]))
    across = PlotAxis("shift (px)", -0.03 * (last or 1), 1.03 * (last or 1), whole=True)
    marked: list[Mark] = []
    if current is not None and current <= last:
        ends = np.array([up.low, up.high])
        look: tuple[Color, Dash, float] = ("padding", "dash", 1.5)
        marked = [Polyline([current] * 2, ends, "the shift shown", *look, hover=None)]
    panels = []
    for name, curves in drawn.items():
        marks = [
            mark
            for curve, each, look in zip(curves, (NO_BLUR, blur), LOOKS, strict=True)
            for mark in _cosine_line(*curve, each, look, one)
        ]
        seen = _pixels(pairs[name][0]) <= last
        forms = [form[seen] for form in (expected or {}).get(name, ()) if form is not None]
        rings = [_rings(curves[0][0], form, one) for form in forms]
        heading = name if len(pairs) > 1 else ""
        panels.append(Panel((*marks, *rings, *marked), across, up, heading, size="medium"))
    means = "; ".join(
        f"{name} {cosine_text(float(plain.mean()))} with {NO_BLUR} and "
        f"{cosine_text(float(blurred.mean()))} with {blur}"
        for name, ((_, plain), (_, blurred)) in drawn.items()
    )
    alt = f"{title} Mean cosine over shifts from 0 to {last} px: {means}."
    return Plot(title, tuple(panels), alt, subtitle, (note,), shared_rows=True)


def _pixels(result: Consistency) -> Numbers:
    """(n,) the shifts in pixels along the axis on which they are longer."""
    return np.asarray(np.abs(result.shifts).max(axis=1))


def _until(result: Consistency, last: int) -> tuple[Numbers, Numbers]:
    """Shifts of at most ``last`` pixels, in order, and their cosines."""
    pixels = _pixels(result)
    seen = pixels <= last
    return pixels[seen], result.cosine[seen]


def cosine_axis(cosines: Numbers) -> tuple[PlotAxis, float, str]:
    """The axis on which 1 − cosine is logarithmic, with 1 on top, for these cosines.

    Returns:
        The axis; the place of 1, whose logarithm would be infinite; a note on the axis.
    """
    distances = 1 - np.asarray(cosines, dtype=np.float64)
    apart = distances[distances > NEAREST]
    least, most = (float(apart.min()), float(apart.max())) if apart.size else (0.1, 0.1)
    one = max(floor(log10(least) - 0.3), round(log10(NEAREST)))
    last = ceil(log10(most) - 1e-9)
    ticks = [(10.0**n, f"{1 - 10.0**n:.{-n}f}") for n in range(one + 1, min(last, -1) + 1)]
    if last >= 0:
        ticks.append(next((far for far in FAR if most <= far[0]), FAR[-1]))
    places, names = zip((10.0**one, "1"), *ticks, strict=True)
    axis = PlotAxis("cosine", 1.25 * places[-1], 0.8 * places[0], True, ticks=places, names=names)
    note = "The vertical axis is logarithmic in 1 − cosine: one 9 more is a tenth of the distance to 1."
    if ((distances > ROUNDING) & (distances <= NEAREST)).any():
        note += f" Cosines above {1 - NEAREST:.6f} are drawn at 1."
    return axis, places[0], note


def _cosine_line(
    shifts: Numbers, cosines: Numbers, name: str, look: tuple[Color, Dash, Symbol], one: float
) -> list[Mark]:
    """The line of the cosines of a layer, with a symbol at each where these are few enough.

    Lines have symbols at some of their points only. ``one`` is the place of the cosine 1.
    """
    color, dash, symbol = look
    hover = [
        f"{name}, shift {shift} px\ncosine {cosine_text(cosine)}\n"
        f"1 − cosine = {number_text(max(1 - cosine, 0.0), 3)}"
        for shift, cosine in zip(shifts.tolist(), cosines.tolist(), strict=True)
    ]
    places = np.maximum(1 - cosines, one)
    line = Polyline(shifts, places, name, color, dash, symbol=symbol, hover=hover)
    points = Points(shifts, places, "", color, symbol, 7, hover=None)
    return [line, points] if len(shifts) <= FEW else [line]


def _rings(shifts: Numbers, cosines: Numbers, one: float) -> Mark:
    """Rings at the cosines in closed form; ``one`` is the place of the cosine 1."""
    size = 11 if len(shifts) <= FEW else 6
    places = np.maximum(1 - cosines, one)
    return Points(shifts, places, "closed form", "input", size=size, hollow=True, hover=None)
