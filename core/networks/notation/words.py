"""The words of the one-line notation: one table, for reading and writing."""

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
    """One word and the layer it makes.

    Attributes:
        make: class of the layer.
        main: the field set by the number glued to the word, as 3 is in ``conv3``.
        keys: what may follow it: of ``KEYS`` and ``FLAGS``, in the order they are written.
        fixed: fields the word implies.
        example: how it is written.
    """

    make: type[Leaf]
    main: str = ""
    keys: tuple[str, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=dict)
    example: str = ""


MODES = ("reflect", "replicate", "circular")
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
"""Settings written with a number, and their fields."""
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
    **{mode: ("padding_mode", mode) for mode in MODES},
}
"""Settings that are words, and the fields they set."""
PAIRS = ("kernel_size", "stride", "dilation", "output_padding", "scale_factor", "output_size")
REALS = ("eps", "momentum", "p", "negative_slope", "norm_type")


def _keys(text: str) -> tuple[str, ...]:
    return tuple(text.split())


WORDS: dict[str, Word] = {
    "conv": Word(
        Conv, "kernel_size", (*_keys("s p same d g dw c nobias"), *MODES), {}, "conv3 s2 p1 c64"
    ),
    "convt": Word(
        ConvTranspose, "kernel_size", _keys("s p op d g dw c nobias"), {}, "convt4 s2 p1 c32"
    ),
    "maxpool": Word(MaxPool, "kernel_size", _keys("s p d ceil"), {}, "maxpool3 s2 p1"),
    "avgpool": Word(AvgPool, "kernel_size", _keys("s p ceil nopad"), {}, "avgpool2"),
    "lppool": Word(LpPool, "kernel_size", _keys("s n ceil"), {}, "lppool2 n2"),
    "gap": Word(AdaptivePool, "", (), {"mode": "avg", "output_size": (1, 1)}, "gap"),
    "gmp": Word(AdaptivePool, "", (), {"mode": "max", "output_size": (1, 1)}, "gmp"),
    "adaptiveavgpool": Word(AdaptivePool, "output_size", (), {"mode": "avg"}, "adaptiveavgpool7"),
    "adaptivemaxpool": Word(AdaptivePool, "output_size", (), {"mode": "max"}, "adaptivemaxpool7"),
    "bn": Word(BatchNorm, "", _keys("eps momentum noaffine"), {}, "bn"),
    "instancenorm": Word(InstanceNorm, "", _keys("eps affine"), {}, "instancenorm"),
    "gn": Word(GroupNorm, "num_groups", _keys("eps noaffine"), {}, "gn32"),
    "ln": Word(LayerNorm, "", _keys("eps"), {}, "ln"),
    "dropout": Word(Dropout, "p", _keys("spatial"), {}, "dropout0.5"),
    "up": Word(Upsample, "scale_factor", _keys("bilinear corners"), {}, "up2 bilinear"),
    "shuffle": Word(PixelShuffle, "upscale_factor", (), {}, "shuffle2"),
    "unshuffle": Word(PixelUnshuffle, "downscale_factor", (), {}, "unshuffle2"),
    "pad": Word(Pad, "padding", MODES, {}, "pad1 reflect"),
    "flatten": Word(Flatten, "", (), {}, "flatten"),
    "fc": Word(Linear, "out_features", _keys("i nobias"), {}, "fc1000"),
    "se": Word(SqueezeExciteLayer, "reduction", (), {}, "se16"),
    "leaky_relu": Word(Activation, "negative_slope", (), {"name": "leaky_relu"}, "leaky_relu0.2"),
    **{
        name: Word(Activation, "", (), {"name": name}, name)
        for name in ACTIVATIONS
        if name != "leaky_relu"
    },
}
"""Every word that is a layer."""

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
"""Other names that are read, never written."""
BLOCK_WORDS = ("residual", "concat")

WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)
REAL = re.compile(r"-?(?:[0-9]{1,20}\.?[0-9]{0,24}|\.[0-9]{1,24})(?:e[-+]?[0-9]{1,3})?", re.ASCII)


def split_word(atom: str) -> tuple[str, str]:
    """``"conv3x5"`` as ``("conv", "3x5")``; a word with a digit of its own stays whole."""
    low = atom.lower()
    if low in WORDS or low in ALIASES or low in FLAGS:
        return low, ""
    letters = re.match(r"[a-z_]*", low)
    end = letters.end() if letters else 0
    return low[:end], low[end:]


def word_of(head: str) -> str:
    """The word of the table a name stands for, or an empty string."""
    name = ALIASES.get(head, head)
    return name if name in WORDS else ""


def read_value(make: type[Leaf], name: str, text: str) -> object:
    """A number as it is written behind a word, for one field of a layer.

    Raises:
        SpecError: it is not written as such a number is.
    """
    if name in REALS:
        return _real(name, text)
    if name == "padding" and make in (Conv, Pad):
        sides = [_sides(part) for part in _axes(name, text)]
        return (sides[0], sides[-1])
    if name in PAIRS or name == "padding":
        numbers = [_whole(name, part) for part in _axes(name, text)]
        return (numbers[0], numbers[-1])
    return _whole(name, text)


def _axes(name: str, text: str) -> list[str]:
    parts = text.split("x", 2)
    if len(parts) > 2:
        raise SpecError(name, "must be one number or height x width, as in 3x5", text)
    return parts


def _sides(text: str) -> tuple[int, int]:
    parts = text.split(":", 2)
    if len(parts) > 2:
        raise SpecError("padding", "must be one number or before:after, as in 0:1", text)
    numbers = [_whole("padding", part) for part in parts]
    return numbers[0], numbers[-1]


def _whole(name: str, text: str) -> int:
    if not WHOLE.fullmatch(text):
        long = text.removeprefix("-").isdecimal() and text.isascii()
        rule = "must have at most 9 digits" if long else "must be a whole number"
        raise SpecError(name, rule, text or "nothing")
    return int(text)


def _real(name: str, text: str) -> float:
    if not REAL.fullmatch(text):
        raise SpecError(name, "must be a number", text or "nothing")
    return float(text)


def write_value(make: type[Leaf], name: str, value: Any) -> str:
    """The inverse of ``read_value``."""
    if name in REALS:
        return repr(float(value))
    if isinstance(value, int):
        return str(value)
    parts = [_write_sides(each) for each in value]
    return parts[0] if parts[0] == parts[1] else "x".join(parts)


def _write_sides(value: int | tuple[int, int]) -> str:
    if isinstance(value, int):
        return str(value)
    return str(value[0]) if value[0] == value[1] else f"{value[0]}:{value[1]}"
