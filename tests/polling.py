"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

EVERY = 0.005
"""Seconds between two looks: a look costs little, and a test waits no longer than it has to."""
PATIENCE = 180.0
"""Seconds after which it will never come, on a machine that does ten things at once."""

T = TypeVar("T")


def until(look: Callable[[], T], otherwise: Callable[[], object] = lambda: "it never came") -> T:
    """What a look returns, as soon as that is true.

    Raises:
        AssertionError: it never is; with what `otherwise` returns.
    """
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        if time.monotonic() > end:
            raise AssertionError(otherwise())
        time.sleep(EVERY)
    return found
