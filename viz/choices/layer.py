"""From the URL's plain values to core's specs, and back.

``Values`` maps parameter names to whole numbers, names and switches. A second layer (for
comparing) has the same parameters with a suffix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.data import PICTURES
from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.board import BoardSpec, InputSpec, KernelSpec, Upload
from core.layer.kernels import PRESETS
from core.layer.operations import OPERATIONS, check, padded
from core.layer.padding import CONVENTIONS, FILLS, pytorch_int
from core.layer.window import Pads, Pair
from viz.params import Param, choice, decimal, number, plain, switch

Values = Mapping[str, Any]

MAX_SIDE, MAX_KERNEL, MAX_STRIDE, MAX_PADDING, MAX_DILATION = 64, 11, 8, 10, 6
MAX_CHANNELS = 4
UPLOAD = "upload"
SIDES = ("pad_top", "pad_bottom", "pad_left", "pad_right")

_RANGES: dict[str, tuple[int, int, int]] = {  # name: (default, lowest, highest)
    "kernel_size": (3, 1, MAX_KERNEL),
    "stride": (2, 1, MAX_STRIDE),
    "padding": (1, 0, MAX_PADDING),
    "dilation": (1, 1, MAX_DILATION),
    "output_padding": (0, 0, MAX_STRIDE - 1),
    "out_channels": (1, 1, MAX_CHANNELS),
    "groups": (1, 1, MAX_CHANNELS),
}
_TWO_SIDED = ("kernel_size", "stride", "padding", "dilation", "output_padding")


def width(name: str) -> str:
    """The parameter that holds the width when height and width are set apart."""
    return name.replace("kernel_size", "kernel") + "_width"


def layer_params(suffix: str = "") -> list[Param]:
    """Every setting of one layer."""
    params = [
        choice("operation" + suffix, "convolution", list(OPERATIONS)),
        switch("separate" + suffix),
        choice("convention" + suffix, "number", ["number", "sides", *CONVENTIONS]),
        choice("padding_mode" + suffix, "zeros", list(FILLS)),
        switch("ceil_mode" + suffix),
        switch("count_include_pad" + suffix, True),
        decimal("bias" + suffix, 0.0, -1000, 1000),
    ]
    params += [number(name + suffix, *limits) for name, limits in _RANGES.items()]
    params += [number(width(name) + suffix, *_RANGES[name]) for name in _TWO_SIDED]
    params += [number(side + suffix, 0, 0, MAX_PADDING) for side in SIDES]
    return params


def _edits_param(name: str, dimensions: int) -> Param:
    """Typed cells, as ``0.0.1.2:5_…``; kept as text, read by ``edits``."""

    def parse(text: str) -> str:
        edits(text, dimensions)
        return text

    return Param(name, "", parse)


def input_params() -> list[Param]:
    """The input and the kernel values, shared by the layers that are compared."""
    return [
        choice("picture", "china", [*PICTURES, UPLOAD]),
        number("input_height", 8, 1, MAX_SIDE),
        number("input_width", 8, 1, MAX_SIDE),
        number("in_channels", 1, 1, MAX_CHANNELS),
        number("seed", 0, 0, 9999),
        _edits_param("pixels", 3),
        choice("kernel", "sobel_x", list(PRESETS)),
        number("kernel_seed", 0, 0, 9999),
        _edits_param("weights", 4),
    ]


def edits(text: str, dimensions: int) -> tuple[tuple[tuple[int, ...], float], ...]:
    """``0.0.1.2:5_0.0.0.2:-1`` as ((index, value), …); ValueError when it is not that."""
    found: dict[tuple[int, ...], float] = {}
    for part in filter(None, text.split("_")):
        place, colon, value = part.partition(":")
        try:
            index = tuple(int(i) for i in place.split("."))
            found[index] = float(value)
        except ValueError:
            index = ()
        if not colon or len(index) != dimensions or not abs(found[index]) <= 1000:
            raise ValueError("must be cells like " + ".".join("0" * dimensions) + ":1.5")
    return tuple(sorted(found.items()))


SECOND = "_b"
"""Suffix of the second layer's parameters."""
COMPARE = {"off": "one board", "second": "beside a second", "classics": "the four classics"}


