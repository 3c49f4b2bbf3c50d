"""Importing torch once, when it is first needed, with settings for many small concurrent jobs."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from threading import Lock, Thread

_IMPORT_LOCK = Lock()


@cache
def warm_in_background() -> None:
    """Start a thread that calls `warm`, if that is not done yet; `is_warm` tells when it is."""
    Thread(target=warm, name="torch import", daemon=True).start()


def warm() -> None:
    """Import torch and set it up for many small concurrent jobs, if that is not done yet.

    One thread imports it while the others wait. Otherwise a class that arrives in the same second
    would make each thread shorten the switch interval in `_import_torch` once more.
    """
    with _IMPORT_LOCK:
        _import_torch()


@cache
def _import_torch() -> None:
    """Import torch and set it up.

    By default, a thread that imports holds the interpreter for five milliseconds at a time, and
    each of a page's hundred small requests waits for it. So the switch interval is shorter during
    the import.
    """
    # torch.set_num_threads holds only in the thread that calls it; visitors have other threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 20)
    try:
        import torch
    finally:
        sys.setswitchinterval(usual)
    torch.set_num_threads(1)
    gc.freeze()  # loaded modules stay, so the garbage collector need not visit them


def is_warm() -> bool:
    """Return whether torch is imported, so that a result need not wait for that."""
    return _import_torch.cache_info().currsize > 0
