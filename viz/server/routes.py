"""Routes that this server answers in addition to Streamlit's."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from viz.pages import PAGES
from viz.server.streamlit_private import option

MOVED = 307
"""A temporary redirect: the first page may change, and browsers cache a 308 for ever."""


def routes() -> list[Route]:
    """Routes that redirect the first page's name to the root.

    Streamlit serves the first page at the root alone and says "Page not found" at its name.
    """
    base = option("server.baseUrlPath").strip("/")
    path = f"/{base}/{PAGES[0].name}" if base else f"/{PAGES[0].name}"
    return [Route(path, _here), Route(f"{path}/", _above)]


async def _here(request: Request) -> RedirectResponse:
    return _moved(request, "./")


async def _above(request: Request) -> RedirectResponse:
    return _moved(request, "../")


def _moved(request: Request, where: str) -> RedirectResponse:
    """Redirect to a relative address, which is right under any path a proxy uses."""
    query = request.scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{where}?{query}" if query else where, MOVED)
