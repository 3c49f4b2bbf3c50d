"""The Python part of the receptive-field cone, which mounts its JavaScript component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from viz import theme
from viz.components.mount import component

NAME = "strides.cone"
PALETTE = {
    "meanings": theme.MEANINGS,
    "paper": theme.PAPER,
    "branches": theme.BRANCHES,
    "dashes": theme.DASHES,
}
_HTML = '<div class="cone" data-testid="cone" role="group" aria-label="Receptive-field cone"></div>'


def cone(
    network: Mapping[str, Any],
    view: Mapping[str, Any],
    *,
    title: str,
    picture: str,
    identity: str,
    token: str,
    key: str,
    on_view: Callable[[], None],
) -> None:
    """Show a network's cross-section beside the image.

    Args:
        network: The lines and the rows of the network, from
            ``viz.choices.network_analysis.cone_network``.
        view: The view: ``layer`` (name of a line's node), ``unit`` (row, column) or None,
            ``axis``, ``down``, ``zoom`` and ``grid``: whether the centers of units are drawn, None
            where they do not hide the image. The component adopts it when ``token`` or
            ``identity`` changes, and otherwise shows the visitor's own view.
        title: Name of the network and its input.
        picture: Data URL of the image.
        identity: A text that changes whenever the network does.
        token: A text that changes when a link or a table sets the view.
        key: Streamlit's key; ``st.session_state[key].view`` holds the visitor's view.
        on_view: Callback for when the visitor has settled on a unit.
    """
    show = component(NAME, html=_HTML, js="cone/cone.js", css="cone/cone.css")
    show(
        key=key,
        data={
            **network,
            "view": dict(view),
            "title": title,
            "picture": picture,
            "id": identity,
            "token": token,
            "palette": PALETTE,
        },
        on_view_change=on_view,
    )
