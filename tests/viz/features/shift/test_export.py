"""Slides of shifts and what aliases: what is drawn is what was measured, and it fits."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from core.shift.layer import KINDS
from tests.viz.slides import fits
from viz.features.shift import compute, export, params
from viz.features.shift.compute import FRAMES
from viz.features.shift.params import ShiftSettings
from viz.slides.sheet import file_bytes, matplotlib_style
from viz.slides.style import Picture, Style

SMALL = {"side": "48", "shift": "3"}
NETWORK = {
    "tab": "network",
    "layers": "conv3 p1 c4, relu, maxpool2, conv3 s2 p1 c4",
    "input_height": "32",
    "input_width": "32",
}
WIDE = Style("wide", 72)


def values_of(**query: str) -> ShiftSettings:
    values, ignored = ShiftSettings.decoded(SMALL | query)
    assert not ignored
    return values


@cache
def of(tab: str = "layers") -> dict[str, Picture]:
    query = NETWORK if tab == "network" else {"tab": tab}
    return {one.name: one for one in export.pictures(values_of(**query))}


@fits.on_every_slide
@pytest.mark.parametrize("name", ["convolution", "curve", "spectra", "folded", "film_max_pooling"])
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of()[name], slide)


@fits.on_every_slide
@pytest.mark.parametrize("name", ["network", "network_curve"])
def test_a_network_s_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of("network")[name], slide)


def image_of(axes: Axes) -> Any:
    (image,) = axes.get_images()
    return np.asarray(image.get_array())


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_above_and_differences_below(kind: str) -> None:
    values = values_of()
    axes = fits.drawn(of()[kind], WIDE).axes
    found = [
        compute.comparison(layer, params.scene(values), (0, 3))
        for layer in params.layer_pair(values, kind)
    ]
    for place, each in enumerate(found):
        np.testing.assert_array_equal(image_of(axes[place]), each.output[0])
        np.testing.assert_array_equal(image_of(axes[2 + place]), each.difference[0])
    for row in (axes[:2], axes[2:4]):
        assert len({each.get_images()[0].get_clim() for each in row}) == 1


def test_the_curves_are_the_cosines_in_view() -> None:
    values = values_of()
    figure = fits.drawn(of()["curve"], WIDE)
    for axes, kind in zip(figure.axes, KINDS, strict=True):
        lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
        pair = params.layer_pair(values, kind)
        scene = params.scene(values)
        cosines = [compute.consistency(layer, scene, "across").cosine for layer in pair]
        closed = [compute.expected_cosines(layer, scene, "across") for layer in pair]
        for line, expected in zip(lines, [*cosines, *closed], strict=True):
            np.testing.assert_array_equal(line.get_ydata(), expected[: 6 * 2 + 1])


def test_what_folds_stands_on_what_belongs_there() -> None:
    values = values_of()
    figure = fits.drawn(of()["folded"], WIDE)
    for axes, layer in zip(figure.axes, params.layer_pair(values, "convolution"), strict=True):
        spectrum = compute.spectrum(layer, params.scene(values))
        middle = tuple(n // 2 for n in spectrum.in_band.shape)
        drawn = sum(bar.get_height() for bar in axes.patches)
        everything = spectrum.in_band + spectrum.folded
        assert drawn == pytest.approx(everything.sum() - everything[middle])


def test_the_film_moves_the_picture_and_is_still_at_multiples_of_the_stride() -> None:
    picture = of()["film_convolution"]
    assert picture.film is not None
    with matplotlib_style(WIDE):
        film = picture.film(WIDE)
    assert film.frames == FRAMES == picture.frames
    scene = params.scene(values_of())
    original = compute.picture(scene)[0]
    for frame in range(FRAMES):
        artists = film.show(frame)
        images = [np.asarray(image.get_array()) for image in artists[:-1]]
        np.testing.assert_array_equal(images[0], np.roll(original, frame, 1))
        assert (np.abs(images[3]).max() == 0) == (frame % 2 == 0)
        assert f"{frame} px" in artists[-1].get_text()


def test_the_film_is_a_gif_of_eight_frames_the_same_every_time() -> None:
    from io import BytesIO

    from PIL import Image

    style = Style("half", 72)
    first = file_bytes(of()["film_convolution"], style, "gif")
    assert first == file_bytes(of()["film_convolution"], style, "gif")
    assert Image.open(BytesIO(first)).n_frames == FRAMES  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "query, first",
    [
        ({}, "convolution"),
        ({"play": "true"}, "film_convolution"),
        ({"tab": "curve"}, "curve"),
        ({"tab": "spectra", "kind": "max_pooling"}, "spectra"),
        (NETWORK, "network_curve"),
    ],
)
def test_what_the_link_shows_comes_first(query: dict[str, str], first: str) -> None:
    assert export.pictures(values_of(**query))[0].name == first
