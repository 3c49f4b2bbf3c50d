"""A component without a face with which keys act on a page, whichever element has the focus.

Some keys press buttons. Space, arrows, Home and End act on the page's board or cone, or else on its
slider, unless the focus is in a field or has come there by the Tab key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from viz.components.mount import component

NAME = "strides.keys"
_HTML = """<div class="keys"></div>
"""


def keys(buttons: Mapping[str, Sequence[str]], *, play: str, presented: bool, key: str) -> None:
    """Let keys act on the page as long as this component is on it.

    Args:
        buttons: For each key, by its name such as ``PageDown``, CSS selectors of buttons such as
            ``.st-key-tour_next button``; it presses the first that is on the page. Never text from
            a visitor.
        play: CSS selector of the switch that space presses on a page without a board.
        presented: Whether presentation mode is on. Otherwise only space, left and right act on a
            board, and only while nothing has the focus.
        key: Streamlit's key of the component.
    """
    show = component(NAME, html=_HTML, js="keys/keys.js", css="keys/keys.css")
    data = {"buttons": {name: list(each) for name, each in buttons.items()}}
    show(key=key, data=data | {"play": play, "presented": presented})
