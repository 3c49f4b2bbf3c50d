"""Error texts and suggestions for source that cannot be read."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from .errors import did_you_mean

ALTERNATIVES = {
    "Softmax": "leave it out: it changes no shape and no receptive field",
    "LogSoftmax": "leave it out: it changes no shape and no receptive field",
    "Softmax2d": "leave it out: it changes no shape and no receptive field",
    "PReLU": "write nn.LeakyReLU(0.25), which it is before training",
    "ModuleList": "write nn.Sequential, if the layers run one after the other",
    "Unfold": "write a convolution with the same window",
    "MultiheadAttention": "attention sees the whole image; it cannot be written here",
}
"""What to write instead of a torch class that cannot be read, by the class name."""


def dotted_name(node: ast.expr) -> str | None:
    """The dotted name that an expression consists of, e.g. ``torch.nn.Conv2d``, or None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def not_a_layer_message(node: ast.expr) -> tuple[str, None, str]:
    """(rule, value, hint) of the error for an expression that is no layer."""
    if isinstance(node, ast.Name | ast.Attribute):
        hint = "write the layer itself, with its brackets"
        return "cannot have names in the place of layers; nothing is executed", None, hint
    if isinstance(node, ast.Starred):
        return "cannot have *[...] here", None, "write every layer, one after the other"
    return "must have a layer here", None, "such as nn.Conv2d(3, 64, 3)"


def several_statements_message(values: Sequence[ast.expr]) -> tuple[ast.expr, str, None, str]:
    """(node, rule, value, hint) of the error for several statements, one an assignment."""
    for value in values:
        if not isinstance(value, ast.Call | ast.List | ast.Tuple):
            rule = "cannot have names for values here; nothing is executed"
            return value, rule, None, "write the value itself in each layer that uses it"
    rule = "must be one network, and several statements would have to be executed to join them"
    return values[1], rule, None, "write all layers inside one nn.Sequential(...)"


def unknown_class_message(node: ast.expr, names: Collection[str]) -> tuple[str, str | None, str]:
    """(rule, value, hint) of the error for a call of something that is no known layer.

    Args:
        node: the called expression.
        names: the known class names.
    """
    path = dotted_name(node)
    if path is None:
        return "can call layers by their names only; nothing is executed", None, ""
    name = path.rpartition(".")[2]
    return "has no such layer; nothing is executed", path, _suggestion(name, names)


def _suggestion(name: str, names: Collection[str]) -> str:
    """What to write instead of the unknown class ``name``; may be empty."""
    if name in ALTERNATIVES:
        return ALTERNATIVES[name]
    if name.endswith(("1d", "3d")) and f"{name[:-2]}2d" in names:
        return f"write nn.{name[:-2]}2d; one axis alone is a 1×k window"
    if name in names:
        return f"write nn.{name}"
    meant = did_you_mean(name, {each.lower(): each for each in names})
    spelled = {each.lower(): each for each in names}
    for low, right in spelled.items():
        meant = meant.replace(f"mean {low}?", f"mean nn.{right}?")
    return meant
