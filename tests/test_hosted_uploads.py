"""Uploads as a server takes them: bounded where Streamlit takes them, and no reason to stay."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from starlette.requests import Request
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.web.server.starlette import starlette_routes

from tests.test_app import ADDRESS, COMMANDS, HOSTED, PATIENCE, Hosted, hosted, run
from tests.test_deploy import readme_command
from viz.server import limits, streamlit_private
from viz.server.options import configure

PART = (
    "--x\r\nContent-Disposition: form-data; name=file; filename=picture.png\r\n"
    "Content-Type: image/png\r\n\r\n"
)


async def place(session: websockets.ClientConnection) -> str:
    """Where a session's file goes."""
    message = BackMsg()
    message.rerun_script.SetInParent()
    await session.send(message.SerializeToString())
    answer = ForwardMsg()
    while answer.WhichOneof("type") != "new_session":
        answer = ForwardMsg.FromString(await session.recv(decode=False))
    return f"/_stcore/upload_file/{answer.new_session.initialize.session_id}/picture"


@pytest.fixture(params=list(COMMANDS))
def server(request: Any, tmp_path: Path) -> Iterator[Hosted]:
    with hosted(request.param, tmp_path, **HOSTED) as found:
        yield found


def test_a_picture_too_large_is_turned_away_while_it_arrives(server: Hosted) -> None:
    async def upload(size: int) -> int:
        session = await server.session(ADDRESS)
        path = await place(session)
        status = await asyncio.to_thread(put, path, size)
        await session.close()
        return status

    def put(path: str, size: int) -> int:
        cookie = server.ask("/_stcore/health").getheader("Set-Cookie", "").split(";")[0]
        return server.ask(
            path,
            "PUT",
            PART.encode() + bytes(size) + b"\r\n--x--\r\n",
            cookie=cookie,
            x_xsrftoken=cookie.partition("=")[2],
            content_type="multipart/form-data; boundary=x",
        ).status

    assert run(upload(1000)) == 204
    assert run(upload(2**20 + 2**17)) == 413


