"""Middleware that sets security headers on every response."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from viz.server.options import needs_cross_site_cookies
from viz.server.streamlit_private import INDEX

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from viz.server.settings import ServerSettings

UNUSED_FEATURES = ("camera", "microphone", "geolocation", "payment", "usb", "serial", "midi")
"""Browser features that the app never uses. It does use the clipboard."""
YEAR_S = 365 * 24 * 3600
"""A year in seconds, for which browsers remember that the server uses https."""


def inline_scripts(html: str) -> list[str]:
    """Return the CSP sources (hashes) that allow exactly the inline scripts of an HTML page."""
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    return [f"'sha256-{digest}'" for digest in digests]


def _index_script_sources() -> list[str]:
    """Return the CSP sources of the inline scripts in Streamlit's first page."""
    return inline_scripts(INDEX.read_text(encoding="utf-8"))


@cache
def content_policy(ancestors: tuple[str, ...] = ()) -> str:
    """Return the Content-Security-Policy: only this server's own content and scripts are allowed.

    Args:
        ancestors: Origins that may show the app in a frame, besides its own.
    """
    sources = {
        "default-src": ["'self'"],
        # Streamlit's protocol uses WebAssembly for 64-bit numbers.
        "script-src": ["'self'", "'wasm-unsafe-eval'", *_index_script_sources()],
        # Emotion, Plotly and Streamlit's themes add inline styles at run time.
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "connect-src": ["'self'", "data:", "blob:"],
        "worker-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'", *ancestors],
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in sources.items())


def headers(settings: ServerSettings) -> dict[str, str]:
    """Return the headers of every response, by name."""
    values = {
        "content-security-policy": content_policy(settings.frame_ancestors),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "permissions-policy": ", ".join(f"{name}=()" for name in UNUSED_FEATURES),
    }
    if settings.public_address.startswith("https:"):
        values["strict-transport-security"] = f"max-age={YEAR_S}"
    return values


class SecurityHeaders:
    """Middleware that adds `headers` to every response, and Secure to every cookie behind https.

    A proxy ends the encryption, so Streamlit itself cannot know that https is used.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app = app
        self._headers = headers(settings)
        self._suffixes = ["Secure"] if settings.public_address.startswith("https:") else []
        self._suffixes += ["Partitioned"] if needs_cross_site_cookies(settings) else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
                message["headers"] = [
                    self._with_cookie_attributes(*header) for header in message["headers"]
                ]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)

    def _with_cookie_attributes(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        """Return a header; a cookie gets the attributes it lacks."""
        if name.lower() == b"set-cookie":
            has = {part.strip().lower() for part in value.decode("latin-1").split(";")}
            missing = [suffix for suffix in self._suffixes if suffix.lower() not in has]
            value = "; ".join([value.decode("latin-1"), *missing]).encode("latin-1")
        return name, value
