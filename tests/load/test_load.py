"""A small class in the real app, and the load generator's own guards."""

from __future__ import annotations

import ast
import asyncio
import random
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.load.load import Settings, run_load
from tests.load.report import percentile
from tests.load.visitor import Visitor
from tests.load.widgets import KINDS
from tests.serving import serving

T = TypeVar("T")
pytestmark = pytest.mark.untimed

# Every kind of widget; `trouble` raises, so that visitors read in the exception what arrived.
EVERY_WIDGET = """
import streamlit as st
seen = dict(
    whole=st.slider("whole", 1, 8, 2, key="whole"),
    ends=st.slider("ends", 0.0, 1.0, (0.2, 0.5), key="ends"),
    named=st.select_slider("named", ["low", "mid", "high"], key="named"),
    number=st.number_input("number", 0, 9, 1, key="number"),
    real=st.number_input("real", 0.0, 2.0, 1.0, step=0.5, key="real"),
    box=st.selectbox("box", ["a", "b", "c"], key="box"),
    radio=st.radio("radio", ["a", "b"], key="radio"),
    pill=st.segmented_control("pill", ["a", "b"], default="a", key="pill"),
    many=st.multiselect("many", ["a", "b", "c"], default=["a"], key="many"),
    area=st.text_area("area", "text", key="area"),
    line=st.text_input("line", "text", key="line"),
)
if st.checkbox("trouble", key="trouble"):
    raise ValueError(repr(seen))
"""
KEYS = ("whole", "ends", "named", "number", "real", "box", "radio", "pill", "many")


def in_a_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine in a thread: a browser test before may have left a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="module")
def every_widget_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    script = tmp_path_factory.mktemp("app") / "every_widget.py"
    script.write_text(EVERY_WIDGET)
    with serving(script) as server:
        yield server.url


def test_a_class_meets_no_error(app_url: str) -> None:
    moved = ("stride", "padding")
    settings = Settings(app_url, sessions=8, actions=5, think=0.1, page="sweep", widgets=moved)
    report = in_a_loop(run_load(settings))
    assert report.errors == []
    assert (len(report.times("open")), len(report.times("move"))) == (8, 8 * 5)


def test_what_a_visitor_moves_arrives(every_widget_url: str) -> None:
    async def move_everything() -> tuple[dict[str, object], str]:
        visitor, rng = Visitor(every_widget_url), random.Random(1)
        await visitor.open()
        await visitor.rerun()
        assert {widget.kind for widget in visitor.widgets.values()} == KINDS
        before = {widget.key: widget.value for widget in visitor.widgets.values()}
        for key in KEYS:
            widget = visitor.find(key)
            assert widget, key
            widget.move(rng)
            await visitor.rerun(widget)
        assert visitor.errors == []
        trouble = visitor.find("trouble")
        assert trouble
        trouble.move(rng)
        await visitor.rerun(trouble)
        await visitor.close()
        after = {widget.key: widget.value for widget in visitor.widgets.values()}
        assert [key for key in KEYS if after[key] == before[key]] == []
        (error,) = visitor.errors
        return after, error

    sent, error = in_a_loop(move_everything())
    name, _, seen = error.partition(": ")
    assert name == "ValueError"
    arrived = {
        key: list(value) if isinstance(value, list | tuple) else [value]
        for key, value in ast.literal_eval(seen).items()
    }
    assert arrived == {
        key: value if isinstance(value, list) else [value]
        for key, value in sent.items()
        if key != "trouble"
    }


def test_an_exception_on_the_page_is_an_error(every_widget_url: str) -> None:
    settings = Settings(
        every_widget_url, page="", sessions=2, actions=1, think=0, widgets=("trouble",)
    )
    report = in_a_loop(run_load(settings))
    assert len(report.errors) == 2
    assert all("ValueError" in error for error in report.errors)


def test_an_absent_widget_is_an_error_that_names_the_present_ones(every_widget_url: str) -> None:
    settings = Settings(
        every_widget_url, page="", sessions=2, actions=1, widgets=("whole", "absent")
    )
    report = in_a_loop(run_load(settings))
    assert len(report.errors) == 2
    assert all("['absent']" in error and "whole, ends" in error for error in report.errors)


def test_a_server_that_is_gone_is_an_error(tmp_path: Path) -> None:
    script = tmp_path / "empty.py"
    script.write_text("")
    with serving(script) as server:
        url = server.url
    report = in_a_loop(run_load(Settings(url, page="", sessions=2, timeout=5)))
    assert len(report.errors) == 2
    assert not report.answers


@pytest.mark.parametrize("percent, expected", [(50, 2), (75, 3), (95, 4), (100, 4), (1, 1)])
def test_percentile_is_the_smallest_value_that_covers(percent: float, expected: float) -> None:
    assert percentile([4, 1, 3, 2], percent) == expected
