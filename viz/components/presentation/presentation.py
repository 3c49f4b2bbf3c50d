"""The component of presentation mode: its full-screen button, and the height of plots on the wall."""

from __future__ import annotations

from viz.components.mount import component

NAME = "strides.presentation"
_HTML = """<button type="button" aria-pressed="false" aria-label="Full screen" title="Full screen (F)" hidden>
<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M1 1h5v2H3v3H1zM10 1h5v5h-2V3h-3zM1 10h2v3h3v2H1zM13 10h2v5h-5v-2h3z"/></svg>
</button><span role="status"></span>
"""


def presentation(*, key: str) -> None:
    """Show the full-screen button, where the browser has full screens, and fit plots to the window.

    It sets the CSS variable ``--room`` of the page, the largest height of a panel in pixels with
    which the page's main picture is seen whole without scrolling; none if it fits anyway. The main
    picture is the container with the key ``main_picture``, or else the first plot.

    Args:
        key: Streamlit's key of the component.
    """
    files = {"js": "presentation/presentation.js", "css": "presentation/presentation.css"}
    component(NAME, html=_HTML, **files)(key=key, width="content")
