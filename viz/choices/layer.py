"""Settings of a layer, its input and its kernel, and their conversion to core's specs and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from core.data import PICTURES
from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.board import BoardSpec, InputSpec, KernelSpec, Upload
from core.layer.kernels import PRESETS
from core.layer.operations import MAX_OUTPUT_SIDE, OPERATIONS, check, with_padding_convention
from core.layer.padding import CONVENTIONS, FILLS, pytorch_int
from core.layer.window import Pads, Pair
from viz.params import (
    Param,
    Settings,
    choice,
    decimal,
    number,
    number_text,
    pattern,
    switch,
    text,
)

MAX_SIDE, MAX_KERNEL, MAX_STRIDE, MAX_PADDING, MAX_DILATION = 64, 11, 8, 10, 6
"""Largest values of the controls; `MAX_SIDE` is that of the input's height and width in pixels."""
MAX_CHANNELS = 4
"""Most input or output channels of a board."""
MAX_SEED = 9999
UPLOAD = "upload"
"""Value of ``picture`` for the visitor's own picture."""
SIDES = ("pad_top", "pad_bottom", "pad_left", "pad_right")
"""Parameters of the padding on each side, used with the convention "sides"."""

PICTURE_LABELS = {name: picture.label for name, picture in PICTURES.items()}
"""Label on the page by name of a picture, without `UPLOAD`."""


def _pixels_setting(default: int, low: int, high: int, label: str, help: str | None = None) -> Any:
    """A field for a number of pixels, with a slider."""
    return number(default, low, high, label, kind="slider", unit="px", help=help)


def _width_setting(default: int, low: int, high: int) -> Any:
    """A field for the width where height and width are set separately."""
    return _pixels_setting(default, low, high, "width →")


def _side_padding_setting(name: str) -> Any:
    """A field for the padding on one side; ``name`` is its label."""
    return _pixels_setting(0, 0, MAX_PADDING, name)


@dataclass(frozen=True)
class SizeSettings(Settings):
    """The settings of a layer that determine the size of its output.

    ``stride`` and its like hold for both axes. If ``separate`` is set, they hold for the height,
    and ``stride_width`` and its like for the width.
    """

    operation: str = choice(
        "convolution", {name: op.label for name, op in OPERATIONS.items()}, "operation"
    )
    separate: bool = switch(label="height and width apart")
    convention: str = choice(
        "number",
        ["number", "sides", *CONVENTIONS],
        "how padding is set",
        help="One number, a number for each side, or a framework's rule.",
    )
    ceil_mode: bool = switch(label="ceil_mode — round the size up")
    kernel_size: int = _pixels_setting(
        3, 1, MAX_KERNEL, "kernel_size — window", "Side of the window in pixels."
    )
    stride: int = _pixels_setting(
        2,
        1,
        MAX_STRIDE,
        "stride — step",
        "How many pixels the window moves from one output to the next.",
    )
    padding: int = _pixels_setting(
        1,
        0,
        MAX_PADDING,
        "padding — border",
        "Pixels put around the picture on each side.",
    )
    dilation: int = _pixels_setting(
        1,
        1,
        MAX_DILATION,
        "dilation — spacing of taps",
        "Distance between neighboring taps of the kernel; 1 leaves no gaps.",
    )
    output_padding: int = _pixels_setting(
        0,
        0,
        MAX_STRIDE - 1,
        "output_padding — extra rows",
        "Rows and columns added to one side of a transposed convolution's output.",
    )
    kernel_width: int = _width_setting(3, 1, MAX_KERNEL)
    stride_width: int = _width_setting(2, 1, MAX_STRIDE)
    padding_width: int = _width_setting(1, 0, MAX_PADDING)
    dilation_width: int = _width_setting(1, 1, MAX_DILATION)
    output_padding_width: int = _width_setting(0, 0, MAX_STRIDE - 1)
    pad_top: int = _side_padding_setting("top")
    pad_bottom: int = _side_padding_setting("bottom")
    pad_left: int = _side_padding_setting("left")
    pad_right: int = _side_padding_setting("right")


