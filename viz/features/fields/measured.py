"""The closed form beside torch's measurement, for the chosen layer."""

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
"""A network with at most this many multiply–accumulates is measured without a click."""


Measurement = tuple[Network, str, tuple[int, int]]


def verdict(analysis: Analysis, line: Line, unit: tuple[int, int]) -> None:
    """Measure the receptive field by backpropagation and compare it with the closed form."""
    if line.node.kind == "input":
        return
    work = analysis.totals.macs
    request: Measurement = (analysis.network, line.node.name, unit)
    if work > AT_ONCE and request != st.session_state.get("fields_asked"):
        _offer(request)
        return

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[request]
        if view.state == "done":
            st.markdown(sentence(line, view.result))
        elif view.state == "failed":
            progress.failure_line("measured", f"Not measured: {view.error}.", views)
        else:
            progress.progress("measured", request, view, "Measuring by backpropagation")

    progress.show("measured", {request: network_analysis.measurement(*request)}, draw)


def _offer(request: Measurement) -> None:
    text, button = st.columns([5, 1.4], vertical_alignment="center")
    text.caption(
        "The sizes above come from the windows alone. PyTorch can measure the same by "
        "backpropagation: for a network of this size it takes a while."
    )
    button.button(
        "Measure it",
        on_click=_on_measure,
        args=(request,),
        width="stretch",
        help="Backpropagates from this unit, with positive weights.",
    )


def _on_measure(request: Measurement) -> None:
    st.session_state["fields_asked"] = request
    progress.resume()


def sentence(line: Line, measured: MeasuredField) -> str:
    """A sentence on the pixels that the gradient reached, compared with the closed form."""
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
    """Whether the measured pixels lie inside the closed form's box."""
    if box is None or closed is None:
        return box is None
    return all(a <= c and d <= b for (a, b), (c, d) in zip(closed, box, strict=True))
