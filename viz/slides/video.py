"""MP4 files by ffmpeg, if it is installed. Without Matplotlib: the menu imports this module."""

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
"""Seconds after which the encoding of a film is killed."""


@cache
def ffmpeg() -> str:
    """Path of ffmpeg, from PATH or the package imageio-ffmpeg; "" if neither has it."""
    path = shutil.which("ffmpeg")
    if path is None and find_spec("imageio_ffmpeg"):
        try:
            path = import_module("imageio_ffmpeg").get_ffmpeg_exe()
        except (OSError, RuntimeError):  # the package without its program
            path = None
    return path or ""


def mp4(frames: Iterable[bytes], size: tuple[int, int], fps: float, comment: str = "") -> bytes:
    """Encode a film as H.264, 4:2:0, index in front, which all players read; reproducible bytes.

    Args:
        frames: Each frame's bytes, (height, width, 3) RGB.
        size: (width, height), both even.
        fps: frames a second.
        comment: text that is written into the file and not into the picture; "" for none.

    Raises:
        SpecError: ffmpeg is not installed, or fails.
    """
    if not ffmpeg():
        raise SpecError("kind", "needs ffmpeg: install it, or the package imageio-ffmpeg", "mp4")
    with TemporaryDirectory() as folder:  # the index goes in front: ffmpeg has to seek
        file = Path(folder) / "film.mp4"
        _encode(frames, _command(size, fps, comment, file))
        return file.read_bytes()


def _command(size: tuple[int, int], fps: float, comment: str, file: Path) -> list[str]:
    """ffmpeg's command line for raw RGB frames on stdin."""
    exact = ("-threads", "1", "-fflags", "+bitexact", "-flags", "+bitexact", "-map_metadata", "-1")
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", f"{fps:g}")
    codec = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-tune", "animation")
    compatible = ("-pix_fmt", "yuv420p", "-movflags", "+faststart")
    colors = ("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-colorspace", "bt709")
    quiet = ("-nostdin", "-loglevel", "error", "-y")
    metadata = ("-metadata", f"comment={comment}") if comment else ()
    encoding = (*colors, *codec, *compatible, *exact, *metadata)
    return [ffmpeg(), *quiet, *raw, "-i", "-", *encoding, str(file)]


def _encode(frames: Iterable[bytes], command: list[str]) -> None:
    """Run ffmpeg on the frames; SpecError with its last message if it fails."""
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    watch = Timer(TIMEOUT_S, program.kill)
    watch.start()
    try:
        assert program.stdin is not None
        with suppress(BrokenPipeError):  # stderr, read below, has the reason
            for frame in frames:
                program.stdin.write(frame)
        _, messages = program.communicate()
    finally:
        watch.cancel()
        program.kill()
        program.wait()
    if program.returncode != 0:
        reason = messages.decode(errors="replace").strip().splitlines()
        raise SpecError("kind", "was refused by ffmpeg", reason[-1] if reason else "no reason")
