"""Writing networks in the one-line notation."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from ..blocks import ConcatBlock, Layer, NetworkSpec, Repeat, ResidualBlock
from ..layers import Leaf
from .words import FLAGS, KEYS, WORDS, Word, write_value


def to_notation(spec: NetworkSpec) -> str:
    """The shortest notation of the network, which ``parse`` reads as the same spec."""
    return chain_to_notation(spec.layers)


def chain_to_notation(layers: tuple[Layer, ...]) -> str:
    """The notation of a sequence of layers, separated by commas; empty for no layers."""
    return ", ".join(map(layer_to_notation, layers))


def layer_to_notation(layer: Layer) -> str:
    """The notation of one layer or block."""
    if isinstance(layer, Repeat):
        return f"{layer.times}x[{chain_to_notation(layer.body)}]"
    if isinstance(layer, ConcatBlock):
        branches = " | ".join(map(chain_to_notation, layer.branches))
        return f"concat[{branches}]"
    if isinstance(layer, ResidualBlock):
        branches = " | ".join(map(chain_to_notation, filter(None, layer.branches)))
        return f"residual[{branches}]"
    return _leaf_notation(layer)


def _leaf_notation(layer: Leaf) -> str:
    """The notation of a layer without other layers, without settings at their default."""
    name, word = next(each for each in WORDS.items() if _word_matches(each[1], layer))
    default = _default_layer(word, layer)
    text = name
    main = getattr(layer, word.main) if word.main else None
    if word.main and (word.main in _required_fields(layer) or main != getattr(default, word.main)):
        text += write_value(word.make, word.main, main)
    settings = (_setting_text(key, layer, default) for key in word.keys)
    return " ".join([text, *filter(None, settings)])


def _word_matches(word: Word, layer: Leaf) -> bool:
    """Whether a word stands for layers of this class with these implied fields."""
    return word.make is type(layer) and all(
        getattr(layer, name) == value for name, value in word.fixed.items()
    )


def _required_fields(layer: Leaf) -> list[str]:
    return [each.name for each in fields(layer) if each.init and each.default is MISSING]


def _default_layer(word: Word, layer: Leaf) -> Leaf:
    """The layer with all fields at their default, except those that have none."""
    make: Any = word.make
    values = {name: getattr(layer, name) for name in _required_fields(layer)}
    default: Leaf = make(**{**values, **word.fixed})
    return default


def _setting_text(key: str, layer: Leaf, default: Leaf) -> str:
    """The text of one setting of a layer; empty where it equals the default."""
    name, flag_value = FLAGS[key] if key in FLAGS else (KEYS[key], None)
    value = getattr(layer, name)
    if value == getattr(default, name):
        return ""
    if key in FLAGS:
        return key if value == flag_value else ""
    return "" if isinstance(value, str) else key + write_value(type(layer), name, value)
