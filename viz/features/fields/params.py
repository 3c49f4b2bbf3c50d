"""Settings of the receptive-field page: the network, the unit looked at, what is shown below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.layer.window import Pair
from viz.choices import network_analysis
from viz.choices.layer import UPLOAD, BoardSettings, PictureSettings
from viz.choices.network import MODULE, OWN, TRAINED, NetworkSettings
from viz.choices.unit import AXES, ConeView
from viz.page.session import change
from viz.params import choice, inherited, labeled_choice, number, text

PAGE = "fields"
TABS = {
    "layers": "Layer by layer",
    "edit": "Edit the layers",
    "depth": "Growth with depth",
    "graph": "Graph",
    "compare": "Compare",
    "reach": "Reach a view of …",
    "code": "Code",
}
"""Name in the URL: label on the page."""
MOST_COMPARED = 2
"""Networks beside the first."""


def _compared(value: str) -> tuple[str, ...]:
    from core.networks.zoo import NAMES

    names = tuple(filter(None, value.split(",")))
    if len(names) > MOST_COMPARED or not set(names) <= set(NAMES):
        raise ValueError(f"must be at most {MOST_COMPARED} architectures, with a comma between")
    return names


@dataclass(frozen=True)
class FieldSettings(PictureSettings, ConeView, NetworkSettings):
    """Everything that decides the page."""

    picture: str = inherited(BoardSettings, "picture")
    tab: str = labeled_choice(TABS)
    compare: tuple[str, ...] = text((), _compared, ",".join)
    target: int = number(
        32,
        1,
        512,
        "view to reach",
        unit="px",
        help="Side of the square of pixels that one unit should see.",
    )
    strategy: str = choice("stack3", network_analysis.strategy_names, "look at one of them")


def view(values: FieldSettings) -> dict[str, Any]:
    """The cone's part of the values as the browser takes them."""
    return {
        "layer": values.layer,
        "unit": unit_of(values),
        "axis": AXES.index(values.axis),
        "down": values.down,
        "zoom": values.zoom,
        "grid": values.centres,
    }


def unit_of(values: FieldSettings) -> tuple[int, int] | None:
    """The unit (row, column) that is named, if one is."""
    if not values.unit:
        return None
    row, col = map(int, values.unit.split("."))
    return row, col


def identity(values: FieldSettings) -> str:
    """Changes whenever another network or input is looked at."""
    parts = [values[name] for name in ("network", "input_height", "input_width", "in_channels")]
    named = {OWN: "layers", MODULE: "module", TRAINED: "run"}.get(values.network)
    own = values[named] if named else ""
    return " ".join(map(str, [*parts, own]))


def picture(values: FieldSettings, size: Pair) -> str:
    """The chosen picture as a data URL; the pagoda stands in for one that is not loaded."""
    upload = st.session_state.get("upload_image") if values.picture == UPLOAD else None
    name = "china" if values.picture == UPLOAD else values.picture
    return network_analysis.picture(name, size, upload, values.seed)


def jump(values: Mapping[str, Any]) -> None:
    """Callback: the cone goes where the rest of the page says."""
    change(PAGE, values)
    st.session_state["field_jump"] = st.session_state.get("field_jump", 0) + 1
