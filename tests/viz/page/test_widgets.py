"""Controls: what a control lets a visitor choose is what a link lets in, on every page."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Any, cast

import pytest
from streamlit.testing.v1 import AppTest

from tests.viz.values import page_settings
from viz.choices import layer
from viz.params import Param, Settings, choice, decimal, number, switch

PAGE_SETTINGS = page_settings()
DRAWN: dict[str, Any] = {}
"""What the page of this test is made of: its parameters, and what follows other settings."""


def page() -> None:
    from tests.viz.page.test_widgets import DRAWN
    from viz.page.session import PageState
    from viz.page.widgets import widget

    state = PageState("sweep", DRAWN["page"])
    state.update_widgets()
    for param in DRAWN["page"].params():
        if param.kind:
            widget(state.values, param.name, **DRAWN.get("settings", {}))
    DRAWN["values"] = state.values
    state.publish()


def drawn(page_class: type[Settings], **settings: Any) -> AppTest:
    DRAWN.clear()
    DRAWN.update(page=page_class, settings=settings)
    at = AppTest.from_function(page, default_timeout=60).run()
    assert not at.exception, at.exception[0].value
    return at


def refused(param: Param, value: object) -> bool:
    try:
        param.parse(param.format(value))
    except (ValueError, KeyError):
        return True
    return False


@pytest.mark.parametrize("page", PAGE_SETTINGS)
def test_the_bounds_of_a_control_are_those_of_the_link(page: str) -> None:
    at = drawn(PAGE_SETTINGS[page])
    sliders = {each.key: each for each in (*at.slider, *at.number_input)}
    for param in PAGE_SETTINGS[page].params():
        if param.kind in ("slider", "number"):
            control, kind = sliders[param.name], type(param.default)
            low, high = kind(control.min), kind(control.max)
            assert not refused(param, low)
            assert not refused(param, high)
            assert refused(param, low - kind(1))
            assert refused(param, high + kind(1))
            assert param.unit in control.label


@pytest.mark.parametrize("page", PAGE_SETTINGS)
def test_the_options_of_a_control_are_those_of_the_link(page: str) -> None:
    for param in PAGE_SETTINGS[page].params():
        if param.kind in ("choice", "select", "segments"):
            assert param.default in param.labels or param.name in ("layer", "unit", "claim")
            assert [v for v in param.labels if v != "" and refused(param, v)] == [], param.name
            assert refused(param, "no such option")


@pytest.mark.parametrize("page", PAGE_SETTINGS)
def test_every_control_has_a_label(page: str) -> None:
    assert [
        param.name for param in PAGE_SETTINGS[page].params() if param.kind and not param.label
    ] == []


def of(**fields: Any) -> type[Settings]:
    """A class of settings with these fields."""
    made = make_dataclass(
        "Made", [(n, Any, f) for n, f in fields.items()], bases=(Settings,), frozen=True
    )
    return cast(type[Settings], made)


def test_a_control_starts_at_the_value_of_the_page_and_gives_its_own() -> None:
    at = drawn(
        of(
            n=number(3, 1, 9, "n", kind="slider", unit="px"),
            d=decimal(0.5, 0, 2, "d"),
            c=choice(2, {2: "two", 4: "four"}, "c"),
            s=switch(True, "s"),
        )
    )
    assert at.slider(key="n").value == 3
    assert at.slider(key="n").label == "n, 1–9 px"
    assert at.number_input(key="d").label == "d, 0–2"
    assert at.button_group(key="c").options == ["two", "four"]
    at.slider(key="n").set_value(8)
    at.button_group(key="c").set_value(4)
    at.toggle(key="s").set_value(False)
    at.run()
    assert DRAWN["values"].flat == {"n": 8, "d": 0.5, "c": 4, "s": False}
    assert {name: "".join(text) for name, text in at.query_params.items()} == {
        "n": "8",
        "c": "4",
        "s": "false",
    }


def test_narrower_bounds_and_options_are_the_ones_offered() -> None:
    at = drawn(of(n=number(3, 1, 9, "n", kind="slider")), low=2, high=5)
    assert (at.slider[0].min, at.slider[0].max, at.slider[0].label) == (2, 5, "n, 2–5")
    at = drawn(of(c=choice(2, {2: "two", 4: "four", 6: "six"}, "c")), options=[2, 6])
    assert at.button_group[0].options == ["two", "six"]


def test_a_slider_with_one_value_cannot_be_moved() -> None:
    at = drawn(of(n=number(3, 1, 9, "n", kind="slider")), low=3, high=3)
    assert at.slider[0].value == 3
    assert at.slider[0].disabled
    assert at.slider[0].label == "n, 3–3"


def test_the_bounds_of_the_kernel_stand_in_one_place() -> None:
    """The second layer, the width, the sizes and the gradients have those of the first layer."""
    for page, names in {
        "sweep": ("kernel_size", "kernel_width", "kernel_size_b", "kernel_width_b"),
        "sizes": ("kernel_size", "kernel_width"),
        "gradients": ("kernel_size", "kernel_width"),
    }.items():
        by_name = {param.name: param for param in PAGE_SETTINGS[page].params()}
        assert {(by_name[n].low, by_name[n].high) for n in names} == {(1, layer.MAX_KERNEL)}
