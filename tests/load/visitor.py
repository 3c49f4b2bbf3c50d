"""One simulated browser tab: what Streamlit's browser side sends, without drawing anything.

All widget states go up with every rerun, cached messages come back as references, a part of
the page that asks to be run again every so often is run again.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.load.widgets import BLOCKS, KINDS, TABS, Widget

FINISHED = {
    ForwardMsg.FINISHED_SUCCESSFULLY,
    ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
}
CACHED_MESSAGES = 200
QUICK = 10.0
"""Seconds; what runs by itself more seldom than that tells nothing that somebody waits for."""


@dataclass(frozen=True)
class Rerun:
    """One answered rerun: seconds until the script had finished, and bytes received."""

    seconds: float
    received: int


class Visitor:
    """One simulated browser tab.

    Args:
        url: of the server.
        page: the page that is opened by its link; "" for the first.
        query: the link's.
        timeout: seconds until the next message must have come.

    Attributes:
        widgets: by id; those on the page now.
        buttons: by id; those on the page now, and the part of it that each runs.
        pages: of the navigation, name in the URL → hash.
        follows: parts of the page that run by themselves until they are done: id → seconds between.
        progress: texts of the progress bars since the last rerun began.
        errors: exceptions on the page, and scripts that did not end well.
    """

    def __init__(self, url: str, page: str = "", query: str = "", timeout: float = 60.0) -> None:
        self.url, self.timeout = url, timeout
        self.widgets: dict[str, Widget] = {}
        self.buttons: dict[str, str] = {}
        self.pages: dict[str, str] = {}
        self.follows: dict[str, float] = {}
        self.progress: list[str] = []
        self.errors: list[str] = []
        self._page, self._query, self._hash = page, query, ""
        self._cache: dict[str, ForwardMsg] = {}
        self._tabs: dict[tuple[int, ...], Widget] = {}  # place on the page → the tabs there
        self._ran = 0.0  # when the last run ended
        self._socket: websockets.ClientConnection | None = None

    async def open(self) -> None:
        parts = urlsplit(self.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        self._socket = await websockets.connect(
            f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            origin=websockets.Origin(f"{parts.scheme}://{parts.netloc}"),
            open_timeout=self.timeout,
            max_size=None,
            ping_interval=None,
            compression=None,
            proxy=None,
        )

    async def close(self) -> None:
        if self._socket:
            await self._socket.close()

    async def rerun(self, moved: Widget | None = None) -> Rerun:
        """Asks for a rerun, because a widget moved or for the first time, and waits for its end.

        Raises:
            TimeoutError: no message within the timeout.
            websockets.ConnectionClosed: the server hung up.
        """
        return await self._ask(self._request(moved.fragment if moved else ""))

    async def press(self, key: str) -> Rerun:
        """Clicks a button. Raises as `rerun`; StopIteration: there is none of that key."""
        found = next(each for each in self.buttons if each.split("-", 2)[-1] == key)
        return await self._ask(self._request(self.buttons[found], pressed=found))

    async def go(self, page: str) -> Rerun:
        """Opens another page through the navigation. Raises as `rerun`; KeyError: no such page."""
        self._hash, self._query = self.pages[page], ""
        return await self._ask(self._request())

    async def look(self) -> Rerun | None:
        """Runs the parts of the page that run by themselves; None where there are none.

        Raises as `rerun`.
        """
        asked = [self._request(fragment, by_itself=True) for fragment in self.follows]
        answers = [await self._ask(each) for each in asked]
        return answers[-1] if answers else None

    async def stay(self, seconds: float) -> None:
        """Lets time pass on the open page, as a visitor who thinks. Raises as `rerun`."""
        end = time.perf_counter() + seconds
        while (now := time.perf_counter()) < end:
            due = self._ran + min(self.follows.values(), default=math.inf)
            await asyncio.sleep(max(0.0, min(due, end) - now))
            if due <= end:
                await self.look()

    async def settle(self, timeout: float = 600.0) -> None:
        """Waits until nothing on the page is still to come. Raises as `rerun`."""
        end = time.perf_counter() + timeout
        while self.follows:
            if time.perf_counter() > end:
                raise TimeoutError(f"still {self.progress} after {timeout:g} s")
            await self.stay(2 * min(self.follows.values()))

    def find(self, key: str) -> Widget | None:
        """A widget that can be moved, by its key."""
        return next((w for w in self.widgets.values() if w.key == key and w.movable()), None)

    def controls(self) -> list[str]:
        """The keys of all widgets that can be moved, tabs and drawers not among them."""
        return [w.key for w in self.widgets.values() if w.kind in KINDS and w.movable()]

    def tabs(self) -> list[Widget]:
        """The tabs that are computed when they are opened."""
        return [w for w in self.widgets.values() if w.kind == TABS and w.movable()]

    def _request(self, fragment: str = "", by_itself: bool = False, pressed: str = "") -> bytes:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.page_script_hash = self._query, self._hash
        if not self._hash:
            rerun.page_name = self._page
        rerun.widget_states.SetInParent()
        states = (widget.state() for widget in self.widgets.values())
        rerun.widget_states.widgets.extend(state for state in states if state)
        if pressed:
            rerun.widget_states.widgets.append(WidgetState(id=pressed, trigger_value=True))
        rerun.fragment_id, rerun.is_auto_rerun = fragment, by_itself
        rerun.cached_message_hashes.extend(self._cache)
        context = rerun.context_info
        context.timezone, context.locale, context.color_scheme = "UTC", "en-US", "light"
        context.url = self.url
        return bytes(message.SerializeToString())

    async def _ask(self, request: bytes) -> Rerun:
        assert self._socket is not None, "open() comes first"
        self.progress.clear()
        whole: bool | None = None  # of the page, or of a fragment; None until a run has begun
        seen, received, start = set[str](), 0, time.perf_counter()
        await self._socket.send(request)
        while True:
            raw = await asyncio.wait_for(self._socket.recv(decode=False), self.timeout)
            received += len(raw)
            message = self._resolve(raw)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                whole = self._begin(message)
                seen.clear()
            elif kind == "script_finished" and whole is not None:  # else it ends an earlier run
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    self._finish(message.script_finished, seen if whole else None)
                    self._ran = time.perf_counter()
                    return Rerun(self._ran - start, received)
            else:
                self._take(message, seen)

    def _resolve(self, raw: bytes) -> ForwardMsg:
        """The message, taken from the cache where the server sent a reference to it."""
        message = ForwardMsg.FromString(raw)
        if message.WhichOneof("type") == "ref_hash":
            found = ForwardMsg()
            found.CopyFrom(self._cache[message.ref_hash])
            found.metadata.CopyFrom(message.metadata)  # where it stands this time
            return found
        if message.metadata.cacheable:
            self._cache[message.hash] = message
        return message

    def _begin(self, message: ForwardMsg) -> bool:
        """A run begins; whether it is one of the whole page."""
        self._hash = message.new_session.page_script_hash
        if message.metadata.run.fragment_ids:
            return False
        self.follows.clear()
        self.buttons.clear()
        self._tabs.clear()
        return True

    def _finish(self, status: int, seen: set[str] | None) -> None:
        """A run has ended; what a whole one did not send again is gone."""
        if status not in FINISHED:
            self.errors.append(f"the script ended with status {status}")
        if seen is not None:
            self.widgets = {i: w for i, w in self.widgets.items() if i in seen}
        if len(self._cache) > CACHED_MESSAGES:
            self._cache.clear()

    def _take(self, message: ForwardMsg, seen: set[str]) -> None:
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._hash = message.navigation.page_script_hash or self._hash
            pages = message.navigation.app_pages
            self.pages = {page.url_pathname: page.page_script_hash for page in pages}
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            if message.auto_rerun.interval <= QUICK:
                self.follows[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self.follows.pop(fragment, None)
        elif kind == "delta":
            self._see(message.delta, tuple(message.metadata.delta_path), seen)

    def _see(self, delta: Any, place: tuple[int, ...], seen: set[str]) -> None:
        """Takes note of a new element or block: a widget, a progress bar, an exception."""
        part = delta.WhichOneof("type")
        if part not in ("new_element", "add_block"):
            return
        described = getattr(delta, part)
        kind = described.WhichOneof("type")
        if kind is None:  # a plain container
            return
        element = getattr(described, kind)
        if kind == "exception":
            self.errors.append(f"{element.type}: {element.message}")
        elif kind == "progress":
            self.progress.append(element.text)
        elif kind == "button":
            self.buttons[element.id] = delta.fragment_id
        elif kind == "tab" and place[:-1] in self._tabs:
            self._tabs[place[:-1]].add_tab(element.label)
        elif kind in KINDS or (kind in BLOCKS and element.id):
            self._note(Widget(kind, element, delta.fragment_id), place, seen)

    def _note(self, widget: Widget, place: tuple[int, ...], seen: set[str]) -> None:
        seen.add(widget.id)
        known = self.widgets.get(widget.id)
        if known and widget.kind in KINDS and not widget.element.set_value:
            widget.value = known.value
        if widget.kind == TABS:
            self._tabs[place] = widget
        self.widgets[widget.id] = widget
