"""Effective fields of training runs, by their data against the engine's results."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from core.erf import EffectiveReceptiveField, effective_receptive_field
from core.plots.plot import Heat, Polyline
from core.plots.training_fields import (
    MOST_FIELDS,
    field_frames,
    fields_plot,
    image_plot,
    some_steps,
)
from tests.core.plots.reading import marks_of
from tests.core.plots.training_runs import SEEDS, trained


def shots() -> list[tuple[int, EffectiveReceptiveField]]:
    records = [record for record in trained()[0, SEEDS[0]] if record.snapshot is not None]
    return [(r.step, r.snapshot.erf) for r in records if r.snapshot and r.snapshot.erf is not None]


@cache
def one_pixel() -> EffectiveReceptiveField:
    """A field of one pixel in an image of one pixel."""
    torch.manual_seed(0)
    return effective_receptive_field(nn.Sequential(nn.Conv2d(1, 1, 1)), (1, 1, 1), draws=1)


def test_before_and_after_have_one_scale() -> None:
    (_, before), (_, after) = shots()[0], shots()[-1]
    plot = fields_plot({"before": before, "after": after}, "A title", "a net, step 12")
    peak = max(before.energy.max(), after.energy.max())
    assert len({heat.scale for heat in marks_of(plot, Heat)}) == 1
    for panel, heat, (name, erf) in zip(
        plot.panels, marks_of(plot, Heat), (("before", before), ("after", after)), strict=True
    ):
        np.testing.assert_allclose(heat.values, erf.energy / peak)
        assert heat.scale.log
        assert (heat.left, heat.top) == (erf.origin[1] - 0.5, erf.origin[0] - 0.5)
        assert panel.title == name
        sigmas = [float(n) for n in panel.note.removeprefix("σ ").removesuffix(" px").split("×")]
        for text, sigma in zip(sigmas, erf.sigma, strict=False):
            assert text == pytest.approx(sigma, rel=0.06)
        assert f"{name} {panel.note.removeprefix('σ ')}" in plot.alt
    assert plot.subtitle == "A net, step 12; rows and columns in pixels"
    assert before.recipe != after.recipe
    assert [note.split(":")[0] for note in plot.notes[1:]] == ["after"], "where they differ"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 21])
def test_steps_are_even_with_both_ends(count: int) -> None:
    maps = [(10 * place, shots()[place % 2][1]) for place in range(count)]
    names = list(some_steps(maps, MOST_FIELDS))
    steps = [int(name.removeprefix("Step ")) for name in names]
    assert len(steps) == min(count, MOST_FIELDS)
    assert (steps[0], steps[-1]) == (0, maps[-1][0])
    assert steps == sorted(set(steps))
    assert max(np.diff([*steps, steps[-1]])) <= 10 * math.ceil(count / (MOST_FIELDS - 1))


def test_frames_differ_in_marks_and_headings_only() -> None:
    frames = field_frames(shots(), "A title", "a net")
    assert len({(plot.title, plot.subtitle, plot.notes) for plot in frames}) == 1
    assert len({heat.scale for plot in frames for heat in marks_of(plot, Heat)}) == 1
    for plot, (step, erf) in zip(frames, shots(), strict=True):
        assert plot.panels[0].title == f"Step {step}"
        (rings,) = marks_of(plot, Polyline)
        wide = np.nanmax(rings.x) - np.nanmin(rings.x)
        assert wide == pytest.approx(4 * max(0.25, erf.sigma[1]), rel=0.01)


def test_a_field_of_one_pixel_is_drawn() -> None:
    for plot in (
        fields_plot({"a": one_pixel(), "b": one_pixel()}, "1×1"),
        field_frames([(0, one_pixel())], "1×1")[0],
        image_plot(np.zeros((1, 1, 1), np.float32), one_pixel(), "0", "1"),
    ):
        assert marks_of(plot, Heat)[-1].values.shape == (1, 1)


def test_an_image_under_its_field() -> None:
    erf, image = shots()[-1][1], np.random.default_rng(0).random((1, 32, 32), np.float32)
    plot = image_plot(image, erf, "4", "9", "a net")
    gray, orange = marks_of(plot, Heat)
    np.testing.assert_array_equal(gray.values, image[0])
    assert (gray.scale.colors, gray.scale.label) == ("grey", "")
    np.testing.assert_allclose(orange.values, erf.energy / erf.energy.max())
    assert orange.scale.colors == "overlay", "transparent where nothing moves the score"
    assert orange.left == erf.origin[1] - 0.5
    assert plot.title == "It is 4; the net predicts 9, which is wrong"
    assert "wrong" not in image_plot(image, erf, "4", "4").title
    assert f"Unit {erf.unit}" in plot.notes[0]


def test_an_image_without_a_field_says_so() -> None:
    image = np.random.default_rng(0).random((3, 8, 12), np.float32)
    plot = image_plot(image, None, "2", "2")
    (gray,) = marks_of(plot, Heat)
    np.testing.assert_allclose(gray.values, image.mean(0), rtol=1e-6)
    assert "No gradient reaches the image from this unit." in plot.notes
    assert any("mean of 3 channels" in note for note in plot.notes)
