"""What Streamlit does not document and the app uses: each is there, and does what it is used for.

An upgrade that takes one away fails here, with a sentence that says what for it is used.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.formparsers import MultiPartParser
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.testing.v1 import AppTest

from tests.undocumented import ROOT, Interface, check

HOME = ROOT / "viz/server/streamlit_private.py"
DOCUMENTED = {"streamlit.delta_generator", "streamlit.errors"}
TEST_ID = re.compile(r'data-testid[*^$]?="(\w+)"')


def _script() -> None:
    import streamlit as st

    from viz.server import streamlit_private as private

    st.text(private.session_id())
    st.text(" ".join(private.widget_ids_from_browser()))
    st.number_input("a number", key="number")
    st.text(private.widget_id("number") or "")
    st.text(private.widget_id("nothing") or "none")


def _knows_its_session(private: Any) -> bool:
    app = AppTest.from_function(_script).run()
    app.number_input[0].set_value(2.0).run()
    session, sent, widget, other = (text.value for text in app.text)
    return (
        bool(session)
        and widget.endswith("-number")
        and sent.split() == [widget]
        and other == "none"
        and private.session_id() == ""
    )


def _keeps_options(private: Any) -> bool:
    name = "browser.serverAddress"
    before = private.option(name)
    try:
        private.set_option(name, "strides.example.org")
        return bool(private.option(name) == "strides.example.org")
    finally:
        private.set_option(name, before)


def _looks_into_uploads(private: Any) -> bool:
    manager = MemoryUploadedFileManager("/upload")
    for number in "12":
        manager.add_file("one", UploadedFileRec(number, "a.png", "image/png", b"x"))
    manager.remove_file("one", "1")
    (record,) = private.stored_files(manager)["one"].values()
    return (record.file_id, record.name, record.data) == ("2", "a.png", b"x")


def _bounds_memory(private: Any) -> bool:
    before = MultiPartParser.spool_max_size
    try:
        private.keep_uploads_in_memory(12345)
        return MultiPartParser(None, None).spool_max_size == 12345  # type: ignore[arg-type]
    finally:
        MultiPartParser.spool_max_size = before


def _takes_uploads(private: Any) -> bool:
    paths = private.upload_paths("classes/strides")
    return bool(paths) and all("/_stcore/upload_file/" in path for path in paths)


def _serves_components(private: Any) -> bool:
    manager = private.get_bidi_component_manager()  # without a server each call makes another
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(private, "get_bidi_component_manager", lambda: manager)
        for _ in range(2):  # every rerun asks again
            private.register_component("strides.part", "components", ROOT / "viz")
    return manager.get("strides.part") is not None


INTERFACES = {
    "options": Interface(
        ("streamlit.config.get_option", "streamlit.config.set_option"),
        "The server is configured by it, as uvicorn knows no command line of Streamlit's.",
        _keeps_options,
    ),
    "secrets": Interface(
        ("streamlit.runtime.secrets.secrets_singleton.load_if_toml_exists",),
        "A hoster's secrets become environment variables by it.",
        lambda private: private.load_secrets() is None,
    ),
    "sessions": Interface(
        ("streamlit.runtime.scriptrunner.get_script_run_ctx",),
        "Visitors are told apart in the queue, and what a browser has sent is read, by it.",
        _knows_its_session,
    ),
    "connections": Interface(
        (
            "streamlit.runtime.exists",
            "streamlit.runtime.get_instance",
            "streamlit.runtime.Runtime.is_active_session",
        ),
        "Computations whose visitors have left are stopped by it.",
        lambda private: runtime.exists() or private.is_connected("any"),
    ),
    "uploads": Interface(
        (
            "streamlit.runtime.Runtime.uploaded_file_mgr",
            "streamlit.runtime.memory_uploaded_file_manager.MemoryUploadedFileManager.remove_file",
        ),
        "It lets the server bound what all uploaded files take of its memory.",
        _looks_into_uploads,
    ),
    "addresses of uploads": Interface(
        (
            "streamlit.web.server.starlette.starlette_routes.create_upload_routes",
            "streamlit.web.server.starlette.starlette_routes.BASE_ROUTE_UPLOAD_FILE",
        ),
        "Uploads are bounded at the addresses that it gives.",
        _takes_uploads,
    ),
    "arriving files": Interface(
        ("starlette.formparsers.MultiPartParser.spool_max_size",),
        "Uploads arrive in memory and not on the disk by it.",
        _bounds_memory,
    ),
    "the first page": Interface(
        (),
        "The Content-Security-Policy allows the inline scripts of this file (static/index.html).",
        lambda private: "<script" in private.INDEX.read_text(encoding="utf-8"),
    ),
    "components": Interface(
        (
            "streamlit.components.v2.get_bidi_component_manager",
            "streamlit.components.v2.manifest_scanner.ComponentConfig",
            "streamlit.components.v2.manifest_scanner.ComponentManifest",
        ),
        "The player, the cone and the tables are served as files by it.",
        _serves_components,
    ),
}


@pytest.mark.parametrize("name", INTERFACES)
def test_streamlit_still_has_what_it_does_not_document(name: str) -> None:
    check(INTERFACES[name], "viz.server.streamlit_private")


def test_what_has_changed_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viz.server.streamlit_private.session_id", lambda: "another")
    with pytest.raises(pytest.fail.Exception) as failed:
        check(INTERFACES["sessions"], "viz.server.streamlit_private")
    assert str(failed.value) == (
        "This does not work any more: Visitors are told apart in the queue, and what a browser "
        "has sent is read, by it. Mend viz/server/streamlit_private.py."
    )


def undocumented(source: str) -> Iterator[str]:
    """The modules of Streamlit's that a source imports beside ``import streamlit as st``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = {alias.name for alias in node.names} & {"config", "runtime"}
            inner = node.module.startswith("streamlit.") and node.module not in DOCUMENTED
            if inner or (node.module == "streamlit" and names):
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("streamlit."))
        elif isinstance(node, ast.Attribute) and node.attr in ("spool_max_size", "_state"):
            yield node.attr


def test_they_stand_in_one_module_alone() -> None:
    assert len(set(undocumented(HOME.read_text()))) >= 6
    for file in (ROOT / "app.py", *(ROOT / "viz").rglob("*.py")):
        assert file == HOME or not [*undocumented(file.read_text())], file


def test_streamlits_own_pages_still_have_the_elements_that_are_styled() -> None:
    private = pytest.importorskip("viz.server.streamlit_private")
    scripts = " ".join(
        file.read_text(encoding="utf-8", errors="replace")
        for file in (private.INDEX.parent / "static/js").rglob("*.js")
    )
    styled = {
        name
        for file in (ROOT / "viz").rglob("*.css")
        for name in TEST_ID.findall(file.read_text(encoding="utf-8"))
    }
    assert styled
    for name in styled:
        assert name in scripts, f"Streamlit draws no {name} any more, which our CSS styles."
