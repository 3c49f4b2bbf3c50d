"""Settings of the shift page, and the layers, pictures and requests that they describe."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.data import PICTURES
from core.layer.kernels import PRESETS
from core.layer.padding import FILLS
from core.shift.layer import KINDS, MAX_KERNEL, MAX_STRIDE, TAPS, DownsamplingLayer
from viz.choices import network as network_state
from viz.choices.layer import MAX_SEED, PictureSettings, WeightSettings
from viz.choices.network import Network, OwnLayers
from viz.choices.unit import layer_name_setting
from viz.params import choice, inherited, labeled_choice, number, switch

PAGE = "shift"
DEFAULT_LAYERS = "conv3 p1 c16, relu, maxpool2, conv3 p1 c32, relu, maxpool2, conv3 s2 p1 c32, relu"
SIDES = (48, 96, 144)
"""Sides of the picture in pixels; they are multiples of every stride on the page."""
BLURS = TAPS[1:]
"""Numbers of taps of a blur; with a single tap there is none."""
DIRECTIONS = {"across": (0, 1), "down": (1, 0), "diagonal": (1, 1)}
"""(down, right) of a shift by one pixel, by the name of the direction in the URL."""
LABELS = {
    "convolution": "Strided convolution",
    "max_pooling": "Max pooling",
    "average_pooling": "Average pooling",
}
"""Label on the page by kind of layer."""
BLUR_WORDS = {
    taps: "\u00a0".join(map(str, row))  # no line breaks inside
    for taps, row in (
        (2, (1, 1)),
        (3, (1, 2, 1)),
        (4, (1, 3, 3, 1)),
        (5, (1, 4, 6, 4, 1)),
        (6, (1, 5, 10, 10, 5, 1)),
        (7, (1, 6, 15, 20, 15, 6, 1)),
    )
}
"""Weights of a blur, without their common divisor, by number of taps."""
ORDINALS = {2: "second", 3: "third", 4: "fourth"}
"""Ordinal number of each stride on the page."""
TABS = {
    "layers": "Layers",
    "curve": "All shifts",
    "spectra": "What aliases",
    "network": "A network",
}
"""Label on the page by name of a tab in the URL."""


@dataclass(frozen=True)
class ShiftSettings(OwnLayers, WeightSettings, PictureSettings):
    """All settings of the page."""

    side: int = choice(96, SIDES, "side of the picture (px)")
    direction: str = choice("across", list(DIRECTIONS), "direction")
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
        help="A fixed filter between the operation at stride 1 and the downsampling.",
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
        label="all shifts", help="All are measured; by default the chart ends at six strides."
    )
    tab: str = labeled_choice(TABS)
    kind: str = choice(KINDS[0], LABELS, "layer", kind="segments")
    layers: str = inherited(OwnLayers, "layers", default=DEFAULT_LAYERS)
    layer: str = layer_name_setting(kind="select")
    wrap: bool = switch(
        True,
        "circular padding everywhere",
        help="Without it the borders break a shift too, on top of the strides.",
    )
    draw_seed: int = number(0, 0, MAX_SEED, "seed of the weights, which are random")


@dataclass(frozen=True)
class Scene:
    """The input of the layers.

    Attributes:
        picture: Name of the picture.
        side: Its height and width in pixels.
        seed: Seed of a generated picture.
    """

    picture: str
    side: int
    seed: int


@dataclass(frozen=True)
class Request:
    """Everything on which the consistency of a network depends; hashable, for caches.

    Attributes:
        network: The network and its input size.
        layer: Qualified name of the module whose output is compared.
        picture: Name of the picture.
        seed: Seed of a generated picture.
        direction: Direction of the shifts, a key of `DIRECTIONS`.
        taps: Number of taps of the blur before every stride; 1 for no blur.
        wrap: Whether all padding is circular.
        draw_seed: Seed of random weights.
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
    """The input of the layers."""
    seed = values.seed if PICTURES[values.picture].seeded else 0
    return Scene(values.picture, values.side, seed)


def layer_pair(values: ShiftSettings, kind: str) -> tuple[DownsamplingLayer, DownsamplingLayer]:
    """The layer of a kind without a blur, and the same with the chosen blur."""
    convolves = kind == "convolution"
    plain = DownsamplingLayer(
        kind,
        values.kernel_size,
        values.stride,
        1,
        values.padding_mode,
        values.kernel if convolves else "random",
        values.kernel_seed if convolves and values.kernel == "random" else 0,
        convolves and values.relu,
    )
    return plain, plain.with_blur(values.blur)


def shift_vector(values: ShiftSettings, pixels: int | None = None) -> tuple[int, int]:
    """(down, right) of the chosen shift, or of one by another number of pixels."""
    down, right = DIRECTIONS[values.direction]
    pixels = values.shift if pixels is None else pixels
    return down * pixels, right * pixels


def requests(values: ShiftSettings, layer: str) -> tuple[Request, Request]:
    """The requests for the network without and with a blur before every stride.

    Args:
        values: Settings of the page, after `viz.choices.network.with_suitable_input`.
        layer: Qualified name of the module whose output is compared.
    """
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


def weights_text(request: Request) -> str:
    """The weights of a request in words: ``random weights, seed 0``."""
    trained = request.network.run is not None
    return "trained weights" if trained else f"random weights, seed {request.draw_seed}"


def with_limited_shift(values: ShiftSettings) -> ShiftSettings:
    """Settings with a shift smaller than the picture, after which the shifts would repeat."""
    return replace(values, shift=min(values.shift, values.side - 1))


def layer_title(layer: DownsamplingLayer) -> str:
    """A layer with its settings: ``3×3 max pooling, stride 2, blur 1 2 1``."""
    size = f"{layer.kernel_size}×{layer.kernel_size}"
    return f"{size} {operation_name(layer)}, stride {layer.stride}{blur_phrase(layer.taps)}"


def operation_name(layer: DownsamplingLayer) -> str:
    """The operation of a layer in words: ``max pooling``; a convolution with its weights."""
    if layer.kind != "convolution":
        return LABELS[layer.kind].lower()
    weights = PRESETS[layer.weights].label.split(":")[0]
    return f"convolution ({weights}{', ReLU' if layer.relu else ''})"


def is_signed(layer: DownsamplingLayer) -> bool:
    """Whether the output of a layer is drawn in colors of signed values; in grey if not."""
    return layer.kind == "convolution" and not layer.relu


def blur_phrase(taps: int) -> str:
    """The blur of a layer in words, after a comma: ``, blur 1 2 1``; "" for no blur."""
    return "" if taps == 1 else f", blur {BLUR_WORDS[taps]}"
