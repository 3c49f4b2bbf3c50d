"""The HTML around a plot: title, sizes, legend, color bars, notes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from core.plots.legend import entries
from core.plots.plot import Heat, Panel, Plot, Points
from tests.viz.plots.gallery import PLOTS, SIGNED, line_panel, map_panel
from viz.plots.html import foot_html, head_html, heading_html, swatch_svg
from viz.plots.sizes import width_for_texts

CLASSES = [f"c{n}" for n in range(9)]


def head(plot: Plot) -> str:
    return head_html(plot, CLASSES[: len(plot.panels)])


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_titles_notes_and_names_are_there_as_text(plot: Plot) -> None:
    assert plot.title in head(plot)
    foot = foot_html(plot)
    for note in plot.notes:
        assert note in foot
    for entry in entries(plot):
        assert entry.name.replace("<", "&lt;").replace(">", "&gt;") in foot


def test_what_a_visitor_wrote_is_escaped() -> None:
    plot = Plot("<b>", (Panel((Points([1], [1], "<i>"),), title="<u>"),), "", notes=("<s>",))
    html = head(plot) + heading_html(plot.panels[0]) + foot_html(plot)
    assert not re.search(r"<[bius]>", html.replace("<b>&lt;u&gt;</b>", ""))


def test_a_map_is_a_whole_multiple_on_a_narrow_screen_too() -> None:
    css = head(Plot("", (map_panel(45),), ""))
    assert "round(down,100cqw" in css
    assert ",45px)" in css
    assert "--map:min(495px," in css


def test_panels_in_columns_are_equally_wide_where_there_is_room() -> None:
    panels = tuple(replace(line_panel(), title=f"{n}") for n in range(4))
    css = head(Plot("", panels, "", columns=3))
    assert "{flex:0 0 calc((100cqw - 44px)/3" in css
    assert css.count(":has(> .c3)") == 2
    assert "flex:0 0" not in head(Plot("", panels, ""))


def test_texts_in_cells_are_hidden_on_screens_that_are_too_narrow() -> None:
    panel = map_panel()
    rule = f"@container chart (max-width:{width_for_texts(panel) - 1}px){{.c0 .textpoint{{"
    assert rule in head(Plot("", (panel,), ""))
    heat = Heat(np.ones((1, 2)), SIGNED, texts=[["4\n12,345", "5"]])
    css = head(Plot("", (Panel((heat,)),), ""))
    assert (
        css.count("@container chart") == css.count(".c0 .textpoint .line:nth-child(n+2)") + 1 == 2
    )
    assert ".textpoint" not in head(Plot("", (line_panel(),), ""))


def test_every_scale_has_one_bar_with_its_label_and_ends() -> None:
    foot = foot_html(PLOTS["two scales"])
    assert foot.count("linear-gradient") == 2
    assert "gradient<i" in foot
    assert "energy, share of the peak<i" in foot
    assert foot_html(PLOTS["log"]).count("linear-gradient") == 1
    assert "−2" in foot


def test_means_of_blocks_are_said() -> None:
    assert "mean of 2×2 values" in foot_html(PLOTS["large"])


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_swatches_are_valid_pictures(plot: Plot) -> None:
    for entry in entries(plot):
        for dark in (False, True):
            assert len(ET.fromstring(swatch_svg(entry, dark))) >= 1


def test_nothing_stands_below_a_plot_without_legend_bars_and_notes() -> None:
    assert foot_html(Plot("", (Panel(()),), "")) == ""
