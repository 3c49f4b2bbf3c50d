"""Effective fields of training runs, by their data against the engine's results."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from torch import nn

from core.erf import EffectiveReceptiveField, effective_receptive_field
from tests.viz.features.training.runs import SEEDS, trained
from viz.features.training import plots as figures
from viz.features.training.field_plots import MOST_MAPS
from viz.features.training.plot_parts import NOTHING


def shots() -> list[tuple[int, EffectiveReceptiveField]]:
    records = [record for record in trained()[0, SEEDS[0]] if record.snapshot is not None]
    return [(r.step, r.snapshot.erf) for r in records if r.snapshot and r.snapshot.erf is not None]


@cache
def one_pixel() -> EffectiveReceptiveField:
    """A field of one pixel in an image of one pixel."""
    torch.manual_seed(0)
    return effective_receptive_field(nn.Sequential(nn.Conv2d(1, 1, 1)), (1, 1, 1), draws=1)


def heats(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def shares(heat: Any) -> Any:
    """Of the largest peak, as drawn."""
    return np.nan_to_num(10.0 ** np.asarray(heat.z))


def test_before_and_after_share_one_scale() -> None:
    (_, before), (_, after) = shots()[0], shots()[-1]
    figure = figures.erf_pair_figure(before, after, "a net, step 12")
    peak = max(before.energy.max(), after.energy.max())
    for heat, erf in zip(heats(figure), (before, after), strict=True):
        expected = np.where(erf.energy, np.maximum(erf.energy / peak, 1e-4), 0)
        np.testing.assert_allclose(shares(heat), expected, rtol=1e-5)
        assert (heat.zmin, heat.zmax) == (-4, 0)
    texts = [note.text for note in figure.layout.annotations[1:]]
    for text, name, erf in zip(texts, ("before", "after"), (before, after), strict=True):
        assert name in text
        sigmas = [float(n) for n in text.rpartition("σ ")[2].removesuffix(" px").split("×")]
        for shown, sigma in zip(sigmas, erf.sigma, strict=False):
            assert shown == pytest.approx(sigma, rel=0.06)
    assert "a net, step 12" in figure.layout.title.text
    assert "(px)" in figure.layout.xaxis.title.text
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "rows go down"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 21])
def test_steps_are_shown_evenly_with_both_ends(count: int) -> None:
    maps = [(10 * place, shots()[place % 2][1]) for place in range(count)]
    figure = figures.erf_steps_figure(maps)
    texts = [note.text for note in figure.layout.annotations[1:]]
    steps = [int(text.split("</b>")[0].rpartition(" ")[2]) for text in texts]
    assert len(steps) == len(heats(figure)) == min(count, MOST_MAPS)
    assert steps[0] == 0
    assert steps[-1] == maps[-1][0]
    assert steps == sorted(set(steps))
    assert max(np.diff([*steps, steps[-1]])) <= 10 * math.ceil(count / (MOST_MAPS - 1))
    assert sum(bool(heat.showscale) for heat in heats(figure)) == 1
    names = [trace.name for trace in figure.data if trace.name and trace.showlegend]
    assert len(names) == len(set(names)) == 3


def test_no_map_at_all_is_a_sentence() -> None:
    figure = figures.erf_steps_figure([])
    assert not figure.data
    assert NOTHING in figure.layout.annotations[0].text


def test_a_field_of_one_pixel_is_drawn() -> None:
    for figure in (
        figures.erf_pair_figure(one_pixel(), one_pixel(), "1×1"),
        figures.erf_steps_figure([(0, one_pixel())]),
        figures.digit_figure(np.zeros((1, 1, 1), np.float32), one_pixel(), "0", "1"),
    ):
        assert np.asarray(heats(figure)[-1].z).shape == (1, 1)
        assert figure.layout.height > 100


def test_an_image_under_its_field() -> None:
    erf, image = shots()[-1][1], np.random.default_rng(0).random((1, 32, 32), np.float32)
    figure = figures.digit_figure(image, erf, "4", "9")
    grey, orange = heats(figure)
    np.testing.assert_array_equal(grey.z, image[0])
    np.testing.assert_allclose(orange.z, erf.energy / erf.energy.max(), rtol=1e-6)
    assert orange.x[0] == erf.origin[1] - 0.5
    assert orange.colorscale[0][1].endswith("0.000)"), "clear where nothing moves the score"
    title = figure.layout.title.text
    assert title == "It is 4; the net predicts 9, which is wrong"
    assert "wrong" not in figures.digit_figure(image, erf, "4", "4").layout.title.text
    assert orange.showscale is not False
    assert not grey.showscale


def test_an_image_without_a_field_says_so() -> None:
    image = np.random.default_rng(0).random((3, 8, 12), np.float32)
    figure = figures.digit_figure(image, None, "2", "2")
    (grey,) = heats(figure)
    np.testing.assert_allclose(grey.z, image.mean(0))
    note = figure.layout.annotations[0].text.replace("<br>", " ")
    assert "No gradient reaches the image" in note
    assert "mean of 3 channels" in note
