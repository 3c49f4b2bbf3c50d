"""Reading of one call of a torch class: binds, checks and translates its arguments."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from ...errors import SpecError
from ..layers import Conv, Dropout, Leaf, Linear, Pad, Upsample
from ..rules import MAX_INPUTS, bounded
from ..torch_forms import TorchForm
from .errors import did_you_mean
from .literals import literal
from .places import SourcePositions

STRING_ARGUMENTS = ("padding", "padding_mode", "mode")
"""Arguments that can be strings."""


@dataclass(frozen=True)
class ReadLayer:
    """A layer that was read from a call.

    Attributes:
        layer: the layer.
        input_channels: the number of input channels or features that the call declares; None if
            it declares none.
        at: syntax node of each argument.
    """

    layer: Leaf
    input_channels: int | None
    at: dict[str, ast.AST]


def read_call(node: ast.Call, form: TorchForm, positions: SourcePositions) -> ReadLayer:
    """Read the layer that a call constructs.

    Args:
        node: the call.
        form: the called class.
        positions: the positions of the source in the pasted text.

    Raises:
        NotationError: an argument is unknown, missing, repeated, no literal, or invalid.
    """
    at = _bound_arguments(node, form, positions)
    for name in form.required_arguments:
        if name not in at:
            raise positions.error(node, name, f"is missing; {form.name} needs it", "nothing")
    values = {name: _argument_value(name, each, form, positions) for name, each in at.items()}
    input_channels = _input_channels(form, values, at, positions)
    settings = {name: value for name, value in values.items() if name in form.settings}
    make: Any = form.make
    layer: Leaf = positions.build_at(node, lambda: make(**{**settings, **form.fixed}), at)
    return ReadLayer(layer, input_channels, dict(at))


def _bound_arguments(
    node: ast.Call, form: TorchForm, positions: SourcePositions
) -> dict[str, ast.expr]:
    """The expression of each argument of a call, by the argument's name."""
    if len(node.args) > len(form.arguments):
        rule = f"takes at most {len(form.arguments)} arguments: {_argument_names_text(form)}"
        raise positions.error(node.args[len(form.arguments)], form.name, rule)
    values = dict(zip(form.arguments, node.args, strict=False))
    for keyword in node.keywords:
        name = keyword.arg or "**"
        if name in values:
            raise positions.error(keyword, name, f"is given twice to {form.name}")
        if name not in (*form.arguments, *form.constant):
            rule = f"is no argument of {form.name} here; it takes {_argument_names_text(form)}"
            raise positions.error(keyword, name, rule, None, did_you_mean(name, form.arguments))
        values[name] = keyword.value
    return values


def _argument_names_text(form: TorchForm) -> str:
    """The arguments that can be specified, for an error message."""
    return ", ".join(name for name in form.arguments if name not in form.constant) or "none"


def _argument_value(
    name: str, node: ast.expr, form: TorchForm, positions: SourcePositions
) -> object:
    """The value of one argument, translated to that of the layer's field."""
    try:
        value = literal(node)
    except SpecError as error:
        raise positions.error(node, name, error.rule, error.value) from None
    if name in form.constant:
        wanted = form.constant[name]
        if type(value) is not type(wanted) or value != wanted:
            raise positions.error(node, name, f"can only be {wanted!r} here; leave it out", value)
    elif name not in form.ignored:
        return positions.build_at(node, lambda: _translated_value(form, name, value))
    return value


def _translated_value(form: TorchForm, name: str, value: object) -> object:
    """Translate the value of torch's argument ``name`` to that of the layer's field.

    Raises:
        SpecError: torch's argument has another form.
    """
    if value is None and name in form.required_arguments:
        raise SpecError(name, "must be a number", None)
    if isinstance(value, str) and name not in STRING_ARGUMENTS:
        raise SpecError(name, "must be no text", value)
    if isinstance(value, tuple):
        return _translated_tuple(form, name, value)
    if form.make is Conv and name == "padding" and value == "valid":
        return 0
    if form.make is Upsample and name == "align_corners" and value is None:
        return False
    return _as_int_if_whole(value) if name == "scale_factor" else value


def _translated_tuple(form: TorchForm, name: str, value: tuple[object, ...]) -> object:
    """Translate a tuple, as `_translated_value` does."""
    if any(isinstance(each, tuple | str) or each is None for each in value):
        raise SpecError(name, "must hold numbers only", value)
    if form.make is Pad:
        if len(value) != 4:
            raise SpecError(name, "must be one number or (left, right, top, bottom)", value)
        left, right, top, bottom = value
        return (top, bottom), (left, right)
    return tuple(map(_as_int_if_whole, value)) if name == "scale_factor" else value


def _as_int_if_whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _input_channels(
    form: TorchForm, values: dict[str, object], at: dict[str, ast.expr], positions: SourcePositions
) -> int | None:
    """The number of input channels or features that the call declares; None if it declares none."""
    if not form.input_argument:
        return None
    name, value = form.input_argument, values[form.input_argument]
    if isinstance(value, tuple):
        rule = "must be one number, the features that arrive"
        if len(value) != 1:
            raise positions.error(at[name], name, rule, value)
        value = value[0]
    return positions.build_at(at[name], lambda: bounded(name, value, 1, MAX_INPUTS))


def channel_mismatch_message(form: TorchForm, declared: int, expected: int) -> tuple[str, str, int]:
    """(parameter, rule, value) of the error for a layer with a wrong number of input channels.

    Args:
        form: the layer's class.
        declared: the number that the layer declares.
        expected: the number of output channels of the layer before it.
    """
    others = {
        "Linear": f"mat1 and mat2 shapes cannot be multiplied (1x{expected} and {declared}x…)",
        "GroupNorm": "Expected weight to be a vector of size equal to the number of channels",
        "LayerNorm": f"Given normalized_shape=[{declared}], expected input with shape "
        f"[*, {declared}]",
    }
    for name in ("BatchNorm1d", "BatchNorm2d"):
        others[name] = f"running_mean should contain {expected} elements not {declared}"
    conv = f"to have {declared} channels, but got {expected} channels instead"
    said = others.get(form.name, conv if "Conv" in form.name else "")
    if not said:
        return form.input_argument, f"must be {expected}, as many as arrive", declared
    rule = f"must be {expected}, as many as arrive; torch would say: {said}"
    return form.input_argument, rule, declared


def misplaced_layer_rule(form: TorchForm, layer: Leaf, flat: bool) -> str:
    """The rule that a layer breaks if it needs flattened input or a map; empty if it fits.

    Args:
        form: the layer's class.
        layer: the layer.
        flat: whether its input is flattened.
    """
    if isinstance(layer, Linear) and not flat:
        return "must stand behind nn.Flatten(); torch would apply it to each row of pixels"
    if form.flat is None and not (isinstance(layer, Dropout) and layer.spatial and flat):
        return ""
    if form.flat is True and not flat:
        other = "nn.BatchNorm2d" if form.name == "BatchNorm1d" else "nn.GroupNorm(1, channels)"
        return f"is for flattened input here; write {other}, or nn.Flatten() before it"
    if flat and form.flat is not True:
        return "is for pictures; put it before nn.Flatten()"
    return ""
