"""A visit to the pages that compare blocks, without a browser."""

from __future__ import annotations

import threading
from typing import Any

from streamlit.testing.v1 import AppTest

from tests import polling
from tests.viz.visit import MAIN, open_page, run_until_done


def visit(page: str, **link: Any) -> AppTest:
    """The page, opened by a link."""
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(app, page)
    for name, value in link.items():
        app.query_params[name] = str(value)
    return again(app)


def again(app: AppTest) -> AppTest:
    """Run the page, which must not fail."""
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def settled(app: AppTest) -> AppTest:
    """Wait until nothing is computed any more."""
    return run_until_done(app, again)


def quiet() -> None:
    """Wait until the queue's threads are done: torch must not run while the interpreter ends."""
    polling.until(lambda: not any("_run" in thread.name for thread in threading.enumerate()))


def tables(app: AppTest) -> list[str]:
    """The tables, as HTML."""
    found = [element.proto.body for element in app.get("html")]
    return [body for body in found if "<table" in body]


def said(app: AppTest) -> str:
    """All running text, warnings and information."""
    parts = (*app.title, *app.header, *app.markdown, *app.warning, *app.info, *app.caption)
    return "\n".join(part.value for part in parts)


def url_of(app: AppTest) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else value[-1]
        for name, value in app.query_params.items()
    }
