"""The sweep page: the window of a layer slides over a picture, with all numbers."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from core.layer.board import BoardSpec, torch_weight_index
from core.layer.code import FRAMEWORKS
from core.layer.fixes import Fix
from core.layer.operations import operation_of
from core.layer.sizes import formula
from viz.choices import board as choices_board
from viz.choices import layer, layer_controls, picture
from viz.choices.layer import PlayerView
from viz.components.player.player import player
from viz.features.sweep import compute, export, typed
from viz.features.sweep.params import COMPARE, PAGE, SweepSettings, make_valid
from viz.features.sweep.presets import PRESETS, boards, matching_preset
from viz.page import frame, words
from viz.page.save_menu import save_menu
from viz.page.session import PageState, change_settings, current_settings


def _on_view() -> None:
    """Callback of the player: the visitor has changed the step, the pin or the planes."""
    change_settings(PAGE, layer.player_view_values(st.session_state["player"].view))


def _on_edit() -> None:
    """Callback of the player: a cell was edited; it enters ``weights`` or ``pixels``."""
    edit, values = st.session_state["player"].edit, current_settings(PAGE, SweepSettings)
    try:
        index, value = tuple(int(i) for i in edit["index"]), float(edit["value"])
        name = {"kernel": "weights", "input": "pixels"}[edit["target"]]
        if name == "weights":
            layers = [*values.layers.values()]
            board = layers[min(edit["board"], len(layers) - 1)]
            index = torch_weight_index(layer.layer_spec(board), index)
        text = layer.with_edited_cell(values[name], index, value)
        [param] = (param for param in SweepSettings.params() if param.name == name)
        change = layer.player_view_values(edit.get("view")) | {name: param.parse(text)}
    except (KeyError, OverflowError, TypeError, ValueError):
        return  # the player sends no such message
    typed.remember(values)
    change_settings(PAGE, change)


def _on_change() -> None:
    """Callback of the player: typed cells are undone or redone, or the page is reset."""
    message, values = st.session_state["player"].change, current_settings(PAGE, SweepSettings)
    name = message.get("name") if isinstance(message, dict) else None
    if name == "reset":
        typed.forget()
        _start_over(SweepSettings.defaults())
    elif name in ("undo", "redo"):
        view = layer.player_view_values(message.get("view"))
        change_settings(PAGE, view | typed.step(values, name))


def _possible_changes(values: SweepSettings) -> list[str]:
    """Which of undo, redo and reset would change something."""
    view, defaults = PlayerView.defaults(), SweepSettings.defaults()
    own = any(values[name] != value for name, value in defaults.items() if name not in view)
    possible = {"undo": typed.can_undo(values), "redo": typed.can_redo(values), "reset": own}
    return [name for name, offered in possible.items() if offered]


def _lead(specs: list[BoardSpec], values: SweepSettings) -> str:
    """What is seen on the page, and what to do first."""
    if values.compare == "classics":
        return "Four layers with the same kernel read the same input; they step together."
    if values.compare == "second":
        if specs[0] == specs[1]:
            return "Both layers are the same: now change layer B."
        return "Both layers read the same input and step together."
    spec = specs[0].layer
    cells = "cells" if spec.count_include_pad else "pixels"
    does = {
        "sum": "A kernel slides over the input: each output is the sum of the products of its "
        "weights with the cells below it" + (", plus the bias" if spec.bias else ""),
        "max": "A window slides over the input: each output is the largest value in it",
        "mean": f"A window slides over the input: each output is the mean of the {cells} in it",
    }[operation_of(spec).reduce]
    return f"{does}. Press play, point at a cell, or change the layer."


def _on_preset() -> None:
    """Callback of the player: a preset was chosen."""
    name = st.session_state["player"].preset
    if isinstance(name, str) and name in PRESETS:
        _start_over(PRESETS[name])


def _on_compare() -> None:
    """Callback of the player: another comparison was chosen."""
    compare = st.session_state["player"].compare
    if isinstance(compare, str) and compare in COMPARE:
        _start_over({"compare": compare})


def _on_fix() -> None:
    """Callback of the player: a fix was chosen by its label."""
    board = _boards(current_settings(PAGE, SweepSettings))[0]
    for fix in _fixes(board):
        if fix.label == st.session_state["player"].fix:
            change_settings(PAGE, layer.values_of(fix.spec, fix.size))


def _fixes(board: BoardSpec) -> list[Fix]:
    """The fixes for unread pixels of a board that the controls can set."""
    return [fix for fix in choices_board.unread(board).fixes if layer.fits_controls(fix.spec)]


def _start_over(values: dict[str, Any]) -> None:
    """Set values, and play the sweep from its first step."""
    change_settings(PAGE, values | {"step": -1, "pin": ""})
    st.session_state["restarts"] = st.session_state.get("restarts", 0) + 1


def _sidebar(values: SweepSettings) -> None:
    """Draw the widgets of the layers, the input and the weights."""
    with st.sidebar:
        if values.compare == "second":
            first, second = st.tabs(["Layer A", "Layer B"], default="Layer B")
            for place, (suffix, board) in zip((first, second), values.layers.items(), strict=True):
                with place:
                    layer_controls.layer_controls(PAGE, board, suffix)
        elif values.compare == "classics":
            layer_controls.kernel_size_control(values)
            st.caption(
                "These four boards fix the operation, the stride and the padding; you can change "
                "the kernel and the input."
            )
        else:
            layer_controls.layer_controls(PAGE, values)
        source = st.expander("Input", key="input_controls", on_change="rerun")
        if source.open:
            with source:
                layer_controls.input_controls(values, [*values.layers.values()])
                layer_controls.undo_pixel_edits_button(PAGE, values)
        weights = st.expander("Kernel values", key="kernel_controls", on_change="rerun")
        if weights.open:
            with weights:
                layer_controls.kernel_controls(PAGE, values)


def _boards(values: SweepSettings) -> list[BoardSpec]:
    """The boards of the settings; draws a warning for each setting that was changed to fit."""
    specs, sentences = boards(values, picture.loaded_upload())
    for sentence in sentences:
        st.warning(sentence)
    return specs


def _player(specs: list[BoardSpec], page: PageState[SweepSettings]) -> None:
    """Draw the player with some boards."""
    payloads = [choices_board.player_data(board) for board in specs]
    named = [
        payload | {"name": letter, "title": f"{letter}  {payload['title']}".strip()}
        for payload, letter in zip(payloads, _board_letters(specs), strict=True)
    ]
    token = f"{page.adopted}.{st.session_state.get('restarts', 0)}"
    if st.session_state.get("seen_view", {}).get("token") != token:  # "view" is a page's widget
        view = PlayerView.of(page.values.flat).flat
        st.session_state["seen_view"] = view | {"token": token}
    player(
        named,
        st.session_state["seen_view"],
        _player_frame_data(specs, page.values),
        identity=str(hash((*specs, *(payload["by_torch"] for payload in payloads)))),
        token=token,
        key="player",
        callbacks={
            "view": _on_view,
            "edit": _on_edit,
            "preset": _on_preset,
            "compare": _on_compare,
            "change": _on_change,
            "fix": _on_fix,
        },
    )


def _player_frame_data(specs: list[BoardSpec], values: SweepSettings) -> dict[str, Any]:
    """Data of the player's presets, comparisons and size formulas.

    Fixes are offered for the first board only, and not for the classics.
    """
    classics = values.compare == "classics"
    fixes = [] if classics else [fix.label for fix in _fixes(specs[0])]
    names = _board_letters(specs)
    return {
        "level": 1,
        "lead": _lead(specs, values),
        "offers": _possible_changes(values),
        "presets": list(PRESETS),
        "preset": None if classics else matching_preset(values),
        "comparisons": COMPARE,
        "compare": values.compare,
        "sizes": [
            choices_board.size_line_data(board, name, fixes=() if index else fixes)
            for index, (board, name) in enumerate(zip(specs, names, strict=True))
        ],
    }


def _board_letters(specs: list[BoardSpec]) -> str:
    """A letter for each board, or a blank for a single one."""
    return "ABCD"[: len(specs)] if len(specs) > 1 else " "


def _draw_code(board: BoardSpec) -> None:
    """Draw the board's layer as code, with the choice of a framework."""
    framework = st.segmented_control(
        "Framework",
        list(FRAMEWORKS),
        default="pytorch",
        format_func=lambda name: FRAMEWORKS[name].label,
        label_visibility="collapsed",
    )
    st.code(compute.snippet(framework or "pytorch", board), language="python", height=420)


