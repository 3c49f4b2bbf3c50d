"""The Python part of the sweep player, which mounts its JavaScript component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from viz import theme
from viz.components.mount import component

NAME = "strides.player"
PALETTE = {
    "meanings": theme.MEANINGS,
    "signed": theme.SIGNED,
    "grey": theme.GREY,
    "counts": theme.COUNTS,
    "paper": theme.PAPER,
}


_HTML = (
    '<div class="player" data-testid="sweep-player" role="group" aria-label="Sweep player"></div>'
)


def player(
    boards: list[dict[str, Any]],
    view: Mapping[str, Any],
    frame: Mapping[str, Any],
    *,
    identity: str,
    token: str,
    key: str,
    callbacks: Mapping[str, Callable[[], None]],
) -> None:
    """Show one or more sweeps in lockstep.

    Args:
        boards: The layers' diagrams, from ``viz.choices.board.player_data``, with title, name and
            captions.
        view: The view: step, pin, channel, filter, reads, speed and loop as in the URL. The player
            adopts it when ``token`` changes, and otherwise shows the visitor's own view.
        frame: The texts and controls around the boards: presets, comparison, size formula, repairs;
            and, if there are any, ``level`` (of the heading, 2 by default), ``lead`` (a sentence
            below it), and ``offers`` (which of undo, redo and reset are possible).
        identity: A text that changes whenever the boards do.
        token: A text that changes when a link or a preset sets the view.
        key: Streamlit's key; ``st.session_state[key]`` holds the message for a callback.
        callbacks: Callbacks by the name of the visitor's action: ``view`` (settled on a step, pin
            or plane), ``edit`` (typed a value into a cell), ``preset``, ``compare`` and ``fix``
            (chose one of the offers), ``change`` (undo, redo or reset).
    """
    show = component(NAME, html=_HTML, js="player/player.js", css="player/player.css")
    show(
        key=key,
        data={
            "boards": boards,
            "view": dict(view),
            "frame": {**frame, "edits": "edit" in callbacks},
            "id": identity,
            "token": token,
            "palette": PALETTE,
        },
        **{f"on_{name}_change": callback for name, callback in callbacks.items()},
    )
