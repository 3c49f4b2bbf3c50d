"""Output sizes: the formula with its numbers, tables, padding conventions,
and the layers that give a wanted output size.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.layer import LayerSpec
from core.layer.operations import operation_of
from core.layer.sizes import AxisFormula, formula, unread_pixels
from core.layer.window import Pair
from viz.features.sizes import compute, params
from viz.features.sizes.controls import sidebar
from viz.features.sizes.params import (
    BOARD,
    PAGE,
    TABS,
    SizesSettings,
    board_help,
    board_query,
    count_text,
)
from viz.features.sizes.tabs import DRAW, draw_save_menu
from viz.page import frame, words

SENTENCE = "The output size of one layer: set the layer at the side, or open a table of many."
Axes = tuple[AxisFormula, AxisFormula]


def _heading(spec: LayerSpec, size: Pair, values: SizesSettings) -> DeltaGenerator:
    """Draw the heading with a link to the layer's board; returns the container for the save menu."""
    place = frame.heading(f"{words.layer_title(spec)}, on {words.times(size)}", SENTENCE)
    with place, st.container(horizontal=True, vertical_alignment="center", width="content"):
        st.page_link(
            BOARD,
            label="Open on the board",
            icon=":material/grid_on:",
            query_params=board_query(spec, size, values),
            help=board_help(spec, size),
        )
        return st.container(width="content")


def _draw_formulas(axes: Axes) -> None:
    """Draw the size formulas of height and width with their numbers; one, if they are equal."""
    named = {"height": axes[0], "width": axes[1]}
    if axes[0] == axes[1]:
        named = {"height and width": axes[0]}
    for name, axis in named.items():
        # Formulas in running text, unlike displayed ones, break at "=" on a narrow screen.
        steps = [rf"k = {axis.span_text}"] if axis.span > axis.kernel_size else []
        steps += [rf"\text{{{name}}} = {axis.latex}"]
        st.markdown(", $~$ ".join(rf"$\displaystyle {step}$" for step in steps))
    if any(axis.dropped for axis in axes):
        st.caption(
            "− 1: the last window would start past the input and the padding before it; "
            "PyTorch leaves it out."
        )


def _draw_torch_check(spec: LayerSpec, size: Pair, axes: Axes) -> None:
    """Draw whether torch gives the same size, and what no window reads."""
    output = axes[0].outputs, axes[1].outputs
    unread = _unread_sentences(spec, size, (axes[0].remainder, axes[1].remainder))
    place = st.empty()
    place.markdown(f"PyTorch runs the same layer … {unread}")
    measured = compute.measured_size(spec, size)
    answer = f"PyTorch gives **{words.times(output)}** for the same layer :material/check:"
    if measured != output:
        result = words.times(measured) if measured else "no output"
        answer = f"**PyTorch gives {result} for the same layer: the formula differs.**"
    place.markdown(f"{answer} · {unread}")


def _unread_sentences(spec: LayerSpec, size: Pair, remainder: Pair) -> str:
    """Sentences about the remainder, and about the input pixels that no window reads."""
    unread, pixels = unread_pixels(spec, size), size[0] * size[1]
    rest = "Nothing is left over. "
    if any(remainder):
        lines = count_text(remainder[0], "row"), count_text(remainder[1], "column")
        left = " and ".join(line for n, line in zip(remainder, lines, strict=True) if n)
        one = "lies" if sum(remainder) == 1 else "lie"
        rest = f"*Remainder*: {left} of the padded input {one} past the last window. "
    if operation_of(spec).has("output_padding"):
        rest = ""
    if unread:
        return (
            f"{rest}**{unread:,}** of {pixels:,} input pixels are *unread*: no window reads them."
        )
    return f"{rest}Every input pixel is read."


def _why_expander(axes: Axes) -> None:
    """Draw the expander with the derivation of the formula."""
    with st.expander("Why"):
        st.markdown(words.why_this_size(*axes))


def page() -> None:
    """Draw the whole page."""
    with frame.page_state(PAGE, SizesSettings, warm=False) as page_state:
        page_state.values, sentences = params.make_valid(page_state.values)
        values = page_state.values
        page_state.store_notes(sentences, "tab", "solution")
        page_state.update_widgets()
        page_state.show_warnings()
        spec, size = params.layer_spec(values), params.input_size(values)
        axes = formula(spec, size)
        menu = _heading(
            spec, size, values
        )  # before the widgets: another page's title is seen at once
        with st.sidebar:
            sidebar(values)
        _draw_formulas(axes)
        _draw_torch_check(spec, size, axes)
        name, place = frame.open_tab(values, TABS)
        with place:
            DRAW[name](spec, size, page_state)
        with menu:
            draw_save_menu(name, spec, size, page_state.values)
        _why_expander(axes)


page()
