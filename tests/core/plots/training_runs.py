"""Small real training runs for tests of what is drawn of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from core.training.records import Record
from core.training.spec import Net, TrainingSpec
from core.training.studies import compare

Runs = dict[tuple[int, int], tuple[Record, ...]]
NAMES = ("max pooling", "extra strided convolution")
SEEDS = (3, 4)
STEPS = 12
SPECS = tuple(
    TrainingSpec(Net(kind, levels=1, width=4), batch=8, steps=STEPS, warm_up=2, records=4,
                 snapshots=2, erf_draws=2, seed=SEEDS[0])
    for kind in ("max", "extra_conv")
)  # fmt: skip


@cache
def trained() -> Runs:
    """Two nets, each with two seeds, to the end."""
    found: Runs = {}
    for net, seed, record in compare(SPECS, SEEDS):
        light = replace(record, state=replace(record.state, arrays={}))
        found[net, seed] = (*found.get((net, seed), ()), light)
    return found


def begun() -> Runs:
    """The same in the middle of it: every run has come another way, one has not begun."""
    runs = trained()
    cut = {(0, 3): 5, (1, 3): 3, (0, 4): 1, (1, 4): 0}
    return {key: runs[key][:records] for key, records in cut.items()}


def four() -> tuple[Runs, tuple[str, ...]]:
    """Four nets."""
    runs = trained()
    more = {(net, seed): runs[net - 2, seed] for net in (2, 3) for seed in SEEDS}
    return runs | more, (*NAMES, "dilation without halving", "depth 4")
