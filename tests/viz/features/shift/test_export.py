"""Slides of shifts and what aliases: what is drawn is what was measured, and it fits."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from core.plots.plot import Heat, Plot
from tests.viz.slides import fits
from viz.features.shift import compute, export, params, plots
from viz.features.shift.compute import FRAMES
from viz.features.shift.params import ShiftSettings
from viz.slides.sheet import file_bytes, matplotlib_style
from viz.slides.style import STRIPS, Picture, Style

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


def heats(plot: Plot) -> list[Heat]:
    return [mark for panel in plot.panels for mark in panel.marks if isinstance(mark, Heat)]


@pytest.mark.parametrize("relu", ["false", "true"])
def test_the_film_moves_the_picture_and_is_still_at_multiples_of_the_stride(relu: str) -> None:
    values = values_of(relu=relu)
    frames = plots.film_plots(values, "convolution")
    assert len(frames) == FRAMES == of()["film_convolution"].frames
    original = compute.picture(params.scene(values))[0]
    scales = [heat.scale for heat in heats(frames[0])]
    assert scales[1].colors == ("grey" if relu == "true" else "signed")
    for pixels, frame in enumerate(frames):
        maps = heats(frame)
        np.testing.assert_array_equal(maps[3].values, np.roll(original, pixels, 1))
        assert (np.abs(maps[2].values).max() == 0) == (pixels % 2 == 0)
        assert f"{pixels} px" in frame.subtitle or pixels == 0
        assert [heat.scale for heat in maps] == scales, "one scale in all frames"


@pytest.mark.parametrize("steps", STRIPS)
def test_a_strip_has_outputs_of_the_film_side_by_side(steps: int) -> None:
    values = values_of()
    strip = plots.film_strip(values, "max_pooling", steps)
    frames = plots.film_plots(values, "max_pooling")
    above, below = heats(strip)[:steps], heats(strip)[steps:]
    for row, place in ((above, 1), (below, 4)):
        for at, frame in ((0, frames[0]), (-1, frames[steps - 1])):
            np.testing.assert_array_equal(row[at].values, heats(frame)[place].values)
    assert strip.columns == steps
    assert [panel.title for panel in strip.panels[:: 2 * steps - 1]] == [
        "no blur, 0 px", f"blur {params.BLUR_WORDS[3]}, {steps - 1} px",
    ]  # fmt: skip
    picture = of()["film_max_pooling"]
    assert picture.strip is not None
    with matplotlib_style(WIDE):
        assert not fits.misfits(picture.strip(WIDE, steps), WIDE)


def test_the_film_s_still_is_the_chosen_shift() -> None:
    picture = of()["film_convolution"]
    texts = [text.get_text() for text in fits.texts_of(fits.drawn(picture, WIDE))]
    assert any("3 px right" in text for text in texts)


def test_the_screen_and_the_file_have_the_same_numbers() -> None:
    values = values_of()
    on_screen = plots.layer_plot(values, "max_pooling")
    on_file = plots.layer_plot(values, "max_pooling", with_pictures=True)
    seen, written = (
        {(h.scale, h.values.tobytes()) for h in heats(plot) if h.scale.label}
        for plot in (on_screen, on_file)
    )
    assert len(seen) == 4
    assert seen == written
    assert on_screen.title == on_file.title
    assert on_screen.alt == on_file.alt


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