def _draw_explanation(board: BoardSpec) -> None:
    """Draw how the layer works, why its output has this size, and what it costs."""
    spec, size = board.layer, board.source.size
    operation, (rows, cols) = operation_of(spec), formula(spec, size)
    lines = {"height": rows.latex, "width": cols.latex}
    if rows.latex == cols.latex:
        lines = {"size": rows.latex}
    st.markdown(
        "\n\n".join(
            [
                f"**{operation.label}.** {operation.summary} {words.window_sentence(rows, cols)}",
                words.why_this_size(rows, cols),
                "Here:",
                *(rf"$$\text{{{name}}} = {line}$$" for name, line in lines.items()),
                words.cost_sentence(
                    operation, operation.parameters(spec), operation.macs(spec, size)
                ),
            ]
        )
    )


def _player_or_refusal(
    notes: DeltaGenerator, place: DeltaGenerator, page: PageState[SweepSettings]
) -> list[BoardSpec]:
    """Draw the player, or why there is none; returns its boards.

    Args:
        notes: Container for warnings.
        place: Container for the player.
        page: State of the page.
    """
    try:
        with notes:
            specs = _boards(page.values)
        with place:
            _player(specs, page)
    except SpecError as error:
        with place:
            frame.draw_refusal(PAGE, error, "Back to the first picture", SweepSettings.defaults())
        return []
    return specs


def _details(specs: list[BoardSpec]) -> None:
    """Draw what is below the player: explanation and code."""
    details = st.expander("Why this size, and the layer as code", key="details", on_change="rerun")
    if details.open:
        with details:
            why, code = st.columns([2, 3], gap="large")
            with why:
                _draw_explanation(specs[0])
            with code:
                _draw_code(specs[0])


def page() -> None:
    """Draw the whole page."""
    with frame.page_state(PAGE, SweepSettings, warm=False) as state:
        state.values, sentences = make_valid(state.values)
        values = state.values
        state.store_notes(sentences, *PlayerView.defaults())
        state.update_widgets()
        # With its own container the player stays at the same position; otherwise Streamlit would
        # make it anew, without its view.
        notes = st.container()
        with st.container(key="sweep_board"):
            place, menu = st.container(), st.container(key="sweep_menu")
        with notes:
            state.show_warnings()
            picture.missing_upload_note(values)
        # The picture comes first, so that it answers a changed control as soon as possible.
        boards = _player_or_refusal(notes, place, state)
        _sidebar(values)
        if boards:
            with menu:
                save_menu(PAGE, export.pictures_of(boards, values), export.settings_text(boards))
            _details(boards)
        frame.draw_again_with_torch()


page()