def _parse_pin(text: str) -> str:
    if not re.fullmatch(r"(\d:)?[iko]\d{1,3}\.\d{1,3}", text, re.ASCII):
        raise ValueError("must be a cell like o3.4")
    return text


VIEW = [
    number("step", -1, -1, 30_000),
    Param("pin", "", _parse_pin),
    number("channel", 0, 0, MAX_CHANNELS - 1),
    number("filter", 0, 0, MAX_CHANNELS - 1),
    number("speed", 0, 0, 120),
    switch("reads"),
    switch("loop"),
]
"""What is looked at: the player's own settings."""
PARAMS = [
    *layer_params(),
    *layer_params(SECOND),
    *input_params(),
    choice("compare", "off", list(COMPARE)),
    *VIEW,
]
"""Everything that decides the sweep page."""


def told(view: object) -> dict[str, Any]:
    """What the player tells of its view, held to the rules of a link; {} where it is none."""
    if not isinstance(view, dict):
        return {}
    found = {}
    for param in VIEW:
        value = view.get(param.name, "")
        try:
            found[param.name] = param.default if value == "" else param.parse(param.format(value))
        except (ValueError, TypeError):
            continue
    return found


def with_edit(text: str, index: tuple[int, ...], value: float) -> str:
    """The edits with one more cell typed."""
    cells = dict(edits(text, len(index))) | {index: value}
    return "_".join(f"{'.'.join(map(str, i))}:{plain(v)}" for i, v in sorted(cells.items()))


def size(values: Values) -> Pair:
    """(height, width) of the input."""
    return values["input_height"], values["input_width"]


def layer(values: Values, suffix: str = "") -> LayerSpec:
    """The layer, with the settings its operation has; SpecError when it cannot be."""

    def value(name: str) -> Any:
        return values[name + suffix]

    def both(name: str) -> Pair:
        return value(name), value(width(name) if value("separate") else name)

    operation, convention = OPERATIONS[value("operation")], value("convention")
    settings = {
        "padding": _pads(value, both("padding")),
        "dilation": both("dilation"),
        "out_channels": value("out_channels"),
        "groups": value("groups"),
        "padding_mode": value("padding_mode"),
        "ceil_mode": value("ceil_mode"),
        "count_include_pad": value("count_include_pad"),
        "output_padding": both("output_padding"),
        "bias": value("bias") != 0,
    }
    spec = LayerSpec(
        operation=value("operation"),
        kernel_size=both("kernel_size"),
        stride=both("stride"),
        in_channels=values["in_channels"],
        **{name: setting for name, setting in settings.items() if operation.has(name)},
    )
    return padded(spec, size(values), convention) if convention in CONVENTIONS else spec


def _pads(value: Callable[[str], Any], padding: Pair) -> Pads:
    """The padding that is given as a number or side by side."""
    if value("convention") == "sides":
        top, bottom, left, right = (value(side) for side in SIDES)
        return (top, bottom), (left, right)
    return pytorch_int(padding)


def board(values: Values, upload: Upload | None = None, suffix: str = "") -> BoardSpec:
    """The whole board; SpecError when the layer cannot be."""
    picture = values["picture"]
    if picture == UPLOAD:
        picture = upload or "china"
    return BoardSpec(
        layer(values, suffix),
        InputSpec(
            picture,
            size(values),
            values["in_channels"],
            values["seed"] if picture in PICTURES and PICTURES[picture].seeded else 0,
            edits(values["pixels"], 3),  # type: ignore[arg-type]
        ),
        KernelSpec(
            values["kernel"],
            values["kernel_seed"] if values["kernel"] == "random" else 0,
            edits(values["weights"], 4),  # type: ignore[arg-type]
            values["bias" + suffix],
        ),
    )


def expressible(spec: LayerSpec) -> bool:
    """Whether the controls reach this layer: a named convention can pad more than they can."""
    return max(max(side) for side in spec.padding) <= MAX_PADDING


