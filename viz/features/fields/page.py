"""The receptive-field page: tabs with the cone of any unit of a network, and with its numbers."""

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
from viz.features.fields.measured import measure_and_compare
from viz.features.fields.params import PAGE, TABS, FieldSettings
from viz.features.fields.tabs import DRAW, selected_line
from viz.features.fields.words import headline
from viz.page import frame
from viz.page.save_menu import save_menu
from viz.page.session import PageState, change_settings
from viz.page.words import error_sentence
from viz.pages import title_of


def _on_view() -> None:
    """Callback of the cone that writes the unit and the view chosen there into the settings."""
    change_settings(PAGE, choices_unit.cone_view_values(st.session_state["cone"].view))


def _sidebar(values: FieldSettings) -> None:
    """Draw the choice of a network and of an image."""
    with st.sidebar:
        picker(PAGE, values, {"tab": TABS["edit"]})
        with st.expander("Image", key="field_image", on_change="rerun") as image:
            if image.open:
                picture.picture_control(values)


def _headline(analysis: Analysis) -> DeltaGenerator:
    """Draw the title and the sentence on the last map; returns the container for the menu."""
    _, height, width = analysis.network.input_size
    return frame.heading(f"{analysis.network.title} on {height}×{width}", headline(analysis))


def _save(analysis: Analysis, values: FieldSettings) -> None:
    """Draw the menu of pictures as files: the cone's and the open tab's."""
    name = next(name for name, label in TABS.items() if label == values.tab)
    upload = picture.loaded_upload()
    pictures = export.cone_pictures(analysis, values, upload)
    pictures += export.tab_pictures(name, analysis, values)
    save_menu(PAGE, pictures, export.settings_text(analysis))


def _fit_layer_and_unit(analysis: Analysis, state: PageState[FieldSettings]) -> None:
    """Replace a layer or a unit that the network does not have."""
    state.values, _, clauses = choices_unit.fit_layer_and_unit(analysis, state.values, "")
    if state.from_link:
        state.report_ignored(*clauses)


def _draw_cone(analysis: Analysis, state: PageState[FieldSettings]) -> None:
    """Draw the interactive cone, and below it what torch measures of its unit."""
    values, line = state.values, selected_line(analysis, state)
    cone(
        network_analysis.cone_network(analysis.network),
        {**params.cone_view_data(values), "layer": line.node.name},
        title=f"{analysis.network.title} on {'×'.join(map(str, analysis.network.input_size[1:]))}",
        picture=params.picture_data_url(values, analysis.network.input_size[1:]),
        identity=params.cone_identity(values),
        token=f"{state.adopted} {st.session_state.get('field_jump', 0)}",
        key="cone",
        on_view=_on_view,
    )
    rows, cols = line.node.grid
    measure_and_compare(analysis, line, params.chosen_unit(values) or (rows // 2, cols // 2))


def _last_valid_analysis(error: SpecError, values: FieldSettings) -> Analysis | None:
    """The last valid network of one's own, with a warning; None if another network is chosen."""
    network: Network | None = st.session_state.get("fields_last")
    if values.network != OWN or network is None:
        return None
    below = values.tab == TABS["edit"] and isinstance(error, LayerError)
    where = "the table below says where." if below else error_sentence(error)
    st.warning(f"These layers do not fit: {where} The picture shows the last ones that did.")
    return network_analysis.analysis(network)


def _refuse(error: SpecError, values: FieldSettings) -> None:
    """Draw the reason why there is no picture, with buttons that lead to settings that work."""
    plain = {**NetworkSettings.defaults(), **_published_size(DEFAULT), "layer": "", "unit": ""}
    nearer = None
    if values.network in network_state.architectures():
        size = _published_size(values.network)
        text = "Use the published input, {input_height}×{input_width}".format(**size)
        nearer = text, size
    frame.draw_refusal(PAGE, error, "Back to the first network", plain, nearer)
    offer_training(error, values)


def _published_size(name: str) -> dict[str, int]:
    """The settings of a published network's own input height and width."""
    _, height, width = network_state.published_network(name).input_size
    return {"input_height": height, "input_width": width}


def _analyze(state: PageState[FieldSettings]) -> tuple[Analysis | None, DeltaGenerator | None]:
    """Analyze the network and draw its headline, or the reason why that is impossible.

    Returns:
        The analysis and the container for the menu of files; None for both without an analysis.
    """
    values = state.values
    analysis: Analysis | None
    try:
        network = network_state.network(values)
        analysis = network_analysis.analysis(network)
        st.session_state["fields_last"] = network if values.network == OWN else None
    except SpecError as error:
        analysis = _last_valid_analysis(error, values)
        if analysis is None:
            frame.heading(title_of(PAGE), "")
            _refuse(error, values)
            return None, None
    menu = _headline(analysis)
    _fit_layer_and_unit(analysis, state)
    return analysis, menu


def _draw_tab(
    name: str, opened: DeltaGenerator, analysis: Analysis | None, state: PageState[FieldSettings]
) -> None:
    """Draw the open tab: the cone over the table of layers or beside the editor, or a picture."""
    if name == "edit":
        with opened:
            editor, beside = st.columns([1.1, 1], gap="medium")
        with editor:
            edit_tab(analysis, state)
        opened = beside
    with opened:
        if analysis is not None and name in ("edit", "layers"):
            _draw_cone(analysis, state)
        if analysis is not None and name != "edit":
            DRAW[name](analysis, state)
        elif name != "edit":
            st.caption("This tab is empty until the network runs on its input.")


def page() -> None:
    """Draw the headline, the network in the sidebar, and the open tab."""
    with frame.page_state(PAGE, FieldSettings) as state:
        state.values = network_state.with_suitable_input(state.values)
        if state.changed("network", "layers", "module", "run"):
            state.values = replace(state.values, layer="", unit="")
        state.update_widgets()
        notes, place = st.container(), st.container()
        with place:
            analysis, menu = _analyze(state)
        values = state.values
        with notes:
            state.show_warnings()
            picture.missing_upload_note(values)
        _sidebar(values)
        _draw_tab(*frame.open_tab(values, TABS), analysis, state)
        if analysis is not None and menu is not None:
            with menu:
                _save(analysis, values)


page()
