"""All uses of undocumented features of Streamlit, and of one of Starlette.

An upgrade may remove any of them. ``tests/viz/server/test_streamlit_private.py`` says for each what
it is used for, and fails with that sentence if the feature is gone or behaves differently.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit
from starlette.formparsers import MultiPartParser
from starlette.routing import Route
from streamlit import config, runtime
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.secrets import secrets_singleton

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
"""Path of the HTML page that every browser loads first, with its inline scripts."""


def option(name: str) -> Any:
    """Return the value of a Streamlit option, such as ``"server.baseUrlPath"``."""
    return config.get_option(name)


def set_option(name: str, value: object) -> None:
    """Set a Streamlit option; ``server.`` options take effect only before the server is built."""
    config.set_option(name, value)


def load_secrets() -> None:
    """Turn Streamlit's secrets, if there are any, into environment variables."""
    secrets_singleton.load_if_toml_exists()


def session_id() -> str:
    """Return the id of the session to which this script run belongs; "" outside of a run."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def is_connected(session: str) -> bool:
    """Return whether a browser is connected to a session; True if no server runs, as in tests."""
    return not runtime.exists() or runtime.get_instance().is_active_session(session)


def widget_ids_from_browser() -> list[str]:
    """Return the ids of the widgets whose values came with the browser's request for this run."""
    context = get_script_run_ctx()
    return list(context.session_state._state._new_widget_state.states) if context else []


def widget_id(key: str) -> str | None:
    """Return the id of the widget with this key in this session; None if it does not exist yet."""
    context = get_script_run_ctx()
    ids = context.session_state._state._key_id_mapper if context else None
    return ids.get_id_from_key(key, None) if ids is not None else None


def upload_manager() -> MemoryUploadedFileManager:
    """Return Streamlit's manager of uploaded files; `stored_files` returns the files it holds."""
    manager: Any = runtime.get_instance().uploaded_file_mgr
    return manager


def stored_files(manager: MemoryUploadedFileManager) -> dict[str, dict[str, Any]]:
    """Return the uploaded files by session id and file id, in each session the oldest first."""
    return manager.file_storage


def keep_uploads_in_memory(max_bytes: int) -> None:
    """Let Starlette receive files of up to ``max_bytes`` bytes in memory instead of on disk."""
    MultiPartParser.spool_max_size = max_bytes


def upload_paths(base: str) -> list[str]:
    """Return the paths at which Streamlit accepts uploads, and those it tells browsers to use.

    Args:
        base: The option ``server.baseUrlPath``.

    Raises:
        ImportError, AttributeError, TypeError, ValueError: This version of Streamlit handles
            uploads differently.
    """
    from streamlit.web.server.starlette import starlette_routes  # slow; a server has imported it

    _ = MultiPartParser.spool_max_size
    manager = MemoryUploadedFileManager(f"/{starlette_routes.BASE_ROUTE_UPLOAD_FILE}")
    routes = starlette_routes.create_upload_routes(None, manager, base)  # type: ignore[arg-type]
    accepted = [route.path for route in routes if isinstance(route, Route)]
    if not accepted or not hasattr(stored_files(manager), "get"):
        raise ValueError("no uploads")
    return [*accepted, *(urls.upload_url for urls in manager.get_upload_urls("a", ["b"]))]


def register_component(name: str, folder: str, root: Path) -> None:
    """Register a component ``package.name`` whose files are served from a folder below ``root``.

    Streamlit itself reads such a registration from *installed* packages only.
    """
    manager = get_bidi_component_manager()
    if manager.get(name) is None:
        package, component = name.split(".")
        manifest = ComponentManifest(package, "1", [ComponentConfig(component, folder)])
        manager.register_from_manifest(manifest, root)
