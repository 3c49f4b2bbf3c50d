"""Ways to reach a receptive field of a target size, each with its shortest network.

    for way in strategies(32, (3, 224, 224)):
        print(way.title, way.layers, way.macs)

Nothing here knows a formula of receptive fields: networks are written in `core.networks.notation`,
grown step by step, and measured with `core.receptive_field` until they reach the target.

Sources of the kinds: Simonyan and Zisserman (2015) for stacks of 3×3; Springenberg et al.
(2015) for strides instead of pooling; Yu and Koltun (2016) for doubled dilations; Wang et
al., "Understanding Convolution for Semantic Segmentation" (2018) for their gridding and its
cure; Szegedy et al. (2016) for k×1 and 1×k; Howard et al. (2017) for depthwise-separable
stacks; Ding et al., RepLKNet (2022) for large depthwise kernels; Dosovitskiy et al. (2021)
for patches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..cost.layers import layer_costs, totals
from ..errors import SpecError
from ..graph.axes.axis_map import AxisMap
from ..graph.graph import Graph, input_sizes, network_graph
from ..networks import NetworkSpec, build
from ..networks.notation import parse_notation, to_notation
from ..networks.rules import MAX_CHANNELS, MAX_KERNEL, bounded
from .fields import ReceptiveField, fields_of
from .notes import Number

MAX_TARGET = 512
"""Largest target size, in pixels."""
MEASURING_SIDE = 1024
"""Side of the image on which networks are grown, large enough for all of them."""

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Strategy:
    """One way to reach the target, and what it needs. Pairs are (height, width).

    Attributes:
        name: for keys and addresses.
        title: for the screen.
        notation: the network, as `core.networks.notation` writes it.
        layers: convolutions and poolings.
        size: receptive field of its last unit, in pixels; at least the target.
        effective_stride: pixels between two neighboring units.
        output_size: of the last map on the input; None where the input is too small.
        parameters: number of parameters.
        macs: multiply–accumulates on the input; None where the input is too small.
        read: share of the field's pixels that are read at all, above 0, at most 1.
        sentence: one sentence on its benefits and costs.
        refusal: why it does not run on the input; "" where it does.
    """

    name: str
    title: str
    notation: str
    layers: int
    size: tuple[Number, Number]
    effective_stride: tuple[Number, Number]
    output_size: tuple[int, int] | None
    parameters: int
    macs: int | None
    read: float
    sentence: str
    refusal: str = ""


@dataclass(frozen=True)
class Family:
    """A family of networks, each seeing at least as much as the one before.

    Attributes:
        name, title, sentence: as `Strategy` has them.
        step: (index from 0, channels) → notation.
        max_steps: steps that the notation or `ROOMY` has room for.
        cumulative: a network is all of its first steps; otherwise it is one step alone,
            which is written wider and wider.
    """

    name: str
    title: str
    sentence: str
    step: Callable[[int, int], str]
    max_steps: int = MAX_TARGET
    cumulative: bool = True

    def network(self, steps: int, channels: int) -> NetworkSpec:
        """The network of the first ``steps`` steps.

        In a family that does not grow deeper, each step is a network of its own: step ``steps``.
        """
        first = 0 if self.cumulative else steps - 1
        written = [self.step(index, channels) for index in range(first, steps)]
        runs = [(text, len(list(same))) for text, same in groupby(written)]
        return parse_notation(", ".join(f"{n}x[{text}]" if n > 1 else text for text, n in runs))


def _conv(kernel: int, stride: int = 1) -> Callable[[int, int], str]:
    """The same convolution at every step."""
    text = f"conv{kernel}{f' s{stride}' if stride > 1 else ''} p{kernel // 2}"
    return lambda _, channels: f"{text} c{channels}, relu"


def _dilated(rate: Callable[[int], int]) -> Callable[[int, int], str]:
    return lambda i, channels: f"conv3 p{rate(i)} d{rate(i)} c{channels}, relu"


def _conv_or_pool(index: int, channels: int) -> str:
    return "maxpool2" if index % 2 else f"conv3 p1 c{channels}, relu"


def _reduced_early(index: int, channels: int) -> str:
    stem = (f"conv7 s2 p3 c{channels}, relu", "maxpool3 s2 p1")
    return stem[index] if index < len(stem) else f"conv3 p1 c{channels}, relu"


def _large_kernel(index: int) -> tuple[int, str]:
    """An odd kernel and what centers it; the widest is even, since there the notation ends."""
    kernel = min(2 * index + 1, MAX_KERNEL)
    return kernel, f"p{kernel // 2}" if kernel % 2 else "same"


def _large(index: int, channels: int) -> str:
    kernel, padding = _large_kernel(index)
    return f"conv{kernel} {padding} c{channels}, relu"


def _large_depthwise(index: int, channels: int) -> str:
    kernel, padding = _large_kernel(index)
    return f"conv1 c{channels}, relu, conv{kernel} {padding} dw, conv1 c{channels}, relu"


def _large_factored(index: int, channels: int) -> str:
    kernel, padding = _large_kernel(index)
    half = kernel // 2
    down, across = (padding, padding) if padding == "same" else (f"p{half}x0", f"p0x{half}")
    return f"conv{kernel}x1 {down} c{channels}, conv1x{kernel} {across} c{channels}, relu"


FAMILIES = (
    Family(
        "stack3",
        "3×3 stack",
        "Two more pixels a layer: the resolution stays and every pixel is read, but the depth "
        "grows with the view, and all of it runs at full resolution.",
        _conv(3),
    ),
    Family(
        "stack5",
        "5×5 stack",
        "Half as deep as 3×3, with fewer nonlinearities and more weights for the same view.",
        _conv(5),
    ),
    Family(
        "strided",
        "3×3, stride 2",
        "Each layer doubles what the next one adds, so few layers do, and ever cheaper ones; "
        "the output is as much coarser.",
        _conv(3, 2),
        max_steps=20,
    ),
    Family(
        "pooled",
        "3×3 + 2×2 pooling",
        "Doubles like a stride, with a full-resolution convolution before each pooling; pooling "
        "has no weights and also softens small shifts.",
        _conv_or_pool,
        max_steps=20,
    ),
    Family(
        "reduced_early",
        "7×7 and pooling, then 3×3",
        "How ResNets begin: stride 4 before the stack starts, so each 3×3 adds eight pixels at a "
        "sixteenth of the cost.",
        _reduced_early,
    ),
    Family(
        "dilated",
        "3×3, dilations 1, 2, 4, …",
        "Doubles like a stride and keeps the resolution, without holes; every layer still costs "
        "as much as at full resolution.",
        _dilated(lambda i: 2**i),
        max_steps=13,
    ),
    Family(
        "dilated_mixed",
        "3×3, dilations 1, 2, 5 repeated",
        "Rates without a common factor: grows steadily, leaves no holes and keeps the rates small.",
        _dilated(lambda i: (1, 2, 5)[i % 3]),
    ),
    Family(
        "dilated_same",
        "3×3, dilation 2 throughout",
        "Twice the reach of 3×3 for the same price, but a unit only reads every other row and "
        "column: neighboring outputs never look at the same pixels.",
        _dilated(lambda _: 2),
    ),
    Family(
        "large",
        "one large kernel",
        "One layer, one linear map: weights and MACs grow with the square of the view.",
        _large,
        max_steps=MAX_KERNEL // 2 + 1,
        cumulative=False,
    ),
    Family(
        "large_factored",
        "one k×1 and one 1×k",
        "Weights grow with the side of the view, not with its square; with no activation between "
        "them the two are still one linear map.",
        _large_factored,
        max_steps=MAX_KERNEL // 2 + 1,
        cumulative=False,
    ),
    Family(
        "large_depthwise",
        "one large depthwise kernel",
        "The large kernel for each channel alone, between two 1×1 that mix channels: the square "
        "of the view is paid once a channel, not once a pair of channels.",
        _large_depthwise,
        max_steps=MAX_KERNEL // 2 + 1,
        cumulative=False,
    ),
    Family(
        "separable",
        "3×3 depthwise-separable stack",
        "As deep as the 3×3 stack for 1/9 + 1/channels of its cost; the 1×1 halves mix channels "
        "and see nothing new.",
        lambda _, channels: f"conv3 p1 dw, conv1 c{channels}, relu",
    ),
    Family(
        "patches",
        "patches, kernel = stride",
        "One layer cuts the image into tiles, as vision transformers do: cheap, but no tile sees "
        "across its edge, and one unit a tile is left.",
        lambda i, channels: f"conv{i + 1} s{i + 1} c{channels}",
        cumulative=False,
    ),
)
"""Every family of networks; a new way to reach a target is a new row."""


def strategies(
    target: int, input_size: tuple[int, ...] = (3, 224, 224), channels: int = 64
) -> tuple[Strategy, ...]:
    """For each of `KINDS` the shortest network whose last unit sees ``target`` × ``target``.

    Args:
        target: pixels along each axis, 1 to `MAX_TARGET`.
        input_size: (C, H, W) of the image that the costs are for.
        channels: of every layer, so that costs can be compared.

    Raises:
        SpecError: one of the three is out of its bounds.

    Takes about half a second for a view of 32 and some seconds for the largest.
    """
    bounded("target", target, 1, MAX_TARGET)
    bounded("channels", channels, 1, MAX_CHANNELS)
    size = input_sizes(input_size)
    if len(size) != 1 or len(size[0]) != 3:
        raise SpecError("input_size", "must be (C, H, W), such as (3, 224, 224)", input_size)
    bounded("input_size's channels", size[0][0], 1, MAX_CHANNELS)
    return tuple(_strategy(kind, target, size[0], channels) for kind in FAMILIES)


def _strategy(kind: Family, target: int, input_size: tuple[int, ...], channels: int) -> Strategy:
    spec = kind.network(fewest_steps(kind, target, channels), channels)
    module, graph, fields = _measured_network(spec, input_size[0])
    last = fields[-1]
    output_size, macs, refusal = _costs_on_input(spec, input_size)
    return Strategy(
        kind.name,
        kind.title,
        to_notation(spec),
        _window_count(graph),
        last.size,
        last.effective_stride,
        output_size,
        sum(weight.numel() for weight in module.parameters()),
        macs,
        share_read(graph, last.name),
        kind.sentence,
        refusal,
    )


def fewest_steps(kind: Family, target: int, channels: int) -> int:
    """Steps of the shortest network of a kind whose last unit sees the target.

    Raises:
        SpecError: the longest one sees less.
    """
    if kind.cumulative:
        steps, sides = 1, _field_sides_by_step(kind, 1, channels)
        while steps < kind.max_steps and sides[-1] < target:
            steps = min(2 * steps, kind.max_steps)
            sides = _field_sides_by_step(kind, steps, channels)
        index = bisect_left(sides, target)
    else:
        index = bisect_left(
            range(1, kind.max_steps + 1),
            target,
            key=lambda steps: _field_side(kind, steps, channels),
        )
        steps = kind.max_steps
    if index >= steps:
        raise SpecError("target", f"is out of reach of {kind.title} in {steps} steps", target)
    return index + 1


def _measured_network(
    spec: NetworkSpec, image_channels: int
) -> tuple[nn.Module, Graph, list[ReceptiveField]]:
    """A network, its graph and its fields on the roomy image."""
    module = build(spec, image_channels, device="meta")
    graph = network_graph(module, (image_channels, MEASURING_SIDE, MEASURING_SIDE))
    return module, graph, list(fields_of(graph).values())


def _field_side(kind: Family, steps: int, channels: int) -> int:
    """The smaller side of what the last unit sees."""
    return _smaller_side(_measured_network(kind.network(steps, channels), 3)[2][-1])


def _field_sides_by_step(kind: Family, steps: int, channels: int) -> list[int]:
    """What the units see after each step: those of one deep network, read on the way."""
    fields = _measured_network(kind.network(steps, channels), 3)[2]
    counts = [len(parse_notation(kind.step(index, channels)).layers) for index in range(steps)]
    ends = np.cumsum(counts)  # the fields start with the image's own
    return [_smaller_side(fields[end]) for end in ends]


def _smaller_side(field: ReceptiveField) -> int:
    return int(min(field.size))


def _window_count(graph: Graph) -> int:
    return sum(node.kind == "window" for node in graph.values())


def _costs_on_input(
    spec: NetworkSpec, input_size: tuple[int, ...]
) -> tuple[tuple[int, int] | None, int | None, str]:
    """Output size and MACs on the input, or why it is too small."""
    channels, height, width = input_size
    try:
        module = build(spec, channels, (height, width), device="meta")
        costs = layer_costs(module, input_size)
    except SpecError as error:
        return None, None, str(error)
    rows, cols = costs[-1].output_shape[1:]
    return (rows, cols), totals(costs).macs, ""


def share_read(graph: Graph, name: str) -> float:
    """The share of the pixels of a unit's receptive field that the unit reads.

    Below 1 there are holes. For chains, where every node has one input: there the pixels
    read are all crossings of the rows and the columns read.

    Raises:
        SpecError: no such node, or one where branches meet.
    """
    share = 1.0
    for axis in (0, 1):
        pixels = _pixels_read(graph, name, axis)
        share *= len(pixels) / int(pixels[-1] - pixels[0] + 1)
    return share


def _pixels_read(graph: Graph, name: str, axis: int) -> IntArray:
    """The sorted positions along one axis that unit 0 of a node reads, unclipped."""
    units: IntArray = np.zeros(1, dtype=np.int64)
    node = graph.find(name)
    while node.inputs:
        if len(node.inputs) > 1:
            raise SpecError("layer", "must lie on a chain: branches meet before it", name)
        units = _units_read(node.maps[0][axis], units)
        node = graph[node.inputs[0]]
    return units


def _units_read(axis: AxisMap, units: IntArray) -> IntArray:
    """The input units that any of ``units`` reads."""
    if axis.is_identity:
        return units
    moved = units // axis.period * axis.advance
    read = [
        np.add.outer(moved[units % axis.period == phase], np.asarray(taps, dtype=np.int64)).ravel()
        for phase, taps in enumerate(axis.taps)
    ]
    return np.unique(np.concatenate(read))