def test_readme_s_server_stops_while_an_upload_is_half_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, *command = readme_command()
    at = command.index("--port")
    # Less patience than README's, so that the test takes less; what is shown is that it ends.
    command[command.index("--timeout-graceful-shutdown") + 1] = "1"
    monkeypatch.setitem(COMMANDS, "README", [*command[:at], *command[at + 2 :], "--port"])

    async def half(server: Hosted, upload: socket.socket) -> None:
        session = await server.session(f"http://127.0.0.1:{server.port}")
        path = await place(session)
        answer = await asyncio.to_thread(server.ask, "/_stcore/health")
        cookie = answer.getheader("Set-Cookie", "").split(";")[0]
        head = {
            "Host": f"127.0.0.1:{server.port}",
            "Cookie": cookie,
            "X-Xsrftoken": cookie.partition("=")[2],
            "Content-Type": "multipart/form-data; boundary=x",
            "Content-Length": "100000",
        }
        lines = [f"PUT {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        upload.sendall("\r\n".join([*lines, "", PART]).encode())
        await asyncio.sleep(0.5)  # it has begun to read
        session.transport.abort()
        server.process.terminate()

    with hosted("README", tmp_path) as server, socket.socket() as upload:
        upload.connect(("127.0.0.1", server.port))
        run(asyncio.wait_for(half(server, upload), PATIENCE))
        assert server.process.wait(PATIENCE) is not None


@pytest.mark.parametrize(("sent", "answered"), [(1, 408), (3, 204)])
def test_an_upload_that_stands_still_is_ended(
    sent: int, answered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a server stops however it was started: it waits for uploads that go on."""
    monkeypatch.setattr(limits, "make_room_for_upload", lambda session: True)
    monkeypatch.setattr(limits, "drop_files_with_unusable_names", lambda session: None)
    monkeypatch.setattr(limits, "STANDSTILL_S", 0.05)
    messages = [{"type": "http.request", "body": b"x", "more_body": n < 2} for n in range(3)]
    statuses: list[int] = []

    async def streamlits(scope: Any, receive: Any, send: Any) -> None:
        body = [chunk async for chunk in Request(scope, receive).stream()]
        assert b"".join(body) == b"xxx"
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def visitors() -> Any:
        if len(messages) == 3 - sent:
            await asyncio.sleep(PATIENCE)
        return messages.pop(0)

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    scope = {"type": "http", "method": "PUT", "path": "/_stcore/upload_file/a/b", "headers": []}
    run(limits.UploadLimit(streamlits)(scope, visitors, send))
    assert statuses == [answered]


# Where uploads are bounded.


@pytest.mark.parametrize("base", ["", "/classes/strides"])
def test_uploads_are_taken_where_they_are_bounded(base: str) -> None:
    limits.check_upload_address(base)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("_ROUTE_UPLOAD_FILE", "_stcore/files/{session_id}/{file_id}"),
        ("BASE_ROUTE_UPLOAD_FILE", "_stcore/files"),
        ("create_upload_routes", lambda *given: []),
        ("create_upload_routes", lambda: []),
        ("create_upload_routes", None),
    ],
)
def test_a_streamlit_that_takes_them_elsewhere_is_no_start(
    name: str, other: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starlette_routes, name, other)
    monkeypatch.setattr("viz.server.options._set_options", lambda chosen: None)
    with pytest.raises(
        SystemExit, match="The server does not start: the version of Streamlit must"
    ):
        configure()


def test_a_file_whose_name_streamlit_does_not_take_is_dropped(
    uploads: MemoryUploadedFileManager,
) -> None:
    for file, name in (("1", "a\0.png"), ("2", "a.png")):
        uploads.add_file("one", UploadedFileRec(file, name, "image/png", b"x"))
    limits.drop_files_with_unusable_names("one")
    limits.drop_files_with_unusable_names("nobody")
    assert list(uploads.file_storage["one"]) == ["2"]


# The limits, without a server.


class _Runtime:
    def __init__(self) -> None:
        self.uploaded_file_mgr = MemoryUploadedFileManager("/upload")


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    runtime = _Runtime()
    monkeypatch.setattr(streamlit_private.runtime, "get_instance", lambda: runtime)
    return runtime.uploaded_file_mgr


def keep(uploads: MemoryUploadedFileManager, session: str, file: str, size: int) -> None:
    uploads.add_file(session, UploadedFileRec(file, "picture.png", "image/png", bytes(size)))


def test_a_session_keeps_its_newest_files(uploads: MemoryUploadedFileManager) -> None:
    for number in range(10):
        assert limits.make_room_for_upload("one")
        keep(uploads, "one", f"{number}", 1)
        keep(uploads, "other", "its own", 1)
    assert list(uploads.file_storage["one"]) == ["6", "7", "8", "9"]
    assert list(uploads.file_storage["other"]) == ["its own"]


def test_all_sessions_together_hold_so_much(
    uploads: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_STORED_BYTES", 100)
    keep(uploads, "one", "small", 40)
    assert limits.make_room_for_upload("two")
    keep(uploads, "two", "large", 60)
    assert not limits.make_room_for_upload("three")
    uploads.remove_session_files("one")
    assert limits.make_room_for_upload("three")


@pytest.mark.parametrize("method, passed", [("PUT", False), ("DELETE", True), ("GET", True)])
def test_without_room_uploads_are_refused(
    monkeypatch: pytest.MonkeyPatch, method: str, passed: bool
) -> None:
    monkeypatch.setattr(limits, "make_room_for_upload", lambda session: session != "mine")
    sent: list[Any] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        sent.append("passed")

    async def send(message: Any) -> None:
        sent.append(message.get("status"))

    for base in ("", "/strides"):
        sent.clear()
        scope = {"type": "http", "method": method}
        scope["path"] = f"{base}/_stcore/upload_file/mine/picture"
        run(limits.UploadLimit(behind)(scope, None, send))
        assert sent[:1] == (["passed"] if passed else [503])
