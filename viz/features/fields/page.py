"""Receptive fields: the cone of any unit of any network, its numbers, and what torch measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from core.networks import LayerError
from viz.choices import layer_controls, network_analysis
from viz.choices import network as network_state
from viz.choices import unit as choices_unit
from viz.choices.layer import UPLOAD
from viz.choices.network import DEFAULT, OWN, Network
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import lab_link, picker, sentence
from viz.components.cone.cone import cone
from viz.features.fields import export, params
from viz.features.fields.edit_tab import edit_tab
from viz.features.fields.measured import verdict
from viz.features.fields.params import PAGE, PARAMS, TABS
from viz.features.fields.tabs import DRAW, shown
from viz.features.fields.words import headline
from viz.page.save_menu import save_menu
from viz.page.session import PageState, change, give
from viz.server import torch_start

if TYPE_CHECKING:
    from core.receptive_field.outline import Line


def _on_view() -> None:
    change(PAGE, choices_unit.told(st.session_state["cone"].view))


def _sidebar(values: dict[str, Any]) -> None:
    with st.sidebar:
        picker(PAGE, values, {"tab": TABS["edit"]})
        with st.expander("Image", key="field_image", on_change="rerun") as image:
            if image.open:
                layer_controls.picture_control(values)


def _notes(page: PageState, values: dict[str, Any]) -> None:
    page.tell()
    if values["picture"] == UPLOAD and "upload_image" not in st.session_state:
        st.info(
            "A picture of your own is not loaded, and a link cannot carry one: the pagoda stands "
            "in for it. Choose a file under *Image*."
        )


def _headline(found: Analysis) -> DeltaGenerator:
    """One sentence that answers most questions; returns where the menu for slides goes."""
    _, height, width = found.network.input_size
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.markdown(f"#### {found.network.title} on {height}×{width}", width="content")
        place = st.container(width="content")
    st.markdown(headline(found))
    return place


def _save(found: Analysis, values: dict[str, Any]) -> None:
    """The cone and what the open tab shows, as files."""
    name = next(name for name, label in TABS.items() if label == values["tab"])
    upload = st.session_state.get("upload_image")
    pictures = export.of_cone(found, values, upload)
    pictures += export.of_tab(name, found, values)
    save_menu(PAGE, pictures, export.settings(found))


def _show(found: Analysis, page: PageState, linked: bool) -> None:
    values = page.values
    line = found.line(values["layer"]) or found.deepest
    lost = _keep_to(line, values)
    page.ignored.extend(lost if linked else ())
    cone(
        network_analysis.cone_lines(found.network),
        {**params.view(values), "layer": line.node.name},
        title=f"{found.network.title} on {'×'.join(map(str, found.network.input_size[1:]))}",
        picture=params.picture(values, found.network.input_size[1:]),
        identity=params.identity(values),
        token=f"{page.adopted} {st.session_state.get('field_jump', 0)}",
        key="cone",
        on_view=_on_view,
    )


def _keep_to(line: Line, values: dict[str, Any]) -> list[str]:
    """Let go of a layer or unit that this network does not have; what there was to say of it."""
    lost = []
    if values["layer"] not in ("", line.node.name, *line.folded, line.node.module):
        lost.append(f"this network has no layer `{values['layer'][:80]}`")
        values["layer"] = values["unit"] = ""
    unit = params.unit_of(values) or (0, 0)
    if any(u >= n for u, n in zip(unit, line.node.grid, strict=True)):
        rows, cols = line.node.grid
        lost.append(f"`{line.label}` has no unit {values['unit']}, only {rows}×{cols}")
        values["unit"] = ""
    return lost


def _last_that_fits(error: SpecError, values: dict[str, Any]) -> Analysis | None:
    """Of layers that are being edited the last ones that fitted, and a word on it."""
    network: Network | None = st.session_state.get("fields_last")
    if values["network"] != OWN or network is None:
        return None
    below = values["tab"] == TABS["edit"] and isinstance(error, LayerError)
    where = "the table below says where." if below else sentence(error)
    st.warning(f"These layers do not fit: {where} The picture shows the last ones that did.")
    return network_analysis.analysis(network)


def _refused(error: SpecError, values: dict[str, Any]) -> None:
    """Why there is no picture, and the way back."""
    st.warning(sentence(error))
    if error.parameter == "run":
        lab_link(values)
    if values["network"] in network_state.architectures():
        _, height, width = network_state.published(values["network"]).input_size
        size = {"input_height": height, "input_width": width}
        text = f"Use the published input, {height}×{width}"
        st.button(text, on_click=change, args=(PAGE, size), type="primary")
    defaults = {param.name: param.default for param in network_state.PARAMS}
    _, height, width = network_state.published(DEFAULT).input_size
    defaults |= {"input_height": height, "input_width": width, "layer": "", "unit": ""}
    st.button("Back to the first network", on_click=change, args=(PAGE, defaults))


def page() -> None:
    """Adopt the URL, draw the widgets, follow the network, publish the URL."""
    if not torch_start.is_warm():
        waiting = st.skeleton(height=460)
        torch_start.warm()
        waiting.empty()
    page_state = PageState(PAGE, PARAMS)
    values = page_state.values
    network_state.settle(values)
    linked = params.forget(values, page_state.adopted)
    page_state.place()
    notes, place = st.container(), st.container()
    with place:
        found: Analysis | None
        try:
            network = network_state.network(values)
            found = network_analysis.analysis(network)
            st.session_state["fields_last"] = network if values["network"] == OWN else None
        except SpecError as error:
            found = _last_that_fits(error, values)
            if found is None:
                _refused(error, values)
        if found is not None:
            menu = _headline(found)
            _show(found, page_state, linked)
    with notes:
        _notes(page_state, values)
    _sidebar(values)
    if found is not None:
        line = shown(found, page_state)
        rows, cols = line.node.grid
        verdict(found, line, params.unit_of(values) or (rows // 2, cols // 2))
    tabs = st.tabs(list(TABS.values()), key=give(values, "tab"), on_change="rerun")
    for tab, (name, label) in zip(tabs, TABS.items(), strict=True):
        if values["tab"] == label:
            with tab:
                if name == "edit":
                    edit_tab(found, page_state)
                elif found is not None:
                    DRAW[name](found, page_state)
                else:
                    st.caption("Here is nothing to show until the network runs on its input.")
    if found is not None:
        with menu:
            _save(found, values)
    page_state.publish()


page()
