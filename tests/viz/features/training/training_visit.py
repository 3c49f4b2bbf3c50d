"""A visit to the training lab without a browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import cache
from html import unescape
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.training.text import to_text
from core.training.turns import ResumableRun, take_turns
from tests.viz.visit import MAIN, open_page, run_until, run_until_done
from viz.choices import lab_store
from viz.choices.lab_store import ByteLimitedLRU, Run
from viz.features.training import compute, params
from viz.features.training.params import Comparison, LabSettings
from viz.page import progress
from viz.server import processes
from viz.server.queue import Jobs

DEFAULTS = LabSettings()
TINY = {"steps": 30, "width": 4, "seeds": 1, "levels": 1, "batch": 8, "variants": "max,strided"}
READY = 21
"""The seed whose runs are there from the start."""
RECORDS = 31
"""Of one net of it: one before the first step, one after each."""


def tiny(**more: Any) -> dict[str, Any]:
    """A link to nets that take no time."""
    return TINY | more


def unrun(**link: Any) -> AppTest:
    """The page, about to be opened from a link."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(at, "training")
    switches = {True: "true", False: "false"}
    text = {n: switches[v] if isinstance(v, bool) else str(v) for n, v in link.items()}
    at.query_params.update(text)
    return at


def visit(**link: Any) -> AppTest:
    """The page, opened from a link."""
    return again(unrun(**link))


def again(at: AppTest) -> AppTest:
    """Run the page, which must neither fail nor be empty."""
    at.run()
    assert not at.exception, at.exception[0].value
    assert at.get("tab") or at.warning or at.info, "an experiment, or a sentence"
    return at


def asked(**link: Any) -> Comparison:
    """What a link asks for."""
    return params.comparison(DEFAULTS.updated(link))


def until(at: AppTest, happened: Callable[[AppTest], Any]) -> AppTest:
    """Look again and again, as the browser does, until something has happened."""
    return run_until(at, again, happened)


def until_done(at: AppTest) -> AppTest:
    """Wait for all that is trained for this visit."""
    return run_until_done(at, again)


def labels(at: AppTest) -> list[str]:
    return [each.label for each in at.button]


def press(at: AppTest, label: str) -> AppTest:
    """Press a button."""
    next(each for each in at.button if each.label == label).click()
    return again(at)


def trained(**link: Any) -> AppTest:
    """The page after its nets have been trained."""
    return until_done(press(visit(**link), "Train"))


def lines(at: AppTest) -> list[str]:
    """How far each seed is."""
    return [each.proto.text for each in at.get("progress")]


def said(at: AppTest) -> str:
    """Every sentence of the page."""
    kinds = (at.title, at.header, at.markdown, at.caption, at.warning, at.error, at.info)
    return "\n".join(element.value for kind in kinds for element in kind)


def table(at: AppTest) -> str:
    return unescape(next(h.proto.body for h in at.get("html") if "<table" in h.proto.body))


def charts(at: AppTest) -> set[str]:
    """The plots on the page, by their keys."""
    return {each.proto.id.rpartition("-")[2].rpartition("_")[0] for each in at.get("plotly_chart")}


def chart(at: AppTest, key: str) -> dict[str, Any]:
    """The first panel of a plot on the page as the browser gets it."""
    panels = [e.proto.spec for e in at.get("plotly_chart") if e.proto.id.endswith(f"-{key}_0")]
    return json.loads(panels[0])


def plot_text(at: AppTest, key: str) -> str:
    """The title of the plot with this key, and the style sheet that names its panels."""
    return next(h.proto.body for h in at.get("html") if f"panel_{key}_0" in h.proto.body)


@cache
def ready() -> tuple[tuple[str, Run], ...]:
    """The runs of ``tiny(seed=READY)``, for tests of what is made of runs."""
    shelf: ByteLimitedLRU[Run] = ByteLimitedLRU(10**8, lambda run: run.nbytes)
    wanted = asked(**tiny(seed=READY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab_store, "STORE", shelf)
        patch.setattr(processes, "stream", lambda _, *args: take_turns(*args))
        compute.work(wanted, READY)(lambda *_: True)
    texts = [to_text(wanted.run_spec(net, READY)) for net in range(len(wanted.specs))]
    return tuple((text, run) for text in texts if (run := shelf.get(text)))


class Server:
    """A server of its own: nothing trained but `ready`, an empty queue, training in this process.

    Attributes:
        begun: (net, step from which it goes on) of every run that was started.
        streams: training that is going on right now.
    """

    def __init__(self, monkeypatch: Any, held: bool) -> None:
        self.begun: list[tuple[int, int]] = []
        self.streams = 0
        self._steps = threading.Semaphore(0)
        self._held = held
        jobs = Jobs(1)
        store: ByteLimitedLRU[Run] = ByteLimitedLRU(10**8, lambda run: run.nbytes)
        for text, run in ready():
            store.put(text, run)
        monkeypatch.setattr(lab_store, "STORE", store)
        monkeypatch.setattr(progress, "training_queue", lambda: jobs)
        monkeypatch.setattr(processes, "stream", self._stream)

    def go(self, records: int = 100_000) -> None:
        """Let so many records be made."""
        for _ in range(records):
            self._steps.release()

    def _stream(self, name: str, going: list[ResumableRun], *args: Any) -> Iterator[Any]:
        assert name == "core.training.turns:take_turns"
        self.begun += [(each.name, each.state.step if each.state else 0) for each in going]
        self.streams += 1
        try:
            for step in take_turns(going, *args):
                if self._held:
                    assert self._steps.acquire(timeout=60)
                yield step
        finally:
            self.streams -= 1
