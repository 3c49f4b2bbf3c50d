"""The map of an effective receptive field, and its numbers beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.plots.effective_field import expected_plot
from viz.features.erf.export import map_plot, request_title
from viz.features.erf.params import ErfSettings, Request
from viz.page import progress
from viz.page.plots import show_plot
from viz.page.tables import TableRow, comparison_table
from viz.server.queue import View

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf


def status_line(request: Request, view: View) -> None:
    """Draw the progress of the measurement, or why it ended without a result."""
    done = view.partial.convergence[-1].draws if view.partial else 0
    stopped = f"Stopped after {done} of {request.draws} draws."
    progress.status_line("erf", request, view, "Backpropagating", stopped=stopped)


def erf_map(
    request: Request, view: View, expected: ExpectedErf | None, values: ErfSettings
) -> None:
    """Draw the map so far, or the expected map while there is none, and the numbers beside it."""
    erf = view.result or view.partial
    left, right = st.columns([1.5, 1])
    with left:
        if erf is not None:
            show_plot(map_plot(request, erf, expected, values), "erf_map")
        elif expected is not None and view.error in ("", progress.STOPPED):
            title = request_title(request)
            show_plot(expected_plot(expected, title, log=values.log), "erf_map")
        elif not view.error:
            st.skeleton(height=460)
    with right:
        if erf is not None:
            _metrics_table(erf)


def _metrics_table(erf: EffectiveReceptiveField) -> None:
    """Draw the table of the field's metrics, and notes on where they are to be read with care."""
    from core.erf import METRICS

    rows = [
        TableRow(
            metric.title,
            metric.explanation,
            (metric_text(metric.value_of(erf), metric.unit),),
            metric.unit,
        )
        for metric in METRICS
    ]
    st.html(comparison_table(["value"], rows, name="Measures of the field"))
    if erf.is_cut:
        st.caption(
            "The theoretical field reaches out of the image: the map is narrower, shifted inward, "
            "and part of the energy falls on padding."
        )
    if erf.theory.note:
        st.caption(f"Note: {erf.theory.note}.")


def metric_text(measured: Any, unit: str) -> str:
    """A metric as text without its unit: three digits at most, two numbers if y and x differ."""
    if isinstance(measured, dict):
        return ", ".join(f"{100 * t:g} %: {side}" for t, side in measured.items())
    parts = measured if isinstance(measured, tuple) else (measured,)
    return ", ".join(dict.fromkeys(_number_text(part, unit) for part in parts))


def _number_text(measured: float, unit: str) -> str:
    """One number as text, without its unit; NaN is ``unknown``."""
    if measured != measured:
        return "unknown"
    if unit == "%":
        return f"{100 * measured:.1f}"
    text = f"{measured:.0f}" if abs(measured) >= 100 else f"{round(measured, 2) + 0.0:.3g}"
    return text.replace("-", "−")
