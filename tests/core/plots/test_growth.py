"""Receptive field against depth and the strategies, tested by the plots' data."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from core.errors import SpecError
from core.plots.axes import span
from core.plots.growth import COARSER, FINER, WHOLE, depth_plot, short_number, strategies_plot
from core.plots.legend import entries
from core.plots.plot import Plot, Points, Polyline
from core.receptive_field.growth import GrowthCurve
from core.receptive_field.strategies import FAMILIES, Strategy, strategies
from tests.core.plots.reading import marks_of, named

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


def layers(plot: Plot) -> dict[float, Points]:
    """The symbol of each layer, by its place."""
    return {x: points for points in marks_of(plot, Points) for x in points.x}


def legend(plot: Plot) -> list[str]:
    return [entry.name for entry in entries(plot)]


def test_depth_has_every_layer_and_the_widest_so_far() -> None:
    plot = depth_plot([PLAIN], "title")
    places = {
        x: y for points in marks_of(plot, Points) for x, y in zip(points.x, points.y, strict=True)
    }
    assert places == {1: 3, 2: 7, 3: 5, 4: 7}
    assert list(named(plot, Polyline, "a").y) == [3, 7, 7, 7]
    assert plot.title == "title"
    (panel,) = plot.panels
    assert panel.y.name == "receptive field (px)"
    assert not panel.y.log
    assert depth_plot([PLAIN], log=True).panels[0].y.log
    assert span(panel, "y")[0] == 0
    assert panel.x.whole
    assert panel.y.whole


def test_depth_marks_strides_upsampling_and_the_whole_image() -> None:
    symbols = layers(depth_plot([SMALL]))
    assert [symbols[n].symbol for n in (1, 2, 3, 4)] == ["circle", "down", "circle", "up"]
    whole = depth_plot([replace(SMALL, finer=(False,) * 4)])
    assert layers(whole)[4].hollow
    assert not layers(whole)[1].hollow
    assert {COARSER, FINER, WHOLE} <= set(legend(depth_plot([SMALL])))
    quiet = replace(PLAIN, strided=(False,) * 4, finer=(False,) * 4, sizes=(3, 7, 7, 7))
    assert not {COARSER, FINER, WHOLE} & set(legend(depth_plot([quiet])))


def test_branches_that_see_less_are_explained() -> None:
    assert depth_plot([PLAIN]).notes == ("Symbols below a line belong to branches that see less.",)
    assert depth_plot([replace(PLAIN, sizes=(3, 7, 7, 7))]).notes == ()


def test_depth_says_the_layer_its_size_and_its_stride_to_the_pointer() -> None:
    symbols = layers(depth_plot([SMALL]))
    assert list(symbols[2].hover or ()) == ["pool (b)\nreceptive field 7 px\neffective stride 2 px"]
    assert list(symbols[4].hover or ()) == ["up (b)\nsees the whole image"]


def test_depth_draws_the_side_of_each_image_once() -> None:
    plot = depth_plot([PLAIN, replace(PLAIN, name="c"), SMALL])
    sides = [line for line in marks_of(plot, Polyline) if line.name.startswith("image")]
    assert [(line.y[0], line.name) for line in sides] == [(8, "image: 8 px"), (32, "image: 32 px")]


def test_networks_differ_by_color_dash_and_symbol() -> None:
    plot = depth_plot([replace(PLAIN, name=name) for name in "abc"])
    drawn = [named(plot, Polyline, name) for name in "abc"]
    assert len({line.color for line in drawn}) == len({line.dash for line in drawn}) == 3
    plain = {points.color: points.symbol for points in marks_of(plot, Points) if points.size < 10}
    assert len(set(plain.values())) == 3


def test_a_network_without_layers_leaves_the_image() -> None:
    plot = depth_plot([GrowthCurve("none", (), (), (), (), (), (), 32)])
    assert [line.y[0] for line in marks_of(plot, Polyline) if line.name.startswith("image")] == [32]


@pytest.mark.parametrize("count", [0, 4])
def test_no_network_and_too_many_are_refused(count: int) -> None:
    with pytest.raises(SpecError, match="1 to 3 networks"):
        depth_plot([PLAIN] * count)


def test_strategies_are_three_panels_over_the_same_rows() -> None:
    ways = ways_to(9, 32)
    plot = strategies_plot(ways, "Reach 9")
    for panel, field in zip(plot.panels, ("layers", "parameters", "macs"), strict=True):
        full, hollow, absent = marks_of(panel, Points)
        drawn = dict(zip([*full.y, *hollow.y], [*full.x, *hollow.x], strict=True))
        texts = dict(zip([*full.y, *hollow.y], [*full.texts, *hollow.texts], strict=True))
        assert drawn == {row: getattr(way, field) for row, way in enumerate(ways)}
        assert texts == {row: short_number(number) for row, number in drawn.items()}
        assert not len(absent.x)
        assert len(panel.y.names) == panel.rows == len(FAMILIES)
        assert panel.x.log
    assert [panel.title for panel in plot.panels] == ["layers", "parameters", "MACs"]
    assert plot.panels[0].y.names[0] == f"{ways[0].title}, 9×9"
    assert plot.shared_rows


def test_holes_are_hollow_and_named() -> None:
    ways = ways_to(9, 32)
    holes = [row for row, way in enumerate(ways) if way.read < 1]
    plot = strategies_plot(ways)
    assert holes
    hollow = marks_of(plot.panels[0], Points)[1]
    assert hollow.hollow
    assert list(hollow.y) == holes
    assert "has holes in its field" in legend(plot)


def test_a_strategy_that_does_not_fit_stays_with_its_reason() -> None:
    ways = ways_to(32, 7)
    refused = [row for row, way in enumerate(ways) if way.refusal]
    full, hollow, absent = marks_of(strategies_plot(ways).panels[2], Points)
    assert refused
    assert list(absent.y) == refused
    for row, hover in zip(refused, absent.hover or (), strict=True):
        assert ways[row].refusal in hover
    assert not set(refused) & {*full.y, *hollow.y}


def test_the_table_on_half_a_slide_has_every_number() -> None:
    ways = ways_to(9, 32)
    table = strategies_plot(ways).half_table
    assert table is not None
    for way, row in zip(ways, table.rows, strict=True):
        cells = [cell.text for cell in row]
        assert cells[:3] == [way.title, str(way.layers), short_number(way.parameters)]
