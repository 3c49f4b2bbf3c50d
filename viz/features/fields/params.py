"""Settings of the receptive-field page: the network, the unit, and the open tab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.layer.window import Pair
from viz.choices import network_analysis
from viz.choices.layer import UPLOAD, BoardSettings, PictureSettings
from viz.choices.network import MODULE, OWN, TRAINED, NetworkSettings
from viz.choices.unit import AXES, CENTERS, ConeView
from viz.page.session import change_settings
from viz.params import choice, inherited, labeled_choice, number, switch, text

PAGE = "fields"
"""Name of the page in URLs."""
TABS = {
    "layers": "Cone and layers",
    "edit": "Edit the layers",
    "depth": "Growth with depth",
    "graph": "Graph",
    "compare": "Compare",
    "reach": "Reach a view of …",
    "code": "Code",
}
"""Labels of the tabs by name in the URL."""
MOST_COMPARED = 2
"""Largest number of networks that are compared with the chosen one."""


def _parse_compared(value: str) -> tuple[str, ...]:
    """Names of architectures from their text in a link; ValueError if one does not exist."""
    from core.networks.zoo import NAMES

    names = tuple(filter(None, value.split(",")))
    if len(names) > MOST_COMPARED or not set(names) <= set(NAMES):
        raise ValueError(f"must be at most {MOST_COMPARED} architectures, with a comma between")
    return names


@dataclass(frozen=True)
class FieldSettings(PictureSettings, ConeView, NetworkSettings):
    """All settings of the receptive-field page."""

    picture: str = inherited(BoardSettings, "picture")
    tab: str = labeled_choice(TABS)
    compare: tuple[str, ...] = text((), _parse_compared, ",".join)
    log_growth: bool = switch(False, "logarithmic axis")
    target: int = number(
        32,
        1,
        512,
        "view to reach",
        unit="px",
        help="Side of the square of pixels that one unit should see.",
    )
    strategy: str = choice("stack3", network_analysis.strategy_names, "look at one of them")


def cone_view_data(values: FieldSettings) -> dict[str, Any]:
    """The settings of the cone as the component in the browser reads them."""
    return {
        "layer": values.layer,
        "unit": chosen_unit(values),
        "axis": AXES.index(values.axis),
        "down": values.down,
        "zoom": values.zoom,
        "grid": CENTERS[values.centres],
    }


def chosen_unit(values: FieldSettings) -> tuple[int, int] | None:
    """The chosen unit (row, column); None stands for the middle of the map."""
    if not values.unit:
        return None
    row, col = map(int, values.unit.split("."))
    return row, col


def cone_identity(values: FieldSettings) -> str:
    """A text that differs for each network and input; the component starts anew with another."""
    parts = [values[name] for name in ("network", "input_height", "input_width", "in_channels")]
    source = {OWN: "layers", MODULE: "module", TRAINED: "run"}.get(values.network)
    own = values[source] if source else ""
    return " ".join(map(str, [*parts, own]))


def picture_data_url(values: FieldSettings, size: Pair) -> str:
    """The chosen picture as a data URL; the pagoda replaces an upload that is not there."""
    upload = st.session_state.get("upload_image") if values.picture == UPLOAD else None
    name = "china" if values.picture == UPLOAD else values.picture
    return network_analysis.picture_data_url(name, size, upload, values.seed)


def change_and_move_cone(values: Mapping[str, Any]) -> None:
    """Callback that changes settings and makes the cone follow them."""
    change_settings(PAGE, values)
    st.session_state["field_jump"] = st.session_state.get("field_jump", 0) + 1
