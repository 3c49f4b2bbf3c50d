"""The page of effective receptive fields as a visitor meets it."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.erf import METRICS, EffectiveReceptiveField, studies
from core.erf.study import StudySettings
from core.networks.zoo import TABLE
from tests import polling
from tests.architectures import DISTINCT, others_slow
from tests.viz.features.erf.erf_visit import (
    Held,
    again,
    button,
    button_labels,
    charts,
    foot,
    heat,
    link_of,
    requested,
    said,
    text_of,
    tiny,
    until,
    until_done,
    values,
    visit,
    warned,
)
from tests.viz.html_tables import table_of
from tests.viz.visit import open_page
from viz.choices.unit import UNITS
from viz.features.erf import compute, tabs
from viz.features.erf import map as erf_map
from viz.features.erf.params import (
    ACTIVATIONS,
    AGGREGATES,
    COMPARISONS,
    INPUTS,
    POOLINGS,
    STUDIES,
    TABS,
    WEIGHTS,
)

RICH = "conv3 p1 c3, relu, maxpool2, residual[conv3 p1 c3, relu], conv3 p1 c2"


def computed(**link: Any) -> EffectiveReceptiveField:
    return compute.work(requested(**link))(lambda *_: True)


def first_of(files: dict[str, Any], name: str) -> bytes:
    content = files[name]
    return content.encode() if isinstance(content, str) else content


@pytest.mark.parametrize("name", others_slow(DISTINCT))
def test_every_architecture_opens_and_is_asked_for(name: str, monkeypatch: Any) -> None:
    held = Held(monkeypatch, workers=0)
    at = visit(network=name, draws=1)
    assert not at.warning
    assert TABLE[name].title in text_of(at)
    assert button_labels(at).count("Stop") == 1
    assert charts(at, "erf_map") or at.get("skeleton"), "the preview, or its place"
    assert held.wanted() == {requested(network=name, draws=1)}


@pytest.mark.parametrize("name", ["lenet5", "four_conv_pool", "convnext_stem"])
def test_an_architecture_to_the_end(name: str) -> None:
    at = until_done(visit(network=name, draws=1))
    assert not at.warning
    expected = computed(network=name, draws=1)
    np.testing.assert_allclose(heat(at), expected.energy / expected.energy.max(), atol=1e-5)


CHOICES = [
    *[{"weights": name} for name in WEIGHTS],
    *[{"inputs": name} for name in INPUTS],
    *[{"aggregate": name} for name in AGGREGATES],
    *[{"activation": name} for name in ACTIVATIONS],
    *[{"pooling": name} for name in POOLINGS],
    *[{"unit": name} for name in (*UNITS, "2.3")],
    {"skips": False},
    {"bf16": True},
    {"draw_seed": 7},
    {"draws": 4},
    {"layer": "conv0"},
    {"inputs": "picture", "picture": "flower"},
]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: str(choice))
def test_every_choice_of_the_recipe_gives_cores_map(choice: dict[str, Any]) -> None:
    link = tiny(RICH) | choice
    at = until_done(visit(**link))
    assert not at.warning
    expected = computed(**link).map
    np.testing.assert_allclose(heat(at), expected / np.abs(expected).max(), atol=1e-5)


def test_the_preview_comes_first_then_parts_then_the_map(monkeypatch: Any) -> None:
    held = Held(monkeypatch)
    at = visit(**tiny(draws=16))
    assert "Closed form, no gradient was taken." in foot(at)
    until(at, lambda _: "4 of 16 draws" in "".join(p.proto.text for p in at.get("progress")))
    assert "Closed form" not in foot(at)
    part = computed(**tiny(draws=4))
    np.testing.assert_allclose(heat(at), part.energy / part.energy.max(), atol=1e-5)
    held.go()
    whole = computed(**tiny(draws=16))
    until_done(at)
    np.testing.assert_allclose(heat(at), whole.energy / whole.energy.max(), atol=1e-5)


def test_logarithmic_and_over_the_picture() -> None:
    at = until_done(visit(**tiny(log="true", over="true")))
    (figure,) = charts(at, "erf_map")
    assert figure["layout"]["images"][0]["source"].startswith("data:image/png")
    assert at.selectbox(key="picture").value == "china"
    expected = computed(**tiny())
    with np.errstate(divide="ignore"):
        logs = np.log10(expected.energy / expected.energy.max())
    places = heat(at, "z")
    seen = np.isfinite(places) & (logs > -4)
    assert seen.any()
    np.testing.assert_allclose(places[seen], 1 + logs[seen] / 4, atol=1e-4)


def test_the_table_has_every_metric() -> None:
    at = until_done(visit(**tiny()))
    table, erf = table_of(at), computed(**tiny())
    for metric in METRICS:
        heading = f"{metric.title} ({metric.unit})" if metric.unit else metric.title
        assert table.row(heading) == [erf_map.metric_text(metric.value_of(erf), metric.unit)]


@pytest.mark.parametrize(
    "measured, unit, text",
    [
        ((2.356, 2.4), "px", "2.36, 2.4"),
        ((1.0, 1.0), "px", "1"),
        ((0.5544, 0.5651), "%", "55.4, 56.5"),
        ((-0.284, 0.001), "", "−0.28, 0"),
        (-0.0001, "px", "0"),
        (1234.5, "px", "1234"),
        (float("nan"), "%", "unknown"),
        ({0.2: 5, 0.99: 13}, "px", "20 %: 5, 99 %: 13"),
    ],
)
def test_numbers_are_short(measured: Any, unit: str, text: str) -> None:
    assert erf_map.metric_text(measured, unit) == text


def test_what_the_border_does_is_said() -> None:
    assert "reaches out of the image" in said(until_done(visit(**tiny(unit="corner"))))
    assert "reaches out of the image" not in said(until_done(visit(**tiny())))


# --- the queue


def test_two_visitors_who_ask_the_same_have_it_computed_once(monkeypatch: Any) -> None:
    held = Held(monkeypatch)
    held.go()
    one, two = visit(**tiny(draws=4)), visit(**tiny(draws=4))
    until_done(one)
    until_done(two)
    np.testing.assert_array_equal(heat(one), heat(two))
    assert held.begun == [requested(**tiny(draws=4))]


def test_a_changed_setting_gives_up_the_old_map(monkeypatch: Any) -> None:
    held = Held(monkeypatch)
    at = visit(**tiny(draws=64))
    until(at, lambda _: held.begun)
    at.selectbox(key="weights").set_value("xavier")
    again(at)
    held.go()
    until_done(at)
    old, new = requested(**tiny(draws=64)), requested(**tiny(draws=64), weights="xavier")
    assert held.given_up == [old]
    assert held.begun == [old, new]
    assert link_of(at)["weights"] == "xavier"


def test_a_refused_setting_gives_up_the_old_map(monkeypatch: Any) -> None:
    held = Held(monkeypatch)
    at = visit(**tiny("conv3 p1 c2, conv3 p1 c2", draws=64))
    until(at, lambda _: held.begun)
    at.session_state["erf_more"] = True
    again(at).selectbox(key="pooling").set_value("max")
    assert "module must have" in warned(again(at)).lower()
    held.go()
    until(at, lambda _: held.given_up)
    assert not at.get("plotly_chart")


def test_stop_keeps_the_part_and_go_on_brings_the_rest(monkeypatch: Any) -> None:
    held = Held(monkeypatch)
    at = visit(**tiny(draws=16))
    until(at, lambda at: "4 of 16 draws" in "".join(p.proto.text for p in at.get("progress")))
    button(at, "Stop").click()
    again(at)
    assert "Stopped after 4 of 16 draws." in said(at)
    part = computed(**tiny(draws=4))
    np.testing.assert_allclose(heat(at), part.energy / part.energy.max(), atol=1e-5)
    at.session_state["tab"] = TABS["sections"]
    assert charts(again(at), "erf_sections"), "the other tabs show the part too"
    at.session_state["tab"] = TABS["map"]
    held.go()
    again(at)
    assert "Stopped after 4 of 16 draws." in said(at)
    button(at, "Go on").click()
    until_done(again(at))
    whole = computed(**tiny(draws=16))
    np.testing.assert_allclose(heat(at), whole.energy / whole.energy.max(), atol=1e-5)


def test_stopped_before_the_first_draw_the_preview_stays(monkeypatch: Any) -> None:
    first, held = visit(**tiny()), Held(monkeypatch)
    assert first
    visit(**tiny(draws=64))
    at = visit(**tiny(draws=16))
    assert "In the queue" in "".join(p.proto.text for p in at.get("progress"))
    button(at, "Stop").click()
    assert "Stopped after 0 of 16 draws." in said(again(at))
    assert "Closed form" in foot(at)
    assert requested(**tiny(draws=16)) not in held.begun


# --- the tabs


def test_cross_sections_and_energy() -> None:
    sections = charts(until_done(visit(**tiny(tab="sections"))), "erf_sections")
    assert len(sections) == 2
    for panel in sections:
        assert {trace["name"] for trace in panel["data"]} >= {"measured", "closed form"}
    at = until_done(visit(**tiny(tab="energy")))
    assert charts(at, "erf_energy")
    assert charts(at, "erf_settled")
    assert link_of(at)["tab"] == "energy"


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_has_something_to_say_while_the_map_is_waited_for(
    tab: str, monkeypatch: Any
) -> None:
    Held(monkeypatch)
    at = visit(**tiny(tab=tab))
    assert values(at)["tab"] == TABS[tab]
    assert (tabs.BEFORE_MAP in said(at)) == (tab in ("sections", "energy", "files"))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison(name: str, monkeypatch: Any) -> None:
    link = tiny(RICH, input_height=20, input_width=20, tab="compare", compare=name)
    if name == "resnets":
        held = Held(monkeypatch, workers=0)
        at = visit(**link | {"in_channels": 1})
        assert button_labels(at).count("Stop") == 3
        assert {asked.network.name for asked in held.wanted()} == {"own", "resnet50", "resnet50_v1"}
        return
    at = until_done(visit(**link))
    assert not at.warning
    table = table_of(at, "Measures of the variants").columns
    labels = [label for label, _ in COMPARISONS[name][1]]
    assert table["variant"] == labels
    for label, changes in COMPARISONS[name][1]:
        erf = computed(**link | dict(changes))
        row = labels.index(label)
        assert float(table["σ (px)"][row]) == pytest.approx(float(np.mean(erf.sigma)), abs=0.005)
    assert len(charts(at, "erf_variants")) == len(labels)


def test_a_comparison_that_cannot_be_says_so_for_each() -> None:
    at = until_done(visit(**tiny("conv3 p1 c2, relu", tab="compare", compare="poolings")))
    assert "fewer than two of these variants" in said(at)
    assert said(at).count("module must have") == 4


def test_one_variant_stopped_the_others_go_on(monkeypatch: Any) -> None:
    held = Held(monkeypatch)
    at = visit(**tiny(RICH, tab="compare", compare="weights"))
    stops = [each for each in at.button if each.label == "Stop"]
    stops[-1].click()
    assert "uniform: stopped." in said(again(at))
    held.go()
    until_done(at)
    assert table_of(at).columns["variant"] == ["he", "xavier", "orthogonal"]
    button(at, "Go on").click()
    until_done(again(at))
    assert len(table_of(at).rows) == 4


def test_leaving_the_comparison_gives_it_up(monkeypatch: Any) -> None:
    held = Held(monkeypatch)
    at = visit(**tiny(RICH, tab="compare", compare="weights"))
    at.session_state["tab"] = TABS["energy"]
    again(at)
    held.go()
    until_done(at)
    assert held.begun == [requested(**tiny(RICH))]


def test_another_page_gives_up_what_was_computed_for_this_one(monkeypatch: Any) -> None:
    held = Held(monkeypatch)
    at = visit(**tiny(draws=64))
    until(at, lambda _: held.begun)
    open_page(at, "sizes").run()
    held.go()
    polling.until(lambda: held.given_up)
    assert held.given_up == [requested(**tiny(draws=64))]


@cache
def a_study() -> Any:
    return studies.skip_study(2, settings=StudySettings(channels=2, draws=4))


@pytest.mark.slow
def test_a_real_study() -> None:
    at = until_done(visit(**tiny(tab="studies", study="skips")))
    assert charts(at, "erf_study")
    assert len(table_of(at).rows) > 1
    assert not at.warning


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_asked_for_by_its_name(name: str, monkeypatch: Any) -> None:
    """The quickest one stands in for all."""
    quick, ran = a_study(), []

    def study(progress: Any) -> Any:
        ran.append(name)
        return quick

    monkeypatch.setattr(studies, STUDIES[name][1], study)
    Held(monkeypatch).go()
    at = until_done(visit(**tiny(tab="studies", study=name)))
    assert ran == [name]
    assert charts(at, "erf_study")


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"inputs": "picture", "picture": "ramp", "in_channels": 2},
        {"weights": "as_is", "draw_seed": 3, "aggregate": "signed"},
        {"activation": "gelu", "pooling": "average", "skips": False},
        {"bf16": True, "unit": "edge"},
        {"network": "lenet5", "input_height": 32, "input_width": 32, "layer": "c3"},
        {"draws": 4, "layer": "conv0", "unit": "3.9"},
    ],
    ids=str,
)
def test_the_code_runs_and_gives_the_same_map(choice: dict[str, Any]) -> None:
    link = tiny(RICH) | choice
    at = until(visit(tab="files", **link), lambda at: len(at.code) > 1)
    shown: dict[str, Any] = {}
    exec(compile(at.code[0].value, "code tab", "exec"), shown)
    np.testing.assert_allclose(shown["erf"].map, computed(**link).map, rtol=1e-6, atol=1e-12)
    assert "python -m core.erf" in at.code[1].value


def test_the_code_of_a_module_of_ones_own_gives_the_same_map(monkeypatch: Any) -> None:
    monkeypatch.setenv("STRIDES_LOCAL_MODULES", "1")
    own = {"network": "module", "module": "tests.core.erf_oracle:stack2", "weights": "as_is"}
    asked = requested(**tiny(RICH) | own | {"layer": "1", "draw_seed": 7, "draws": 4})
    erf = compute.work(asked)(lambda *_: True)
    shown: dict[str, Any] = {}
    exec(compile(tabs.measurement_code(asked, erf), "code tab", "exec"), shown)
    np.testing.assert_allclose(shown["erf"].map, erf.map, rtol=1e-6, atol=1e-12)


def test_the_files_hold_what_they_say(monkeypatch: Any) -> None:
    files: dict[str, Any] = {}

    def kept(label: str, content: Any, name: str, *_: Any, **__: Any) -> None:
        files[name] = content

    monkeypatch.setattr(tabs.st, "download_button", kept)
    until_done(visit(**tiny(tab="files", draws=4)))
    erf = computed(**tiny(draws=4))
    array = np.load(io.BytesIO(first_of(files, "erf.npy")))
    np.testing.assert_array_equal(array, erf.map)
    table = np.loadtxt(io.BytesIO(first_of(files, "erf.csv")), delimiter=",", ndmin=2)
    np.testing.assert_allclose(table, erf.map, rtol=1e-6)
    told = json.loads(first_of(files, "erf.json"))
    assert {metric.name for metric in METRICS} <= set(told)
    assert told["sigma"] == list(erf.sigma)
    assert told["recipe"] == str(erf.recipe)
