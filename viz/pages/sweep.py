"""The sweep board: one layer slides over a picture, every number on show."""

from __future__ import annotations

import sys
from typing import Any

import streamlit as st

from core.board import BoardSpec, torch_index
from core.errors import SpecError
from core.operations import operation_of
from core.sizes import formula
from core.snippets import SNIPPETS
from viz import compute, controls, state, words
from viz.player.player import player
from viz.presets import CLASSICS, PRESETS, matching
from viz.state import COMPARE, PARAMS, SECOND, VIEW
from viz.url import PageState, Param, change, current, give

PAGE = "sweep"


def _on_view() -> None:
    """The player tells which step, pin and planes the visitor has settled on."""
    told = st.session_state["player"].view
    if isinstance(told, dict):
        change(PAGE, {p.name: v for p in VIEW if (v := _told(p, told)) is not None})


def _told(param: Param, told: dict[str, Any]) -> Any:
    """One value from the browser, held to the same rules as one from the URL."""
    if told.get(param.name, "") == "":
        return param.default
    try:
        return param.parse(param.format(told[param.name]))
    except (ValueError, TypeError):
        return None


def _on_edit() -> None:
    """A cell was typed: into the parameters ``weights`` or ``pixels``."""
    edit, values = st.session_state["player"].edit, current(PAGE)
    try:
        index, value = tuple(int(i) for i in edit["index"]), float(edit["value"])
        name = {"kernel": "weights", "input": "pixels"}[edit["target"]]
        if name == "weights":
            suffix = SECOND if values["compare"] == "second" and edit["board"] == 1 else ""
            index = torch_index(state.layer(values, suffix), index)
        change(PAGE, {name: state.with_edit(values[name], index, value)})
    except (KeyError, TypeError, ValueError):
        return  # not what the player sends


def _choose_preset() -> None:
    name = st.session_state["preset"]
    if name in PRESETS:
        change(PAGE, PRESETS[name])
        _restart()


def _restart() -> None:
    """The sweep starts over, and the player takes the view from here."""
    change(PAGE, {"step": -1, "pin": ""})
    st.session_state["restarts"] = st.session_state.get("restarts", 0) + 1


def _header(values: dict[str, Any]) -> None:
    st.session_state["preset"] = matching(values)
    presets, compare = st.columns([5, 2], vertical_alignment="bottom")
    presets.pills(
        "Presets",
        list(PRESETS),
        key="preset",
        on_change=_choose_preset,
        label_visibility="collapsed",
    )
    compare.selectbox(
        "Compare",
        list(COMPARE),
        format_func=COMPARE.__getitem__,
        key=give(values, "compare"),
        label_visibility="collapsed",
        help="Boards side by side step together, on the same input.",
    )


def _sidebar(values: dict[str, Any]) -> None:
    with st.sidebar:
        if values["compare"] == "second":
            first, second = st.tabs(["Layer A", "Layer B"])
            with first:
                controls.layer_controls(PAGE, values)
            with second:
                controls.layer_controls(PAGE, values, SECOND)
        elif values["compare"] == "classics":
            controls.kernel_size_control(values)
            st.caption(
                "The four classics set the operation, the stride and the padding. "
                "The kernel and the input are yours."
            )
        else:
            controls.layer_controls(PAGE, values)
        source = st.expander("Input", key="input_controls", on_change="rerun")
        if source.open:
            with source:
                controls.input_controls(values, _suffixes(values))
                controls.edits_controls(PAGE, values)
        weights = st.expander("Kernel values", key="kernel_controls", on_change="rerun")
        if weights.open:
            with weights:
                controls.kernel_controls(PAGE, values)


def _suffixes(values: dict[str, Any]) -> tuple[str, ...]:
    return ("", SECOND) if values["compare"] == "second" else ("",)


def _boards(values: dict[str, Any]) -> list[BoardSpec]:
    """The boards on show, the first of them the sidebar's layer."""
    upload = st.session_state.get("upload_image")
    if values["compare"] == "classics":
        shown = []
        for letter, classic in zip("ABCD", CLASSICS.values(), strict=True):
            changed = {**values, **classic, **state.apart(classic), **_kept(values)}
            for sentence in state.settle(changed):
                st.warning(f"Board {letter}: {sentence}")
            shown.append(state.board(changed, upload))
        return shown
    return [state.board(values, upload, suffix) for suffix in _suffixes(values)]


def _kept(values: dict[str, Any]) -> dict[str, Any]:
    """What the four classics take over from the sidebar: the kernel and its channels."""
    names = ("kernel_size", "kernel_width", "separate", "out_channels", "bias")
    return {name: values[name] for name in names}


