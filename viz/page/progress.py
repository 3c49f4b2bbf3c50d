"""Results that take a while, on the page: the place in the queue, progress, a way to stop."""

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

EVERY = 0.5
"""Shortest time between two looks of a visitor at the queue, in seconds."""
SHARE = 0.15
"""Of one core, for the looks of all visitors together: each draws its place on the page anew."""
A_LOOK = 0.004
"""Seconds of a core that a look takes, before it is known of its place."""
_costs: dict[str, float] = {}
"""The same as it was lately, by place."""
SELDOM = 3600.0
"""Seconds between two runs of what needs none."""
STOPPED = "stopped"
"""The error of what its visitor has stopped."""
REMEMBERED = 8
"""Stopped computations that a visitor can go on with."""


@cache
def queue() -> Jobs:
    """The queue for all that takes a moment."""
    return Jobs(settings().queue_workers, connected=_connected)


@cache
def trainings() -> Jobs:
    """The queue for training, which takes longer than everything else and keeps its own results."""
    return Jobs(settings().training_slots, cached=0, connected=_connected)


def visitor() -> str:
    """This visit's own name in the queue, its connection's first; it never leaves the server."""
    name: str = st.session_state.setdefault("visitor", secrets.token_hex(8))
    return f"{session_id()} {name}"


def _connected(visitor: str) -> bool:
    session = visitor.partition(" ")[0]
    return is_connected(session)


def show(
    slot: str,
    works: Mapping[Hashable, Work],
    draw: Callable[[Mapping[Hashable, View]], None],
    jobs: Jobs | None = None,
) -> dict[Hashable, View]:
    """Draw what is wanted, and again as it comes along.

    Args:
        slot: name of the place on the page; another wish for it replaces the old one.
        works: what is wanted, the most urgent first. A key that the visitor has stopped is
            not asked for again until they go on with it.
        draw: called with how each of them stands, in a place of its own.
        jobs: another queue than that of all long computations.

    Returns:
        how each of them stands now.
    """
    name, line = f"{visitor()} {slot}", jobs or queue()

    def look() -> dict[Hashable, View]:
        stopped = _stopped()
        views = line.set_wishes(name, {k: w for k, w in works.items() if k not in stopped})
        st.session_state["seen"] = {**st.session_state.get("seen", {}), slot: views}
        return {key: stopped.get(key) or views[key] for key in works}

    views = look()
    if settled(views):
        draw(views)
        return views

    settled_looks = count()

    @st.fragment(run_every=every(slot, line.waiting()))
    def follow() -> None:
        views = look()
        # Not at the first such look: a rerun in the run that makes the widgets would overtake
        # them, and the browser would send back their lowest values.
        if settled(views) and next(settled_looks) > 0:
            st.rerun()
        begun = thread_time()
        draw(views)
        _costs[slot] = 0.8 * _costs.get(slot, A_LOOK) + 0.2 * (thread_time() - begun)

    follow()
    return views


def every(slot: str, visitors: int) -> float:
    """Seconds between two looks of each, where so many wait: the dearer a look, the fewer."""
    return max(EVERY, visitors * _costs.get(slot, A_LOOK) / SHARE)


@st.fragment(run_every=SELDOM)
def come_back() -> None:
    """Have the browser ask for the page as soon as a server that was away is there again.

    Streamlit's browser side does so only where something runs at intervals. Without, the first
    click after a restart would open the visit anew, and the click itself would be lost.
    """


def leave(*slots: str) -> None:
    """These places on the page are gone: nothing is computed for them any more."""
    seen: dict[str, Any] = st.session_state.get("seen", {})
    for slot in slots:
        if slot in seen:
            st.session_state["seen"] = seen = {s: seen[s] for s in seen if s != slot}
            for jobs in (queue(), trainings()):
                jobs.set_wishes(f"{visitor()} {slot}", {})


def _stopped() -> dict[Hashable, View]:
    """What the visitor has stopped; asked anew at every look, for a callback may have been."""
    found: dict[Hashable, View] = st.session_state.get("stopped", {})
    return found


def settled(views: Mapping[Hashable, View]) -> bool:
    """Whether nothing more will come."""
    return all(view.state not in ("waiting", "running") for view in views.values())


def progress(slot: str, key: Hashable, view: View, what: str, unit: str = "draws") -> None:
    """How far one of them is, in units, with a button that stops it."""
    bar, button = st.columns([5, 1], vertical_alignment="center")
    if view.state == "waiting":
        bar.progress(0.0, f"In the queue: {_jobs(view.ahead)} before this one.")
    else:
        share = view.done / view.total if view.total else 0.0
        told = f": {view.done} of {view.total} {unit}" if view.total else "…"
        bar.progress(share, f"{what}{told}")
    button.button(
        "Stop", on_click=stop, args=(slot, key), key=f"stop {slot} {hash(key)}", width="stretch"
    )


def standing(
    slot: str,
    key: Hashable,
    view: View,
    what: str,
    unit: str = "draws",
    *,
    name: str = "",
    stopped: str = "",
) -> None:
    """One line for one of them that is not done: how far it is, the way on, why it failed.

    Args:
        what, unit: as `progress` takes them.
        name: what it is called, where there are several.
        stopped: the sentence for one that its visitor has stopped, instead of "Stopped.".
    """
    if view.state in ("waiting", "running"):
        progress(slot, key, view, what, unit)
    elif view.error == STOPPED:
        go_on(slot, stopped or _sentence(STOPPED, name), key)
    elif view.error:
        failed(slot, _sentence(view.error, name), {key: view})


def failed(slot: str, why: str, views: Mapping[Hashable, View]) -> None:
    """A sentence about what has failed, with a button that has it tried again where that may help."""
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


def go_on(slot: str, told: str, *keys: Hashable) -> None:
    """A sentence about what was stopped, with a button that asks for these again."""
    text, button = st.columns([5, 1], vertical_alignment="center")
    text.info(told)
    button.button(
        "Go on",
        on_click=resume,
        args=keys,
        key=f"go on {slot} {hash(keys)}",
        width="stretch",
        help="Begins from the start.",
    )


def _sentence(clause: str, name: str) -> str:
    return f"{name}: {clause}." if name else f"{clause[:1].upper()}{clause[1:]}."


def _jobs(count: int) -> str:
    return "1 computation" if count == 1 else f"{count} computations"


def stop(slot: str, key: Hashable) -> None:
    """Callback: ask for it no more; what is there of it stays on the page."""
    view: View | None = st.session_state.get("seen", {}).get(slot, {}).get(key)
    partial: Any = view.partial if view else None
    now = _stopped() | {key: View("failed", partial=partial, error=STOPPED)}
    st.session_state["stopped"] = dict(list(now.items())[-REMEMBERED:])


def retry(*keys: Hashable) -> None:
    """Callback: have computed anew what has failed."""
    for jobs in (queue(), trainings()):
        for key in keys:
            jobs.retry(key)


def resume(*keys: Hashable) -> None:
    """Callback: ask again for some of what was stopped; for all of it without keys."""
    kept = {key: view for key, view in _stopped().items() if keys and key not in keys}
    st.session_state["stopped"] = kept
