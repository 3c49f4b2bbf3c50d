"""The closed form beside what torch measures, for the layer that is looked at."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import streamlit as st

from viz.choices import network_analysis
from viz.choices.network import Network
from viz.choices.network_analysis import Analysis
from viz.page import progress
from viz.server.queue import View

if TYPE_CHECKING:
    from core.receptive_field import Box, MeasuredField
    from core.receptive_field.outline import Line

AT_ONCE = 2 * 10**8
"""Multiply–accumulates of a network that is measured without being asked."""


Asked = tuple[Network, str, tuple[int, int]]


def verdict(found: Analysis, line: Line, unit: tuple[int, int]) -> None:
    """Asks torch for the same receptive field by backprop, and compares."""
    if line.node.kind == "input":
        return
    work = found.totals.macs
    asked: Asked = (found.network, line.node.name, unit)
    if work > AT_ONCE and asked != st.session_state.get("fields_asked"):
        _offer(asked)
        return

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[asked]
        if view.state == "done":
            st.markdown(sentence(line, view.result))
        elif view.state == "failed":
            progress.failed("measured", f"Not measured: {view.error}.", views)
        else:
            progress.progress("measured", asked, view, "Measuring by backpropagation")

    progress.show("measured", {asked: network_analysis.measurement(*asked)}, draw)


def _offer(asked: Asked) -> None:
    text, button = st.columns([5, 1.4], vertical_alignment="center")
    text.caption(
        "The sizes above come from the windows alone. PyTorch can measure the same by "
        "backpropagation: for a network of this size it takes a while."
    )
    button.button(
        "Measure it",
        on_click=_on_measure,
        args=(asked,),
        width="stretch",
        help="Backpropagates from this unit, with positive weights.",
    )


def _on_measure(asked: Asked) -> None:
    st.session_state["fields_asked"] = asked
    progress.resume()


def sentence(line: Line, measured: MeasuredField) -> str:
    """What the gradient reached, and whether the closed form says the same."""
    row, col = measured.unit
    closed = line.field.interval(measured.unit).clipped
    box = measured.box
    reached = "no pixel"
    if box is not None:
        (top, bottom), (left, right) = box
        reached = f"rows {top} to {bottom}, columns {left} to {right}"
    said = (
        f"Backpropagation from unit ({row}, {col}) of `{line.label}`, with all weights positive and "
        f"means in place of maxima, reaches **{reached}**"
    )
    if (closed and (closed.rows, closed.cols)) == box:
        return f"{said}: what the closed form says ✓"
    if line.field.bound and _holds(closed, box):
        return f"{said}; the closed form gives an upper bound here: {line.field.bound}."
    return f"{said}. **The closed form differs.**"


def _holds(closed: Box | None, box: tuple[tuple[int, int], tuple[int, int]] | None) -> bool:
    """Whether what was measured lies inside the closed form's box."""
    if box is None or closed is None:
        return box is None
    return all(a <= c and d <= b for (a, b), (c, d) in zip(closed, box, strict=True))
