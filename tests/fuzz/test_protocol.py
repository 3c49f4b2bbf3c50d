"""Garbage on the websocket: the session answers or is closed, the server lives on.

What Streamlit cannot read is Streamlit's to refuse; an exception that begins in the app's own
code is a fault of ours, whoever sent what.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.fuzz.hostile import Stranger, of_a_component, of_every_type, of_its_kind
from tests.load.test_load import in_a_loop
from tests.serving import ROOT, Server, serving
from viz.pages import PAGES

T = TypeVar("T")
OWN = re.compile(rf'File "{re.escape(str(ROOT))}/(?:viz|core)/[^"]+", line \d+, in .+')
TRACE = re.compile(r"Traceback \(most recent call last\):\n((?:[ \t].*\n)+)(\S.*)")
SMALL = {"erf": "network=own&layers=conv3&input_height=8&input_width=8&draws=1"}
"""Links of pages whose first picture takes a while."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def own_faults(log: str) -> list[str]:
    """The exceptions of a log that began in the app's own code."""
    found = []
    for frames, error in TRACE.findall(log):
        innermost = [line for line in frames.splitlines() if line.strip().startswith("File ")][-1]
        if OWN.search(innermost):
            found.append(f"{innermost.strip()}: {error}")
    return found


def test_the_guard_guards() -> None:
    head = "Traceback (most recent call last):\n"
    mine = f'  File "{ROOT}/viz/state.py", line 1, in edits\n    raise ValueError\n'
    theirs = '  File "/lib/streamlit/x.py", line 2, in y\n    raise TypeError\n'
    assert len(own_faults(f"{head}{theirs}{mine}ValueError: x\n")) == 1
    assert own_faults(f"{head}{mine}{theirs}TypeError: x\n") == []


async def on_page(server: Server, page: str) -> Stranger:
    stranger = Stranger(server.url, "" if page == PAGES[0].name else page, SMALL.get(page, ""))
    await stranger.open()
    await stranger.rerun()
    assert stranger.errors == []
    return stranger


async def all_answered(
    server: Server, page: str, sent: Callable[[Stranger], Iterable[list[WidgetState]]]
) -> int:
    """Sends one after the other; how many were answered. A session that showed an error is left."""
    stranger, count = await on_page(server, page), 0
    for states in sent(stranger):
        if await stranger.send(*states):
            await stranger.close()
            stranger = await on_page(server, page)
        count += 1
    await stranger.close()
    return count


def every_type_at_once(stranger: Stranger) -> Iterator[list[WidgetState]]:
    yield from map(list, zip(*map(of_every_type, stranger.found), strict=True))


def its_own_kind(stranger: Stranger) -> Iterator[list[WidgetState]]:
    for name, kind in list(stranger.found.items()):
        for state in of_its_kind(kind, name):
            yield [state]


def by_components(stranger: Stranger) -> Iterator[list[WidgetState]]:
    for name, kind in list(stranger.found.items()):
        if kind == "bidi_component":
            yield from of_a_component(name)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page.name for page in PAGES])
@pytest.mark.parametrize("sent", [every_type_at_once, its_own_kind, by_components])
def test_hostile_values_are_answered(
    server: Server, page: str, sent: Callable[[Stranger], Iterable[list[WidgetState]]]
) -> None:
    before = len(server.log())
    in_a_loop(all_answered(server, page, sent))
    assert own_faults(server.log()[before:]) == []


FRAMES: dict[str, tuple[bytes | str, int | None]] = {
    "no protobuf": (b"\xff" * 100, 1002),
    "half a message": (
        BackMsg(rerun_script={"query_string": "x" * 99}).SerializeToString()[:50],
        1002,
    ),
    "text": ("conv3", None),
    "two megabytes": (bytes(2 * 2**20), 1009),
    "one message of them": (
        BackMsg(rerun_script={"query_string": "x" * 2**21}).SerializeToString(),
        1009,
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_is_no_message_ends_its_own_session_only(server: Server, name: str) -> None:
    frame, code = FRAMES[name]

    async def meet() -> None:
        bystander, stranger = await on_page(server, "sizes"), await on_page(server, "sizes")
        assert stranger._socket
        await stranger._socket.send(frame)
        await asyncio.wait_for(stranger._socket.wait_closed(), 30)
        assert stranger._socket.close_code == (code or stranger._socket.close_code)
        assert await bystander.send() == []
        await bystander.close()

    before = len(server.log())
    in_a_loop(meet())
    assert own_faults(server.log()[before:]) == []


UNKNOWN = {
    "nothing at all": BackMsg(),
    "a stop before any run": BackMsg(stop_script=True),
    "another page": BackMsg(rerun_script={"page_script_hash": "f" * 32}),
    "a path for a page": BackMsg(rerun_script={"page_name": "../../etc/passwd"}),
    "a fragment": BackMsg(rerun_script={"fragment_id": "zq", "is_auto_rerun": True}),
    "a widget": BackMsg(
        rerun_script={"widget_states": {"widgets": [{"id": "$$ID-zq-stride", "int_value": 3}]}}
    ),
    "cached messages": BackMsg(rerun_script={"cached_message_hashes": ["zq", ""]}),
    "a command of developers": BackMsg(debug_shutdown_runtime=True),
    "another one": BackMsg(debug_disconnect_websocket=True),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_message_about_what_is_not_there_leaves_the_session_alive(
    server: Server, name: str
) -> None:
    async def meet() -> None:
        stranger = await on_page(server, "sizes")
        assert stranger._socket
        await stranger._socket.send(UNKNOWN[name].SerializeToString())
        await asyncio.sleep(0.2)  # its answer, if any, is none of this one's
        assert await stranger.send() == []
        assert stranger.find("stride")
        await stranger.close()

    before = len(server.log())
    in_a_loop(meet())
    assert own_faults(server.log()[before:]) == []
