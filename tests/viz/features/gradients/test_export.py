"""Slides of gradients: what is drawn is what torch gives, and it fits."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from core.gradients.counts import windows_per_pixel
from tests.viz.slides import fits
from viz.features.gradients import compute, export, params
from viz.features.gradients.params import LAYERS, GradientSettings
from viz.slides.style import Picture, Style

FLOW = {"depth": "5", "levels": "1", "draws": "8"}
WIDE = Style("wide", 72)


def of(**query: str) -> dict[str, Picture]:
    values, ignored = GradientSettings.decoded(FLOW | query)
    assert not ignored
    return {one.name: one for one in export.pictures(values)}


@cache
def figure_of(name: str, arriving: str = "random") -> Figure:
    return fits.drawn(of(arriving=arriving)[name], WIDE)


@fits.on_every_slide
@pytest.mark.parametrize("name", ["layers", "counts", "backward", "flow", "dead"])
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of()[name], slide)


def test_six_layers_of_many_numbers_fit_and_what_is_left_out_is_named() -> None:
    picture = of(shown="max2.average2.conv3.conv1.conv4.blur3", arriving="all", input_height="32")
    for style in fits.STYLES[::2]:
        assert not fits.misfits(fits.drawn(picture["layers"], style), style)
    half = fits.drawn(picture["counts"], Style("half", 72))
    assert any("Not shown: 4×4" in text.get_text() for text in fits.texts_of(half))


def grid_of(axes: Axes) -> NDArray[np.float64]:
    (mesh,) = [each for each in axes.collections if type(each).__name__ == "QuadMesh"]
    values = np.asarray(mesh.get_array())
    rows = round(abs(np.ptp(axes.get_ylim())))
    return values.reshape(rows, -1)


@pytest.mark.parametrize("arriving", ["unit", "random"])
def test_each_layer_stands_above_what_arrives_at_it(arriving: str) -> None:
    axes = figure_of("layers", arriving).axes
    values, _ = GradientSettings.decoded({"arriving": arriving})
    for place, name in enumerate(values["shown"]):
        each = params.layer(values, name)
        found = compute.gradient(each.board, params.upstream_gradient(values, each))
        np.testing.assert_allclose(grid_of(axes[place]), found.gradient[0])
        np.testing.assert_allclose(grid_of(axes[4 + place]), found.upstream[0])


def test_all_layers_share_one_scale() -> None:
    axes = figure_of("layers").axes[:8]
    assert len({mesh.get_clim() for each in axes for mesh in each.collections[:1]}) == 1


def test_reads_are_those_of_the_closed_form() -> None:
    axes = figure_of("counts").axes
    for place, name in enumerate(("max2", "average2", "conv3", "conv1")):
        expected = windows_per_pixel(LAYERS[name], (8, 8))
        assert (grid_of(axes[place]) == expected).all()


def test_the_backward_pass_ends_with_autograd_s_gradient() -> None:
    values, _ = GradientSettings.decoded({"arriving": "random"})
    each = params.layer(values, "conv3")
    found = compute.backward(each.board, params.upstream_gradient(values, each))
    arrives, between, kernel, gradient = figure_of("backward").axes
    np.testing.assert_allclose(grid_of(arrives), found.upstream[0])
    assert np.count_nonzero(grid_of(between)) == np.count_nonzero(found.upstream)
    assert grid_of(kernel).shape == (3, 3)
    assert found.autograd is not None
    np.testing.assert_allclose(grid_of(gradient), found.autograd[0], atol=1e-6)


def test_the_lines_are_the_medians() -> None:
    values, _ = GradientSettings.decoded(FLOW)
    specs = params.flow_specs(values)
    found = export._flows_by_label(specs)
    (axes,) = figure_of("flow").axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    for label, flow in found.items():
        np.testing.assert_allclose(lines[label].get_ydata(), np.median(flow.norms, axis=0))


def test_the_bars_are_the_measured_shares() -> None:
    (axes,) = figure_of("dead").axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [share.measured for share in compute.dead_shares()]


def test_without_layers_there_is_still_the_rest() -> None:
    assert list(of(shown="none")) == ["backward", "flow", "dead"]
