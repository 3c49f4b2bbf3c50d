"""The results of a comparison so far: the table, the button that trains it, its progress."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from viz.features.training import compute, words
from viz.features.training import nets as training_nets
from viz.features.training.compute import Facts
from viz.features.training.params import Comparison
from viz.page import progress
from viz.page.tables import UNKNOWN, WAITING, TableRow, comparison_table, percent, scaled
from viz.page.words import pair
from viz.server.queue import View, Work

if TYPE_CHECKING:
    from core.training.records import Record

    Runs = Mapping[tuple[int, int], tuple[Record, ...]]

SLOT = "training"
STARTED, TRAINED = "training_started", "training_trained"
"""Session keys of the comparison to be trained, and of the last one that this visit trained."""
EVERY = 2.0
"""Shortest interval in seconds between two updates of a visitor's curves."""
LOOKS = 10
"""At most this many such updates per second for all visitors together."""
PER_STEP, PER_SECOND = 0.006, 2e10
"""Overhead of a step in seconds, and multiply–accumulates per second of one core. They estimate the
time before anything has been measured; both were fitted to the default comparison."""


def _name(comparison: Comparison) -> Hashable:
    """A key that identifies a comparison without holding a visitor's images."""
    return tuple(compute.key(comparison, seed) for seed in comparison.seeds)


def _started(comparison: Comparison) -> bool:
    return bool(st.session_state.get(STARTED) == _name(comparison))


@dataclass(frozen=True)
class Lab:
    """A comparison, and whether it is under way.

    Attributes:
        comparison: the comparison.
        facts: of each net.
        live: something is still to come.
    """

    comparison: Comparison
    facts: tuple[Facts, ...]
    live: bool = False

    @property
    def runs(self) -> Runs:
        """All existing records, including runs that other visitors trained."""
        return runs(self.comparison)


def runs(comparison: Comparison) -> Runs:
    """The records that are stored for all visitors, and newer ones from this visitor's queue."""
    latest = dict(compute.stored_records(comparison))
    for seed in comparison.seeds:
        if view := _seen().get(compute.key(comparison, seed)):
            for net, records in (view.result or view.partial or {}).items():
                if len(records) > len(latest.get((net, seed), ())):
                    latest[net, seed] = records
    return dict(sorted(latest.items()))


def _seen() -> dict[Hashable, View]:
    views: dict[Hashable, View] = st.session_state.get("seen", {}).get(SLOT, {})
    return views


def to_do(comparison: Comparison, runs: Runs) -> list[int]:
    """The seeds that have a net with steps left to train."""
    failed = compute.failures(comparison)
    nets = range(len(comparison.specs))
    return [
        seed
        for seed in comparison.seeds
        if not all(
            (net, seed) in failed or words.finished(runs.get((net, seed), ())) for net in nets
        )
    ]


def stand(lab: Lab) -> bool:
    """Draw the table, and below it the button that trains or the progress.

    Returns:
        whether something is still to come.
    """
    runs = lab.runs
    left = to_do(lab.comparison, runs)
    if not left or not _started(lab.comparison):
        progress.withdraw(SLOT)
        _table(lab, runs, UNKNOWN)
        _failures(lab.comparison)
        if left:
            _offer(lab, runs)
        else:
            _done(lab.comparison)
            stop()  # should it be forgotten here, it is not trained again unasked
        return False

    def draw(views: Mapping[Hashable, View]) -> None:
        if not _started(lab.comparison):  # stopped: the page is drawn anew
            st.rerun()
        now = lab.runs
        _table(lab, now, WAITING)
        _failures(lab.comparison)
        _lines(lab.comparison, views, now)

    works: dict[Hashable, Work] = {
        compute.key(lab.comparison, seed): compute.work(lab.comparison, seed) for seed in left
    }
    views = progress.show(SLOT, works, draw, jobs=progress.trainings())
    return not progress.settled(views)


def live(lab: Lab, draw: Callable[[Runs], None]) -> None:
    """Draw the runs, and again whenever new records may exist."""
    if not lab.live:
        draw(lab.runs)
        return

    @st.fragment(run_every=max(EVERY, progress.trainings().waiting() / LOOKS))
    def follow() -> None:
        draw(lab.runs)

    follow()


# --- The button


def _offer(lab: Lab, runs: Runs) -> None:
    """The button that starts the training, with an estimate of its cost."""
    begun = any(runs.values())
    work, seconds = _expected(lab, runs)
    button, text = st.columns([1, 3.6], vertical_alignment="center")
    button.button(
        "Go on" if begun else "Train",
        type="primary",
        icon=":material/play_arrow:",
        on_click=start,
        args=(lab.comparison,),
        key="training_start",
        width="stretch",
    )
    note = (
        f"{scaled(work)} multiply–accumulates, forward and backward: about "
        f"{words.duration(seconds)} on a core that has nothing else to do, as an estimate."
    )
    if begun:
        share = percent(
            1 - work / (len(lab.comparison.seeds) * sum(each.work for each in lab.facts))
        )
        note = f"{share} of the work is done and kept. Going on begins there, not from the start: {note}"
    text.caption(note)


