"""Plots that compare blocks: feature maps, input gradients, times, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.plots.axes import number_text
from core.plots.maps import bare_axes
from core.plots.plot import (
    Bars,
    Boxes,
    Color,
    Hatch,
    Heat,
    Mark,
    Numbers,
    Panel,
    Photo,
    Plot,
    PlotAxis,
    Points,
    Scale,
    Size,
    signed_scale,
)
from core.text import plural, times

if TYPE_CHECKING:
    from core.cost.timing import Timing

BRIGHTEST = 99.5
"""The color scale ends at this percentile; a few larger values would darken the rest."""
MOST_HOVERS = 4000
"""Most cells that have texts of their own for the pointer."""
ZERO = "gradient exactly 0"
KINDS: dict[str, tuple[str, Color, Hatch]] = {
    "input": ("the input", "input", ""),
    "activations": ("outputs of layers", "output", "/"),
    "indices": ("indices of maxima", "window", "x"),
    "masks": ("masks", "pinned", "."),
    "inside": ("what layers make inside", "padding", "-"),
}
"""(name, color, hatching) of each kind of `core.cost.saved_tensors`."""


def feature_maps_plot(
    named: Mapping[str, Numbers], title: str, notes: Sequence[str] = (), most: int = 4
) -> Plot:
    """Each block's first feature maps as tiles of one panel, all on one color scale.

    Args:
        named: (maps, H, W) of each block, by its name; blocks without a map are left out.
        title: The heading.
        notes: Lines at the foot.
        most: Most maps of a block.
    """
    selected = {name: maps[:most] for name, maps in named.items() if maps.size}
    values = np.concatenate([maps.ravel() for maps in selected.values()])
    top = float(np.percentile(np.abs(values), BRIGHTEST)) or 1.0
    label = "value of the output"
    scale = signed_scale(label, top=top) if (values < 0).any() else Scale(label, 0, top)
    panels = tuple(_tiles_panel(name, maps, scale) for name, maps in selected.items())
    counts = "; ".join(f"{name}: {times(maps.shape)}" for name, maps in selected.items())
    return Plot(title, panels, f"{title}, channels × height × width: {counts}.", notes=tuple(notes))


def _tiles_panel(name: str, maps: Numbers, scale: Scale) -> Panel:
    """The maps in two columns, with a blank row and column between them."""
    count, height, width = maps.shape
    columns = min(2, count)
    rows = -(-count // columns)
    gap = max(1, round(max(height, width) / 20))
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap)
    tiles = np.full(shape, np.nan)
    hovers = np.full(shape, "", dtype=object)
    for channel, one in enumerate(maps):
        row, column = divmod(channel, columns)
        top, left = row * (height + gap), column * (width + gap)
        tiles[top : top + height, left : left + width] = one
        if tiles.size <= MOST_HOVERS:
            hovers[top : top + height, left : left + width] = [
                [
                    f"channel {channel}, row {y}, column {x}: {number_text(float(v), 3)}"
                    for x, v in enumerate(line)
                ]
                for y, line in enumerate(one)
            ]
    hover = hovers.tolist() if tiles.size <= MOST_HOVERS else ()
    heat = Heat(tiles, scale, hover=hover, names=("row of the tiles", "column of the tiles"))
    last = count - 1
    channels = f"channels 0 to {last}, row by row" if last else "channel 0"
    return _map_panel((heat,), shape, name, channels)


def _map_panel(marks: tuple[Mark, ...], shape: tuple[int, int], title: str, note: str) -> Panel:
    """A panel with a map whose axes are not drawn."""
    x, y = bare_axes(*shape)
    size: Size = "medium" if max(shape) <= 320 else "large"
    return Panel(marks, x, y, title, note, cell=1.0, size=size)


def input_gradients_plot(
    picture: Numbers,
    named: Mapping[str, tuple[Numbers, str]],
    title: str,
    notes: Sequence[str] = (),
) -> Plot:
    """The picture, and the magnitudes of each block's input gradient on one color scale.

    Args:
        picture: (H, W) 0 to 255.
        named: (H, W) magnitudes and a note of each block, by its name.
        title: The heading.
        notes: Lines at the foot.
    """
    values = np.concatenate([gradient.ravel() for gradient, _ in named.values()])
    top = float(np.percentile(values, BRIGHTEST)) or float(values.max()) or 1.0
    scale = Scale("magnitude of the gradient", 0, top, zero="unread")
    photo = Photo(np.asarray(picture).round().astype(np.uint8))
    panels = [_map_panel((photo,), picture.shape, "the picture", f"{times(picture.shape)} px")]
    for name, (gradient, note) in named.items():
        heat = Heat(gradient, scale, names=("row", "column"))
        panels.append(_map_panel((heat,), gradient.shape, name, note))
    key = Boxes([], ZERO, "unread", width=0, fill="unread")
    alt = "; ".join(f"{name}: {note}" for name, (_, note) in named.items())
    keys = (key,) if (values == 0).any() else ()
    return Plot(title, tuple(panels), f"{title}. {alt}.", notes=tuple(notes), keys=keys)


def times_plot(
    named: Mapping[str, Timing], title: str = "Time of one forward and one backward pass"
) -> Plot:
    """Median times as bars, with the quartiles as lines.

    Args:
        named: Times of each block, by its name; at least one repetition of each.
        title: The heading.
    """
    spreads = [timing.spreads for timing in named.values()]
    marks = []
    parts: tuple[tuple[str, Color, Hatch, float], ...] = (
        ("forward", "input", "", -0.18),
        ("backward", "window", "/", 0.18),
    )
    for part, color, hatch, offset in parts:
        medians, low, high = (
            1000 * np.array([getattr(each[part], end) for each in spreads])
            for end in ("median", "low", "high")
        )
        hover = [
            f"{name}\n{part} {number_text(t, 3)} ms" for name, t in zip(named, medians, strict=True)
        ]
        at = np.arange(len(named)) + offset
        marks.append(
            Bars(at, medians, part, color, hatch, None, 0.36, True, low, high, hover=hover)
        )
    first = next(iter(named.values()))
    few = min(timing.repeats for timing in named.values())
    note = (
        f"Median and quartiles of {few} repeats after {first.warm_up} that warm up, the blocks in "
        f"turns; input {times((first.batch, *first.input_size))}, float32, training mode, "
        f"{plural(first.threads, 'CPU thread')} of this server."
    )
    panel = _bars_panel(tuple(marks), list(named), "time (ms)", 2)
    ends = "; ".join(
        f"{name}: forward {number_text(1000 * each['forward'].median, 3)} ms, backward "
        f"{number_text(1000 * each['backward'].median, 3)} ms"
        for name, each in zip(named, spreads, strict=True)
    )
    return Plot(title, (panel,), f"{title}. {ends}.", notes=(note,))


def memory_plot(
    named: Mapping[str, Mapping[str, int]],
    forward: Mapping[str, int],
    title: str = "Memory that backward makes necessary",
    notes: Sequence[str] = (),
) -> Plot:
    """Bytes saved for the backward pass, by kind, and a mark for those of all layers' outputs.

    Args:
        named: Bytes by kind of `core.cost.saved_tensors` of each block, by its name.
        forward: Bytes of all layers' outputs of each block, by its name.
        title: The heading.
        notes: Lines at the foot.
    """
    at, base = np.arange(len(named)), np.zeros(len(named))
    marks: list[Mark] = []
    for kind, (words, color, hatch) in KINDS.items():
        sizes = np.array([saved.get(kind, 0) / 1e6 for saved in named.values()])
        if sizes.any():
            hover = [
                f"{name}\n{words} {number_text(size, 3)} MB"
                for name, size in zip(named, sizes.tolist(), strict=True)
            ]
            marks.append(Bars(at, sizes, words, color, hatch, base, 0.5, True, hover=hover))
            base = base + sizes
    outputs = [forward[name] / 1e6 for name in named]
    hover = [
        f"{n}\nall outputs {number_text(s, 3)} MB" for n, s in zip(named, outputs, strict=True)
    ]
    marks.append(Points(outputs, at, "all outputs of forward", "unread", "vbar", 22, hover=hover))
    ends = "; ".join(
        f"{name}: {number_text(size, 3)} MB"
        for name, size in zip(named, base.tolist(), strict=True)
    )
    panel = _bars_panel(tuple(marks), list(named), "memory (MB)", 1)
    return Plot(title, (panel,), f"{title}. {ends}.", notes=tuple(notes))


def _bars_panel(marks: tuple[Mark, ...], names: Sequence[str], measure: str, bars: int) -> Panel:
    """A panel with bars from the left, for each name so many below each other."""
    places = tuple(map(float, range(len(names))))
    across = PlotAxis(measure, zero=True)
    down = PlotAxis(low=len(names) - 0.5, high=-0.5, ticks=places, names=tuple(names), grid=False)
    return Panel(marks, across, down, rows=bars * len(names))
