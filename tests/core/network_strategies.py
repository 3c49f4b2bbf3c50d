"""Random networks: any tree of layers, and such as run on a given input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from core.errors import SpecError
from core.layer.window import Pair
from core.networks import (
    ACTIVATIONS,
    Activation,
    AdaptivePool,
    AvgPool,
    BatchNorm,
    ConcatBlock,
    Conv,
    ConvTranspose,
    Dropout,
    Flatten,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    Leaf,
    Linear,
    LpPool,
    MaxPool,
    NetworkSpec,
    Pad,
    PixelShuffle,
    PixelUnshuffle,
    Repeat,
    ResidualBlock,
    Shape,
    SqueezeExciteLayer,
    Upsample,
    resolve,
)
from tests.core.strategies import pads, pairs

EPS = st.sampled_from([1e-5, 1e-3, 0.0, 1e-12])
MODES = st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"])
GROUPS = st.sampled_from([1, 1, 1, 2, 3, "depthwise"])
CHANNELS = st.none() | st.sampled_from([1, 2, 4, 6, 12])
LARGEST = 20_000
"""Numbers a random network may have between two layers."""

SETTINGS: dict[type, dict[str, st.SearchStrategy[Any]]] = {
    Conv: {
        "kernel_size": pairs(1, 5),
        "out_channels": CHANNELS,
        "stride": pairs(1, 3),
        "padding": st.just("same") | pads(3),
        "dilation": pairs(1, 3),
        "groups": GROUPS,
        "bias": st.booleans(),
        "padding_mode": MODES,
    },
    ConvTranspose: {
        "kernel_size": pairs(1, 5),
        "out_channels": CHANNELS,
        "stride": pairs(1, 3),
        "padding": pairs(0, 2),
        "output_padding": pairs(0, 2),
        "dilation": pairs(1, 2),
        "groups": GROUPS,
        "bias": st.booleans(),
    },
    MaxPool: {
        "kernel_size": pairs(1, 4),
        "stride": st.none() | pairs(1, 3),
        "padding": pairs(0, 2),
        "dilation": pairs(1, 2),
        "ceil_mode": st.booleans(),
    },
    AvgPool: {
        "kernel_size": pairs(1, 4),
        "stride": st.none() | pairs(1, 3),
        "padding": pairs(0, 2),
        "ceil_mode": st.booleans(),
        "count_include_pad": st.booleans(),
    },
    LpPool: {
        "kernel_size": pairs(1, 4),
        "stride": st.none() | pairs(1, 3),
        "norm_type": st.sampled_from([1, 2, 1.5]),
        "ceil_mode": st.booleans(),
    },
    AdaptivePool: {"output_size": pairs(1, 4), "mode": st.sampled_from(["avg", "max"])},
    BatchNorm: {
        "eps": EPS,
        "momentum": st.sampled_from([0.1, 0.01]),
        "affine": st.booleans(),
    },
    InstanceNorm: {"eps": EPS, "affine": st.booleans()},
    GroupNorm: {"num_groups": st.integers(1, 4), "eps": EPS, "affine": st.booleans()},
    LayerNorm: {"eps": EPS},
    Activation: {"name": st.sampled_from(ACTIVATIONS)},
    Dropout: {"p": st.floats(0, 1), "spatial": st.booleans()},
    Upsample: {"scale_factor": pairs(1, 3), "mode": st.sampled_from(["nearest", "bilinear"])},
    PixelShuffle: {"upscale_factor": st.integers(1, 2)},
    PixelUnshuffle: {"downscale_factor": st.integers(1, 2)},
    Pad: {"padding": pads(2), "padding_mode": MODES},
    Flatten: {},
    Linear: {
        "out_features": st.integers(1, 12),
        "bias": st.booleans(),
        "in_features": st.none() | st.integers(1, 100),
    },
    SqueezeExciteLayer: {"reduction": st.integers(1, 8)},
}
"""What each layer is drawn from; every leaf there is, so that a new one is tested too."""


def _made(make: Any, settings: dict[str, Any]) -> Any:
    """The layer, or the nearest one that its rules allow."""
    for dropped in ((), ("padding", "output_padding"), ("padding", "output_padding", "groups")):
        try:
            return make(**{key: each for key, each in settings.items() if key not in dropped})
        except SpecError:
            continue
    raise AssertionError(f"{make} cannot be made of {settings}")


def leaves(*kinds: type) -> st.SearchStrategy[Leaf]:
    """Any single layer, or one of those named."""
    return st.sampled_from(kinds or tuple(SETTINGS)).flatmap(
        lambda make: st.fixed_dictionaries(SETTINGS[make]).map(lambda each: _made(make, each))
    )


def chains(least: int = 0, depth: int = 2) -> st.SearchStrategy[tuple[Layer, ...]]:
    """Layers in a row, whether or not they fit."""
    single: st.SearchStrategy[Layer] = leaves()
    if depth:
        single = single | blocks(depth)
    return st.lists(single, min_size=least, max_size=4).map(tuple)


def blocks(depth: int) -> st.SearchStrategy[Layer]:
    """A block of layers that may not fit."""
    return (
        st.builds(ResidualBlock, chains(1, depth - 1), chains(0, depth - 1))
        | st.builds(Repeat, st.integers(1, 3), chains(1, depth - 1))
        | st.builds(ConcatBlock, st.lists(chains(0, depth - 1), min_size=2, max_size=3).map(tuple))
    )


def specs() -> st.SearchStrategy[NetworkSpec]:
    """Any network; most would not run."""
    return st.builds(NetworkSpec, chains(1))


@dataclass(frozen=True)
class Case:
    """A network that runs on an input of (in_channels, *size)."""

    spec: NetworkSpec
    in_channels: int
    size: Pair

    @property
    def after(self) -> Shape:
        return resolve(self.spec, self.in_channels, self.size)[-1].after


def _end(layers: tuple[Layer, ...], shape: Shape) -> Shape | None:
    """What leaves a chain, None if it cannot run or grows too large."""
    if not layers:
        return shape
    try:
        nodes = resolve(NetworkSpec(layers), shape.channels or 0, shape.size)
    except SpecError:
        return None
    sizes = [node.after.features or 0 for node in nodes]
    return nodes[-1].after if max(sizes) <= LARGEST else None


@st.composite
def _fitting(draw: st.DrawFn, shape: Shape, depth: int, most: int) -> tuple[Layer, ...]:
    """Layers that run one after the other on what arrives; only the last ones may be flat."""
    found: tuple[Layer, ...] = ()
    before: tuple[Layer, ...] = (Flatten(),) if shape.flat else ()
    now = shape
    for _ in range(draw(st.integers(1, most))):
        new: Layer | None = draw(leaves())
        if depth and not now.flat and draw(st.integers(0, 3)) == 0:
            new = draw(_fitting_block(now, depth - 1))
        end = None if new is None else _end((*before, *found, new), shape)
        if new is not None and end is not None:
            found, now = (*found, new), end
    return found


@st.composite
def _fitting_block(draw: st.DrawFn, shape: Shape, depth: int) -> Layer | None:
    body = draw(_fitting(shape, depth, 3))
    end = _end(body, shape)
    if not body or end is None:
        return None
    options: list[Layer] = []
    if end == shape:
        options += [ResidualBlock(body), Repeat(draw(st.integers(1, 3)), body)]
    if not end.flat and end.size == shape.size:
        options += [ResidualBlock(body, (Conv(1, end.channels),)), ConcatBlock((body, ()))]
    options.append(ConcatBlock((body, body)))
    return draw(st.sampled_from(options))


@st.composite
def networks(draw: st.DrawFn) -> Case:
    """A network that runs, blocks and flattened ends included."""
    channels, size = draw(st.sampled_from([1, 2, 3, 4, 6])), draw(pairs(3, 12))
    layers = draw(_fitting(Shape(channels, size), 2, 7))
    return Case(NetworkSpec(layers or (Activation("relu"),)), channels, size)
