"""Stride, padding and receptive fields, made visible: ``streamlit run app.py``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Timer

import streamlit as st

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # Streamlit adds the folder of its script only
    sys.path.append(str(HERE))


QUIET_START_S = 3.0
"""Torch is loaded this long after the start, unless a visitor was there before: a page in the
making must not share the interpreter with the import, and loads torch once it is drawn."""


def _warm() -> None:
    from core.board import BoardSpec
    from viz import compute

    compute.payload(BoardSpec())


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Have torch and the first picture ready before the first visitor of a server."""
    timer = Timer(QUIET_START_S, _warm)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


app = st.App(HERE / "viz" / "shell" / "main.py", lifespan=lifespan)
