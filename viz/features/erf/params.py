"""State of the effective-receptive-field page: the recipe, and what is asked of core."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.data import PICTURES
from viz.choices import network as network_state
from viz.choices import unit as choices_unit
from viz.choices.network import OWN, Network, Values
from viz.choices.unit import UNITS, unit_of
from viz.params import Param, choice, number, switch

PAGE = "erf"
PLAIN = "8x[conv3 p1 c16, relu]"
DRAWS = (1, 4, 16, 64, 256)
INPUTS = {"noise": "noise, new for every draw", "picture": "the picture"}
WEIGHTS = {
    "he": "He: drawn anew for every draw",
    "xavier": "Xavier: drawn anew for every draw",
    "orthogonal": "orthogonal: drawn anew for every draw",
    "uniform": "uniform: every weight 1/fan-in",
    "as_is": "as PyTorch initialises it, once",
}
AGGREGATES = {
    "energy": "energy: mean of g², all channels",
    "abs": "abs: mean of |g|",
    "relu": "relu: positive part of g",
    "signed": "signed: mean of g",
}
ACTIVATIONS = {
    "kept": "as the network has it",
    "none": "none: linear",
    "relu": "ReLU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "gelu": "GELU",
}
POOLINGS = {
    "kept": "as the network has it",
    "max": "max",
    "average": "average",
    "strided": "strided convolution",
    "blur": "blur",
}
TABS = {
    "sections": "Cross-sections",
    "energy": "Energy and convergence",
    "compare": "Compare",
    "studies": "Studies",
    "files": "Code and files",
}
"""Name in the URL: label on the page."""
STUDIES = {
    "depth": ("depth: 5 to 40 layers", "depth_study"),
    "kernels": ("kernel size: 3×3 to 11×11", "kernel_study"),
    "activations": ("activation", "activation_study"),
    "weights": ("initialisation", "initialisation_study"),
    "dilations": ("dilation", "dilation_study"),
    "reductions": ("stride, pooling or neither", "reduction_study"),
    "skips": ("skip connections", "skip_study"),
    "borders": ("padding, and where the unit lies", "padding_study"),
}
"""Name in the URL: label, and the function of `core.erf.studies`."""


def _draws(text: str) -> int:
    if text not in map(str, DRAWS):
        raise ValueError(f"must be one of {', '.join(map(str, DRAWS))}")
    return int(text)


def _unit(text: str) -> str:
    if text not in UNITS and not re.fullmatch(r"\d{1,4}\.\d{1,4}", text, re.ASCII):
        raise ValueError(f"must be one of {', '.join(UNITS)}, or row.column, such as 3.5")
    return text


def _tab(text: str) -> str:
    if text not in TABS:
        raise ValueError(f"must be one of {', '.join(TABS)}")
    return TABS[text]


def _comparison(text: str) -> str:
    if text not in COMPARISONS:
        raise ValueError(f"must be one of {', '.join(COMPARISONS)}")
    return text


def _study(text: str) -> str:
    if text not in STUDIES:
        raise ValueError(f"must be one of {', '.join(STUDIES)}")
    return text


PARAMS = [
    *network_state.params(OWN, PLAIN),
    Param("layer", "", choices_unit.parse_layer),
    Param("unit", "centre", _unit),
    Param("draws", 16, _draws),
    choice("inputs", "noise", list(INPUTS)),
    choice("weights", "he", list(WEIGHTS)),
    choice("aggregate", "energy", list(AGGREGATES)),
    choice("activation", "kept", list(ACTIVATIONS)),
    choice("pooling", "kept", list(POOLINGS)),
    switch("skips", True),
    switch("bf16"),
    number("draw_seed", 0, 0, 9999),
    choice("picture", "china", list(PICTURES)),
    switch("log"),
    switch("over"),
    Param("tab", TABS["sections"], _tab, {label: name for name, label in TABS.items()}.__getitem__),
    Param("compare", "", _comparison),
    Param("study", "", _study),
]


@dataclass(frozen=True)
class Request:
    """One effective receptive field, as a visitor asks for it: hashable, and all there is to it.

    Attributes:
        network: what is looked at.
        layer: a node's name; "" for the last one with a spatial extent.
        unit: (row, column) of its map.
        draws, inputs, weights, aggregate, seed, bf16: of `core.erf`; ``inputs`` is
            ``"noise"`` or the name of a picture.
        activation, pooling: what replaces the network's own; ``"kept"`` for nothing.
        skips: residual blocks keep their shortcuts.
    """

    network: Network
    layer: str
    unit: tuple[int, int]
    draws: int
    inputs: str
    weights: str
    aggregate: str
    seed: int
    bf16: bool
    activation: str
    pooling: str
    skips: bool


def request(values: Values, layer: str, grid: tuple[int, int]) -> Request:
    """What the settings ask for, at a layer whose map has ``grid`` units."""
    return Request(
        network_state.network(values),
        layer,
        unit_of(values["unit"], grid),
        values["draws"],
        values["picture"] if values["inputs"] == "picture" else "noise",
        *(values[name] for name in ("weights", "aggregate", "draw_seed", "bf16")),
        *(values[name] for name in ("activation", "pooling", "skips")),
    )


Variants = tuple[tuple[str, Mapping[str, Any]], ...]
_STACK = "conv3 p1 c16, relu"
COMPARISONS: dict[str, tuple[str, Variants]] = {
    "activations": (
        "activations",
        tuple(
            (ACTIVATIONS[name], {"activation": name})
            for name in ("none", "relu", "tanh", "sigmoid")
        ),
    ),
    "weights": (
        "initialisations",
        tuple((name, {"weights": name}) for name in ("he", "xavier", "orthogonal", "uniform")),
    ),
    "aggregates": (
        "ways to sum gradients",
        tuple((name, {"aggregate": name}) for name in AGGREGATES),
    ),
    "units": (
        "centre, edge, corner",
        tuple((label, {"unit": name}) for name, label in UNITS.items()),
    ),
    "poolings": (
        "poolings",
        tuple(
            (POOLINGS[name], {"pooling": name}) for name in ("max", "average", "strided", "blur")
        ),
    ),
    "skips": (
        "with and without skips",
        (("with skips", {"skips": True}), ("without", {"skips": False})),
    ),
    "ways": (
        "plain, strided, pooled, dilated",
        tuple(
            (label, {"network": OWN, "layers": layers, "layer": "", "unit": "centre"})
            for label, layers in (
                ("plain", f"5x[{_STACK}]"),
                ("strided", "3x[conv3 s2 p1 c16, relu]"),
                ("pooled", f"3x[{_STACK}, maxpool2]"),
                ("dilated", ", ".join(f"conv3 p{d} d{d} c16, relu" for d in (1, 2, 4, 8))),
            )
        ),
    ),
    "resnets": (
        "ResNet-50 v1 and v1.5",
        tuple(
            (label, {"network": name, "in_channels": 3, "layer": "", "unit": "centre"})
            for label, name in (("v1", "resnet50_v1"), ("v1.5", "resnet50"))
        ),
    ),
}
"""Name in the URL: label, and up to four variants with what each changes."""
