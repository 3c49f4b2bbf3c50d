"""The results of a comparison so far: the button that starts training, the progress, the table."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from viz.features.training import compute, words
from viz.features.training import nets as training_nets
from viz.features.training.compute import Facts
from viz.features.training.params import Comparison
from viz.page import progress
from viz.page.tables import (
    UNKNOWN,
    WAITING,
    TableRow,
    amounts_row,
    comparison_table,
    percent,
    with_metric_prefix,
)
from viz.page.words import number_pair_text
from viz.server.queue import View, Work

if TYPE_CHECKING:
    from core.training.records import Record

    Runs = Mapping[tuple[int, int], tuple[Record, ...]]

SLOT = "training"
"""Slot of `viz.page.progress` for the training."""
STARTED, TRAINED = "training_started", "training_trained"
"""Session keys of the comparison in training, and of the last one that this visitor trained."""
MIN_UPDATE_SECONDS = 2.0
"""Shortest interval in seconds between two updates of a visitor's curves."""
MAX_UPDATES_PER_SECOND = 10
"""At most this many such updates per second for all visitors together."""
SECONDS_PER_STEP, MACS_PER_SECOND = 0.006, 2e10
"""Overhead of a step in seconds, and multiply–accumulates per second of one core. They estimate the
duration before anything is measured, and were fitted to the default comparison."""


def _comparison_key(comparison: Comparison) -> Hashable:
    """A key that identifies a comparison without holding a visitor's images."""
    return tuple(compute.queue_key(comparison, seed) for seed in comparison.seeds)


def _started(comparison: Comparison) -> bool:
    """Whether this visitor has started the training, and not stopped it."""
    return bool(st.session_state.get(STARTED) == _comparison_key(comparison))


@dataclass(frozen=True)
class Lab:
    """A comparison, and whether it is in training.

    Attributes:
        comparison: The comparison.
        facts: Facts of each net.
        live: Whether new records may still come.
    """

    comparison: Comparison
    facts: tuple[Facts, ...]
    live: bool = False

    @property
    def runs(self) -> Runs:
        """All existing records, including runs that other visitors trained."""
        return latest_runs(self.comparison)


def latest_runs(comparison: Comparison) -> Runs:
    """Records by (net, seed): stored for all visitors, or newer ones of this visitor's queue."""
    latest = dict(compute.stored_records(comparison))
    for seed in comparison.seeds:
        if view := _latest_views().get(compute.queue_key(comparison, seed)):
            for net, records in (view.result or view.partial or {}).items():
                if len(records) > len(latest.get((net, seed), ())):
                    latest[net, seed] = records
    return dict(sorted(latest.items()))


def _latest_views() -> dict[Hashable, View]:
    """The states of this page's work in the queue as they were last drawn, by key."""
    views: dict[Hashable, View] = st.session_state.get("seen", {}).get(SLOT, {})
    return views


def unfinished_seeds(comparison: Comparison, runs: Runs) -> list[int]:
    """The seeds that have a net with steps left to train."""
    failed = compute.failures(comparison)
    nets = range(len(comparison.specs))
    return [
        seed
        for seed in comparison.seeds
        if not all(
            (net, seed) in failed or words.is_finished(runs.get((net, seed), ())) for net in nets
        )
    ]


def draw_results(lab: Lab) -> bool:
    """Draw the start button, or the progress of the training.

    Returns:
        Whether new records may still come.
    """
    runs = lab.runs
    left = unfinished_seeds(lab.comparison, runs)
    if not left or not _started(lab.comparison):
        progress.withdraw_requests(SLOT)
        _failures(lab.comparison)
        if left:
            _start_button(lab, runs)
        else:
            _earlier_results_note(lab.comparison)
            stop()  # if the store drops these records later, they are not trained again by itself
        return False

    def draw(views: Mapping[Hashable, View]) -> None:
        if not _started(lab.comparison):  # stopped: the page is drawn anew
            st.rerun()
        _failures(lab.comparison)
        _progress(lab.comparison, views, lab.runs)

    works: dict[Hashable, Work] = {
        compute.queue_key(lab.comparison, seed): compute.work(lab.comparison, seed) for seed in left
    }
    views = progress.request_and_draw(SLOT, works, draw, jobs=progress.training_queue())
    return not progress.all_ended(views)


def draw_live(lab: Lab, draw: Callable[[Runs], None]) -> None:
    """Draw the runs, and again whenever new records may exist."""
    if not lab.live:
        draw(lab.runs)
        return

    @st.fragment(
        run_every=max(
            MIN_UPDATE_SECONDS, progress.training_queue().waiting() / MAX_UPDATES_PER_SECOND
        )
    )
    def follow() -> None:
        draw(lab.runs)

    follow()


# --- The start button


def _start_button(lab: Lab, runs: Runs) -> None:
    """Draw the button that starts the training, with an estimate of its cost."""
    begun = any(runs.values())
    work, seconds = _remaining_work(lab, runs)
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
        f"{with_metric_prefix(work)} multiply–accumulates, forward and backward: about "
        f"{words.duration(seconds)} on a core that has nothing else to do, as an estimate."
    )
    if begun:
        share = percent(
            1 - work / (len(lab.comparison.seeds) * sum(each.work for each in lab.facts))
        )
        note = f"{share} of the work is done and stored. Training goes on from there: {note}"
    text.caption(note)


def _earlier_results_note(comparison: Comparison) -> None:
    """Draw a note if the results are from an earlier visit."""
    if not _started(comparison) and st.session_state.get(TRAINED) != _comparison_key(comparison):
        st.caption(
            "These nets were trained here earlier with the same settings, and their results are "
            "stored. Nets with other settings train after a click."
        )


