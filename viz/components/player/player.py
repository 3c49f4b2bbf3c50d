"""Python's side of the sweep player: registers its files and mounts it."""

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
    "paper": theme.PAPER,
}


_HTML = """<div class="player" data-testid="sweep-player" tabindex="0" role="group"
  aria-label="Sweep player: space plays, arrows step, Escape unpins"></div>
"""


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
        boards: payloads of ``viz.choices.board.payload`` with title, name and captions.
        view: step, pin, channel, filter, reads, speed, loop as the URL has them; the player
            takes them over when ``token`` changes, and keeps its own otherwise.
        frame: what stands around the boards: presets, comparison, size formula, repairs.
        identity: changes whenever the boards do.
        token: changes when a link or a preset sets the view.
        key: Streamlit's key; ``st.session_state[key]`` holds what a callback is told.
        callbacks: callbacks by the name of what the visitor did: view (settled on a step, pin or
            plane), edit (typed a cell), preset, compare, fix (chose one).
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
