"""The widgets that choose a network and its input, the same on every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.networks.notation import MAX_CHARACTERS, in_channels_of, is_source, parse, to_notation
from core.networks.zoo_lines import NOTATIONS
from core.training.spec import TrainingSpec
from viz.choices import network as network_state
from viz.choices import network_analysis
from viz.choices.lab import OPTIMIZER_WORDS, TASKS
from viz.choices.network import MAX_CHANNELS, MODULE, OWN, TRAINED, NetworkSettings
from viz.page.session import change_settings, current_settings
from viz.page.widgets import widget
from viz.page.words import error_sentence

GRAMMAR = (
    "Layers from the image to the output, with commas between: `conv3 s2 p1 c64` is a 3×3 "
    "convolution with stride 2, padding 1 and 64 channels; `d2` dilation; `relu`, `bn`, "
    "`maxpool2`, `avgpool3 s2`, `gap`, `fc10`; `4x[…]` repeats; `residual[… | shortcut]` adds; "
    "`concat[a | b]` stacks. Or paste PyTorch code such as `nn.Sequential(nn.Conv2d(3, 16, 3), "
    "nn.ReLU())`: it is read, never run."
)


LAB = "../features/training/page.py"
"""Path of the training lab, relative to the script that Streamlit runs."""
TRAIN = "Train it in the training lab"
AS_TRAINED = "as_is"
"""Value of a page's parameter ``weights`` with which a trained net has its trained weights."""


def picker(page: str, values: NetworkSettings, editor: Mapping[str, Any] | None = None) -> None:
    """Draw the choice of a network and of its input.

    Args:
        page: Name of the page.
        values: Settings of the page.
        editor: Values that open the page's layer editor; None if it has no editor.
    """
    offered = network_state.network_options(bool(values.run) or values.network == TRAINED)
    widget(values, "network", options=offered, on_change=_on_network_chosen, args=(page,))
    if values.network == OWN:
        _layers_text_field(page, values)
    elif values.network == MODULE:
        widget(values, "module")
    elif values.network == TRAINED:
        _trained_net_notes(page, values)
        return  # the input has the size of the images it was trained on
    elif values.network in NOTATIONS:
        st.button(
            "Change its layers",
            icon=":material/edit:",
            on_click=open_layers,
            args=(page, NOTATIONS[values.network], editor),
            help="Opens this architecture as layers of your own.",
        )
    _input_size_controls(values)


def _trained_net_notes(page: str, values: NetworkSettings) -> None:
    """Draw what a net of the training lab is, whether its weights are here, and a link to the lab."""
    network = network_state.network(values)
    if network.run is None:  # the page shows the reason in place of its picture
        lab_link(values)
        return
    st.caption(_training_text(network.run))
    try:
        network_analysis.trained_weights(network)
    except SpecError:
        st.caption("Its weights are not on this server. The page shows what needs no weights.")
        lab_link(values)
        return
    lab_link(values, "Its training")
    if getattr(values, "weights", AS_TRAINED) != AS_TRAINED:
        st.caption("The trained weights are not used: the weights chosen below are drawn anew.")
        st.button(
            "Use the trained weights",
            on_click=change_settings,
            args=(page, {"weights": AS_TRAINED}),
        )


def _training_text(run: TrainingSpec) -> str:
    """Two sentences about a run: its task and steps, and the size of its input."""
    size = "×".join(map(str, run.task.shape))
    steps = f"{run.steps:,} steps of {OPTIMIZER_WORDS[run.optimizer]}"
    return f"Learns from {TASKS[run.task.kind]}, {steps}. Its input is theirs: {size}."


def lab_link(values: NetworkSettings, label: str = TRAIN) -> None:
    """Draw a link to the training lab, which opens with the settings that train the chosen net."""
    query = network_state.training_lab_query(values.run) if values.run else {}
    st.page_link(LAB, label=label, icon=":material/model_training:", query_params=query)


def offer_training(error: SpecError, values: NetworkSettings) -> None:
    """Draw a link to the training lab if an error says that a net has to be trained there first."""
    if error.parameter == "run":
        lab_link(values)


def _input_size_controls(values: NetworkSettings) -> None:
    """Draw the widgets of the input's height and width, and of its channels if they are free."""
    columns = st.columns(2, vertical_alignment="bottom")
    for column, name in zip(columns, ("input_height", "input_width"), strict=True):
        widget(values, name, column, low=1)
    if values.network in (OWN, MODULE):
        widget(values, "in_channels")


def _on_network_chosen(page: str) -> None:
    """Callback of another network: an architecture gets the input size of its publication."""
    name = st.session_state["network"]
    if name in network_state.architectures():
        _, height, width = network_state.published_network(name).input_size
        change_settings(page, {"input_height": height, "input_width": width})


def open_layers(page: str, layers: str, editor: Mapping[str, Any] | None = None) -> None:
    """Callback that makes layers in notation the visitor's own, in the page's editor if it has one."""
    change_settings(page, {"network": OWN, "layers": layers, **(editor or {})})
    st.session_state.pop("layers_text", None)


def _layers_text_field(page: str, values: NetworkSettings) -> None:
    """Draw the field for layers in notation or code; a wrong text stays in it, with the error."""
    refused: tuple[str, str] | None = st.session_state.get("layers_refused")
    if refused and refused[1] != values.layers:
        refused = st.session_state["layers_refused"] = None  # other layers have been opened
    if not refused and st.session_state.get("layers_text") != values.layers:
        st.session_state["layers_text"] = values.layers  # not otherwise: text being typed would go
    st.text_area(
        "layers — notation or PyTorch code",
        key="layers_text",
        height=170,
        max_chars=MAX_CHARACTERS,
        on_change=_on_layers_text,
        args=(page,),
        help=GRAMMAR,
    )
    if refused:
        st.error(refused[0])


def _on_layers_text(page: str) -> None:
    """Callback of another text: it becomes the network, or is refused with a sentence."""
    text = st.session_state["layers_text"]
    try:
        spec = parse(text)
        changed: dict[str, Any] = {"layers": to_notation(spec) if is_source(text) else text.strip()}
        if channels := in_channels_of(text):
            changed["in_channels"] = min(channels, MAX_CHANNELS)
    except SpecError as error:
        why = f"This is no network yet. {error_sentence(error)} The picture shows the last one."
        st.session_state["layers_refused"] = (why, current_settings(page, NetworkSettings).layers)
        return
    st.session_state["layers_refused"] = None
    change_settings(page, changed)
