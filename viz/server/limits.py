"""Who is let in, and what one visitor, and all of them together, may hold of the memory."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from starlette.formparsers import MultiPartParser
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.websockets import WebSocket
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from core.errors import SpecError
from core.uploads import MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

FULL = "All places on this server are taken. Try again in a minute."
FILES_KEPT = 4
"""Uploaded files that a session may hold; a newer one pushes out the oldest."""
MOST_UPLOADED = 256 * 2**20
"""Bytes of uploaded files that all sessions may hold together."""
NO_ROOM = "The server holds too many pictures just now. Try again in a few minutes."
UPLOAD = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+")
STANDSTILL_S = 15.0
"""Seconds without a byte of a file that is being uploaded, after which it is given up."""
HALF = "The file has stopped coming. Choose it again."
RETRY = {"retry-after": "60"}


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
        if not found:
            await self.app(scope, receive, send)
        elif make_room(found[1]):
            await self._upload(scope, receive, send)
            drop_unnameable(found[1])
        else:
            await PlainTextResponse(NO_ROOM, 503, RETRY)(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Streamlit's answer, unless the file stops coming: a server that is to stop waits for it."""
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
    """Drop files whose names Streamlit does not take: it would show a traceback for them."""
    manager: Any = runtime.get_instance().uploaded_file_mgr
    for file in list(manager.file_storage.get(session, {}).values()):
        if "\0" in file.name:
            manager.remove_file(session, file.file_id)


def check_uploads(base: str) -> None:
    """Make sure that Streamlit takes uploads where `UploadLimit` bounds them: another version may
    do it elsewhere, and they would be bounded no more.

    Raises:
        SpecError: it does not, or nobody can say.
    """
    try:
        from streamlit.web.server.starlette import starlette_routes as streamlits

        _ = MultiPartParser.spool_max_size
        manager = MemoryUploadedFileManager(f"/{streamlits.BASE_ROUTE_UPLOAD_FILE}")
        kept: Any = manager.file_storage
        routes = streamlits.create_upload_routes(None, manager, base)  # type: ignore[arg-type]
        paths = [route.path for route in routes if isinstance(route, Route)]
        told = [urls.upload_url for urls in manager.get_upload_urls("a", ["b"])]
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        paths, told, kept = [], [repr(error)[:200]], None
    wrong = [path for path in [*paths, *told] if not UPLOAD.fullmatch(path)]
    if wrong or not paths or not hasattr(kept, "get"):
        rule = "must be one that takes uploads at …/_stcore/upload_file/…, where they are bounded"
        raise SpecError("the version of Streamlit", rule, ", ".join(wrong) or "none")


def make_room(session: str) -> bool:
    """Drop a session's oldest files for one more; whether there is room among all."""
    manager: Any = runtime.get_instance().uploaded_file_mgr
    kept: Any = manager.file_storage
    for file in list(kept.get(session, {}))[: -FILES_KEPT + 1]:
        manager.remove_file(session, file)
    held = sum(len(file.data) for files in list(kept.values()) for file in list(files.values()))
    return held < MOST_UPLOADED
