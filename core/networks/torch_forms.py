"""The torch class and arguments of each layer, in one table.

Building modules, writing source and reading source use it. The order of arguments is that of the
torch.nn documentation. This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from typing import Any

from ..errors import SpecError
from .layers import (
    Activation,
    AdaptivePool,
    AvgPool,
    BatchNorm,
    Conv,
    ConvTranspose,
    Dropout,
    Flatten,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Leaf,
    Linear,
    LpPool,
    MaxPool,
    Pad,
    PixelShuffle,
    PixelUnshuffle,
    SqueezeExciteLayer,
    Upsample,
)
from .shapes import Shape

DEVICE_ARGUMENTS = {"device": None, "dtype": None}
"""``TorchForm.constant`` for the arguments of every class that allocates weights."""


@dataclass(frozen=True)
class TorchForm:
    """How one class of torch.nn corresponds to a layer class of this package.

    Attributes:
        name: name of the class in torch.nn.
        make: the layer class; its fields have the names of torch's arguments.
        order: torch's positional arguments, separated by spaces.
        required: number of arguments without a default; they are written without their names.
        input_argument: the argument for the number of input channels or features; empty if none.
        fixed: values of layer fields that the class name implies.
        constant: arguments that are accepted only with this value, torch's default.
        ignored: arguments that do not affect the result.
        flat: True for classes that take flattened input only, False for feature maps only, None
            for both.
        takes_device: whether the constructor takes a ``device``.
        custom: whether it is a class of ``core.networks.modules`` instead of torch.nn.
        read_only: whether it is an older name, which is read but never written.
    """

    name: str
    make: type[Leaf]
    order: str = ""
    required: int = 0
    input_argument: str = ""
    fixed: Mapping[str, object] = field(default_factory=dict)
    constant: Mapping[str, object] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    flat: bool | None = None
    takes_device: bool = False
    custom: bool = False
    read_only: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """Torch's positional arguments in order."""
        return tuple(self.order.split())

    @property
    def settings(self) -> tuple[str, ...]:
        """The arguments that are fields of the layer."""
        names = {each.name for each in fields(self.make)}
        return tuple(name for name in self.arguments if name in names)

    @property
    def required_arguments(self) -> tuple[str, ...]:
        """The arguments that must be specified, because torch or the layer has no default."""
        no_default = {each.name for each in fields(self.make) if each.default is MISSING}
        required = self.arguments[: self.required]
        return (*required, *(name for name in self.settings if name in no_default - set(required)))


PLAIN_CONSTANTS: dict[str, dict[str, object]] = {
    "GELU": {"approximate": "none"},
    "ELU": {"alpha": 1.0},
    "Softplus": {"beta": 1.0, "threshold": 20.0},
}
"""``TorchForm.constant`` of activations."""


def _activation_forms(names: str, *ignored: str) -> list[TorchForm]:
    """The forms of activations without settings, whose name here is torch's in lower case.

    Args:
        names: torch's class names, separated by spaces.
        ignored: see `TorchForm`.
    """
    return [
        TorchForm(
            name,
            Activation,
            " ".join((*PLAIN_CONSTANTS.get(name, {}), *ignored)),
            fixed={"name": name.lower()},
            constant=PLAIN_CONSTANTS.get(name, {}),
            ignored=ignored,
        )
        for name in names.split()
    ]


NORM_FIELDS = {"input_argument": "num_features", "takes_device": True, "required": 1}
"""Fields of `TorchForm` that all norms over channels share."""
BATCH_NORM_FIELDS: dict[str, Any] = {
    **NORM_FIELDS,
    "constant": {"track_running_stats": True, "bias": True, **DEVICE_ARGUMENTS},
}
INSTANCE_NORM_FIELDS: dict[str, Any] = {
    **NORM_FIELDS,
    "constant": {"momentum": 0.1, "track_running_stats": False, "bias": True, **DEVICE_ARGUMENTS},
    "flat": False,
}
NORM_ORDER = "num_features eps momentum affine track_running_stats"
CONV_FIELDS: dict[str, Any] = {"input_argument": "in_channels", "takes_device": True, "required": 3}
UPSAMPLE_CONSTANTS: dict[str, Any] = {"size": None, "recompute_scale_factor": None}
"""``TorchForm.constant`` of the upsampling classes."""

