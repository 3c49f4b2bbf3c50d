"""A component without a face that sets the keyboard focus, for use without a mouse."""

from __future__ import annotations

from viz.components.mount import component

NAME = "strides.focus"
_HTML = """<div class="focus"></div>
"""


def focus(selector: str, token: str, *, key: str) -> None:
    """Focus the first element that matches a CSS selector, once for each token.

    Args:
        selector: CSS selector such as ``.st-key-answer input``; never text from a visitor.
        token: A new value moves the focus again.
        key: Streamlit's key of the component.
    """
    show = component(NAME, html=_HTML, js="focus/focus.js", css="focus/focus.css")
    show(key=key, data={"selector": selector, "token": token})
