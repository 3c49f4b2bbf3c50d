"""The pictures of the shift page that can be saved for slides."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data import PICTURES
from core.shift.layer import KINDS, DownsamplingLayer
from viz.choices import network, network_analysis
from viz.features.shift import compute, params
from viz.features.shift.compute import FRAMES
from viz.features.shift.params import (
    BLUR_WORDS,
    LABELS,
    TABS,
    Request,
    ShiftSettings,
    layer_pair,
    layer_title,
    scene,
    sentence_case,
    shift_vector,
)
from viz.server.queue import run_now
from viz.slides.style import Film, Picture, Style, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from core.shift.consistency import Consistency

PERIODS = 6
"""Number of strides up to which curves are drawn; with circular padding they repeat after that."""


def pictures(values: ShiftSettings) -> list[Picture]:
    """All pictures of a link to the page; each computes what it needs when it is drawn.

    Raises:
        SpecError: The link's shift is too large, or its network cannot be built or compared.
    """
    valid = params.with_limited_shift(values)
    if valid.shift != values.shift:
        refuse_unfit([f"shift must be at most {valid['shift']}, inside the picture"])
    if valid.tab == TABS["network"]:
        offered = _pictures_of_link(valid)
        return [replace(picture, settings=settings_text(valid)) for picture in offered]
    offered = pictures_of_layers(valid)
    first = {TABS["curve"]: "curve", TABS["spectra"]: "spectra"}
    kind = valid.kind
    name = first.get(valid.tab, f"film_{kind}" if valid.play else kind)
    offered.sort(key=lambda picture: picture.name != name)
    return [replace(picture, settings=settings_text(valid)) for picture in offered]


def pictures_of_layers(values: ShiftSettings) -> list[Picture]:
    """The pictures that need no network."""
    return [*pictures_of_a_shift(values), picture_of_curve(values), *pictures_of_spectra(values)]


def settings_text(values: ShiftSettings) -> str:
    """The settings of the page in words, for a caption."""
    blur = BLUR_WORDS[values.blur]
    if values.tab == TABS["network"]:
        chosen = network.network(values)
        picture = PICTURES[values.picture].label
        size = "×".join(map(str, chosen.input_size))
        return f"{chosen.title} on {size}, {picture}, moved {values.direction}; blur {blur}"
    return (
        f"{input_text(values)}, moved {shift_text(shift_vector(values))}; kernel {values.kernel_size}, "
        f"stride {values.stride}, blur {blur}, "
        f"padding {values.padding_mode}"
    )


def pictures_of_a_shift(values: ShiftSettings) -> list[Picture]:
    """A still and a film for each of the three layers; the films come first if they play on the page."""
    stills = [
        Picture(kind, f"{LABELS[kind]}, one shift", _pair_drawing(values, kind)) for kind in KINDS
    ]
    films = [picture_of_film(values, kind) for kind in KINDS]
    return [*films, *stills] if values.play else [*stills, *films]


def _heading(values: ShiftSettings, kind: str) -> str:
    """Title of the pictures of a kind of layer."""
    return sentence_case(layer_title(layer_pair(values, kind)[0]))


def shift_text(shift: tuple[int, int]) -> str:
    """A shift (down, right) in words: ``3 px right``."""
    down, right = shift
    words = [f"{n} px {name}" for n, name in ((down, "down"), (right, "right")) if n]
    return " and ".join(words) or "by nothing"


def input_text(values: ShiftSettings) -> str:
    """The picture and its size in words."""
    input_scene = scene(values)
    return f"{PICTURES[input_scene.picture].label}, {input_scene.side}×{input_scene.side}"


def _pair_drawing(values: ShiftSettings, kind: str) -> Any:
    """A function that draws a layer without and with a blur for the chosen shift."""

    def draw(style: Style) -> Figure:
        from viz.features.shift.slides import pair

        input_scene, shift = scene(values), shift_vector(values)
        plain, blurred = (
            compute.comparison(each, input_scene, shift) for each in layer_pair(values, kind)
        )
        return pair(
            plain,
            blurred,
            style,
            title=_heading(values, kind),
            subtitle=f"{input_text(values)}, moved {shift_text(shift)}; blur {BLUR_WORDS[values.blur]}",
            signed=kind == "convolution" and not values.relu,
            picture=compute.rolled(compute.picture(input_scene)[0], shift),
        )

    return draw


def picture_of_curve(values: ShiftSettings) -> Picture:
    """The consistency of the three layers over all shifts."""

    def draw(style: Style) -> Figure:
        from viz.features.shift.slides import curve

        input_scene, direction = scene(values), values.direction
        named, forms = {}, {}
        for kind in KINDS:
            plain, blurred = layer_pair(values, kind)
            name = sentence_case(layer_title(plain))
            named[name] = (
                compute.consistency(plain, input_scene, direction),
                compute.consistency(blurred, input_scene, direction),
            )
            pair = (plain, blurred)
            forms[name] = [compute.expected_cosines(each, input_scene, direction) for each in pair]
        note = (
            f"Blur {BLUR_WORDS[values.blur]}. {input_text(values)}, moved {direction}; "
            f"padding {values.padding_mode}. Cosine 1: it does."
        )
        last = None if values.every else PERIODS * values.stride
        return curve(
            named,
            style,
            title="Does the output move with the picture?",
            expected=forms,
            current=values.shift if last is None or values.shift <= last else None,
            last=last,
            notes=[note],
        )

    return Picture("curve", "All shifts", draw)


def pictures_of_spectra(values: ShiftSettings) -> list[Picture]:
    """The spectra of the chosen layer before and after downsampling, and the energy that aliases."""

    def draw(name: str, style: Style) -> Figure:
        from viz.features.shift import spectra_slides

        pair = layer_pair(values, values.kind)
        texts = ("no blur", f"blur {BLUR_WORDS[values.blur]}")
        named = {
            text: compute.spectrum(each, scene(values))
            for text, each in zip(texts, pair, strict=True)
        }
        return getattr(spectra_slides, name)(
            named, style, title=sentence_case(layer_title(pair[0]))
        )

    return [
        Picture("spectra", "Spectra", lambda style: draw("spectra", style)),
        Picture("folded", "What is folded", lambda style: draw("folded", style)),
    ]


def picture_of_film(values: ShiftSettings, kind: str) -> Picture:
    """The film of one layer's outputs while the picture is shifted by single pixels."""

    def film(style: Style) -> Film:
        from viz.features.shift.slides import film as draw

        captions = [f"moved by {n} px, {values.direction}" for n in range(FRAMES)]
        return draw(
            _film_panels(values, kind), style, title=_heading(values, kind), captions=captions
        )

    def draw(style: Style) -> Figure:
        film_at_shift = film(style)
        film_at_shift.show(min(values.shift, FRAMES - 1))
        return film_at_shift.figure

    return Picture(f"film_{kind}", f"{LABELS[kind]}, the picture slides", draw, film, FRAMES)


