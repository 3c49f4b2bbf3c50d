"""Middleware that limits the sessions, and the memory that uploaded files take."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from core.errors import SpecError
from core.uploads import MAX_UPLOAD_BYTES
from viz.server.streamlit_private import keep_uploads_in_memory, stored, upload_paths, uploads

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FULL = "All places on this server are taken. Try again in a minute."
FILES_PER_SESSION = 4
"""How many uploaded files a session may hold; a newer one replaces the oldest."""
MOST_UPLOADED = 256 * 2**20
"""How many bytes of uploaded files all sessions together may hold."""
NO_ROOM = "The server holds too many pictures just now. Try again in a few minutes."
UPLOAD = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+")
STANDSTILL_S = 15.0
"""An upload is aborted after this many seconds without a byte."""
HALF = "The file has stopped coming. Choose it again."
RETRY = {"retry-after": "60"}


class SessionLimit:
    """Middleware that refuses new visitors with status 503 while too many are connected.

    Args:
        app: the application behind this middleware.
        most: how many websockets may be open at the same time; a browser tab opens one.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most, self.open = app, most, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.open >= self.most and _is_new_visit(scope):
            refusal = PlainTextResponse(FULL, 503, RETRY)
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, send).send_denial_response(refusal)
            else:
                await refusal(scope, receive, send)
            return
        self.open += scope["type"] == "websocket"
        try:
            await self.app(scope, receive, send)
        finally:
            self.open -= scope["type"] == "websocket"


def _is_new_visit(scope: Scope) -> bool:
    """Whether a request opens the app, either as a page in the browser or as a session."""
    opens_page = (b"sec-fetch-dest", b"document") in scope.get("headers", ())
    return scope["type"] == "websocket" or opens_page


class UploadLimit:
    """Middleware that bounds the uploads a session and the server hold; Streamlit bounds only files.

    A file in transit stays in memory instead of on disk, which may be full; Streamlit holds it
    in memory afterwards in any case.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        keep_uploads_in_memory(2 * MAX_UPLOAD_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        put = scope["type"] == "http" and scope["method"] == "PUT"
        match = UPLOAD.fullmatch(scope["path"]) if put else None
        if not match:
            await self.app(scope, receive, send)
        elif make_room(match[1]):
            await self._upload(scope, receive, send)
            drop_unnameable(match[1])
        else:
            await PlainTextResponse(NO_ROOM, 503, RETRY)(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the upload on, but abort it when no byte comes: it would delay the server's shutdown."""
        stands_still = False

        async def coming() -> Message:
            nonlocal stands_still
            try:
                return await asyncio.wait_for(receive(), STANDSTILL_S)
            except TimeoutError:
                stands_still = True
                return {"type": "http.disconnect"}

        try:
            await self.app(scope, coming, send)
        except ClientDisconnect:
            if not stands_still:
                raise
            answer = PlainTextResponse(HALF, 408, {"connection": "close"})
            await answer(scope, receive, send)


def drop_unnameable(session: str) -> None:
    """Drop files whose names Streamlit cannot handle; it would show a traceback for them."""
    manager = uploads()
    for file in list(stored(manager).get(session, {}).values()):
        if "\0" in file.name:
            manager.remove_file(session, file.file_id)


def check_uploads(base: str) -> None:
    """Check that Streamlit takes uploads at the address that `UploadLimit` watches.

    Another version of Streamlit may use another address, and its uploads would be unbounded.

    Raises:
        SpecError: the address differs, or cannot be determined.
    """
    try:
        paths = upload_paths(base)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        paths = [repr(error)[:200]]
    if wrong := [path for path in paths if not UPLOAD.fullmatch(path)]:
        rule = "must be one that takes uploads at …/_stcore/upload_file/…, where they are bounded"
        raise SpecError("the version of Streamlit", rule, ", ".join(wrong))


def make_room(session: str) -> bool:
    """Drop a session's oldest files to admit one more; returns whether the server has room."""
    manager = uploads()
    storage = stored(manager)
    for file in list(storage.get(session, {}))[: -FILES_PER_SESSION + 1]:
        manager.remove_file(session, file)
    held = sum(len(file.data) for files in list(storage.values()) for file in list(files.values()))
    return held < MOST_UPLOADED
