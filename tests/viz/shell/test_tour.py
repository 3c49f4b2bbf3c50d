"""The guided tour: every stop opens what it says, and the visitor finds the way, whatever happens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.gradients.counts import windows_per_pixel
from core.gradients.pattern import input_gradient
from core.gradients.recipe import UpstreamGradient
from core.layer import LayerSpec
from core.layer.operations import check
from tests.viz.visit import link_of, open_page, text_of, warned
from viz.choices import layer as state
from viz.features.sweep.params import SweepSettings
from viz.lessons.tour import TOUR, Stop
from viz.pages import PAGES

MAIN = Path(__file__).parents[3] / "viz" / "shell" / "main.py"
NUMBERED = list(enumerate(TOUR, 1))


def visit(page: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(app, page)
    app.query_params.update(query)
    return run(app)


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def at(number: int, **more: str) -> AppTest:
    stop = TOUR[number - 1]
    return visit(stop.page, **dict(parse_qsl(stop.query)), tour=str(number), **more)


def way_back(app: AppTest) -> list[object]:
    """The button "Back to the stop's picture", where it is offered."""
    return [button for button in app.button if button.key == "tour_again"]


def test_names_are_short_and_the_stops_answer_questions() -> None:
    assert 10 <= len(TOUR) <= 12
    assert len({stop.name for stop in TOUR}) == len(TOUR)
    assert {stop.page for stop in TOUR} <= {page.name for page in PAGES}
    for stop in TOUR:
        assert stop.title.endswith("?")
        assert stop.text.count(". ") == 1, "two sentences"
        assert stop.text.endswith(".")


@pytest.mark.parametrize("number, stop", NUMBERED, ids=[stop.name for stop in TOUR])
def test_a_stop_opens_as_it_is_written(number: int, stop: Stop) -> None:
    app = at(number)
    assert link_of(app) == {**dict(parse_qsl(stop.query)), "tour": str(number)}
    assert not warned(app)
    assert f"**{stop.title}** {stop.text}" in text_of(app)
    assert f"Stop {number} of {len(TOUR)}" in text_of(app)
    assert not way_back(app), "this is the stop's picture"


def test_next_and_back_cross_pages_and_keep_presentation_mode() -> None:
    number = next(n for n, s in NUMBERED[:-1] if s.page != TOUR[n].page)
    app = at(number, present="true")
    app.button(key="tour_next").click()
    run(app)
    assert f"Stop {number + 1} of" in text_of(app)
    told = {**dict(parse_qsl(TOUR[number].query)), "tour": str(number + 1), "present": "true"}
    assert link_of(app) == told
    app.button(key="tour_back").click()
    run(app)
    assert link_of(app)["tour"] == str(number)


def test_next_within_a_page_takes_the_stop_s_settings() -> None:
    app = at(1)
    app.slider(key="stride").set_value(3)
    run(app)
    app.button(key="tour_next").click()
    run(app)
    assert link_of(app) == {**dict(parse_qsl(TOUR[1].query)), "tour": "2"}


def test_a_visitor_s_own_settings_stay_and_the_bar_leads_back() -> None:
    app = at(1)
    app.slider(key="stride").set_value(3)
    run(app)
    assert link_of(app) == {**dict(parse_qsl(TOUR[0].query)), "stride": "3", "tour": "1"}
    app.button(key="tour_again").click()
    run(app)
    assert link_of(app) == {**dict(parse_qsl(TOUR[0].query)), "tour": "1"}
    assert app.slider(key="stride").value == 2
    assert not way_back(app)


def test_a_link_from_the_middle_restores_place_and_settings() -> None:
    app = visit("sweep", stride="3", tour="5")
    assert "Stop 5 of" in text_of(app)
    assert app.slider(key="stride").value == 3
    assert way_back(app)


def test_another_page_keeps_the_place() -> None:
    app = at(1, present="true")
    open_page(app, "sizes")
    app.query_params.clear()
    run(app)
    assert link_of(app) == {"tour": "1", "present": "true"}
    app.button(key="tour_again").click()
    run(app)
    assert link_of(app) == {**dict(parse_qsl(TOUR[0].query)), "tour": "1", "present": "true"}


def test_both_ends() -> None:
    first, last = at(1), at(len(TOUR))
    assert first.button(key="tour_back").disabled
    last.button(key="tour_finish").click()
    run(last)
    assert "tour" not in link_of(last)
    assert "tour_finish" not in {button.key for button in last.button}


def test_leaving_keeps_the_page() -> None:
    app = at(1)
    app.slider(key="stride").set_value(3)
    run(app)
    app.button(key="tour_leave").click()
    run(app)
    assert link_of(app) == {**dict(parse_qsl(TOUR[0].query)), "stride": "3"}
    assert "Stop 1 of" not in text_of(app)


@pytest.mark.parametrize("told", ["0", "99", "-1", "two", "1e9", "<script>", "9" * 5000])
def test_a_stop_that_is_none_is_said_and_ignored(told: str) -> None:
    app = visit("sweep", tour=told, stride="3")
    assert link_of(app) == {"stride": "3"}
    assert "`tour` must" in warned(app)
    app.slider(key="stride").set_value(4)
    assert not warned(run(app)), "until the visitor moves on"


def board(name: str) -> Board:
    """The layer and the input of a stop on the sweep page."""
    stop = next(stop for stop in TOUR if stop.name == name)
    values, ignored = SweepSettings.decoded(dict(parse_qsl(stop.query)))
    assert not ignored
    found = state.board_spec(values)
    return Board(stop.text, found.layer, found.source.size)


class Board(NamedTuple):
    text: str
    layer: LayerSpec
    size: tuple[int, int]


def test_the_numbers_of_the_first_stop_are_those_of_its_board() -> None:
    text, layer, size = board("stride")
    stops = [check(replace(layer, stride=(s, s)), size)[0] for s in (2, 1)]
    assert layer.stride == (2, 2)
    assert f"stops at {stops[0]} places" in text
    assert f"in steps of one it would stop at {stops[1]}." in text


def test_what_the_stops_say_of_reads_is_so() -> None:
    _, layer, size = board("padding")
    assert check(layer, size) == size
    _, layer, size = board("unread")
    rows = layer.window.axes(size)[0].reads > 0
    assert not rows[-1]
    assert rows[:-1].all()
    _, layer, size = board("dilation")
    assert layer.window.effective_kernel_size == (5, 5)
    rows = layer.window.axes(size)[0].reads > 0
    assert rows[::2].all()
    assert not rows[1::2].any()


def test_a_pixel_that_is_read_more_often_need_not_get_a_larger_gradient() -> None:
    """Why neither the stop nor the page says so: weights of both signs cancel."""
    layer = LayerSpec(kernel_size=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)))
    reads = windows_per_pixel(layer, (8, 8))
    assert {1, 2, 4} == set(reads.ravel().tolist())
    weight = np.zeros((1, 1, 3, 3), dtype=np.float32)
    weight[0, 0] = [[-1, 1, -1], [1, 1, 1], [-1, 1, 1]]
    x = np.zeros((1, 8, 8), dtype=np.float32)
    found = input_gradient(layer, x, weight, upstream=UpstreamGradient("all")).gradient[0]
    most, least = found[reads == 4], found[reads == 1]
    assert most.max() < least.max()
    why = text_of(visit("gradients"))
    assert "gets the sum of more" in why
    assert "gets more." not in why