def _film_panels(
    values: ShiftSettings, kind: str
) -> dict[str, tuple[np.ndarray[Any, Any], tuple[float, float], str]]:
    """The panels of a film by heading: the picture, then outputs and differences of the layer.

    Each panel is its frames (FRAMES, H, W), the values at the ends of the color scale, and the
    name of that scale.
    """
    input_scene = scene(values)
    shifts = [shift_vector(values, pixels) for pixels in range(FRAMES)]
    still = compute.picture(input_scene)[0]
    span = float(still.min()), float(still.max())
    frames = np.stack([compute.rolled(still, shift) for shift in shifts])
    reels = {f"the picture, {input_scene.side}×{input_scene.side}": (frames, span, "grey")}
    pair = layer_pair(values, kind)
    signed = kind == "convolution" and not values.relu
    names = ("no blur", f"blur {BLUR_WORDS[values.blur]}")
    for what in ("output", "difference"):
        scale = "signed" if what == "difference" or signed else "grey"
        stacks = [
            np.stack([_frame(layer, values, shift, what) for shift in shifts]) for layer in pair
        ]
        limits = _color_limits(stacks, scale)
        reels |= {
            f"{what}, {name}": (stack, limits, scale)
            for name, stack in zip(names, stacks, strict=True)
        }
    return reels


