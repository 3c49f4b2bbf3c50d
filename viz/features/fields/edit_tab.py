"""The tab with the editable layer table of the receptive-field page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.layer.window import Pair
from core.networks import LayerError, NetworkSpec, Path, ResolvedLayer, resolve, rows
from core.networks.notation import to_notation
from core.networks.zoo_lines import INEXPRESSIBLE, NOTATIONS
from viz.choices import network
from viz.choices.network import OWN
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import open_layers
from viz.components.layer_table import edits
from viz.components.layer_table.edits import History
from viz.components.layer_table.layer_table import layer_table
from viz.features.fields.params import PAGE, FieldSettings, change_and_move_cone
from viz.page.session import PageState, change_settings, current_settings
from viz.page.words import field_size_text, number_pair_text, times

COLUMNS = (
    {"title": "output", "help": "channels × height × width"},
    {"title": "RF (px)", "help": "Receptive field: what a unit sees", "phone": True},
    {"title": "stride (px)", "help": "Effective stride: between two neighboring units"},
    {"title": "parameters", "help": "Numbers that training changes"},
)
"""Computed columns of the table, for `viz.components.layer_table`."""


def edit_tab(analysis: Analysis | None, page: PageState[FieldSettings]) -> None:
    """Draw the editable table, or a button that makes the network editable."""
    if page.values.network != OWN:
        _change_layers_button(page.values.network)
        return
    history = _updated_history(network.spec_from_notation(page.values.layers))
    cells, misfit = _computed_cells(analysis, history.spec, page.values)
    layer_table(
        edits.table_rows(history.spec, cells),
        COLUMNS,
        error=st.session_state.get("layer_refusal") or misfit,
        undo=bool(history.past),
        redo=bool(history.future),
        key="layer_table",
        callbacks={"edit": _on_edit, "select": _on_select},
    )
    if any(row.kind == "repeat" for row in rows(history.spec)):
        st.caption("The numbers beside a layer inside `4x[…]` are those of its last repetition.")


def _change_layers_button(name: str) -> None:
    """Draw a button that makes a published network editable, or say why that is impossible."""
    if name in NOTATIONS:
        st.markdown("This is a published architecture. As layers of your own it can be changed:")
        st.button(
            "Change its layers",
            on_click=open_layers,
            args=(PAGE, NOTATIONS[name]),
            type="primary",
            key="edit_layers",
        )
        return
    why = f": {INEXPRESSIBLE[name]}" if name in INEXPRESSIBLE else ""
    st.info(f"This network cannot be written as a list of layers{why}.")


def _updated_history(spec: NetworkSpec) -> History:
    """The edit history; a network set outside the table is added to it as an edit."""
    previous: History | None = st.session_state.get("layer_history")
    history = previous.after_change(spec) if previous else History(spec)
    if previous is not None and history is not previous:
        st.session_state["layer_refusal"] = None
    st.session_state["layer_history"] = history
    return history


def _on_edit() -> None:
    """Callback of an edit in the table, which changes the layers or explains a refusal."""
    message = st.session_state["layer_table"].edit
    values = current_settings(PAGE, FieldSettings)
    history = _updated_history(network.spec_from_notation(values.layers))
    try:
        history = edits.apply_message(history, message)
    except SpecError as error:
        st.session_state["layer_refusal"] = edits.refusal_data(message, error)
        return
    st.session_state["layer_refusal"] = None
    st.session_state["layer_history"] = history
    change_settings(PAGE, {"layers": to_notation(history.spec), "layer": "", "unit": ""})


def _on_select() -> None:
    """Callback of a click on a row's number, after which the cone shows that layer."""
    message = st.session_state["layer_table"].select
    path = message.get("path") if isinstance(message, dict) else None
    names = st.session_state.get("layer_names", {})
    name = names.get(tuple(path)) if isinstance(path, list) else None
    if name:
        change_and_move_cone({"layer": name, "unit": ""})


def _computed_cells(
    analysis: Analysis | None, spec: NetworkSpec, values: FieldSettings
) -> tuple[dict[Path, tuple[str, ...]], dict[str, Any] | None]:
    """The computed cells by layer, and the path and message of a layer that does not fit."""
    size: Pair = (values.input_height, values.input_width)
    try:
        nodes = resolve(spec, values.in_channels, size)
    except LayerError as error:
        return {}, {"path": list(error.path), "sentence": str(error)}
    except SpecError:
        return {}, None  # the top of the page says why
    if analysis is None:
        return {}, None
    paths = dict(_module_paths(nodes))
    last = {
        paths[field.module]: name
        for name, field in analysis.fields.items()
        if field.module in paths
    }
    st.session_state["layer_names"] = last
    return {path: _layer_cells(analysis, name) for path, name in last.items()}, None


def _module_paths(nodes: Sequence[ResolvedLayer], prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Qualified module name and path of every layer, as ``core.networks.build`` names them."""
    for node in nodes:
        yield prefix + node.name, node.path
        for name, inner in node.chains:
            yield from _module_paths(inner, f"{prefix}{node.name}.{name}.")


def _layer_cells(analysis: Analysis, name: str) -> tuple[str, ...]:
    """The computed cells (`COLUMNS`) of one layer."""
    field, cost = analysis.fields[name], analysis.costs.get(name)
    return (
        times(field.output_shape),
        field_size_text(field),
        number_pair_text(field.effective_stride),
        f"{cost.parameters:,}" if cost else "",
    )
