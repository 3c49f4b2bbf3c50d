"""Pictures as files: Matplotlib's defaults for a style, the caption, the bytes.

A picture is a function ``Style → Figure``. `file_bytes` calls it inside `matplotlib_style`, which
sets Matplotlib's defaults; equal pictures and styles give equal bytes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from core.errors import SpecError
from viz.slides.parts import MARGIN, wrapped
from viz.slides.style import (
    FILMS,
    HIGHEST_DPI,
    KINDS,
    LONGEST_STRIP,
    Film,
    Kind,
    Picture,
    Style,
    check_limits,
)

_matplotlib = threading.Lock()  # Matplotlib's defaults are global to the process


@contextmanager
def matplotlib_style(style: Style) -> Iterator[None]:
    """Context in which Matplotlib's defaults are those of a style; one thread at a time."""
    with _matplotlib, mpl.rc_context(_defaults(style)):
        yield


def _defaults(style: Style) -> dict[Any, Any]:
    """Matplotlib's rcParams for a style."""
    ink, points = style.ink, style.points
    return {
        "svg.fonttype": "none",  # text stays text
        "pdf.fonttype": 42,
        "svg.hashsalt": "strides",  # ids that are the same every time
        "text.parse_math": False,  # a dollar sign is a dollar sign
        "font.family": "DejaVu Sans",
        "font.size": points,
        "axes.titlesize": points,
        "axes.labelsize": points,
        "xtick.labelsize": 0.85 * points,
        "ytick.labelsize": 0.85 * points,
        "legend.fontsize": 0.9 * points,
        "lines.linewidth": 2.5,
        "axes.linewidth": 1.2,
        "axes.edgecolor": ink["muted"],
        "axes.labelcolor": ink["text"],
        "axes.facecolor": "none",
        "axes.grid": False,
        "grid.color": ink["line"],
        "text.color": ink["text"],
        "xtick.color": ink["text"],
        "ytick.color": ink["text"],
        "legend.frameon": False,
        "figure.facecolor": ink["background"],
        "figure.figsize": style.inches,
        "hatch.linewidth": 1.0,
        "figure.constrained_layout.use": True,
    }


def file_bytes(picture: Picture, style: Style, kind: Kind, strip: int = 0) -> bytes:
    """Draw the picture; returns the bytes of its file, the same on every call.

    Args:
        picture: The picture.
        style: Size, resolution, colors and caption.
        kind: One of `KINDS`, or of `FILMS` if the picture has a film.
        strip: Number of steps side by side; 0 for a single picture.

    Raises:
        SpecError: The picture does not have this format or strip, or has too many pixels.
    """
    check_limits(picture, style, kind)
    style = style_of_kind(style, kind)
    if strip and not 2 <= strip <= LONGEST_STRIP:
        raise SpecError("strip", f"must be from 2 to {LONGEST_STRIP} steps", strip)
    if strip and (picture.strip is None or kind not in KINDS):
        raise SpecError("strip", f"of {picture.name!r} as {kind.upper()} is not made", strip)
    with matplotlib_style(style):
        if kind in FILMS:
            from viz.slides import film

            return film.film_bytes(_film(picture, style), style, kind)
        figure = picture.strip(style, strip) if strip and picture.strip else picture.draw(style)
        _caption(figure, style)
        return figure_bytes(figure, style, kind)


def style_of_kind(style: Style, kind: Kind) -> Style:
    """The style for a format: a vector file has no dots, so maps are fitted to very fine ones."""
    return replace(style, dpi=HIGHEST_DPI) if kind in ("svg", "pdf") else style


def figure_bytes(figure: Figure, style: Style, kind: Kind) -> bytes:
    """The bytes of a figure's file, with the photograph's credit and without a date."""
    credit = style.credit or None
    metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Source": credit},
        "pdf": {"CreationDate": None, "Subject": credit},
        "png": {"Software": None} | ({"Source": credit} if credit else {}),
    }
    file = BytesIO()
    figure.savefig(
        file, format=kind, dpi=style.dpi, transparent=style.transparent, metadata=metadata[kind]
    )
    return _with_stable_ids(file.getvalue()) if kind == "svg" else file.getvalue()


def _with_stable_ids(svg: bytes) -> bytes:
    """The SVG with the ids of clips, markers and hatches numbered in the order of their first use.

    Matplotlib derives ids from lengths in full precision, whose last digit varies between runs.
    """
    numbers: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return numbers.setdefault(match[0], b"%b%d" % (match[1], len(numbers)))

    return re.sub(rb"(?<=[\"#])([a-zA-Z])[0-9a-f]{10}(?=[\")_])", number, svg)


def _film(picture: Picture, style: Style) -> Film:
    """The picture's film, with the caption below it."""
    assert picture.film is not None  # bounded
    film = picture.film(style)
    _caption(film.figure, style)
    return film


def _caption(figure: Figure, style: Style) -> None:
    """Write the settings and the link in a strip below the picture."""
    points, room = 0.7 * style.points, style.inches[0] - 2 * MARGIN
    if lines := [*wrapped(style.caption, points, room), *wrapped(style.link, points, room)]:
        figure.supxlabel(
            "\n".join(lines),
            x=MARGIN / style.inches[0],
            ha="left",
            fontsize=points,
            color=style.ink["muted"],
        )
