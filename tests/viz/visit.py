"""A visit to the app without a browser: Streamlit's AppTest on the whole of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core.layer.board import BoardSpec
from tests import polling
from viz.choices import layer
from viz.components.focus import focus
from viz.components.keys import keys
from viz.components.presentation import presentation
from viz.features.sweep.params import SweepSettings
from viz.page import progress
from viz.server import torch_start

MAIN = Path(__file__).resolve().parents[2] / "viz" / "shell" / "main.py"
DRAWERS = ("more", "more_b", "input_controls", "kernel_controls")
"""Keys of the expanders whose widgets are made only while they are open."""
SHELL = {keys.NAME, focus.NAME, focus.KEEPER, presentation.NAME}
"""Names of the components that stand around every page."""
LOOKS = 20
"""Looks at the queue before the page is run again: a run costs more than many looks."""


def visit(**link: Any) -> AppTest:
    """The board, opened from a link."""
    return again(unrun(**link))


def unrun(**link: Any) -> AppTest:
    torch_start.warm()  # a board without torch is tested apart
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.query_params.update({name: str(value) for name, value in link.items()})
    return at


def again(at: AppTest) -> AppTest:
    """Run the page, which must not fail and must show its player."""
    at.run()
    assert not at.exception, at.exception[0].value
    assert len(players(at)) == 1, "the player is always there"
    return at


def components_of(at: AppTest) -> list[Any]:
    """The components of the page itself: not the shell's, which stand around every page."""
    every = [each.proto for each in at.get("bidi_component")]
    return [proto for proto in every if proto.component_name not in SHELL]


def players(at: AppTest) -> list[dict[str, Any]]:
    """What the players on the page are sent, read from the messages to the browser."""
    messages = [json.loads(each.proto.json) for each in at.get("bidi_component")]
    return [message for message in messages if "boards" in message]


def open_page(at: AppTest, page: str) -> AppTest:
    """Have the next run show the page of that name: what `AppTest.switch_page` does, which before
    a first run takes the name of the page's file for that of its link."""
    at._page_hash = calc_hash(page)
    return at


def run_until(
    at: AppTest, run: Callable[[AppTest], object], happened: Callable[[AppTest], object]
) -> AppTest:
    """Run the page anew until something has happened, as a browser does that follows a queue."""

    def look() -> bool:
        if not happened(at):
            _wait_for_queues()
            run(at)
        return bool(happened(at))

    polling.until(look, lambda: "\n".join(each.value for each in (*at.markdown, *at.warning)))
    return at


def run_until_done(at: AppTest, run: Callable[[AppTest], object]) -> AppTest:
    """Run the page anew until nothing is computed for it any more."""
    return run_until(at, run, lambda at: all(button.label != "Stop" for button in at.button))


def _wait_for_queues() -> None:
    """Until they are empty, but not for long: something may be held up."""
    for _ in range(LOOKS):
        if not (progress.queue().waiting() or progress.training_queue().waiting()):
            return
        time.sleep(polling.EVERY)


def opened(at: AppTest, *drawers: str) -> AppTest:
    """Open some expanders, or all."""
    for drawer in drawers or DRAWERS:
        at.session_state[drawer] = True
    return again(at)


def values_of(at: AppTest) -> SweepSettings:
    """The settings that the run ended with."""
    return SweepSettings.of(at.session_state["page:sweep"]["published_values"])


def board_of(at: AppTest, suffix: str = "") -> BoardSpec:
    return layer.board_spec(values_of(at).layers[suffix])


def link_of(at: AppTest) -> dict[str, str]:
    """The URL that the visitor sees; AppTest keeps a list for each parameter."""
    return {name: "".join(value) for name, value in at.query_params.items()}


def sent(at: AppTest) -> dict[str, Any]:
    """What the player is sent, read from the message to the browser."""
    return players(at)[0]


def warned(at: AppTest) -> str:
    """All warnings on the page."""
    return "\n".join(warning.value for warning in at.warning)


def text_of(at: AppTest) -> str:
    """All headings and all running text on the page."""
    return "\n".join(element.value for element in (*at.title, *at.header, *at.markdown))
