"""The words of the one-line notation, in one table for reading and writing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import SpecError
from ..layers import (
    ACTIVATIONS,
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


@dataclass(frozen=True)
class Word:
    """A word of the notation and the layer that it stands for.

    Attributes:
        make: class of the layer.
        main: the field set by the number directly after the word, as 3 in ``conv3``.
        keys: the settings that may follow, of ``KEYS`` and ``FLAGS``, in the order of writing.
        fixed: values of fields that the word implies.
        example: an example of its use.
    """

    make: type[Leaf]
    main: str = ""
    keys: tuple[str, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=dict)
    example: str = ""


COPYING_MODES = ("reflect", "replicate", "circular")
"""The padding modes that copy pixels."""
KEYS = {
    "s": "stride",
    "p": "padding",
    "op": "output_padding",
    "d": "dilation",
    "g": "groups",
    "c": "out_channels",
    "i": "in_features",
    "n": "norm_type",
    "eps": "eps",
    "momentum": "momentum",
}
"""The field of each setting that is written as a key and a number, as in ``s2``."""
FLAGS: dict[str, tuple[str, object]] = {
    "same": ("padding", "same"),
    "dw": ("groups", "depthwise"),
    "nobias": ("bias", False),
    "ceil": ("ceil_mode", True),
    "nopad": ("count_include_pad", False),
    "affine": ("affine", True),
    "noaffine": ("affine", False),
    "spatial": ("spatial", True),
    "bilinear": ("mode", "bilinear"),
    "corners": ("align_corners", True),
    **{mode: ("padding_mode", mode) for mode in COPYING_MODES},
}
"""The (field, value) of each setting that is written as a word without a number."""
PAIR_FIELDS = ("kernel_size", "stride", "dilation", "output_padding", "scale_factor", "output_size")
"""Fields that are (height, width)."""
FLOAT_FIELDS = ("eps", "momentum", "p", "negative_slope", "norm_type")
"""Fields that are floats; all others are whole numbers."""


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WORDS: dict[str, Word] = {
    "conv": Word(
        Conv,
        "kernel_size",
        (*_split("s p same d g dw c nobias"), *COPYING_MODES),
        {},
        "conv3 s2 p1 c64",
    ),
    "convt": Word(
        ConvTranspose, "kernel_size", _split("s p op d g dw c nobias"), {}, "convt4 s2 p1 c32"
    ),
    "maxpool": Word(MaxPool, "kernel_size", _split("s p d ceil"), {}, "maxpool3 s2 p1"),
    "avgpool": Word(AvgPool, "kernel_size", _split("s p ceil nopad"), {}, "avgpool2"),
    "lppool": Word(LpPool, "kernel_size", _split("s n ceil"), {}, "lppool2 n2"),
    "gap": Word(AdaptivePool, "", (), {"mode": "avg", "output_size": (1, 1)}, "gap"),
    "gmp": Word(AdaptivePool, "", (), {"mode": "max", "output_size": (1, 1)}, "gmp"),
    "adaptiveavgpool": Word(AdaptivePool, "output_size", (), {"mode": "avg"}, "adaptiveavgpool7"),
    "adaptivemaxpool": Word(AdaptivePool, "output_size", (), {"mode": "max"}, "adaptivemaxpool7"),
    "bn": Word(BatchNorm, "", _split("eps momentum noaffine"), {}, "bn"),
    "instancenorm": Word(InstanceNorm, "", _split("eps affine"), {}, "instancenorm"),
    "gn": Word(GroupNorm, "num_groups", _split("eps noaffine"), {}, "gn32"),
    "ln": Word(LayerNorm, "", _split("eps"), {}, "ln"),
    "dropout": Word(Dropout, "p", _split("spatial"), {}, "dropout0.5"),
    "up": Word(Upsample, "scale_factor", _split("bilinear corners"), {}, "up2 bilinear"),
    "shuffle": Word(PixelShuffle, "upscale_factor", (), {}, "shuffle2"),
    "unshuffle": Word(PixelUnshuffle, "downscale_factor", (), {}, "unshuffle2"),
    "pad": Word(Pad, "padding", COPYING_MODES, {}, "pad1 reflect"),
    "flatten": Word(Flatten, "", (), {}, "flatten"),
    "fc": Word(Linear, "out_features", _split("i nobias"), {}, "fc1000"),
    "se": Word(SqueezeExciteLayer, "reduction", (), {}, "se16"),
    "leaky_relu": Word(Activation, "negative_slope", (), {"name": "leaky_relu"}, "leaky_relu0.2"),
    **{
        name: Word(Activation, "", (), {"name": name}, name)
        for name in ACTIVATIONS
        if name != "leaky_relu"
    },
}
"""Every word that stands for a layer."""

ALIASES = {
    "conv2d": "conv",
    "convtranspose2d": "convt",
    "maxpool2d": "maxpool",
    "avgpool2d": "avgpool",
    "batchnorm2d": "bn",
    "convtranspose": "convt",
    "convtransposed": "convt",
    "deconv": "convt",
    "batchnorm": "bn",
    "groupnorm": "gn",
    "layernorm": "ln",
    "linear": "fc",
    "dense": "fc",
    "upsample": "up",
    "pixelshuffle": "shuffle",
    "pixelunshuffle": "unshuffle",
    "lrelu": "leaky_relu",
    "leakyrelu": "leaky_relu",
    "swish": "silu",
    "identity": "none",
    "globalavgpool": "gap",
    "globalmaxpool": "gmp",
    "squeezeexcite": "se",
}
"""The word for each other name of a layer; such names are read but never written."""
BLOCK_WORDS = ("residual", "concat")
"""The words that begin a block of layers."""

INTEGER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
DECIMAL = re.compile(
    r"-?(?:[0-9]{1,20}\.?[0-9]{0,24}|\.[0-9]{1,24})(?:e[-+]?[0-9]{1,3})?", re.ASCII
)


def split_word(atom: str) -> tuple[str, str]:
    """Split a word from its number: ``"conv3x5"`` into ``("conv", "3x5")``.

    Words that contain a digit, such as ``relu6``, are not split.
    """
    low = atom.lower()
    if low in WORDS or low in ALIASES or low in FLAGS:
        return low, ""
    letters = re.match(r"[a-z_]*", low)
    end = letters.end() if letters else 0
    return low[:end], low[end:]


def canonical_word(head: str) -> str:
    """The key of ``WORDS`` for a name or an alias; empty if there is none."""
    name = ALIASES.get(head, head)
    return name if name in WORDS else ""


def read_value(make: type[Leaf], name: str, text: str) -> object:
    """Read the number of a setting as the value of a layer's field.

    Args:
        make: class of the layer.
        name: name of the field.
        text: the number, e.g. ``"3"``, ``"3x5"`` for (height, width), or for padding
            ``"0:1"`` for (before, after).

    Raises:
        SpecError: the text is no such number.
    """
    if name in FLOAT_FIELDS:
        return _read_float(name, text)
    if name == "padding" and make in (Conv, Pad):
        sides = [_read_before_and_after(part) for part in _split_axes(name, text)]
        return (sides[0], sides[-1])
    if name in PAIR_FIELDS or name == "padding":
        numbers = [_read_int(name, part) for part in _split_axes(name, text)]
        return (numbers[0], numbers[-1])
    return _read_int(name, text)


def _split_axes(name: str, text: str) -> list[str]:
    """The parts of a number for (height, width), one part if they are equal."""
    parts = text.split("x", 2)
    if len(parts) > 2:
        raise SpecError(name, "must be one number or height x width, as in 3x5", text)
    return parts


def _read_before_and_after(text: str) -> tuple[int, int]:
    """Read the padding (before, after) of one axis."""
    parts = text.split(":", 2)
    if len(parts) > 2:
        raise SpecError("padding", "must be one number or before:after, as in 0:1", text)
    numbers = [_read_int("padding", part) for part in parts]
    return numbers[0], numbers[-1]


def _read_int(name: str, text: str) -> int:
    if not INTEGER.fullmatch(text):
        long = text.removeprefix("-").isdecimal() and text.isascii()
        rule = "must have at most 9 digits" if long else "must be a whole number"
        raise SpecError(name, rule, text or "nothing")
    return int(text)


def _read_float(name: str, text: str) -> float:
    if not DECIMAL.fullmatch(text):
        raise SpecError(name, "must be a number", text or "nothing")
    return float(text)


def write_value(make: type[Leaf], name: str, value: Any) -> str:
    """The text of a field's value, which ``read_value`` reads as the same value."""
    if name in FLOAT_FIELDS:
        return repr(float(value))
    if isinstance(value, int):
        return str(value)
    parts = [_write_sides(each) for each in value]
    return parts[0] if parts[0] == parts[1] else "x".join(parts)


def _write_sides(value: int | tuple[int, int]) -> str:
    """The text of a number, or of the padding (before, after) of one axis."""
    if isinstance(value, int):
        return str(value)
    return str(value[0]) if value[0] == value[1] else f"{value[0]}:{value[1]}"
