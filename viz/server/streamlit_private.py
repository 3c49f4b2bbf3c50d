"""Everything of Streamlit that it does not document: all of it stands here and nowhere else.

So does the one setting of Starlette's that is no argument. An upgrade may take any of it away.
``tests/viz/server/test_streamlit_private.py`` says for each what it is used for, and fails with
that sentence where it is gone or does something else.
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
"""The page that every browser gets first, with its inline scripts."""


def option(name: str) -> Any:
    """The value of a Streamlit option, such as ``"server.baseUrlPath"``."""
    return config.get_option(name)


def set_option(name: str, value: object) -> None:
    """Set a Streamlit option; those of the server have an effect only before it is built."""
    config.set_option(name, value)


def load_secrets() -> None:
    """Make environment variables of a hoster's secrets, where there are any."""
    secrets_singleton.load_if_toml_exists()


def session_id() -> str:
    """The name of the session that this run serves; "" outside of any."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def is_connected(session: str) -> bool:
    """Whether a browser is connected to a session; True where there is no server to ask."""
    return not runtime.exists() or runtime.get_instance().is_active_session(session)


def widgets_of_the_browser() -> list[str]:
    """The ids of the widgets whose values came with the request that this run answers."""
    context = get_script_run_ctx()
    return list(context.session_state._state._new_widget_state.states) if context else []


def widget_id(key: str) -> str | None:
    """The id of the widget that has this key in this session; None where there is none yet."""
    context = get_script_run_ctx()
    ids = context.session_state._state._key_id_mapper if context else None
    return ids.get_id_from_key(key, None) if ids is not None else None


def uploads() -> MemoryUploadedFileManager:
    """Where the server keeps its uploaded files; `stored` looks into it."""
    manager: Any = runtime.get_instance().uploaded_file_mgr
    return manager


def stored(manager: MemoryUploadedFileManager) -> dict[str, dict[str, Any]]:
    """The uploaded files of all sessions: session to file id to record, the oldest first."""
    return manager.file_storage


def keep_uploads_in_memory(most: int) -> None:
    """Have files of up to so many bytes arrive in memory, and not on the disk."""
    MultiPartParser.spool_max_size = most


def upload_paths(base: str) -> list[str]:
    """Under which paths Streamlit takes uploads, and which it gives to browsers.

    Raises:
        ImportError, AttributeError, TypeError, ValueError: this Streamlit does it in another way.
    """
    from streamlit.web.server.starlette import starlette_routes  # only a server has it loaded

    _ = MultiPartParser.spool_max_size
    manager = MemoryUploadedFileManager(f"/{starlette_routes.BASE_ROUTE_UPLOAD_FILE}")
    routes = starlette_routes.create_upload_routes(None, manager, base)  # type: ignore[arg-type]
    taken = [route.path for route in routes if isinstance(route, Route)]
    if not taken or not hasattr(stored(manager), "get"):
        raise ValueError("no uploads")
    return [*taken, *(urls.upload_url for urls in manager.get_upload_urls("a", ["b"]))]


def register_component(name: str, folder: str, root: Path) -> None:
    """Have the files of a component ``package.name`` served from a folder below ``root``.

    Streamlit reads such a manifest from *installed* packages only.
    """
    manager = get_bidi_component_manager()
    if manager.get(name) is None:
        package, own = name.split(".")
        manifest = ComponentManifest(package, "1", [ComponentConfig(own, folder)])
        manager.register_from_manifest(manifest, root)