def _show(boards: list[BoardSpec], page: PageState) -> None:
    payloads = [compute.payload(board) for board in boards]
    letters = "ABCD" if len(boards) > 1 else " "
    named = [
        payload | {"name": letter, "title": f"{letter}  {payload['title']}".strip()}
        for payload, letter in zip(payloads, letters, strict=False)
    ]
    token = f"{page.adopted}.{st.session_state.get('restarts', 0)}"
    if st.session_state.get("view", {}).get("token") != token:
        st.session_state["view"] = {p.name: page.values[p.name] for p in VIEW} | {"token": token}
    player(
        named,
        st.session_state["view"],
        identity=str(hash(tuple(boards))),
        token=token,
        key="player",
        on_view=_on_view,
        on_edit=_on_edit,
    )


def _size(board: BoardSpec) -> None:
    """The size formula with the numbers in it, torch's answer, what is lost, and the cure."""
    rows, cols = formula(board.layer, board.source.size)
    output = compute.sweep(board).output.shape
    torch_size = (output[1], output[2])
    same = rows.latex == cols.latex
    lines = (
        [rows.latex]
        if same
        else [r"\text{height: } " + rows.latex, r"\text{width: } " + cols.latex]
    )
    agrees = (rows.outputs, cols.outputs) == torch_size
    verdict = "✓" if agrees else "**differs from the formula**"
    st.markdown(
        "  \n".join(f"${line}$" for line in lines)
        + f"  · torch gives **{words.times(torch_size)}** {verdict}"
    )
    _lost(board)


def _lost(board: BoardSpec) -> None:
    lost = compute.unread(board)
    if not lost.fixes:
        st.markdown(lost.sentence)
        return
    shown = lost.fixes[:3]
    line, *buttons = st.columns([3, *[1.4] * len(shown)], vertical_alignment="center")
    line.markdown(lost.sentence)
    for i, (column, fix) in enumerate(zip(buttons, shown, strict=True)):
        column.button(
            fix.label,
            key=f"fix_{i}",
            on_click=change,
            args=(PAGE, state.values_of(fix.spec, fix.size)),
            help="Leaves no pixel unread.",
            width="stretch",
        )


def _code(board: BoardSpec) -> None:
    framework = st.segmented_control(
        "Framework",
        list(SNIPPETS),
        default="pytorch",
        format_func=lambda name: SNIPPETS[name].label,
        label_visibility="collapsed",
    )
    st.code(compute.snippet(framework or "pytorch", board), language="python", height=420)


def _why(board: BoardSpec) -> None:
    operation = operation_of(board.layer)
    macs = operation.macs(board.layer, board.source.size)
    st.markdown(
        f"**{operation.label}.** {operation.summary}\n\n"
        "The window stands at every place it can reach in steps of *stride*; each place makes "
        "one output. Its first tap for output $o$ is at input position "
        r"$o \cdot \text{stride} - \text{padding}$, and its taps are *dilation* apart."
        "\n\n"
        r"The size formula counts those places: the padded input has room for "
        r"$\lfloor (n + \text{padding} - \text{span}) / \text{stride} \rfloor$ steps after the "
        "first. What the division leaves over, the *remainder*, is never read.\n\n"
        f"This layer learns **{operation.parameters(board.layer):,}** numbers (parameters) and "
        f"needs **{macs:,}** multiply–accumulates on this input."
    )


def page() -> None:
    """Adopt the URL, draw the widgets, run the layer, publish the URL."""
    state_of_page = PageState(PAGE, PARAMS)
    values = state_of_page.values
    settled = [s for suffix in _suffixes(values) for s in state.settle(values, suffix)]
    state_of_page.place()
    if state_of_page.ignored:
        st.warning("Part of the link was ignored: " + "; ".join(state_of_page.ignored) + ".")
    for sentence in settled:
        st.warning(sentence)
    if values["picture"] == state.UPLOAD and "upload_image" not in st.session_state:
        st.info(
            "A picture of your own is not loaded, and a link cannot carry one: the pagoda stands "
            "in for it. Choose a file under *Input*."
        )
    _header(values)
    board_place = st.container()
    _sidebar(values)
    if "torch" not in sys.modules:
        with board_place:
            waiting = st.skeleton(height=460)
        compute.warm()
        waiting.empty()
    try:
        boards = _boards(values)
        with board_place:
            _show(boards, state_of_page)
        _size(boards[0])
        tabs = st.tabs(["Why", "Code"], on_change="rerun", key="details")
        for tab, draw in zip(tabs, (_why, _code), strict=True):
            if tab.open:
                with tab:
                    draw(boards[0])
    except SpecError as error:
        st.warning(f"{error}. Choose a preset above to go on.")
    state_of_page.publish()


page()