def _remaining_work(lab: Lab, runs: Runs) -> tuple[float, float]:
    """The remaining multiply–accumulates, and an estimate of the remaining seconds."""
    work = steps = 0.0
    for net, facts in enumerate(lab.facts):
        for seed in lab.comparison.seeds:
            records = runs.get((net, seed), ())
            more = facts.steps - (records[-1].step if records else 0)
            steps += more
            work += facts.work * more / facts.steps
    return work, steps * SECONDS_PER_STEP + work / MACS_PER_SECOND


def start(comparison: Comparison) -> None:
    """Callback that starts the training for this visit; opening a link does not start it."""
    st.session_state[STARTED] = st.session_state[TRAINED] = _comparison_key(comparison)


def stop() -> None:
    """Callback that stops the training; finished records stay."""
    st.session_state.pop(STARTED, None)


# --- The progress


def _progress(comparison: Comparison, views: Mapping[Hashable, View], runs: Runs) -> None:
    """Draw the progress of each unfinished seed, and the button that stops or repeats them."""
    bars, button = st.columns([5, 1], vertical_alignment="center")
    with bars.container(gap="xsmall"):
        for seed in comparison.seeds:
            if view := views.get(compute.queue_key(comparison, seed)):
                _seed_progress(comparison, seed, view, runs)
    if not progress.all_ended(views):
        button.button("Stop", on_click=stop, key="training_stop", width="stretch",
                      help="Finished steps are stored; training can go on later.")  # fmt: skip
    elif again := [key for key, view in views.items() if view.error]:
        button.button("Try again", on_click=progress.retry, args=again, key="training_again",
                      width="stretch", help="Goes on from the last stored step.")  # fmt: skip


def _seed_progress(comparison: Comparison, seed: int, view: View, runs: Runs) -> None:
    """Draw the progress of one seed, or why it failed."""
    nets, steps = len(comparison.specs), comparison.specs[0].steps
    records = {net: runs.get((net, seed), ()) for net in range(nets)}
    done = sum(r[-1].step for r in records.values() if r)
    share = min(1.0, done / (nets * steps))
    if view.state == "waiting":
        ahead = words.plural(view.ahead, "training")
        st.progress(share, f"Seed {seed}: in the queue, {ahead} before this one.")
    elif view.state == "running":
        left = words.seconds_left(records, nets, steps)
        time = f", about {words.duration(left)} left" if left is not None else ""
        each = " of each net" if nets > 1 else ""
        st.progress(share, f"Seed {seed}: {done // nets:,} of {steps:,} steps{each}{time}")
    elif view.error:
        st.warning(f"Seed {seed}: {view.error}.")


def _failures(comparison: Comparison) -> None:
    """Draw a warning for each net and reason of failed runs."""
    seeds_of: dict[tuple[int, str], list[int]] = {}
    for (net, seed), why in compute.failures(comparison).items():
        seeds_of.setdefault((net, why), []).append(seed)
    for (net, why), seeds in seeds_of.items():
        which = "seed" if len(seeds) == 1 else "seeds"
        st.warning(f"{comparison.names[net]}, {which} {', '.join(map(str, seeds))}: {why}.")


# --- The table


def nets_table(lab: Lab) -> None:
    """Draw the table of the nets, and again whenever new records may exist."""
    draw_live(lab, partial(_draw_nets_table, lab))


def _draw_nets_table(lab: Lab, runs: Runs) -> None:
    """Draw the table of the nets with the results of some runs."""
    placeholder = WAITING if lab.live else UNKNOWN
    nets = range(len(lab.comparison.specs))
    accuracies = [_accuracy_cell(lab.comparison, runs, net, placeholder) for net in nets]
    lines = [
        TableRow(
            "parameters",
            "numbers the optimizer updates",
            tuple(f"{f.parameters:,}" for f in lab.facts),
        ),
        amounts_row(
            "multiply–accumulates",
            "of one image, forward",
            [each.macs for each in lab.facts],
        ),
        TableRow(
            "receptive field",
            "pixels that a unit of the last map sees",
            tuple(map(_receptive_field_text, lab.comparison.specs)),
            "px",
        ),
        TableRow(
            "test accuracy",
            "mean over the seeds, and from the lowest to the highest",
            tuple(text for text, _ in accuracies),
            "%",
            tuple(note for _, note in accuracies),
        ),
        amounts_row(
            "time per step",
            "median over all records, on one thread of this server",
            [words.seconds_per_step(runs, net) or None for net in nets],
            "s",
            missing=placeholder,
        ),
    ]
    st.html(comparison_table(lab.comparison.names, lines, name="the nets", compact=True))


def _receptive_field_text(spec: object) -> str:
    """The receptive field of a unit of a net's last map, as text."""
    line = training_nets.last_map(spec)  # type: ignore[arg-type]
    if all(axis.whole for axis in line.field.axes):
        return "whole image"
    return number_pair_text(line.field.size)


def _accuracy_cell(
    comparison: Comparison, runs: Runs, net: int, placeholder: str
) -> tuple[str, str]:
    """The accuracy of a net's finished runs in per cent, or the placeholder; and the text below it:
    the range over the seeds, and how many of them are finished."""
    accuracy = words.spread_over_seeds(runs, net, words.accuracy)
    if accuracy is None:
        return placeholder, ""
    mean, low, high = (
        words.percent(share).removesuffix(" %")
        for share in (accuracy.mean, accuracy.low, accuracy.high)
    )
    seeds = len(comparison.seeds)
    done = sum(words.is_finished(runs.get((net, seed), ())) for seed in comparison.seeds)
    notes = [
        f"{low}–{high}" if low != high else "",
        f"{done} of {seeds} seeds" if done < seeds else "",
    ]
    return mean, ", ".join(filter(None, notes))
