"""Routes that this server answers in addition to Streamlit's."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from viz.pages import PAGES
from viz.server.streamlit_private import option

TEMPORARY_REDIRECT = 307
"""HTTP status of the redirect: the first page may change, and browsers cache a 308 forever."""


def routes() -> list[Route]:
    """Return the routes that redirect the first page's name to the root.

    Streamlit serves the first page at the root alone and says "Page not found" at its name.
    """
    base = option("server.baseUrlPath").strip("/")
    path = f"/{base}/{PAGES[0].name}" if base else f"/{PAGES[0].name}"
    return [Route(path, _redirect_from_name), Route(f"{path}/", _redirect_from_folder)]


async def _redirect_from_name(request: Request) -> RedirectResponse:
    """Redirect ``/sweep`` to ``/``."""
    return _redirect(request, "./")


async def _redirect_from_folder(request: Request) -> RedirectResponse:
    """Redirect ``/sweep/`` to ``/``."""
    return _redirect(request, "../")


def _redirect(request: Request, target: str) -> RedirectResponse:
    """Redirect to a relative address, which is right under any path a proxy uses."""
    query = request.scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{target}?{query}" if query else target, TEMPORARY_REDIRECT)
