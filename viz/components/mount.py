"""Registering components with files, which browsers cache, instead of inline JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from viz.server.streamlit_private import register_component


def component(
    name: str, *, html: str, js: str, css: str, folder: str = "components"
) -> Callable[..., Any]:
    """Return the function that mounts a Streamlit component whose files are served from a folder.

    Streamlit would send inline JavaScript again with every change of the data.

    Args:
        name: ``package.name`` of the component.
        html: The component's initial HTML.
        js, css: Paths of the module and of the style sheet below ``folder``.
        folder: Folder below ``viz``.
    """
    register_component(name, folder, Path(__file__).parent.parent)
    return _mounting_function(name, html, js, css)


@cache
def _mounting_function(name: str, html: str, js: str, css: str) -> Callable[..., Any]:
    """Streamlit's function that mounts a component; making it anew takes longer than calling it."""
    mount: Callable[..., Any] = st.components.v2.component(name, html=html, js=js, css=css)
    return mount
