"""Visitors who vanish, and a class that asks for the same: the queue of a real server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.load.report import family
from tests.load.test_load import in_a_loop
from tests.load.visitor import Visitor
from tests.serving import Server, serving
from viz.server.queue import Jobs, Report

LONG = "network=own&layers=8x[conv9 p4 c32]&input_height=96&input_width=96&draws=256"
SHORT = "network=own&layers=2x[conv3 p1 c2]&input_height=16&input_width=16&draws=1"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    chosen = {"STRIDES_GMACS": "5000", "STRIDES_WORKERS": "1"}  # the long one is long enough
    with serving(environment=chosen) as running:
        yield running


async def asking(server: Server, query: str) -> Visitor:
    """A visitor of the effective-fields page, whose map is wanted now."""
    visitor = Visitor(server.url, "erf", query)
    await visitor.open()
    await visitor.rerun()
    assert visitor.errors == []
    return visitor


async def until_progress(visitor: Visitor, wanted: str) -> None:
    for _ in range(600):
        if any(wanted in text for text in visitor.progress):
            return
        await visitor.stay(0.1)
        await visitor.look()
    raise AssertionError(f"never {wanted}: {visitor.progress}")


def threads(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


@pytest.mark.slow
def test_a_class_that_asks_for_the_same_shares_one_computation(server: Server) -> None:
    async def meet() -> None:
        link = SHORT.replace("draws=1", "draws=256") + "&draw_seed=8"
        everyone = [await asking(server, link) for _ in range(6)]
        told = [text for visitor in everyone for text in visitor.progress]
        await asyncio.gather(*(visitor.settle() for visitor in everyone))
        told += [text for visitor in everyone for text in visitor.progress]
        assert not [text for text in told if "In the queue" in text], "no second job waits"
        assert [visitor.errors for visitor in everyone] == [[]] * 6
        late = await asking(server, link)
        assert late.progress == [], "the result is there"
        for visitor in (late, *everyone):
            await visitor.close()

    in_a_loop(meet())


@pytest.mark.slow
def test_the_work_of_one_who_has_vanished_makes_way(server: Server) -> None:
    async def meet() -> None:
        await (first := await asking(server, SHORT)).settle()  # whatever is loaded once is
        before = threads(server)
        gone = await asking(server, LONG)
        await until_progress(gone, "draws")
        assert gone._socket
        gone._socket.transport.abort()  # no farewell: the line is cut
        waiting = await asking(server, SHORT + "&draw_seed=7")
        await until_progress(waiting, "In the queue: 1 computation before this one.")
        await waiting.settle()
        assert waiting.errors == []
        again = await asking(server, LONG)
        assert again.progress, "it was given up half-way: no result is kept"
        await again.go("sizes")
        for _ in range(200):  # a run's thread ends a moment after its answer
            if threads(server) <= before + 1:
                break
            await asyncio.sleep(0.05)
        assert threads(server) <= before + 1
        await first.close()
        await waiting.close()
        await again.close()

    in_a_loop(meet())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_that_are_killed_are_replaced(server: Server) -> None:
    async def analysed(network: str) -> list[str]:
        visitor = Visitor(server.url, "fields", f"network={network}")
        await visitor.open()
        await visitor.rerun()
        await visitor.close()
        return visitor.errors

    async def meet() -> None:
        for _ in range(300):
            if workers := family(server.process.pid)[1:]:
                break
            await asyncio.sleep(0.1)
        assert workers
        assert await analysed("resnet18") == []
        await (await asking(server, SHORT + "&draw_seed=11")).settle()
        killed = set(family(server.process.pid)[1:])
        assert len(killed) == 2, "one analyses, one does what the queue has"
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        assert await analysed("resnet34") == []
        await (visitor := await asking(server, SHORT + "&draw_seed=12")).settle()
        assert visitor.errors == []
        assert not killed & set(family(server.process.pid))

    in_a_loop(meet())


def test_a_stampede_of_threads_begins_a_work_once() -> None:
    begun, met, open_gate = [], threading.Barrier(32), threading.Event()

    def work(report: Report) -> str:
        begun.append(1)
        assert open_gate.wait(30)
        return "map"

    def ask(number: int) -> None:
        met.wait()
        jobs.set_wishes(f"visitor {number}", {"map": work})

    jobs = Jobs(workers=4)
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(ask, range(32)))
    open_gate.set()
    while jobs.set_wishes("visitor 0", {"map": work})["map"].state != "done":
        open_gate.wait(0.01)
    assert len(begun) == 1