def _frame(
    layer: DownsamplingLayer, values: ShiftSettings, shift: tuple[int, int], what: str
) -> np.ndarray[Any, Any]:
    """(H, W) the output or difference of a layer for one shift."""
    result = compute.comparison(layer, scene(values), shift)
    return np.asarray(getattr(result, what)[0])


def _color_limits(stacks: list[np.ndarray[Any, Any]], scale: str) -> tuple[float, float]:
    """Values at the ends of the color scale that all stacks share."""
    if scale == "signed":
        most = max(float(np.abs(stack).max()) for stack in stacks) or 1.0
        return -most, most
    return min(float(s.min()) for s in stacks), max(float(s.max()) for s in stacks)


def shift_range_text(result: Consistency) -> str:
    """The range of shifts of a network's consistency in words."""
    stride = max(result.stride)
    farthest = int(abs(result.shifts).max())
    return f"over two strides of {stride} px" if stride > 1 else f"over shifts up to {farthest} px"


def pictures_of_network(
    plain: Consistency, blurred: Consistency, values: ShiftSettings, request: Request
) -> list[Picture]:
    """The pictures of a network's consistency without and with a blur before every stride."""
    distances = abs(plain.shifts).max(axis=1).tolist()
    index = max((i for i, d in enumerate(distances) if d <= values.shift), default=0)
    blur = BLUR_WORDS[values.blur]

    def maps(style: Style) -> Figure:
        from viz.features.shift.slides import pair

        compared = [compute.network_comparison(each, index) for each in (plain, blurred)]
        return pair(
            compared[0],
            compared[1],
            style,
            title=f"{request.network.title}, {request.layer}",
            subtitle=f"strongest channel, picture moved {distances[index]} px; blur {blur} before every stride",
            signed=min(float(each.output.min()) for each in compared) < 0,
        )

    def curve(style: Style) -> Figure:
        from viz.features.shift.slides import curve as draw

        note = (
            f"All channels of {request.layer} {shift_range_text(plain)}, "
            f"{request.direction}; {params.weights_text(request)}; blur {blur}."
        )
        name = f"{request.network.title}: does the map move with the picture?"
        return draw(
            {name: (plain, blurred)}, style, title=name, current=distances[index], notes=[note]
        )

    return [
        Picture("network", "The network's maps", maps),
        Picture("network_curve", "The network, all shifts", curve),
    ]


def _pictures_of_link(values: ShiftSettings) -> list[Picture]:
    """The pictures of a link's network, which is computed when one of them is drawn."""
    valid = network.with_suitable_input(values)
    analysis = network_analysis.analysis(network.network(valid))
    refuse_unfit(compute.fit_layer(analysis, valid)[1])
    requests = compute.requests_of(analysis, valid)
    most = max(max(shift) for each in requests for shift in compute.network_shifts(each))
    refuse_unfit([f"shift must be at most {most}"] if valid.shift > most else [])

    def draw(index: int, style: Style) -> Figure:
        plain, blurred = (_measure_consistency(each) for each in requests)
        return pictures_of_network(plain, blurred, valid, requests[0])[index].draw(style)

    return [
        Picture("network_curve", "The network, all shifts", lambda style: draw(1, style)),
        Picture("network", "The network's maps", lambda style: draw(0, style)),
    ]


@lru_cache(maxsize=4)
def _measure_consistency(request: Request) -> Consistency:
    """The consistency of a network, computed in this process."""
    result: Consistency = run_now(compute.work(request))
    return result
