"""The widgets that choose a picture: one of the app's, or a file of the visitor's."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import streamlit as st

from core.data import PICTURES, decode_upload
from core.errors import SpecError
from core.layer.board import Upload
from viz.choices.layer import UPLOAD, PictureSettings
from viz.page import uploads
from viz.page.session import page_has_param
from viz.page.widgets import widget
from viz.params import Settings
from viz.server.settings import settings


def picture_control(values: Settings, **settings: Any) -> None:
    """Draw the choice of a picture, with the upload of a file or the seed of a generated picture.

    Args:
        values: Settings with the parameter ``picture``.
        settings: As of `viz.page.widgets.widget`.
    """
    widget(values, "picture", **settings)
    if values["picture"] == UPLOAD:
        _upload_control()
    elif page_has_param("seed") and PICTURES[values["picture"]].seeded:
        widget(values, "seed")


def loaded_upload() -> Upload | None:
    """The picture that the visitor has uploaded in this session; None without one."""
    upload: Upload | None = st.session_state.get("upload_image")
    return upload


def missing_upload_note(values: PictureSettings) -> None:
    """Draw a note that the pagoda is used if the chosen picture of the visitor is not loaded."""
    if values.picture == UPLOAD and loaded_upload() is None:
        st.info(
            "A picture of your own is not loaded, and a link cannot carry one: the pagoda stands "
            "in for it. Choose a file where the picture is chosen."
        )


def _upload_control() -> None:
    """Draw the widget for a picture file; a new file is decoded and stored in the session."""
    uploads.uploader(
        "PNG, JPEG or WebP",
        uploads.PICTURES,
        "upload_file",
        "Stays in memory for this visit. A link cannot carry it.",
    )
    data = uploads.uploaded_bytes("upload_file")
    if data is None:
        return
    digest = blake2b(data, digest_size=16).hexdigest()
    loaded = loaded_upload()
    if loaded is not None and loaded.digest == digest:
        return
    try:
        decoded = decode_upload(data, settings().upload_bytes)
    except SpecError as error:
        st.error(f"This picture cannot be used: it {error.rule}.")
    else:
        st.session_state["upload_image"] = Upload(decoded, digest)
        st.rerun()  # the board may have been drawn already
