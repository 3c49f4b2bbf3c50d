"""Components without a face for use without a mouse: one moves the keyboard focus, one keeps it."""

from __future__ import annotations

from viz.components.mount import component

NAME = "strides.focus"
KEEPER = "strides.focus_keeper"
_HTML = """<div class="focus"></div>
"""
_SPOKEN_HTML = """<div class="spoken" role="status"></div>
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


def keep_focus(announcement: str, *, key: str) -> None:
    """Move the focus on when the element that has it disappears, and announce what the page shows.

    The focus goes to the same widget if it was made anew, else to the tab or dialog that contained
    the element, else to the page's heading.

    Args:
        announcement: What screen readers read when it changes.
        key: Streamlit's key of the component.
    """
    show = component(KEEPER, html=_SPOKEN_HTML, js="focus/keeper.js", css="focus/focus.css")
    show(key=key, data={"announcement": announcement})
