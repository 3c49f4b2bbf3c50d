"""The layers of a network as frozen values, whose settings have the names of torch's arguments.

The number of input channels and the input size are not part of a layer; `core.networks.shapes`
infers them. A class raises SpecError for a setting that is out of range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, cast

from ..errors import SpecError
from ..layer.padding import FILLS
from ..layer.window import Pads, Pair
from . import rules
from .rules import (
    bounded,
    bounded_float,
    bounded_pads,
    bounded_pair,
    checked_flag,
    choice,
    set_fields,
)

PADDING_MODES = tuple(FILLS)
"""Values of ``padding_mode`` in torch."""
ACTIVATIONS = (
    *("relu", "gelu", "tanh", "sigmoid", "silu", "leaky_relu", "none"),
    *("relu6", "elu", "selu", "mish", "softplus", "hardswish", "hardsigmoid"),
)
NO_PADS: Pads = ((0, 0), (0, 0))
DEFAULT_POOL_STRIDE = cast(Pair, None)
"""Default stride of a pooling layer, which ``__post_init__`` replaces by the kernel size."""


def _check_window(spec: Conv | ConvTranspose) -> None:
    """Check and normalize the settings that ordinary and transposed convolutions share."""
    set_fields(
        spec,
        kernel_size=bounded_pair("kernel_size", spec.kernel_size, 1, rules.MAX_KERNEL),
        stride=bounded_pair("stride", spec.stride, 1, rules.MAX_STRIDE),
        dilation=bounded_pair("dilation", spec.dilation, 1, rules.MAX_DILATION),
        bias=checked_flag("bias", spec.bias),
    )
    if spec.out_channels is not None:
        channels = bounded("out_channels", spec.out_channels, 1, rules.MAX_CHANNELS)
        set_fields(spec, out_channels=channels)
    if isinstance(spec.groups, str):
        choice("groups", spec.groups, ("depthwise",))
        return
    set_fields(spec, groups=bounded("groups", spec.groups, 1, rules.MAX_CHANNELS))
    if spec.out_channels is not None and spec.out_channels % spec.groups:
        raise SpecError("groups", f"must divide the {spec.out_channels} out_channels", spec.groups)


@dataclass(frozen=True)
class Conv:
    """A convolution, torch.nn.Conv2d.

    Args:
        kernel_size, stride, dilation: one int or (height, width).
        out_channels: number of output channels; None for the number of input channels.
        padding: ``"same"``, or one int, (height, width) or ((top, bottom), (left, right)),
            which are stored as the last form.
        groups: number of groups; ``"depthwise"`` for one group per input channel.
        bias: whether the layer has a bias.
        padding_mode: one of ``PADDING_MODES``.
    """

    kind: ClassVar[str] = "conv"
    kernel_size: Pair
    out_channels: int | None = None
    stride: Pair = (1, 1)
    padding: Pads | Literal["same"] = NO_PADS
    dilation: Pair = (1, 1)
    groups: int | Literal["depthwise"] = 1
    bias: bool = True
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        _check_window(self)
        choice("padding_mode", self.padding_mode, PADDING_MODES)
        if not isinstance(self.padding, str):
            set_fields(self, padding=bounded_pads(self.padding))
        elif self.padding != "same":
            raise SpecError("padding", "must be a number or 'same'", self.padding)
        elif self.stride != (1, 1):
            raise SpecError("padding", "can be 'same' with stride 1 only, as in torch", "same")


@dataclass(frozen=True)
class ConvTranspose:
    """A transposed convolution, torch.nn.ConvTranspose2d; its arguments are those of `Conv`.

    ``padding`` and ``output_padding`` are (height, width).
    """

    kind: ClassVar[str] = "convt"
    kernel_size: Pair
    out_channels: int | None = None
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    output_padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int | Literal["depthwise"] = 1
    bias: bool = True

    def __post_init__(self) -> None:
        _check_window(self)
        extra = bounded_pair("output_padding", self.output_padding, 0, rules.MAX_STRIDE)
        padding = bounded_pair("padding", self.padding, 0, rules.MAX_PADDING)
        set_fields(self, padding=padding, output_padding=extra)
        for axis in (0, 1):
            limit = max(self.stride[axis], self.dilation[axis])
            if extra[axis] >= limit:
                rule = f"must be below stride or dilation, here {limit}"
                raise SpecError("output_padding", rule, extra[axis])


def _check_pool(spec: MaxPool | AvgPool | LpPool) -> None:
    kernel = bounded_pair("kernel_size", spec.kernel_size, 1, rules.MAX_KERNEL)
    raw_stride = cast("Pair | None", spec.stride)
    stride = (
        kernel if raw_stride is None else bounded_pair("stride", raw_stride, 1, rules.MAX_STRIDE)
    )
    set_fields(
        spec, kernel_size=kernel, stride=stride, ceil_mode=checked_flag("ceil_mode", spec.ceil_mode)
    )


def _check_half(padding: object, kernel: Pair) -> Pair:
    """The padding of a pooling layer, which torch limits to half of the kernel size."""
    pads = bounded_pair("padding", padding, 0, rules.MAX_PADDING)
    for axis in (0, 1):
        if pads[axis] > kernel[axis] // 2:
            rule = f"must be at most half of the kernel, here {kernel[axis] // 2}"
            raise SpecError("padding", rule, pads[axis])
    return pads


@dataclass(frozen=True)
class MaxPool:
    """Max pooling, torch.nn.MaxPool2d; the default stride is the kernel size."""

    kind: ClassVar[str] = "maxpool"
    kernel_size: Pair
    stride: Pair = DEFAULT_POOL_STRIDE
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        _check_pool(self)
        dilation = bounded_pair("dilation", self.dilation, 1, rules.MAX_DILATION)
        set_fields(self, dilation=dilation, padding=_check_half(self.padding, self.kernel_size))


@dataclass(frozen=True)
class AvgPool:
    """Average pooling, torch.nn.AvgPool2d; the default stride is the kernel size."""

    kind: ClassVar[str] = "avgpool"
    kernel_size: Pair
    stride: Pair = DEFAULT_POOL_STRIDE
    padding: Pair = (0, 0)
    ceil_mode: bool = False
    count_include_pad: bool = True

    def __post_init__(self) -> None:
        _check_pool(self)
        include = checked_flag("count_include_pad", self.count_include_pad)
        set_fields(
            self, padding=_check_half(self.padding, self.kernel_size), count_include_pad=include
        )


@dataclass(frozen=True)
class LpPool:
    """Power-average pooling, torch.nn.LPPool2d: the ``norm_type``-norm of each window."""

    kind: ClassVar[str] = "lppool"
    kernel_size: Pair
    stride: Pair = DEFAULT_POOL_STRIDE
    norm_type: float = 2.0
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        _check_pool(self)
        set_fields(self, norm_type=bounded_float("norm_type", self.norm_type, 0.01, 100))


@dataclass(frozen=True)
class AdaptivePool:
    """Pooling to a given output size, torch.nn.AdaptiveAvgPool2d or AdaptiveMaxPool2d.

    Size (1, 1) is global pooling, of the kind ``"gap"`` or ``"gmp"``.
    """

    output_size: Pair = (1, 1)
    mode: str = "avg"

    def __post_init__(self) -> None:
        set_fields(self, output_size=bounded_pair("output_size", self.output_size, 1, 4_096))
        choice("mode", self.mode, ("avg", "max"))

    @property
    def kind(self) -> str:
        single = self.output_size == (1, 1)
        return {"avg": "gap", "max": "gmp"}[self.mode] if single else f"adaptive{self.mode}pool"


@dataclass(frozen=True)
class BatchNorm:
    """Batch norm, torch.nn.BatchNorm2d, or BatchNorm1d for flattened input."""

    kind: ClassVar[str] = "bn"
    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True

    def __post_init__(self) -> None:
        eps, momentum = (
            bounded_float("eps", self.eps, 0, 1),
            bounded_float("momentum", self.momentum, 0, 1),
        )
        set_fields(self, eps=eps, momentum=momentum, affine=checked_flag("affine", self.affine))


@dataclass(frozen=True)
class InstanceNorm:
    """Instance norm, torch.nn.InstanceNorm2d."""

    kind: ClassVar[str] = "instancenorm"
    eps: float = 1e-5
    affine: bool = False

    def __post_init__(self) -> None:
        set_fields(
            self,
            eps=bounded_float("eps", self.eps, 0, 1),
            affine=checked_flag("affine", self.affine),
        )


@dataclass(frozen=True)
class GroupNorm:
    """Group norm, torch.nn.GroupNorm."""

    kind: ClassVar[str] = "gn"
    num_groups: int
    eps: float = 1e-5
    affine: bool = True

    def __post_init__(self) -> None:
        groups = bounded("num_groups", self.num_groups, 1, rules.MAX_CHANNELS)
        eps, affine = bounded_float("eps", self.eps, 0, 1), checked_flag("affine", self.affine)
        set_fields(self, num_groups=groups, eps=eps, affine=affine)


@dataclass(frozen=True)
class LayerNorm:
    """Layer norm over the channels of each position, as in ConvNeXt, or over flat features."""

    kind: ClassVar[str] = "ln"
    eps: float = 1e-5

    def __post_init__(self) -> None:
        set_fields(self, eps=bounded_float("eps", self.eps, 0, 1))


@dataclass(frozen=True)
class Activation:
    """An elementwise function, one of ``ACTIVATIONS``; ``none`` is torch.nn.Identity."""

    name: str
    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        choice("name", self.name, ACTIVATIONS)
        slope = bounded_float("negative_slope", self.negative_slope, -10, 10)
        if self.name != "leaky_relu" and slope != 0.01:
            raise SpecError("negative_slope", f"is nothing {self.name} has; leave it", slope)
        set_fields(self, negative_slope=slope)

    @property
    def kind(self) -> str:
        return self.name


@dataclass(frozen=True)
class Dropout:
    """Dropout, torch.nn.Dropout; with ``spatial`` Dropout2d, which drops whole channels."""

    kind: ClassVar[str] = "dropout"
    p: float = 0.5
    spatial: bool = False

    def __post_init__(self) -> None:
        set_fields(
            self, p=bounded_float("p", self.p, 0, 1), spatial=checked_flag("spatial", self.spatial)
        )


@dataclass(frozen=True)
class Upsample:
    """Upsampling by whole factors (height, width), ``nearest`` or ``bilinear``: nn.Upsample."""

    kind: ClassVar[str] = "up"
    scale_factor: Pair
    mode: str = "nearest"
    align_corners: bool = False

    def __post_init__(self) -> None:
        set_fields(self, scale_factor=bounded_pair("scale_factor", self.scale_factor, 1, 64))
        choice("mode", self.mode, ("nearest", "bilinear"))
        if checked_flag("align_corners", self.align_corners) and self.mode != "bilinear":
            raise SpecError("align_corners", "is for mode bilinear only", True)


@dataclass(frozen=True)
class PixelShuffle:
    """torch.nn.PixelShuffle, which rearranges channels into pixels."""

    kind: ClassVar[str] = "shuffle"
    upscale_factor: int

    def __post_init__(self) -> None:
        bounded("upscale_factor", self.upscale_factor, 1, rules.MAX_SCALE)


@dataclass(frozen=True)
class PixelUnshuffle:
    """torch.nn.PixelUnshuffle, which rearranges pixels into channels."""

    kind: ClassVar[str] = "unshuffle"
    downscale_factor: int

    def __post_init__(self) -> None:
        bounded("downscale_factor", self.downscale_factor, 1, rules.MAX_SCALE)


@dataclass(frozen=True)
class Pad:
    """Padding as a layer: torch.nn.ZeroPad2d, ReflectionPad2d, ReplicationPad2d, CircularPad2d."""

    kind: ClassVar[str] = "pad"
    padding: Pads
    padding_mode: str = "zeros"

    def __post_init__(self) -> None:
        set_fields(self, padding=bounded_pads(self.padding))
        choice("padding_mode", self.padding_mode, PADDING_MODES)


@dataclass(frozen=True)
class Flatten:
    """torch.nn.Flatten, which joins all axes but the batch into one axis of features."""

    kind: ClassVar[str] = "flatten"


@dataclass(frozen=True)
class Linear:
    """A linear layer, torch.nn.Linear; an input that is not flat is flattened first.

    Args:
        out_features: number of outputs.
        bias: whether the layer has a bias.
        in_features: number of inputs; None infers it, which needs a known input size.
    """

    kind: ClassVar[str] = "fc"
    out_features: int
    bias: bool = True
    in_features: int | None = None

    def __post_init__(self) -> None:
        bounded("out_features", self.out_features, 1, rules.MAX_FEATURES)
        checked_flag("bias", self.bias)
        if self.in_features is not None:
            bounded("in_features", self.in_features, 1, rules.MAX_INPUTS)


@dataclass(frozen=True)
class SqueezeExciteLayer:
    """Squeeze-and-excitation, which scales each channel by a gate (Hu, Shen and Sun, 2018).

    The gate is computed from the channel means by two linear layers, with
    ``max(1, C // reduction)`` units between them for C channels.
    """

    kind: ClassVar[str] = "se"
    reduction: int = 16

    def __post_init__(self) -> None:
        bounded("reduction", self.reduction, 1, rules.MAX_CHANNELS)


Leaf = (
    Conv
    | ConvTranspose
    | MaxPool
    | AvgPool
    | LpPool
    | AdaptivePool
    | BatchNorm
    | InstanceNorm
    | GroupNorm
    | LayerNorm
    | Activation
    | Dropout
    | Upsample
    | PixelShuffle
    | PixelUnshuffle
    | Pad
    | Flatten
    | Linear
    | SqueezeExciteLayer
)
"""A layer that contains no other layers."""