@dataclass(frozen=True)
class LayerSettings(SizeSettings):
    """All settings of a layer."""

    padding_mode: str = choice(
        "zeros",
        {name: f"{name}: {text}" for name, text in FILLS.items()},
        "padding_mode — what fills the padding",
    )
    count_include_pad: bool = switch(True, "count_include_pad — padding counts in the mean")
    bias: float = decimal(0.0, -1000, 1000, "bias — added to every sum", step=1.0)
    out_channels: int = choice(1, range(1, MAX_CHANNELS + 1), "out_channels — filters")
    groups: int = choice(
        1,
        range(1, MAX_CHANNELS + 1),
        "groups",
        help="Channels are split into this many groups; each filter reads one group only.",
    )


_BOTH_AXES = ("kernel_size", "stride", "padding", "dilation", "output_padding")
"""Parameters that have a second one for the width, see `width_name`."""


def width_name(name: str) -> str:
    """Name of the parameter for the width that belongs to one of `_BOTH_AXES`."""
    return name.replace("kernel_size", "kernel") + "_width"


def _edited_cells_setting(dimensions: int) -> Any:
    """A field for the text of edited cells, such as ``0.0.1.2:5_…``; see `parse_edited_cells`."""

    def parse(value: str) -> str:
        parse_edited_cells(value, dimensions)
        return value

    return text("", parse)


def _picture_setting(labels: Mapping[str, str]) -> Any:
    """A field for the choice of a picture among those with a label."""
    return choice("china", labels, "picture")


@dataclass(frozen=True)
class PictureSettings(Settings):
    """The settings of a picture: its name, and a seed if it is generated."""

    picture: str = _picture_setting(PICTURE_LABELS)
    seed: int = number(0, 0, MAX_SEED, "seed — which one")


@dataclass(frozen=True)
class WeightSettings(Settings):
    """The settings of a kernel's weights: a preset's name, and a seed if they are random."""

    kernel: str = choice("sobel_x", {k: preset.label for k, preset in PRESETS.items()}, "weights")
    kernel_seed: int = number(0, 0, MAX_SEED, "seed of the weights")


@dataclass(frozen=True)
class BoardSettings(WeightSettings, PictureSettings, LayerSettings):
    """All settings of a board: the layer, its input, its weights, and the cells edited by hand."""

    picture: str = _picture_setting({**PICTURE_LABELS, UPLOAD: "your own…"})
    input_height: int = number(8, 1, MAX_SIDE, "input height", unit="px")
    input_width: int = number(8, 1, MAX_SIDE, "input width", unit="px")
    in_channels: int = choice(
        1, range(1, MAX_CHANNELS + 1), "in_channels", help="3 is red, green, blue."
    )
    pixels: str = _edited_cells_setting(3)
    weights: str = _edited_cells_setting(4)


