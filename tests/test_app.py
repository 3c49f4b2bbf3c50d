"""The two ways to start the app, as a server and at home, and what stands before it."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import pytest
import websockets
from streamlit import config
from streamlit.runtime.secrets import Secrets

from tests.load.visitor import Visitor
from tests.serving import APP, ROOT, free_port
from viz.pages import PAGES
from viz.server.options import configure
from viz.server.routes import routes

COMMANDS = {
    "uvicorn": ["uvicorn", "app:app", "--host", "127.0.0.1", "--port"],
    "streamlit": ["streamlit", "run", str(APP), "--server.headless=true", "--server.port"],
}
ADDRESS = "https://strides.example.org"
HOSTED = {
    "STRIDES_PUBLIC_ADDRESS": ADDRESS,
    "STRIDES_MAX_SESSIONS": "2",
    "STRIDES_UPLOAD_MB": "1",
    "STRIDES_FRAME_ANCESTORS": "https://lms.example.org",
}
PATIENCE = 60.0
T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Its result, from a loop of its own: a browser of other tests may hold this thread's."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def start(kind: str, port: int, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", *COMMANDS[kind], str(port)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
        )


class Hosted:
    """A running server and the ways to talk to it."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.port, self.process, self.log = port, process, log

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        """One request; ``sec_fetch_dest`` is the header Sec-Fetch-Dest."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def healthy(self) -> bool:
        try:
            return self.ask("/_stcore/health").status == 200
        except OSError:
            return False

    async def session(self, origin: str) -> websockets.ClientConnection:
        return await websockets.connect(
            f"ws://127.0.0.1:{self.port}/_stcore/stream",
            origin=websockets.Origin(origin),
            subprotocols=[websockets.Subprotocol("streamlit")],
            open_timeout=PATIENCE,
            proxy=None,
        )


@contextmanager
def hosted(kind: str, folder: Path, **environment: str) -> Iterator[Hosted]:
    log = folder / f"{kind}.log"
    port = free_port()
    server = Hosted(port, start(kind, port, log, **environment), log)
    until = time.monotonic() + PATIENCE
    try:
        while not server.healthy():
            assert server.process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@pytest.fixture(scope="module", params=list(COMMANDS))
def server(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with hosted(request.param, tmp_path_factory.mktemp("server"), **HOSTED) as found:
        yield found


def test_the_first_page_comes(server: Hosted) -> None:
    async def visit() -> Visitor:
        visitor = Visitor(f"http://127.0.0.1:{server.port}", timeout=PATIENCE)
        await visitor.open()
        try:
            await visitor.rerun()
        finally:
            await visitor.close()
        return visitor

    visitor = run(visit())
    assert visitor.errors == []
    assert visitor.widgets


def test_every_answer_carries_the_headers(server: Hosted) -> None:
    for path in ("/", "/_stcore/health", "/no/such/page", "/media/no-such-file"):
        answer = server.ask(path)
        policy = answer.getheader("Content-Security-Policy", "")
        assert "script-src 'self' 'wasm-unsafe-eval' 'sha256-" in policy
        assert policy.endswith("frame-ancestors 'self' https://lms.example.org")
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Referrer-Policy") == "same-origin"
        assert "camera=()" in answer.getheader("Permissions-Policy", "")
        assert answer.getheader("Strict-Transport-Security") == "max-age=31536000"


@pytest.mark.parametrize("path, leads_to", [("/sweep", "./"), ("/sweep/", "../")])
@pytest.mark.parametrize("query", ["", "?stride=3&weights=0.0.0.0:5&x=%0D%0Aa:%20b"])
def test_the_first_page_answers_to_its_name(
    server: Hosted, path: str, leads_to: str, query: str
) -> None:
    assert PAGES[0].name == "sweep"
    answer = server.ask(path + query)
    assert answer.status == 307
    assert answer.getheader("Location") == leads_to + query
    address = urlsplit(urljoin(f"{ADDRESS}/strides{path}{query}", leads_to + query))
    assert (address.path, address.query) == ("/strides/", query[1:]), "below a proxy's path too"


def test_other_pages_stay_where_they_are(server: Hosted) -> None:
    for path in ("/sizes", "/sweep.js", "/sizes/sweep", "/SWEEP"):
        assert server.ask(path).status == 200, path


def test_the_first_page_answers_below_streamlits_own_path() -> None:
    config.set_option("server.baseUrlPath", "/classes/strides/")
    try:
        paths = [route.path for route in routes()]
    finally:
        config.set_option("server.baseUrlPath", "")
    assert paths == ["/classes/strides/sweep", "/classes/strides/sweep/"]


def test_a_folder_is_not_listed(server: Hosted) -> None:
    front = server.ask("/").getheader("ETag")
    for path in ("/static", "/static/js", "/static/js/"):
        answer = server.ask(path)
        assert answer.status == 301 or answer.getheader("ETag") == front, path


def test_cookies_of_a_server_behind_https_are_marked(server: Hosted) -> None:
    cookie = server.ask("/_stcore/health").getheader("Set-Cookie", "")
    marks = [part.strip() for part in cookie.split(";")][1:]
    assert sorted(marks) == ["Partitioned", "Path=/", "SameSite=None", "Secure"]


def test_only_own_pages_get_a_session(server: Hosted) -> None:
    async def refused(origin: str) -> int:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            await server.session(origin)
        return refusal.value.response.status_code

    async def accepted(origin: str) -> None:
        await (await server.session(origin)).close()

    for origin in ("https://evil.example", f"{ADDRESS}.evil.example", "null", "http://[", ""):
        assert run(refused(origin)) == 403
    for origin in (ADDRESS, "http://localhost:8501", f"http://127.0.0.1:{server.port}"):
        run(accepted(origin))


def test_so_many_sessions_and_no_more_until_one_leaves(server: Hosted) -> None:
    async def crowd() -> tuple[int, int, int, int]:
        async def full() -> tuple[int, int]:
            page = await asyncio.to_thread(server.ask, "/", sec_fetch_dest="document")
            try:
                await (await server.session(ADDRESS)).close()
            except websockets.InvalidStatus as refusal:
                return page.status, refusal.response.status_code
            return page.status, 101

        first, second = await server.session(ADDRESS), await server.session(ADDRESS)
        taken = await full()
        assert (await asyncio.to_thread(server.ask, "/_stcore/health")).status == 200
        await first.close()
        free = (0, 0)
        while free != (200, 101):  # the server learns of it a moment later
            free = await full()
        await second.close()
        return *taken, *free

    assert run(asyncio.wait_for(crowd(), PATIENCE)) == (503, 503, 200, 101)


def test_uploads_need_the_cookie_and_a_session(server: Hosted) -> None:
    cookie = server.ask("/_stcore/health").getheader("Set-Cookie", "").split(";")[0]
    token = cookie.partition("=")[2]
    path = "/_stcore/upload_file/nobody/picture"
    assert server.ask(path, "PUT", b"x").status == 403
    assert server.ask(path, "PUT", b"x", cookie=cookie, x_xsrftoken=token).status == 400


def test_the_agent_interface_stays_off(server: Hosted) -> None:
    assert server.ask("/_stcore/agent/interact", "POST", b"{}").status in (403, 404)


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_server_that_is_told_to_stop_stops_in_order(kind: str, tmp_path: Path) -> None:
    async def visited() -> int | None:
        session = await server.session(f"http://127.0.0.1:{server.port}")
        server.process.send_signal(signal.SIGTERM)
        await session.wait_closed()
        return session.close_code

    with hosted(kind, tmp_path) as server:
        assert run(visited()) in (1001, 1012)  # going away, restart: the browser returns
        assert server.process.wait(PATIENCE) in (0, -signal.SIGTERM)
        assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_bad_setting_is_a_sentence_and_no_server(kind: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(kind, free_port(), log, STRIDES_MAX_SESSIONS="many", STRIDES_TYPO="1")
    assert process.wait(PATIENCE) == 1
    said = log.read_text().strip()
    assert "STRIDES_TYPO is no setting of this app" in said
    assert said.splitlines()[-1] == (
        "The server does not start: STRIDES_MAX_SESSIONS must be a whole number "
        "from 1 to 100,000 (got 'many')."
    )
    assert "Traceback" not in said


def test_elsewhere_uvicorn_would_miss_streamlits_settings(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", str(ROOT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert "must be the folder of app.py" in done.stderr


def test_secrets_of_a_hoster_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text(f'STRIDES_PUBLIC_ADDRESS = "{ADDRESS}"\n')
    monkeypatch.setattr("viz.server.options._set_options", lambda chosen: None)
    monkeypatch.setattr("viz.server.streamlit_private.secrets_singleton", Secrets())
    monkeypatch.setenv("STRIDES_PUBLIC_ADDRESS", "")
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(file)])
    try:
        assert configure().public_address == ADDRESS
    finally:
        config.set_option("secrets.files", before)
