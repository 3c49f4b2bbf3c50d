"""Sets Streamlit's options from this app's settings before its server is built.

Under ``uvicorn`` Streamlit ignores its environment variables and command line, so this is
the one way in that works under both entry points.
"""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.parse import urlsplit

from core.errors import SpecError
from viz.server.limits import check_uploads
from viz.server.settings import Settings, settings, unknown
from viz.server.streamlit_private import load_secrets, option, set_option


def options(chosen: Settings) -> dict[str, Any]:
    """The settings as Streamlit options, by Streamlit's names."""
    values: dict[str, Any] = {
        "client.showErrorDetails": "full" if chosen.error_details else "none",
        "server.maxUploadSize": chosen.upload_mb,
    }
    if chosen.cookie_secret:
        values["server.cookieSecret"] = chosen.cookie_secret
    if chosen.public_address:
        values["browser.serverAddress"] = urlsplit(chosen.public_address).hostname
        values["server.corsAllowedOrigins"] = [chosen.public_address]
    if in_foreign_frames(chosen):
        values["server.xsrfCookieSameSite"] = "none"
    return values


def in_foreign_frames(chosen: Settings) -> bool:
    """Whether cookies must reach the app inside another site's frame; needs https."""
    return bool(chosen.frame_ancestors) and chosen.public_address.startswith("https:")


def configured() -> Settings:
    """Read and check this server's settings and set Streamlit's options by them.

    Raises:
        SystemExit: a setting is wrong, or uploads would not be bounded; says why in a sentence.
    """
    load_secrets()  # secrets become environment variables: some hosters offer nothing else
    for name in unknown(os.environ):
        logging.getLogger(__name__).warning("%s is no setting of this app", name)
    try:
        chosen = settings()
        check_uploads(option("server.baseUrlPath"))
        _apply(chosen)
        _has_device(chosen.device)
    except SpecError as error:
        raise SystemExit(f"The server does not start: {error}.") from None
    return chosen


def _has_device(name: str | None) -> None:
    if name not in (None, "cpu"):
        from core.device import pick  # imports torch, which a first page must not wait for

        pick(name)


def _apply(chosen: Settings) -> None:
    if option(
        "runner.postScriptGC"
    ):  # its default, which slows every rerun: the config file was not read
        rule = "must be the folder of app.py, where .streamlit/config.toml is"
        raise SpecError("the working directory", rule, os.getcwd())
    for name, value in options(chosen).items():
        set_option(name, value)