def parse_edited_cells(cells: str, dimensions: int) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Parse edited cells: ``0.0.1.2:5_0.0.0.2:-1`` becomes (((0, 0, 0, 2), −1.0), …), sorted.

    Args:
        cells: The text.
        dimensions: Number of indices of a cell.

    Raises:
        ValueError: The text has another form, or a value beyond ±1000.
    """
    values: dict[tuple[int, ...], float] = {}
    for part in filter(None, cells.split("_")):
        place, colon, value = part.partition(":")
        try:
            index = tuple(int(i) for i in place.split("."))
            values[index] = float(value)
        except ValueError:
            index = ()
        if not colon or len(index) != dimensions or not abs(values[index]) <= 1000:
            raise ValueError("must be cells like " + ".".join("0" * dimensions) + ":1.5")
    return tuple(sorted(values.items()))


@dataclass(frozen=True)
class PlayerView(Settings):
    """The view of the player: which step, pinned cell and planes it shows, and how it plays."""

    step: int = number(-1, -1, 30_000)
    pin: str = pattern("", r"(\d:)?[iko]\d{1,3}\.\d{1,3}", "a cell like o3.4")
    channel: int = number(0, 0, MAX_CHANNELS - 1)
    filter: int = number(0, 0, MAX_CHANNELS - 1)
    speed: int = number(0, 0, 120)
    reads: bool = switch()
    loop: bool = switch()


def player_view_values(message: object) -> dict[str, Any]:
    """The values of `PlayerView` in a message of the player; those that no link allows are left out.

    Args:
        message: What the browser sent, which can be anything.
    """
    if not isinstance(message, dict):
        return {}
    values = {}
    for param in PlayerView.params():
        value = message.get(param.name, "")
        try:
            values[param.name] = param.default if value == "" else param.parse(param.format(value))
        except (ValueError, TypeError):
            continue
    return values


def with_edited_cell(cells_text: str, index: tuple[int, ...], value: float) -> str:
    """The text of edited cells with one more cell, or with another value for one."""
    cells = dict(parse_edited_cells(cells_text, len(index))) | {index: value}
    return "_".join(f"{'.'.join(map(str, i))}:{number_text(v)}" for i, v in sorted(cells.items()))


def input_size(values: BoardSettings) -> Pair:
    """(height, width) of the input."""
    return values.input_height, values.input_width


def layer_spec(values: BoardSettings) -> LayerSpec:
    """The layer; settings that its operation does not have are ignored.

    Raises:
        SpecError: There is no such layer.
    """

    def both(name: str) -> Pair:
        """The (height, width) values of one of `_BOTH_AXES`."""
        return values[name], values[width_name(name) if values.separate else name]

    operation = OPERATIONS[values.operation]
    settings: dict[str, Any] = {
        "padding": _pads(values, both("padding")),
        "dilation": both("dilation"),
        "out_channels": values.out_channels,
        "groups": values.groups,
        "padding_mode": values.padding_mode,
        "ceil_mode": values.ceil_mode,
        "count_include_pad": values.count_include_pad,
        "output_padding": both("output_padding"),
        "bias": values.bias != 0,
    }
    spec = LayerSpec(
        operation=values.operation,
        kernel_size=both("kernel_size"),
        stride=both("stride"),
        in_channels=values.in_channels,
        **{name: setting for name, setting in settings.items() if operation.has(name)},
    )
    convention = values.convention
    return (
        with_padding_convention(spec, input_size(values), convention)
        if convention in CONVENTIONS
        else spec
    )


def _pads(values: SizeSettings, padding: Pair) -> Pads:
    """The padding on each side, from ``padding`` (height, width) or from the `SIDES`."""
    if values.convention == "sides":
        return (values.pad_top, values.pad_bottom), (values.pad_left, values.pad_right)
    return pytorch_int(padding)


def board_spec(values: BoardSettings, upload: Upload | None = None) -> BoardSpec:
    """The board of the settings.

    Args:
        values: The settings.
        upload: The visitor's picture; without it the pagoda replaces `UPLOAD`.

    Raises:
        SpecError: There is no such layer.
    """
    picture: str | Upload = values.picture
    if picture == UPLOAD:
        picture = upload or "china"
    seeded = isinstance(picture, str) and PICTURES[picture].seeded
    return BoardSpec(
        layer_spec(values),
        InputSpec(
            picture,
            input_size(values),
            values.in_channels,
            values.seed if seeded else 0,
            parse_edited_cells(values.pixels, 3),  # type: ignore[arg-type]
        ),
        KernelSpec(
            values.kernel,
            values.kernel_seed if values.kernel == "random" else 0,
            parse_edited_cells(values.weights, 4),  # type: ignore[arg-type]
            values.bias,
        ),
    )


def fits_controls(spec: LayerSpec) -> bool:
    """Whether the controls allow this layer's padding: a named convention can pad more."""
    return max(max(side) for side in spec.padding) <= MAX_PADDING


