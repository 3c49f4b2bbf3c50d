"""Components whose modules are served from their folder, so that the browser keeps them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from viz.server.streamlit_private import register_component


def component(
    name: str, *, html: str, js: str, css: str, folder: str = "components"
) -> Callable[..., Any]:
    """The component ``package.name`` with files below a folder of ``viz``.

    Streamlit reads such a manifest from *installed* packages only; inline JavaScript would
    be sent again with every change of the data. The manager is Streamlit's own, its version
    pinned, and browser tests open the components.
    """
    register_component(name, folder, Path(__file__).parent.parent)
    return st.components.v2.component(name, html=html, js=js, css=css)
