"""The networks of training runs as specs and as torch modules, and the costs of a run."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..cost.layers import layer_costs, totals
from ..errors import SpecError
from ..networks import (
    Activation,
    AdaptivePool,
    AvgPool,
    BatchNorm,
    Conv,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    NetworkSpec,
    ResidualBlock,
    build,
    resolve,
)
from ..shift.layer import blur_weights
from .spec import Net, OwnImages, Task, TrainingSpec

MAX_WORK = 4 * 10**12
"""Largest number of multiply–accumulates of a run, forward and backward."""
MAX_BYTES = 10**9
"""Largest estimated memory of a run."""
BLUR_TAPS = 3
"""Side of the fixed blur kernel."""
BACKWARD_MACS = 2
"""Multiply–accumulates of the backward pass per one of the forward pass: for inputs and weights."""
VALUES_PER_WEIGHT = 4
"""Values in memory per weight: the weight, its gradient and two moments."""


class CenterUnit(nn.Module):
    """A head that selects one unit: (N, C, H, W) to (N, C).

    Args:
        row, column: index of the unit, the center of the map.
    """

    def __init__(self, row: int, column: int) -> None:
        super().__init__()
        self.row, self.column = row, column

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.row, self.column]


def layers_before_head(net: Net) -> NetworkSpec:
    """The layers before the head, as a spec.

    A blur is a depthwise convolution, whose weights `model` sets and freezes.
    """
    layers: list[Layer] = []
    for level in range(net.levels + 1):
        layers += _level_layers(net, level)
        if level < net.levels:
            layers += _downsampling_layers(net, level)
    return NetworkSpec(tuple(layers))


def architecture(net: Net, classes: int) -> NetworkSpec:
    """The whole network as a spec, with average pooling in place of a head at the center unit.

    Specs have no layer that selects one unit.
    """
    head = (AdaptivePool((1, 1), "avg"), Flatten(), Linear(classes))
    return NetworkSpec((*layers_before_head(net).layers, *head))


def _level_layers(net: Net, level: int) -> Iterator[Layer]:
    """Yield the layers of a level; the first convolution changes the number of channels."""
    dilation = 2**level if net.downsampling == "dilated" else 1
    for index in range(net.depth):
        last = index == net.depth - 1 and level < net.levels
        stride = 2 if last and net.downsampling == "strided" else 1
        weighted = _conv_layers(net, level, stride, dilation)
        if net.skips and index:
            shortcut = (AvgPool((1, 1), (2, 2)),) if stride == 2 else ()
            yield ResidualBlock(weighted, shortcut)
        else:
            yield from weighted
        yield Activation("relu")


def _conv_layers(net: Net, level: int, stride: int, dilation: int = 1) -> tuple[Layer, ...]:
    """A 3×3 convolution that preserves the size at stride 1, with batch norm if the net has it."""
    pads = ((dilation, dilation), (dilation, dilation))
    conv = Conv(
        (3, 3),
        net.width * 2**level,
        (stride, stride),
        pads,
        (dilation, dilation),
        bias=not net.batch_norm,
    )
    return (conv, BatchNorm()) if net.batch_norm else (conv,)


def _downsampling_layers(net: Net, level: int) -> tuple[Layer, ...]:
    """The downsampling layers after a level; none for ``"strided"`` and ``"dilated"``."""
    pads = ((BLUR_TAPS // 2,) * 2, (BLUR_TAPS // 2,) * 2)
    blur = Conv((BLUR_TAPS, BLUR_TAPS), None, (2, 2), pads, groups="depthwise", bias=False)
    layers: dict[str, tuple[Layer, ...]] = {
        "max": (MaxPool((2, 2)),),
        "average": (AvgPool((2, 2)),),
        "extra_conv": (*_conv_layers(net, level, 2), Activation("relu")),
        "blurred_stride": (blur,),
        "max_blur": (MaxPool((2, 2), (1, 1)), blur),
    }
    return layers.get(net.downsampling, ())


def _is_blur(module: nn.Module) -> bool:
    """Whether a module is a blur, i.e. a depthwise convolution."""
    return isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels


def _uninitialized_network(net: Net, task: Task, device: torch.device | str) -> nn.Sequential:
    """The network's module with uninitialized weights."""
    channels, height, width = task.shape
    spec = layers_before_head(net)
    size = resolve(spec, channels, (height, width))[-1].after.size
    assert size is not None  # an input size was given
    layers = build(spec, channels, (height, width), device="meta")
    channels_before_head = net.width * 2**net.levels
    flat: nn.Module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if net.head == "center":
        flat = CenterUnit(size[0] // 2, size[1] // 2)
    linear = nn.Linear(channels_before_head, task.classes, device="meta")
    parts = OrderedDict(body=layers, pool=flat, linear=linear)
    net_module = nn.Sequential(parts)
    return net_module if str(device) == "meta" else net_module.to_empty(device=device)


def model(net: Net, task: Task, seed: int) -> nn.Sequential:
    """Build the network with weights drawn from a seed, on the CPU, in train mode.

    torch.fx can trace it. Its parts are ``body`` (layers named by kind and position, as in
    `core.networks.build`), ``pool`` and ``linear``. Weights are He-normal and biases 0; torch's
    global generator is not used. Blurs have fixed weights that require no gradient.
    """
    net_module = _uninitialized_network(net, task, "cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in net_module.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
            elif _is_blur(module):
                weight = module.get_parameter("weight").requires_grad_(False)
                weight.copy_(torch.from_numpy(blur_weights(BLUR_TAPS)).expand_as(weight))
            elif isinstance(module, nn.Conv2d | nn.Linear):
                gain = 2 if isinstance(module, nn.Conv2d) else 1
                fan = module.weight[0].numel()
                module.weight.normal_(0, math.sqrt(gain / fan), generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
    return net_module


@dataclass(frozen=True)
class RunCosts:
    """The costs of a run, computed before it starts.

    Attributes:
        parameters: number of trainable parameters.
        macs: multiply–accumulates of the forward pass of one image.
        work: multiply–accumulates of all steps, forward and backward.
        bytes: estimated memory of weights, moments, activations, their gradients and uploaded
            images.
    """

    parameters: int
    macs: int
    work: int
    bytes: int


def run_costs(spec: TrainingSpec) -> RunCosts:
    """Compute parameters, work and memory of a run.

    Raises:
        SpecError: more work than `MAX_WORK` or more memory than `MAX_BYTES`; the message says what
            would work. As a LayerError: the images are too small for the number of levels.
    """
    uninitialized = _uninitialized_network(spec.net, spec.task, "meta")
    cost = totals(layer_costs(uninitialized, spec.task.shape))
    fixed = sum(m.get_parameter("weight").numel() for m in uninitialized.modules() if _is_blur(m))
    own = spec.task.images.nbytes if isinstance(spec.task, OwnImages) else 0
    work_per_step = spec.batch * cost.macs * (1 + BACKWARD_MACS)
    bytes_per_image = 2 * cost.activation_bytes
    costs = RunCosts(
        cost.parameters - fixed,
        cost.macs,
        spec.steps * work_per_step,
        4 * VALUES_PER_WEIGHT * cost.parameters + spec.batch * bytes_per_image + own,
    )
    _check_costs(spec, costs, work_per_step, bytes_per_image)
    return costs


def _check_costs(
    spec: TrainingSpec, costs: RunCosts, work_per_step: int, bytes_per_image: int
) -> None:
    """Raise SpecError if a run costs too much."""
    if costs.work > MAX_WORK:
        limit = MAX_WORK // work_per_step
        rule = f"must be at most {limit:,} for this net and batch, or the net smaller"
        raise SpecError("steps", rule, spec.steps)
    if costs.bytes > MAX_BYTES:
        limit = max(0, spec.batch - math.ceil((costs.bytes - MAX_BYTES) / bytes_per_image))
        rule = f"must be at most {limit} for this net, or the net smaller"
        raise SpecError("batch", rule, spec.batch)
