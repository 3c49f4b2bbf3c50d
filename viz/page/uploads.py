"""The widget that takes a visitor's file, and the file's bytes.

Streamlit checks only the extension of a file's name, on the server too, and shows a traceback if
a client sends another one. So the widget gets media types, which only filter the browser's file
dialog; the decoders check the bytes of a file and refuse it with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

PICTURES = ("image/png", "image/jpeg", "image/webp")
"""Media types of pictures."""
ARRAYS = ("application/x-npz", "npz")
"""A media type and an extension of NumPy archives; with the media type Streamlit checks nothing."""


def uploader(
    label: str,
    kinds: Sequence[str],
    key: str,
    help: str,
    on_change: Callable[[], None] | None = None,
) -> None:
    """Draw the widget for one file of at most the server's upload limit.

    Args:
        label: Label of the widget.
        kinds: Media types that the browser's dialog offers, such as `PICTURES`.
        key: Key of the widget.
        help: Text that the widget shows on request.
        on_change: Callback of another file.
    """
    st.file_uploader(label, kinds, key=key, help=help, on_change=on_change)


def uploaded_bytes(key: str) -> bytes | None:
    """The bytes of the file in the widget of this key; None if it holds none."""
    file: Any = st.session_state.get(key)
    return file.getvalue() if hasattr(file, "getvalue") else None
