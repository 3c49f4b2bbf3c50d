"""The nets of the training lab: as values, as torch modules, and the costs of a run."""

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
"""Most multiply–accumulates of a whole run, forward and backward."""
MAX_BYTES = 10**9
BLUR = 3
"""Taps of the fixed blur, along each side."""
BACKWARD = 2
"""MACs of a backward pass per MAC of the forward pass: one for inputs, one for weights."""
COPIES = 4
"""Numbers in memory per weight: the weight, its gradient and two moments."""


class CenterUnit(nn.Module):
    """(N, C, H, W) to (N, C): the unit at (``row``, ``column``), the center of the map."""

    def __init__(self, row: int, column: int) -> None:
        super().__init__()
        self.row, self.column = row, column

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.row, self.column]


def body(net: Net) -> NetworkSpec:
    """The layers before the head, as layers of `core.networks`.

    A blur is a depthwise convolution, whose weights `model` fixes.
    """
    layers: list[Layer] = []
    for level in range(net.levels + 1):
        layers += _level(net, level)
        if level < net.levels:
            layers += _downsampling(net, level)
    return NetworkSpec(tuple(layers))


def architecture(net: Net, classes: int) -> NetworkSpec:
    """The whole net as layers of `core.networks`.

    These have no head at the center unit; average pooling stands in for it.
    """
    head = (AdaptivePool((1, 1), "avg"), Flatten(), Linear(classes))
    return NetworkSpec((*body(net).layers, *head))


def _level(net: Net, level: int) -> Iterator[Layer]:
    """The convolutions of a level; the first one changes the number of channels."""
    dilation = 2**level if net.downsampling == "dilated" else 1
    for place in range(net.depth):
        last = place == net.depth - 1 and level < net.levels
        stride = 2 if last and net.downsampling == "strided" else 1
        weighted = _conv(net, level, stride, dilation)
        if net.skips and place:
            shortcut = (AvgPool((1, 1), (2, 2)),) if stride == 2 else ()
            yield ResidualBlock(weighted, shortcut)
        else:
            yield from weighted
        yield Activation("relu")


def _conv(net: Net, level: int, stride: int, dilation: int = 1) -> tuple[Layer, ...]:
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


def _downsampling(net: Net, level: int) -> tuple[Layer, ...]:
    """The downsampling layers between two levels."""
    pads = ((BLUR // 2,) * 2, (BLUR // 2,) * 2)
    blur = Conv((BLUR, BLUR), None, (2, 2), pads, groups="depthwise", bias=False)
    layers: dict[str, tuple[Layer, ...]] = {
        "max": (MaxPool((2, 2)),),
        "average": (AvgPool((2, 2)),),
        "extra_conv": (*_conv(net, level, 2), Activation("relu")),
        "blurred_stride": (blur,),
        "max_blur": (MaxPool((2, 2), (1, 1)), blur),
    }
    return layers.get(net.downsampling, ())


def _is_blur(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels


def _bare(net: Net, task: Task, device: torch.device | str) -> nn.Sequential:
    channels, height, width = task.shape
    spec = body(net)
    size = resolve(spec, channels, (height, width))[-1].after.size
    assert size is not None  # an input size was given
    layers = build(spec, channels, (height, width), device="meta")
    wide = net.width * 2**net.levels
    flat: nn.Module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if net.head == "center":
        flat = CenterUnit(size[0] // 2, size[1] // 2)
    linear = nn.Linear(wide, task.classes, device="meta")
    parts = OrderedDict(body=layers, pool=flat, linear=linear)
    whole = nn.Sequential(parts)
    return whole if str(device) == "meta" else whole.to_empty(device=device)


def model(net: Net, task: Task, seed: int) -> nn.Sequential:
    """The net with weights of the seed, on the CPU, in train mode; torch.fx can trace it.

    Parts ``body`` (layers named by kind and place, as `core.networks.build` names them), ``pool``
    and ``linear``. Weights are He-normal, biases 0; torch's global generator is not used. Blurs
    have fixed weights that require no gradient.
    """
    whole = _bare(net, task, "cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in whole.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
            elif _is_blur(module):
                weight = module.get_parameter("weight").requires_grad_(False)
                weight.copy_(torch.from_numpy(blur_weights(BLUR)).expand_as(weight))
            elif isinstance(module, nn.Conv2d | nn.Linear):
                gain = 2 if isinstance(module, nn.Conv2d) else 1
                fan = module.weight[0].numel()
                module.weight.normal_(0, math.sqrt(gain / fan), generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
    return whole


@dataclass(frozen=True)
class RunCosts:
    """The costs of a run, known before it starts.

    Attributes:
        parameters: number of trainable parameters.
        macs: multiply–accumulates of one image, forward.
        work: multiply–accumulates of all steps, forward and backward.
        bytes: estimated memory of weights, moments, activations and their gradients, and of
            uploaded images.
    """

    parameters: int
    macs: int
    work: int
    bytes: int


def plan(spec: TrainingSpec) -> RunCosts:
    """Parameters, work and memory of a run.

    Raises:
        SpecError: more work than `MAX_WORK` or more memory than `MAX_BYTES`, with what would do;
            or, as a LayerError, images too small for the halvings.
    """
    bare = _bare(spec.net, spec.task, "meta")
    cost = totals(layer_costs(bare, spec.task.shape))
    fixed = sum(m.get_parameter("weight").numel() for m in bare.modules() if _is_blur(m))
    own = spec.task.images.nbytes if isinstance(spec.task, OwnImages) else 0
    a_step = spec.batch * cost.macs * (1 + BACKWARD)
    an_image = 2 * cost.activation_bytes
    costs = RunCosts(
        cost.parameters - fixed,
        cost.macs,
        spec.steps * a_step,
        4 * COPIES * cost.parameters + spec.batch * an_image + own,
    )
    _check(spec, costs, a_step, an_image)
    return costs


def _check(spec: TrainingSpec, costs: RunCosts, a_step: int, an_image: int) -> None:
    if costs.work > MAX_WORK:
        most = MAX_WORK // a_step
        rule = f"must be at most {most:,} for this net and batch, or the net smaller"
        raise SpecError("steps", rule, spec.steps)
    if costs.bytes > MAX_BYTES:
        most = max(0, spec.batch - math.ceil((costs.bytes - MAX_BYTES) / an_image))
        rule = f"must be at most {most} for this net, or the net smaller"
        raise SpecError("batch", rule, spec.batch)
