"""Middleware that limits the number of sessions and the memory that uploaded files take."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from core.errors import SpecError
from core.uploads import MAX_UPLOAD_BYTES
from viz.server.streamlit_private import (
    keep_uploads_in_memory,
    stored_files,
    upload_manager,
    upload_paths,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SERVER_FULL = "All places on this server are taken. Try again in a minute."
FILES_PER_SESSION = 4
"""Number of uploaded files that a session may hold; a further one replaces the oldest."""
MAX_STORED_BYTES = 256 * 2**20
"""Bytes of uploaded files that all sessions together may hold."""
NO_MEMORY_FOR_FILES = "The server holds too many pictures just now. Try again in a few minutes."
UPLOAD_PATH = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+")
"""Path of a request that uploads a file; the group is the session's id."""
STANDSTILL_S = 15.0
"""An upload is aborted after this many seconds without a byte."""
UPLOAD_STALLED = "The file has stopped coming. Choose it again."
RETRY_HEADERS = {"retry-after": "60"}


class SessionLimit:
    """Middleware that refuses new visitors with status 503 while too many are connected.

    Args:
        app: The application behind this middleware.
        max_sessions: Number of websockets that may be open at a time; a browser tab opens one.
    """

    def __init__(self, app: ASGIApp, max_sessions: int) -> None:
        self.app, self.max_sessions, self.open_sessions = app, max_sessions, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.open_sessions >= self.max_sessions and _is_new_visit(scope):
            refusal = PlainTextResponse(SERVER_FULL, 503, RETRY_HEADERS)
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).send_denial_response(refusal)
            else:
                await refusal(scope, receive, send)
            return
        self.open_sessions += scope["type"] == "websocket"
        try:
            await self.app(scope, receive, send)
        finally:
            self.open_sessions -= scope["type"] == "websocket"


def _is_new_visit(scope: Scope) -> bool:
    """Return whether a request opens the app, either as a page in the browser or as a session."""
    opens_page = (b"sec-fetch-dest", b"document") in scope.get("headers", ())
    return scope["type"] == "websocket" or opens_page


class UploadLimit:
    """Middleware that bounds the uploads of a session and of all sessions together.

    Streamlit itself bounds only the size of a single file. A file in transit stays in memory
    instead of on disk, which may be full; Streamlit holds it in memory afterwards in any case.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        keep_uploads_in_memory(2 * MAX_UPLOAD_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_put = scope["type"] == "http" and scope["method"] == "PUT"
        match = UPLOAD_PATH.fullmatch(scope["path"]) if is_put else None
        if not match:
            await self.app(scope, receive, send)
        elif make_room_for_upload(match[1]):
            await self._receive_upload(scope, receive, send)
            drop_files_with_unusable_names(match[1])
        else:
            await PlainTextResponse(NO_MEMORY_FOR_FILES, 503, RETRY_HEADERS)(scope, receive, send)

    async def _receive_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Streamlit receive an upload; abort one that stalls, as it would delay the shutdown."""
        stalled = False

        async def receive_in_time() -> Message:
            """Receive the next message, or report a disconnection after `STANDSTILL_S`."""
            nonlocal stalled
            try:
                return await asyncio.wait_for(receive(), STANDSTILL_S)
            except TimeoutError:
                stalled = True
                return {"type": "http.disconnect"}

        try:
            await self.app(scope, receive_in_time, send)
        except ClientDisconnect:
            if not stalled:
                raise
            answer = PlainTextResponse(UPLOAD_STALLED, 408, {"connection": "close"})
            await answer(scope, receive, send)


def drop_files_with_unusable_names(session: str) -> None:
    """Drop files whose names Streamlit cannot handle; it would show a traceback for them."""
    manager = upload_manager()
    for file in list(stored_files(manager).get(session, {}).values()):
        if "\0" in file.name:
            manager.remove_file(session, file.file_id)


def check_upload_address(base: str) -> None:
    """Check that Streamlit takes uploads at the address that `UploadLimit` watches.

    Another version of Streamlit may use another address, and its uploads would be unbounded.

    Raises:
        SpecError: The address differs, or cannot be determined.
    """
    try:
        paths = upload_paths(base)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        paths = [repr(error)[:200]]
    if wrong := [path for path in paths if not UPLOAD_PATH.fullmatch(path)]:
        rule = "must be one that takes uploads at …/_stcore/upload_file/…, where they are bounded"
        raise SpecError("the version of Streamlit", rule, ", ".join(wrong))


def make_room_for_upload(session: str) -> bool:
    """Drop a session's oldest files to admit one more; return whether the server has room."""
    manager = upload_manager()
    storage = stored_files(manager)
    for file in list(storage.get(session, {}))[: -FILES_PER_SESSION + 1]:
        manager.remove_file(session, file)
    stored_bytes = sum(
        len(file.data) for files in list(storage.values()) for file in list(files.values())
    )
    return stored_bytes < MAX_STORED_BYTES
