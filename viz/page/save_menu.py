"""The menu that turns what a page shows into files for slides.

Matplotlib is loaded, and draws, when somebody clicks; never in the run of a page.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from threading import BoundedSemaphore, Event
from typing import Any

import streamlit as st

from core.errors import SpecError
from viz.page.session import link
from viz.slides.catalogue import credit
from viz.slides.style import FILMS, KINDS, SIZES, STRIPS, Kind, Picture, Style, bounded
from viz.slides.video import ffmpeg

LABELS: dict[Kind, str] = {"svg": "SVG", "pdf": "PDF", "png": "PNG", "gif": "GIF", "mp4": "MP4"}
MIME: dict[Kind, str] = {
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
    "gif": "image/gif",
    "mp4": "video/mp4",
}
SIZE_LABELS = {
    "wide": "whole slide, 16:9",
    "classic": "whole slide, 4:3",
    "half": "half a slide, beside text",
}
STILL_DPI = (100, 150, 200, 300)
FILM_DPI = (72, 96, 144)
NO_FFMPEG = "MP4 needs ffmpeg, which this server has not: `pip install imageio-ffmpeg` brings it."

_DEFAULTS: dict[str, Any] = {
    "picture": "",
    "kind": "svg",
    "size": "wide",
    "dark": False,
    "transparent": False,
    "still_dpi": 150,
    "film_dpi": 96,
    "strip": 0,
    "caption": False,
}
_turns = BoundedSemaphore(2)
"""Clicks that are served at a time; the others wait, each in its visitor's own request."""
DRAWING = "save: drawing"
ASKED_S = 10.0
"""How long a click's request for its file is waited for: a browser sends both at once."""
NO_MEMORY = (
    "The server has no memory left for this file. SVG and PDF need least; or try again later."
)
NO_DISK = "The server's disk is full. Every format but MP4 does without it."
NOT_DRAWN = "The server could not make this file; its log says why. Another format may do."


def save_menu(page: str, pictures: Sequence[Picture], settings: str) -> None:
    """A menu "Save for slides": one picture of the page, as a file.

    Args:
        page: name of the page, for the link and the file's name.
        pictures: what is on show; the first is chosen until the visitor chooses another.
        settings: what they show, in words, for the caption.
    """
    if pictures and st.button(
        "Save for slides", icon=":material/slideshow:", key=f"save_{page}", type="tertiary"
    ):
        _choices(page, pictures, settings, link(page))
    else:
        st.session_state.pop(DRAWING, None)  # the menu is closed: its file need not be kept


@st.dialog("Save for slides", width="small", icon=":material/slideshow:")
def _choices(page: str, pictures: Sequence[Picture], settings: str, address: str) -> None:
    chosen: dict[str, Any] = st.session_state.setdefault("saving", dict(_DEFAULTS))
    picture = _picture(chosen, pictures)
    kind = _kind(chosen, picture)
    style = _style(chosen, kind, settings, address)
    strip = chosen["strip"] if picture.strip and kind in KINDS else 0
    try:
        bounded(picture, style, kind)
    except SpecError as error:
        st.warning(f"{error}.")
        return
    if kind in FILMS:
        told = f"{picture.frames} frames"
        st.caption(f"{told}, the film's limit: {picture.note}." if picture.note else f"{told}.")
    drawing = _drawing(picture, style, kind, strip, clicked=st.session_state.get(f"saved_{page}"))
    st.download_button(
        "Download",
        drawing.file or drawing,
        file_name(page, picture.name, style, kind, strip),
        MIME[kind],
        icon=":material/download:",
        type="primary",
        width="stretch",
        key=f"saved_{page}",
    )


def file_name(page: str, name: str, style: Style, kind: Kind, strip: int = 0) -> str:
    """``sweep-board-dark.svg``: what it shows, and how."""
    parts = [page, name, f"strip-{strip}" if strip else "", "dark" if style.dark else ""]
    words = re.findall(r"[a-z0-9]+", " ".join(parts).lower())
    return f"{'-'.join(words)}.{kind}"


class Drawing:
    """A file, made by the first click, in a thread of the server's that serves no page.

    Of an error there Streamlit tells the visitor that there was one, and nobody what it was
    (https://github.com/streamlit/streamlit/issues/13466). The click starts a run of the menu
    too, which asks `outcome`.

    Attributes:
        wanted: picture, style, kind, strip.
        file: once it is made.
    """

    def __init__(self, picture: Picture, style: Style, kind: Kind, strip: int) -> None:
        self.wanted = picture, style, kind, strip
        self.file: bytes | None = None
        self._trouble = ""
        self._asked, self._done = Event(), Event()

    def __call__(self) -> bytes:
        """Makes the file. Raises what drawing raises, for Streamlit, after `outcome` has it."""
        from viz.slides.sheet import saved

        self._asked.set()
        try:
            with _turns:
                self.file = saved(*self.wanted)
        except Exception as error:
            self._trouble = trouble(error)
            raise
        finally:
            self._done.set()
        return self.file

    def outcome(self) -> str:
        """What went wrong, in a sentence, once the file is made or not; "" where all is well."""
        if self._asked.wait(ASKED_S):
            self._done.wait()
        return self._trouble


