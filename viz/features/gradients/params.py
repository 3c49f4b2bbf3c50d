"""Settings of the gradient page: which layers, which upstream gradients, and which deep networks."""

from __future__ import annotations

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
from viz.choices.unit import unit_name, unit_of
from viz.page import words
from viz.params import Settings, choice, inherited, labeled_choice, number, switch, text

PAGE = "gradients"
MIN_SIDE, MAX_SIDE = 4, 32
"""Pixels of the input, each side."""
OWN = "own"
MAX_SHOWN = 6


def _layer(operation: str, kernel: int, padding: int = 0, fill: str = "zeros") -> LayerSpec:
    pads = ((padding, padding), (padding, padding))
    return LayerSpec(operation, (kernel, kernel), (2, 2), pads, padding_mode=fill)


LAYERS: dict[str, LayerSpec] = {
    "max2": _layer("max_pooling", 2),
    "average2": _layer("average_pooling", 2),
    "conv2": _layer("convolution", 2),
    "conv3": _layer("convolution", 3, 1),
    "conv1": _layer("convolution", 1),
    "conv4": _layer("convolution", 4, 1),
    "max3": _layer("max_pooling", 3, 1),
    "blur3": _layer("blur_pooling", 3, 1, "reflect"),
    "transposed3": _layer("transposed_convolution", 3, 1),
}
"""Name in the URL: the layers of every lecture, all with stride 2. All fit every input."""
KIND_LABELS = {"unit": "one unit", "all": "all units alike", "random": "random, as from above"}
TABS = {
    "numbers": "Numbers",
    "counts": "Read counts",
    "back": "Backward as a convolution",
    "depth": "Through depth",
}
"""Name in the URL: label on the page."""
BY_HAND = {
    "arriving": "1 · upstream gradient",
    "inserted": "2 · zeros between",
    "flipped": "3 · kernel flipped",
    "sweep": "4 · sweep",
}
"""Steps of the backward pass by hand."""
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
"""Name in the URL and in `FlowSpec`: label, and the values that are compared."""


def _layer_names(value: str) -> list[str]:
    names = [] if value == "none" else value.split(".")
    known = [*LAYERS, OWN]
    if len(names) > MAX_SHOWN or len(set(names)) < len(names) or set(names) - set(known):
        raise ValueError(f"must be up to {MAX_SHOWN} of {', '.join(known)}, with dots between")
    return names


def layer_name(name: str) -> str:
    """An option of the choice of layers."""
    return "your own layer…" if name == OWN else words.title(LAYERS[name])


_CONVOLUTIONS = [name for name, spec in LAYERS.items() if spec.operation == "convolution"]


def _input_side(axis: str) -> Any:
    help = "Numbers stand in the cells up to 16."
    return number(8, MIN_SIDE, MAX_SIDE, f"input {axis}", unit="px", help=help)


@dataclass(frozen=True)
class FlowSettings(Settings):
    """The deep networks whose gradients are compared: what differs, and what all have alike."""

    compare: str = choice(
        "downsampling", {name: label for name, (label, _) in COMPARED.items()}, "compare"
    )
    flow_downsampling: str = choice("stride", DOWNSAMPLING_LABELS, "downsampling")
    flow_activation: str = choice("relu", ACTIVATION_LABELS, "activation")
    flow_weights: str = choice("he", WEIGHT_LABELS, "initialization")
    flow_batch_norm: bool = switch(label="BatchNorm")
    flow_skips: bool = switch(label="skip connections")
    depth: int = choice(20, DEPTHS, "depth (layers)", kind="select_slider")
    levels: int = number(3, 0, 4, "levels — downsampling layers", kind="slider")
    draws: int = choice(32, DRAWS, "draws (seeds)", kind="select_slider")
    flow_seed: int = number(0, 0, state.MAX_SEED, "first seed")
    weight_norms: bool = switch(label="gradient at the weights")


@dataclass(frozen=True)
class GradientSettings(PlayerView, FlowSettings, WeightSettings, PictureSettings, LayerSettings):
    """Everything that decides the page. The layer's own names are those of the board.

    The kernel of the beginning has no zeros, and weights that differ in size and sign.
    """

    shown: list[str] = text(
        ["max2", "average2", "conv3", "conv1"],
        _layer_names,
        lambda names: ".".join(names) or "none",
        kind="multiselect",
        label="layers, side by side",
        options={name: layer_name(name) for name in (*LAYERS, OWN)},
    )
    arriving: str = choice("unit", KIND_LABELS, "upstream gradient at the output", kind="radio")
    unit: str = unit_name(
        "centre",
        "output unit (row, column)",
        help="Or click a unit in a lower grid. Layers with fewer units take their nearest.",
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


def settled(values: GradientSettings) -> tuple[GradientSettings, list[str]]:
    """Settings whose own layer can be run, and one sentence for each change."""
    board, sentences = state.settle(on_board(values))
    return values.updated(board.flat), sentences


def on_board(values: GradientSettings) -> BoardSettings:
    """The page's own layer on its input: one plane, no typed pixels."""
    return BoardSettings.of(values.flat)


@dataclass(frozen=True)
class Shown:
    """One layer on the page: its name in the URL, what screenshots call it, and its board."""

    name: str
    title: str
    board: BoardSpec

    @property
    def grid(self) -> Pair:
        """(height, width) of its output."""
        return output_size(self.board.layer, self.board.source.size)

    @property
    def filters(self) -> int:
        """Planes of its output."""
        return OPERATIONS[self.board.layer.operation].out_channels(self.board.layer)


def layer(values: GradientSettings, name: str, upload: Upload | None = None) -> Shown:
    """The layer of that name on the page's input."""
    board = state.board(on_board(values), upload)
    if name != OWN:
        board = replace(board, layer=LAYERS[name])
    return Shown(name, words.title(board.layer), board)


def arriving(values: GradientSettings, shown: Shown) -> UpstreamGradient:
    """The upstream gradient at this layer; its unit is clamped to the output."""
    if values.arriving != "unit":
        seed = values.arriving_seed if values.arriving == "random" else 0
        return UpstreamGradient(values.arriving, seed=seed)  # type: ignore[arg-type]
    channel = min(values.unit_filter, shown.filters - 1)
    return UpstreamGradient("unit", unit_of(values.unit, shown.grid), channel)


def flow_labels(name: str) -> dict[Any, str]:
    """What the values of one setting of `FlowSpec` are called."""
    words_of: dict[str, dict[Any, str]] = {
        "downsampling": DOWNSAMPLING_LABELS,
        "activation": ACTIVATION_LABELS,
        "weights": WEIGHT_LABELS,
    }
    return words_of.get(name, {False: "without", True: "with"})


def flows(values: GradientSettings) -> dict[str, FlowSpec]:
    """Label → network, for everything that is compared."""
    name = values.compare
    labels = flow_labels(name)
    base = {key: values[f"flow_{key}"] for key in COMPARED}
    sizes = {key: values[key] for key in ("depth", "levels", "draws")}
    return {
        labels[value]: FlowSpec(**base | {name: value} | sizes, seed=values.flow_seed)
        for value in COMPARED[name][1]
    }
