"""The blocks page: blocks that downsample by stride or by pooling, compared and measured."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.blocks import COMPARISONS
from core.text import sentence_case
from viz.features.blocks import params
from viz.features.blocks.controls import controls
from viz.features.blocks.params import OWN, PAGE, TABS, BlockSettings
from viz.features.blocks.tables import comparison_sentence
from viz.features.blocks.tabs import (
    DRAW,
    PROBES,
    SLOTS_OF,
    TIMES,
    check_blocks,
    draw_save_menu,
)
from viz.page import frame, progress

WHY = r"""
A convolution multiplies $B \cdot H_{out} W_{out} \cdot C_{out} \cdot C_{in} k^2$ times. A stride of
$s$ leaves $H_{out} W_{out}$ smaller by $s^2$ before the multiplying is done, pooling after it; the
weights, $C_{out} C_{in} k^2$, do not depend on the stride. The backward pass needs each layer's input
again, and of max-pooling also where the maximum stood: what is computed at full size is saved at full
size.

The backward pass distributes the gradient: max-pooling sends it to one pixel of each window, an average to
all of them alike, a convolution to all that it reads, weighted. With $k < s$ there are pixels that
no window reads. Multiply–accumulates are not time: pooling multiplies nothing and still has to move
every number, and a convolution of few channels waits for memory as well.
"""
"""Text of the expander at the bottom of the page, in Markdown."""


def _heading(values: BlockSettings) -> DeltaGenerator:
    """Draw what is compared; returns the container for the menu of slides."""
    own = values.compare == OWN
    comparison = params.comparison(values)
    title = "Your own blocks" if own else sentence_case(comparison.title)
    channels, height, width = (
        values[name] for name in ("in_channels", "input_height", "input_width")
    )
    images = "1 image" if values.batch == 1 else f"{values.batch} images"
    sentence = "Blocks that you have written, on the same input." if own else comparison.sentence
    return frame.heading(
        f"{title}: {images} of {channels}×{height}×{width}",
        f"{sentence} Choose at the side what is compared.",
    )


def page() -> None:
    """Draw the controls in the sidebar, what is compared, and the open tab."""
    with frame.page_state(PAGE, BlockSettings) as state:
        values = state.values = params.with_comparison_sizes(state.values)
        state.update_widgets()
        state.show_warnings()
        menu = _heading(values)  # before the widgets: another page's title is seen at once
        with st.sidebar:
            controls(values)
        checked = check_blocks(params.blocks_of(values))
        for error in checked.errors:
            st.warning(error)
        if checked.valid:
            st.markdown(comparison_sentence(checked.titles, checked.facts))
            name, place = frame.open_tab(values, TABS)
            progress.withdraw_requests(*({PROBES, TIMES} - {SLOTS_OF.get(name)}))
            with place:
                more = DRAW[name](checked)
            with menu:
                draw_save_menu(checked, more, values)
            with st.expander("Why"):
                st.markdown(WHY)
            return
        progress.withdraw_requests(PROBES, TIMES)
        if not checked.blocks:
            st.info("Write a block in the sidebar, such as `conv3 s2 p1 c64, relu`.")
        first = params.OFFERED[0]
        plain = {"compare": first, **params.sizes_by_parameter(COMPARISONS[first])}
        frame.draw_refusal(PAGE, None, "Back to the first comparison", plain)


page()
