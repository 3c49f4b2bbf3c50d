"""Films: every frame as it would be drawn anew, small files, the same bytes every time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from core.errors import SpecError
from viz.features.sweep import export
from viz.features.sweep.params import SweepSettings
from viz.slides import video
from viz.slides.film import CLEAR, EXACT_COLORS, Reel, palette_colors
from viz.slides.sheet import file_bytes, matplotlib_style
from viz.slides.style import MAX_FRAMES, Film, Picture, Style, check_limits, film_steps
from viz.theme import MEANINGS

SMALL = Style("half", 72)


def picture(**link: Any) -> Picture:
    link = {"input_height": 6, "input_width": 6, "padding": 0} | link
    values, ignored = SweepSettings.decoded({name: str(value) for name, value in link.items()})
    assert not ignored
    [found] = export.pictures(values)
    return found


def frames_of(gif: bytes) -> list[np.ndarray]:
    image = Image.open(BytesIO(gif))
    found = []
    for number in range(image.n_frames):
        image.seek(number)
        found.append(np.array(image.convert("RGBA"), dtype=int))
    return found


def drawn_anew(made: Picture, style: Style, number: int) -> np.ndarray:
    """One frame of a film drawn whole, by Matplotlib alone."""
    assert made.film is not None
    with matplotlib_style(style):
        film = made.film(style)
        film.figure.set_dpi(style.dpi)
        film.figure.set_size_inches(
            *(2 * round(n * style.dpi / 2) / style.dpi for n in style.inches)
        )
        for artist in film.show(number):
            artist.set_animated(False)
        canvas = FigureCanvasAgg(film.figure)
        canvas.draw()
        return np.array(canvas.buffer_rgba(), dtype=int)


@pytest.mark.slow
@pytest.mark.parametrize("link", [{}, {"operation": "max_pooling"}, {"compare": "classics"}])
def test_the_frames_of_a_gif_are_those_that_are_drawn(link: dict[str, Any]) -> None:
    made = picture(**link)
    frames = frames_of(file_bytes(made, SMALL, "gif"))
    assert len(frames) == made.frames
    for number in (0, made.frames - 1):
        anew = drawn_anew(made, SMALL, number)
        off = np.abs(frames[number][..., :3] - anew[..., :3]).max(axis=2)
        assert np.mean(off > 8) < 0.01, "256 colours, the most frequent of them exact"
        assert off.mean() < 0.5


def test_frames_differ_from_step_to_step() -> None:
    frames = frames_of(file_bytes(picture(), SMALL, "gif"))
    for before, after in pairwise(frames):
        assert (before != after).any()


def test_a_film_is_a_dark_or_a_clear_sheet_as_asked() -> None:
    dark, *_ = frames_of(file_bytes(picture(), replace(SMALL, dark=True), "gif"))
    assert tuple(dark[0, 0]) == (0x12, 0x16, 0x1C, 255)
    clear = frames_of(file_bytes(picture(), replace(SMALL, transparent=True), "gif"))
    assert all(frame[0, 0, 3] == 0 for frame in clear)
    assert all((frame[..., 3] == 255).any() for frame in clear)


def test_something_that_moves_over_clear_paper_leaves_no_trace() -> None:
    def film(style: Style) -> Film:
        figure = Figure(figsize=style.inches, layout="none", facecolor="none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set(xlim=(0, 4), ylim=(0, 1))
        box = axes.add_patch(Rectangle((0, 0), 1, 1, color="#0072B2", linewidth=0))

        def show(frame: int) -> list[Rectangle]:
            box.set_x(frame)
            return [box]

        return Film(figure, 4, show)

    style = Style("half", 72, transparent=True)
    made = Picture("box", "", lambda style: film(style).figure, film, 4)
    for number, frame in enumerate(frames_of(file_bytes(made, style, "gif"))):
        seen = (frame[200, :, 3] > 0).reshape(4, -1).mean(axis=1)
        assert (seen > 0.9).tolist() == [number == quarter for quarter in range(4)]


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("dark", [False, True])
def test_solid_colors_are_exact_beside_all_greys(dark: bool, transparent: bool) -> None:
    colors = [tuple(round(255 * part) for part in to_rgb(each)) for each in MEANINGS.values()]

    def film(style: Style) -> Film:
        figure = Figure(figsize=style.inches, layout="none", facecolor=style.ink["background"])
        axes = figure.add_axes((0, 0, 1, 0.9))
        axes.axis("off")
        axes.set(xlim=(0, len(colors)), ylim=(0, 2))
        greys = np.linspace(0, 1, 256)[None]
        axes.imshow(greys, "gray", extent=(0, len(colors), 1, 2), aspect="auto")
        for place, color in enumerate(MEANINGS.values()):
            axes.add_patch(Rectangle((place, 0), 1, 1, color=color, linewidth=0))
        ring = axes.add_patch(Rectangle((0, 0.4), 0.2, 0.2, fill=False, color=style.ink["text"]))

        def show(frame: int) -> list[Rectangle]:
            ring.set_x(min(frame, 2))
            return [ring]

        return Film(figure, 4, show)

    style = Style("half", 72, dark=dark, transparent=transparent)
    made = Picture("boxes", "", lambda style: film(style).figure, film, 4)
    gif = file_bytes(made, style, "gif")
    assert gif == file_bytes(made, style, "gif")
    frames = frames_of(gif)
    assert len(frames) == 4, "the last frame equals the one before it"
    width = frames[0].shape[1] / len(colors)
    paper = [round(255 * part) for part in to_rgb(style.ink["background"])]
    for frame in frames:
        row = frame[-20, ((np.arange(len(colors)) + 0.5) * width).astype(int)]
        assert row.tolist() == [[*color, 255] for color in colors]
        assert frame[5, 5].tolist()[3] == (0 if transparent else 255)
        assert transparent or frame[5, 5, :3].tolist() == paper


@pytest.mark.parametrize("shades", [3, 255, 256, 5000])
def test_a_palette_has_256_colors_and_the_frequent_ones_unchanged(shades: int) -> None:
    values = np.random.default_rng(0).permutation(1 << 15)[:shades]
    cells = [(int(v >> 10) * 8 + 3, int(v >> 5 & 31) * 8 + 1, int(v & 31) * 8) for v in values]
    colors = palette_colors(Counter({cell: 2 * shades - i for i, cell in enumerate(cells)}))
    assert len(colors) == CLEAR + 1
    assert colors[CLEAR] == colors[0]
    whole = shades if shades <= CLEAR else EXACT_COLORS
    assert colors[:whole] == cells[:whole]


def test_a_gif_plays_for_ever_and_rests_at_its_end() -> None:
    image = Image.open(BytesIO(file_bytes(picture(), SMALL, "gif")))
    durations = []
    for number in range(image.n_frames):
        image.seek(number)
        durations.append(image.info["duration"])
    assert image.info["loop"] == 0
    assert len(set(durations[:-1])) == 1
    assert durations[-1] >= 4 * durations[0] or durations[-1] >= 2000


@pytest.mark.parametrize("steps", [1, 5, MAX_FRAMES, MAX_FRAMES + 1, 3844])
def test_a_long_sweep_is_shown_in_few_frames_and_says_so(steps: int) -> None:
    shown, note = film_steps(steps)
    assert 0 < len(shown) <= MAX_FRAMES
    assert shown[-1] == steps - 1
    assert bool(note) == (len(shown) < steps)
    assert not note or str(len(shown)) in note


def test_the_film_of_a_large_board_has_the_frames_its_picture_tells() -> None:
    made = picture(input_height=20, input_width=20, stride=1)
    with matplotlib_style(SMALL):
        assert made.film is not None
        assert made.film(SMALL).frames == made.frames == len(film_steps(18 * 18)[0])


def test_too_many_dots_are_refused_before_anything_is_drawn() -> None:
    made = picture(input_height=20, input_width=20, stride=1)
    with pytest.raises(SpecError, match="million dots"):
        file_bytes(made, Style("wide", 400), "gif")
    check_limits(made, Style("wide", 400), "svg")
    with pytest.raises(SpecError, match="svg, pdf, png"):
        check_limits(replace(made, film=None), Style(), "gif")


def test_a_reel_can_be_run_twice() -> None:
    made = picture()
    with matplotlib_style(SMALL):
        assert made.film is not None
        reel = Reel(made.film(SMALL), SMALL)
        first = [frame.copy() for frame in reel]
        assert all((a == b).all() for a, b in zip(first, reel, strict=True))
    assert all(n % 2 == 0 for n in reel.size)


def test_the_same_gif_twice() -> None:
    assert file_bytes(picture(), SMALL, "gif") == file_bytes(picture(), SMALL, "gif")


needs_ffmpeg = pytest.mark.skipif(not video.ffmpeg(), reason="no ffmpeg on this machine")


@needs_ffmpeg
def test_an_mp4_starts_with_its_index_and_is_the_same_twice() -> None:
    style = Style("half", 75)  # 487.5 dots wide: video wants even sizes
    film = file_bytes(picture(), style, "mp4")
    assert film[4:8] == b"ftyp"
    assert film.index(b"moov") < film.index(b"mdat")
    assert b"avc1" in film
    assert film == file_bytes(picture(), style, "mp4")


@needs_ffmpeg
def test_what_ffmpeg_refuses_is_a_sentence() -> None:
    with pytest.raises(SpecError, match="refused by ffmpeg"):
        video.mp4([b"\0" * 27], (3, 3), 5.0)


def test_without_ffmpeg_an_mp4_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "ffmpeg", lambda: "")
    with pytest.raises(SpecError, match="needs ffmpeg"):
        file_bytes(picture(), SMALL, "mp4")
