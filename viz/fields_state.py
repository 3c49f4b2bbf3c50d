"""State of the receptive-field page: the network, the unit looked at, what is shown below."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from core.data import PICTURES
from core.window import Pair
from viz import compute_networks, network_state
from viz.network_state import MODULE, OWN, TRAINED, Values
from viz.state import UPLOAD
from viz.url import Param, change, choice, number, switch

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
AXES = ("height", "width")
MOST_COMPARED = 2
"""Networks beside the first."""


def _tab(text: str) -> str:
    if text not in TABS:
        raise ValueError(f"must be one of {', '.join(TABS)}")
    return TABS[text]


def parse_layer(text: str) -> str:
    """The name of a layer, as the URL has it."""
    if not re.fullmatch(r"[\w.]{1,300}", text, re.ASCII):
        raise ValueError("must be the name of a layer")
    return text


def _unit(text: str) -> str:
    if not re.fullmatch(r"\d{1,4}\.\d{1,4}", text, re.ASCII):
        raise ValueError("must be a unit as row.column, such as 3.5")
    return text


def _compared(text: str) -> tuple[str, ...]:
    from core.zoo import NAMES

    names = tuple(filter(None, text.split(",")))
    if len(names) > MOST_COMPARED or not set(names) <= set(NAMES):
        raise ValueError(f"must be at most {MOST_COMPARED} architectures, with a comma between")
    return names


def _strategy(text: str) -> str:
    names = compute_networks.strategy_names()
    if text not in names:
        raise ValueError(f"must be one of {', '.join(names)}")
    return text


VIEW = [
    Param("layer", "", parse_layer),
    Param("unit", "", _unit),
    choice("axis", "width", AXES),
    switch("down"),
    switch("zoom"),
    switch("centres", True),
]
"""What the cone shows; told by it."""

PARAMS = [
    *network_state.PARAMS,
    *VIEW,
    choice("picture", "china", [*PICTURES, UPLOAD]),
    number("seed", 0, 0, 9999),
    Param("tab", TABS["layers"], _tab, {label: name for name, label in TABS.items()}.__getitem__),
    Param("compare", (), _compared, ",".join),
    number("target", 32, 1, 512),
    Param("strategy", "stack3", _strategy),
]


def view(values: Values) -> dict[str, Any]:
    """The cone's part of the values as the browser takes them."""
    return {
        "layer": values["layer"],
        "unit": unit_of(values),
        "axis": AXES.index(values["axis"]),
        "down": values["down"],
        "zoom": values["zoom"],
        "grid": values["centres"],
    }


def unit_of(values: Values) -> tuple[int, int] | None:
    """The unit (row, column) that is named, if one is."""
    if not values["unit"]:
        return None
    row, col = map(int, values["unit"].split("."))
    return row, col


def told(message: object) -> dict[str, Any]:
    """What the cone tells, held to the same rules as a link; nothing where it breaks one."""
    try:
        assert isinstance(message, dict)
        row, col = message["unit"]
        text = {
            "layer": str(message["layer"]),
            "unit": f"{int(row)}.{int(col)}",
            "axis": AXES[int(bool(message["axis"]))],
            **{
                name: "true" if message[key] is True else "false"
                for name, key in (("down", "down"), ("zoom", "zoom"), ("centres", "grid"))
            },
        }
        return {param.name: param.parse(text[param.name]) for param in VIEW}
    except (AssertionError, KeyError, OverflowError, TypeError, ValueError):
        return {}


def identity(values: Values) -> str:
    """Changes whenever another network or input is looked at."""
    parts = [values[name] for name in ("network", "input_height", "input_width", "in_channels")]
    named = {OWN: "layers", MODULE: "module", TRAINED: "run"}.get(values["network"])
    own = values[named] if named else ""
    return " ".join(map(str, [*parts, own]))


def forget(values: dict[str, Any], adopted: int) -> bool:
    """Let go of layer and unit where another network has been chosen since the last run.

    Args:
        values: the page's, of this run.
        adopted: how often a link has set them; what a link names stays.

    Returns:
        whether these values are a link's, so that what does not fit must be told.
    """
    now = [values[name] for name in ("network", "layers", "module", "run")]
    before, st.session_state["field_shown"] = (
        st.session_state.get("field_shown"),
        (adopted, now),
    )
    if before is None or before[0] != adopted:
        return True
    if before[1] != now:
        values["layer"] = values["unit"] = ""
    return False


def picture(values: Values, size: Pair) -> str:
    """The chosen picture as a data URL; the pagoda stands in for one that is not loaded."""
    upload = st.session_state.get("upload_image") if values["picture"] == UPLOAD else None
    name = "china" if values["picture"] == UPLOAD else values["picture"]
    return compute_networks.picture(name, size, upload, values["seed"])


def jump(values: Values) -> None:
    """Callback: the cone goes where the rest of the page says."""
    change(PAGE, values)
    st.session_state["field_jump"] = st.session_state.get("field_jump", 0) + 1
