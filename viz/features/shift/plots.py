"""The plots of the shift page, for its settings and for results of its computations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from core.data import PICTURES
from core.plots.plot import Plot, Scale
from core.plots.shift import NO_BLUR, comparison_plot, comparison_scales, consistency_plot
from core.plots.spectra import folded_plot, spectra_plot
from core.shift.layer import KINDS
from core.text import sentence_case, times
from viz.features.shift import compute
from viz.features.shift.compute import FRAMES
from viz.features.shift.params import (
    BLUR_WORDS,
    LABELS,
    Request,
    ShiftSettings,
    is_signed,
    layer_pair,
    layer_title,
    operation_name,
    scene,
    shift_vector,
    weights_text,
)

if TYPE_CHECKING:
    from core.shift.consistency import Consistency, ShiftComparison
    from core.shift.spectrum import Spectrum

PERIODS = 6
"""Number of strides up to which curves are drawn; with circular padding they repeat after that."""


def shift_text(shift: tuple[int, int]) -> str:
    """A shift (down, right) in words: ``3 px right``."""
    down, right = shift
    words = [f"{n} px {name}" for n, name in ((down, "down"), (right, "right")) if n]
    return " and ".join(words) or "by nothing"


def input_text(values: ShiftSettings) -> str:
    """The picture and its size in words."""
    input_scene = scene(values)
    return f"{PICTURES[input_scene.picture].label}, {input_scene.side}×{input_scene.side}"


def blur_text(values: ShiftSettings) -> str:
    """The blur in words: ``blur 1 2 1``."""
    return f"blur {BLUR_WORDS[values.blur]}"


def pictures(values: ShiftSettings, shift: tuple[int, int]) -> dict[str, compute.Image]:
    """The picture before and after a shift, by heading."""
    still = compute.picture(scene(values))[0]
    return {"the picture": still, f"moved {shift_text(shift)}": compute.rolled(still, shift)}


def layer_plot(values: ShiftSettings, kind: str, *, with_pictures: bool = False) -> Plot:
    """A layer without and with the blur, for the chosen shift.

    Args:
        values: Settings of the page.
        kind: A key of `LABELS`.
        with_pictures: Whether the picture has panels of its own.
    """
    shift = shift_vector(values)
    pair = _comparisons(values, kind, shift)
    return _layer_plot(values, kind, shift, pair, _scales(pair, values, kind), with_pictures)


def film_plots(values: ShiftSettings, kind: str) -> list[Plot]:
    """A layer without and with the blur, for shifts by 0, 1, … pixels, on one scale."""
    shifts = [shift_vector(values, pixels) for pixels in range(FRAMES)]
    pairs = [_comparisons(values, kind, shift) for shift in shifts]
    scales = _scales([each for pair in pairs for each in pair], values, kind)
    return [
        _layer_plot(values, kind, shift, pair, scales, True)
        for shift, pair in zip(shifts, pairs, strict=True)
    ]


def film_strip(values: ShiftSettings, kind: str, steps: int) -> Plot:
    """The outputs of the first frames of the film, at most all: above without a blur."""
    frames = film_plots(values, kind)[:steps]
    panels = [
        replace(panel, title=f"{panel.title}, {pixels} px")
        for place in (1, 4)  # of the outputs, after the pictures
        for pixels, frame in enumerate(frames)
        for panel in (frame.panels[place],)
    ]
    subtitle = f"{input_text(values)}, moved {values.direction}; padding {values.padding_mode}"
    alt = f"{frames[0].title}: its outputs for {len(frames)} shifts of the picture, without and with a blur."
    return replace(frames[0], panels=tuple(panels), subtitle=subtitle, alt=alt, columns=len(frames))


def _comparisons(
    values: ShiftSettings, kind: str, shift: tuple[int, int]
) -> tuple[ShiftComparison, ShiftComparison]:
    """The comparisons of a layer without and with the blur."""
    plain, blurred = layer_pair(values, kind)
    input_scene = scene(values)
    return (
        compute.comparison(plain, input_scene, shift),
        compute.comparison(blurred, input_scene, shift),
    )


def _scales(
    comparisons: Sequence[ShiftComparison], values: ShiftSettings, kind: str
) -> tuple[Scale, Scale]:
    """The scales of the outputs and of the differences."""
    return comparison_scales(comparisons, signed=is_signed(layer_pair(values, kind)[0]))


def _layer_plot(
    values: ShiftSettings,
    kind: str,
    shift: tuple[int, int],
    pair: tuple[ShiftComparison, ShiftComparison],
    scales: tuple[Scale, Scale],
    with_pictures: bool,
) -> Plot:
    """A layer without and with the blur, for a shift."""
    return comparison_plot(
        pair,
        sentence_case(layer_title(layer_pair(values, kind)[0])),
        blur_text(values),
        scales,
        subtitle=f"{input_text(values)}, moved {shift_text(shift)}; padding {values.padding_mode}",
        pictures=pictures(values, shift) if with_pictures else None,
    )


def curve_plot(values: ShiftSettings) -> Plot:
    """The consistency of the three layers over all shifts, measured and in closed form."""
    input_scene, direction = scene(values), values.direction
    pairs, forms = {}, {}
    for kind in KINDS:
        plain, blurred = layer_pair(values, kind)
        name = LABELS[kind]
        pairs[name] = (
            compute.consistency(plain, input_scene, direction),
            compute.consistency(blurred, input_scene, direction),
        )
        forms[name] = [
            compute.expected_cosines(each, input_scene, direction) for each in (plain, blurred)
        ]
    size = times((values.kernel_size, values.kernel_size))
    subtitle = (
        f"{input_text(values)}, moved {direction}. {size} layers, stride {values.stride}, "
        f"padding {values.padding_mode}; {operation_name(layer_pair(values, KINDS[0])[0])}."
    )
    return consistency_plot(
        pairs,
        "Does the output move with the picture?",
        blur_text(values),
        subtitle=subtitle,
        expected=forms,
        current=values.shift,
        last=None if values.every else PERIODS * values.stride,
    )


def named_spectra(values: ShiftSettings) -> dict[str, Spectrum]:
    """The spectra of the chosen layer without and with the blur, by their names in plots."""
    names = (NO_BLUR, blur_text(values))
    pair = layer_pair(values, values.kind)
    return {
        name: compute.spectrum(each, scene(values)) for name, each in zip(names, pair, strict=True)
    }


def spectra(values: ShiftSettings) -> Plot:
    """The spectra of the chosen layer before and after downsampling."""
    return spectra_plot(named_spectra(values), "Energy by frequency", _chosen_layer_text(values))


def folded(values: ShiftSettings) -> Plot:
    """The energy of the chosen layer after downsampling, with the part that is folded."""
    title = "What each frequency holds after downsampling"
    return folded_plot(named_spectra(values), title, _chosen_layer_text(values))


def _chosen_layer_text(values: ShiftSettings) -> str:
    """The chosen layer and its input in words."""
    layer = sentence_case(layer_title(layer_pair(values, values.kind)[0]))
    return f"{layer}; {input_text(values)}"


Pair = tuple["Consistency", "Consistency"]
"""Consistencies of a network without and with a blur before every stride."""


def chosen_index(result: Consistency, pixels: int) -> int:
    """Index of the longest measured shift of at most so many pixels."""
    distances = abs(result.shifts).max(axis=1).tolist()
    return max((i for i, distance in enumerate(distances) if distance <= pixels), default=0)


def chosen_shift(result: Consistency, pixels: int) -> int:
    """The longest measured shift of at most so many pixels, in pixels."""
    return int(abs(result.shifts[chosen_index(result, pixels)]).max())


def network_plot(pair: Pair, values: ShiftSettings, request: Request) -> Plot:
    """The strongest channel of a network's map for the chosen shift."""
    index = chosen_index(pair[0], values.shift)
    maps = (compute.network_comparison(pair[0], index), compute.network_comparison(pair[1], index))
    signed = min(float(each.output.min()) for each in maps) < 0
    return comparison_plot(
        maps,
        f"{request.network.title}, {request.layer}",
        blur_text(values),
        comparison_scales(maps, signed=signed),
        subtitle=f"The strongest channel; picture moved {chosen_shift(pair[0], values.shift)} px "
        f"{request.direction}; {weights_text(request)}; the blur is before every stride",
    )


def network_curve_plot(pair: Pair, values: ShiftSettings, request: Request) -> Plot:
    """The consistency of a network over all measured shifts."""
    return consistency_plot(
        {request.network.title: pair},
        f"{request.network.title}: does the map move with the picture?",
        blur_text(values),
        subtitle=f"All channels of {request.layer} {shift_range_text(pair[0])}, "
        f"{request.direction}; {weights_text(request)}; the blur is before every stride",
        current=chosen_shift(pair[0], values.shift),
    )


def shift_range_text(result: Consistency) -> str:
    """The range of shifts of a network's consistency in words."""
    stride = max(result.stride)
    farthest = int(abs(result.shifts).max())
    return f"over two strides of {stride} px" if stride > 1 else f"over shifts up to {farthest} px"
