"""Training runs for claims: trained once, with several seeds, and opened in the training lab."""

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
NOT_LINKED = {"records", "snapshots", "erf_draws"}
"""Settings of how often a run is recorded; they do not change the run, and links omit them."""
CACHED_RUNS = 32
"""How many runs stay in memory; settings of a grid, and claims, share runs."""


@lru_cache(CACHED_RUNS)
def trained(spec: TrainingSpec) -> tuple[Record, ...]:
    """The records of one run, without the states from which it could go on."""
    from core.training.loop import train

    return tuple(
        replace(record, state=replace(record.state, arrays={}))
        for record in train(spec, device="cpu")
    )


def with_seeds(spec: TrainingSpec, seeds: int) -> list[tuple[Record, ...]]:
    """The same run with each seed."""
    return [trained(replace(spec, seed=seed)) for seed in range(seeds)]


def pieces(specs: Sequence[TrainingSpec], values: Values) -> list[Piece]:
    """The runs of an experiment, each with every seed."""
    return [
        partial(trained, replace(spec, seed=seed))
        for spec in specs
        for seed in range(int(values["seeds"]))
    ]


def lab_link(specs: Sequence[TrainingSpec], values: Values, tab: str) -> Link:
    """The training lab with these very runs."""
    pairs = (word.split("=") for word in to_text(specs[0]).split(" ")[1:])
    return Link(
        "training",
        (
            ("variants", ",".join(spec.net.downsampling for spec in specs)),
            *((name, value) for name, value in pairs if name not in NOT_LINKED),
            ("seeds", str(values["seeds"])),
            ("tab", tab),
        ),
    )


def percent(shares: Sequence[float]) -> str:
    """``97.3 %``, or from lowest to highest."""
    low, high = (f"{100 * each:.1f}" for each in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def steps_of(default: int) -> Setting:
    """The setting for how long a net is trained."""
    return Setting("steps", "Steps of training", default, 30, 300)
