"""Stride, padding and receptive fields, made visible.

``streamlit run app.py`` on your own machine, ``uvicorn app:app`` in this folder on a server.
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Timer

import streamlit as st
from starlette.middleware import Middleware

from viz.server.first_page import FirstPage
from viz.server.headers import SecurityHeaders
from viz.server.limits import SessionLimit, UploadLimit
from viz.server.names import HostNameCheck
from viz.server.options import configure
from viz.server.routes import routes

HERE = Path(__file__).resolve().parent
QUIET_START_S = 10.0
"""Torch is loaded this long after the start, unless a visitor was there before: a page in the
making must not share the interpreter with the import, and loads torch once it is drawn."""


def _draw_first_picture() -> None:
    from core.layer.board import BoardSpec
    from viz.choices import board

    board.player_data(BoardSpec())


def _warm() -> None:
    from viz.server import processes, torch_start

    torch_start.warm()
    _draw_first_picture()
    processes.open_worker_pools()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Have the first picture ready before the first visitor of a server, and torch soon after."""
    _draw_first_picture()
    timer = Timer(QUIET_START_S, _warm)
    timer.daemon = True
    timer.start()
    # A click on a download is answered in one of these, and waits there for its turn to draw.
    get_running_loop().set_default_executor(ThreadPoolExecutor(SETTINGS.max_sessions))
    yield
    timer.cancel()


SETTINGS = configure()
app = st.App(
    HERE / "viz" / "shell" / "main.py",
    lifespan=lifespan,
    routes=routes(),
    middleware=[
        Middleware(SecurityHeaders, settings=SETTINGS),
        Middleware(HostNameCheck, address=SETTINGS.public_address),
        Middleware(SessionLimit, max_sessions=SETTINGS.max_sessions),
        Middleware(UploadLimit),
        Middleware(FirstPage, style=HERE / "viz" / "shell" / "style.css"),
    ],
)
