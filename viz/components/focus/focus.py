"""Puts the keyboard where the page says: a lesson can then be done without a mouse."""

from __future__ import annotations

from viz.components.mount import component

NAME = "strides.focus"
_HTML = """<div class="focus"></div>
"""


def focus(selector: str, token: str, *, key: str) -> None:
    """Move the keyboard to the first element of a CSS selector, once for each token.

    Args:
        selector: of the page, such as ``.st-key-answer input``; never from a visitor.
        token: changes when the keyboard shall be moved again.
        key: Streamlit's key.
    """
    show = component(NAME, html=_HTML, js="focus/focus.js", css="focus/focus.css")
    show(key=key, data={"selector": selector, "token": token})
