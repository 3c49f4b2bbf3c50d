"""Cached training runs for claims, with several seeds, and links to them in the training lab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from core.training.spec import MAX_SEEDS, TrainingSpec
from core.training.text import to_text
from viz.lessons.claims.claim import Link, Piece, Setting, Values

if TYPE_CHECKING:
    from core.training.records import Record

SEEDS = Setting("seeds", "Seeds", 3, 1, MAX_SEEDS)
"""The setting for the number of seeds with which each network is trained."""
UNLINKED_FIELDS = {"records", "snapshots", "erf_draws"}
"""Fields that say how often a run is recorded; they do not change the run, so links omit them."""
CACHED_RUNS = 32
"""Number of runs that stay in memory; points of a grid, and different claims, share runs."""


@lru_cache(CACHED_RUNS)
def training_records(spec: TrainingSpec) -> tuple[Record, ...]:
    """Train one network and return the records of the run, without the state to resume it from."""
    from core.training.loop import train

    return tuple(
        replace(record, state=replace(record.state, arrays={}))
        for record in train(spec, device="cpu")
    )


def records_by_seed(spec: TrainingSpec, seeds: int) -> list[tuple[Record, ...]]:
    """Return the records of ``seeds`` runs that differ only in their seed, 0 to ``seeds`` − 1."""
    return [training_records(replace(spec, seed=seed)) for seed in range(seeds)]


def training_pieces(specs: Sequence[TrainingSpec], values: Values) -> list[Piece]:
    """Return a `Piece` for each run of an experiment: every spec with every seed."""
    return [
        partial(training_records, replace(spec, seed=seed))
        for spec in specs
        for seed in range(int(values["seeds"]))
    ]


def training_lab_link(specs: Sequence[TrainingSpec], values: Values, tab: str) -> Link:
    """Return a link to a tab of the training lab that shows exactly these runs."""
    pairs = (word.split("=") for word in to_text(specs[0]).split(" ")[1:])
    return Link(
        "training",
        (
            ("variants", ",".join(spec.net.downsampling for spec in specs)),
            *((name, value) for name, value in pairs if name not in UNLINKED_FIELDS),
            ("seeds", str(values["seeds"])),
            ("tab", tab),
        ),
    )


def percent_range(shares: Sequence[float]) -> str:
    """Return shares from 0 to 1 in words: ``97.3 %``, or ``95.1 to 97.3 %`` if they differ."""
    low, high = (f"{100 * each:.1f}" for each in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def steps_setting(default: int) -> Setting:
    """Return the setting for the number of training steps."""
    return Setting("steps", "Steps of training", default, 30, 300)
