"""The smallest part of the image that leaves one unit's gradient unchanged.

For a chain of windows with total stride S, padding P and receptive field R, this is unit
``i0 = ceil(P/S)`` of a part of ``i0*S - P + R`` pixels, which preserves the phase of the stride.
Where a window that the unit depends on reads padding, the part includes that border of the image.
The result is verified on the part's graph: unless every operation that the unit depends on reads
the same units, the whole image is used. This handles padding that depends on the input size,
adaptive pooling and global operations.
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
"""(height, width) or (row, column); along one axis (first, last)."""


@dataclass(frozen=True)
class Crop:
    """The part of the image that the network runs on. Pairs are (height, width).

    Attributes:
        size: size of the part in pixels.
        origin: (row, column) of its first pixel in the image.
        unit: (row, column) of the measured unit in the layer's map of this part.
    """

    size: Pair
    origin: Pair
    unit: Pair


def whole_image_crop(image_size: Pair, unit: Pair) -> Crop:
    """The crop that is the whole image; ``image_size`` is its size."""
    return Crop(image_size, (0, 0), unit)


def smallest_crop(
    module: nn.Module, input_size: tuple[int, ...], field: ReceptiveField, unit: Pair
) -> Crop:
    """The smallest part of the image with the gradient of one unit, or the whole image.

    Args:
        module: the network, which is only traced.
        input_size: (C, H, W) or (C, L) of the image.
        field: receptive field of the unit's layer for this input size.
        unit: (row, column) of the unit.
    """
    graph = field.network.graph
    image = graph[field.network.source].grid
    box = field.interval(unit).unclipped
    cone = field.ancestors(unit)
    if box is None or field.network.source not in cone:
        return whole_image_crop(image, unit)
    rows, cols = (
        _crop_span_along_axis(graph, cone, axis, box[axis], image[axis]) for axis in (0, 1)
    )
    start, size = (rows[0], cols[0]), (rows[1] - rows[0], cols[1] - cols[0])
    if size == image:
        return whole_image_crop(image, unit)
    try:
        part = network_graph(module, (input_size[0], *size[3 - len(input_size) :]))
    except SpecError:  # the part is too small for the network
        return whole_image_crop(image, unit)
    offsets = _unit_offsets(graph, part, cone, field.network.source, start)
    layout = graph[field.name].layout
    is_split = any(one.stride > 1 or len(parts) > 1 for parts in layout for one in parts)
    if offsets is None or (is_split and part[field.name].layout != layout):
        return whole_image_crop(image, unit)
    row_offset, col_offset = offsets[field.name]
    return Crop(size, start, (unit[0] - row_offset, unit[1] - col_offset))


def _crop_span_along_axis(
    graph: Graph, cone: Mapping[str, Box], axis: int, span: Pair, pixels: int
) -> Pair:
    """The crop along one axis, as (first pixel, last pixel + 1).

    Args:
        graph: the network.
        cone: the units of each node that the measured unit depends on.
        axis: 0 for the height, 1 for the width.
        span: (first, last) pixel of the receptive field, which may lie outside the image.
        pixels: length of the image.
    """
    shift_pixels = _smallest_shift(graph, cone, axis)
    if shift_pixels is None:
        return 0, pixels
    first, last = span
    return max(0, first // shift_pixels * shift_pixels), min(pixels, last + 1)


def _smallest_shift(graph: Graph, cone: Mapping[str, Box], axis: int) -> int | None:
    """The smallest shift of the image, in pixels, that shifts all maps by whole units.

    A map that advances by a units of its input, which has r units per pixel, shifts by whole
    periods every a/r pixels. None if branches that merge have different strides.
    """
    rates: dict[str, Fraction] = {}
    shift_pixels = 1
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
            shift_pixels = lcm(shift_pixels, step.numerator)
            here.add(read.period / step)
        if len(here) > 1:
            return None
        rates[name] = here.pop() if here else Fraction(1)
    return shift_pixels


Offsets = dict[str, Pair]
"""Shift of each node's map, in units, from the image to the crop, along (height, width)."""


def _unit_offsets(
    graph: Graph, crop_graph: Graph, cone: Mapping[str, Box], source: str, crop_origin: Pair
) -> Offsets | None:
    """The shift of every node's map that the measured unit depends on.

    Args:
        graph: graph of the network on the image.
        crop_graph: graph of the network on the crop.
        cone: the units of each node that the measured unit depends on.
        source: name of the input's node.
        crop_origin: (row, column) of the crop's first pixel.

    Returns:
        None unless each of these units reads the same in the crop as in the image.
    """
    offsets: Offsets = {source: crop_origin}
    for name, node in graph.items():
        if name not in cone or name == source:
            continue
        if name not in crop_graph or not _same_call(node, crop_graph[name]):
            return None
        candidates = {
            (
                _implied_offset(node, crop_graph[name], i, 0, cone, offsets),
                _implied_offset(node, crop_graph[name], i, 1, cone, offsets),
            )
            for i, parent in enumerate(node.inputs)
            if parent in cone
        }
        if len(candidates) != 1:  # inputs with different offsets, or units of padding only
            return None
        move = candidates.pop()
        if move[0] is None or move[1] is None:
            return None
        offsets[name] = (move[0], move[1])
    return offsets


def _same_call(node: Node, other: Node) -> bool:
    """Whether two nodes are the same operation on the same inputs."""
    fields = ("operation", "kind", "inputs", "dims")
    return all(getattr(node, name) == getattr(other, name) for name in fields)


def _implied_offset(
    node: Node,
    cropped_node: Node,
    input_index: int,
    axis: int,
    cone: Mapping[str, Box],
    offsets: Offsets,
) -> int | None:
    """The shift of a node's map that one of its inputs implies along an axis.

    Args:
        node, cropped_node: the node in the graphs of the image and of the crop.
        input_index: index of the input.
        axis: 0 for the height, 1 for the width.
        cone: the units of each node that the measured unit depends on.
        offsets: the shifts of the maps before this node.

    Returns:
        The shift in units; None if the two maps read different units.
    """
    parent = node.inputs[input_index]
    image, part = node.maps[input_index][axis], cropped_node.maps[input_index][axis]
    shift = offsets[parent][axis]
    if replace(image, n_in=0, n_out=0) != replace(part, n_in=0, n_out=0):
        return None
    if image.advance == 0 or image.causal:
        return 0 if shift == 0 and image.n_in == part.n_in else None
    periods, rest = divmod(shift, image.advance)
    out_units = periods * image.period
    if rest or not _reads_same_units(image, part, cone[node.name][axis], out_units, shift):
        return None
    return out_units


def _reads_same_units(
    image: AxisMap, part: AxisMap, units: Pair, out_units: int, shift: int
) -> bool:
    """Whether the units that matter read the same, padding included, in image and crop.

    Args:
        image, part: what the units of the node read in the image and in the crop.
        units: (first, last) unit that matters in the image.
        out_units: shift of the node's map, in units.
        shift: shift of its input's map, in units.
    """
    first, last = units[0], units[1] + 1
    if first - out_units < 0 or last - out_units > part.n_out:
        return False
    if image.is_identity and part.is_identity:
        return True
    wanted = image.table()[first:last]
    actual = part.table()[first - out_units : last - out_units]
    wanted = np.where(wanted == image.n_in, -1, wanted - shift)
    return bool(np.array_equal(wanted, np.where(actual == part.n_in, -1, actual)))
