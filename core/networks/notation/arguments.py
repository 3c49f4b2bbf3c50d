"""Reads one call of a torch layer: binds, checks and translates its arguments."""

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

TEXTS = ("padding", "padding_mode", "mode")


@dataclass(frozen=True)
class ReadLayer:
    """A layer that was read from a call.

    Attributes:
        layer: the layer.
        arriving: the channels or features it says must arrive, None if it does not say.
        at: where each argument stands.
    """

    layer: Leaf
    arriving: int | None
    at: dict[str, ast.AST]


def read_call(node: ast.Call, form: TorchForm, places: SourcePositions) -> ReadLayer:
    """The layer a call makes.

    Raises:
        NotationError: an argument is unknown, missing, given twice, no literal or no
            setting that can work.
    """
    at = _bound(node, form, places)
    for name in form.needed:
        if name not in at:
            raise places.error(node, name, f"is missing; {form.name} needs it", "nothing")
    values = {name: _value(name, each, form, places) for name, each in at.items()}
    arriving = _arriving(form, values, at, places)
    own = {name: value for name, value in values.items() if name in form.settings}
    make: Any = form.make
    layer: Leaf = places.build_at(node, lambda: make(**{**own, **form.fixed}), at)
    return ReadLayer(layer, arriving, dict(at))


def _bound(node: ast.Call, form: TorchForm, places: SourcePositions) -> dict[str, ast.expr]:
    """Each argument's name and expression."""
    if len(node.args) > len(form.arguments):
        rule = f"takes at most {len(form.arguments)} arguments: {_takes(form)}"
        raise places.error(node.args[len(form.arguments)], form.name, rule)
    values = dict(zip(form.arguments, node.args, strict=False))
    for keyword in node.keywords:
        name = keyword.arg or "**"
        if name in values:
            raise places.error(keyword, name, f"is given twice to {form.name}")
        if name not in (*form.arguments, *form.constant):
            rule = f"is no argument of {form.name} here; it takes {_takes(form)}"
            raise places.error(keyword, name, rule, None, did_you_mean(name, form.arguments))
        values[name] = keyword.value
    return values


def _takes(form: TorchForm) -> str:
    return ", ".join(name for name in form.arguments if name not in form.constant) or "none"


def _value(name: str, node: ast.expr, form: TorchForm, places: SourcePositions) -> object:
    """One argument as the value of its field."""
    try:
        value = literal(node)
    except SpecError as error:
        raise places.error(node, name, error.rule, error.value) from None
    if name in form.constant:
        wanted = form.constant[name]
        if type(value) is not type(wanted) or value != wanted:
            raise places.error(node, name, f"can only be {wanted!r} here; leave it out", value)
    elif name not in form.ignored:
        return places.build_at(node, lambda: _translated(form, name, value))
    return value


def _translated(form: TorchForm, name: str, value: object) -> object:
    """A setting in torch's form as the value of the layer's field.

    Raises:
        SpecError: torch does not say it like that.
    """
    if value is None and name in form.needed:
        raise SpecError(name, "must be a number", None)
    if isinstance(value, str) and name not in TEXTS:
        raise SpecError(name, "must be no text", value)
    if isinstance(value, tuple):
        return _several(form, name, value)
    if form.make is Conv and name == "padding" and value == "valid":
        return 0
    if form.make is Upsample and name == "align_corners" and value is None:
        return False
    return _whole_if_it_is(value) if name == "scale_factor" else value


def _several(form: TorchForm, name: str, value: tuple[object, ...]) -> object:
    if any(isinstance(each, tuple | str) or each is None for each in value):
        raise SpecError(name, "must hold numbers only", value)
    if form.make is Pad:
        if len(value) != 4:
            raise SpecError(name, "must be one number or (left, right, top, bottom)", value)
        left, right, top, bottom = value
        return (top, bottom), (left, right)
    return tuple(map(_whole_if_it_is, value)) if name == "scale_factor" else value


def _whole_if_it_is(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _arriving(
    form: TorchForm, values: dict[str, object], at: dict[str, ast.expr], places: SourcePositions
) -> int | None:
    if not form.arriving:
        return None
    name, value = form.arriving, values[form.arriving]
    if isinstance(value, tuple):
        rule = "must be one number, the features that arrive"
        if len(value) != 1:
            raise places.error(at[name], name, rule, value)
        value = value[0]
    return places.build_at(at[name], lambda: bounded(name, value, 1, MAX_INPUTS))


def mismatch(form: TorchForm, arriving: int, expected: int) -> tuple[str, str, int]:
    """Parameter, rule and value of a layer that takes another number than arrives."""
    others = {
        "Linear": f"mat1 and mat2 shapes cannot be multiplied (1x{expected} and {arriving}x…)",
        "GroupNorm": "Expected weight to be a vector of size equal to the number of channels",
        "LayerNorm": f"Given normalized_shape=[{arriving}], expected input with shape "
        f"[*, {arriving}]",
    }
    for name in ("BatchNorm1d", "BatchNorm2d"):
        others[name] = f"running_mean should contain {expected} elements not {arriving}"
    conv = f"to have {arriving} channels, but got {expected} channels instead"
    said = others.get(form.name, conv if "Conv" in form.name else "")
    if not said:
        return form.arriving, f"must be {expected}, as many as arrive", arriving
    rule = f"must be {expected}, as many as arrive; torch would say: {said}"
    return form.arriving, rule, arriving


def misplaced(form: TorchForm, layer: Leaf, flat: bool) -> str:
    """What to do about a layer that is for the other kind of input, or an empty string."""
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
