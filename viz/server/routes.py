"""Addresses of the server's own, beside those that Streamlit answers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route
from streamlit import config

from viz.pages import PAGES

MOVED = 307
"""Not for good: which page opens first may change, and browsers never forget a 308."""


def routes() -> list[Route]:
    """The first page by its name.

    Streamlit serves it at the root alone, and says "Page not found" at its name.
    """
    base = config.get_option("server.baseUrlPath").strip("/")
    path = f"/{base}/{PAGES[0].name}" if base else f"/{PAGES[0].name}"
    return [Route(path, _here), Route(f"{path}/", _above)]


async def _here(request: Request) -> RedirectResponse:
    return _moved(request, "./")


async def _above(request: Request) -> RedirectResponse:
    return _moved(request, "../")


def _moved(request: Request, where: str) -> RedirectResponse:
    """A relative address, which holds under whatever path a proxy serves the app."""
    query = request.scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{where}?{query}" if query else where, MOVED)
