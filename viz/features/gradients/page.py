"""Where does the gradient go? The input gradient of layers side by side, and through depth."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from viz.choices import picture
from viz.features.gradients import compute, params
from viz.features.gradients import plots as figures
from viz.features.gradients.controls import arriving_controls, clicked, sidebar
from viz.features.gradients.params import KIND_LABELS, PAGE, TABS, GradientSettings, Shown
from viz.features.gradients.tabs import DRAW, EVEN_READING, SLOT, save
from viz.page import frame, progress
from viz.page.session import PageState


def _heading(values: GradientSettings) -> DeltaGenerator:
    """What arrives where; returns where the menu for slides goes."""
    kind = KIND_LABELS[values.arriving]
    size = f"{values.input_height}×{values.input_width}"
    menu = frame.heading(f"Where does the gradient go? On {size} px, upstream gradient: {kind}")
    st.markdown(
        "Below each layer's name: the gradient at its input, then the upstream gradient at its "
        "output. Learning needs the first; colours and numbers are on one scale."
    )
    return menu


def _panels(shown: list[Shown], values: GradientSettings) -> None:
    found = [compute.gradient(each.board, params.arriving(values, each)) for each in shown]
    top = figures.shared_top(found)
    with st.container(horizontal=True, key="gradient_panels"):
        for each, gradient in zip(shown, found, strict=True):
            key = f"panel_{each.name}"
            st.plotly_chart(
                figures.gradient_figure(gradient, each.title, top),
                width="content",
                theme="streamlit",
                key=key,
                on_select=clicked(key),
                selection_mode="points",
                config={"displayModeBar": False},
            )


_WHY = r"""
Backpropagation asks of every pixel $x$ what the loss gains when $x$ rises a little. A layer
passes on $\frac{\partial L}{\partial x} = \sum_o \frac{\partial L}{\partial y_o}\,
\frac{\partial y_o}{\partial x}$, and the last factor is what the operation is:

- **Maximum**: 1 at the winner, 0 elsewhere; the first of equals wins. With 2×2 windows and
  stride 2 three of four pixels get nothing.
- **Mean**: $1/k^2$ for every pixel of the window.
- **Convolution**: the kernel's weight. Every pixel that a window reads gets a share where no weight
  is 0; a 1×1 kernel with stride 2 reads one in four.

Where windows overlap the shares add up: a pixel that is read more often gets the sum of more
terms. Weights of both signs may cancel in it, so its gradient need not be larger.
"""


def _shown(values: GradientSettings) -> list[Shown]:
    upload = picture.loaded_upload()
    return [params.layer(values, name, upload) for name in values.shown]


def _body(shown: list[Shown], state: PageState[GradientSettings]) -> None:
    values = state.values
    menu = _heading(values)
    if not shown:
        st.info("Choose at least one layer, at the side.")
        usual = {"shown": GradientSettings().shown}
        frame.refuse(PAGE, None, "Show the usual four", usual)
        return
    arriving_controls(values, shown)
    _panels(shown, values)
    with st.expander("Why"):
        st.markdown(_WHY + EVEN_READING)
    name, place = frame.open_tab(values, TABS)
    if name != "depth":
        progress.withdraw(SLOT)
    with place:
        more = DRAW[name](shown, state)
    with menu:
        save(shown, values, more or [])


def page() -> None:
    """The widgets at the side, the panels and the open tab."""
    with frame.page_state(PAGE, GradientSettings) as state:
        state.values, sentences = params.settled(state.values)
        values = state.values
        state.note(sentences)
        state.update_widgets()
        state.show_warnings()
        picture.missing_upload(values)
        with st.sidebar:
            sidebar(values)
        try:
            _body(_shown(values), state)
        except SpecError as error:
            progress.withdraw(SLOT)
            frame.refuse(PAGE, error, "Back to the first picture", GradientSettings.defaults())


page()
