"""A run as a short line of text, for links and names: ``strided depth=2 task=long_range seed=3``.

The downsampling comes first, then every setting that is not the default. Needs no torch.
"""

from __future__ import annotations

import re
from dataclasses import Field, fields
from typing import Any

from ..errors import SpecError
from .spec import DOWNSAMPLINGS, Digits, LongRange, Net, OwnImages, Task, TrainingSpec

MAX_TEXT = 600
"""Most characters of a line; the longest text of a spec is shorter."""
_TASKS: dict[str, type[Digits] | type[LongRange]] = {t.kind: t for t in (Digits, LongRange)}
_SEPARATE = {"downsampling", "net", "task"}
_SHAPES: dict[type[Any], tuple[str, str]] = {
    bool: ("true|false", "true or false"),
    int: ("[0-9]{1,10}", "a whole number"),
    float: (r"[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?", "a number"),
    str: ("[a-z_]{1,20}", "a word"),
}


def to_text(spec: TrainingSpec) -> str:
    """The line that `from_text` reads as an equal spec; equal specs have the same line.

    Uploaded images are named by their digest.
    """
    task: list[str] = []
    if isinstance(spec.task, OwnImages):
        task = [f"task={OwnImages.kind}", f"digest={spec.task.digest}"]
    elif spec.task != Digits():
        named = [f"task={spec.task.kind}"] if spec.task.kind != Digits.kind else []
        task = [*named, *_changed(spec.task)]
    return " ".join([spec.net.downsampling, *_changed(spec.net), *task, *_changed(spec)])


def from_text(text: str, own: OwnImages | None = None) -> TrainingSpec:
    """The spec of a line.

    Args:
        text: as `to_text` writes it; the order of what follows the downsampling is free.
        own: the images, where the line names a digest.

    Raises:
        SpecError: anything else, images of another digest, a setting out of range.
    """
    if len(text) > MAX_TEXT:
        raise SpecError("run", f"must have at most {MAX_TEXT} characters", f"{len(text)}")
    first, *rest = text.split(" ")
    if first not in DOWNSAMPLINGS:
        rule = f"must begin with one of {', '.join(DOWNSAMPLINGS)}"
        raise SpecError("run", rule, _short(first))
    settings = _pairs(rest)
    kind = settings.pop("task", Digits.kind)
    task = (
        _own(settings.pop("digest", ""), own) if kind == OwnImages.kind else _task(kind, settings)
    )
    net = Net(first, **_taken(settings, Net))
    spec = TrainingSpec(net, task, **_taken(settings, TrainingSpec))
    if settings:
        raise SpecError(
            "run", "must name settings of its net, task and training", _short(*settings)
        )
    return spec


def _settings(kind: type[Any]) -> list[Field[Any]]:
    return [each for each in fields(kind) if each.name not in _SEPARATE]


def _changed(spec: Net | Digits | LongRange | TrainingSpec) -> list[str]:
    """``name=value`` of what is not the default."""
    pairs = []
    for each in _settings(type(spec)):
        value = getattr(spec, each.name)
        if value != each.default:
            pairs.append(f"{each.name}={_written(value, type(each.default))}")
    return pairs


def _written(value: Any, kind: type[Any]) -> str:
    return str(value).lower() if kind is bool else str(kind(value) + kind())  # no minus zero


def _pairs(words: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in pairs:
            raise SpecError("run", "must go on with name=value, each name once", _short(word))
        pairs[name] = value
    return pairs


def _task(kind: str, settings: dict[str, str]) -> Task:
    if kind not in _TASKS:
        rule = f"must be one of {', '.join([*_TASKS, OwnImages.kind])}"
        raise SpecError("task", rule, _short(kind))
    return _TASKS[kind](**_taken(settings, _TASKS[kind]))


def _own(digest: str, own: OwnImages | None) -> OwnImages:
    if own is None or own.digest != digest:
        rule = "must be that of images that are here; give the file once more"
        raise SpecError("digest", rule, _short(digest))
    return own


def _taken(settings: dict[str, str], kind: type[Any]) -> dict[str, Any]:
    """The settings that belong to a class as values; they are removed from ``settings``."""
    names = [each for each in _settings(kind) if each.name in settings]
    return {
        each.name: _value(each.name, settings.pop(each.name), type(each.default)) for each in names
    }


def _value(name: str, text: str, kind: type[Any]) -> Any:
    shape, what = _SHAPES[kind]
    if not re.fullmatch(shape, text):
        raise SpecError(name, f"must be {what}", _short(text))
    return text == "true" if kind is bool else kind(text)


def _short(*texts: str) -> str:
    text = ", ".join(texts)
    return repr(text if len(text) <= 40 else text[:40] + "…")
