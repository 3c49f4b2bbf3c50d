"""A class without browsers: many visitors of a Streamlit app over its websocket.

Each visitor opens ``/_stcore/stream``, receives the page, then moves one widget after another to
values drawn at random, thinking in between, and waits for every rerun to finish, as a browser
does: all widget states go up with every rerun, and cached messages come back as references.

python -m tests.load.load --url http://127.0.0.1:8501 --sessions 100 --think 2 --actions 10 \
    --widgets stride,padding
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.load.widgets import KINDS, Widget

FINISHED = {
    ForwardMsg.FINISHED_SUCCESSFULLY,
    ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
}
CACHED_MESSAGES = 200


@dataclass(frozen=True)
class Settings:
    """What a class does: ``sessions`` visitors, each ``actions`` moves, ``think`` s apart."""

    url: str
    sessions: int = 50
    actions: int = 10
    think: float = 1.0
    widgets: tuple[str, ...] = ()  # keys; none: every widget of the page
    query: str = ""
    timeout: float = 60.0
    seed: int = 0
    server_pid: int | None = None


@dataclass(frozen=True)
class Rerun:
    """One answered rerun: seconds until the script had finished, and bytes received."""

    seconds: float
    received: int


class Visitor:
    """One simulated browser tab."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.widgets: dict[str, Widget] = {}
        self.errors: list[str] = []
        self._query, self._page_hash = settings.query, ""
        self._cache: dict[str, ForwardMsg] = {}
        self._socket: websockets.ClientConnection | None = None

    async def open(self) -> None:
        parts = urlsplit(self.settings.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        self._socket = await websockets.connect(
            f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            origin=websockets.Origin(f"{parts.scheme}://{parts.netloc}"),
            open_timeout=self.settings.timeout,
            max_size=None,
            ping_interval=None,
            compression=None,
            proxy=None,
        )

    async def close(self) -> None:
        if self._socket:
            await self._socket.close()

    def _request(self, moved: Widget | None) -> bytes:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.page_script_hash = self._query, self._page_hash
        rerun.widget_states.SetInParent()
        states = (widget.state() for widget in self.widgets.values())
        rerun.widget_states.widgets.extend(state for state in states if state)
        rerun.fragment_id = moved.fragment if moved else ""
        rerun.cached_message_hashes.extend(self._cache)
        context = rerun.context_info
        context.timezone, context.locale, context.color_scheme = "UTC", "en-US", "light"
        context.url = self.settings.url
        return bytes(message.SerializeToString())

    def _resolve(self, raw: bytes) -> ForwardMsg:
        """The message, taken from the cache where the server sent a reference to it."""
        message = ForwardMsg.FromString(raw)
        if message.WhichOneof("type") == "ref_hash":
            return self._cache[message.ref_hash]
        if message.metadata.cacheable:
            self._cache[message.hash] = message
        return message

    def _see(self, delta: Any, seen: set[str]) -> None:
        """Takes note of a new element: a widget or an exception."""
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        element = getattr(delta.new_element, kind)
        if kind == "exception":
            self.errors.append(f"{element.type}: {element.message}")
        elif kind in KINDS:
            seen.add(element.id)
            widget, known = Widget(kind, element, delta.fragment_id), self.widgets.get(element.id)
            if known and not element.set_value:
                widget.value = known.value
            self.widgets[element.id] = widget

    async def rerun(self, moved: Widget | None = None) -> Rerun:
        """Asks for a rerun, because a widget moved or for the first time, and waits for its end.

        Raises:
            TimeoutError: no message within the timeout.
            websockets.ConnectionClosed: the server hung up.
        """
        assert self._socket is not None, "open() comes first"
        request, began, seen = self._request(moved), False, set[str]()
        received, start = 0, time.perf_counter()
        await self._socket.send(request)
        while True:
            raw = await asyncio.wait_for(self._socket.recv(decode=False), self.settings.timeout)
            received += len(raw)
            message = self._resolve(raw)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                began, self._page_hash = True, message.new_session.page_script_hash
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash or self._page_hash
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "delta":
                self._see(message.delta, seen)
            elif kind == "script_finished" and began:  # else it ends an earlier run
                if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    continue
                if message.script_finished not in FINISHED:
                    self.errors.append(f"the script ended with status {message.script_finished}")
                if not (moved and moved.fragment):  # what a full run did not send again is gone
                    self.widgets = {i: w for i, w in self.widgets.items() if i in seen}
                if len(self._cache) > CACHED_MESSAGES:
                    self._cache.clear()
                return Rerun(time.perf_counter() - start, received)

    def find(self, key: str) -> Widget | None:
        return next((w for w in self.widgets.values() if w.key == key and w.movable()), None)


@dataclass
class Report:
    """What the class saw: reruns, errors and the server's memory in MB."""

    sessions: int
    first: list[Rerun] = field(default_factory=list)
    moves: list[Rerun] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.sessions} sessions, {len(self.errors)} errors"]
        for name, reruns in (("first page", self.first), ("after a move", self.moves)):
            times = [rerun.seconds * 1e3 for rerun in reruns]
            numbers = "  ".join(f"p{p} {percentile(times, p):.0f} ms" for p in (50, 95, 99))
            size = sum(rerun.received for rerun in reruns) / max(1, len(reruns)) / 1e3
            lines.append(f"{name:12}  n {len(reruns)}  {numbers}  {size:.1f} kB each")
        if self.memory:
            start, most, end = self.memory[0], max(self.memory), self.memory[-1]
            lines.append(f"server RSS    start {start:.0f}  most {most:.0f}  end {end:.0f} MB")
        return "\n".join([*lines, *sorted(set(self.errors))[:10]])


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` % of the values do not exceed."""
    if not values:
        return float("nan")
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(0, int(rank) - 1)]


def resident_megabytes(pid: int) -> float:
    """The resident memory of a process (Linux only)."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+)", status)
    return int(match[1]) / 1024 if match else float("nan")


async def _watch(pid: int, memory: list[float]) -> None:
    while True:
        memory.append(resident_megabytes(pid))
        await asyncio.sleep(0.5)


async def _visit(
    settings: Settings, number: int, report: Report, connected: asyncio.Barrier
) -> None:
    rng, visitor = random.Random(settings.seed * 10_000 + number), Visitor(settings)
    try:
        try:
            await asyncio.sleep(settings.think * number / settings.sessions)
            await visitor.open()
            report.first.append(await visitor.rerun())
            keys = settings.widgets or tuple(w.key for w in visitor.widgets.values() if w.movable())
            absent = [key for key in keys if not visitor.find(key)]
            if absent or not keys:
                have = ", ".join(w.key for w in visitor.widgets.values())
                raise LookupError(f"no widget to move named {absent}; the page has: {have}")
        finally:
            await connected.wait()  # nobody acts before everybody is there
        turns = cycle(keys)
        for _ in range(settings.actions):
            await asyncio.sleep(rng.expovariate(1 / settings.think) if settings.think else 0)
            present = (visitor.find(next(turns)) for _ in keys)
            widget = next((widget for widget in present if widget), None)
            if widget is None:
                raise LookupError(f"none of {keys} is left on the page")
            widget.move(rng)
            report.moves.append(await visitor.rerun(widget))
    except (OSError, LookupError, TimeoutError, websockets.WebSocketException) as error:
        visitor.errors.append(f"{type(error).__name__}: {error}")
    finally:
        report.errors += [f"session {number}: {error}" for error in visitor.errors]
        await visitor.close()


async def run_load(settings: Settings) -> Report:
    """Sends a class to the app and reports what it saw."""
    report, connected = Report(settings.sessions), asyncio.Barrier(settings.sessions)
    pid = settings.server_pid
    watch = asyncio.create_task(_watch(pid, report.memory)) if pid else None
    visits = (_visit(settings, n, report, connected) for n in range(settings.sessions))
    await asyncio.gather(*visits)
    if watch:
        watch.cancel()
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--actions", type=int, default=10)
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds between two moves")
    parser.add_argument("--widgets", default="", help="keys, moved in turn; default: all")
    parser.add_argument("--query", default="", help="the query string of the first visit")
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pid", type=int, dest="server_pid", help="server whose memory to read")
    options = vars(parser.parse_args())
    options["widgets"] = tuple(filter(None, options["widgets"].split(",")))
    report = asyncio.run(run_load(Settings(**options)))
    print(report)
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