def values_of(spec: LayerSpec, input_size: Pair) -> dict[str, Any]:
    """The values by name with which `layer_spec` returns this spec, if it `fits_controls`.

    Args:
        spec: The layer.
        input_size: (height, width) of the input, which the values include.
    """
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
        sides = dict(zip(SIDES, (top, bottom, left, right), strict=True))
        values |= {"convention": "sides"} | sides
    if not OPERATIONS[spec.operation].channelwise:
        values["out_channels"] = spec.out_channels
    values["separate"] = any(height != across for height, across in pairs.values())
    for name, (height, across) in pairs.items():
        values[name] = height
        if values["separate"]:
            values[width_name(name)] = across
    return values | {"input_height": input_size[0], "input_width": input_size[1]}


def widths_equal_to_heights(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the parameters for the width that equal those for the height.

    The widths start with them when a visitor begins to set height and width separately.

    Args:
        values: Values by name, including `_BOTH_AXES`.
    """
    return {width_name(name): values[name] for name in _BOTH_AXES}


S = TypeVar("S", bound=BoardSettings)

_AT_FAULT: dict[str, tuple[str, ...]] = {
    "padding": ("padding", "padding_width", *SIDES, "convention", "padding_mode"),
    "padding='same'": ("convention",),
    "kernel_size": ("kernel_size", "kernel_width", "dilation", "dilation_width"),
    "output_padding": ("output_padding", "output_padding_width"),
    "stride": ("stride", "stride_width"),
}
"""Settings that can resolve an error, the likeliest first, by the error's parameter."""


def make_runnable(values: S, limit: int | None = MAX_OUTPUT_SIDE) -> tuple[S, list[str]]:
    """Change settings until the layer can be run; returns them, and a sentence for each change.

    The setting that an error names gets the nearest value that works.

    Args:
        values: Settings of the layer and its input.
        limit: Longest side of an output that is allowed; None for any.
    """
    params = {param.name: param for param in LayerSettings.params()}
    defaults = LayerSettings.defaults()
    sentences: list[str] = []
    for _ in range(8):
        error = run_error(values, limit)
        if error is None:
            return values, sentences
        names = _AT_FAULT.get(error.parameter, (error.parameter,))
        change = _nearest_runnable_change(
            values, [params[name] for name in names if name in params], limit
        )
        values = values.updated(change or defaults)
        changed = ", ".join(f"`{name}` to {value}" for name, value in change.items())
        why = f"`{error.parameter}` {error.rule}"
        sentences.append(f"{why}. Set {changed or 'all to the defaults'}.")
    values = values.updated(
        defaults
    )  # no single change helps: the default layer fits nearly every input
    if run_error(values, limit) is not None:
        values = replace(values, input_height=8, input_width=8, in_channels=1)
    return values, [*sentences, "The layer's settings are back at their defaults."]


def run_error(values: BoardSettings, limit: int | None = MAX_OUTPUT_SIDE) -> SpecError | None:
    """The error for which the layer cannot be run on its input; None if it can."""
    try:
        check(layer_spec(values), input_size(values), limit)
    except SpecError as error:
        return error
    return None


def _nearest_runnable_change(
    values: BoardSettings, at_fault: list[Param], limit: int | None
) -> dict[str, Any]:
    """The change of a single parameter, by name, with which the layer can be run.

    The parameters are tried in order, each from its nearest value on. If no single change helps,
    all of them get their defaults.
    """
    for param in at_fault:
        options = [param.default]
        if type(param.default) is int:
            numbers = param.labels or range(int(param.low or 0), int(param.high or 0) + 1)
            options = sorted(numbers, key=lambda value: abs(value - values[param.name]))
        for option in options:
            if run_error(values.updated({param.name: option}), limit) is None:
                return {param.name: option}
    return {param.name: param.default for param in at_fault}
