"""The server is killed and comes back: whoever was there goes on where their link says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import websockets

from tests.load.test_load import in_a_loop
from tests.load.visitor import Visitor
from tests.serving import Server, free_port, serving

pytestmark = pytest.mark.slow


@contextmanager
def one_server_after_another() -> Iterator[ExitStack]:
    """Servers that may have been killed by the end of the block."""
    with pytest.raises(RuntimeError, match="died while serving"):
        with ExitStack() as servers:
            yield servers


def kill(server: Server) -> None:
    """Without a word of farewell, as the kernel does when memory runs out."""
    server.process.kill()
    server.process.wait()


def test_a_websocket_is_told_and_comes_back_with_the_state_of_its_link() -> None:
    port, wanted = free_port(), {"stride": [3], "kernel_size": [5]}

    async def visit(server: Server, then_kill: bool = False) -> dict[str, object]:
        visitor = Visitor(server.url, query="stride=3&kernel_size=5")
        await visitor.open()
        await visitor.rerun()
        if then_kill:
            kill(server)
            with pytest.raises(websockets.ConnectionClosed):
                await visitor.rerun()
        await visitor.close()
        assert visitor.errors == []
        return {w.key: w.value for w in visitor.widgets.values() if w.key in wanted}

    with one_server_after_another() as servers:
        first = servers.enter_context(serving(port=port))
        assert in_a_loop(visit(first, then_kill=True)) == wanted
        second = servers.enter_context(serving(port=port))
        assert in_a_loop(visit(second)) == wanted


def test_what_is_clicked_before_the_first_run_after_a_restart_counts() -> None:
    """The browser sends it with its other widgets, beside a link that does not know of it yet."""

    async def visit(server: Server) -> None:
        before, back = Visitor(server.url, query="stride=3"), Visitor(server.url, query="stride=3")
        await before.open()
        await before.rerun()
        await before.close()
        back.widgets = before.widgets
        moved = {w.key: w for w in back.widgets.values()}
        moved["operation"].value = "Max pooling"
        await back.open()
        await back.rerun()
        await back.close()
        now = {w.key: w.value for w in back.widgets.values()}
        assert back.errors == []
        assert (now["operation"], now["stride"]) == ("Max pooling", [3])

    with serving() as server:
        in_a_loop(visit(server))


def test_values_of_another_releases_widgets_leave_the_link_as_it_is() -> None:
    async def visit(server: Server) -> None:
        before, back = Visitor(server.url, query="stride=3"), Visitor(server.url, query="stride=3")
        await before.open()
        await before.rerun()
        await before.close()
        for widget in before.widgets.values():
            widget.id = "-".join(("$$ID-0", widget.id.split("-", 2)[-1]))
            back.widgets[widget.id] = widget
        await back.open()
        await back.rerun()
        await back.close()
        assert back.errors == []
        assert {w.key: w.value for w in back.widgets.values()}["stride"] == [3]

    with serving() as server:
        in_a_loop(visit(server))
