"""Receptive fields: the cone of any unit of any network, its numbers, and what torch measures."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from core.networks import LayerError
from viz.choices import network as network_state
from viz.choices import network_analysis, picture
from viz.choices import unit as choices_unit
from viz.choices.network import DEFAULT, OWN, Network, NetworkSettings
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import offer_training, picker
from viz.components.cone.cone import cone
from viz.features.fields import export, params
from viz.features.fields.edit_tab import edit_tab
from viz.features.fields.measured import verdict
from viz.features.fields.params import PAGE, TABS, FieldSettings
from viz.features.fields.tabs import DRAW, shown
from viz.features.fields.words import headline
from viz.page import frame
from viz.page.save_menu import save_menu
from viz.page.session import PageState, change
from viz.page.words import sentence


def _on_view() -> None:
    change(PAGE, choices_unit.view_values(st.session_state["cone"].view))


def _sidebar(values: FieldSettings) -> None:
    with st.sidebar:
        picker(PAGE, values, {"tab": TABS["edit"]})
        with st.expander("Image", key="field_image", on_change="rerun") as image:
            if image.open:
                picture.picture_control(values)


def _headline(found: Analysis) -> DeltaGenerator:
    """One sentence that answers most questions; returns where the menu for slides goes."""
    _, height, width = found.network.input_size
    place = frame.heading(f"{found.network.title} on {height}×{width}")
    st.markdown(headline(found))
    return place


def _save(found: Analysis, values: FieldSettings) -> None:
    """The cone and what the open tab shows, as files."""
    name = next(name for name, label in TABS.items() if label == values.tab)
    upload = picture.loaded_upload()
    pictures = export.of_cone(found, values, upload)
    pictures += export.of_tab(name, found, values)
    save_menu(PAGE, pictures, export.settings(found))


def _show(found: Analysis, state: PageState[FieldSettings]) -> None:
    state.values, line, clauses = choices_unit.fit(found, state.values, "")
    values = state.values
    if state.from_link:
        state.ignore(*clauses)
    cone(
        network_analysis.cone_lines(found.network),
        {**params.view(values), "layer": line.node.name},
        title=f"{found.network.title} on {'×'.join(map(str, found.network.input_size[1:]))}",
        picture=params.picture(values, found.network.input_size[1:]),
        identity=params.identity(values),
        token=f"{state.adopted} {st.session_state.get('field_jump', 0)}",
        key="cone",
        on_view=_on_view,
    )


def _last_that_fits(error: SpecError, values: FieldSettings) -> Analysis | None:
    """Of layers that are being edited the last ones that fitted, and a word on it."""
    network: Network | None = st.session_state.get("fields_last")
    if values.network != OWN or network is None:
        return None
    below = values.tab == TABS["edit"] and isinstance(error, LayerError)
    where = "the table below says where." if below else sentence(error)
    st.warning(f"These layers do not fit: {where} The picture shows the last ones that did.")
    return network_analysis.analysis(network)


def _refuse(error: SpecError, values: FieldSettings) -> None:
    """Why there is no picture, and what would do."""
    plain = {**NetworkSettings.defaults(), **_published(DEFAULT), "layer": "", "unit": ""}
    nearer = None
    if values.network in network_state.architectures():
        size = _published(values.network)
        text = "Use the published input, {input_height}×{input_width}".format(**size)
        nearer = text, size
    frame.refuse(PAGE, error, "Back to the first network", plain, nearer)
    offer_training(error, values)


def _published(name: str) -> dict[str, int]:
    _, height, width = network_state.published(name).input_size
    return {"input_height": height, "input_width": width}


def _cone(state: PageState[FieldSettings]) -> tuple[Analysis | None, DeltaGenerator | None]:
    """The cone; returns what was followed, and where the menu for files goes."""
    values = state.values
    found: Analysis | None
    try:
        network = network_state.network(values)
        found = network_analysis.analysis(network)
        st.session_state["fields_last"] = network if values.network == OWN else None
    except SpecError as error:
        found = _last_that_fits(error, values)
        if found is None:
            _refuse(error, values)
            return None, None
    menu = _headline(found)
    _show(found, state)
    return found, menu


def page() -> None:
    """The cone, the network at the side, and the open tab."""
    with frame.page_state(PAGE, FieldSettings) as state:
        state.values = network_state.settle(state.values)
        if state.changed("network", "layers", "module", "run"):
            state.values = replace(state.values, layer="", unit="")
        state.update_widgets()
        notes, place = st.container(), st.container()
        with place:
            found, menu = _cone(state)
        values = state.values
        with notes:
            state.show_warnings()
            picture.missing_upload(values)
        _sidebar(values)
        if found is not None:
            line = shown(found, state)
            rows, cols = line.node.grid
            verdict(found, line, params.unit_of(values) or (rows // 2, cols // 2))
        name, tab = frame.open_tab(values, TABS)
        with tab:
            if name == "edit":
                edit_tab(found, state)
            elif found is not None:
                DRAW[name](found, state)
            else:
                st.caption("Here is nothing to show until the network runs on its input.")
        if found is not None and menu is not None:
            with menu:
                _save(found, values)


page()
