"""Settings of the gradient page: the layers, the upstream gradient, and the deep networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.gradients.recipe import DOWNSAMPLINGS, WEIGHTS, FlowSpec, UpstreamGradient
from core.layer import LayerSpec
from core.layer.board import BoardSpec, Upload
from core.layer.operations import OPERATIONS, output_size
from core.layer.window import Pair
from viz.choices import layer as state
from viz.choices.layer import (
    BoardSettings,
    LayerSettings,
    PictureSettings,
    PlayerView,
    WeightSettings,
)
from viz.choices.unit import unit_position, unit_setting
from viz.page import words
from viz.params import Settings, choice, inherited, labeled_choice, number, switch, text

PAGE = "gradients"
MIN_SIDE, MAX_SIDE = 4, 32
"""Smallest and largest side of the input, in pixels."""
OWN = "own"
"""Name of the visitor's own layer in ``shown``."""
MAX_LAYERS = 6
"""Most layers that can be compared."""


def _stride_2_layer(
    operation: str, kernel: int, padding: int = 0, fill: str = "zeros"
) -> LayerSpec:
    """A layer with stride 2 and a square kernel, padded equally on all sides."""
    pads = ((padding, padding), (padding, padding))
    return LayerSpec(operation, (kernel, kernel), (2, 2), pads, padding_mode=fill)


LAYERS: dict[str, LayerSpec] = {
    "max2": _stride_2_layer("max_pooling", 2),
    "average2": _stride_2_layer("average_pooling", 2),
    "conv2": _stride_2_layer("convolution", 2),
    "conv3": _stride_2_layer("convolution", 3, 1),
    "conv1": _stride_2_layer("convolution", 1),
    "conv4": _stride_2_layer("convolution", 4, 1),
    "max3": _stride_2_layer("max_pooling", 3, 1),
    "blur3": _stride_2_layer("blur_pooling", 3, 1, "reflect"),
    "transposed3": _stride_2_layer("transposed_convolution", 3, 1),
}
"""Common layers by name in the URL; all have stride 2 and fit every input of the page."""
KIND_LABELS = {"unit": "one unit", "all": "all units alike", "random": "random, as from above"}
"""Label on the page by kind of upstream gradient."""
TABS = {
    "panels": "Side by side",
    "numbers": "Numbers",
    "counts": "Read counts",
    "back": "Backward as a convolution",
    "depth": "Through depth",
}
"""Label on the page by name of a tab in the URL."""
BY_HAND = {
    "arriving": "1 · upstream gradient",
    "inserted": "2 · zeros between",
    "flipped": "3 · kernel flipped",
    "sweep": "4 · sweep",
}
"""Label on the page by name of a step of the backward pass in the URL."""
DEPTHS, DRAWS = (5, 10, 20, 40, 80), (8, 16, 32, 64, 128)
DOWNSAMPLING_LABELS = {
    "none": "none",
    "stride": "strided convolution",
    "max": "max pooling",
    "average": "average pooling",
    "blur": "blur pooling",
}
ACTIVATION_LABELS = {
    "relu": "ReLU",
    "gelu": "GELU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "none": "none: linear",
}
WEIGHT_LABELS = {
    "he": "He",
    "xavier": "Xavier",
    "orthogonal": "orthogonal",
    "torch": "PyTorch's own",
}
COMPARED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "downsampling": ("downsampling", DOWNSAMPLINGS),
    "activation": ("activation", tuple(ACTIVATION_LABELS)),
    "weights": ("initialization", WEIGHTS),
    "batch_norm": ("BatchNorm", (False, True)),
    "skips": ("skip connections", (False, True)),
}
"""Label on the page, and the compared values, by a setting's name in the URL and in `FlowSpec`."""


def _layer_names(value: str) -> list[str]:
    """Parse the names of layers with dots between them; ValueError for a wrong text."""
    names = [] if value == "none" else value.split(".")
    options = [*LAYERS, OWN]
    if len(names) > MAX_LAYERS or len(set(names)) < len(names) or set(names) - set(options):
        raise ValueError(f"must be up to {MAX_LAYERS} of {', '.join(options)}, with dots between")
    return names


def layer_name(name: str) -> str:
    """Label on the page of a layer's name."""
    return "your own layer…" if name == OWN else words.layer_title(LAYERS[name])


_CONVOLUTIONS = [name for name, spec in LAYERS.items() if spec.operation == "convolution"]
"""Names of the convolutions among the common layers."""


def _input_side(axis: str) -> Any:
    """A field for the height or width of the input."""
    help = "Numbers stand in the cells up to 20."
    return number(8, MIN_SIDE, MAX_SIDE, f"input {axis}", unit="px", help=help)


@dataclass(frozen=True)
class FlowSettings(Settings):
    """Settings of the deep networks: what differs between them, and what they have in common."""

    compare: str = choice(
        "downsampling", {name: label for name, (label, _) in COMPARED.items()}, "compare"
    )
    flow_downsampling: str = choice("stride", DOWNSAMPLING_LABELS, "downsampling")
    flow_activation: str = choice("relu", ACTIVATION_LABELS, "activation")
    flow_weights: str = choice("he", WEIGHT_LABELS, "initialization")
    flow_batch_norm: bool = switch(label="BatchNorm")
    flow_skips: bool = switch(label="skip connections")
    depth: int = choice(20, DEPTHS, "depth (layers)")
    levels: int = number(3, 0, 4, "levels — downsampling layers", kind="slider")
    draws: int = choice(32, DRAWS, "draws (seeds)")
    flow_seed: int = number(0, 0, state.MAX_SEED, "first seed")
    weight_norms: bool = switch(label="gradient at the weights")


