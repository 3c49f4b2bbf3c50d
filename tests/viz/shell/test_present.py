"""Presentation mode: a switch in the URL that every page keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.viz.shell.test_tour import run, visit
from tests.viz.visit import link_of, warned
from viz.shell.present import CSS


def dressed(app: AppTest) -> bool:
    """Whether the style of presentation mode went to the browser."""
    style = CSS.read_text()
    return any(style in html.proto.body for html in app.get("html"))


def test_the_switch_is_in_the_url_and_leads_back() -> None:
    app = visit("sizes")
    assert not dressed(app)
    app.button(key="present_enter").click()
    run(app)
    assert dressed(app)
    assert link_of(app) == {"present": "true"}
    app.button(key="present_leave").click()
    run(app)
    assert not dressed(app)
    assert link_of(app) == {}


def test_a_page_keeps_what_was_set_before_and_after() -> None:
    app = visit("sweep", present="true", stride="3")
    assert app.slider(key="stride").value == 3
    app.slider(key="stride").set_value(4)
    run(app)
    assert link_of(app) == {"stride": "4", "present": "true"}
    app.button(key="present_leave").click()
    run(app)
    assert link_of(app) == {"stride": "4"}
    assert app.slider(key="stride").value == 4


@pytest.mark.parametrize("told", ["True", "1", "", "yes<b>"])
def test_nonsense_is_said_and_ignored(told: str) -> None:
    app = visit("sizes", present=told)
    assert "`present` must be true or false" in warned(app)
    assert link_of(app) == {}
    assert not dressed(app)


def test_the_browser_s_back_button_leaves_as_well() -> None:
    app = visit("sizes")
    app.button(key="present_enter").click()
    run(app)
    app.query_params.clear()
    run(app)
    assert not dressed(app)


def test_an_address_that_is_late_counts_for_nothing() -> None:
    app = visit("sizes", present="true")
    app.button(key="present_leave").click()
    run(app)
    app.query_params["present"] = "true"  # the browser has not yet heard of the new address
    app.slider(key="stride").set_value(3)
    run(app)
    assert link_of(app) == {"stride": "3"}


def test_the_style_fetches_nothing() -> None:
    style = Path(CSS).read_text()
    assert "url(" not in style
    assert "@import" not in style
