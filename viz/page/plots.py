"""Draws plots on a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from core.plots.plot import Heat, Panel, Plot
from viz.page.session import is_dark, is_presented

ENLARGED = 1.5
"""Factor by which a plot grows in presentation mode."""
CONFIG = {"displayModeBar": False}
"""Settings of Plotly in the browser: "Save for slides" saves the picture, nothing zooms."""


def show_plot(plot: Plot, key: str, on_click: Callable[[str], None] | None = None) -> None:
    """Draw a plot: its title, its panels in a grid, its color bars, its legend and notes.

    Args:
        plot: The plot.
        key: Lower-case letters, digits and ``_``; unique on the page.
        on_click: Callback of a click on a cell of a map with ``select``; its argument is the key of
            the panel, under which the session state has the selected point.
    """
    from viz.plots.html import bars_html, foot_html, head_html, heading_html
    from viz.plots.panel import panel_figure
    from viz.plots.sizes import fixed_width

    dark, enlarged = is_dark(), ENLARGED if is_presented() else 1.0
    with st.container(key=f"plot_{key}"):
        st.html(head_html(plot, key, enlarged, dark=dark))
        with st.container(key=f"panels_{key}"):
            for number, panel in enumerate(plot.panels):
                name = f"{key}_{number}"
                with st.container(key=f"panel_{name}"):
                    if heading := heading_html(panel):
                        st.html(heading)
                    figure = panel_figure(panel, enlarged, dark=dark)
                    alt = panel.title or plot.title if number else plot.alt
                    width = fixed_width(panel, enlarged) or "stretch"
                    look: dict[str, Any] = {"width": width, "height": "stretch", "theme": None}
                    look |= {"config": CONFIG, "alt": alt}
                    look |= _on_click(panel, name, on_click)
                    st.plotly_chart(figure, key=name, **look)
            if bars := bars_html(plot, dark=dark):
                st.html(bars)
        if foot := foot_html(plot, dark=dark, enlarged=enlarged):
            st.html(foot)


def _on_click(panel: Panel, name: str, on_click: Callable[[str], None] | None) -> dict[str, Any]:
    """Arguments of ``st.plotly_chart`` for a panel whose cells can be clicked; {} for others."""
    clickable = any(isinstance(mark, Heat) and mark.select for mark in panel.marks)
    if on_click is None or not clickable:
        return {}
    return {"on_select": partial(on_click, name), "selection_mode": "points"}
