"""Python's side of the receptive-field cone: registers its files and mounts it."""

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
_HTML = """<div class="cone" data-testid="cone" tabindex="0" role="group"
  aria-label="Receptive-field cone: arrow keys move the unit, up and down change the layer"></div>
"""


def cone(
    lines: list[dict[str, Any]],
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
        lines: of ``core.receptive_field.outline.as_data``.
        view: layer (name of a line's node), unit (row, column) or None, axis, down, zoom,
            grid; taken over when ``token`` or ``identity`` changes.
        title: of a saved picture.
        picture: data URL of the image.
        identity: changes whenever the network does.
        token: changes when a link or a table sets the view.
        key: Streamlit's key; ``st.session_state[key].view`` holds what the visitor chose.
        on_view: called when the visitor has settled on a unit.
    """
    show = component(NAME, html=_HTML, js="cone/cone.js", css="cone/cone.css")
    show(
        key=key,
        data={
            "lines": lines,
            "view": dict(view),
            "title": title,
            "picture": picture,
            "id": identity,
            "token": token,
            "palette": PALETTE,
        },
        on_view_change=on_view,
    )
