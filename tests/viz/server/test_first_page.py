"""The style sheet is in the first HTML page, and no other answer is touched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from viz.server.first_page import FirstPage
from viz.server.streamlit_private import INDEX

PAGE = b"<html><body><p>a page</p></body></html>"
BROWSER = ((b"accept", b"text/html,*/*"), (b"Accept-Encoding", b"gzip"), (b"if-none-match", b"1"))


def answer(
    style: Path,
    parts: Sequence[bytes],
    kind: bytes = b"text/html; charset=utf-8",
    status: int = 200,
    request: Sequence[tuple[bytes, bytes]] = BROWSER,
) -> tuple[Headers, Headers, bytes]:
    """The headers that reach the app, those of the response, and its body."""
    seen: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(Headers(scope=scope))
        length = str(sum(map(len, parts))).encode()
        headers = [(b"content-type", kind), (b"content-length", length), (b"etag", b"2")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": list(request)}
    request_page = FirstPage(app, style)(scope, None, send)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as thread:  # Playwright's event loop runs in the tests' own thread
        thread.submit(asyncio.run, request_page).result()
    body = b"".join(message["body"] for message in sent[1:])
    return seen[0], Headers(raw=sent[0]["headers"]), body


@pytest.fixture
def style(tmp_path: Path) -> Path:
    path = tmp_path / "style.css"
    path.write_text("p { color: red } /* × */", encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [1, 7, len(PAGE)])
def test_a_page_ends_with_the_style_sheet(style: Path, size: int) -> None:
    parts = [PAGE[at : at + size] for at in range(0, len(PAGE), size)]
    _, headers, body = answer(style, parts)
    text = body.decode()
    assert text.index("</p>") < text.index("<style>\np { color: red } /* × */</style>")
    assert text.index("</style>") < text.index("</body>")
    assert int(headers["content-length"]) == len(body)


def test_the_page_that_comes_is_whole_and_current(style: Path) -> None:
    request, _, before = answer(style, [PAGE])
    assert list(request) == ["accept"]  # neither compressed nor "304 Not Modified"
    style.write_text("p { color: green }")
    assert answer(style, [PAGE])[2] != before


@pytest.mark.parametrize(
    ("kind", "status", "accept"),
    [
        (b"text/javascript", 200, b"text/html,*/*"),
        (b"text/html", 503, b"text/html,*/*"),
        (b"text/html", 200, b"*/*"),
    ],
)
def test_other_answers_stay_as_they_are(
    style: Path, kind: bytes, status: int, accept: bytes
) -> None:
    _, headers, body = answer(style, [PAGE], kind, status, [(b"accept", accept)])
    assert body == PAGE
    assert int(headers["content-length"]) == len(PAGE)


def test_streamlits_page_has_one_body_to_end() -> None:
    assert INDEX.read_text(encoding="utf-8").count("</body>") == 1
