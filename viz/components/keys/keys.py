"""Keys that press buttons of the page, also while a slider has the keyboard."""

from __future__ import annotations

from collections.abc import Mapping

from viz.components.mount import component

NAME = "strides.keys"
_HTML = """<div class="keys"></div>
"""


def keys(buttons: Mapping[str, str], *, key: str) -> None:
    """Have keys press buttons as long as this is drawn.

    Args:
        buttons: the key's name, such as ``PageDown``: a CSS selector of the page, such as
            ``.st-key-tour_next button``; never from a visitor.
        key: Streamlit's key.
    """
    show = component(NAME, html=_HTML, js="keys/keys.js", css="keys/keys.css")
    show(key=key, data={"buttons": dict(buttons)})
