"""Nets of the training lab for tests: trained once, put on a shelf of their own."""

from __future__ import annotations

from functools import cache
from typing import Any

from core.training.loop import train
from core.training.records import Record
from core.training.spec import OwnImages
from core.training.text import from_text, to_text
from viz.choices import lab_store
from viz.choices.lab_store import ByteLimitedLRU, Run

SMALL = "levels=1 width=4 batch=8 steps=30"
STRIDED = f"strided {SMALL}"


@cache
def records(run: str, own: OwnImages | None = None) -> tuple[Record, ...]:
    """All of a run."""
    return tuple(train(from_text(run, own)))


def shelf(monkeypatch: Any, *runs: str) -> None:
    """These runs are what the server has trained, and no others."""
    monkeypatch.setattr(lab_store, "STORE", ByteLimitedLRU[Run](10**8, lambda run: run.nbytes))
    monkeypatch.setattr(lab_store, "UPLOADS", ByteLimitedLRU(10**8, lambda own: own.images.nbytes))
    for run in runs:
        *before, last = records(run)
        line = to_text(from_text(run))
        lab_store.STORE.put(line, Run(tuple(before)).with_record(last))
