"""The map of an effective receptive field, and its numbers beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from viz import compute_networks, waiting
from viz.erf_state import Request
from viz.jobs import View
from viz.network_state import Values

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.expected_erf import ExpectedErf


def erf_map(asked: Request, view: View, expected: ExpectedErf | None, values: Values) -> None:
    """The map so far, or what theory expects while there is none; the numbers beside it."""
    from viz.figures.erf import erf_figure, expected_figure

    if view.state in ("waiting", "running"):
        waiting.progress("erf", asked, view, "Backpropagating")
    elif view.error == "stopped":
        text, button = st.columns([5, 1], vertical_alignment="center")
        text.info("Stopped. What was done so far stays.")
        button.button("Go on", on_click=waiting.resume, width="stretch")
    elif view.error:
        st.warning(f"{view.error[:1].upper()}{view.error[1:]}.")
    erf = view.result or view.partial
    left, right = st.columns([1.5, 1])
    with left:
        if erf is not None:
            photo = None
            if values["over"]:
                size = asked.network.input_size[1:]
                photo = compute_networks.picture(values["picture"], size)
            figure = erf_figure(
                erf, log=values["log"], expected=expected, photo=photo, title=_title(asked)
            )
            st.plotly_chart(figure, theme="streamlit", key="erf_map")
        elif expected is not None and view.state != "failed":
            figure = expected_figure(expected, log=values["log"], title=_title(asked))
            st.plotly_chart(figure, theme="streamlit", key="erf_map")
    with right:
        if erf is not None:
            _table(erf, expected)


def _title(asked: Request) -> str:
    return f"{asked.network.title}, {asked.layer}, unit ({asked.unit[0]}, {asked.unit[1]})"


def _table(erf: EffectiveReceptiveField, expected: ExpectedErf | None) -> None:
    from core.erf import METRICS

    rows = [(metric.title, _value(metric.of(erf), metric.unit), metric.says) for metric in METRICS]
    header = "| measure | value | what it says |\n|:--|--:|:--|\n"
    st.markdown(header + "\n".join(f"| **{t}** | {v} | {s} |" for t, v, s in rows))
    if erf.is_cut:
        st.caption(
            "The theoretical field reaches out of the image: the map is narrower, shifted inward, "
            "and part of the energy falls on padding."
        )
    if erf.theory.note:
        st.caption(f"Note: {erf.theory.note}.")


def _value(value: Any, unit: str) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{side}" for side in value.values()) + " px"
    if isinstance(value, tuple):
        parts = [_value(part, "") if unit != "%" else _value(part, unit) for part in value]
        joined = parts[0] if parts[0] == parts[1] else " × ".join(parts)
        return f"{joined} {unit}" if unit == "px" else joined
    if value != value:
        return "unknown"
    if unit == "%":
        return f"{100 * value:.1f} %"
    text = f"{round(float(value), 2):g}".replace("-", "−")
    return f"{text} {unit}".strip()
