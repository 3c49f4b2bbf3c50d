"""Settings of the effective-receptive-field page, and the measurement that they describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viz.choices import network as network_state
from viz.choices.layer import MAX_SEED, PICTURE_LABELS
from viz.choices.network import OWN, Network, OwnLayers
from viz.choices.unit import UNITS, layer_name_setting, unit_position, unit_setting
from viz.params import choice, inherited, labeled_choice, number, switch

PAGE = "erf"
"""Name of the page in URLs."""
PLAIN = "8x[conv3 p1 c16, relu]"
"""The network with which the page opens, in the notation."""
DRAWS = (1, 4, 16, 64, 256)
"""Numbers of draws (weights and inputs, each with one gradient) that a map can average."""
INPUTS = {"noise": "noise, new for every draw", "picture": "the picture"}
"""Labels of the kinds of input, by value in the URL."""
WEIGHTS = {
    "he": "He: drawn anew for every draw",
    "xavier": "Xavier: drawn anew for every draw",
    "orthogonal": "orthogonal: drawn anew for every draw",
    "uniform": "uniform: every weight 1/fan-in",
    "as_is": "as PyTorch initializes it, once",
}
"""Labels of the kinds of weights, by value in the URL."""
AGGREGATES = {
    "energy": "energy: mean of g², all channels",
    "abs": "abs: mean of |g|",
    "relu": "relu: positive part of g",
    "signed": "signed: mean of g",
}
"""Labels of the ways to combine the gradients g of all draws, by value in the URL."""
ACTIVATIONS = {
    "kept": "as the network has it",
    "none": "none: linear",
    "relu": "ReLU",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "gelu": "GELU",
}
"""Labels of the activations that can replace the network's, by value in the URL."""
POOLINGS = {
    "kept": "as the network has it",
    "max": "max",
    "average": "average",
    "strided": "strided convolution",
    "blur": "blur",
}
"""Labels of the poolings that can replace the network's, by value in the URL."""
TABS = {
    "map": "Map",
    "sections": "Cross-sections",
    "energy": "Energy and convergence",
    "compare": "Compare",
    "studies": "Studies",
    "files": "Code and files",
}
"""Labels of the tabs by name in the URL."""
STUDIES = {
    "depth": ("depth: 5 to 40 layers", "depth_study"),
    "kernels": ("kernel size: 3×3 to 11×11", "kernel_study"),
    "activations": ("activation", "activation_study"),
    "weights": ("initialization", "initialisation_study"),
    "dilations": ("dilation", "dilation_study"),
    "reductions": ("stride, pooling or neither", "reduction_study"),
    "skips": ("skip connections", "skip_study"),
    "borders": ("padding, and where the unit lies", "padding_study"),
}
"""(label, name of the function in `core.erf.studies`) by name in the URL."""


def _comparison_labels() -> dict[str, str]:
    """Labels of `COMPARISONS`, which is defined below, by name in the URL."""
    labels = {name: label for name, (label, _) in COMPARISONS.items()}
    return {"": "choose what to compare…", **labels}


@dataclass(frozen=True)
class ErfSettings(OwnLayers):
    """All settings of the page."""

    layers: str = inherited(OwnLayers, "layers", default=PLAIN)
    layer: str = layer_name_setting()
    unit: str = unit_setting(
        "centre",
        "unit",
        help="For any other unit, click it under *Choose the unit on the map*.",
    )
    draws: int = choice(
        16,
        DRAWS,
        "draws — gradients averaged",
        help="One gradient is noisy: σ is good to a few percent, a smooth map wants 64 or more.",
    )
    inputs: str = choice(
        "noise",
        INPUTS,
        "input",
        help="Noise is N(0, 1) in every pixel and channel. With a constant image all entries of a "
        "max-pooling window are equal, and the map shifts.",
    )
    weights: str = choice("he", WEIGHTS, "weights", help="Biases are 0 where weights are drawn.")
    aggregate: str = choice(
        "energy",
        AGGREGATES,
        "aggregate — what is averaged",
        help="The squared gradient keeps the width of the linear case. |g| and the positive part "
        "come out about 1.4 times wider; the signed mean is mostly noise.",
    )
    activation: str = choice("kept", ACTIVATIONS, "activation")
    pooling: str = choice("kept", POOLINGS, "pooling")
    skips: bool = switch(True, "skips — residual shortcuts")
    bf16: bool = switch(
        label="bfloat16",
        help="Faster where the processor has it; σ is the same, the map rougher.",
    )
    draw_seed: int = number(0, 0, MAX_SEED, "seed of all draws")
    picture: str = choice("china", PICTURE_LABELS, "picture")
    log: bool = switch(
        label="logarithmic colors", help="For the eye only: all numbers are of the map itself."
    )
    over: bool = switch(label="over the picture")
    tab: str = labeled_choice(TABS)
    compare: str = choice("", _comparison_labels, "compare")
    study: str = choice(
        "", {"": "choose what is changed…"} | {k: v[0] for k, v in STUDIES.items()}, "study"
    )


@dataclass(frozen=True)
class Request:
    """One measurement of an effective receptive field: everything that its result depends on.

    Attributes:
        network: The network before any layer is replaced.
        layer: Name of a graph node; "" for the last one whose output has a height and a width.
        unit: (row, column) in that layer's map.
        draws, weights, aggregate, seed, bf16: Arguments of
            `core.erf.effective_receptive_field`.
        inputs: ``"noise"`` or a key of `core.data.PICTURES`.
        activation, pooling: Key of `ACTIVATIONS` or `POOLINGS` that replaces the network's own;
            ``"kept"`` to replace nothing.
        skips: Whether residual blocks have their shortcuts.
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


def request(values: ErfSettings, layer: str, grid: tuple[int, int]) -> Request:
    """The measurement that the settings describe, at a layer whose map has ``grid`` units."""
    return Request(
        network_state.network(values),
        layer,
        unit_position(values.unit, grid),
        values.draws,
        values.picture if values.inputs == "picture" else "noise",
        *(values[name] for name in ("weights", "aggregate", "draw_seed", "bf16")),
        *(values[name] for name in ("activation", "pooling", "skips")),
    )


Variants = tuple[tuple[str, Mapping[str, Any]], ...]
"""(label, settings to change) of each variant in a comparison."""
_STACK = "conv3 p1 c16, relu"
"""The layers that the networks of a comparison repeat, in the notation."""
COMPARISONS: dict[str, tuple[str, Variants]] = {
    "activations": (
        "activations",
        tuple(
            (ACTIVATIONS[name], {"activation": name})
            for name in ("none", "relu", "tanh", "sigmoid")
        ),
    ),
    "weights": (
        "initializations",
        tuple((name, {"weights": name}) for name in ("he", "xavier", "orthogonal", "uniform")),
    ),
    "aggregates": (
        "ways to sum gradients",
        tuple((name, {"aggregate": name}) for name in AGGREGATES),
    ),
    "units": (
        "center, edge, corner",
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
"""(label, up to four variants) of each comparison, by name in the URL."""
