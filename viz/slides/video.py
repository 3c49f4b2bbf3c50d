"""MP4 by ffmpeg, where there is one. Knows no Matplotlib: the menu asks whether to offer it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

from core.errors import SpecError

TIMEOUT_S = 120
"""Longest that one film may be encoded."""


@cache
def ffmpeg() -> str:
    """The program that makes MP4: on the path, or of the package imageio-ffmpeg; "" for none."""
    path = shutil.which("ffmpeg")
    if path is None and find_spec("imageio_ffmpeg"):
        try:
            path = import_module("imageio_ffmpeg").get_ffmpeg_exe()
        except (OSError, RuntimeError):  # the package without its program
            path = None
    return path or ""


def mp4(frames: Iterable[bytes], size: tuple[int, int], fps: float, comment: str = "") -> bytes:
    """A film that plays everywhere (H.264, 4:2:0, its index in front), the same bytes every time.

    Args:
        frames: RGB, 8 bits a channel, row by row.
        size: (width, height), both even.
        fps: frames a second.
        comment: text that is written into the file and not into the picture; "" for none.

    Raises:
        SpecError: there is no ffmpeg, or it refuses.
    """
    if not ffmpeg():
        raise SpecError("kind", "needs ffmpeg: install it, or the package imageio-ffmpeg", "mp4")
    with TemporaryDirectory() as folder:  # the index goes in front: ffmpeg has to seek
        file = Path(folder) / "film.mp4"
        _encode(frames, _command(size, fps, comment, file))
        return file.read_bytes()


def _command(size: tuple[int, int], fps: float, comment: str, file: Path) -> list[str]:
    exact = ("-threads", "1", "-fflags", "+bitexact", "-flags", "+bitexact", "-map_metadata", "-1")
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", f"{fps:g}")
    look = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-tune", "animation")
    plays = ("-pix_fmt", "yuv420p", "-movflags", "+faststart")
    colors = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709")
    quiet = ("-nostdin", "-loglevel", "error", "-y")
    noted = ("-metadata", f"comment={comment}") if comment else ()
    encoding = (*colors, *look, *plays, *exact, *noted)
    return [ffmpeg(), *quiet, *raw, "-i", "-", *encoding, str(file)]


def _encode(frames: Iterable[bytes], command: list[str]) -> None:
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    watch = Timer(TIMEOUT_S, program.kill)
    watch.start()
    try:
        assert program.stdin is not None
        with suppress(BrokenPipeError):  # it says why below
            for frame in frames:
                program.stdin.write(frame)
        _, said = program.communicate()
    finally:
        watch.cancel()
        program.kill()
        program.wait()
    if program.returncode != 0:
        reason = said.decode(errors="replace").strip().splitlines()
        raise SpecError("kind", "was refused by ffmpeg", reason[-1] if reason else "no reason")
