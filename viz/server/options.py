"""Setting Streamlit's options from this app's settings before its server is built.

Under ``uvicorn`` Streamlit ignores its environment variables and its command line, so this is the
only way that works under both entry points.
"""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.parse import urlsplit

from core.errors import SpecError
from viz.server.limits import check_upload_address
from viz.server.settings import ServerSettings, settings, unknown_variables
from viz.server.streamlit_private import load_secrets, option, set_option


def streamlit_options(settings_: ServerSettings) -> dict[str, Any]:
    """Return the settings as Streamlit options, by Streamlit's names."""
    values: dict[str, Any] = {
        "client.showErrorDetails": "full" if settings_.error_details else "none",
        "server.maxUploadSize": settings_.upload_mb,
    }
    if settings_.cookie_secret:
        values["server.cookieSecret"] = settings_.cookie_secret
    if settings_.public_address:
        values["browser.serverAddress"] = urlsplit(settings_.public_address).hostname
        values["server.corsAllowedOrigins"] = [settings_.public_address]
    if needs_cross_site_cookies(settings_):
        values["server.xsrfCookieSameSite"] = "none"
    return values


def needs_cross_site_cookies(settings_: ServerSettings) -> bool:
    """Return whether cookies must reach the app inside another site's frame; that needs https."""
    return bool(settings_.frame_ancestors) and settings_.public_address.startswith("https:")


def configure() -> ServerSettings:
    """Read and check this server's settings, and set Streamlit's options from them.

    Raises:
        SystemExit: A setting is wrong, or uploads would not be bounded; the message says why.
    """
    load_secrets()  # some hosts offer secrets instead of environment variables
    for name in unknown_variables(os.environ):
        logging.getLogger(__name__).warning("%s is no setting of this app", name)
    try:
        settings_ = settings()
        check_upload_address(option("server.baseUrlPath"))
        _set_options(settings_)
        _check_device(settings_.device)
    except SpecError as error:
        raise SystemExit(f"The server does not start: {error}.") from None
    return settings_


def _check_device(name: str | None) -> None:
    """Raise SpecError if the device does not exist; None stands for any device."""
    if name not in (None, "cpu"):
        from core.device import pick  # imports torch, which a first page must not wait for

        pick(name)


def _set_options(settings_: ServerSettings) -> None:
    """Set Streamlit's options; raise SpecError if Streamlit has not read its config file."""
    # The config file switches this option off, because it slows down every rerun.
    if option("runner.postScriptGC"):
        rule = "must be the folder of app.py, where .streamlit/config.toml is"
        raise SpecError("the working directory", rule, os.getcwd())
    for name, value in streamlit_options(settings_).items():
        set_option(name, value)
