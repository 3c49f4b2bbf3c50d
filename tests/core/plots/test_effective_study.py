"""The plot of a study, tested by its data against real small studies."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from core.erf.studies import (
    activation_study,
    depth_study,
    dilation_study,
    initialisation_study,
    kernel_study,
)
from core.erf.study import Study, StudySettings
from core.plots.axes import span
from core.plots.effective_study import LOOKS, study_plot
from core.plots.legend import entries
from core.plots.plot import Points, Polyline
from tests.core.plots.reading import marks_of, named

SMALL = StudySettings(channels=2, draws=4)


@cache
def study(name: str) -> Study:
    match name:
        case "depth":
            return depth_study((2, 4, 8), settings=SMALL)
        case "activation":
            return activation_study(("none", "relu", "tanh"), depth=3, settings=SMALL)
        case "kernel":
            return kernel_study((3, 5), depth=2, settings=SMALL)
        case "initialisation":
            return initialisation_study(("he", "uniform"), depth=3, settings=SMALL)
        case _:
            return dilation_study(((1, 1), (1, 2, 4)), settings=SMALL)


STUDIES = ("depth", "activation", "initialisation", "dilation")


@pytest.mark.parametrize("name", STUDIES)
def test_marks_are_the_rows(name: str) -> None:
    rows, fitted = study(name).rows, bool(study(name).fits)
    plot = study_plot(study(name))
    for number, (quantity, (_, _, title)) in enumerate(LOOKS.items()):
        panel = plot.panels[quantity == "share"]
        mark = named(panel, Points, title)
        places, values = (mark.x, mark.y) if fitted else (mark.y, mark.x)
        assert list(values) == [getattr(row, quantity) for row in rows], number
        assert list(places) == [row.x if fitted else index for index, row in enumerate(rows)]
        assert mark.hover is not None
        assert [text.split("\n")[0] for text in mark.hover] == [row.label for row in rows]
    symbols = [(mark.symbol, mark.hollow) for mark in marks_of(plot, Points)]
    assert len(set(symbols)) == len(symbols), "they differ without color"
    assert "(px)" in (plot.panels[0].y.name if fitted else plot.panels[0].x.name)


def test_closed_form_stands_where_there_is_one() -> None:
    rows = study("initialisation").rows
    known = [index for index, row in enumerate(rows) if row.expected is not None]
    assert [rows[index].label for index in known] == ["he", "uniform"]
    mark = named(study_plot(study("initialisation")), Points, "σ, closed form")
    assert list(mark.y) == known
    expected = rows[known[0]].expected
    assert expected is not None
    spread = []
    for axis in (0, 1):
        profile = expected.map.sum(1 - axis)
        at = np.arange(profile.size)
        spread.append(profile @ (at - profile @ at) ** 2)
    assert mark.x[0] == pytest.approx(np.sqrt(np.mean(spread)))


def test_power_laws_are_lines_on_logarithmic_axes() -> None:
    plot = study_plot(study("depth"))
    fits = study("depth").fits
    lines = marks_of(plot, Polyline)
    assert len(lines) == len(fits) == 3
    for panel in plot.panels:
        assert panel.x.log
        assert panel.y.log
        assert panel.x.name == study("depth").x_label
        assert panel.x.ticks == (2, 4, 8)
    for fit in fits:
        color, _, title = LOOKS[fit.quantity]
        (line,) = [each for each in lines if each.name.startswith(f"{title} ∝")]
        slope = np.diff(np.log(line.y)) / np.diff(np.log(line.x))
        assert slope[0] == pytest.approx(fit.exponent)
        assert line.y[0] == pytest.approx(fit.factor * 2**fit.exponent)
        exponents = [f"{value:.3g}".replace("-", "−") for value in (fit.exponent, fit.law)]
        assert line.name == f"{title} ∝ x^{exponents[0]}, law x^{exponents[1]}"
        assert line.color == color
        assert line.name in plot.alt
    assert {line.name for line in lines} <= {entry.name for entry in entries(plot)}


def test_a_panel_without_a_law_begins_at_zero() -> None:
    assert {fit.quantity for fit in study("kernel").fits} == {"sigma", "side"}
    sizes, shares = study_plot(study("kernel")).panels
    assert (sizes.y.log, shares.y.log) == (True, False)
    assert span(shares, "y")[0] == 0


@pytest.mark.parametrize("name", ["activation", "initialisation", "dilation"])
def test_networks_without_a_law_have_rows_of_their_own(name: str) -> None:
    plot = study_plot(study(name))
    assert marks_of(plot, Polyline) == []
    labels = tuple(row.label for row in study(name).rows)
    assert plot.shared_rows
    for panel in plot.panels:
        assert panel.y.names == labels
        assert panel.rows == len(labels)
        assert (panel.y.low, panel.y.high) == (len(labels) - 0.5, -0.5), "the first is on top"
        assert panel.x.zero
    assert all(label in plot.alt for label in labels)


def test_recipe_of_a_study_says_only_what_differs() -> None:
    text = " ".join(study_plot(study("initialisation")).notes)
    assert "Mean of the squared gradient" in text
    assert "4 draws" in text
    assert text.count("He-normal") == 1
    assert "uniform: all weights 1/fan-in." in text


@pytest.mark.parametrize("name", STUDIES)
def test_title_names_the_study(name: str) -> None:
    assert study(name).name in study_plot(study(name)).title
    assert study_plot(study(name), "mine").title == "mine"
