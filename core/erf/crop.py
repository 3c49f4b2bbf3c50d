"""The smallest crop of the image that leaves one unit's gradient unchanged.

For plain windows this is unit ``i0 = ceil(P/S)`` of a crop of ``i0*S - P + R`` pixels, which
keeps the stride's phase. Where a window of the unit's cone reads padding, the crop keeps
that border of the image. The crop is verified: its graph is built too, and
unless every operation of the cone reads the same units, the whole image is run. That
covers padding made from the input's size, adaptive pooling and global operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

import numpy as np
from torch import nn

from ..errors import SpecError
from ..graph.axes.axis_map import AxisMap
from ..graph.graph import Graph, Node, network_graph
from ..receptive_field.cone import Box
from ..receptive_field.fields import ReceptiveField

Pair = tuple[int, int]


@dataclass(frozen=True)
class Crop:
    """The part of the image that the network runs on. Pairs are (height, width).

    Attributes:
        size: of the part, in pixels.
        origin: (row, column) of its first pixel in the image.
        unit: (row, column) of the unit in the part's own map.
    """

    size: Pair
    origin: Pair
    unit: Pair


def whole_image(image: Pair, unit: Pair) -> Crop:
    """The crop that is the whole image."""
    return Crop(image, (0, 0), unit)


def smallest_crop(
    module: nn.Module, input_size: tuple[int, ...], field: ReceptiveField, unit: Pair
) -> Crop:
    """The part of the image to run for one unit; the whole image where no part is enough.

    Args:
        module: read, never called.
        input_size: (C, H, W) or (C, L).
        field: of the unit's layer, on that input size.
        unit: (row, column).
    """
    graph = field.network.graph
    image = graph[field.network.source].grid
    box = field.interval(unit).unclipped
    cone = field.ancestors(unit)
    if box is None or field.network.source not in cone:
        return whole_image(image, unit)
    rows, cols = (_part(graph, cone, axis, box[axis], image[axis]) for axis in (0, 1))
    start, size = (rows[0], cols[0]), (rows[1] - rows[0], cols[1] - cols[0])
    if size == image:
        return whole_image(image, unit)
    try:
        part = network_graph(module, (input_size[0], *size[3 - len(input_size) :]))
    except SpecError:  # too small for it somewhere: the image is not
        return whole_image(image, unit)
    moved = _moved(graph, part, cone, field.network.source, start)
    layout = graph[field.name].layout
    cut = any(one.stride > 1 or len(parts) > 1 for parts in layout for one in parts)
    if moved is None or (cut and part[field.name].layout != layout):
        return whole_image(image, unit)
    rows_moved, cols_moved = moved[field.name]
    return Crop(size, start, (unit[0] - rows_moved, unit[1] - cols_moved))


def _part(graph: Graph, cone: Mapping[str, Box], axis: int, span: Pair, pixels: int) -> Pair:
    """The crop along one axis: its first pixel, and the pixel after its last."""
    grain = _grain(graph, cone, axis)
    if grain is None:
        return 0, pixels
    first, last = span
    return max(0, first // grain * grain), min(pixels, last + 1)


def _grain(graph: Graph, cone: Mapping[str, Box], axis: int) -> int | None:
    """The smallest shift of the image, in pixels, that moves all maps by whole units.

    A map that advances by a units of its input, at r units per pixel, moves by whole
    periods every a/r pixels. None where merging branches have different strides.
    """
    rates: dict[str, Fraction] = {}
    grain = 1
    for name, node in graph.items():
        if name not in cone:
            continue
        here = set()
        for parent, maps in zip(node.inputs, node.maps, strict=True):
            read = maps[axis]
            if parent not in rates or read.advance == 0:
                continue
            if read.advance < 0 or read.causal:
                return None
            step = read.advance / rates[parent]
            grain = lcm(grain, step.numerator)
            here.add(read.period / step)
        if len(here) > 1:
            return None
        rates[name] = here.pop() if here else Fraction(1)
    return grain


Moves = dict[str, Pair]


def _moved(
    graph: Graph, part: Graph, cone: Mapping[str, Box], source: str, start: Pair
) -> Moves | None:
    """Units by which every node of the cone moves from the image to the part.

    None unless each of them reads, in the part, what it reads in the image.
    """
    moves: Moves = {source: start}
    for name, node in graph.items():
        if name not in cone or name == source:
            continue
        if name not in part or not _same_call(node, part[name]):
            return None
        candidates = {
            (_move(node, part[name], i, 0, cone, moves), _move(node, part[name], i, 1, cone, moves))
            for i, parent in enumerate(node.inputs)
            if parent in cone
        }
        if len(candidates) != 1:  # branches that move apart, or a unit of padding alone
            return None
        move = candidates.pop()
        if move[0] is None or move[1] is None:
            return None
        moves[name] = (move[0], move[1])
    return moves


def _same_call(node: Node, other: Node) -> bool:
    fields = ("operation", "kind", "inputs", "dims")
    return all(getattr(node, name) == getattr(other, name) for name in fields)


def _move(
    node: Node, other: Node, index: int, axis: int, cone: Mapping[str, Box], moves: Moves
) -> int | None:
    """Units by which one input's map moves along an axis; None unless it is the same map."""
    parent = node.inputs[index]
    image, part = node.maps[index][axis], other.maps[index][axis]
    shift = moves[parent][axis]
    if replace(image, n_in=0, n_out=0) != replace(part, n_in=0, n_out=0):
        return None
    if image.advance == 0 or image.causal:
        return 0 if shift == 0 and image.n_in == part.n_in else None
    turns, rest = divmod(shift, image.advance)
    out = turns * image.period
    if rest or not _same_reads(image, part, cone[node.name][axis], out, shift):
        return None
    return out


def _same_reads(image: AxisMap, part: AxisMap, units: Pair, out: int, shift: int) -> bool:
    """Whether the units of the cone read the same units in both maps, padding included."""
    first, last = units[0], units[1] + 1
    if first - out < 0 or last - out > part.n_out:
        return False
    if image.is_identity and part.is_identity:
        return True
    wanted = image.table()[first:last]
    got = part.table()[first - out : last - out]
    wanted = np.where(wanted == image.n_in, -1, wanted - shift)
    return bool(np.array_equal(wanted, np.where(got == part.n_in, -1, got)))
