"""Effective receptive fields: which pixels really move a unit, by backpropagation."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from viz.choices import network, network_analysis
from viz.choices import unit as choices_unit
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import lab_link, picker, sentence
from viz.choices.unit import UNITS
from viz.features.erf import compute, params
from viz.features.erf.controls import recipe, unit_picker
from viz.features.erf.map import erf_map
from viz.features.erf.params import PAGE, PARAMS, TABS, Request
from viz.features.erf.tabs import DRAW, save
from viz.page import progress
from viz.page.session import PageState, change, give
from viz.server import torch_start
from viz.server.queue import View

if TYPE_CHECKING:
    from core.receptive_field.outline import Line

BELOW = {"compare", "studies"}
"""Tabs that have something computed; their places in the queue have the same names."""


def _notes(page: PageState) -> None:
    page.tell()


def _asked(found: Analysis, page: PageState, linked: bool) -> Request:
    """What is asked of the network. Raises SpecError where that cannot be."""
    line, lost = _kept(found, page.values)
    page.ignored.extend(lost if linked else ())
    if line.node.kind == "input":
        rule = "must have units side by side; this network has none like that"
        raise SpecError("layer", rule, found.network.title)
    return params.request(page.values, line.node.name, line.node.grid)


def _kept(found: Analysis, values: dict[str, Any]) -> tuple[Line, list[str]]:
    """The layer, and what there is to say of a layer or unit that this network does not have."""
    lost = []
    line = found.line(values["layer"])
    if line is None or line.node.kind == "input":
        if values["layer"]:
            lost.append(f"this network has no layer `{values['layer'][:80]}`")
        values["layer"], line = "", found.deepest
    unit, grid = values["unit"], line.node.grid
    if unit not in UNITS and choices_unit.unit_of(unit, grid) != tuple(map(int, unit.split("."))):
        lost.append(f"`{line.label}` has no unit {unit}, only {grid[0]}×{grid[1]}")
        values["unit"] = "centre"
    return line, lost


def _heading(found: Analysis, asked: Request) -> None:
    line = found.line(asked.layer)
    assert line is not None
    row, col = asked.unit
    most = "at most " if line.field.bound else ""
    size = f"{most}{'×'.join(f'{n:g}' for n in line.field.size)}"
    st.markdown(
        f"#### {found.network.title}: what unit ({row}, {col}) of `{line.label}` really uses\n"
        f"Its windows cover {size} pixels, the *theoretical* receptive field. How much each of "
        "them can move the unit is its gradient, averaged over draws: the *effective* one."
    )


def _refused(error: SpecError, most: int, values: dict[str, Any]) -> None:
    """Why there is no map, and what would do."""
    st.warning(sentence(error))
    if error.parameter == "run":
        lab_link(values)
    if error.parameter == "draws" and most:
        label = "Take 1 draw" if most == 1 else f"Take {most} draws"
        st.button(label, on_click=change, args=(PAGE, {"draws": most}), type="primary")
    defaults = {param.name: param.default for param in PARAMS}
    defaults |= {"input_height": 64, "input_width": 64}
    st.button("Back to the first map", on_click=change, args=(PAGE, defaults))


def _linked(page: PageState) -> bool:
    """Whether a link has set these values: then what does not fit must be told."""
    before, st.session_state["erf_adopted"] = st.session_state.get("erf_adopted"), page.adopted
    return bool(before != page.adopted)


def page() -> None:
    """Adopt the URL, draw the recipe, ask the queue, draw what is there, publish the URL."""
    if not torch_start.is_warm():
        skeleton = st.skeleton(height=460)
        torch_start.warm()
        skeleton.empty()
    page_state = PageState(PAGE, PARAMS)
    values, linked = page_state.values, _linked(page_state)
    network.settle(values)
    notes, place = st.container(), st.container()
    found: Analysis | None = None
    asked: Request | None = None
    refusal, most = None, 0
    try:
        found = network_analysis.analysis(network.network(values))
        asked = _asked(found, page_state, linked)
        most = compute.most_draws(asked, found)
        compute.check(asked, found)
    except SpecError as error:
        refusal = error
    page_state.place()
    with notes:
        _notes(page_state)
    with st.sidebar:
        picker(PAGE, values)
        recipe(values, found)
    with place:
        if refusal:
            progress.leave("erf", *BELOW)
            _refused(refusal, most, values)
        elif found and asked:
            _heading(found, asked)
            menu = _display(values)
            unit_picker(values, found, asked.layer, found.fields[asked.layer].grid)
            _results(asked, page_state, menu)
    page_state.publish()


def _display(values: dict[str, Any]) -> DeltaGenerator:
    """How the map is shown; outside of what is drawn anew while it is computed. Returns where
    the menu for slides goes."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle(
            "logarithmic colours",
            key=give(values, "log"),
            help="For the eye only: all numbers are of the map itself.",
        )
        st.toggle("over the picture", key=give(values, "over"))
        return st.container(width="content")


def _results(asked: Request, page: PageState, menu: DeltaGenerator) -> None:
    expected = compute.expected(asked)

    def draw(views: Mapping[Hashable, View]) -> None:
        erf_map(asked, views[asked], expected, page.values)

    view = progress.show("erf", {asked: compute.work(asked)}, draw)[asked]
    erf = view.partial if view.error == progress.STOPPED else view.result
    tabs = st.tabs(list(TABS.values()), key=give(page.values, "tab"), on_change="rerun")
    for tab, (name, label) in zip(tabs, TABS.items(), strict=True):
        if page.values["tab"] == label:
            progress.leave(*BELOW - {name})
            with tab:
                more = DRAW[name](asked, erf, expected, page)
            with menu:
                save(asked, erf, expected, page.values, more or [])


page()
