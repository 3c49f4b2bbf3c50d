"""The gradient page: input gradients of layers side by side, and gradients through deep networks."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from viz.choices import picture
from viz.features.gradients import params
from viz.features.gradients.controls import sidebar
from viz.features.gradients.params import KIND_LABELS, PAGE, TABS, GradientSettings, PageLayer
from viz.features.gradients.tabs import DRAW, EVEN_READING, SLOT, draw_save_menu
from viz.page import frame, progress
from viz.page.session import PageState


def _heading(values: GradientSettings) -> DeltaGenerator:
    """Draw the heading and its explanation; returns the container for the menu that saves files."""
    kind = KIND_LABELS[values.arriving]
    size = f"{values.input_height}×{values.input_width}"
    return frame.heading(
        f"Where does the gradient go? On {size} px, upstream gradient: {kind}",
        "For each layer: the upstream gradient at its output, and the gradient at its input that "
        "it causes. Click a unit of an output; colors and numbers are on one scale.",
    )


_WHY = r"""
Backpropagation computes for every pixel $x$ how the loss changes when $x$ rises a little. A layer
passes on $\frac{\partial L}{\partial x} = \sum_o \frac{\partial L}{\partial y_o}\,
\frac{\partial y_o}{\partial x}$, and the last factor depends on the operation:

- **Maximum**: 1 at the winner, 0 elsewhere; the first of equals wins. With 2×2 windows and
  stride 2 three of four pixels get nothing.
- **Mean**: $1/k^2$ for every pixel of the window.
- **Convolution**: the kernel's weight. Every pixel that a window reads gets a share where no weight
  is 0; a 1×1 kernel with stride 2 reads one in four.

Where windows overlap the shares add up: a pixel that is read more often gets the sum of more
terms. Weights of both signs may cancel in it, so its gradient need not be larger.
"""


def _chosen_layers(values: GradientSettings) -> list[PageLayer]:
    """The chosen layers on the page's input."""
    upload = picture.loaded_upload()
    return [params.layer(values, name, upload) for name in values.shown]


def _tab_and_menu(
    layers: list[PageLayer], state: PageState[GradientSettings], menu: DeltaGenerator
) -> None:
    """Draw the open tab, the explanation, and the menu of files in its container."""
    values = state.values
    if not layers:
        st.info("Choose at least one layer, at the side.")
        usual = {"shown": GradientSettings().shown}
        frame.draw_refusal(PAGE, None, "Show the usual four", usual)
        return
    name, place = frame.open_tab(values, TABS)
    if name != "depth":
        progress.withdraw_requests(SLOT)
    with place:
        pictures = DRAW[name](layers, state)
    with menu:
        draw_save_menu(layers, values, pictures or [])
    with st.expander("Why"):
        st.markdown(_WHY + EVEN_READING)


def page() -> None:
    """Draw the whole page."""
    with frame.page_state(PAGE, GradientSettings) as state:
        state.values, sentences = params.make_valid(state.values)
        values = state.values
        state.store_notes(sentences)
        state.update_widgets()
        state.show_warnings()
        picture.missing_upload_note(values)
        menu = _heading(values)  # before the widgets: another page's title is seen at once
        with st.sidebar:
            sidebar(values)
        try:
            _tab_and_menu(_chosen_layers(values), state, menu)
        except SpecError as error:
            progress.withdraw_requests(SLOT)
            frame.draw_refusal(
                PAGE, error, "Back to the first picture", GradientSettings.defaults()
            )


page()