FORMS: tuple[TorchForm, ...] = (
    TorchForm(
        "Conv2d",
        Conv,
        "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode",
        **CONV_FIELDS,
        constant=DEVICE_ARGUMENTS,
    ),
    TorchForm(
        "ConvTranspose2d",
        ConvTranspose,
        "in_channels out_channels kernel_size stride padding output_padding groups bias dilation "
        "padding_mode",
        **CONV_FIELDS,
        constant={"padding_mode": "zeros", **DEVICE_ARGUMENTS},
    ),
    TorchForm(
        "MaxPool2d",
        MaxPool,
        "kernel_size stride padding dilation return_indices ceil_mode",
        1,
        constant={"return_indices": False},
    ),
    TorchForm(
        "AvgPool2d",
        AvgPool,
        "kernel_size stride padding ceil_mode count_include_pad divisor_override",
        1,
        constant={"divisor_override": None},
    ),
    TorchForm("LPPool2d", LpPool, "norm_type kernel_size stride ceil_mode", 2),
    TorchForm("AdaptiveAvgPool2d", AdaptivePool, "output_size", 1, fixed={"mode": "avg"}),
    TorchForm(
        "AdaptiveMaxPool2d",
        AdaptivePool,
        "output_size return_indices",
        1,
        fixed={"mode": "max"},
        constant={"return_indices": False},
    ),
    TorchForm("BatchNorm2d", BatchNorm, NORM_ORDER, **BATCH_NORM_FIELDS, flat=False),
    TorchForm("BatchNorm1d", BatchNorm, NORM_ORDER, **BATCH_NORM_FIELDS, flat=True),
    TorchForm("InstanceNorm2d", InstanceNorm, NORM_ORDER, **INSTANCE_NORM_FIELDS),
    TorchForm(
        "GroupNorm",
        GroupNorm,
        "num_groups num_channels eps affine",
        2,
        input_argument="num_channels",
        constant=DEVICE_ARGUMENTS,
        takes_device=True,
    ),
    TorchForm(
        "LayerNorm",
        LayerNorm,
        "normalized_shape eps elementwise_affine bias",
        1,
        input_argument="normalized_shape",
        constant={"elementwise_affine": True, "bias": True, **DEVICE_ARGUMENTS},
        flat=True,
        takes_device=True,
    ),
    *_activation_forms("ReLU SiLU ReLU6 ELU SELU Mish Hardswish Hardsigmoid", "inplace"),
    *_activation_forms("GELU Tanh Sigmoid Softplus"),
    TorchForm(
        "LeakyReLU",
        Activation,
        "negative_slope inplace",
        fixed={"name": "leaky_relu"},
        ignored=("inplace",),
    ),
    TorchForm("Identity", Activation, fixed={"name": "none"}),
    TorchForm("Dropout", Dropout, "p inplace", fixed={"spatial": False}, ignored=("inplace",)),
    TorchForm("Dropout2d", Dropout, "p inplace", fixed={"spatial": True}, ignored=("inplace",)),
    TorchForm(
        "Upsample", Upsample, "size scale_factor mode align_corners", constant=UPSAMPLE_CONSTANTS
    ),
    TorchForm(
        "UpsamplingNearest2d",
        Upsample,
        "size scale_factor",
        fixed={"mode": "nearest"},
        constant=UPSAMPLE_CONSTANTS,
        read_only=True,
    ),
    TorchForm(
        "UpsamplingBilinear2d",
        Upsample,
        "size scale_factor",
        fixed={"mode": "bilinear", "align_corners": True},
        constant=UPSAMPLE_CONSTANTS,
        read_only=True,
    ),
    TorchForm("PixelShuffle", PixelShuffle, "upscale_factor", 1),
    TorchForm("PixelUnshuffle", PixelUnshuffle, "downscale_factor", 1),
    TorchForm("ZeroPad2d", Pad, "padding", 1, fixed={"padding_mode": "zeros"}),
    TorchForm("ReflectionPad2d", Pad, "padding", 1, fixed={"padding_mode": "reflect"}),
    TorchForm("ReplicationPad2d", Pad, "padding", 1, fixed={"padding_mode": "replicate"}),
    TorchForm("CircularPad2d", Pad, "padding", 1, fixed={"padding_mode": "circular"}),
    TorchForm("Flatten", Flatten, "start_dim end_dim", constant={"start_dim": 1, "end_dim": -1}),
    TorchForm(
        "Linear",
        Linear,
        "in_features out_features bias",
        2,
        input_argument="in_features",
        constant=DEVICE_ARGUMENTS,
        takes_device=True,
    ),
    TorchForm(
        "ChannelNorm",
        LayerNorm,
        "channels eps",
        1,
        input_argument="channels",
        flat=False,
        custom=True,
    ),
    TorchForm(
        "SqueezeExcite",
        SqueezeExciteLayer,
        "channels reduction",
        1,
        input_argument="channels",
        custom=True,
    ),
)
"""Every torch class that can be built, written and read, unless it is ``read_only``."""