def values_of(spec: LayerSpec, input_size: Pair, suffix: str = "") -> dict[str, Any]:
    """The parameters that make ``layer`` give this ``expressible`` spec on such an input."""
    pairs: dict[str, Pair] = {
        "kernel_size": spec.kernel_size,
        "stride": spec.stride,
        "dilation": spec.dilation,
        "output_padding": spec.output_padding,
    }
    (top, bottom), (left, right) = spec.padding
    values: dict[str, Any] = {
        name: getattr(spec, name)
        for name in ("operation", "padding_mode", "ceil_mode", "count_include_pad", "groups")
    }
    if spec.symmetric:
        pairs["padding"] = (top, left)
        values["convention"] = "number"
    else:
        values |= {"convention": "sides"} | dict(
            zip(SIDES, (top, bottom, left, right), strict=True)
        )
    if not OPERATIONS[spec.operation].channelwise:
        values["out_channels"] = spec.out_channels
    values["separate"] = any(height != across for height, across in pairs.values())
    for name, (height, across) in pairs.items():
        values[name] = height
        if values["separate"]:
            values[width(name)] = across
    named = {name + suffix: value for name, value in values.items()}
    return named | {"input_height": input_size[0], "input_width": input_size[1]}


def apart(values: Values, suffix: str = "") -> dict[str, Any]:
    """The widths as they are while height and width go together: where they start from apart."""
    return {width(name) + suffix: values[name + suffix] for name in _TWO_SIDED}


_AT_FAULT: dict[str, tuple[str, ...]] = {
    "padding": ("padding", "padding_width", *SIDES, "convention", "padding_mode"),
    "padding='same'": ("convention",),
    "kernel_size": ("kernel_size", "kernel_width", "dilation", "dilation_width"),
    "output_padding": ("output_padding", "output_padding_width"),
    "stride": ("stride", "stride_width"),
}


def settle(values: dict[str, Any], suffix: str = "") -> list[str]:
    """Change ``values`` in place until the layer can be run; one sentence for each change.

    The setting at fault goes to its nearest value that works.
    """
    defaults = {param.name: param.default for param in layer_params(suffix)}
    sentences: list[str] = []
    for _ in range(8):
        error = _error(values, suffix)
        if error is None:
            return sentences
        names = [n + suffix for n in _AT_FAULT.get(error.parameter, (error.parameter,))]
        changed = _nearest(values, [n for n in names if n in defaults], defaults, suffix)
        sentences.append(f"{_sentence(error)}. {changed}")
    values.update(defaults)  # out of ideas: the plain layer fits everything
    if _error(values, suffix) is not None:
        values.update({"input_height": 8, "input_width": 8, "in_channels": 1})
    return [*sentences, "The layer's settings are back at their defaults."]


def _sentence(error: SpecError) -> str:
    text = str(error)
    return text[0].upper() + text[1:]


def _error(values: Values, suffix: str) -> SpecError | None:
    try:
        check(layer(values, suffix), size(values))
    except SpecError as error:
        return error
    return None


def _nearest(values: dict[str, Any], names: list[str], defaults: Values, suffix: str) -> str:
    """Move the first of ``names`` that can mend the layer; all of them to default if none can."""
    ranges = {p + suffix: r for p, r in _RANGES.items()}
    ranges |= {width(p) + suffix: r for p, r in _RANGES.items() if p in _TWO_SIDED}
    ranges |= {side + suffix: (0, 0, MAX_PADDING) for side in SIDES}
    for name in names:
        current = values[name]
        if name in ranges:
            _, low, high = ranges[name]
            options = sorted(range(low, high + 1), key=lambda v: abs(v - current))
        else:
            options = [defaults[name]]
        for option in options:
            if _error({**values, name: option}, suffix) is None:
                values[name] = option
                return f"Set `{name}` to {option}."
    values.update({name: defaults[name] for name in names} or defaults)
    return "Set " + ", ".join(f"`{n}` to {defaults[n]}" for n in names or ["the layer"]) + "."
