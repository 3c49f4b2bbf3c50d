"""Torch is loaded once, late, and set up for many small jobs side by side."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from threading import Lock

_WARMING = Lock()


def warm() -> None:
    """Import torch once and set it up for many small jobs side by side.

    One visitor does, the others wait: all of a class come in the same second, and the turns
    below would be made shorter by each of them.
    """
    with _WARMING:
        _warm()


@cache
def _warm() -> None:
    """Import torch and set it up.

    The import holds the interpreter for five milliseconds at a time, and a page comes in a
    hundred small requests that each wait for it: shorter turns while it lasts.
    """
    # torch.set_num_threads holds in the thread that calls it; the scripts of visitors are others.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 20)
    try:
        import torch

        import core.layer.sweep  # noqa: F401
    finally:
        sys.setswitchinterval(usual)
    torch.set_num_threads(1)
    gc.freeze()  # what is loaded by now stays: no collection needs to walk it


def is_warm() -> bool:
    """Whether torch is loaded, so that a first result comes at once."""
    return _warm.cache_info().currsize > 0
