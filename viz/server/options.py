"""Streamlit's own options, set from ours before its server is built.

Under ``uvicorn`` Streamlit ignores its environment variables and command line, so this is
the one way in that works under both entry points.
"""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.parse import urlsplit

from streamlit import config
from streamlit.runtime.secrets import secrets_singleton

from core.errors import SpecError
from viz.server.limits import check_uploads
from viz.server.settings import Settings, settings, unknown


def options(chosen: Settings) -> dict[str, Any]:
    """What the settings mean to Streamlit, by its names."""
    found: dict[str, Any] = {
        "client.showErrorDetails": "full" if chosen.error_details else "none",
        "server.maxUploadSize": chosen.upload_mb,
    }
    if chosen.cookie_secret:
        found["server.cookieSecret"] = chosen.cookie_secret
    if chosen.public_address:
        found["browser.serverAddress"] = urlsplit(chosen.public_address).hostname
        found["server.corsAllowedOrigins"] = [chosen.public_address]
    if in_foreign_frames(chosen):
        found["server.xsrfCookieSameSite"] = "none"
    return found


def in_foreign_frames(chosen: Settings) -> bool:
    """Whether cookies must reach the app inside another site's frame; needs https."""
    return bool(chosen.frame_ancestors) and chosen.public_address.startswith("https:")


def configured() -> Settings:
    """This server's settings, told to Streamlit.

    Raises:
        SystemExit: they cannot be, or uploads would not be bounded; with a sentence.
    """
    secrets_singleton.load_if_toml_exists()  # become variables: a hoster may offer no others
    for name in unknown(os.environ):
        logging.getLogger(__name__).warning("%s is no setting of this app", name)
    try:
        found = settings()
        check_uploads(config.get_option("server.baseUrlPath"))
        _apply(found)
        _has_device(found.device)
    except SpecError as error:
        raise SystemExit(f"The server does not start: {error}.") from None
    return found


def _has_device(name: str | None) -> None:
    if name not in (None, "cpu"):
        from core.device import pick  # brings torch, which a page in the making must not wait for

        pick(name)


def _apply(chosen: Settings) -> None:
    if config.get_option("runner.postScriptGC"):  # without the file every rerun takes longer
        rule = "must be the folder of app.py, where .streamlit/config.toml is"
        raise SpecError("the working directory", rule, os.getcwd())
    for name, value in options(chosen).items():
        config.set_option(name, value)