def _done(comparison: Comparison) -> None:
    """A note that the results come from another visit, if this one did not train them."""
    if not _started(comparison) and st.session_state.get(TRAINED) != _name(comparison):
        st.caption(
            "These nets were trained here earlier with just these settings, and their results are "
            "kept. Other settings are trained when you ask for it."
        )


def _expected(lab: Lab, runs: Runs) -> tuple[float, float]:
    """The multiply–accumulates that are left, and an estimate of the seconds."""
    work = steps = 0.0
    for net, facts in enumerate(lab.facts):
        for seed in lab.comparison.seeds:
            records = runs.get((net, seed), ())
            more = facts.steps - (records[-1].step if records else 0)
            steps += more
            work += facts.work * more / facts.steps
    return work, steps * PER_STEP + work / PER_SECOND


def start(comparison: Comparison) -> None:
    """Callback that starts the training for this visit; opening a link does not start it."""
    st.session_state[STARTED] = st.session_state[TRAINED] = _name(comparison)


def stop() -> None:
    """Callback that stops the training; finished records stay."""
    st.session_state.pop(STARTED, None)


# --- How far it is


def _lines(comparison: Comparison, views: Mapping[Hashable, View], runs: Runs) -> None:
    """Progress of each unfinished seed, and the button that stops all of them."""
    bars, button = st.columns([5, 1], vertical_alignment="center")
    with bars.container(gap="xsmall"):
        for seed in comparison.seeds:
            if view := views.get(compute.key(comparison, seed)):
                _line(comparison, seed, view, runs)
    if not progress.settled(views):
        button.button("Stop", on_click=stop, key="training_stop", width="stretch",
                      help="What is done is kept, and gone on with later.")  # fmt: skip
    elif again := [key for key, view in views.items() if view.error]:
        button.button("Try again", on_click=progress.retry, args=again, key="training_again",
                      width="stretch", help="Goes on from what is done.")  # fmt: skip


def _line(comparison: Comparison, seed: int, view: View, runs: Runs) -> None:
    nets, steps = len(comparison.specs), comparison.specs[0].steps
    records = {net: runs.get((net, seed), ()) for net in range(nets)}
    done = sum(r[-1].step for r in records.values() if r)
    share = min(1.0, done / (nets * steps))
    if view.state == "waiting":
        ahead = words.plural(view.ahead, "training")
        st.progress(share, f"Seed {seed}: in the queue, {ahead} before this one.")
    elif view.state == "running":
        left = words.left(records, nets, steps)
        time = f", about {words.duration(left)} left" if left is not None else ""
        each = " of each net" if nets > 1 else ""
        st.progress(share, f"Seed {seed}: {done // nets:,} of {steps:,} steps{each}{time}")
    elif view.error:
        st.warning(f"Seed {seed}: {view.error}.")


def _failures(comparison: Comparison) -> None:
    """Warnings about runs that cannot go on, one for each reason."""
    seeds_of: dict[tuple[int, str], list[int]] = {}
    for (net, seed), why in compute.failures(comparison).items():
        seeds_of.setdefault((net, why), []).append(seed)
    for (net, why), seeds in seeds_of.items():
        which = "seed" if len(seeds) == 1 else "seeds"
        st.warning(f"{comparison.names[net]}, {which} {', '.join(map(str, seeds))}: {why}.")


# --- The table


def _table(lab: Lab, runs: Runs, waits: str) -> None:
    """Draw the table of the nets; ``waits`` fills the cells without a result yet."""
    nets = range(len(lab.comparison.specs))
    lines = [
        TableRow(
            "parameters",
            "numbers the optimizer updates",
            tuple(f"{f.parameters:,}" for f in lab.facts),
        ),
        TableRow(
            "multiply–accumulates",
            "of one image, forward",
            tuple(scaled(each.macs) for each in lab.facts),
        ),
        TableRow(
            "receptive field",
            "pixels that a unit of the last map sees",
            tuple(map(_field, lab.comparison.specs)),
        ),
        TableRow(
            "test accuracy",
            "mean over the seeds, and from the lowest to the highest",
            tuple(_accuracy(lab.comparison, runs, net, waits) for net in nets),
        ),
        TableRow(
            "time per step",
            "median over all records, on one thread of this server",
            tuple(_pace(runs, net, waits) for net in nets),
        ),
    ]
    st.html(comparison_table(lab.comparison.names, lines, name="the nets", compact=True))


def _field(spec: object) -> str:
    line = training_nets.last_map(spec)  # type: ignore[arg-type]
    if all(axis.whole for axis in line.field.axes):
        return "whole image"
    return f"{pair(line.field.size)} px"


def _accuracy(comparison: Comparison, runs: Runs, net: int, waits: str) -> str:
    accuracy = words.over(runs, net, words.accuracy)
    if accuracy is None:
        return waits
    done = sum(words.finished(runs.get((net, seed), ())) for seed in comparison.seeds)
    text = words.spread(accuracy, words.percent)
    return (
        text
        if done == len(comparison.seeds)
        else f"{text}, {done} of {len(comparison.seeds)} seeds"
    )


def _pace(runs: Runs, net: int, waits: str) -> str:
    seconds = words.pace(runs, net)
    return scaled(seconds, "s") if seconds else waits
