"""From the URL's plain values to core's specs, and back.

``Values`` maps parameter names to whole numbers, names and switches. A second layer (for
comparing) has the same parameters with a suffix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from core.data import PICTURES
from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.board import BoardSpec, InputSpec, KernelSpec, Upload
from core.layer.kernels import PRESETS
from core.layer.operations import MAX_OUTPUT_SIDE, OPERATIONS, check, padded
from core.layer.padding import CONVENTIONS, FILLS, pytorch_int
from core.layer.window import Pads, Pair
from viz.params import (
    Param,
    Values,
    choice,
    decimal,
    defaults,
    number,
    pattern,
    plain,
    switch,
)

MAX_SIDE, MAX_KERNEL, MAX_STRIDE, MAX_PADDING, MAX_DILATION = 64, 11, 8, 10, 6
MAX_CHANNELS = 4
MAX_SEED = 9999
UPLOAD = "upload"
SIDES = ("pad_top", "pad_bottom", "pad_left", "pad_right")

PICTURE_LABELS = {name: picture.label for name, picture in PICTURES.items()}
_BOTH_AXES = (
    number(
        *("kernel_size", 3, 1, MAX_KERNEL, "kernel_size — window"),
        help="Side of the window in pixels.",
    ),
    number(
        *("stride", 2, 1, MAX_STRIDE, "stride — step"),
        help="How many pixels the window moves from one output to the next.",
    ),
    number(
        *("padding", 1, 0, MAX_PADDING, "padding — border"),
        help="Pixels put around the picture on each side.",
    ),
    number(
        *("dilation", 1, 1, MAX_DILATION, "dilation — spacing of taps"),
        help="Distance between neighbouring taps of the kernel; 1 leaves no gaps.",
    ),
    number(
        *("output_padding", 0, 0, MAX_STRIDE - 1, "output_padding — extra rows"),
        help="Rows and columns added to one side of a transposed convolution's output.",
    ),
)
_TWO_SIDED = tuple(param.name for param in _BOTH_AXES)


def width(name: str) -> str:
    """The parameter that holds the width when height and width are set apart."""
    return name.replace("kernel_size", "kernel") + "_width"


@cache
def layer_params(suffix: str = "") -> tuple[Param, ...]:
    """Every setting of one layer."""
    lengths = [
        *_BOTH_AXES,
        *(replace(param, name=width(param.name), label="width →") for param in _BOTH_AXES),
        *(number(side, 0, 0, MAX_PADDING, side.removeprefix("pad_")) for side in SIDES),
    ]
    params = [
        choice(
            *("operation", "convolution"),
            {name: operation.label for name, operation in OPERATIONS.items()},
            "operation",
        ),
        switch("separate", label="height and width apart"),
        choice(
            *("convention", "number", ["number", "sides", *CONVENTIONS], "how padding is given"),
            help="One number, a number for each side, or a framework's rule.",
        ),
        choice(
            *("padding_mode", "zeros", {name: f"{name}: {text}" for name, text in FILLS.items()}),
            "padding_mode — what fills the padding",
        ),
        switch("ceil_mode", label="ceil_mode — round the size up"),
        switch("count_include_pad", True, "count_include_pad — padding counts in the mean"),
        decimal("bias", 0.0, -1000, 1000, "bias — added to every sum", step=1.0),
        *(replace(param, kind="slider", unit="px") for param in lengths),
        choice("out_channels", 1, range(1, MAX_CHANNELS + 1), "out_channels — filters"),
        choice(
            *("groups", 1, range(1, MAX_CHANNELS + 1), "groups"),
            help="Channels are split into this many groups; each filter reads one group only.",
        ),
    ]
    return tuple(replace(param, name=param.name + suffix) for param in params)


def _edits_param(name: str, dimensions: int) -> Param:
    """Typed cells, as ``0.0.1.2:5_…``; kept as text, read by ``edits``."""

    def parse(text: str) -> str:
        edits(text, dimensions)
        return text

    return Param(name, "", parse)


def input_params() -> list[Param]:
    """The input and the kernel values, shared by the layers that are compared."""
    return [
        *picture_params({**PICTURE_LABELS, UPLOAD: "your own…"}),
        number("input_height", 8, 1, MAX_SIDE, "input height", unit="px"),
        number("input_width", 8, 1, MAX_SIDE, "input width", unit="px"),
        choice(
            *("in_channels", 1, range(1, MAX_CHANNELS + 1), "in_channels"),
            help="3 is red, green, blue.",
        ),
        _edits_param("pixels", 3),
        *weights_params(),
        _edits_param("weights", 4),
    ]


def picture_params(labels: Mapping[str, str] = PICTURE_LABELS) -> list[Param]:
    """The picture, and which one where it is drawn."""
    return [
        choice("picture", "china", labels, "picture"),
        number("seed", 0, 0, MAX_SEED, "seed — which one"),
    ]


def weights_params() -> list[Param]:
    """The values of a kernel."""
    labels = {name: preset.label for name, preset in PRESETS.items()}
    return [
        choice("kernel", "sobel_x", labels, "weights"),
        number("kernel_seed", 0, 0, MAX_SEED, "seed of the weights"),
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


VIEW = [
    number("step", -1, -1, 30_000),
    pattern("pin", "", r"(\d:)?[iko]\d{1,3}\.\d{1,3}", "a cell like o3.4"),
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
    choice("compare", "off", COMPARE),
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


def settle(
    values: dict[str, Any], suffix: str = "", limit: int | None = MAX_OUTPUT_SIDE
) -> list[str]:
    """Change ``values`` in place until the layer can be run; one sentence for each change.

    The setting at fault goes to its nearest value that works.

    Args:
        values: of all parameters of the layer and its input.
        suffix: of the layer's parameters.
        limit: longest side of an output that can be run; None for any.
    """
    params = {param.name: param for param in layer_params(suffix)}
    plain = defaults(list(params.values()))
    sentences: list[str] = []
    for _ in range(8):
        error = refusal(values, suffix, limit)
        if error is None:
            return sentences
        names = [n + suffix for n in _AT_FAULT.get(error.parameter, (error.parameter,))]
        at_fault = [params[name] for name in names if name in params]
        change = _nearest(values, at_fault, suffix, limit)
        values.update(change or plain)
        changed = ", ".join(f"`{name}` to {value}" for name, value in change.items())
        why = f"`{error.parameter}` {error.rule}"
        sentences.append(f"{why}. Set {changed or 'all to the defaults'}.")
    values.update(plain)  # out of ideas: the plain layer fits everything
    if refusal(values, suffix, limit) is not None:
        values.update({"input_height": 8, "input_width": 8, "in_channels": 1})
    return [*sentences, "The layer's settings are back at their defaults."]


def refusal(values: Values, suffix: str, limit: int | None = MAX_OUTPUT_SIDE) -> SpecError | None:
    """Why the layer cannot be run on its input; None where it can."""
    try:
        check(layer(values, suffix), size(values), limit)
    except SpecError as error:
        return error
    return None


def _nearest(
    values: Values, at_fault: list[Param], suffix: str, limit: int | None
) -> dict[str, Any]:
    """The first parameter that can mend the layer alone, at the nearest value that does; all of
    them at their defaults if none can."""
    for param in at_fault:
        options = [param.default]
        if type(param.default) is int:
            numbers = param.labels or range(int(param.low or 0), int(param.high or 0) + 1)
            options = sorted(numbers, key=lambda value: abs(value - values[param.name]))
        for option in options:
            if refusal({**values, param.name: option}, suffix, limit) is None:
                return {param.name: option}
    return defaults(at_fault)
