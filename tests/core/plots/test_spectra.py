"""Plots of spectra, tested by their data against real layers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from core import data
from core.plots.axes import span
from core.plots.legend import color_bars, entries
from core.plots.maps import cells_across
from core.plots.plot import Bars, Boxes, Heat
from core.plots.spectra import by_distance, folded_plot, frequencies, percent, spectra_plot
from core.shift.consistency import standardized
from core.shift.layer import DownsamplingLayer
from core.shift.spectrum import Spectrum, spectrum
from tests.core.plots.reading import marks_of

SIDE = 24


@cache
def spectra(stride: int = 2) -> dict[str, Spectrum]:
    photo = standardized(data.picture("china", (SIDE, SIDE)))
    plain = DownsamplingLayer("convolution", 3, stride)
    return {"plain": spectrum(plain, photo), "blur": spectrum(plain.with_blur(3), photo)}


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_cells_are_centered_on_their_frequencies_on_one_scale(stride: int) -> None:
    named = spectra(stride)
    plot = spectra_plot(named, "title")
    energies = [each for s in named.values() for each in (s.before, s.measured)]
    peak = max(s.before.max() for s in named.values())
    for panel, heat, energy in zip(plot.panels, marks_of(plot, Heat), energies, strict=True):
        np.testing.assert_allclose(heat.values, np.maximum(energy / peak, 1e-12))
        centers = heat.left + heat.width * (np.arange(energy.shape[1]) + 0.5)
        np.testing.assert_allclose(centers, frequencies(energy.shape[1]), atol=1e-12)
        assert span(panel, "x") == heat.box[:2]
        assert span(panel, "y")[::-1] == heat.box[2:]
        assert heat.width / panel.cell == pytest.approx(round(heat.width / panel.cell))
        assert cells_across(panel) == pytest.approx(SIDE)
    assert len(color_bars(plot)) == 1


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_what_is_hatched_folds_and_what_is_framed_is_left(stride: int) -> None:
    named = spectra(stride)
    plot = spectra_plot(named, "title")
    (outside, band), *_ = (
        [mark for mark in panel.marks if isinstance(mark, Boxes)] for panel in plot.panels
    )
    half = 0.5 / stride
    assert band.boxes == [(-half, half, -half, half)]
    assert outside.hatch
    for down in frequencies(SIDE):
        for right in frequencies(SIDE):
            inside = max(abs(down), abs(right)) < half
            if max(abs(down), abs(right)) != half:
                hits = sum(a < right < b and c < down < d for a, b, c, d in outside.boxes)
                on_edge = half in (abs(down), abs(right))
                assert (hits == 0) == inside or on_edge
                assert hits <= 1, "no place is hatched twice"
    assert [entry.name for entry in entries(plot)] == ["outside: folds back", "band that is left"]
    for each, panel in zip(named.values(), plot.panels[1::2], strict=True):
        assert percent(each.aliased) in panel.note
        assert percent(each.aliased) in plot.alt


def test_bars_are_stacked_and_hold_all_energy_but_the_mean() -> None:
    named = spectra()
    plot = folded_plot(named, "title")
    for panel, each in zip(plot.panels, named.values(), strict=True):
        own, folded = panel.marks
        assert isinstance(own, Bars)
        assert isinstance(folded, Bars)
        middle = tuple(n // 2 for n in each.in_band.shape)
        mean = each.in_band[middle]
        assert np.sum(own.length) == pytest.approx(each.in_band.sum() - mean)
        assert np.sum(folded.length) == pytest.approx(each.folded.sum() - each.folded[middle])
        assert folded.base is own.length
        assert folded.hatch
        low, high = span(panel, "y")
        assert low == 0
        assert np.max(own.length + folded.length) < high
    assert len({span(panel, side) for panel in plot.panels for side in ("y",)}) == 1, "one scale"


def test_a_picture_without_energy_has_axes() -> None:
    flat = spectrum(DownsamplingLayer("max_pooling", 2, 2), np.zeros((1, 8, 8), np.float32))
    low, high = span(folded_plot({"flat": flat}, "title").panels[0], "y")
    assert low < high
    assert np.isfinite(marks_of(spectra_plot({"flat": flat}, "title"), Heat)[0].values).all()


def test_distances_are_those_of_a_loop() -> None:
    energy = np.random.default_rng(0).random((6, 4))
    values, sums = by_distance(energy)
    down, right = frequencies(6), frequencies(4)
    for value, total in zip(values, sums, strict=True):
        loop = sum(
            energy[i, j]
            for i in range(6)
            for j in range(4)
            if max(abs(down[i]), abs(right[j])) == pytest.approx(value, abs=1e-5)
        )
        assert total == pytest.approx(loop)
    assert sums.sum() + energy[3, 2] == pytest.approx(energy.sum())


def test_shares_are_never_rounded_to_what_they_are_not() -> None:
    assert percent(0.0) == "0 %"
    assert percent(1e-9) == "< 0.01 %"
    assert percent(0.239) == "23.9 %"
