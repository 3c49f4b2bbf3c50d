"""A component without a face with which keys press buttons, even while a slider has the focus."""

from __future__ import annotations

from collections.abc import Mapping

from viz.components.mount import component

NAME = "strides.keys"
_HTML = """<div class="keys"></div>
"""


def keys(buttons: Mapping[str, str], *, key: str) -> None:
    """Let keys press buttons as long as this component is on the page.

    Args:
        buttons: For each key, by its name such as ``PageDown``, the CSS selector of a button such
            as ``.st-key-tour_next button``; never text from a visitor.
        key: Streamlit's key of the component.
    """
    show = component(NAME, html=_HTML, js="keys/keys.js", css="keys/keys.css")
    show(key=key, data={"buttons": dict(buttons)})
