"""Who is let in, and what one visitor, and all of them together, may hold of the memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from core.uploads import MAX_UPLOAD_BYTES
from viz.hosting.options import LOCAL_HOSTS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

FULL = "All places on this server are taken. Try again in a minute."
FILES_KEPT = 4
"""Uploaded files that a session may hold; a newer one pushes out the oldest."""
MOST_UPLOADED = 256 * 2**20
"""Bytes of uploaded files that all sessions may hold together."""
NO_ROOM = "The server holds too many pictures just now. Try again in a few minutes."
UPLOAD = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+")
RETRY = {"retry-after": "60"}


LOCAL = re.compile(rf"https?://({'|'.join(map(re.escape, LOCAL_HOSTS))})(:[0-9]+)?")
STRANGER = "Sessions are for the pages of this server alone."


class OwnOrigin:
    """Middleware: no session for another site's page.

    Streamlit refuses those too, but it asks the internet for its own address first, and where
    there is none every visitor waits for that.

    Args:
        app: what stands behind.
        address: of the server, as visitors know it; "" leaves the judgement to Streamlit.
    """

    def __init__(self, app: ASGIApp, address: str) -> None:
        self.app, self.address = app, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and self.address and self._foreign(scope):
            refusal = PlainTextResponse(STRANGER, 403)
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await self.app(scope, receive, send)

    def _foreign(self, scope: Scope) -> bool:
        origin = Headers(scope=scope).get("origin", self.address)
        return origin != self.address and not LOCAL.fullmatch(origin)


class SessionLimit:
    """Middleware: so many visitors at a time; who comes later is told so.

    Args:
        app: what stands behind.
        most: websockets open at the same time: one a browser tab.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most, self.open = app, most, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.open >= self.most and _arrives(scope):
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


def _arrives(scope: Scope) -> bool:
    """Whether a visitor opens the app: as a page in the browser, or as a session."""
    opens_page = (b"sec-fetch-dest", b"document") in scope.get("headers", ())
    return scope["type"] == "websocket" or opens_page


class UploadLimit:
    """Middleware: what Streamlit keeps of uploads, which has no bound of its own but per file.

    A file in transit stays in memory, where it is kept anyhow: a disk may be full.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        MultiPartParser.spool_max_size = 2 * MAX_UPLOAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        put = scope["type"] == "http" and scope["method"] == "PUT"
        found = UPLOAD.fullmatch(scope["path"]) if put else None
        if found and not make_room(found[1]):
            await PlainTextResponse(NO_ROOM, 503, RETRY)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def make_room(session: str) -> bool:
    """Drop a session's oldest files for one more; whether there is room among all."""
    manager = runtime.get_instance().uploaded_file_mgr
    assert isinstance(manager, MemoryUploadedFileManager)
    kept = manager.file_storage
    for file in list(kept.get(session, {}))[: -FILES_KEPT + 1]:
        manager.remove_file(session, file)
    held = sum(len(file.data) for files in list(kept.values()) for file in list(files.values()))
    return held < MOST_UPLOADED
