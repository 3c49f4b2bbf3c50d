"""A network as the one-line notation."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from ..blocks import ConcatBlock, Layer, NetworkSpec, Repeat, ResidualBlock
from ..layers import Leaf
from .words import FLAGS, KEYS, WORDS, Word, write_value


def to_notation(spec: NetworkSpec) -> str:
    """The network in one line, in its shortest form; ``parse`` gives the same spec back."""
    return chain_to_notation(spec.layers)


def chain_to_notation(layers: tuple[Layer, ...]) -> str:
    """Layers with commas between; empty for none."""
    return ", ".join(map(layer_to_notation, layers))


def layer_to_notation(layer: Layer) -> str:
    """One layer, or a block with all it holds."""
    if isinstance(layer, Repeat):
        return f"{layer.times}x[{chain_to_notation(layer.body)}]"
    if isinstance(layer, ConcatBlock):
        branches = " | ".join(map(chain_to_notation, layer.branches))
        return f"concat[{branches}]"
    if isinstance(layer, ResidualBlock):
        branches = " | ".join(map(chain_to_notation, filter(None, layer.branches)))
        return f"residual[{branches}]"
    return _leaf(layer)


def _leaf(layer: Leaf) -> str:
    name, word = next(each for each in WORDS.items() if _fits(each[1], layer))
    usual = _usual(word, layer)
    text = name
    main = getattr(layer, word.main) if word.main else None
    if word.main and (word.main in _needed(layer) or main != getattr(usual, word.main)):
        text += write_value(word.make, word.main, main)
    settings = (_setting(key, layer, usual) for key in word.keys)
    return " ".join([text, *filter(None, settings)])


def _fits(word: Word, layer: Leaf) -> bool:
    return word.make is type(layer) and all(
        getattr(layer, name) == value for name, value in word.fixed.items()
    )


def _needed(layer: Leaf) -> list[str]:
    return [each.name for each in fields(layer) if each.init and each.default is MISSING]


def _usual(word: Word, layer: Leaf) -> Leaf:
    """The layer as it is when nothing is written behind the word."""
    make: Any = word.make
    values = {name: getattr(layer, name) for name in _needed(layer)}
    usual: Leaf = make(**{**values, **word.fixed})
    return usual


def _setting(key: str, layer: Leaf, usual: Leaf) -> str:
    name, wanted = FLAGS[key] if key in FLAGS else (KEYS[key], None)
    value = getattr(layer, name)
    if value == getattr(usual, name):
        return ""
    if key in FLAGS:
        return key if value == wanted else ""
    return "" if isinstance(value, str) else key + write_value(type(layer), name, value)
