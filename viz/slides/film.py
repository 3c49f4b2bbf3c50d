"""Films as GIF or MP4: the figure is drawn once, and each frame redraws only the moving artists.

All frames of a GIF share one palette; a frame stores only the rectangle that differs from the
previous one, and Pillow quantizes and encodes it. `Image.save(save_all=True)` does the same, but
holds every whole frame until the last one, and maps each to the palette twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from io import SEEK_END, BytesIO
from typing import Any, cast

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray
from PIL import Image, ImageChops
from PIL.GifImagePlugin import getdata

from viz.slides.style import Film, Kind, Style
from viz.slides.video import mp4

Frame = NDArray[np.uint8]
"""(height, width, 4) RGBA."""
Color = tuple[int, ...]
"""Red, green and blue, 0 to 255."""
LAST_FRAME_SECONDS = 2.0
"""Seconds that the last frame stays."""
SAMPLED_FRAMES = 5
"""Number of frames from which the palette is computed."""
EXACT_COLORS = 160
"""Palette entries for the most frequent colors; median cut of the others fills the rest."""
CLEAR = 255
"""The palette's transparent entry; those before it are colors."""


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
        return self.frames(range(self.film.frames))

    def frames(self, numbers: Iterable[int]) -> Iterator[Frame]:
        """Yield the frames with these numbers; all of them use the same memory."""
        renderer = self._canvas.get_renderer()
        for number in numbers:
            self._canvas.restore_region(self._still)
            for artist in self.film.show(number):
                artist.draw(renderer)
            yield np.asarray(self._canvas.buffer_rgba())


def gif_bytes(reel: Reel, style: Style) -> bytes:
    """The frames as a GIF that plays for ever."""
    paint = Painter(reel, style)
    frame_ms = max(2, round(100 / reel.film.fps)) * 10  # browsers slow down what is faster
    options = {"transparency": CLEAR, "disposal": 2 if style.transparent else 1}
    file = BytesIO()
    before: Image.Image | None = None
    for number, frame in enumerate(reel, start=1):
        last = number == reel.film.frames
        options["duration"] = round(1000 * LAST_FRAME_SECONDS) if last else frame_ms
        image = paint(frame)
        if before is None:
            still: dict[str, Any] = {"interlace": 0, "optimize": False, "loop": 0}
            image.save(file, "GIF", comment=style.credit.encode(), **still, **options)
            file.seek(-1, SEEK_END)  # the byte that ends the file
        else:
            part, corner = _part(image, None if style.transparent else before)
            file.writelines(getdata(part, corner, **options))
        before = image
    file.write(b";")
    return file.getvalue()


def _part(image: Image.Image, before: Image.Image | None) -> tuple[Image.Image, tuple[int, int]]:
    """The smallest rectangle of a palette image that has to be drawn, and its (left, top).

    Args:
        image: The image. Its transparent pixels need not be drawn.
        before: The image over which it is drawn; what is equal becomes transparent. None for
            nothing.
    """
    empty = Image.new("P", image.size, CLEAR) if before is None else before
    changed = ImageChops.difference(image, empty).point([0] + [255] * 255, "1")
    left, top, right, bottom = box = changed.getbbox() or (0, 0, 1, 1)
    part = Image.new("P", (right - left, bottom - top), CLEAR)
    part.paste(image.crop(box), mask=changed.crop(box))
    part.putpalette(cast("list[int]", image.getpalette()))
    return part, (left, top)


class Painter:
    """Maps each frame of a film to one palette: 255 colors and `CLEAR`, without dithering.

    Pillow finds the nearest color for a cell of 4×4×4 colors at once, from the cell's lowest
    corner. The palette that it searches has the corners of the cells, so that a frequent color
    is never replaced by a neighbor, as white would be by a light grey. The palette of the file
    has the most frequent color of each cell.
    """

    def __init__(self, reel: Reel, style: Style) -> None:
        self._paper = Image.new("RGBA", reel.size, style.ink["background"])
        self._transparent = style.transparent
        self._sheet = Image.new("RGB", reel.size)
        numbers = np.unique(np.linspace(0, reel.film.frames - 1, SAMPLED_FRAMES).round())
        counts: Counter[Color] = Counter()
        for frame in reel.frames(int(number) for number in numbers):
            colors = self._opaque(frame).getcolors(reel.size[0] * reel.size[1])
            counts.update(
                {color: count for count, color in cast("list[tuple[int, Color]]", colors)}
            )
        flat = np.array(palette_colors(counts), np.uint8)
        self._colors = flat.ravel().tolist()
        self._cells = Image.new("P", (1, 1))
        self._cells.putpalette((flat & 252).ravel().tolist())

    def __call__(self, frame: Frame) -> Image.Image:
        """The frame as a palette image."""
        image = self._opaque(frame).quantize(palette=self._cells, dither=Image.Dither.NONE)
        if self._transparent:
            alpha = Image.fromarray(frame).getchannel("A")
            image.paste(CLEAR, mask=alpha.point([255] * 128 + [0] * 128, "1"))
        image.putpalette(self._colors)
        return image

    def _opaque(self, frame: Frame) -> Image.Image:
        """The frame on the paper's color, as RGB; only valid until the next call."""
        if self._transparent:
            return Image.alpha_composite(self._paper, Image.fromarray(frame)).convert("RGB")
        self._sheet.frombytes(frame.data, "raw", "RGBX")  # into the same memory: twice as fast
        return self._sheet


def palette_colors(counts: Counter[Color]) -> list[Color]:
    """256 colors by how often each color was counted; the last one, `CLEAR`, repeats the first.

    The most frequent colors of different cells come first. If they do not all fit, a median cut
    of the others follows `EXACT_COLORS` of them; if they leave room, the first one is repeated.
    """
    frequent: dict[Color, Color] = {}
    for color, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        frequent.setdefault(tuple(value & 252 for value in color), color)
    colors = list(frequent.values())
    if len(colors) > CLEAR:
        rare = Image.fromarray(np.array([colors[EXACT_COLORS:]], np.uint8))
        room, method = CLEAR - EXACT_COLORS, Image.Quantize.MEDIANCUT
        cut = rare.quantize(room, method, dither=Image.Dither.NONE).getpalette()
        colors[EXACT_COLORS:] = map(tuple, np.reshape(cut or [], (-1, 3))[:room].tolist())
    return colors + colors[:1] * (CLEAR + 1 - len(colors))


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