@dataclass(frozen=True)
class ConstructorCall:
    """The constructor call of a layer's torch class.

    Attributes:
        name: name of a class of torch.nn, or of ``core.networks.modules`` if ``custom``.
        positional, named: the arguments without those at torch's default.
        custom, takes_device: see `TorchForm`.
    """

    name: str
    positional: tuple[object, ...] = ()
    named: tuple[tuple[str, object], ...] = ()
    custom: bool = False
    takes_device: bool = False


@lru_cache(maxsize=4096)
def constructor_call(layer: Leaf, before: Shape) -> ConstructorCall:
    """The constructor call for a layer.

    Args:
        layer: a leaf without unspecified settings, as ``resolve`` returns it.
        before: shape of the layer's input.

    Raises:
        SpecError: the call needs the number of input features, and ``before`` does not have it.
    """
    form = _form_of(layer, before)
    defaults = _default_arguments(form, layer)
    positional, named = [], []
    for index, name in enumerate(form.arguments):
        value = _as_torch_argument(layer, name) if name in form.settings else None
        if name == form.input_argument:
            value = value or _channels_or_refuse(before)
        elif name not in form.settings or name in form.fixed:
            continue
        if index < form.required:
            positional.append(value)
        elif name not in defaults or value != defaults[name]:
            named.append((name, value))
    return ConstructorCall(
        form.name, tuple(positional), tuple(named), form.custom, form.takes_device
    )


def _channels_or_refuse(before: Shape) -> int:
    """The number of channels or features of a shape; SpecError if it is unknown."""
    if before.channels is None:
        raise SpecError("features", "cannot be told without the input's size", "unknown")
    return before.channels


def _form_of(layer: Leaf, before: Shape) -> TorchForm:
    """The row of ``FORMS`` with which a layer is written for an input of this shape."""
    return next(
        form
        for form in FORMS
        if form.make is type(layer)
        and not form.read_only
        and form.flat in (None, before.flat)
        and all(getattr(layer, name) == value for name, value in form.fixed.items())
    )


def _default_arguments(form: TorchForm, layer: Leaf) -> dict[str, object]:
    """The default value of each setting that has one, in torch's form."""
    required = [each.name for each in fields(layer) if each.init and each.default is MISSING]
    make: Any = form.make
    plain = make(**{**{name: getattr(layer, name) for name in required}, **form.fixed})
    return {name: _as_torch_argument(plain, name) for name in form.settings if name not in required}


def _as_torch_argument(layer: Leaf, name: str) -> object:
    """The value of a field as torch's argument, e.g. one int for a pair of equal ints."""
    value = getattr(layer, name)
    if isinstance(layer, Pad) and name == "padding":
        (top, bottom), (left, right) = value
        return top if len({top, bottom, left, right}) == 1 else (left, right, top, bottom)
    if isinstance(layer, Conv) and name == "padding" and value != "same":
        value = (value[0][0], value[1][0])
    if isinstance(value, tuple) and value[0] == value[1]:
        return value[0]
    return value
