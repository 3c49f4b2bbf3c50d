"""Results that take a while, on the page: the place in the queue, progress, a way to stop."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from itertools import count
from typing import Any

import streamlit as st

from viz.jobs import Jobs, View, Work

EVERY = 0.5
"""Seconds between two looks at the queue."""
STOPPED = "stopped"
"""The error of what its visitor has stopped."""
REMEMBERED = 8
"""Stopped computations that a visitor can go on with."""


@cache
def queue() -> Jobs:
    """The server's one queue."""
    return Jobs()


def visitor() -> str:
    """This visit's own name in the queue; it never leaves the server."""
    name: str = st.session_state.setdefault("visitor", secrets.token_hex(8))
    return name


def show(
    slot: str, works: Mapping[Hashable, Work], draw: Callable[[Mapping[Hashable, View]], None]
) -> dict[Hashable, View]:
    """Draw what is wanted, and again as it comes along.

    Args:
        slot: name of the place on the page; another wish for it replaces the old one.
        works: what is wanted, the most urgent first. A key that the visitor has stopped is
            not asked for again until they go on with it.
        draw: called with how each of them stands, in a place of its own.

    Returns:
        how each of them stands now.
    """
    name = f"{visitor()} {slot}"

    def look() -> dict[Hashable, View]:
        stopped = _stopped()
        views = queue().want(name, {k: w for k, w in works.items() if k not in stopped})
        st.session_state["seen"] = {**st.session_state.get("seen", {}), slot: views}
        return {key: stopped.get(key) or views[key] for key in works}

    views = look()
    if settled(views):
        draw(views)
        return views

    settled_looks = count()

    @st.fragment(run_every=EVERY)
    def follow() -> None:
        views = look()
        # Not at the first such look: a rerun in the run that makes the widgets would overtake
        # them, and the browser would send back their lowest values.
        if settled(views) and next(settled_looks) > 0:
            st.rerun()
        draw(views)

    follow()
    return views


def leave(*slots: str) -> None:
    """These places on the page are gone: nothing is computed for them any more."""
    for slot in slots:
        queue().want(f"{visitor()} {slot}", {})


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


def _jobs(count: int) -> str:
    return "1 computation" if count == 1 else f"{count} computations"


def stop(slot: str, key: Hashable) -> None:
    """Callback: ask for it no more; what is there of it stays on the page."""
    view: View | None = st.session_state.get("seen", {}).get(slot, {}).get(key)
    partial: Any = view.partial if view else None
    now = _stopped() | {key: View("failed", partial=partial, error=STOPPED)}
    st.session_state["stopped"] = dict(list(now.items())[-REMEMBERED:])


def resume(*keys: Hashable) -> None:
    """Callback: ask again for some of what was stopped; for all of it without keys."""
    kept = {key: view for key, view in _stopped().items() if keys and key not in keys}
    st.session_state["stopped"] = kept
