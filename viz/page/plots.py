"""Draws plots on a page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
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
    """Draw a plot: its title, its panels side by side where there is room, its legend and notes.

    Args:
        plot: The plot.
        key: Lower-case letters, digits and ``_``; unique on the page.
        on_click: Callback of a click on a cell of a map with ``select``; its argument is the key of
            the panel, under which the session state has the selected point.
    """
    from viz.plots.html import foot_html, head_html, heading_html
    from viz.plots.panel import panel_figure
    from viz.plots.sizes import fixed_width

    dark, enlarged = is_dark(), ENLARGED if is_presented() else 1.0
    names = [f"{key}_{number}" for number in range(len(plot.panels))]
    with st.container(key=f"plot_{key}"):
        classes = [f"st-key-panel_{name}" for name in names]
        st.html(head_html(plot, classes, enlarged))
        with st.container(
            key=f"panels_{key}",
            horizontal=True,
            vertical_alignment="top" if plot.together == 1 else "bottom",
        ):
            for number, (panel, name) in enumerate(zip(plot.panels, names, strict=True)):
                if number % plot.together == 0:
                    group = _group(f"{key}_{number}", plot.together)
                with group, st.container(key=f"panel_{name}"):
                    if heading := heading_html(panel):
                        st.html(heading)
                    figure = panel_figure(panel, enlarged, dark=dark)
                    alt = plot.alt if name == names[0] else panel.title or plot.title
                    width = fixed_width(panel, enlarged) or "stretch"
                    look: dict[str, Any] = {"width": width, "height": "stretch", "theme": None}
                    look |= {"config": CONFIG, "alt": alt}
                    look |= _on_click(panel, name, on_click)
                    st.plotly_chart(figure, key=name, **look)
        if foot := foot_html(plot, dark=dark, enlarged=enlarged):
            st.html(foot)


def _group(key: str, panels: int) -> AbstractContextManager[Any]:
    """A container for panels that stay side by side where there is room; none for one panel."""
    if panels == 1:
        return nullcontext()
    return st.container(key=f"together_{key}", horizontal=True, vertical_alignment="bottom")


def _on_click(panel: Panel, name: str, on_click: Callable[[str], None] | None) -> dict[str, Any]:
    """Arguments of ``st.plotly_chart`` for a panel whose cells can be clicked; {} for others."""
    clickable = any(isinstance(mark, Heat) and mark.select for mark in panel.marks)
    if on_click is None or not clickable:
        return {}
    return {"on_select": partial(on_click, name), "selection_mode": "points"}
