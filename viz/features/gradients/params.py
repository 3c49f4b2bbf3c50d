"""State of the gradient page: which layers, what arrives at them, and which deep networks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from core.gradients.recipe import DOWNSAMPLINGS, KINDS, WEIGHTS, FlowSpec, UpstreamGradient
from core.layer import LayerSpec
from core.layer.board import BoardSpec, Upload
from core.layer.operations import OPERATIONS, output_size
from core.layer.window import Pair
from viz.choices import layer as state
from viz.choices.layer import VIEW, Values
from viz.choices.unit import UNITS, unit_of
from viz.page import words
from viz.params import Param, choice, number, switch

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
    "arriving": "1 · what arrives",
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
    "weights": ("initialisation", WEIGHTS),
    "batch_norm": ("BatchNorm", (False, True)),
    "skips": ("skip connections", (False, True)),
}
"""Name in the URL and in `FlowSpec`: label, and the values that are compared."""


def _shown(text: str) -> list[str]:
    names = [] if text == "none" else text.split(".")
    known = [*LAYERS, OWN]
    if len(names) > MAX_SHOWN or len(set(names)) < len(names) or set(names) - set(known):
        raise ValueError(f"must be up to {MAX_SHOWN} of {', '.join(known)}, with dots between")
    return names


def _unit(text: str) -> str:
    if text not in UNITS and not re.fullmatch(r"\d{1,3}\.\d{1,3}", text, re.ASCII):
        raise ValueError(f"must be one of {', '.join(UNITS)}, or row.column, such as 1.2")
    return text


def _one_of(name: str, default: int, options: tuple[int, ...]) -> Param:
    def parse(text: str) -> int:
        if text not in map(str, options):
            raise ValueError(f"must be one of {', '.join(map(str, options))}")
        return int(text)

    return Param(name, default, parse)


def _labelled(name: str, default: str, labels: dict[str, str]) -> Param:
    """A choice whose widget holds the label, whose link the name."""

    def parse(text: str) -> str:
        if text not in labels:
            raise ValueError(f"must be one of {', '.join(labels)}")
        return labels[text]

    back = {label: key for key, label in labels.items()}
    return Param(name, labels[default], parse, back.__getitem__)


_KERNEL = {"kernel": "random", "kernel_seed": 6}
"""A kernel without zeros, whose weights differ in size and sign."""


def _input_param(param: Param) -> Param:
    if param.name in ("input_height", "input_width"):
        return number(param.name, 8, MIN_SIDE, MAX_SIDE)
    return replace(param, default=_KERNEL.get(param.name, param.default))


PARAMS = [
    Param("shown", ["max2", "average2", "conv3", "conv1"], _shown, lambda v: ".".join(v) or "none"),
    choice("arriving", "unit", list(KINDS)),
    Param("unit", "centre", _unit),
    number("unit_filter", 0, 0, state.MAX_CHANNELS - 1),
    number("arriving_seed", 0, 0, 9999),
    *state.layer_params(),
    *(_input_param(p) for p in state.input_params() if p.name not in ("in_channels", "pixels")),
    _labelled("tab", "numbers", TABS),
    choice("back_layer", "", ["", *(n for n, s in LAYERS.items() if s.operation == "convolution"),
                              OWN]),
    _labelled("back_step", "sweep", BY_HAND),
    choice("compare", "downsampling", list(COMPARED)),
    choice("flow_downsampling", "stride", list(DOWNSAMPLINGS)),
    choice("flow_activation", "relu", list(ACTIVATION_LABELS)),
    choice("flow_weights", "he", list(WEIGHTS)),
    switch("flow_batch_norm"),
    switch("flow_skips"),
    _one_of("depth", 20, DEPTHS),
    number("levels", 3, 0, 4),
    _one_of("draws", 32, DRAWS),
    number("flow_seed", 0, 0, 9999),
    switch("weight_norms"),
    *VIEW,
]  # fmt: skip
"""Everything that decides the page. The layer's own names are those of the board."""


def _full(values: Values) -> dict[str, Any]:
    """The values with what the board has and this page has not: one plane, no typed pixels."""
    return {**values, "in_channels": 1, "pixels": ""}


def settle(values: dict[str, Any]) -> list[str]:
    """Change ``values`` in place until one's own layer can be run; a sentence for each change."""
    full = _full(values)
    sentences = state.settle(full)
    values.update({name: full[name] for name in values})
    return sentences


def with_board(values: dict[str, Any]) -> dict[str, Any]:
    """The values for widgets that the board and this page share."""
    return _full(values)


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


def layer(values: Values, name: str, upload: Upload | None = None) -> Shown:
    """The layer of that name on the page's input."""
    board = state.board(_full(values), upload)
    if name != OWN:
        board = replace(board, layer=LAYERS[name])
    return Shown(name, words.title(board.layer), board)


def arriving(values: Values, shown: Shown) -> UpstreamGradient:
    """The gradient that arrives at this layer; the unit kept inside of its output."""
    if values["arriving"] != "unit":
        seed = values["arriving_seed"] if values["arriving"] == "random" else 0
        return UpstreamGradient(values["arriving"], seed=seed)
    channel = min(values["unit_filter"], shown.filters - 1)
    return UpstreamGradient("unit", unit_of(values["unit"], shown.grid), channel)


def flow_labels(name: str) -> dict[Any, str]:
    """What the values of one setting of `FlowSpec` are called."""
    words_of: dict[str, dict[Any, str]] = {
        "downsampling": DOWNSAMPLING_LABELS,
        "activation": ACTIVATION_LABELS,
        "weights": WEIGHT_LABELS,
    }
    return words_of.get(name, {False: "without", True: "with"})


def flows(values: Values) -> dict[str, FlowSpec]:
    """Label → network, for everything that is compared."""
    name = values["compare"]
    labels = flow_labels(name)
    base = {key: values[f"flow_{key}"] for key in COMPARED}
    sizes = {key: values[key] for key in ("depth", "levels", "draws")}
    return {
        labels[value]: FlowSpec(**base | {name: value} | sizes, seed=values["flow_seed"])
        for value in COMPARED[name][1]
    }
