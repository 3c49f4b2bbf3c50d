"""Slides of gradients: their type fits, and they have the settings of the link."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.plots.plot import Polyline
from tests.core.plots.reading import marks_of
from tests.viz.slides import fits
from viz.features.gradients import export, params
from viz.features.gradients.params import GradientSettings
from viz.slides.style import Picture, Style

FLOW = {"depth": "5", "levels": "1", "draws": "8"}
WIDE = Style("wide", 72)


def of(**query: str) -> dict[str, Picture]:
    values, ignored = GradientSettings.decoded(FLOW | query)
    assert not ignored
    return {one.name: one for one in export.pictures(values)}


@fits.on_every_slide
@pytest.mark.parametrize("name", ["layers", "counts", "backward", "flow", "dead"])
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of()[name], slide)


def test_six_layers_of_many_numbers_fit() -> None:
    link = {"shown": "max2.average2.conv3.conv1.conv4.blur3", "arriving": "all"}
    for style in fits.ENDS:
        assert not fits.misfits(fits.drawn(of(**link, input_height="32")["layers"], style), style)


def test_one_layer_has_its_numbers_at_the_input() -> None:
    words = [
        text.get_text() for text in fits.texts_of(fits.drawn(of(shown="conv3")["layers"], WIDE))
    ]
    assert {"1.8", "−2.6"} <= set(words)


def test_flows_are_those_of_the_settings() -> None:
    values, _ = GradientSettings.decoded(FLOW)
    flows = export._flows_by_label(params.flow_specs(values))
    plot = export.flow(flows, values)
    assert [line.name for line in marks_of(plot, Polyline)] == list(flows)
    assert "median over the 8 seeds from 0 on" in plot.notes[0]
    uneven = flows | {"none": replace(flows["none"], norms=flows["none"].norms[:2])}
    assert "median over the seeds from 0 on" in export.flow(uneven, values).notes[0]


def test_without_layers_there_is_still_the_rest() -> None:
    assert list(of(shown="none")) == ["backward", "flow", "dead"]
