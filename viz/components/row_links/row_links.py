"""A component without a face that lets links in HTML choose something on the page."""

from __future__ import annotations

from collections.abc import Callable

from viz.components.mount import component

NAME = "strides.row_links"
_HTML = """<div class="row-links"></div>
"""


def row_links(selector: str, chosen: str, *, key: str, on_choice: Callable[[], None]) -> None:
    """Send what a link chooses instead of loading the page that it leads to.

    These are the links with ``data-choice``. A click with Ctrl or Shift still opens their address.

    Args:
        selector: CSS selector of the element with the links; never text from a visitor.
        chosen: The present choice, whose link is marked as current.
        key: Streamlit's key; ``st.session_state[key].choice`` holds the ``data-choice`` that was
            clicked, or whatever else the browser sends.
        on_choice: Callback of a click.
    """
    show = component(NAME, html=_HTML, js="row_links/row_links.js", css="row_links/row_links.css")
    show(
        key=key,
        data={"selector": selector, "chosen": chosen},
        on_choice_change=on_choice,
    )
