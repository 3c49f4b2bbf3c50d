"""A visit to the page of effective receptive fields without a browser."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.viz.visit import MAIN, link_of, open_page, run_until, run_until_done, text_of, warned
from viz.choices import network, network_analysis
from viz.features.erf import params
from viz.features.erf.params import ErfSettings, Request
from viz.page import progress
from viz.server.queue import Jobs, Report, Work

__all__ = [
    "Held",
    "again",
    "button",
    "button_labels",
    "charts",
    "foot",
    "heat",
    "link_of",
    "numbers",
    "requested",
    "said",
    "text_of",
    "tiny",
    "until",
    "until_done",
    "values",
    "visit",
    "warned",
]
DEFAULTS = ErfSettings()


def tiny(layers: str = "2x[conv3 p1 c2, relu]", **more: Any) -> dict[str, Any]:
    """A link to a network whose map takes no time."""
    small = {"network": "own", "layers": layers, "input_height": 16, "input_width": 16, "draws": 1}
    return small | more


def visit(**link: Any) -> AppTest:
    """The page, opened from a link."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(at, "erf")
    switches = {True: "true", False: "false"}
    text = {n: switches[v] if isinstance(v, bool) else str(v) for n, v in link.items()}
    at.query_params.update(text)
    return again(at)


def again(at: AppTest) -> AppTest:
    """Run the page, which must neither fail nor be empty."""
    at.run()
    assert not at.exception, at.exception[0].value
    assert at.tabs or at.warning, "a picture in a tab, or a sentence"
    return at


def values(at: AppTest) -> dict[str, Any]:
    """The settings that the run ended with."""
    return dict(at.session_state["page:erf"]["published_values"])


def requested(**link: Any) -> Request:
    """What a link asks core for."""
    asked = network.with_suitable_input(DEFAULTS.updated(link))
    found = network_analysis.analysis(network.network(asked))
    line = found.line(asked.layer) or found.deepest
    return params.request(asked, line.node.name, line.node.grid)


def said(at: AppTest) -> str:
    """Every sentence of the page."""
    kinds = (at.title, at.header, at.markdown, at.caption, at.warning, at.error, at.info)
    return "\n".join(element.value for kind in kinds for element in kind)


def charts(at: AppTest, key: str) -> list[dict[str, Any]]:
    """The panels of a plot on the page as the browser gets them."""
    ids = re.compile(rf"-{key}_\d+$")
    return [json.loads(e.proto.spec) for e in at.get("plotly_chart") if ids.search(e.proto.id)]


def foot(at: AppTest) -> str:
    """The legends, color bars and notes of all plots."""
    return "".join(e.proto.body for e in at.get("html") if "plot-foot" in e.proto.body)


def heat(at: AppTest, part: str = "customdata") -> np.ndarray:
    """The values of a map's pixels, or their colors' positions ``"z"``; empty without one."""
    traces = [trace for panel in charts(at, "erf_map") for trace in panel["data"]]
    return next((numbers(each[part]) for each in traces if each["type"] == "heatmap"), np.empty(0))


def numbers(array: Any) -> np.ndarray:
    """An array of a figure, which Plotly packs."""
    if not isinstance(array, dict):
        return np.array(array, float)
    flat = np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
    shape = [int(side) for side in str(array.get("shape", len(flat))).split(",")]
    return flat.astype(float).reshape(shape)


def button_labels(at: AppTest) -> list[str]:
    return [each.label for each in at.button]


def button(at: AppTest, label: str) -> Any:
    return next(each for each in at.button if each.label == label)


def until(at: AppTest, happened: Callable[[AppTest], Any]) -> AppTest:
    """Look again and again, as the browser does, until something has happened."""
    return run_until(at, again, happened)


def until_done(at: AppTest) -> AppTest:
    """Wait for all that is computed for this page."""
    return run_until_done(at, again)


class Held:
    """The server's queue, held at every report until it is let go; counts what is begun.

    Without workers nothing is ever begun.
    """

    def __init__(self, monkeypatch: Any, workers: int = 1) -> None:
        self.begun: list[Any] = []
        self.given_up: list[Any] = []
        self._steps = threading.Semaphore(0)
        self._jobs = Jobs(workers)
        monkeypatch.setattr(progress, "queue", lambda: self)

    def set_wishes(self, visitor: str, works: dict[Any, Work]) -> Any:
        return self._jobs.set_wishes(visitor, {key: self._held(key, w) for key, w in works.items()})

    def waiting(self) -> int:
        return self._jobs.waiting()

    def _held(self, key: Any, work: Work) -> Work:
        def run(report: Report) -> Any:
            self.begun.append(key)

            def told(done: int, total: int, partial: Any) -> bool:
                goes_on = report(done, total, partial)
                if goes_on:
                    self._steps.acquire(timeout=60)
                    goes_on = report(done, total, partial)
                if not goes_on:
                    self.given_up.append(key)
                return goes_on

            return work(told)

        return run

    def go(self, steps: int = 1000) -> None:
        """Let it take so many steps."""
        for _ in range(steps):
            self._steps.release()

    def wanted(self) -> set[Any]:
        """All that somebody waits for."""
        return set(self._jobs._jobs)
