"""The layer table alone on a page: what the browser test visits."""

from __future__ import annotations

import streamlit as st

from core.errors import SpecError
from core.networks import NetworkSpec, rows
from core.networks.notation import parse_notation, to_notation
from viz.components.layer_table.edits import History, apply_message, refusal_data, table_rows
from viz.components.layer_table.layer_table import layer_table

FIRST = "conv3 p1 c8, relu, residual[conv3 p1, bn | ], 3x[conv3 p1, relu], concat[conv1 | ], fc10"
COLUMNS = [
    {"title": "kind", "help": "what the layer is"},
    {"title": "depth", "help": "blocks around it"},
]


def cells(spec: NetworkSpec) -> dict[tuple[int, ...], tuple[str, ...]]:
    return {row.path: (row.kind, str(row.depth)) for row in rows(spec)}


def on_edit() -> None:
    state = st.session_state
    try:
        state.history = apply_message(state.history, state.table.edit)
        state.fault = None
    except SpecError as error:
        state.fault = refusal_data(state.table.edit, error)


def on_select() -> None:
    st.session_state.selected = st.session_state.table.select["path"]


state = st.session_state
if "history" not in state:
    text = st.query_params.get("net", FIRST)
    state.update(history=History(parse_notation(text)), fault=None, selected=None)
st.set_page_config(layout="wide")
history = state.history
layer_table(
    table_rows(history.spec, cells(history.spec)),
    COLUMNS,
    error=state.fault,
    selected=state.selected,
    undo=bool(history.past),
    redo=bool(history.future),
    key="table",
    callbacks={"edit": on_edit, "select": on_select},
)
st.text(to_notation(history.spec))
if st.button("another network"):
    state.update(history=history.after_change(parse_notation("conv7 s2, maxpool3")), fault=None)
    st.rerun()
