"""The HTML around a plot: title, legend, color bars, notes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from core.plots.legend import entries
from core.plots.plot import Panel, Plot, Points
from tests.viz.plots.gallery import PLOTS
from viz.plots.html import bars_html, foot_html, head_html, heading_html, swatch_svg


def head(plot: Plot) -> str:
    return head_html(plot, "key")


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


def test_every_scale_has_one_bar_with_its_label_and_ends() -> None:
    bars = bars_html(PLOTS["two scales"])
    assert bars.count("linear-gradient") == 2
    assert "gradient<i" in bars
    assert "energy, share of the peak<i" in bars
    assert bars_html(PLOTS["log"]).count("linear-gradient") == 1
    assert "−2" in bars
    assert bars_html(PLOTS["lines"]) == ""


def test_means_of_blocks_are_said() -> None:
    assert "mean of 2×2 values" in foot_html(PLOTS["large"])


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_swatches_are_valid_pictures(plot: Plot) -> None:
    for entry in entries(plot):
        for dark in (False, True):
            assert len(ET.fromstring(swatch_svg(entry, dark))) >= 1


def test_nothing_stands_below_a_plot_without_legend_bars_and_notes() -> None:
    assert foot_html(Plot("", (Panel(()),), "")) == ""
