"""Widgets of the recipe: how an effective receptive field is computed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.data import PICTURES
from viz.choices import network_analysis, unit
from viz.choices.network import TRAINED, Values
from viz.choices.network_analysis import Analysis
from viz.choices.unit import UNITS, unit_of
from viz.components.cone.cone import cone
from viz.features.erf.params import ACTIVATIONS, AGGREGATES, DRAWS, INPUTS, PAGE, POOLINGS, WEIGHTS
from viz.page.session import change, give


def recipe(values: Values, found: Analysis | None) -> None:
    """All settings but the network."""
    if found is not None:
        _where(values, found)
    st.select_slider(
        "draws — gradients averaged",
        DRAWS,
        key=give(values, "draws"),
        help="One gradient is noisy: σ is good to a few percent, a smooth map wants 64 or more.",
    )
    weights = {**WEIGHTS, "as_is": "as they were trained"} if _is_trained(values) else WEIGHTS
    _choice(values, "weights", "weights", weights, "Biases are 0 where weights are drawn.")
    _choice(values, "inputs", "input", INPUTS, _INPUTS)
    if values["inputs"] == "picture" or values["over"]:
        _picture(values)
    _choice(values, "aggregate", "aggregate — what is averaged", AGGREGATES, _AGGREGATE)
    more = st.expander("Change the network", key="erf_more", on_change="rerun")
    if more.open:
        with more:
            _choice(values, "activation", "activation", ACTIVATIONS)
            _choice(values, "pooling", "pooling", POOLINGS)
            st.toggle("skips — residual shortcuts", key=give(values, "skips"))
            st.toggle(
                "bfloat16",
                key=give(values, "bf16"),
                help="Faster where the processor has it; σ is the same, the map rougher.",
            )
            st.number_input("seed of all draws", 0, 9999, key=give(values, "draw_seed"))


_INPUTS = (
    "Noise is N(0, 1) in every pixel and channel. With a constant image all entries of a "
    "max-pooling window are equal, and the map shifts."
)
_AGGREGATE = (
    "The squared gradient keeps the width of the linear case. |g| and the positive part come out "
    "about 1.4 times wider; the signed mean is mostly noise."
)


def _is_trained(values: Values) -> bool:
    return bool(values["network"] == TRAINED)


def _choice(
    values: Values, name: str, label: str, options: dict[str, str], note: str | None = None
) -> None:
    st.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=give(values, name),
        help=note,
    )


def _picture(values: Values) -> None:
    st.selectbox(
        "picture",
        list(PICTURES),
        format_func=lambda name: PICTURES[name].label,
        key=give(values, "picture"),
    )


def _where(values: Values, found: Analysis) -> None:
    """The layer and its unit."""
    labels = {line.node.name: line.label for line in found.lines if line.node.kind != "input"}
    chosen = values["layer"] if values["layer"] in labels else found.deepest.node.name
    st.selectbox(
        "layer",
        list(labels),
        format_func=lambda name: labels.get(name, name),
        key=give({"erf_layer": chosen}, "erf_layer", values["layer"], found.network),
        on_change=_on_layer,
    )
    units = list(UNITS)
    if values["unit"] not in UNITS:
        units.append(values["unit"])
    st.selectbox(
        "unit",
        units,
        format_func=lambda name: UNITS.get(name) or "unit ({})".format(name.replace(".", ", ")),
        key=give(values, "unit"),
        help="Click a unit of the feature map under *Choose the unit on the map* for any other.",
    )


def _on_layer() -> None:
    change(PAGE, {"layer": st.session_state["erf_layer"], "unit": "centre"})


def unit_picker(values: dict[str, Any], found: Analysis, layer: str, grid: tuple[int, int]) -> None:
    """The cone as a map to click on."""
    place = st.expander("Choose the unit on the map", key="erf_cone", on_change="rerun")
    if not place.open:
        return
    row, col = unit_of(values["unit"], grid)
    with place:
        cone(
            network_analysis.cone_lines(found.network),
            {"layer": layer, "unit": (row, col), "axis": 1, "down": False, "zoom": False,
             "grid": True},
            title=found.network.title,
            picture=network_analysis.picture(values["picture"], found.network.input_size[1:]),
            identity=f"{found.network}",
            token=f"{layer} {row} {col}",
            key="unit_cone",
            on_view=_on_unit,
        )  # fmt: skip


def _on_unit() -> None:
    told = unit.told(st.session_state["unit_cone"].view)
    if told:
        change(PAGE, {"layer": told["layer"], "unit": told["unit"]})
