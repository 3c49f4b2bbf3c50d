"""Films as GIF or MP4: the figure is drawn once, and each frame redraws only the moving artists.

All frames of a GIF share one palette; a frame stores only the rectangle that differs from the
previous one. Matplotlib's own writers draw every frame in full, which takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from viz.slides.style import Film, Kind, Style
from viz.slides.video import mp4

Frame = NDArray[np.uint8]
"""(height, width, 4) RGBA."""
LAST_FRAME_SECONDS = 2.0
"""Seconds that the last frame stays."""
SAMPLED_FRAMES = 5
"""Number of frames from which the palette is computed."""
KEY_BITS = 6
"""Bits of each channel that decide which color of the palette replaces a color."""
EXACT_COLORS = 160
"""Palette entries for the most frequent colors; median cut of the others fills the rest."""


def film_bytes(film: Film, style: Style, kind: Kind) -> bytes:
    """A film as the bytes of a GIF or an MP4, the same bytes on every call.

    Called inside `viz.slides.sheet.matplotlib_style`.

    Raises:
        SpecError: An MP4 needs ffmpeg, which is not installed.
    """
    reel = Reel(film, style)
    return gif_bytes(reel, style) if kind == "gif" else _mp4(reel, style.credit)


class Reel:
    """Renders the frames of a film; it can be iterated repeatedly.

    Attributes:
        film: The film.
        size: (width, height) in pixels, both even, as H.264 requires.
    """

    def __init__(self, film: Film, style: Style) -> None:
        self.film = film
        figure = film.figure
        width, height = (2 * round(inches * style.dpi / 2) for inches in style.inches)
        self.size = width, height
        figure.set_dpi(style.dpi)
        figure.set_size_inches(width / style.dpi, height / style.dpi)
        paper = "none" if style.transparent else style.ink["background"]
        figure.set_facecolor(paper)
        self._artists = list(film.show(0))
        for artist in self._artists:
            artist.set_animated(True)
        self._canvas = FigureCanvasAgg(figure)
        if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
            self._canvas.draw()
            figure.set_layout_engine("none")  # the layout is computed and must not change
        self._canvas.draw()
        self._still = self._canvas.copy_from_bbox(figure.bbox)

    def __iter__(self) -> Iterator[Frame]:
        """Yield each frame (height, width, 4); all of them use the same memory."""
        renderer = self._canvas.get_renderer()
        for number in range(self.film.frames):
            self._canvas.restore_region(self._still)
            for artist in self.film.show(number):
                artist.draw(renderer)
            yield np.asarray(self._canvas.buffer_rgba())

    def sample(self, count: int) -> list[Frame]:
        """Copies of about ``count`` evenly spaced frames, for computing a palette."""
        numbers = np.unique(np.linspace(0, self.film.frames - 1, count).round()).tolist()
        renderer = self._canvas.get_renderer()
        frames = []
        for number in numbers:
            self._canvas.restore_region(self._still)
            for artist in self.film.show(int(number)):
                artist.draw(renderer)
            frames.append(np.array(self._canvas.buffer_rgba()))
        return frames


def gif_bytes(reel: Reel, style: Style) -> bytes:
    """The frames as a GIF that plays for ever."""
    palette = Palette(reel.sample(SAMPLED_FRAMES), style)
    frame_ms = max(2, round(100 / reel.film.fps)) * 10  # browsers slow down what is faster
    file = BytesIO()
    before: Frame | None = None
    for number, frame in enumerate(reel):
        last = number == reel.film.frames - 1
        options: dict[str, Any] = {
            "duration": round(1000 * LAST_FRAME_SECONDS) if last else frame_ms
        }
        options |= {"transparency": palette.CLEAR, "disposal": 2 if style.transparent else 1}
        if before is None or style.transparent:
            corner, image = (0, 0), palette.image(frame)
        else:
            corner, image = _difference(before, frame, palette)
        if before is None:
            _write_header(file, image, options, style.credit)
        for part in GifImagePlugin.getdata(image, corner, include_color_table=False, **options):
            file.write(part)
        before = frame.copy()
    file.write(b";")
    return file.getvalue()


def _difference(
    before: Frame, frame: Frame, palette: Palette
) -> tuple[tuple[int, int], Image.Image]:
    """(left, top) and image of the rectangle that changed, transparent where nothing changed."""
    differs = before.view(np.uint32)[..., 0] != frame.view(np.uint32)[..., 0]
    rows = np.flatnonzero(differs.any(axis=1))
    if not len(rows):
        return (0, 0), palette.image(frame[:1, :1])
    cols = np.flatnonzero(differs[rows[0] : rows[-1] + 1].any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1
    part = differs[top:bottom, left:right]
    return (left, top), palette.image(frame[top:bottom, left:right], part)


def _write_header(file: BytesIO, image: Image.Image, options: dict[str, Any], credit: str) -> None:
    """Write the GIF's header: size, palette, endless loop, and the credit as a comment."""
    info = {"loop": 0, "background": 0, "comment": credit.encode()} | options
    parts, _ = GifImagePlugin.getheader(image, info=info)
    for part in parts:
        file.write(part)


