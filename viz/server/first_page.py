"""Middleware that adds this app's style sheet to the HTML page that every browser loads first.

``st.html`` would send the style sheet with the first elements, and the browser would apply it only
when it has loaded the code for HTML elements: the page would be laid out twice before one's eyes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REVALIDATION = (b"if-none-match", b"if-modified-since")
"""Request headers that are dropped: a page with an older style sheet must not be reused."""


class FirstPage:
    """Middleware that adds a style sheet to every HTML page.

    Args:
        app: The application behind this middleware.
        style: Path of the style sheet. It is read for every page, so a changed one needs no restart.
    """

    def __init__(self, app: ASGIApp, style: Path) -> None:
        self.app, self.style = app, style

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _requests_page(scope):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        body = b""

        async def send_with_style(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
                return
            if start is not None:
                body += message.get("body", b"")
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": self._with_style(body)}
                MutableHeaders(scope=start)["content-length"] = str(len(message["body"]))
                await send(start)
            await send(message)

        # Compressed, or sent by the server as a file, the page could not be changed here.
        unwanted = (b"accept-encoding", *REVALIDATION)
        headers = [header for header in scope["headers"] if header[0].lower() not in unwanted]
        plain = {**scope, "headers": headers, "extensions": {}}
        await self.app(plain, receive, send_with_style)

    def _with_style(self, page: bytes) -> bytes:
        """The page with the style sheet at the end of its body.

        There it takes precedence, at equal specificity, over styles that Streamlit adds to the head.
        """
        style = f"<style>\n{self.style.read_text(encoding='utf-8')}</style>\n  </body>"
        return page.replace(b"</body>", style.encode())


def _requests_page(scope: Scope) -> bool:
    """Whether a browser requests a document, and not one of a page's files."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


def _is_page(start: Message) -> bool:
    """Whether a response starts that has an HTML page as its body."""
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return bool(start["status"] == 200 and kind.startswith("text/html"))
