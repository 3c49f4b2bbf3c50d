"""The torch class and arguments of each layer: one table for building, writing and reading.

Argument orders are those of the torch.nn documentation. No torch is imported here.
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

NO_DEVICE = {"device": None, "dtype": None}


@dataclass(frozen=True)
class TorchForm:
    """One torch.nn class and the layer it is.

    Attributes:
        name: of the class in torch.nn.
        make: the layer's class; its fields are named as torch's arguments are.
        order: torch's positional arguments, space between.
        required: how many of them have no default; these are written without their names.
        arriving: the argument that says how many channels (features) must arrive.
        fixed: fields the name implies.
        constant: arguments that only work at the value given here, torch's default.
        ignored: arguments without effect on what the layer computes.
        flat: True for what torch has for flattened input only, False for pictures only.
        weighted: whether it takes a ``device``.
        ours: a class of ``core.networks.modules``, not of torch.nn.
        reading: an older spelling, read but never written.
    """

    name: str
    make: type[Leaf]
    order: str = ""
    required: int = 0
    arriving: str = ""
    fixed: Mapping[str, object] = field(default_factory=dict)
    constant: Mapping[str, object] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    flat: bool | None = None
    weighted: bool = False
    ours: bool = False
    reading: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(self.order.split())

    @property
    def settings(self) -> tuple[str, ...]:
        """The arguments that are fields of the layer."""
        own = {each.name for each in fields(self.make)}
        return tuple(name for name in self.arguments if name in own)

    @property
    def needed(self) -> tuple[str, ...]:
        """The arguments that must be given."""
        bare = {each.name for each in fields(self.make) if each.default is MISSING}
        required = self.arguments[: self.required]
        return (*required, *(name for name in self.settings if name in bare - set(required)))


PLAIN_CONSTANTS: dict[str, dict[str, object]] = {
    "GELU": {"approximate": "none"},
    "ELU": {"alpha": 1.0},
    "Softplus": {"beta": 1.0, "threshold": 20.0},
}


def _plain(names: str, *ignored: str) -> list[TorchForm]:
    """Activations that torch names in another case and that have no setting here."""
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


NORM = {"arriving": "num_features", "weighted": True, "required": 1}
BATCH: dict[str, Any] = {
    **NORM,
    "constant": {"track_running_stats": True, "bias": True, **NO_DEVICE},
}
INSTANCE: dict[str, Any] = {
    **NORM,
    "constant": {"momentum": 0.1, "track_running_stats": False, "bias": True, **NO_DEVICE},
    "flat": False,
}
BATCH_ORDER = "num_features eps momentum affine track_running_stats"
CONV: dict[str, Any] = {"arriving": "in_channels", "weighted": True, "required": 3}
SAMPLE: dict[str, Any] = {"size": None, "recompute_scale_factor": None}

FORMS: tuple[TorchForm, ...] = (
    TorchForm(
        "Conv2d",
        Conv,
        "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode",
        **CONV,
        constant=NO_DEVICE,
    ),
    TorchForm(
        "ConvTranspose2d",
        ConvTranspose,
        "in_channels out_channels kernel_size stride padding output_padding groups bias dilation "
        "padding_mode",
        **CONV,
        constant={"padding_mode": "zeros", **NO_DEVICE},
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
    TorchForm("BatchNorm2d", BatchNorm, BATCH_ORDER, **BATCH, flat=False),
    TorchForm("BatchNorm1d", BatchNorm, BATCH_ORDER, **BATCH, flat=True),
    TorchForm("InstanceNorm2d", InstanceNorm, BATCH_ORDER, **INSTANCE),
    TorchForm(
        "GroupNorm",
        GroupNorm,
        "num_groups num_channels eps affine",
        2,
        arriving="num_channels",
        constant=NO_DEVICE,
        weighted=True,
    ),
    TorchForm(
        "LayerNorm",
        LayerNorm,
        "normalized_shape eps elementwise_affine bias",
        1,
        arriving="normalized_shape",
        constant={"elementwise_affine": True, "bias": True, **NO_DEVICE},
        flat=True,
        weighted=True,
    ),
    *_plain("ReLU SiLU ReLU6 ELU SELU Mish Hardswish Hardsigmoid", "inplace"),
    *_plain("GELU Tanh Sigmoid Softplus"),
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
    TorchForm("Upsample", Upsample, "size scale_factor mode align_corners", constant=SAMPLE),
    TorchForm(
        "UpsamplingNearest2d",
        Upsample,
        "size scale_factor",
        fixed={"mode": "nearest"},
        constant=SAMPLE,
        reading=True,
    ),
    TorchForm(
        "UpsamplingBilinear2d",
        Upsample,
        "size scale_factor",
        fixed={"mode": "bilinear", "align_corners": True},
        constant=SAMPLE,
        reading=True,
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
        arriving="in_features",
        constant=NO_DEVICE,
        weighted=True,
    ),
    TorchForm(
        "ChannelNorm", LayerNorm, "channels eps", 1, arriving="channels", flat=False, ours=True
    ),
    TorchForm(
        "SqueezeExcite", SqueezeExciteLayer, "channels reduction", 1, arriving="channels", ours=True
    ),
)
"""Every torch class that can be built, written and read."""


@dataclass(frozen=True)
class ConstructorCall:
    """The constructor call of a layer.

    Attributes:
        name: a class of torch.nn, or of ``core.networks.modules`` if ``ours``.
        positional, named: the arguments; those at torch's default are left out.
        weighted: whether it takes a ``device``.
    """

    name: str
    positional: tuple[object, ...] = ()
    named: tuple[tuple[str, object], ...] = ()
    ours: bool = False
    weighted: bool = False


@lru_cache(maxsize=4096)
def call(layer: Leaf, before: Shape) -> ConstructorCall:
    """The call that makes a layer which ``resolve`` has settled.

    Args:
        layer: a leaf with nothing left to infer.
        before: what arrives.

    Raises:
        SpecError: the call needs the number of features and nothing tells it.
    """
    form = _form(layer, before)
    usual = _usual(form, layer)
    positional, named = [], []
    for index, name in enumerate(form.arguments):
        value = _written(layer, name) if name in form.settings else None
        if name == form.arriving:
            value = value or _channels_of(before)
        elif name not in form.settings or name in form.fixed:
            continue
        if index < form.required:
            positional.append(value)
        elif name not in usual or value != usual[name]:
            named.append((name, value))
    return ConstructorCall(form.name, tuple(positional), tuple(named), form.ours, form.weighted)


def _channels_of(before: Shape) -> int:
    if before.channels is None:
        raise SpecError("features", "cannot be told without the input's size", "unknown")
    return before.channels


def _form(layer: Leaf, before: Shape) -> TorchForm:
    return next(
        form
        for form in FORMS
        if form.make is type(layer)
        and not form.reading
        and form.flat in (None, before.flat)
        and all(getattr(layer, name) == value for name, value in form.fixed.items())
    )


def _usual(form: TorchForm, layer: Leaf) -> dict[str, object]:
    """The default of each argument that has one."""
    needed = [each.name for each in fields(layer) if each.init and each.default is MISSING]
    make: Any = form.make
    plain = make(**{**{name: getattr(layer, name) for name in needed}, **form.fixed})
    return {name: _written(plain, name) for name in form.settings if name not in needed}


def _written(layer: Leaf, name: str) -> object:
    """A field as torch's argument, in its shortest form."""
    value = getattr(layer, name)
    if isinstance(layer, Pad) and name == "padding":
        (top, bottom), (left, right) = value
        return top if len({top, bottom, left, right}) == 1 else (left, right, top, bottom)
    if isinstance(layer, Conv) and name == "padding" and value != "same":
        value = (value[0][0], value[1][0])
    if isinstance(value, tuple) and value[0] == value[1]:
        return value[0]
    return value
