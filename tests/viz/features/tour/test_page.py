"""The page where the tour starts."""

from __future__ import annotations

from urllib.parse import parse_qsl

from tests.viz.shell.test_tour import run, visit
from tests.viz.visit import link_of, text_of, warned
from viz.lessons.tour import TOUR


def test_every_stop_is_a_link_that_opens_it_on_the_tour() -> None:
    app = visit("tour")
    links = [each.proto for each in app.get("page_link")]
    assert [link.label for link in links] == [
        f"{number}. {stop.title}" for number, stop in enumerate(TOUR, 1)
    ]
    for number, (stop, link) in enumerate(zip(TOUR, links, strict=True), 1):
        assert dict(parse_qsl(link.query_string)) == {
            **dict(parse_qsl(stop.query)),
            "tour": str(number),
        }
    texts = [each.value for each in app.main.markdown]
    assert [text for text in texts if text in {stop.text for stop in TOUR}] == [
        stop.text for stop in TOUR
    ]
    assert any("python -m viz.slides tour" in caption.value for caption in app.caption)


def test_the_button_starts_at_the_first_stop() -> None:
    app = visit("tour")
    app.button(key="tour_start").click()
    run(app)
    assert "Stop 1 of" in text_of(app)
    assert link_of(app) == {**dict(parse_qsl(TOUR[0].query)), "tour": "1"}


def test_the_button_goes_on_where_the_visitor_was() -> None:
    app = visit("tour", tour="4", present="true")
    assert "Stop 4 of" not in text_of(app), "no bar above the list"
    start = app.button(key="tour_start")
    assert start.label == "Go on at stop 4"
    start.click()
    run(app)
    assert "Stop 4 of" in text_of(app)
    assert link_of(app) == {**dict(parse_qsl(TOUR[3].query)), "tour": "4", "present": "true"}


def test_what_the_page_does_not_know_is_said() -> None:
    assert "`stride` is no setting of this page" in warned(visit("tour", stride="3"))