class Palette:
    """255 colors for all frames, and one transparent entry, `CLEAR`."""

    CLEAR = 255

    def __init__(self, frames: list[Frame], style: Style) -> None:
        self._paper = np.array([round(255 * c) for c in to_rgb(style.ink["background"])])
        self._transparent = style.transparent
        colors = self._quantized(np.concatenate([self._opaque(frame)[::2] for frame in frames]))
        self._flat = colors.ravel().tolist() + [0] * (768 - colors.size)
        self._colors = colors.astype(np.float32)
        self._index_of = np.full(1 << 3 * KEY_BITS, -1, np.int16)

    def _quantized(self, seen: Frame) -> NDArray[np.uint8]:
        """(n ≤ 255, 3): the most frequent colors, and a median cut of all others."""
        keys = _keys(_packed(seen)).ravel()
        counts = np.bincount(keys)
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        means = np.stack(
            [np.bincount(keys, seen[..., i].ravel())[order] / counts[order] for i in range(3)], 1
        )
        colors = np.rint(means).astype(np.uint8)
        if len(colors) <= self.CLEAR:
            return colors
        rare = Image.fromarray(np.ascontiguousarray(colors[None, EXACT_COLORS:]))
        cut = rare.quantize(
            self.CLEAR - EXACT_COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
        rest = np.array(cut.getpalette(), np.uint8).reshape(-1, 3)[: self.CLEAR - EXACT_COLORS]
        return np.concatenate([colors[:EXACT_COLORS], rest])

    def _opaque(self, frame: Frame) -> Frame:
        """The frame composited on the paper's color, if the film is transparent."""
        if not self._transparent:
            return frame
        share = frame[..., 3:].astype(np.float32) / 255
        mixed = np.full_like(frame, 255)
        mixed[..., :3] = np.rint(frame[..., :3] * share + self._paper * (1 - share))
        return mixed

    def image(self, frame: Frame, where: NDArray[np.bool_] | None = None) -> Image.Image:
        """A frame, or a part of one, as a palette image; transparent outside ``where``."""
        packed = _packed(self._opaque(frame))
        if self._transparent:
            where = frame[..., 3] >= 128
        if where is None:
            indices = self._nearest(packed)
        else:
            indices = np.full(packed.shape, self.CLEAR, np.uint8)
            indices[where] = self._nearest(packed[where])
        image = Image.frombytes("P", (packed.shape[1], packed.shape[0]), indices.tobytes())
        image.putpalette(self._flat)
        return image

    def _nearest(self, packed: NDArray[np.uint32]) -> Frame:
        """The palette index nearest to each color, cached by the upper bits of the channels."""
        keys = _keys(packed)
        places = self._index_of[keys]
        if (places < 0).any():
            missing = np.unique(keys[places < 0])
            low = np.stack(
                [missing >> shift * KEY_BITS & ((1 << KEY_BITS) - 1) for shift in (2, 1, 0)], 1
            )
            colors = (low * (255 / ((1 << KEY_BITS) - 1))).astype(np.float32)
            for start in range(0, len(missing), 4096):
                part = slice(start, start + 4096)
                distances = ((colors[part, None] - self._colors) ** 2).sum(2)
                self._index_of[missing[part]] = distances.argmin(1)
            places = self._index_of[keys]
        return places.astype(np.uint8)


def _packed(frame: Frame) -> NDArray[np.uint32]:
    """Each RGBA color as one 32-bit number, red in its lowest byte."""
    return np.ascontiguousarray(frame).view("<u4")[..., 0]


def _keys(packed: NDArray[np.uint32]) -> NDArray[np.integer[Any]]:
    """The upper bits of red, green and blue, side by side."""
    drop, mask = 8 - KEY_BITS, (1 << KEY_BITS) - 1
    red, green, blue = (packed >> (8 * i + drop) & mask for i in range(3))
    return (red << 2 * KEY_BITS) | (green << KEY_BITS) | blue


def _mp4(reel: Reel, credit: str) -> bytes:
    """The frames as an MP4; the last one is repeated for `LAST_FRAME_SECONDS` seconds."""

    def frames() -> Iterator[bytes]:
        data = b""
        for frame in reel:
            data = np.ascontiguousarray(frame[..., :3]).tobytes()
            yield data
        for _ in range(round(LAST_FRAME_SECONDS * reel.film.fps)):
            yield data

    width, height = reel.size
    return mp4(frames(), (width, height), reel.film.fps, credit)
