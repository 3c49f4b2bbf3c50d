"""The sentence that compares a receptive field in closed form with its measurement by torch."""

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

MAX_MACS_UNREQUESTED = 2 * 10**8
"""A network with at most this many multiply–accumulates is measured without a click."""
REQUEST_KEY = "fields_measurement"
"""Session key of the measurement that the visitor started with the button."""


Measurement = tuple[Network, str, tuple[int, int]]
"""The network, the node's name and the unit (row, column) of a measurement."""


def measure_and_compare(analysis: Analysis, line: Line, unit: tuple[int, int]) -> None:
    """Measure the unit's receptive field by backpropagation; draw a comparison or a button."""
    if line.node.kind == "input":
        return
    work = analysis.totals.macs
    request: Measurement = (analysis.network, line.node.name, unit)
    if work > MAX_MACS_UNREQUESTED and request != st.session_state.get(REQUEST_KEY):
        _measure_button(request)
        return

    def draw(views: Mapping[Hashable, View]) -> None:
        view = views[request]
        if view.state == "done":
            st.markdown(agreement_sentence(line, view.result))
        elif view.state == "failed":
            progress.failure_line("measured", f"Not measured: {view.error}.", views)
        else:
            progress.progress_bar("measured", request, view, "Measuring by backpropagation")

    progress.request_and_draw(
        "measured", {request: network_analysis.field_measurement_work(*request)}, draw
    )


def _measure_button(request: Measurement) -> None:
    """Draw the button that starts the measurement."""
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
    """Callback of the button that starts the measurement."""
    st.session_state[REQUEST_KEY] = request
    progress.resume()


def agreement_sentence(line: Line, measured: MeasuredField) -> str:
    """A sentence on the pixels that the gradient reached and whether the closed form agrees."""
    row, col = measured.unit
    closed = line.field.interval(measured.unit).clipped
    box = measured.box
    reached = "no pixel"
    if box is not None:
        (top, bottom), (left, right) = box
        reached = f"rows {top} to {bottom}, columns {left} to {right}"
    result = (
        f"Backpropagation from unit ({row}, {col}) of `{line.label}`, with all weights positive and "
        f"means in place of maxima, reaches **{reached}**"
    )
    if (closed and (closed.rows, closed.cols)) == box:
        return f"{result}: what the closed form says :material/check:"
    if line.field.bound and _contains(closed, box):
        return f"{result}; the closed form gives an upper bound here: {line.field.bound}."
    return f"{result}. **The closed form differs.**"


def _contains(closed: Box | None, box: tuple[tuple[int, int], tuple[int, int]] | None) -> bool:
    """Whether the measured pixels lie inside the closed form's box."""
    if box is None or closed is None:
        return box is None
    return all(a <= c and d <= b for (a, b), (c, d) in zip(closed, box, strict=True))
