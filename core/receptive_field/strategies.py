"""Finds, for several families of networks, the shortest one with a receptive field of a given size.

    for strategy in strategies(32, (3, 224, 224)):
        print(strategy.title, strategy.layers, strategy.macs)

The module contains no formula for receptive fields. Networks are written in
`core.networks.notation`, extended step by step, and analyzed with `core.receptive_field` until
they reach the target.

Sources of the families: Simonyan and Zisserman (2015) for stacks of 3×3; Springenberg et al.
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
"""The largest target size, in pixels."""
MEASURING_SIDE = 1024
"""The side of the image on which receptive fields are computed, large enough for all networks."""

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Strategy:
    """The shortest network of one family that reaches the target. Pairs are (height, width).

    Attributes:
        name: an identifier for keys and links.
        title: the name on screen.
        notation: the network in `core.networks.notation`.
        layers: the number of convolutions and poolings.
        size: the receptive field of its last unit in pixels, at least the target.
        effective_stride: the distance between two neighboring output units in pixels.
        output_size: the size of the last feature map; None if the input is too small.
        parameters: the number of parameters.
        macs: the multiply–accumulates for the input; None if the input is too small.
        read: the share of the receptive field's pixels that the unit reads, above 0, at most 1.
        sentence: one sentence about its benefits and costs.
        refusal: the reason why it does not run on the input; "" if it does.
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
    """A sequence of networks whose receptive fields do not shrink from one to the next.

    Attributes:
        name, title, sentence: those of `Strategy`.
        step: returns the notation of a step from its index (from 0) and the number of channels.
        max_steps: the most steps that fit the notation and `MEASURING_SIDE`.
        cumulative: whether network n consists of the first n steps; otherwise it is step n alone,
            whose kernel grows with n.
    """

    name: str
    title: str
    sentence: str
    step: Callable[[int, int], str]
    max_steps: int = MAX_TARGET
    cumulative: bool = True

    def network(self, steps: int, channels: int) -> NetworkSpec:
        """The network number ``steps`` (from 1) of the family."""
        first = 0 if self.cumulative else steps - 1
        written = [self.step(index, channels) for index in range(first, steps)]
        runs = [(text, len(list(same))) for text, same in groupby(written)]
        return parse_notation(", ".join(f"{n}x[{text}]" if n > 1 else text for text, n in runs))


def _conv_step(kernel: int, stride: int = 1) -> Callable[[int, int], str]:
    """A step function that returns the same convolution at every step."""
    text = f"conv{kernel}{f' s{stride}' if stride > 1 else ''} p{kernel // 2}"
    return lambda _, channels: f"{text} c{channels}, relu"


def _dilated_conv_step(dilation_of: Callable[[int], int]) -> Callable[[int, int], str]:
    """A step function that returns a 3×3 convolution of the dilation ``rate(index)``."""
    return lambda i, channels: f"conv3 p{dilation_of(i)} d{dilation_of(i)} c{channels}, relu"


def _conv_or_pool_step(step_index: int, channels: int) -> str:
    """The notation of a step in which convolutions and 2×2 max pooling alternate."""
    return "maxpool2" if step_index % 2 else f"conv3 p1 c{channels}, relu"


def _resnet_stem_step(step_index: int, channels: int) -> str:
    """The notation of a step of a ResNet's beginning, followed by 3×3 convolutions."""
    stem = (f"conv7 s2 p3 c{channels}, relu", "maxpool3 s2 p1")
    return stem[step_index] if step_index < len(stem) else f"conv3 p1 c{channels}, relu"


def _kernel_and_padding(step_index: int) -> tuple[int, str]:
    """The kernel size of a step and the notation of its padding.

    Kernels are odd, except for the largest that the notation allows, which is even.
    """
    kernel = min(2 * step_index + 1, MAX_KERNEL)
    return kernel, f"p{kernel // 2}" if kernel % 2 else "same"


def _large_kernel_step(step_index: int, channels: int) -> str:
    """The notation of one convolution whose kernel grows with the index."""
    kernel, padding = _kernel_and_padding(step_index)
    return f"conv{kernel} {padding} c{channels}, relu"


def _large_depthwise_step(step_index: int, channels: int) -> str:
    """The notation of a depthwise convolution between two 1×1; its kernel grows with the index."""
    kernel, padding = _kernel_and_padding(step_index)
    return f"conv1 c{channels}, relu, conv{kernel} {padding} dw, conv1 c{channels}, relu"


