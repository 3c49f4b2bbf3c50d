"""Draws plots on a page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.plots.plot import Plot
from viz.page.session import is_dark, is_presented

ENLARGED = 1.5
"""Factor by which a plot grows in presentation mode."""
CONFIG = {"displayModeBar": False}
"""Settings of Plotly in the browser: "Save for slides" saves the picture, nothing zooms."""


def show_plot(plot: Plot, key: str, **selection: Any) -> list[Any]:
    """Draw a plot: its title, its panels side by side where there is room, its legend and notes.

    Args:
        plot: The plot.
        key: Lower-case letters, digits and ``_``; unique on the page.
        selection: Arguments ``on_select`` and ``selection_mode`` of ``st.plotly_chart``.

    Returns:
        What ``st.plotly_chart`` returns for each panel.
    """
    from viz.plots.html import foot_html, head_html, heading_html
    from viz.plots.panel import fixed_width, panel_figure

    dark, enlarged = is_dark(), ENLARGED if is_presented() else 1.0
    names = [f"{key}_{number}" for number in range(len(plot.panels))]
    events = []
    with st.container(key=f"plot_{key}"):
        classes = [f"st-key-panel_{name}" for name in names]
        st.html(head_html(plot, classes, enlarged))
        with st.container(key=f"panels_{key}", horizontal=True):
            for panel, name in zip(plot.panels, names, strict=True):
                with st.container(key=f"panel_{name}"):
                    if heading := heading_html(panel):
                        st.html(heading)
                    figure = panel_figure(panel, enlarged, dark=dark)
                    alt = plot.alt if name == names[0] else panel.title or plot.title
                    width = fixed_width(panel, enlarged) or "stretch"
                    look: dict[str, Any] = {"width": width, "height": "stretch", "theme": None}
                    look |= {"config": CONFIG, "alt": alt} | selection
                    events.append(st.plotly_chart(figure, key=name, **look))
        if foot := foot_html(plot, dark=dark, enlarged=enlarged):
            st.html(foot)
    return events
