"""Long computations on a page: position in the queue, progress bar, and buttons to stop and resume."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from itertools import count
from time import thread_time
from typing import Any

import streamlit as st

from viz.server.queue import Jobs, View, Work
from viz.server.settings import settings
from viz.server.streamlit_private import is_connected, session_id

POLL_INTERVAL_S = 0.5
"""Shortest interval in seconds between two polls of the queue by one visitor."""
POLL_BUDGET = 0.15
"""Share of one core that all polling fragments may use; every poll re-renders its fragment."""
DEFAULT_POLL_COST_S = 0.004
"""CPU seconds one poll is assumed to cost until it has been measured for its slot."""
_poll_costs: dict[str, float] = {}
"""Moving average of the CPU seconds of a poll, by slot."""
RARE_INTERVAL_S = 3600.0
"""Interval in seconds of a fragment that runs only to keep the browser reconnecting."""
STOPPED = "stopped"
"""The error of a computation that its visitor has stopped."""
MAX_STOPPED = 8
"""How many stopped computations a visitor can resume."""


@cache
def queue() -> Jobs:
    """The queue for all long computations but training."""
    return Jobs(settings().queue_workers, connected=_connected)


@cache
def training_queue() -> Jobs:
    """The queue for training, which takes longest; `viz.choices.lab_store` holds its results."""
    return Jobs(settings().training_slots, cached=0, connected=_connected)


def visitor_id() -> str:
    """This visit's name in the queue, which starts with its session; it never leaves the server."""
    name: str = st.session_state.setdefault("visitor", secrets.token_hex(8))
    return f"{session_id()} {name}"


def _connected(visitor: str) -> bool:
    """Whether the browser of a visitor, as `visitor_id` names them, is still connected."""
    session = visitor.partition(" ")[0]
    return is_connected(session)


def request_and_draw(
    slot: str,
    works: Mapping[Hashable, Work],
    draw: Callable[[Mapping[Hashable, View]], None],
    jobs: Jobs | None = None,
) -> dict[Hashable, View]:
    """Request some computations, draw their state, and draw it again while they run.

    Args:
        slot: Name of a place on the page; a new request for it replaces the previous one.
        works: The computations by key, the most urgent first. One that the visitor has stopped
            is not requested until they resume it.
        draw: Function that draws the states of the computations, which it gets by key.
        jobs: The queue; None for that of all computations but training.

    Returns:
        The current state of each computation by key.
    """
    name, line = f"{visitor_id()} {slot}", jobs or queue()

    def poll() -> dict[Hashable, View]:
        stopped = _stopped_views()
        views = line.set_wishes(name, {k: w for k, w in works.items() if k not in stopped})
        st.session_state["seen"] = {**st.session_state.get("seen", {}), slot: views}
        return {key: stopped.get(key) or views[key] for key in works}

    views = poll()
    if all_ended(views):
        draw(views)
        return views

    settled_polls = count()

    @st.fragment(run_every=poll_interval(slot, line.waiting()))
    def follow() -> None:
        views = poll()
        # Not at the first such poll: a rerun in the run that makes the widgets would overtake
        # them, and the browser would send back their lowest values.
        if all_ended(views) and next(settled_polls) > 0:
            st.rerun()
        begun = thread_time()
        draw(views)
        _poll_costs[slot] = 0.8 * _poll_costs.get(slot, DEFAULT_POLL_COST_S) + 0.2 * (
            thread_time() - begun
        )

    follow()
    return views


def poll_interval(slot: str, visitors: int) -> float:
    """Seconds between two polls of each visitor, so that all polls stay within `POLL_BUDGET`."""
    return max(POLL_INTERVAL_S, visitors * _poll_costs.get(slot, DEFAULT_POLL_COST_S) / POLL_BUDGET)


@st.fragment(run_every=RARE_INTERVAL_S)
def keep_reconnecting() -> None:
    """Have the browser reconnect as soon as a restarted server answers again.

    Streamlit's front end does so only if a fragment runs at intervals. Otherwise the first click
    after a restart would only reopen the page, and the click itself would be lost.
    """