def _factored_kernel_step(step_index: int, channels: int) -> str:
    """The notation of a k×1 and a 1×k convolution, where k grows with the index."""
    kernel, padding = _kernel_and_padding(step_index)
    half = kernel // 2
    down, across = (padding, padding) if padding == "same" else (f"p{half}x0", f"p0x{half}")
    return f"conv{kernel}x1 {down} c{channels}, conv1x{kernel} {across} c{channels}, relu"


FAMILIES = (
    Family(
        "stack3",
        "3×3 stack",
        "Two more pixels a layer: the resolution stays and every pixel is read, but the depth "
        "grows with the view, and all of it runs at full resolution.",
        _conv_step(3),
    ),
    Family(
        "stack5",
        "5×5 stack",
        "Half as deep as 3×3, with fewer nonlinearities and more weights for the same view.",
        _conv_step(5),
    ),
    Family(
        "strided",
        "3×3, stride 2",
        "Each layer doubles what the next one adds: few layers are enough, each cheaper than the "
        "one before. The output is coarser by the same factor.",
        _conv_step(3, 2),
        max_steps=20,
    ),
    Family(
        "pooled",
        "3×3 + 2×2 pooling",
        "Doubles like a stride, with a full-resolution convolution before each pooling; pooling "
        "has no weights and also softens small shifts.",
        _conv_or_pool_step,
        max_steps=20,
    ),
    Family(
        "reduced_early",
        "7×7 and pooling, then 3×3",
        "How ResNets begin: stride 4 before the stack starts, so each 3×3 adds eight pixels at a "
        "sixteenth of the cost.",
        _resnet_stem_step,
    ),
    Family(
        "dilated",
        "3×3, dilations 1, 2, 4, …",
        "Doubles like a stride and keeps the resolution, without holes; every layer still costs "
        "as much as at full resolution.",
        _dilated_conv_step(lambda i: 2**i),
        max_steps=13,
    ),
    Family(
        "dilated_mixed",
        "3×3, dilations 1, 2, 5 repeated",
        "Rates without a common factor: grows steadily, leaves no holes and keeps the rates small.",
        _dilated_conv_step(lambda i: (1, 2, 5)[i % 3]),
    ),
    Family(
        "dilated_same",
        "3×3, dilation 2 throughout",
        "Twice the reach of 3×3 for the same price, but a unit only reads every other row and "
        "column: neighboring outputs never look at the same pixels.",
        _dilated_conv_step(lambda _: 2),
    ),
    Family(
        "large",
        "one large kernel",
        "One layer, one linear map: weights and MACs grow with the square of the view.",
        _large_kernel_step,
        max_steps=MAX_KERNEL // 2 + 1,
        cumulative=False,
    ),
    Family(
        "large_factored",
        "one k×1 and one 1×k",
        "Weights grow with the side of the view, not with its square; with no activation between "
        "them the two are still one linear map.",
        _factored_kernel_step,
        max_steps=MAX_KERNEL // 2 + 1,
        cumulative=False,
    ),
    Family(
        "large_depthwise",
        "one large depthwise kernel",
        "The large kernel for each channel alone, between two 1×1 that mix channels: the square "
        "of the view is paid once a channel, not once a pair of channels.",
        _large_depthwise_step,
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
"""All families of networks; a new family needs only a new row."""


def strategies(
    target: int, input_size: tuple[int, ...] = (3, 224, 224), channels: int = 64
) -> tuple[Strategy, ...]:
    """For each family, the shortest network whose receptive field is at least ``target`` wide.

    It takes about half a second for a target of 32 pixels and some seconds for the largest.

    Args:
        target: the size of the receptive field along each axis in pixels, 1 to `MAX_TARGET`.
        input_size: the size (C, H, W) of the image for which costs are computed.
        channels: the channels of every layer, equal so that costs can be compared.

    Raises:
        SpecError: an argument is out of its bounds.
    """
    bounded("target", target, 1, MAX_TARGET)
    bounded("channels", channels, 1, MAX_CHANNELS)
    size = input_sizes(input_size)
    if len(size) != 1 or len(size[0]) != 3:
        raise SpecError("input_size", "must be (C, H, W), such as (3, 224, 224)", input_size)
    bounded("input_size's channels", size[0][0], 1, MAX_CHANNELS)
    return tuple(_shortest_strategy(family, target, size[0], channels) for family in FAMILIES)


def _shortest_strategy(
    family: Family, target: int, input_size: tuple[int, ...], channels: int
) -> Strategy:
    spec = family.network(fewest_steps(family, target, channels), channels)
    module, graph, fields = _network_graph_and_fields(spec, input_size[0])
    last = fields[-1]
    output_size, macs, refusal = _output_size_macs_refusal(spec, input_size)
    return Strategy(
        family.name,
        family.title,
        to_notation(spec),
        _window_count(graph),
        last.size,
        last.effective_stride,
        output_size,
        sum(weight.numel() for weight in module.parameters()),
        macs,
        share_of_pixels_read(graph, last.name),
        family.sentence,
        refusal,
    )


def fewest_steps(family: Family, target: int, channels: int) -> int:
    """The number of steps of the shortest network of a family that reaches the target.

    Raises:
        SpecError: the longest network does not reach it.
    """
    if family.cumulative:
        steps, sides = 1, _field_sides_by_step(family, 1, channels)
        while steps < family.max_steps and sides[-1] < target:
            steps = min(2 * steps, family.max_steps)
            sides = _field_sides_by_step(family, steps, channels)
        index = bisect_left(sides, target)
    else:
        index = bisect_left(
            range(1, family.max_steps + 1),
            target,
            key=lambda steps: _field_side(family, steps, channels),
        )
        steps = family.max_steps
    if index >= steps:
        raise SpecError("target", f"is out of reach of {family.title} in {steps} steps", target)
    return index + 1


def _network_graph_and_fields(
    spec: NetworkSpec, image_channels: int
) -> tuple[nn.Module, Graph, list[ReceptiveField]]:
    """A network, its graph and its receptive fields on an image of side `MEASURING_SIDE`."""
    module = build(spec, image_channels, device="meta")
    graph = network_graph(module, (image_channels, MEASURING_SIDE, MEASURING_SIDE))
    return module, graph, list(fields_of(graph).values())


def _field_side(family: Family, steps: int, channels: int) -> int:
    """The smaller side of the last unit's receptive field in pixels, for network ``steps``."""
    return _smaller_side(_network_graph_and_fields(family.network(steps, channels), 3)[2][-1])


def _field_sides_by_step(family: Family, steps: int, channels: int) -> list[int]:
    """The smaller sides of the receptive fields after each step of a cumulative network."""
    fields = _network_graph_and_fields(family.network(steps, channels), 3)[2]
    counts = [len(parse_notation(family.step(index, channels)).layers) for index in range(steps)]
    ends = np.cumsum(counts)  # fields[0] belongs to the image
    return [_smaller_side(fields[end]) for end in ends]


def _smaller_side(field: ReceptiveField) -> int:
    """The size of a receptive field along its smaller axis, in pixels."""
    return int(min(field.size))


def _window_count(graph: Graph) -> int:
    """The number of convolutions and poolings in a graph."""
    return sum(node.kind == "window" for node in graph.values())


def _output_size_macs_refusal(
    spec: NetworkSpec, input_size: tuple[int, ...]
) -> tuple[tuple[int, int] | None, int | None, str]:
    """The output size, the MACs and "" for an input; (None, None, reason) if it is too small."""
    channels, height, width = input_size
    try:
        module = build(spec, channels, (height, width), device="meta")
        costs = layer_costs(module, input_size)
    except SpecError as error:
        return None, None, str(error)
    rows, cols = costs[-1].output_shape[1:]
    return (rows, cols), totals(costs).macs, ""


def share_of_pixels_read(graph: Graph, name: str) -> float:
    """The share of the pixels of a unit's receptive field that the unit reads; below 1 with holes.

    Every node up to this one must have a single input. The unit then reads the pixels in all
    combinations of the rows and the columns that it reads.

    Args:
        graph: the network's graph.
        name: the name of the unit's node.

    Raises:
        SpecError: there is no such node, or branches meet before it.
    """
    share = 1.0
    for axis in (0, 1):
        pixels = _pixels_read(graph, name, axis)
        share *= len(pixels) / int(pixels[-1] - pixels[0] + 1)
    return share


def _pixels_read(graph: Graph, name: str, axis: int) -> IntArray:
    """The ascending image positions along one axis that unit 0 of a node reads, unclipped."""
    units: IntArray = np.zeros(1, dtype=np.int64)
    node = graph.find(name)
    while node.inputs:
        if len(node.inputs) > 1:
            raise SpecError("layer", "must lie on a chain: branches meet before it", name)
        units = _input_units_read(node.maps[0][axis], units)
        node = graph[node.inputs[0]]
    return units


def _input_units_read(axis: AxisMap, output_units: IntArray) -> IntArray:
    """The ascending input units that any of the output units ``output_units`` of a map reads."""
    if axis.is_identity:
        return output_units
    moved = output_units // axis.period * axis.advance
    read = [
        np.add.outer(
            moved[output_units % axis.period == phase], np.asarray(taps, dtype=np.int64)
        ).ravel()
        for phase, taps in enumerate(axis.taps)
    ]
    return np.unique(np.concatenate(read))
