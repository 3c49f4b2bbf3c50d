"""Components whose modules are served from their folder, so that the browser keeps them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest


def component(
    name: str, *, html: str, js: str, css: str, folder: str = "components"
) -> Callable[..., Any]:
    """The component ``package.name`` with files below a folder of ``viz``.

    Streamlit reads such a manifest from *installed* packages only; inline JavaScript would
    be sent again with every change of the data. The manager is Streamlit's own, its version
    pinned, and browser tests open the components.
    """
    manager = get_bidi_component_manager()
    if manager.get(name) is None:
        package, own = name.split(".")
        manifest = ComponentManifest(package, "1", [ComponentConfig(own, folder)])
        manager.register_from_manifest(manifest, Path(__file__).parent.parent)
    return st.components.v2.component(name, html=html, js=js, css=css)
