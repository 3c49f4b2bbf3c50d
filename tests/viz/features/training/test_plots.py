"""Curves and rows of training runs, by their data against the records."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.training.records import Record
from tests.viz.features.training.runs import NAMES, SEEDS, STEPS, Runs, begun, four, trained
from viz.features.training import plot_parts as parts
from viz.features.training import plots as figures

numbers = st.floats(-1e3, 1e3) | st.none() | st.just(math.nan) | st.just(math.inf)


@given(st.lists(st.tuples(st.integers(0, 6), numbers), max_size=40))
def test_a_band_is_mean_and_extremes_of_what_is_there(points: list[tuple[int, float]]) -> None:
    band = parts.over_seeds(points)
    real = [(x, y) for x, y in points if y is not None and math.isfinite(y)]
    assert band.x.tolist() == sorted({x for x, _ in real})
    for place, x in enumerate(band.x):
        here = [y for at, y in real if at == x]
        assert band.seeds[place] == len(here)
        assert (band.low[place], band.high[place]) == (min(here), max(here))
        assert band.mean[place] == pytest.approx(math.fsum(here) / len(here), abs=1e-9)


@given(
    st.dictionaries(st.integers(0, 3), st.floats(0, 100), min_size=1),
    st.floats(1, 25),
)
def test_names_stand_apart_inside_and_move_only_where_they_must(
    wanted: dict[int, float], height: float
) -> None:
    found = figures.apart(wanted, dict.fromkeys(wanted, height), (0, 100))
    places = [found[name] for name in sorted(wanted, key=wanted.__getitem__)]
    assert all(b - a >= height - 1e-9 for a, b in itertools.pairwise(places))
    assert places[0] - height / 2 >= -1e-9
    assert places[-1] + height / 2 <= 100 + 1e-9
    at = sorted(wanted.values())
    inside = at[0] >= height / 2 and at[-1] <= 100 - height / 2
    if inside and all(b - a >= height for a, b in itertools.pairwise(at)):
        assert found == pytest.approx(wanted)


def lines(figure: go.Figure, name: str) -> list[Any]:
    """What is drawn of a net: a line in each panel, not bands and not the way to its name."""
    return [
        trace
        for trace in figure.data
        if trace.name == name and trace.fill is None and trace.line.width > 1
    ]


def areas(figure: go.Figure, name: str) -> list[Any]:
    return [t for t in figure.data if t.legendgroup == name and t.fill == "toself"]


READ: dict[str, Callable[[Record], float | None]] = {
    "loss": lambda r: r.loss,
    "train_accuracy": lambda r: None if r.train_accuracy is None else 100 * r.train_accuracy,
    "test_accuracy": lambda r: None if r.snapshot is None else 100 * r.snapshot.test_accuracy,
}


def told(runs: Runs, net: int, read: Callable[[Record], float | None]) -> dict[int, list[float]]:
    """Step: the numbers of all seeds, by plain loops."""
    found: dict[int, list[float]] = {}
    for (of, _), records in runs.items():
        for record in records:
            number = read(record)
            if of == net and number is not None:
                found.setdefault(record.step, []).append(number)
    return dict(sorted(found.items()))


@pytest.mark.parametrize("what", list(READ))
@pytest.mark.parametrize("make", [trained, begun])
def test_curves_are_the_records(what: Any, make: Callable[[], Runs]) -> None:
    runs = make()
    figure = figures.learning_figure(runs, NAMES, what, STEPS)
    for net, name in enumerate(NAMES):
        expected = told(runs, net, READ[what])
        found = lines(figure, name)
        if not expected:
            assert not found
            continue
        (line,) = found
        assert list(line.x) == list(expected)
        np.testing.assert_allclose(line.y, [np.mean(v) for v in expected.values()], rtol=1e-5)
        several = any(len(v) > 1 for v in expected.values())
        assert len(areas(figure, name)) == several
        if several:
            (area,) = areas(figure, name)
            count = len(expected)
            np.testing.assert_allclose(area.y[:count], [max(v) for v in expected.values()])
            np.testing.assert_allclose(area.y[count:][::-1], [min(v) for v in expected.values()])
    low, high = figure.layout.xaxis.range
    assert low <= 0
    assert high >= STEPS, "the axis is that of a whole run"


def test_nets_are_told_apart_without_colour_and_by_name() -> None:
    runs, names = four()
    figure = figures.learning_figure(runs, names, "test_accuracy", STEPS)
    drawn = [lines(figure, name)[0] for name in names]
    assert len({line.line.dash for line in drawn}) == len({line.line.color for line in drawn}) == 4
    assert len({line.marker.symbol for line in drawn}) == 4
    labels = {note.text.replace("<br>", " ") for note in figure.layout.annotations}
    assert set(names) <= labels
    rows = [note for note in figure.layout.annotations if note.text.replace("<br>", " ") in names]
    assert len({note.y for note in rows}) == 4, "none over another"
    longest = max(len(line) for note in rows for line in note.text.split("<br>"))
    assert figure.layout.margin.r >= 5.5 * longest
    assert figure.layout.margin.l + figure.layout.margin.r < 200, "room for lines on a phone"


@pytest.mark.parametrize("what", ["loss", "test_accuracy"])
def test_names_are_led_to_from_the_lines_ends(what: Any) -> None:
    figure = figures.learning_figure(trained(), NAMES, what, STEPS)
    line = lines(figure, NAMES[0])[0]
    lead = next(t for t in figure.data if t.name == NAMES[0] and t.line.width == 1)
    assert (lead.x[0], lead.y[0]) == pytest.approx((line.x[-1], line.y[-1]))
    note = next(n for n in figure.layout.annotations if n.text == NAMES[0])
    end = np.log10(lead.y[1]) if what == "loss" else lead.y[1]
    assert note.y == pytest.approx(end, rel=1e-4)
    low, high = figure.layout.yaxis.range
    assert low <= note.y <= high


@pytest.mark.parametrize("what", ["loss", "test_accuracy", "train_accuracy"])
def test_nothing_is_drawn_beyond_what_has_been_trained(what: Any) -> None:
    half = {key: records[:3] for key, records in trained().items()}
    figure = figures.learning_figure(half, NAMES, what, STEPS)
    done = max(record.step for records in half.values() for record in records)
    assert done < STEPS
    assert all(max(trace.x) <= done for trace in figure.data)
    for name in NAMES:
        line = lines(figure, name)[0]
        note = next(n for n in figure.layout.annotations if n.text.replace("<br>", " ") == name)
        assert note.x == pytest.approx(line.x[-1]), "the name stands at the line's end"


def changed(runs: Runs, **numbers: Any) -> Runs:
    return {k: tuple(replace(r, **numbers) for r in v) for k, v in runs.items()}


@pytest.mark.parametrize("loss", [math.nan, None, 0.0, 1e-30, 5.0])
def test_odd_losses_do_no_harm(loss: float | None) -> None:
    figure = figures.learning_figure(changed(trained(), loss=loss), NAMES, "loss", STEPS)
    drawn = lines(figure, NAMES[0])
    if loss is None or math.isnan(loss):
        assert not drawn
    else:
        assert set(drawn[0].y) == {np.float32(max(loss, parts.LOWEST))}
    assert np.isfinite(figure.layout.yaxis.range).all()
    assert figure.layout.yaxis.type == "log"


@pytest.mark.parametrize("runs", [{}, {(0, 3): ()}])
def test_before_the_first_record_there_are_axes_and_a_sentence(runs: Runs) -> None:
    for figure in (
        figures.learning_figure(runs, NAMES, "loss", STEPS),
        figures.sigma_figure(runs, NAMES),
        figures.shift_figure(runs, NAMES),
        figures.accuracy_figure(runs, NAMES),
        figures.pace_figure(runs, NAMES),
    ):
        assert not figure.data
        assert parts.NOTHING in figure.layout.annotations[0].text


@pytest.mark.parametrize("names", [(), ("a",) * 5])
def test_no_nets_or_too_many_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(SpecError, match="names"):
        figures.learning_figure(trained(), names, "loss", STEPS)
    with pytest.raises(SpecError, match="names"):
        figures.pace_figure(trained(), names)


def test_a_number_that_there_is_not_is_refused() -> None:
    with pytest.raises(SpecError, match="what"):
        figures.learning_figure(trained(), NAMES, "speed", STEPS)  # type: ignore[arg-type]


def test_widths_are_sigmas_in_pixels() -> None:
    figure = figures.sigma_figure(trained(), NAMES)
    for net, name in enumerate(NAMES):

        def read(record: Record) -> float | None:
            erf = record.snapshot.erf if record.snapshot else None
            return None if erf is None else float(np.sqrt(np.mean(np.square(erf.sigma))))

        expected = told(trained(), net, read)
        (line,) = lines(figure, name)
        assert list(line.x) == list(expected)
        np.testing.assert_allclose(line.y, [np.mean(v) for v in expected.values()], rtol=1e-6)
    assert "px" in figure.layout.yaxis.title.text


def test_shifts_are_those_of_the_finished_runs() -> None:
    runs = trained() | {(1, 4): trained()[1, 4][:2]}
    figure = figures.shift_figure(runs, NAMES)
    above, below = lines(figure, NAMES[0])
    ends = [runs[0, seed][-1].snapshot for seed in SEEDS]
    shifted = [end.shifted for end in ends if end is not None and end.shifted is not None]
    assert len(shifted) == 2
    assert list(above.x) == list(range(9))
    assert (above.yaxis, below.yaxis) == ("y", "y2")
    np.testing.assert_allclose(above.y, 100 * np.mean([s.agreement for s in shifted], 0), rtol=1e-6)
    np.testing.assert_allclose(below.y, 100 * np.mean([s.accuracy for s in shifted], 0), rtol=1e-6)
    assert len(areas(figure, NAMES[0])) == 2
    assert not areas(figure, NAMES[1]), "of it one seed has finished"


def test_every_finished_seed_is_a_mark_and_their_mean_a_line() -> None:
    runs = trained() | {(1, 4): trained()[1, 4][:2]}
    figure = figures.accuracy_figure(runs, (*NAMES, "not begun"))
    for net, seeds in ((0, SEEDS), (1, SEEDS[:1])):
        shots = [runs[net, seed][-1].snapshot for seed in seeds]
        expected = [100 * shot.test_accuracy for shot in shots if shot is not None]
        mean, dots = (t for t in figure.data if t.name == NAMES[net])
        assert list(dots.x) == expected
        assert list(dots.customdata) == list(seeds)
        assert mean.x[0] == pytest.approx(np.mean(expected))
        (note,) = [n for n in figure.layout.annotations if n.x == mean.x[0] and n.yref == "y"]
        assert note.text == f"{np.mean(expected):.3g} %"
        assert net - 0.5 < note.y < net, "in its own row"
        assert all(round(y) == net for y in dots.y)
    empty = [n for n in figure.layout.annotations if n.text == "not finished"]
    assert [n.y for n in empty] == [2]
    low, high = figure.layout.xaxis.range
    assert all(low < x < high for trace in figure.data for x in trace.x)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "the first is on top"


def test_pace_is_the_median_of_the_records() -> None:
    figure = figures.pace_figure(trained(), NAMES)
    assert len(figure.data) == len(NAMES)
    for net, bar in enumerate(figure.data):
        told = [
            1000 * record.seconds_per_step
            for seed in SEEDS
            for record in trained()[net, seed]
            if record.step
        ]
        assert bar.x[0] == pytest.approx(np.median(told))
        assert bar.y[0] == net
        assert bar.x[0] + bar.error_x.array[0] == pytest.approx(np.percentile(told, 75))
        assert bar.x[0] - bar.error_x.arrayminus[0] == pytest.approx(np.percentile(told, 25))
    assert len({bar.marker.pattern.shape for bar in figure.data}) == len(NAMES)
    assert "ms" in figure.layout.xaxis.title.text
