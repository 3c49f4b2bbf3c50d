"""Settings of the shift page: the picture, the layers, the shift, and what is asked of core."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.data import PICTURES
from core.layer.kernels import PRESETS
from core.layer.padding import FILLS
from core.shift.layer import KINDS, MAX_KERNEL, MAX_STRIDE, TAPS, DownsamplingLayer
from viz.choices import network as network_state
from viz.choices.layer import MAX_SEED, PictureSettings, WeightSettings
from viz.choices.network import Network, OwnLayers
from viz.choices.unit import layer_name
from viz.params import choice, inherited, labeled_choice, number, switch

PAGE = "shift"
PLAIN = "conv3 p1 c16, relu, maxpool2, conv3 p1 c32, relu, maxpool2, conv3 s2 p1 c32, relu"
SIDES = (48, 96, 144)
"""Sides of the picture: whole multiples of every stride."""
BLURS = TAPS[1:]
DIRECTIONS = {"across": (0, 1), "down": (1, 0), "diagonal": (1, 1)}
"""Name in the URL: (down, right) for each pixel of the shift."""
LABELS = {
    "convolution": "Strided convolution",
    "max_pooling": "Max pooling",
    "average_pooling": "Average pooling",
}
BLUR_WORDS = {
    taps: "\u00a0".join(map(str, row))  # stays on one line
    for taps, row in (
        (2, (1, 1)),
        (3, (1, 2, 1)),
        (4, (1, 3, 3, 1)),
        (5, (1, 4, 6, 4, 1)),
        (6, (1, 5, 10, 10, 5, 1)),
        (7, (1, 6, 15, 20, 15, 6, 1)),
    )
}
ORDINALS = {2: "second", 3: "third", 4: "fourth"}
TABS = {
    "layers": "Layers",
    "curve": "All shifts",
    "spectra": "What aliases",
    "network": "A network",
}
"""Name in the URL: label on the page."""


@dataclass(frozen=True)
class ShiftSettings(OwnLayers, WeightSettings, PictureSettings):
    """Everything that decides the page."""

    side: int = choice(96, SIDES, "side of the picture (px)", kind="select_slider")
    direction: str = choice("across", list(DIRECTIONS), "direction", kind="segments")
    shift: int = number(
        1,
        0,
        max(SIDES) - 1,
        "shift — pixels",
        kind="slider",
        unit="px",
        help="Arrow keys move by one pixel.",
    )
    kernel_size: int = number(3, 1, MAX_KERNEL, "kernel_size — window", kind="slider", unit="px")
    stride: int = number(2, 2, MAX_STRIDE, "stride — step", kind="slider", unit="px")
    blur: int = choice(
        3,
        {taps: f"{taps}: {BLUR_WORDS[taps]}" for taps in BLURS},
        "blur — taps along each axis",
        kind="select_slider",
        help="A fixed filter before pixels are skipped, after the operation itself.",
    )
    padding_mode: str = choice(
        "circular",
        {name: f"{name}: {text}" for name, text in FILLS.items()},
        "padding_mode — what fills the padding",
        help="The picture moves round its edges: only circular padding moves with it.",
    )
    relu: bool = switch(label="ReLU after the convolution")
    play: bool = switch(label="play — let the picture slide by single pixels")
    every: bool = switch(
        label="all shifts", help="All are measured; by default the first six strides are in view."
    )
    tab: str = labeled_choice(TABS)
    kind: str = choice(KINDS[0], LABELS, "layer", kind="segments")
    layers: str = inherited(OwnLayers, "layers", default=PLAIN)
    layer: str = layer_name(kind="select")
    wrap: bool = switch(
        True,
        "circular padding everywhere",
        help="Without it the borders break a shift too, on top of the strides.",
    )
    draw_seed: int = number(0, 0, MAX_SEED, "seed of the weights, which are random")


@dataclass(frozen=True)
class Scene:
    """A picture, as the layers get it: of mean 0 and standard deviation 1."""

    picture: str
    side: int
    seed: int


@dataclass(frozen=True)
class Request:
    """The consistency of one network: hashable, and all there is to it.

    Attributes:
        network: what is looked at.
        layer: a module's qualified name.
        picture: name.
        seed: of a picture that is drawn.
        direction: key of `DIRECTIONS`.
        taps: of the blur before every stride; 1 for the network as it is.
        wrap: whether all padding is circular.
        draw_seed: of the weights.
    """

    network: Network
    layer: str
    picture: str
    seed: int
    direction: str
    taps: int
    wrap: bool
    draw_seed: int


def scene(values: ShiftSettings) -> Scene:
    """The picture of the settings."""
    seed = values.seed if PICTURES[values.picture].seeded else 0
    return Scene(values.picture, values.side, seed)


def layers(values: ShiftSettings, kind: str) -> tuple[DownsamplingLayer, DownsamplingLayer]:
    """A layer of the settings without and with the blur."""
    drawn = kind == "convolution"
    plain = DownsamplingLayer(
        kind,
        values.kernel_size,
        values.stride,
        1,
        values.padding_mode,
        values.kernel if drawn else "random",
        values.kernel_seed if drawn and values.kernel == "random" else 0,
        drawn and values.relu,
    )
    return plain, plain.with_blur(values.blur)


def shift_of(values: ShiftSettings, pixels: int | None = None) -> tuple[int, int]:
    """(down, right) of the shift, or of another number of pixels."""
    down, right = DIRECTIONS[values.direction]
    pixels = values.shift if pixels is None else pixels
    return down * pixels, right * pixels


def requests(values: ShiftSettings, layer: str) -> tuple[Request, Request]:
    """The network of settled values without and with the blur."""
    plain, blurred = (
        Request(
            network_state.network(values),
            layer,
            values.picture,
            values.seed if PICTURES[values.picture].seeded else 0,
            values.direction,
            taps,
            values.wrap,
            values.draw_seed,
        )
        for taps in (1, values.blur)
    )
    return plain, blurred


def weights_of(asked: Request) -> str:
    """``random weights, seed 0``."""
    trained = asked.network.run is not None
    return "trained weights" if trained else f"random weights, seed {asked.draw_seed}"


def settled(values: ShiftSettings) -> ShiftSettings:
    """Settings whose shift lies inside the picture: beyond it, it would begin inherited."""
    return replace(values, shift=min(values.shift, values.side - 1))


def title(layer: DownsamplingLayer) -> str:
    """``3×3 max pooling, stride 2, blur 1 2 1``."""
    size = f"{layer.kernel_size}×{layer.kernel_size}"
    return f"{size} {name(layer)}, stride {layer.stride}{blur_phrase(layer.taps)}"


def name(layer: DownsamplingLayer) -> str:
    """``max pooling``; a convolution with its weights."""
    if layer.kind != "convolution":
        return LABELS[layer.kind].lower()
    weights = PRESETS[layer.weights].label.split(":")[0]
    return f"convolution ({weights}{', ReLU' if layer.relu else ''})"


def sentence_case(text: str) -> str:
    """Its first letter large, the others as they are."""
    return text[:1].upper() + text[1:]


def blur_phrase(taps: int) -> str:
    """``, blur 1 2 1``, or nothing."""
    return "" if taps == 1 else f", blur {BLUR_WORDS[taps]}"
