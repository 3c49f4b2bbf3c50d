"""Widgets of the shift page: the picture, the layers, the network."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.data import PICTURES
from core.layer.kernels import PRESETS
from core.layer.padding import FILLS
from core.shift.layer import MAX_STRIDE
from viz.choices.network import TRAINED, Values
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import picker
from viz.features.shift import compute
from viz.features.shift.params import BLUR_WORDS, BLURS, DIRECTIONS, PAGE, SIDES
from viz.page.session import give


def layer_controls(values: Values) -> None:
    """The picture and all three layers."""
    _picture(values)
    st.select_slider("side of the picture (px)", SIDES, key=give(values, "side"))
    st.slider("kernel_size — window, 1–5 px", 1, 5, key=give(values, "kernel_size"))
    st.slider(f"stride — step, 2–{MAX_STRIDE} px", 2, MAX_STRIDE, key=give(values, "stride"))
    _blur(values)
    st.selectbox(
        "weights of the convolution",
        list(PRESETS),
        format_func=lambda name: PRESETS[name].label,
        key=give(values, "kernel"),
    )
    if values["kernel"] == "random":
        st.number_input("seed of the weights", 0, 9999, key=give(values, "kernel_seed"))
    more = st.expander("More about the layers", key="shift_more", on_change="rerun")
    if more.open:
        with more:
            st.selectbox(
                "padding_mode — what fills the padding",
                list(FILLS),
                format_func=lambda name: f"{name}: {FILLS[name]}",
                key=give(values, "padding_mode"),
                help="The picture moves round its edges: only circular padding moves with it.",
            )
            st.toggle("ReLU after the convolution", key=give(values, "relu"))


def network_controls(values: dict[str, Any], found: Analysis | None) -> None:
    """The network, the layer that is looked at, the picture."""
    picker(PAGE, values)
    if found is not None:
        layers = compute.layers(found)
        st.selectbox(
            "layer",
            ["", *layers],
            format_func=lambda name: layers.get(name, "the last one with units side by side"),
            key=give(values, "layer", found.network),
        )
    _picture(values)
    _blur(values)
    st.toggle(
        "circular padding everywhere",
        key=give(values, "wrap"),
        help="Without it the borders break a shift too, on top of the strides.",
    )
    if values["network"] != TRAINED:
        label = "seed of the weights, which are random"
        st.number_input(label, 0, 9999, key=give(values, "draw_seed"))


def _picture(values: Values) -> None:
    st.selectbox(
        "picture",
        list(PICTURES),
        format_func=lambda name: PICTURES[name].label,
        key=give(values, "picture"),
    )
    if PICTURES[values["picture"]].seeded:
        st.number_input("seed — which one", 0, 9999, key=give(values, "seed"))


def _blur(values: Values) -> None:
    st.select_slider(
        "blur — taps along each axis",
        BLURS,
        format_func=lambda taps: f"{taps}: {BLUR_WORDS[taps]}",
        key=give(values, "blur"),
        help="A fixed filter before pixels are skipped, after the operation itself.",
    )


def shift_controls(values: Values, most: int) -> None:
    """How far the picture is moved, and where to."""
    slider, way = st.columns([1.6, 1])
    with slider:
        st.slider(
            f"shift — pixels, 0–{most}",
            0,
            most,
            key=give(values, "shift", most),
            help="Arrow keys move by one pixel.",
        )
    with way:
        direction(values)


def direction(values: Values) -> None:
    """Where the picture is moved to."""
    st.segmented_control(
        "direction", list(DIRECTIONS), key=give(values, "direction"), required=True
    )
