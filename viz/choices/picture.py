"""The picture that a page works on: which one, a visitor's own, and a seed where it is drawn."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import streamlit as st

from core.data import PICTURES, decode_upload
from core.errors import SpecError
from core.layer.board import Upload
from viz.choices.layer import UPLOAD, PictureSettings
from viz.page import uploads
from viz.page.session import page_has
from viz.page.widgets import widget
from viz.params import Settings
from viz.server.settings import settings


def picture_control(values: Settings, **settings: Any) -> None:
    """Which picture: the same choice on every page that needs one."""
    widget(values, "picture", **settings)
    if values["picture"] == UPLOAD:
        _upload()
    elif page_has("seed") and PICTURES[values["picture"]].seeded:
        widget(values, "seed")


def loaded_upload() -> Upload | None:
    """The picture that the visitor has sent in this visit, if any."""
    upload: Upload | None = st.session_state.get("upload_image")
    return upload


def missing_upload(values: PictureSettings) -> None:
    """Say that the pagoda stands in where a link names a visitor's own picture."""
    if values.picture == UPLOAD and loaded_upload() is None:
        st.info(
            "A picture of your own is not loaded, and a link cannot carry one: the pagoda stands "
            "in for it. Choose a file where the picture is chosen."
        )


def _upload() -> None:
    """A visitor's picture: checked, made small, kept in this session only."""
    uploads.uploader(
        "PNG, JPEG or WebP",
        uploads.PICTURES,
        "upload_file",
        "Stays in memory for this visit. A link cannot carry it.",
    )
    data = uploads.sent("upload_file")
    if data is None:
        return
    digest = blake2b(data, digest_size=16).hexdigest()
    known = loaded_upload()
    if known is not None and known.digest == digest:
        return
    try:
        decoded = decode_upload(data, settings().upload_bytes)
    except SpecError as error:
        st.error(f"This picture cannot be used: it {error.rule}.")
    else:
        st.session_state["upload_image"] = Upload(decoded, digest)
        st.rerun()  # the board may have been drawn already