def trouble(error: Exception) -> str:
    """Why there is no file, for the visitor: what they can change, or that they cannot."""
    if os.strerror(errno.ENOSPC) in str(error):  # of Python's, or in ffmpeg's words
        return NO_DISK
    if isinstance(error, SpecError):
        return f"{error}."
    if isinstance(error, MemoryError):
        return NO_MEMORY  # nothing is loaded where nothing fits
    from core.device import is_out_of_memory  # brings torch

    return NO_MEMORY if is_out_of_memory(error) else NOT_DRAWN


def _drawing(*wanted: Any, clicked: bool | None) -> Drawing:
    """What the button gives. Where the click that started this run failed, it is said why.

    The file stays with the button until the menu is closed: Streamlit forgets one that no
    session holds as soon as any two have run, before a browser that is far away comes for it.
    """
    told = st.empty()
    kept: Drawing | None = st.session_state.get(DRAWING)
    why = kept.outcome() if kept and clicked else ""
    if why:
        told.error(why)
    if kept is None or why or kept.wanted != wanted:
        kept = st.session_state[DRAWING] = Drawing(*wanted)
    return kept


def _picture(chosen: dict[str, Any], pictures: Sequence[Picture]) -> Picture:
    named = {picture.name: picture for picture in pictures}
    if len(named) == 1:
        return pictures[0]
    key = _offered(chosen, "picture", list(named))
    st.selectbox("Picture", list(named), format_func=lambda name: named[name].label, key=key)
    return named[_told(chosen, "picture")]


def _kind(chosen: dict[str, Any], picture: Picture) -> Kind:
    kinds = [kind for kind in picture.kinds() if kind != "mp4" or ffmpeg()]
    key = _offered(chosen, "kind", kinds)
    missing = picture.film is not None and "mp4" not in kinds
    st.segmented_control(
        "Format",
        kinds,
        format_func=lambda kind: LABELS[kind],
        required=True,
        key=key,
        help="SVG and PDF stay sharp at any size." + (f" {NO_FFMPEG}" if missing else ""),
    )
    kind: Kind = _told(chosen, "kind")
    if picture.strip and kind in KINDS:
        st.selectbox(
            "Steps",
            [0, *STRIPS],
            format_func=lambda n: f"{n} steps side by side" if n else "the step on show",
            key=_offered(chosen, "strip", [0, *STRIPS]),
        )
        _told(chosen, "strip")
    return kind


def _style(chosen: dict[str, Any], kind: Kind, settings: str, address: str) -> Style:
    st.selectbox(
        "Size",
        list(SIZES),
        format_func=lambda size: SIZE_LABELS[size],
        key=_offered(chosen, "size", list(SIZES)),
    )
    dpi = "still_dpi" if kind in KINDS else "film_dpi"
    width, height = SIZES[_told(chosen, "size")]
    if kind not in ("svg", "pdf"):
        options = STILL_DPI if kind in KINDS else FILM_DPI
        st.selectbox(
            "Dots",
            options,
            format_func=lambda n: f"{width * n:.0f}×{height * n:.0f} ({n} DPI)",
            key=_offered(chosen, dpi, options),
        )
        _told(chosen, dpi)
    st.toggle("Dark", key=_offered(chosen, "dark"))
    if kind != "mp4":
        st.toggle("Transparent", key=_offered(chosen, "transparent"))
        _told(chosen, "transparent")
    st.toggle("Caption: settings and link", key=_offered(chosen, "caption"))
    told = _told(chosen, "caption")
    return Style(
        size=chosen["size"],
        dpi=chosen[dpi],
        dark=_told(chosen, "dark"),
        transparent=chosen["transparent"] and kind != "mp4",
        caption=settings if told else "",
        link=address if told else "",
        credit=credit(address),
    )


def _offered(chosen: dict[str, Any], name: str, options: Sequence[Any] = (False, True)) -> str:
    """The key of a widget, which starts from what was chosen last, on whatever page."""
    key = f"save: {name}"
    if st.session_state.get(key, chosen[name]) not in options:
        chosen[name] = _DEFAULTS[name] if _DEFAULTS[name] in options else options[0]
        st.session_state[key] = chosen[name]
    st.session_state.setdefault(key, chosen[name])
    return key


def _told(chosen: dict[str, Any], name: str) -> Any:
    """What the widget says; kept while the menu is closed, when Streamlit forgets widgets."""
    chosen[name] = st.session_state[f"save: {name}"]
    return chosen[name]