@dataclass(frozen=True)
class GradientSettings(PlayerView, FlowSettings, WeightSettings, PictureSettings, LayerSettings):
    """All settings of the page; those of the visitor's own layer have the names of the sweep page.

    The default kernel has no zeros, and weights of different sizes and signs.
    """

    shown: list[str] = text(
        ["max2", "average2", "conv3", "conv1"],
        _layer_names,
        lambda names: ".".join(names) or "none",
        kind="multiselect",
        label="layers, side by side",
        options={name: layer_name(name) for name in (*LAYERS, OWN)},
    )
    arriving: str = choice("unit", KIND_LABELS, "upstream gradient at the output", kind="segments")
    unit: str = unit_setting(
        "centre",
        "output unit (row, column)",
        help="Or click a unit of an output. Layers with fewer units take their nearest.",
    )
    unit_filter: int = choice(0, range(state.MAX_CHANNELS), "filter of the unit")
    arriving_seed: int = number(0, 0, state.MAX_SEED, "seed of the draw")
    picture: str = inherited(BoardSettings, "picture")
    input_height: int = _input_side("height")
    input_width: int = _input_side("width")
    kernel: str = inherited(WeightSettings, "kernel", default="random")
    kernel_seed: int = inherited(WeightSettings, "kernel_seed", default=6)
    weights: str = inherited(BoardSettings, "weights")
    tab: str = labeled_choice(TABS)
    back_layer: str = choice(
        "", {name: layer_name(name) for name in (*_CONVOLUTIONS, OWN)} | {"": ""}
    )
    back_step: str = labeled_choice(BY_HAND, "sweep")


def make_valid(values: GradientSettings) -> tuple[GradientSettings, list[str]]:
    """Settings whose own layer can be run, and a sentence for each change of them."""
    board, sentences = state.make_runnable(board_settings(values))
    return values.updated(board.flat), sentences


def board_settings(values: GradientSettings) -> BoardSettings:
    """Settings of the board with the visitor's own layer: one input channel, no edited pixels."""
    return BoardSettings.of(values.flat)


@dataclass(frozen=True)
class PageLayer:
    """One of the layers that the page compares.

    Attributes:
        name: Name in the URL.
        title: The layer with its settings, in words.
        board: The layer on the page's input.
    """

    name: str
    title: str
    board: BoardSpec

    @property
    def grid(self) -> Pair:
        """(height, width) of its output."""
        return output_size(self.board.layer, self.board.source.size)

    @property
    def filters(self) -> int:
        """Number of output channels."""
        return OPERATIONS[self.board.layer.operation].out_channels(self.board.layer)


def layer(values: GradientSettings, name: str, upload: Upload | None = None) -> PageLayer:
    """The layer of a name on the page's input, which can be the visitor's own picture."""
    board = state.board_spec(board_settings(values), upload)
    if name != OWN:
        board = replace(board, layer=LAYERS[name])
    return PageLayer(name, words.layer_title(board.layer), board)


def backward_layer_names(values: GradientSettings) -> list[str]:
    """Names of the convolutions whose backward pass the page can show."""
    return [*_CONVOLUTIONS, *([OWN] if values.operation == "convolution" else [])]


def backward_layer_name(values: GradientSettings, panels: Sequence[PageLayer]) -> str:
    """Name of the convolution whose backward pass is shown: the chosen one, or the first panel's."""
    options = backward_layer_names(values)
    if values.back_layer in options:
        return values.back_layer
    return next((each.name for each in panels if each.name in options), "conv3")


def upstream_gradient(values: GradientSettings, layer: PageLayer) -> UpstreamGradient:
    """The upstream gradient at a layer's output, to which its unit is clamped."""
    if values.arriving != "unit":
        seed = values.arriving_seed if values.arriving == "random" else 0
        return UpstreamGradient(values.arriving, seed=seed)  # type: ignore[arg-type]
    channel = min(values.unit_filter, layer.filters - 1)
    return UpstreamGradient("unit", unit_position(values.unit, layer.grid), channel)


def flow_labels(name: str) -> dict[Any, str]:
    """Labels on the page of the values of a setting of `FlowSpec`."""
    words_of: dict[str, dict[Any, str]] = {
        "downsampling": DOWNSAMPLING_LABELS,
        "activation": ACTIVATION_LABELS,
        "weights": WEIGHT_LABELS,
    }
    return words_of.get(name, {False: "without", True: "with"})


def common_settings(values: GradientSettings, spec: FlowSpec) -> str:
    """The settings that the compared networks have in common, in words."""
    return ", ".join(
        f"{COMPARED[key][0]}: {flow_labels(key)[getattr(spec, key)]}"
        for key in COMPARED
        if key != values.compare
    )


def flow_specs(values: GradientSettings) -> dict[str, FlowSpec]:
    """The compared networks by label on the page."""
    name = values.compare
    labels = flow_labels(name)
    base = {key: values[f"flow_{key}"] for key in COMPARED}
    sizes = {key: values[key] for key in ("depth", "levels", "draws")}
    return {
        labels[value]: FlowSpec(**base | {name: value} | sizes, seed=values.flow_seed)
        for value in COMPARED[name][1]
    }
