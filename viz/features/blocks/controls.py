"""Widgets of the pages that compare blocks."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.blocks import COMPARISONS
from core.data import PICTURES
from viz.choices.network_picker import GRAMMAR
from viz.features.blocks.params import (
    MAX_BATCH,
    MAX_CHANNELS,
    MAX_SIDE,
    OFFERED,
    OWN,
    PAGE,
    SLOTS,
    Values,
    comparison,
    own_lines,
    sizes_of,
)
from viz.page.session import change, give
from viz.params import MAX_TEXT


def controls(values: Values) -> None:
    """All settings of the first page."""
    st.selectbox(
        "compare",
        [*OFFERED, OWN],
        format_func=lambda name: "your own blocks…" if name == OWN else COMPARISONS[name].title,
        key=give(values, "compare"),
        on_change=_on_compare,
    )
    if values["compare"] == OWN:
        for place, slot in enumerate(SLOTS):
            st.text_input(
                f"block {slot.upper()}" + (" — empty for none" if place > 1 else ""),
                key=give(values, slot),
                max_chars=MAX_TEXT,
                help=GRAMMAR,
            )
    else:
        st.button(
            "Change these blocks",
            icon=":material/edit:",
            on_click=change,
            args=(PAGE, {"compare": OWN, **own_lines(comparison(values))}),
        )
    rows, cols = st.columns(2, vertical_alignment="bottom")
    _number(rows, values, "input_height", "input height (px)", MAX_SIDE)
    _number(cols, values, "input_width", "input width (px)", MAX_SIDE)
    channels, batch = st.columns(2)
    _number(channels, values, "in_channels", "in_channels", MAX_CHANNELS)
    _number(batch, values, "batch", "batch (images)", MAX_BATCH)
    picture(values)


def _number(column: Any, values: Values, name: str, label: str, most: int) -> None:
    column.number_input(label, 1, most, key=give(values, name), help=f"From 1 to {most}.")


def picture(values: Values) -> None:
    """What the blocks are shown, and the seed of their weights."""
    st.selectbox(
        "picture",
        list(PICTURES),
        format_func=lambda name: PICTURES[name].label,
        key=give(values, "picture"),
        help="Blocks of other than 3 input channels get random mixtures of red, green and blue.",
    )
    st.number_input(
        "seed of the weights",
        0,
        9999,
        key=give(values, "block_seed"),
        help="Weights are random, as PyTorch draws them: from 0 to 9999.",
    )


def _on_compare() -> None:
    """Another comparison comes with its own input; one's own blocks keep the last."""
    name = st.session_state["compare"]
    if name in COMPARISONS:
        change(PAGE, sizes_of(COMPARISONS[name]))
