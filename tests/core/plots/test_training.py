"""Plots of training runs, by their data against the records."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.plots import training as plots
from core.plots.axes import span
from core.plots.legend import entries
from core.plots.plot import Bars, Plot, Points, Polyline, Words
from core.training.records import Record
from tests.core.plots.reading import all_marks, marks_of, named
from tests.core.plots.training_runs import NAMES, SEEDS, STEPS, Runs, begun, four, trained

numbers = st.floats(-1e3, 1e3) | st.none() | st.just(math.nan) | st.just(math.inf)


@given(st.lists(st.tuples(st.integers(0, 6), numbers), max_size=40))
def test_a_band_is_mean_and_extremes_of_finite_numbers(points: list[tuple[int, float]]) -> None:
    band = plots.over_seeds(points)
    real = [(x, y) for x, y in points if y is not None and math.isfinite(y)]
    assert band.x.tolist() == sorted({x for x, _ in real})
    for place, x in enumerate(band.x):
        here = [y for at, y in real if at == x]
        assert band.seeds[place] == len(here)
        assert (band.low[place], band.high[place]) == (min(here), max(here))
        assert band.mean[place] == pytest.approx(math.fsum(here) / len(here), abs=1e-9)


READ: dict[str, Callable[[Record], float | None]] = {
    "loss": lambda r: r.loss,
    "train_accuracy": lambda r: None if r.train_accuracy is None else 100 * r.train_accuracy,
    "test_accuracy": lambda r: None if r.snapshot is None else 100 * r.snapshot.test_accuracy,
}


def by_step(runs: Runs, net: int, read: Callable[[Record], float | None]) -> dict[int, list[float]]:
    """The numbers of all seeds by step, by plain loops."""
    values: dict[int, list[float]] = {}
    for (of, _), records in runs.items():
        for record in records:
            number = read(record)
            if of == net and number is not None:
                values.setdefault(record.step, []).append(number)
    return dict(sorted(values.items()))


@pytest.mark.parametrize("what", list(READ))
@pytest.mark.parametrize("make", [trained, begun])
def test_curves_are_the_records(what: Any, make: Callable[[], Runs]) -> None:
    runs = make()
    plot = plots.learning_plot(runs, NAMES, what, STEPS)
    for net, name in enumerate(NAMES):
        expected = by_step(runs, net, READ[what])
        if not expected:
            assert name not in {line.name for line in marks_of(plot, Polyline)}
            continue
        line = named(plot, Polyline, name)
        assert list(line.x) == list(expected)
        np.testing.assert_allclose(line.y, [np.mean(v) for v in expected.values()])
        assert (line.low is not None) == any(len(v) > 1 for v in expected.values())
        if line.low is not None:
            np.testing.assert_allclose(line.low, [min(v) for v in expected.values()])
            np.testing.assert_allclose(line.high, [max(v) for v in expected.values()])


@pytest.mark.parametrize("what", list(READ))
def test_axes_are_those_of_a_whole_run_from_the_first_record_on(what: Any) -> None:
    runs = trained()
    ends = set()
    for count in range(1, 1 + len(runs[0, SEEDS[0]])):
        part = {key: records[:count] for key, records in runs.items()}
        plot = plots.learning_plot(part, NAMES, what, STEPS)
        (panel,) = plot.panels
        done = max(record.step for records in part.values() for record in records)
        assert all(max(mark.x) <= done for mark in marks_of(plot, Polyline)), "nothing beyond"
        if marks_of(plot, Polyline):
            ends.add((span(panel, "x"), span(panel, "y")))
    ((across, _),) = ends
    assert across[0] <= 0
    assert across[1] >= STEPS


def test_nets_have_their_own_color_dash_and_symbol_and_a_legend_entry() -> None:
    runs, names = four()
    plot = plots.learning_plot(runs, names, "test_accuracy", STEPS)
    lines = [named(plot, Polyline, name) for name in names]
    assert len({line.color for line in lines}) == len({line.dash for line in lines}) == 4
    assert len({line.symbol for line in lines}) == 4
    assert [entry.name for entry in entries(plot)] == list(names)
    assert len(list(all_marks(plot))) == 4, "lines only: nothing that leads to a label"


def test_the_pointer_reads_mean_range_and_seeds() -> None:
    line = named(plots.learning_plot(trained(), NAMES, "loss", STEPS), Polyline, NAMES[0])
    step, values = list(by_step(trained(), 0, READ["loss"]).items())[1]
    assert line.hover is not None
    text = line.hover[1]
    assert f"step {step}: {np.mean(values):.3g} nats" in text
    assert f"{min(values):.3g} to {max(values):.3g}, 2 seeds" in text


def changed(runs: Runs, **values: Any) -> Runs:
    return {k: tuple(replace(r, **values) for r in v) for k, v in runs.items()}


@pytest.mark.parametrize("loss", [math.nan, math.inf, None, 0.0, 1e-30, 5.0])
def test_any_loss_can_be_drawn(loss: float | None) -> None:
    plot = plots.learning_plot(changed(trained(), loss=loss), NAMES, "loss", STEPS)
    lines = marks_of(plot, Polyline)
    if loss is None or not math.isfinite(loss):
        assert not lines
    else:
        assert set(lines[0].y) == {max(loss, plots.LOWEST)}
    (panel,) = plot.panels
    assert panel.y.log
    low, high = span(panel, "y")
    assert 0 < low <= (min(lines[0].y) if lines else 1) <= high < math.inf


@given(st.floats(1e-9, 1e9))
def test_a_round_number_is_near_and_not_below(value: float) -> None:
    assert value <= plots._round_up(value) <= 1.34 * value


@given(st.lists(st.floats(0, 100), max_size=5))
def test_ends_in_percent_contain_the_values_and_little_more(values: list[float]) -> None:
    low, high = plots._percent_ends(values)
    assert -3 <= low < high <= 103
    assert all(low <= value <= high for value in values)
    if values and max(values) - min(values) <= 5:
        assert high - low <= 11


@pytest.mark.parametrize("runs", [{}, {(0, 3): ()}])
def test_before_the_first_record_there_are_axes_and_a_sentence(runs: Runs) -> None:
    for plot in (
        *(plots.learning_plot(runs, NAMES, what, STEPS) for what in ("loss", "test_accuracy")),
        plots.width_plot(runs, NAMES, STEPS),
        plots.shift_plot(runs, NAMES),
        plots.accuracy_plot(runs, NAMES),
        plots.pace_plot(runs, NAMES),
    ):
        assert all(isinstance(mark, Words) for mark in all_marks(plot))
        assert plot.notes == (plots.NOTHING,)
        assert plots.NOTHING in plot.alt


@pytest.mark.parametrize("names", [(), ("a",) * 5])
def test_no_nets_or_too_many_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(SpecError, match="names"):
        plots.learning_plot({}, names, "loss", STEPS)
    with pytest.raises(SpecError, match="names"):
        plots.pace_plot({}, names)


def test_an_unknown_number_is_refused() -> None:
    with pytest.raises(SpecError, match="what"):
        plots.learning_plot(trained(), NAMES, "speed", STEPS)  # type: ignore[arg-type]


def test_widths_are_sigmas_in_pixels() -> None:
    plot = plots.width_plot(trained(), NAMES, STEPS)
    for net, name in enumerate(NAMES):

        def read(record: Record) -> float | None:
            erf = record.snapshot.erf if record.snapshot else None
            return None if erf is None else float(np.sqrt(np.mean(np.square(erf.sigma))))

        expected = by_step(trained(), net, read)
        line = named(plot, Polyline, name)
        assert list(line.x) == list(expected)
        np.testing.assert_allclose(line.y, [np.mean(v) for v in expected.values()])
    assert plot.panels[0].y.name == "σ (px)"


def test_shifts_are_those_of_the_finished_runs() -> None:
    runs = trained() | {(1, 4): trained()[1, 4][:2]}
    plot = plots.shift_plot(runs, NAMES)
    ends = [runs[0, seed][-1].snapshot for seed in SEEDS]
    shifted = [end.shifted for end in ends if end is not None and end.shifted is not None]
    assert len(shifted) == 2
    for panel, what in zip(plot.panels, ("agreement", "accuracy"), strict=True):
        line = named(panel, Polyline, NAMES[0])
        assert list(line.x) == list(range(9))
        np.testing.assert_allclose(
            line.y, 100 * np.mean([getattr(s, what) for s in shifted], axis=0)
        )
        assert line.low is not None
        assert named(panel, Polyline, NAMES[1]).low is None, "one seed of it has finished"
    assert span(plot.panels[0], "y") == span(plot.panels[1], "y")


def test_every_finished_seed_is_a_symbol_and_their_mean_a_bar() -> None:
    runs = trained() | {(1, 4): trained()[1, 4][:2]}
    plot = plots.accuracy_plot(runs, (*NAMES, "not begun"))
    points, bars, words = (marks_of(plot, kind) for kind in (Points, Polyline, Words))
    for net, seeds in ((0, SEEDS), (1, SEEDS[:1])):
        shots = [runs[net, seed][-1].snapshot for seed in seeds]
        expected = [100 * shot.test_accuracy for shot in shots if shot is not None]
        assert list(points[net].x) == expected
        assert [text.split(":")[0] for text in points[net].hover or ()] == [
            f"{NAMES[net]}, seed {seed}" for seed in seeds
        ]
        assert list(bars[net].x) == pytest.approx([np.mean(expected)] * 3)
        assert words[net].texts == [f"{np.mean(expected):.3g} %"]
        assert words[net].y[0] == min(bars[net].y) < min(points[net].y), "above all symbols"
        assert all(round(y) == net for y in points[net].y), "in its own row"
    assert (list(words[2].y), list(words[2].texts)) == ([2], ["not finished"])
    low, high = span(plot.panels[0], "x")
    assert all(low < x < high for each in points for x in each.x)
    assert plot.panels[0].y.names == (*NAMES, "not begun")
    assert span(plot.panels[0], "y")[0] > span(plot.panels[0], "y")[1], "the first is on top"


def test_pace_is_the_median_of_the_records() -> None:
    plot = plots.pace_plot(trained(), NAMES)
    bars = marks_of(plot, Bars)
    assert len(bars) == len(NAMES)
    for net, bar in enumerate(bars):
        times = [
            1000 * record.seconds_per_step
            for seed in SEEDS
            for record in trained()[net, seed]
            if record.step
        ]
        assert bar.length[0] == pytest.approx(np.median(times))
        assert list(bar.at) == [net]
        assert bar.high is not None
        assert bar.low is not None
        assert bar.high[0] == pytest.approx(np.percentile(times, 75))
        assert bar.low[0] == pytest.approx(np.percentile(times, 25))
    assert len({bar.hatch for bar in bars}) == len(NAMES)
    assert "ms" in plot.panels[0].x.name


@pytest.mark.parametrize(
    "make",
    [
        lambda: plots.learning_plot(trained(), NAMES, "train_accuracy", STEPS),
        lambda: plots.accuracy_plot(trained(), NAMES),
        lambda: plots.pace_plot(trained(), NAMES),
        lambda: plots.shift_plot(trained(), NAMES),
    ],
)
def test_a_plot_without_sight_has_every_net_and_number(make: Callable[[], Plot]) -> None:
    plot = make()
    assert plot.alt.startswith(plot.title)
    for name in NAMES:
        assert any(char.isdigit() for char in plot.alt.partition(name)[2][:12])
