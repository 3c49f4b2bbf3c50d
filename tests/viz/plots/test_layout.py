"""The grid of panels and color bars: rows of equal length, maps of whole multiples of their cells."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from core.plots.plot import Heat, Panel, Plot
from tests.viz.plots.gallery import LOG, PLOTS, SIGNED, line_panel, map_panel
from viz.plots.layout import column_counts, style_sheet
from viz.plots.sizes import TYPE, height_for_texts, margins, width_for_texts


def maps(count: int, **changes: int) -> Plot:
    return Plot("", tuple(map_panel() for _ in range(count)), "", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("together", [1, 2])
def test_no_row_is_short_where_an_even_one_fits(count: int, together: int) -> None:
    panels = count * together
    columns = column_counts(maps(panels, together=together))
    assert columns[0] == 1
    assert columns[-1] == panels
    for many in columns[1:]:
        assert many % together == 0
        rows = -(-panels // many)
        assert -(-panels // (many - together or 1)) > rows, "fewer columns have as many rows"


def test_four_panels_never_stand_in_a_row_of_three_and_one_of_one() -> None:
    assert column_counts(maps(4)) == [1, 2, 4]
    assert column_counts(maps(5, columns=3)) == [1, 2, 3]


def test_a_map_is_a_whole_multiple_on_a_narrow_screen_too() -> None:
    css = style_sheet(Plot("", (map_panel(45),), ""), "key")
    assert "round(down,min((100cqw" in css
    assert "var(--room,9999px)" in css, "presented, its column's width or the height that is left"
    assert ",45px)" in css
    assert "--map:min(495px*var(--grow)," in css


def test_panels_that_are_no_maps_share_the_width() -> None:
    css = style_sheet(Plot("", tuple(line_panel() for _ in range(4)), ""), "key")
    assert re.findall(r"repeat\((\d),minmax\(0,1fr\)\)", css) == ["1", "2", "4"]


def bar_places(plot: Plot, number: int) -> dict[int, str]:
    """Columns of a color bar by the number of columns of the plot."""
    found = re.findall(
        rf"--columns:(\d);.*?bar-{number}{{grid-column:(\d/\d)", style_sheet(plot, "key")
    )
    return {int(columns): place for columns, place in found}


def test_a_color_bar_is_as_long_as_the_maps_with_its_scale() -> None:
    one, other = map_panel(), map_panel(5, LOG)
    assert bar_places(Plot("", (one,) * 4, ""), 0) == {1: "1/2", 2: "1/3", 4: "1/5"}
    pairs = Plot("", (one, one, other, other), "")
    assert bar_places(pairs, 0) == {1: "1/2", 2: "1/3", 4: "1/3"}
    assert bar_places(pairs, 1) == {1: "1/2", 2: "1/3", 4: "3/5"}
    apart = Plot("", (one, other, one, other), "")
    assert bar_places(apart, 1)[4] == "1/5"


def test_texts_in_cells_are_hidden_on_screens_that_are_too_narrow() -> None:
    panel = map_panel()
    rule = f"@container chart (max-width:{width_for_texts(panel) - 1}px){{.st-key-panel_key_0 .textpoint{{"
    assert rule in style_sheet(Plot("", (panel,), ""), "key")
    heat = Heat(np.ones((1, 2)), SIGNED, texts=[["4\n12,345", "5"]])
    css = style_sheet(Plot("", (Panel((heat,)),), ""), "key")
    assert css.count("chart (max-width") == css.count("chart (max-height") == 2
    assert css.count(" .textpoint .line:nth-child(n+2)") == 2, "once for each side"
    assert ".textpoint" not in style_sheet(Plot("", (line_panel(),), ""), "key")


def test_cells_of_a_map_with_texts_are_22_pixels_high() -> None:
    ones = Heat(np.ones((9, 9)), SIGNED, texts=[["1"] * 9] * 9)
    panel = replace(map_panel(9), marks=(ones,))
    assert 22 * 9 <= width_for_texts(panel) <= 22 * 9 + 80


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_rules_are_balanced(plot: Plot) -> None:
    css = style_sheet(plot, "key", 1.5)
    assert css.count("{") == css.count("}") > 0


def test_texts_are_left_out_where_a_panel_is_too_low_for_them() -> None:
    values = np.zeros((4, 3))
    texts = tuple(("1\n2",) * 3 for _ in range(4))
    panel = Panel((Heat(values, SIGNED, texts=texts),), rows=4)
    css = style_sheet(Plot("", (panel,), ""), "key")
    one, two = (height_for_texts(panel, lines=lines) for lines in (1, None))
    around = margins(panel)
    assert two - one == pytest.approx(4 * 1.3 * TYPE, abs=1), "one more line in each of four rows"
    assert one > 4 * TYPE + around["t"] + around["b"]
    assert f"(max-height:{one - 1}px){{.st-key-panel_key_0 .textpoint{{display:none}}}}" in css
    assert f"(max-height:{two - 1}px){{.st-key-panel_key_0 .textpoint .line:nth-child(n+2)" in css
