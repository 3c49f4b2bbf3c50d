"""How long a film of a sweep takes, beside Matplotlib's own writer in the same run.

``python -m tests.benchmarks.films``
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from matplotlib.animation import FuncAnimation, PillowWriter

from viz.features.sweep import export
from viz.features.sweep.params import SweepSettings
from viz.slides.sheet import file_bytes, matplotlib_style
from viz.slides.style import KINDS, Picture, Style
from viz.slides.video import ffmpeg

STYLE = Style("wide", 96)
REPEATS = 3


def board(side: int) -> Picture:
    """A 3×3 convolution that keeps the size: side × side steps."""
    link = {"stride": "1", "input_height": str(side), "input_width": str(side)}
    [picture] = export.pictures(SweepSettings.decoded(link)[0])
    return picture


def by_pillow_writer(picture: Picture) -> bytes:
    """Every frame drawn anew and quantised by itself."""
    assert picture.film is not None
    with matplotlib_style(STYLE), TemporaryDirectory() as folder:
        film = picture.film(STYLE)
        for artist in film.show(0):
            artist.set_animated(False)
        file = Path(folder) / "film.gif"
        animation = FuncAnimation(
            film.figure, film.show, frames=film.frames, cache_frame_data=False
        )
        animation.save(file, PillowWriter(fps=8), dpi=STYLE.dpi)
        return file.read_bytes()


def timed(work: Callable[[], bytes], repeats: int) -> tuple[float, float, int]:
    """Least seconds by the clock and of the processor, and bytes."""
    clock, processor, size = [], [], 0
    for _ in range(repeats):
        start, used = perf_counter(), process_time()
        size = len(work())
        clock.append(perf_counter() - start)
        processor.append(process_time() - used)
    return min(clock), min(processor), size


def main() -> None:
    """Print the table."""
    file_bytes(board(7), STYLE, "gif")  # imports, fonts
    print(f"{'':28}{'frames':>8}{'seconds':>10}{'CPU':>8}{'kB':>8}   1280×720")
    for side in (7, 14):
        picture = board(side)
        rows: dict[str, tuple[Callable[[], bytes], int]] = {
            "GIF": (partial(file_bytes, picture, STYLE, "gif"), REPEATS),
            "GIF by PillowWriter": (partial(by_pillow_writer, picture), 1),
        }
        if ffmpeg():
            rows["MP4"] = (partial(file_bytes, picture, STYLE, "mp4"), REPEATS)
        for kind in KINDS:
            rows[kind.upper()] = (partial(file_bytes, picture, STYLE, kind), REPEATS)
        for name, (work, repeats) in rows.items():
            clock, processor, size = timed(work, repeats)
            frames = picture.frames if name[:3] in ("GIF", "MP4") else 1
            print(f"{name:28}{frames:8}{clock:10.2f}{processor:8.2f}{size / 1000:8.0f}")


if __name__ == "__main__":
    main()
