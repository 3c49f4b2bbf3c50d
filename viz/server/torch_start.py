"""Loads torch once, when it is first needed, and sets it up for many small concurrent jobs."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from threading import Lock

_WARMING = Lock()


def warm() -> None:
    """Import torch once and set it up for many small concurrent jobs.

    One thread imports it while the others wait: a whole class may come in the same second, and
    each thread would otherwise shorten the switch interval below once more.
    """
    with _WARMING:
        _warm()


@cache
def _warm() -> None:
    """Import torch and set it up.

    The import holds the interpreter for five milliseconds at a time, and the hundred small
    requests of a page each wait for it. So the switch interval is shorter during the import.
    """
    # torch.set_num_threads holds only in the thread that calls it; visitors have other threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 20)
    try:
        import torch

        import core.layer.sweep  # noqa: F401
    finally:
        sys.setswitchinterval(usual)
    torch.set_num_threads(1)
    gc.freeze()  # loaded modules stay, so the garbage collector need not visit them


def is_warm() -> bool:
    """Whether torch is loaded, so that a result takes no import."""
    return _warm.cache_info().currsize > 0