def withdraw_requests(*slots: str) -> None:
    """Withdraw the requests of slots that are no longer on the page."""
    seen: dict[str, Any] = st.session_state.get("seen", {})
    for slot in slots:
        if slot in seen:
            st.session_state["seen"] = seen = {s: seen[s] for s in seen if s != slot}
            for jobs in (queue(), training_queue()):
                jobs.set_wishes(f"{visitor_id()} {slot}", {})


def _stopped_views() -> dict[Hashable, View]:
    """The computations that the visitor has stopped; callbacks change them between polls."""
    views: dict[Hashable, View] = st.session_state.get("stopped", {})
    return views


def all_ended(views: Mapping[Hashable, View]) -> bool:
    """Whether all computations have ended."""
    return all(view.state not in ("waiting", "running") for view in views.values())


def progress_bar(slot: str, key: Hashable, view: View, what: str, unit: str = "draws") -> None:
    """Draw the progress bar of a computation, counted in units, with a button that stops it."""
    bar, button = st.columns([5, 1], vertical_alignment="center")
    if view.state == "waiting":
        bar.progress(0.0, f"In the queue: {_computations_text(view.ahead)} before this one.")
    else:
        share = view.done / view.total if view.total else 0.0
        done_of = f": {view.done} of {view.total} {unit}" if view.total else "…"
        bar.progress(share, f"{what}{done_of}")
    button.button(
        "Stop", on_click=stop, args=(slot, key), key=f"stop {slot} {hash(key)}", width="stretch"
    )


def status_line(
    slot: str,
    key: Hashable,
    view: View,
    what: str,
    unit: str = "draws",
    *,
    name: str = "",
    stopped: str = "",
) -> None:
    """Draw one line for a computation without a result: its progress, or why it ended.

    Args:
        slot, key, view: The slot, key and state of the computation, as in `request_and_draw`.
        what: Text before the counts of the progress bar.
        unit: What is counted.
        name: Name of the computation, if there are several.
        stopped: Sentence for a stopped one, instead of "Stopped.".
    """
    if view.state in ("waiting", "running"):
        progress_bar(slot, key, view, what, unit)
    elif view.error == STOPPED:
        resume_line(slot, stopped or _named_sentence(STOPPED, name), key)
    elif view.error:
        failure_line(slot, _named_sentence(view.error, name), {key: view})


def failure_line(slot: str, why: str, views: Mapping[Hashable, View]) -> None:
    """Draw a sentence about a failure, with a button that tries again if that may help."""
    again = [key for key, view in views.items() if view.error and not view.refused]
    if not again:
        st.warning(why)
        return
    text, button = st.columns([5, 1], vertical_alignment="center")
    text.warning(why)
    button.button(
        "Try again",
        on_click=retry,
        args=again,
        key=f"try again {slot} {hash(tuple(again))}",
        width="stretch",
    )


def resume_line(slot: str, sentence: str, *keys: Hashable) -> None:
    """Draw a sentence about stopped computations, with a button that starts them anew."""
    text, button = st.columns([5, 1], vertical_alignment="center")
    text.info(sentence)
    button.button(
        "Go on",
        on_click=resume,
        args=keys,
        key=f"go on {slot} {hash(keys)}",
        width="stretch",
        help="Begins from the start.",
    )


def _named_sentence(clause: str, name: str) -> str:
    """A clause as a sentence, after the name of its computation if there is one."""
    return f"{name}: {clause}." if name else f"{clause[:1].upper()}{clause[1:]}."


def _computations_text(count: int) -> str:
    """``1 computation``, ``2 computations``."""
    return "1 computation" if count == 1 else f"{count} computations"


def stop(slot: str, key: Hashable) -> None:
    """Callback that stops a computation; its partial result stays on the page."""
    view: View | None = st.session_state.get("seen", {}).get(slot, {}).get(key)
    partial: Any = view.partial if view else None
    now = _stopped_views() | {key: View("failed", partial=partial, error=STOPPED)}
    st.session_state["stopped"] = dict(list(now.items())[-MAX_STOPPED:])


def retry(*keys: Hashable) -> None:
    """Callback that computes failed results anew."""
    for jobs in (queue(), training_queue()):
        for key in keys:
            jobs.retry(key)


def resume(*keys: Hashable) -> None:
    """Callback that resumes some stopped computations, or all of them without keys."""
    remaining = {key: view for key, view in _stopped_views().items() if keys and key not in keys}
    st.session_state["stopped"] = remaining
