"""Drives Debian's Firefox by WebDriver BiDi, which it speaks itself: no further program is needed.

The protocol: https://w3c.github.io/webdriver-bidi/. Playwright drives only a Firefox of its own.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from tests.serving import free_port

PATIENCE_S = 120.0
"""Seconds until a browser or page that does not answer counts as broken; nothing is timed."""
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Right": "\ue014", "Home": "\ue011", "Tab": "\ue004"}
"""WebDriver's code of each key that is no character."""
FIND = """const find = (selector) => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((element) =>
    [element, ...(element.shadowRoot ? all(element.shadowRoot) : [])]);
  return all(document).find((element) => element.matches(selector));
};"""
"""A function of JavaScript that finds an element by CSS selector, in shadow roots as well."""


class Firefox:
    """One tab of a running Firefox; ``complaints`` holds its errors, of pages and of the console."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.number = socket, 0
        self.complaints: list[str] = []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        self.tab = self.send("browsingContext.getTree")["contexts"][0]["context"]
        size = {"width": 1440, "height": 900}
        self.send("browsingContext.setViewport", context=self.tab, viewport=size)

    def send(self, method: str, **params: Any) -> Any:
        """Send a command and return its result; events that arrive meanwhile are noted."""
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=PATIENCE_S))
            if message.get("method") == "log.entryAdded" and message["params"]["level"] == "error":
                self.complaints.append(message["params"]["text"])
            if message.get("id") == self.number:
                assert message["type"] == "success", message
                return message["result"]

    def open(self, url: str) -> None:
        self.send("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, which may call ``find(selector)``; it travels as JSON."""
        code = f"(() => {{ {FIND} return JSON.stringify({expression}) ?? 'null'; }})()"
        target = {"context": self.tab}
        answer = self.send("script.evaluate", expression=code, target=target, awaitPromise=False)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def until(self, expression: str) -> Any:
        """Wait until an expression is true; returns its value."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if value := self.evaluate(expression):
                return value
            time.sleep(0.1)
        raise AssertionError(f"never true: {expression}")

    def press(self, *keys: str) -> None:
        """Press keys, by name or character, one after the other."""
        codes = [KEYS.get(key, key) for key in keys]
        steps = [{"type": f"key{way}", "value": code} for code in codes for way in ("Down", "Up")]
        actions = [{"type": "key", "id": "keyboard", "actions": steps}]
        self.send("input.performActions", context=self.tab, actions=actions)


@contextmanager
def firefox(path: str) -> Iterator[Firefox]:
    """Start Firefox with a profile of its own, and stop it at the end."""
    from websockets.sync.client import connect

    port = free_port()
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [path, "--headless", "--no-remote", "--profile", profile]
        command += [f"--remote-debugging-port={port}"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
            try:
                _wait_for(port)
                with connect(f"ws://127.0.0.1:{port}/session", max_size=None, proxy=None) as socket:
                    yield Firefox(socket)
            finally:
                process.terminate()


def _wait_for(port: int) -> None:
    """Wait until Firefox answers on its port."""
    import socket

    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("Firefox does not answer")
