"""Every page has a journey, and a class that goes on all of them meets no error."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.load.journeys import JOURNEYS, Journey, moves
from tests.load.load import Settings, run_load
from tests.load.test_load import in_a_loop
from tests.load.visitor import Visitor
from viz.pages import PAGES

pytestmark = pytest.mark.untimed


def test_every_page_has_a_journey() -> None:
    assert [each.page for each in JOURNEYS] == [page.name for page in PAGES]


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.page)
def test_the_controls_of_a_journey_are_on_its_page(journey: Journey, app_url: str) -> None:
    async def walk() -> list[str]:
        visitor, rng = Visitor(app_url, journey.page, journey.link), random.Random(1)
        await visitor.open()
        await visitor.rerun()
        for keys in filter(None, (journey.light, journey.once)):
            assert [key for key in keys if visitor.find(key) is None] == []
            way = moves(visitor, keys, rng)
            for _ in keys:
                await visitor.rerun(next(way))
        await visitor.close()
        return visitor.errors

    assert in_a_loop(walk()) == []


@pytest.mark.slow
def test_a_visitor_goes_through_all_pages_and_tabs(app_url: str) -> None:
    async def walk() -> list[str]:
        visitor = Visitor(app_url)
        await visitor.open()
        await visitor.rerun()
        for page in [*visitor.pages, *visitor.pages]:
            await visitor.go(page)
            for tabs in visitor.tabs():
                for label in tabs.options:
                    tabs.value = label
                    await visitor.rerun(tabs)
            assert visitor.errors == [], page
        await visitor.close()
        return list(visitor.pages)

    assert in_a_loop(walk()) == ["", *(page.name for page in PAGES[1:])]


@pytest.mark.slow
def test_a_class_on_all_pages_meets_no_error(app_url: str) -> None:
    settings = Settings(app_url, sessions=len(JOURNEYS), actions=4, think=0.2, seed=3)
    report = in_a_loop(run_load(settings))
    assert report.errors == []
    assert report.lost == 0
    assert {answer.page for answer in report.answers if answer.what == "open"} == {
        page.name for page in PAGES
    }


def test_many_want_the_same_map_and_see_their_place_in_the_queue(app_url: str) -> None:
    """Three maps that take a moment, wanted by two visitors each: all of them get theirs."""

    async def ask(seed: int) -> tuple[list[str], list[str]]:
        visitor = Visitor(app_url, "erf", f"draws=16&draw_seed={seed}")
        shown: list[str] = []
        await visitor.open()
        await visitor.rerun()
        while visitor.follows:
            shown += visitor.progress
            await visitor.stay(0.5)
        await visitor.close()
        return shown, visitor.errors

    async def everybody() -> list[tuple[list[str], list[str]]]:
        return list(await asyncio.gather(*(ask(9000 + n // 2) for n in range(6))))

    found = in_a_loop(everybody())
    assert [errors for _, errors in found if errors] == []
    texts = {text for shown, _ in found for text in shown}
    assert any(text.startswith("In the queue: ") for text in texts)
