"""A training spec as a short line of text, e.g. ``strided depth=2 task=long_range seed=3``.

Links and names use it. The downsampling comes first, then every setting that is not at its
default. This module does not import torch.
"""

from __future__ import annotations

import re
from dataclasses import Field, fields
from typing import Any

from ..errors import SpecError
from .spec import DOWNSAMPLINGS, Digits, LongRange, Net, OwnImages, Task, TrainingSpec

MAX_TEXT = 600
"""Largest number of characters of a line; the text of every valid spec is shorter."""
_TASKS: dict[str, type[Digits] | type[LongRange]] = {t.kind: t for t in (Digits, LongRange)}
"""The task class of each kind."""
_SEPARATE = {"downsampling", "net", "task"}
"""Fields that are not written as ``name=value``."""
_PATTERNS: dict[type[Any], tuple[str, str]] = {
    bool: ("true|false", "true or false"),
    int: ("[0-9]{1,10}", "a whole number"),
    float: (r"[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?", "a number"),
    str: ("[a-z_]{1,20}", "a word"),
}
"""Regular expression and description of the text of each type of value."""


def to_text(spec: TrainingSpec) -> str:
    """The line that `from_text` reads as an equal spec; equal specs have the same line.

    Uploaded images are represented by their digest.
    """
    task: list[str] = []
    if isinstance(spec.task, OwnImages):
        task = [f"task={OwnImages.kind}", f"digest={spec.task.digest}"]
    elif spec.task != Digits():
        named = [f"task={spec.task.kind}"] if spec.task.kind != Digits.kind else []
        task = [*named, *_non_default(spec.task)]
    return " ".join([spec.net.downsampling, *_non_default(spec.net), *task, *_non_default(spec)])


def from_text(text: str, own: OwnImages | None = None) -> TrainingSpec:
    """Read a spec from the line of text that `to_text` writes.

    Args:
        text: the line; the settings after the downsampling may have any order.
        own: the uploaded images, if the line contains a digest.

    Raises:
        SpecError: the line is no spec, the images have another digest, or a setting is out of
            range.
    """
    if len(text) > MAX_TEXT:
        raise SpecError("run", f"must have at most {MAX_TEXT} characters", f"{len(text)}")
    first, *rest = text.split(" ")
    if first not in DOWNSAMPLINGS:
        rule = f"must begin with one of {', '.join(DOWNSAMPLINGS)}"
        raise SpecError("run", rule, _shortened(first))
    settings = _values_by_name(rest)
    kind = settings.pop("task", Digits.kind)
    task = (
        _own_images(settings.pop("digest", ""), own)
        if kind == OwnImages.kind
        else _pop_task(kind, settings)
    )
    net = Net(first, **_pop_settings(settings, Net))
    spec = TrainingSpec(net, task, **_pop_settings(settings, TrainingSpec))
    if settings:
        raise SpecError(
            "run", "must name settings of its net, task and training", _shortened(*settings)
        )
    return spec


def _setting_fields(kind: type[Any]) -> list[Field[Any]]:
    """The fields of a class that are written as ``name=value``."""
    return [each for each in fields(kind) if each.name not in _SEPARATE]


def _non_default(spec: Net | Digits | LongRange | TrainingSpec) -> list[str]:
    """``name=value`` of each setting that is not at its default."""
    pairs = []
    for each in _setting_fields(type(spec)):
        value = getattr(spec, each.name)
        if value != each.default:
            pairs.append(f"{each.name}={_value_text(value, type(each.default))}")
    return pairs


def _value_text(value: Any, kind: type[Any]) -> str:
    return str(value).lower() if kind is bool else str(kind(value) + kind())  # no minus zero


def _values_by_name(words: list[str]) -> dict[str, str]:
    """The value of each ``name=value``, by name."""
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in pairs:
            raise SpecError("run", "must go on with name=value, each name once", _shortened(word))
        pairs[name] = value
    return pairs


def _pop_task(kind: str, settings: dict[str, str]) -> Task:
    """A built-in task, whose settings are removed from ``settings``."""
    if kind not in _TASKS:
        rule = f"must be one of {', '.join([*_TASKS, OwnImages.kind])}"
        raise SpecError("task", rule, _shortened(kind))
    return _TASKS[kind](**_pop_settings(settings, _TASKS[kind]))


def _own_images(digest: str, own: OwnImages | None) -> OwnImages:
    """The uploaded images, checked to have this digest."""
    if own is None or own.digest != digest:
        rule = "must be that of images that are here; give the file once more"
        raise SpecError("digest", rule, _shortened(digest))
    return own


def _pop_settings(settings: dict[str, str], kind: type[Any]) -> dict[str, Any]:
    """The settings of a class, converted to its types; they are removed from ``settings``."""
    names = [each for each in _setting_fields(kind) if each.name in settings]
    return {
        each.name: _parsed_value(each.name, settings.pop(each.name), type(each.default))
        for each in names
    }


def _parsed_value(name: str, text: str, kind: type[Any]) -> Any:
    """Convert the text of a setting to its type."""
    shape, what = _PATTERNS[kind]
    if not re.fullmatch(shape, text):
        raise SpecError(name, f"must be {what}", _shortened(text))
    return text == "true" if kind is bool else kind(text)


def _shortened(*texts: str) -> str:
    text = ", ".join(texts)
    return repr(text if len(text) <= 40 else text[:40] + "…")
