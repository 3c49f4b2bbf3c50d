"""The menu "Save for slides", which makes files of a page's pictures, and "Save table".

Matplotlib is loaded when a visitor clicks the download button, never in the run of a page.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Sequence
from threading import BoundedSemaphore, Event
from typing import Any

import streamlit as st

from core.errors import SpecError
from viz.page.session import page_url
from viz.slides.catalogue import credit
from viz.slides.style import FILMS, KINDS, SIZES, STRIPS, Kind, Picture, Style, check_limits
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
"""Dots per inch to choose from for a PNG."""
FILM_DPI = (72, 96, 144)
"""Dots per inch to choose from for a GIF or MP4."""
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
"""Choices that the menu starts with."""
_drawing_slots = BoundedSemaphore(2)
"""Limits how many files are drawn at a time; further clicks wait in their own requests."""
DRAWING = "save: drawing"
"""Key of the session under which the `Drawing` of the open menu is stored."""
REQUEST_TIMEOUT_S = 10.0
"""Seconds to wait for the request of a file after a click; a browser sends both at once."""
NO_MEMORY = (
    "The server has no memory left for this file. SVG and PDF need least; or try again later."
)
NO_DISK = "The server's disk is full. Every format but MP4 does without it."
NOT_DRAWN = "The server could not make this file; its log says why. Another format may do."


def save_menu(page: str, pictures: Sequence[Picture], settings: str) -> None:
    """Draw the button "Save for slides", which opens the menu.

    Args:
        page: Name of the page, for the link and the file's name.
        pictures: Pictures on the page; the first one is chosen at the beginning.
        settings: The settings of the page in words, for the caption.
    """
    if pictures and st.button(
        "Save for slides", icon=":material/slideshow:", key=f"save_{page}", type="tertiary"
    ):
        _save_dialog(page, pictures, settings, page_url(page))
    else:
        st.session_state.pop(DRAWING, None)  # the menu is closed: its file is no longer needed


def save_table(csv: str | Callable[[], str], name: str) -> None:
    """Draw the button "Save table" below a table.

    Args:
        csv: The table as the text of a CSV file, or a function that returns it after a click.
        name: Name of the file without its ending; unique on the page.
    """
    st.download_button(
        "Save table",
        csv,
        f"{name}.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        help="As a CSV file, for a spreadsheet.",
        type="tertiary",
        key=f"table {name}",
    )


@st.dialog("Save for slides", width="small", icon=":material/slideshow:")
def _save_dialog(page: str, pictures: Sequence[Picture], settings: str, address: str) -> None:
    """Draw the menu: the choices, and the button that downloads the file."""
    chosen: dict[str, Any] = st.session_state.setdefault("saving", dict(_DEFAULTS))
    picture = _picture_choice(chosen, pictures)
    kind = _format_choice(chosen, picture)
    style = _style_choice(chosen, kind, settings, address)
    strip = chosen["strip"] if picture.strip and kind in KINDS else 0
    try:
        check_limits(picture, style, kind)
    except SpecError as error:
        st.warning(f"{error}.")
        return
    if kind in FILMS:
        frames = f"{picture.frames} frames"
        st.caption(f"{frames}, the film's limit: {picture.note}." if picture.note else f"{frames}.")
    drawing = _current_drawing(
        picture, style, kind, strip, clicked=st.session_state.get(f"saved_{page}")
    )
    st.download_button(
        "Save",
        drawing.file or drawing,
        file_name(page, picture.name, style, kind, strip),
        MIME[kind],
        icon=":material/download:",
        type="primary",
        width="stretch",
        key=f"saved_{page}",
    )


def file_name(page: str, name: str, style: Style, kind: Kind, strip: int = 0) -> str:
    """Name of a file from its page, picture and style, such as ``sweep-board-dark.svg``."""
    parts = [page, name, f"strip-{strip}" if strip else "", "dark" if style.dark else ""]
    words = re.findall(r"[a-z0-9]+", " ".join(parts).lower())
    return f"{'-'.join(words)}.{kind}"


class Drawing:
    """A file that is drawn when the download button is clicked, in a thread of its request.

    If drawing raises there, Streamlit shows the visitor only that something failed
    (https://github.com/streamlit/streamlit/issues/13466). The click also causes a run of the
    menu, which shows the reason that `wait_for_failure_sentence` returns.

    Attributes:
        arguments: Picture, style, kind and strip, as `viz.slides.sheet.file_bytes` takes them.
        file: Bytes of the file; None before it is drawn.
    """

    def __init__(self, picture: Picture, style: Style, kind: Kind, strip: int) -> None:
        self.arguments = picture, style, kind, strip
        self.file: bytes | None = None
        self._failure = ""
        self._started, self._done = Event(), Event()

    def __call__(self) -> bytes:
        """Draw the file; stores an error for `wait_for_failure_sentence`, and raises it again."""
        from viz.slides.sheet import file_bytes

        self._started.set()
        try:
            with _drawing_slots:
                self.file = file_bytes(*self.arguments)
        except Exception as error:
            self._failure = failure_sentence(error)
            raise
        finally:
            self._done.set()
        return self.file

    def wait_for_failure_sentence(self) -> str:
        """Wait until drawing has ended; returns a sentence about its failure, "" for a success."""
        if self._started.wait(REQUEST_TIMEOUT_S):
            self._done.wait()
        return self._failure


def failure_sentence(error: Exception) -> str:
    """Why a file could not be drawn, and what the visitor can do about it."""
    if os.strerror(errno.ENOSPC) in str(error):  # Python and ffmpeg use the same words
        return NO_DISK
    if isinstance(error, SpecError):
        return f"{error}."
    if isinstance(error, MemoryError):
        return NO_MEMORY  # before torch is loaded, which needs memory too
    from core.device import is_out_of_memory  # imports torch

    return NO_MEMORY if is_out_of_memory(error) else NOT_DRAWN


def _current_drawing(*arguments: Any, clicked: bool | None) -> Drawing:
    """The drawing of the download button; shows the failure if the button was clicked and it failed.

    The session holds the file until the menu is closed: otherwise Streamlit would drop it after
    two more runs of any session, before a slow browser has fetched it.

    Args:
        arguments: As of `Drawing`.
        clicked: Whether a click on the button has caused this run.
    """
    message = st.empty()
    drawing: Drawing | None = st.session_state.get(DRAWING)
    failure = drawing.wait_for_failure_sentence() if drawing and clicked else ""
    if failure:
        message.error(failure)
    if drawing is None or failure or drawing.arguments != arguments:
        drawing = st.session_state[DRAWING] = Drawing(*arguments)
    return drawing


def _picture_choice(chosen: dict[str, Any], pictures: Sequence[Picture]) -> Picture:
    """Draw the choice of a picture, if there are several; returns the chosen one."""
    named = {picture.name: picture for picture in pictures}
    if len(named) == 1:
        return pictures[0]
    key = _widget_key(chosen, "picture", list(named))
    st.selectbox("Picture", list(named), format_func=lambda name: named[name].label, key=key)
    return named[_stored_choice(chosen, "picture")]


def _format_choice(chosen: dict[str, Any], picture: Picture) -> Kind:
    """Draw the choices of the file's format and of the strip of steps; returns the format."""
    kinds = [kind for kind in picture.kinds() if kind != "mp4" or ffmpeg()]
    key = _widget_key(chosen, "kind", kinds)
    missing = picture.film is not None and "mp4" not in kinds
    st.segmented_control(
        "Format",
        kinds,
        format_func=lambda kind: LABELS[kind],
        required=True,
        key=key,
        help="SVG and PDF stay sharp at any size." + (f" {NO_FFMPEG}" if missing else ""),
    )
    kind: Kind = _stored_choice(chosen, "kind")
    if picture.strip and kind in KINDS:
        st.selectbox(
            "Steps",
            [0, *STRIPS],
            format_func=lambda n: f"{n} steps side by side" if n else "the step on show",
            key=_widget_key(chosen, "strip", [0, *STRIPS]),
        )
        _stored_choice(chosen, "strip")
    return kind


def _style_choice(chosen: dict[str, Any], kind: Kind, settings: str, address: str) -> Style:
    """Draw the choices of size, resolution, colors and caption; returns them as a style."""
    st.selectbox(
        "Size",
        list(SIZES),
        format_func=lambda size: SIZE_LABELS[size],
        key=_widget_key(chosen, "size", list(SIZES)),
    )
    dpi = "still_dpi" if kind in KINDS else "film_dpi"
    width, height = SIZES[_stored_choice(chosen, "size")]
    if kind not in ("svg", "pdf"):
        options = STILL_DPI if kind in KINDS else FILM_DPI
        st.selectbox(
            "Dots",
            options,
            format_func=lambda n: f"{width * n:.0f}×{height * n:.0f} ({n} DPI)",
            key=_widget_key(chosen, dpi, options),
        )
        _stored_choice(chosen, dpi)
    st.toggle("Dark", key=_widget_key(chosen, "dark"))
    if kind != "mp4":
        st.toggle("Transparent", key=_widget_key(chosen, "transparent"))
        _stored_choice(chosen, "transparent")
    st.toggle("Caption: settings and link", key=_widget_key(chosen, "caption"))
    with_caption = _stored_choice(chosen, "caption")
    return Style(
        size=chosen["size"],
        dpi=chosen[dpi],
        dark=_stored_choice(chosen, "dark"),
        transparent=chosen["transparent"] and kind != "mp4",
        caption=settings if with_caption else "",
        link=address if with_caption else "",
        credit=credit(address),
    )


def _widget_key(chosen: dict[str, Any], name: str, options: Sequence[Any] = (False, True)) -> str:
    """The key of a widget, whose value starts with the last choice on any page."""
    key = f"save: {name}"
    if st.session_state.get(key, chosen[name]) not in options:
        chosen[name] = _DEFAULTS[name] if _DEFAULTS[name] in options else options[0]
        st.session_state[key] = chosen[name]
    st.session_state.setdefault(key, chosen[name])
    return key


def _stored_choice(chosen: dict[str, Any], name: str) -> Any:
    """The value of a widget; it is also stored, because Streamlit drops it with the closed menu."""
    chosen[name] = st.session_state[f"save: {name}"]
    return chosen[name]
