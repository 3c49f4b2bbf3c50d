"""Stride, padding and receptive fields, made visible: ``streamlit run app.py``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import streamlit as st

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:  # Streamlit adds the folder of its script only
    sys.path.append(str(HERE))


def _warm() -> None:
    """Load torch and what the first page needs.

    The import holds the interpreter for five milliseconds at a time, and the page comes in a
    hundred small requests that each wait for it: shorter turns while it lasts.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 20)
    try:
        from core.board import BoardSpec
        from viz import compute

        compute.payload(BoardSpec())
    finally:
        sys.setswitchinterval(usual)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Load torch while the first visitor's browser still loads the page."""
    Thread(target=_warm, name="warm", daemon=True).start()
    yield


app = st.App(HERE / "viz" / "shell" / "main.py", lifespan=lifespan)
