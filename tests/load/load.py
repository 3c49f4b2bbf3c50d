"""A class without browsers: many visitors of the app over its websocket.

Each visitor opens a page by its link, moves the page's light controls, now and then opens a tab
or another page through the navigation, thinks in between, and waits for every answer. What the
page computes in the queue is looked at as a browser does, every half second.

python -m tests.load.load --url http://127.0.0.1:8501 --sessions 100 --think 3 --actions 20
python -m tests.load.load --page sweep --widgets stride,padding      one page, these controls
python -m tests.load.load --page sizes --query stride=2 --burst      one link, all at once
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import websockets

from tests.load.journeys import JOURNEYS, Journey, journey, moves
from tests.load.report import Answer, Report, watch
from tests.load.visitor import Rerun, Visitor
from tests.load.widgets import Widget

TURN, ONCE, TAB = 0.1, 0.15, 0.25
"""Below these, of 1: another page is turned to, a control is moved whose answer takes a moment,
a tab is opened; above them a light control is moved."""


@dataclass(frozen=True)
class Settings:
    """What a class does.

    Attributes:
        url: of the server.
        sessions, actions, think: visitors; what each does, and mean seconds before each.
        page: where all of them are and stay; None spreads them over all pages, and they wander.
        widgets: keys of what is moved; none: the journey's, or else every widget of the page.
        query: of the link; None: the journey's.
        burst: all of them come at the same moment, and act at the same moment.
        heavy: tabs with long computations are opened too.
        settle: wait until everything is computed before leaving.
        warm_up: actions of each visitor that are not counted: a server that has just started finds
            many answers for the first time, and a class that opens it all at once.
        timeout, seed: seconds until a message must come; what is drawn at random.
        server_pid: whose memory and processor time to read.
    """

    url: str
    sessions: int = 50
    actions: int = 10
    think: float = 1.0
    page: str | None = None
    widgets: tuple[str, ...] = ()
    query: str | None = None
    burst: bool = False
    heavy: bool = False
    settle: bool = False
    warm_up: int = 0
    timeout: float = 60.0
    seed: int = 0
    server_pid: int | None = None


LOOK = 0.5
"""Seconds between two looks whether a result has come."""


class Visit:
    """One visitor's way through the app; what it sees goes into the report."""

    def __init__(self, settings: Settings, number: int, report: Report) -> None:
        self.settings, self.report = settings, report
        self.rng = random.Random(settings.seed * 10_000 + number)
        # Without a page all of them are visited; "" is the first, whatever its name.
        chosen = JOURNEYS[number % len(JOURNEYS)].page if settings.page is None else settings.page
        self.journey = journey(chosen or JOURNEYS[0].page)
        query = self.journey.link if settings.query is None else settings.query
        first = "" if self.journey.page == JOURNEYS[0].page else self.journey.page
        self.visitor = Visitor(settings.url, first, query, settings.timeout)
        self._asked: float | None = None  # since when something is computed
        self._acted = 0

    async def open(self) -> None:
        """Open the link. Raises as `Visitor.rerun`; LookupError: not all is there to be moved."""
        await self.visitor.open()
        self._note("open", await self.visitor.rerun())
        absent = [key for key in self.settings.widgets if not self.visitor.find(key)]
        if absent:
            have = ", ".join(widget.key for widget in self.visitor.widgets.values())
            raise LookupError(f"no widget to move named {absent}; the page has: {have}")
        self._moves = self._light()

    async def act(self) -> None:
        """One action, drawn at random. Raises as `Visitor.rerun`, and LookupError."""
        self._acted += 1
        chance, rng, chosen = self.rng.random(), self.rng, self.settings.widgets
        light = chosen or self.journey.light
        if (chance < TURN or not light) and self.settings.page is None:
            await self._turn(rng.choice([each for each in JOURNEYS if each != self.journey]))
        elif chance < ONCE and not chosen and any(map(self.visitor.find, self.journey.once)):
            widget = next(moves(self.visitor, self.journey.once, rng))
            self._note("once", await self.visitor.rerun(widget))
        elif chance < TAB and not chosen and (tabs := self._tab()):
            self._note("tab", await self.visitor.rerun(tabs))
        elif not light:  # a page to read
            self._note("move", await self.visitor.rerun())
        elif not any(map(self.visitor.find, light)) and (tabs := self._first_tab()):
            self._note("tab", await self.visitor.rerun(tabs))  # back to where they are
        else:
            self._note("move", await self.visitor.rerun(next(self._moves)))

    async def think(self, seconds: float) -> None:
        """Look at the page for a while; results come in. Raises as `Visitor.rerun`."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            await self.visitor.stay(min(left, LOOK) if self._asked else left)
            self._results()

    async def settle(self) -> None:
        """Stay until everything is computed. Raises as `Visitor.rerun`."""
        while self.visitor.follows:
            await self.think(LOOK)

    async def _turn(self, to: Journey) -> None:
        self.journey, self._asked = to, None
        self._note("turn", await self.visitor.go("" if to is JOURNEYS[0] else to.page))
        self._moves = self._light()

    def _light(self) -> Iterator[Widget]:
        return moves(self.visitor, self.settings.widgets or self.journey.light, self.rng)

    def _tab(self) -> Widget | None:
        """A set of tabs with another one open than before; None where there is none."""
        for tabs in self.visitor.tabs():
            heavy = self.journey.heavy if not self.settings.heavy else ()
            offered = [
                each for each in tabs.options if each != tabs.value and not each.startswith(heavy)
            ]
            if offered:
                tabs.value = self.rng.choice(offered)
                return tabs
        return None

    def _first_tab(self) -> Widget | None:
        """A set of tabs of which another than the first is open, with the first; None: none is."""
        for tabs in self.visitor.tabs():
            if tabs.value != tabs.options[0]:
                tabs.value = tabs.options[0]
                return tabs
        return None

    def _note(self, what: str, rerun: Rerun) -> None:
        if what == "open" or self._acted > self.settings.warm_up:
            answer = Answer(self.journey.page, what, rerun.seconds, rerun.received)
            self.report.answers.append(answer)
        self._results()

    def _results(self) -> None:
        """Whether something is still computed; if not any more, how long that took."""
        waiting = (text for text in self.visitor.progress if text.startswith("In the queue"))
        self.report.queued.update(waiting)
        now = time.perf_counter()
        if self.visitor.follows:
            self._asked = self._asked or now
        elif self._asked:
            self.report.answers.append(Answer(self.journey.page, "result", now - self._asked))
            self._asked = None


async def _visit(
    settings: Settings, number: int, report: Report, together: asyncio.Barrier
) -> None:
    visit = Visit(settings, number, report)
    try:
        try:
            if not settings.burst:
                await asyncio.sleep(settings.think * number / settings.sessions)
            await visit.open()
        finally:
            await together.wait()  # nobody acts before everybody is there
        rng, pace = visit.rng, 1 / settings.think if settings.think else 0.0
        for _ in range(settings.actions):
            if pace:
                await visit.think(settings.think if settings.burst else rng.expovariate(pace))
            await visit.act()
        if settings.settle:
            await visit.settle()
    except websockets.ConnectionClosed as error:
        report.lost += 1
        visit.visitor.errors.append(f"ConnectionClosed: {error}")
    except (OSError, LookupError, TimeoutError, websockets.WebSocketException) as error:
        visit.visitor.errors.append(f"{type(error).__name__}: {error}")
    finally:
        report.errors += [f"session {number}: {error}" for error in visit.visitor.errors]
        await visit.visitor.close()


async def run_load(settings: Settings) -> Report:
    """Sends a class to the app and reports what it saw."""
    report, together = Report(settings.sessions), asyncio.Barrier(settings.sessions)
    pid = settings.server_pid
    watching = asyncio.create_task(watch(pid, report)) if pid else None
    await asyncio.gather(*(_visit(settings, n, report, together) for n in range(settings.sessions)))
    if watching:
        watching.cancel()
    return report


def options(parser: argparse.ArgumentParser, left_out: Sequence[str] = ()) -> None:
    """An option for each of the settings that a caller can choose."""
    parser.add_argument("--page", choices=[each.page for each in JOURNEYS], help="default: all")
    parser.add_argument("--widgets", default="", help="keys, moved in turn")
    parser.add_argument("--query", help="the link's")
    for field in fields(Settings):
        if field.name in {"url", "page", "widgets", "query", *left_out}:
            continue
        name = f"--{field.name.replace('_', '-')}"
        if isinstance(field.default, bool):
            parser.add_argument(name, action="store_true")
        else:
            kind = type(field.default) if field.default is not None else int
            parser.add_argument(name, type=kind, default=field.default)


def settings_of(url: str, chosen: argparse.Namespace, **more: int) -> Settings:
    """The settings that were chosen."""
    told = {f.name: getattr(chosen, f.name) for f in fields(Settings) if hasattr(chosen, f.name)}
    told["widgets"] = tuple(filter(None, chosen.widgets.split(",")))
    return Settings(**(told | {"url": url} | more))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8501")
    options(parser)
    chosen = parser.parse_args()
    report = asyncio.run(run_load(settings_of(chosen.url, chosen)))
    print(report)
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
