"""The disk fills up while the app serves: nothing in it needs to write."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.load.journeys import journey
from tests.load.test_load import in_a_loop
from tests.load.visitor import Visitor
from tests.serving import Server, serving
from viz.pages import PAGES

pytestmark = pytest.mark.slow

NOWHERE = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME"), "/nonexistent")


@contextmanager
def serving_with_a_full_disk() -> Iterator[Server]:
    """A server without a home or a place for temporary files, that can write no byte to a file."""
    with serving(environment=NOWHERE) as running:
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (0, 0))
        yield running


def test_every_page_is_shown_and_a_log_that_fails_kills_nothing() -> None:
    async def visit(url: str, page: str) -> None:
        visitor = Visitor(url, "" if page == PAGES[0].name else page)
        await visitor.open()
        await visitor.rerun()
        assert visitor.errors == [], page
        assert visitor.widgets or not journey(page).light, page
        assert visitor._socket
        await visitor._socket.send(b"\xff" * 9)  # the server has something to log
        await visitor._socket.wait_closed()

    with serving_with_a_full_disk() as server:
        written = server.log()
        for page in PAGES:
            in_a_loop(visit(server.url, page.name))
        assert server.alive()
        assert server.log() == written, "the guard: not a byte can be written"
