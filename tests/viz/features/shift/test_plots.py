"""The figures of shifts and spectra, tested by their data against real layers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from core import data
from core.shift.consistency import (
    Consistency,
    ShiftComparison,
    compare,
    layer_consistency,
    standardized,
)
from core.shift.layer import KINDS, DownsamplingLayer
from core.shift.spectrum import Spectrum, expected_cosine, spectrum
from viz.features.shift.plots import cosine_text, curve_figure, pair_figure, picture_figure
from viz.features.shift.spectra_plots import (
    by_distance,
    folded_figure,
    frequencies,
    percent,
    spectra_figure,
)
from viz.theme import SIGNED

SIDE = 24


@cache
def photo() -> Any:
    return standardized(data.picture("china", (SIDE, SIDE)))


def pair_of(kind: str) -> tuple[DownsamplingLayer, DownsamplingLayer]:
    plain = DownsamplingLayer(kind, 3, 2)
    return plain, plain.with_blur(3)


@cache
def compared(kind: str) -> tuple[ShiftComparison, ShiftComparison]:
    plain, blurred = (compare(layer, photo(), (0, 1)) for layer in pair_of(kind))
    return plain, blurred


@cache
def consistent() -> tuple[Consistency, Consistency]:
    shifts = [(0, right) for right in range(SIDE)]
    plain, blurred = (layer_consistency(layer, photo(), shifts) for layer in pair_of("convolution"))
    return plain, blurred


@cache
def spectra(stride: int = 2) -> dict[str, Spectrum]:
    plain = DownsamplingLayer("convolution", 3, stride)
    return {"plain": spectrum(plain, photo()), "blur": spectrum(plain.with_blur(3), photo())}


def named(figure: go.Figure, name: str) -> Any:
    return next(trace for trace in figure.data if trace.name == name)


@pytest.mark.parametrize("kind", KINDS)
def test_four_maps_are_outputs_and_differences_on_one_scale_each(kind: str) -> None:
    plain, blurred = compared(kind)
    signed = kind == "convolution"
    figure = pair_figure(plain, blurred, f"title of {kind}", signed=signed)
    shown = [trace.z for trace in figure.data]
    expected = [plain.output, blurred.output, plain.difference, blurred.difference]
    for values, maps in zip(shown, expected, strict=True):
        np.testing.assert_allclose(values, maps[0], atol=1e-6)
    for row in (figure.data[:2], figure.data[2:]):
        assert len({(trace.zmin, trace.zmax) for trace in row}) == 1
        assert [trace.showscale for trace in row] == [True, False]
    for trace in figure.data if signed else figure.data[2:]:
        assert trace.zmin == -trace.zmax
        assert tuple(colour for _, colour in trace.colorscale) == SIGNED
    places = {(trace.xaxis, trace.yaxis) for trace in figure.data}
    assert len(places) == 4
    texts = " ".join(note.text for note in figure.layout.annotations)
    assert cosine_text(plain.cosine) in texts
    assert cosine_text(blurred.cosine) in texts
    assert kind in figure.layout.title.text
    assert len(figure.to_json()) < 60_000


def test_maps_of_one_value_have_a_scale() -> None:
    flat = ShiftComparison(np.zeros((1, 4, 4), np.float32), np.zeros((1, 4, 4)), 1.0)
    for signed in (False, True):
        for trace in pair_figure(flat, flat, "flat", signed=signed).data:
            assert trace.zmin < trace.zmax


def test_picture_is_the_picture() -> None:
    figure = picture_figure(photo()[0], "moved 1 px")
    np.testing.assert_array_equal(figure.data[0].z, photo()[0])
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "row 0 at the top"
    assert "px" in figure.layout.xaxis.title.text


@pytest.mark.parametrize("last", [None, 6])
def test_curves_are_the_cosines(last: int | None) -> None:
    plain, blurred = consistent()
    forms = [
        expected_cosine(layer, photo(), [tuple(s) for s in plain.shifts.tolist()])
        for layer in pair_of("convolution")
    ]
    figure = curve_figure(plain, blurred, 3, "title", expected=forms, last=last)
    count = SIDE if last is None else last + 1
    for name, found in (("no blur", plain), ("blur", blurred)):
        trace = named(figure, name)
        np.testing.assert_allclose(trace.y, found.cosine[:count], atol=1e-6)
        assert list(trace.x) == list(range(count))
    rings = [trace for trace in figure.data if trace.name == "closed form"]
    for ring, found in zip(rings, (plain, blurred), strict=True):
        np.testing.assert_allclose(ring.y, found.cosine[:count], atol=1e-3)
    assert sum(trace.showlegend is not False for trace in rings) == 1
    assert set(named(figure, "the shift shown").x) == {3}
    low, high = figure.layout.yaxis.range
    assert low <= float(np.min(named(figure, "no blur").y)) <= 1 <= high


def test_a_curve_without_closed_form() -> None:
    figure = curve_figure(*consistent(), 0, "title")
    assert [trace.name for trace in figure.data] == ["no blur", "blur", "the shift shown"]
    assert all(trace.showlegend is not False for trace in figure.data)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_spectra_are_marked_where_they_fold(stride: int) -> None:
    found = spectra(stride)
    figure = spectra_figure(found, "title")
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    energies = [each for s in found.values() for each in (s.before, s.measured)]
    peak = max(s.before.max() for s in found.values())
    for trace, energy in zip(heats, energies, strict=True):
        shown = 10.0 ** np.asarray(trace.z)
        np.testing.assert_allclose(shown, np.maximum(energy / peak, 1e-6), rtol=1e-4)
        assert trace.x[0] == pytest.approx(-0.5)
        assert (trace.zmin, trace.zmax) == (-6, 0)
    bands = [trace for trace in figure.data if trace.name == "band that is left"]
    for band in bands:
        edges = {abs(x) for x in band.x if x is not None}
        assert edges == {0.5 / stride}
    hatched = [trace for trace in figure.data if trace.name == "outside: folds back"]
    assert [trace.xaxis for trace in hatched] == ["x", "x3"]
    assert all(trace.fillpattern.shape == "/" for trace in hatched)
    texts = " ".join(note.text for note in figure.layout.annotations)
    for each in found.values():
        assert percent(each.aliased) in texts


def test_bars_hold_all_energy_but_the_mean() -> None:
    found = spectra()
    figure = folded_figure(found, "title")
    assert figure.layout.barmode == "stack"
    bars = list(figure.data)
    for index, each in enumerate(found.values()):
        own, folded = bars[2 * index : 2 * index + 2]
        middle = tuple(n // 2 for n in each.in_band.shape)
        mean = each.in_band[middle]
        assert float(np.sum(own.y)) == pytest.approx(float(each.in_band.sum() - mean), rel=1e-4)
        lost = float(each.folded.sum() - each.folded[middle])
        assert float(np.sum(folded.y)) == pytest.approx(lost, rel=1e-4)
        assert folded.marker.pattern.shape == "/"
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range, "one scale"


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


def test_numbers_are_never_rounded_up_to_what_they_are_not() -> None:
    assert cosine_text(1.0) == "1"
    assert cosine_text(0.99999999) == "0.9999"
    assert cosine_text(0.5554) == "0.555"
    assert cosine_text(-1.0) == "−1.000"
    assert percent(0.0) == "0 %"
    assert percent(1e-9) == "< 0.01 %"
    assert percent(0.239) == "23.9 %"
