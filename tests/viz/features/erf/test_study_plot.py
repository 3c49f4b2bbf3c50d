"""The figure of a study, tested by its data against real small studies."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from core.erf.studies import activation_study, depth_study, dilation_study, initialisation_study
from core.erf.study import Study, StudySettings
from viz.features.erf.study_plot import LOOKS, study_figure
from viz.plots.parts import NOTE

SMALL = StudySettings(channels=2, draws=4)


@cache
def study(name: str) -> Study:
    match name:
        case "depth":
            return depth_study((2, 4, 8), settings=SMALL)
        case "activation":
            return activation_study(("none", "relu", "tanh"), depth=3, settings=SMALL)
        case "initialisation":
            return initialisation_study(("he", "uniform"), depth=3, settings=SMALL)
        case _:
            return dilation_study(((1, 1), (1, 2, 4)), settings=SMALL)


STUDIES = ("depth", "activation", "initialisation", "dilation")


def named(figure: go.Figure, name: str) -> Any:
    (found,) = [trace for trace in figure.data if trace.name == name]
    return found


def laws(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.name.startswith("∝")]


@pytest.mark.parametrize("name", STUDIES)
def test_marks_are_the_rows(name: str) -> None:
    rows = study(name).rows
    figure = study_figure(study(name))
    places = [row.x for row in rows] if study(name).fits else list(range(len(rows)))
    shown = {quantity: look[2] for quantity, look in LOOKS.items()} | {"reach": "theory"}
    for quantity, title in shown.items():
        trace = named(figure, title)
        assert list(trace.y) == [getattr(row, quantity) for row in rows]
        assert list(trace.x) == places
        assert trace.mode == "markers"
        for text, row in zip(trace.hovertext, rows, strict=True):
            assert row.label in text
    symbols = [trace.marker.symbol for trace in figure.data if trace.mode == "markers"]
    assert len(set(symbols)) == len(symbols), "told apart in grey"


def test_shares_have_a_panel_of_their_own() -> None:
    figure = study_figure(study("depth"))
    below = {trace.name for trace in figure.data if trace.yaxis == "y2"}
    assert LOOKS["share"][2] in below
    assert not {LOOKS["sigma"][2], LOOKS["side"][2], "theory"} & below
    upper, lower = figure.layout.yaxis.domain, figure.layout.yaxis2.domain
    assert lower[0] < lower[1] < upper[0] < upper[1]
    assert "(px)" in figure.layout.yaxis.title.text


def test_closed_form_stands_where_there_is_one() -> None:
    rows = study("initialisation").rows
    known = [index for index, row in enumerate(rows) if row.expected is not None]
    assert [rows[index].label for index in known] == ["he", "uniform"]
    trace = named(study_figure(study("initialisation")), "σ, closed form")
    assert list(trace.x) == known
    expected = rows[known[0]].expected
    assert expected is not None
    spread = []
    for axis in (0, 1):
        profile = expected.map.sum(1 - axis)
        at = np.arange(profile.size)
        spread.append(profile @ (at - profile @ at) ** 2)
    assert trace.y[0] == pytest.approx(np.sqrt(np.mean(spread)))


def test_power_laws_are_lines_on_logarithmic_axes() -> None:
    figure = study_figure(study("depth"))
    for axis in ("xaxis", "xaxis2", "yaxis", "yaxis2"):
        assert figure.layout[axis].type == "log"
    assert figure.layout.xaxis2.title.text == study("depth").x_label
    fits = {fit.quantity: fit for fit in study("depth").fits}
    assert len(laws(figure)) == len(fits) == 3
    for quantity, fit in fits.items():
        colour, _, title = LOOKS[quantity]
        (line,) = [trace for trace in laws(figure) if trace.legendgroup == title]
        assert line.line.color == colour == named(figure, title).marker.color
        slope = np.diff(np.log(line.y)) / np.diff(np.log(line.x))
        assert slope[0] == pytest.approx(fit.exponent, abs=1e-3)
        assert line.y[0] == pytest.approx(fit.factor * min(line.x) ** fit.exponent, rel=1e-5)
        shown = f"{fit.exponent:.3g}".replace("-", "−")
        law = f"{fit.law:.3g}".replace("-", "−")
        assert line.name == f"∝ x<sup>{shown}</sup>, law x<sup>{law}</sup>"
        assert line.yaxis == named(figure, title).yaxis


@pytest.mark.parametrize("name", ["activation", "initialisation", "dilation"])
def test_rows_without_a_law_have_places_of_their_own(name: str) -> None:
    figure = study_figure(study(name))
    assert laws(figure) == []
    labels = [row.label for row in study(name).rows]
    for axis in (figure.layout.xaxis, figure.layout.xaxis2):
        assert [text.replace("<br>", " ") for text in axis.ticktext] == labels
        assert axis.range == (-0.5, len(labels) - 0.5)
    assert figure.layout.xaxis2.title.text == study(name).name


def test_study_tells_its_recipe_and_only_what_differs() -> None:
    foot = study_figure(study("initialisation")).layout.annotations[0]
    text = foot.text.replace("<br>", " ")
    assert "Mean of the squared gradient" in text
    assert "4 draws" in text
    assert text.count("He-normal") == 1
    assert "uniform: weights uniform." in text


@pytest.mark.parametrize("name", STUDIES)
def test_title_and_room_below(name: str) -> None:
    layout = study_figure(study(name)).layout
    assert study(name).name in layout.title.text.replace("<br>", " ")
    assert study_figure(study(name), title="mine").layout.title.text == "mine"
    foot = layout.annotations[0]
    assert -foot.yshift + NOTE * (foot.text.count("<br>") + 1) <= layout.margin.b
    assert layout.paper_bgcolor == "rgba(0,0,0,0)"
