"""Receptive field against depth and the strategies, tested by the figures' data."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pytest
from viz.features.fields.plots import (
    COARSER,
    FINER,
    MARKS,
    decades_a_tick,
    depth_figure,
    log_range,
    strategies_figure,
)

from core.errors import SpecError
from core.receptive_field.growth import GrowthCurve
from core.receptive_field.strategies import FAMILIES, Strategy, strategies
from viz.plots.parts import short

PLAIN = GrowthCurve(
    "a",
    ("conv1", "pool", "branch", "up"),
    (3, 7, 5, 7),
    (1, 2, 1, 1),
    (False, True, False, False),
    (False, False, False, True),
    (False, False, False, False),
    32,
)
SMALL = replace(PLAIN, name="b", image=8, whole=(False, False, False, True))


@cache
def ways_to(target: int, side: int) -> tuple[Strategy, ...]:
    return strategies(target, (3, side, side), 4)


def marks(figure, name: str):
    return next(t for t in figure.data if t.legendgroup == name and t.mode == "markers")


def lines(figure, name: str):
    return next(t for t in figure.data if t.name == name and t.mode == "lines")


def test_depth_shows_every_layer_and_the_widest_so_far() -> None:
    figure = depth_figure([PLAIN], "title")
    assert list(marks(figure, "a").x) == [1, 2, 3, 4]
    assert list(marks(figure, "a").y) == [3, 7, 5, 7]
    assert list(lines(figure, "a").y) == [3, 7, 7, 7]
    assert figure.layout.title.text == "title"
    assert figure.layout.yaxis.title.text == "receptive field (px)"
    assert (figure.layout.yaxis.type, depth_figure([PLAIN], log=False).layout.yaxis.type) == (
        "log",
        "linear",
    )


def test_depth_marks_strides_upsampling_and_the_whole_image() -> None:
    figure = depth_figure([SMALL])
    assert list(marks(figure, "b").marker.symbol) == [MARKS[0], COARSER, MARKS[0], FINER]
    whole = replace(SMALL, finer=(False,) * 4)
    assert marks(depth_figure([whole]), "b").marker.symbol[3] == f"{MARKS[0]}-open"
    names = {trace.name for trace in figure.data}
    assert {"units further apart (stride)", "units closer together (upsampling)"} <= names
    quiet = replace(PLAIN, strided=(False,) * 4, finer=(False,) * 4)
    assert not {t.name for t in depth_figure([quiet]).data} & {"units further apart (stride)"}


def test_depth_says_the_layer_its_size_and_its_stride_on_hover() -> None:
    hovers = marks(depth_figure([SMALL]), "b").hovertext
    assert hovers[1] == "<b>pool</b> (b)<br>receptive field 7 px<br>effective stride 2 px"
    assert hovers[3] == "<b>up</b> (b)<br>sees the whole image"


def test_depth_draws_the_side_of_each_image_once() -> None:
    figure = depth_figure([PLAIN, replace(PLAIN, name="c"), SMALL])
    sides = [t for t in figure.data if t.mode == "lines+text"]
    assert [(t.y[0], t.text[0], t.line.dash) for t in sides] == [
        (8, "image: 8 px", "dash"),
        (32, "image: 32 px", "dash"),
    ]


def test_networks_differ_by_colour_dash_and_mark() -> None:
    curves = [replace(PLAIN, name=name) for name in "abc"]
    figure = depth_figure(curves)
    assert len({lines(figure, name).line.color for name in "abc"}) == 3
    assert len({lines(figure, name).line.dash for name in "abc"}) == 3
    assert [marks(figure, name).marker.symbol[0] for name in "abc"] == list(MARKS)


def test_a_network_without_layers_leaves_the_image() -> None:
    none = GrowthCurve("none", (), (), (), (), (), (), 32)
    figure = depth_figure([none])
    assert [t.y[0] for t in figure.data if t.mode == "lines+text"] == [32]
    assert json.loads(figure.to_json())


@pytest.mark.parametrize("count", [0, 4])
def test_no_network_and_too_many_are_refused(count: int) -> None:
    with pytest.raises(SpecError, match="1 to 3 networks"):
        depth_figure([PLAIN] * count)


def test_strategies_are_three_panels_over_the_same_rows() -> None:
    ways = ways_to(9, 32)
    figure = strategies_figure(ways, "Reach 9")
    for panel, field in zip(("x1", "x2", "x3"), ("layers", "parameters", "macs"), strict=True):
        dots, absent = (
            t for t in figure.data if t.xaxis == panel.replace("x1", "x") or t.xaxis == panel
        )
        assert list(dots.x) == [getattr(way, field) for way in ways]
        assert list(dots.y) == list(range(len(FAMILIES)))
        assert [text.strip() for text in dots.text] == [short(getattr(w, field)) for w in ways]
        assert not len(absent.x)
    titles = [note.text for note in figure.layout.annotations]
    assert all(way.title in title for way, title in zip(ways, titles, strict=True))
    assert "sees 9×9, stride 1" in titles[0]
    axes = [figure.layout[f"xaxis{n}"] for n in ("", 2, 3)]
    assert [axis.title.text for axis in axes] == ["layers", "parameters", "MACs"]
    assert {axis.type for axis in axes} == {"log"}


def test_holes_are_hollow_and_told() -> None:
    ways = ways_to(9, 32)
    figure = strategies_figure(ways)
    holes = [way.read < 1 for way in ways]
    assert any(holes)
    assert [symbol == "circle-open" for symbol in figure.data[0].marker.symbol] == holes
    told = ["reads" in note.text for note in figure.layout.annotations]
    assert told == holes


def test_a_strategy_that_does_not_fit_stays_with_its_reason() -> None:
    ways = ways_to(32, 7)
    figure = strategies_figure(ways)
    refused = [row for row, way in enumerate(ways) if way.refusal]
    dots, absent = figure.data[4], figure.data[5]
    assert refused
    assert list(absent.y) == refused
    assert set(absent.text) == {"  does not fit"}
    for row, hover in zip(refused, absent.hovertext, strict=True):
        assert ways[row].refusal in hover.replace("<br>", " ")
    assert not set(refused) & set(dots.y)
    assert len(figure.data[0].x) == len(figure.data[2].x) == len(ways)
    every = [replace(way, macs=None, refusal="too small") for way in ways]
    assert json.loads(strategies_figure(every).to_json())


def test_hover_tells_the_network_and_what_it_costs() -> None:
    way = ways_to(9, 32)[0]
    hover = strategies_figure([way]).data[0].hovertext[0]
    for part in (way.notation, f"{way.parameters:,}", f"{way.macs:,}", "output 32×32"):
        assert part in hover
    assert way.sentence in hover.replace("<br>", " ")


@pytest.mark.parametrize(
    "number, text",
    [
        (0, "0"),
        (16, "16"),
        (999, "999"),
        (1000, "1 k"),
        (555_712, "556 k"),
        (999_600, "1 M"),
        (27_832_025_088, "27.8 G"),
        (2_525_440_770_048, "2.53 T"),
        (9_000_000_000_000_000, "9000 T"),
    ],
)
def test_numbers_have_three_digits_and_a_unit(number: int, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize("values", [[1], [1, 32], [9, 10_000], [72_000, 9_000_000]])
def test_axes_hold_their_values_with_room_for_the_numbers(values: list[int]) -> None:
    low, high = log_range(values)
    assert 10**low <= min(values)
    assert max(values) < 10**high
    assert high > low
    assert 1 <= (high - low) / decades_a_tick(values) <= 5
