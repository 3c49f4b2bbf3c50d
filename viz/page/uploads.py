"""The widget that takes a visitor's file, and what was sent with it.

Streamlit compares only the endings of names, on the server too, and shows a traceback where a
client has ignored them. Types of media are for the browser's dialog alone: what a file is, its
bytes decide, and what it is not gets a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

PICTURES = ("image/png", "image/jpeg", "image/webp")
ARRAYS = ("application/x-npz", "npz")
"""One name that is no ending, so that Streamlit leaves the judgement to us."""


def uploader(
    label: str,
    kinds: Sequence[str],
    key: str,
    help: str,
    on_change: Callable[[], None] | None = None,
) -> None:
    """A place for one file, as large as the server takes them."""
    st.file_uploader(label, kinds, key=key, help=help, on_change=on_change)


def sent(key: str) -> bytes | None:
    """The file that lies in the widget of this key; None where there is none any more."""
    file: Any = st.session_state.get(key)
    return file.getvalue() if hasattr(file, "getvalue") else None
