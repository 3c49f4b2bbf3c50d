"""Under which names the server answers: its own, and numbers; never a stranger's."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from tests.test_app import ADDRESS, COMMANDS, PATIENCE, Hosted, hosted, run
from viz.server.names import HostNameCheck, host_of_header, is_ip_address, own_host_names

HERE = socket.gethostname()
OWN = ["localhost", "localhost:8501", "LOCALHOST:1", "localhost.:80", HERE, f"{HERE}:8501"]
OWN += [f"{HERE.partition('.')[0]}.local:8501"]
NUMBERS = ["127.0.0.1", "127.0.0.1:8501", "192.168.7.20:8501", "10.1.2.3", "[::1]:8501"]
NUMBERS += ["[fe80::1]", "[2001:db8::7]:80"]
STRANGERS = [
    "evil.example",
    "evil.example:8501",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
]
STRANGERS += ["evil.example@127.0.0.1", "127.0.0.1/evil.example", "", "127.0.0.1:x", "[::1", "a b"]
STRANGERS += ["127.1", "2130706433", "evil.local", "strides.example.org.evil.example"]


def answer(address: str, kind: str, host: str | None, origin: str | None = None) -> tuple[int, str]:
    """The status and the text that a request is refused with; (0, "") if it passes."""
    sent: list[Any] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        sent.append({"status": 0, "body": b""})

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    named = {"host": host, "origin": origin}
    headers = [(k.encode(), v.encode()) for k, v in named.items() if v is not None]
    scope = {"type": kind, "method": "GET", "path": "/", "headers": headers}
    scope["extensions"] = {"websocket.http.response": {}}
    run(HostNameCheck(behind, address)(scope, receive, send))
    status = next(message["status"] for message in sent if "status" in message)
    return status, b"".join(message.get("body", b"") for message in sent).decode()


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("address", ["", ADDRESS])
def test_own_names_and_numbers_are_answered(kind: str, address: str) -> None:
    for host in [*OWN, *NUMBERS, None]:
        assert answer(address, kind, host) == (0, ""), host


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_strangers_names_are_not_and_the_answer_says_which_variable(kind: str) -> None:
    for host in [*STRANGERS, "strides.example.org"]:
        for origin in (None, f"http://{host}"):
            status, said = answer("", kind, host, origin)
            assert (status, "STRIDES_PUBLIC_ADDRESS" in said) == (403, True), host
            assert "evil" not in said, "what a stranger has written is not repeated"


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_with_an_address_its_name_is_answered_too(kind: str) -> None:
    for host in ("strides.example.org", "strides.example.org:443", "STRIDES.example.org"):
        assert answer(ADDRESS, kind, host, ADDRESS) == (0, "")
    for host in STRANGERS:
        status, said = answer(ADDRESS, kind, host, ADDRESS)
        assert status == 403
        assert ADDRESS in said
        assert "STRIDES_PUBLIC_ADDRESS" in said


@pytest.mark.parametrize("host", ["192.168.7.20:8501", "localhost:8501", "[::1]:8501", HERE])
def test_a_session_is_for_a_page_from_the_same_place(host: str) -> None:
    for origin in (f"http://{host}", f"https://{host}", "http://localhost:8501", None):
        assert answer("", "websocket", host, origin) == (0, ""), origin
    for origin in ("http://evil.example", "null", "", f"http://{host}.evil.example", "http://["):
        assert answer("", "websocket", host, origin)[0] == 403, origin
        assert answer("", "http", host, origin) == (0, ""), "pages and files are no sessions"


@given(st.text(max_size=60))
def test_any_text_is_a_host_or_none(text: str) -> None:
    host = host_of_header(text)
    assert host == "" or host in text.lower()
    assert isinstance(is_ip_address(host), bool)


@pytest.mark.parametrize(
    ("called", "names"),
    [
        ("Lab-3", {"localhost", "lab-3", "lab-3.local"}),
        ("mac.local", {"localhost", "mac.local", "mac"}),
        ("h.example.org.", {"localhost", "h.example.org", "h", "h.local"}),
        ("", {"localhost"}),
    ],
)
def test_a_machine_has_these_names(
    called: str, names: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: called)
    assert own_host_names() == names


@pytest.fixture(scope="module", params=list(COMMANDS))
def unnamed(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """A server that nobody has told its address."""
    with hosted(request.param, tmp_path_factory.mktemp("unnamed")) as found:
        yield found


def test_without_an_address_a_stranger_s_name_gets_nothing(unnamed: Hosted) -> None:
    async def status(host: str, origin: str) -> int:
        try:
            session = await websockets.connect(
                f"ws://{host}/_stcore/stream",
                origin=websockets.Origin(origin),
                subprotocols=[websockets.Subprotocol("streamlit")],
                host="127.0.0.1",
                port=unnamed.port,
                open_timeout=PATIENCE,
                proxy=None,
            )
        except websockets.InvalidStatus as refusal:
            told = b"STRIDES_PUBLIC_ADDRESS" in (refusal.response.body or b"")
            return refusal.response.status_code if told else 0
        await session.close()
        return 101

    for host, code in [("evil.example", 403), ("192.168.7.20:8501", 101), ("localhost:1", 101)]:
        assert run(status(host, f"http://{host}")) == code
        for path in ("/", "/_stcore/host-config", "/_stcore/health", "/no/such/page"):
            assert (unnamed.ask(path, host=host).status == 403) == (code == 403), path
