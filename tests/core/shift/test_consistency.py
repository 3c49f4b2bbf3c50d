"""What survives of a shift: measured, against numpy, and against its own closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import data
from core.errors import SpecError
from core.shift.consistency import (
    ShiftStopped,
    cosine,
    layer_consistency,
    shift_consistency,
    shifted,
    standardized,
)
from core.shift.layer import KINDS, TAPS, DownsamplingLayer
from core.shift.spectrum import expected_cosine, spectrum
from tests.examples import examples

PHOTOS = ("china", "flower")
PICTURES = (*PHOTOS, "zone_plate", "digit", "random")


def picture(name: str, side: int = 48, channels: int = 1, seed: int = 0) -> np.ndarray[Any, Any]:
    return standardized(data.picture(name, (side, side), channels, seed))


def all_phases(stride: int) -> list[tuple[int, int]]:
    return [(down, right) for down in range(stride) for right in range(stride)]


layers = st.builds(
    DownsamplingLayer,
    kind=st.sampled_from(KINDS),
    kernel_size=st.integers(1, 4),
    stride=st.integers(2, 4),
    taps=st.sampled_from(TAPS),
    seed=st.integers(0, 99),
    relu=st.booleans(),
)
names = st.sampled_from(PICTURES)


@examples(40)
@given(layers, names, st.integers(-3, 3), st.integers(-3, 3))
def test_multiples_of_the_stride_are_followed_to_the_last_bit(
    layer: DownsamplingLayer, name: str, down: int, right: int
) -> None:
    shifts = [(down * layer.stride, right * layer.stride)]
    found = layer_consistency(layer, picture(name), shifts)
    assert found.whole_outputs.all()
    assert found.exact_at_multiples
    assert found.cosine.tolist() == [1.0]
    assert found.difference.tolist() == [0.0]


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stride", [2, 3, 4])
def test_between_them_every_layer_loses_and_every_blur_gives_back(
    name: str, kind: str, stride: int
) -> None:
    """For photographs, and for several convolutions; more taps give back more."""
    x = picture(name)
    for seed in range(2 if kind == "convolution" else 1):
        layer = DownsamplingLayer(kind, 3 if kind == "convolution" else 2, stride, seed=seed)
        means = []
        for taps in (1, 2, 4, 7):
            found = layer_consistency(layer.with_blur(taps), x, all_phases(stride))
            between = found.cosine[~found.whole_outputs]
            assert (between < 1).all()
            assert not found.exact[~found.whole_outputs].any()
            assert (found.difference[~found.whole_outputs] > 0).all()
            means.append(found.mean)
        assert means == sorted(means)
        assert len(set(means)) == len(means)


@examples(20)
@given(layers, names, st.sampled_from([12, 24, 36]))
def test_closed_form_is_what_torch_measures(layer: DownsamplingLayer, name: str, side: int) -> None:
    x = picture(name, side, 2)
    shifts = [*all_phases(layer.stride), (0, 5), (-7, 3)]
    measured = layer_consistency(layer, x, shifts)
    expected = expected_cosine(layer, x, shifts)
    np.testing.assert_allclose(measured.cosine, expected, atol=2e-4)


def test_other_padding_breaks_even_whole_shifts() -> None:
    x = picture("china")
    for mode in ("zeros", "reflect", "replicate"):
        layer = DownsamplingLayer("convolution", 3, 2, padding_mode=mode)
        found = layer_consistency(layer, x, [(0, 0), (0, 2), (2, 0)])
        assert found.exact.tolist() == [True, False, False]
        assert not found.exact_at_multiples
        with pytest.raises(SpecError, match="circular"):
            expected_cosine(layer, x, [(0, 2)])


def test_checkerboard_flips_its_sign_and_a_blur_leaves_nothing() -> None:
    x = picture("checkerboard", 16)
    pick = DownsamplingLayer("convolution", 1, 2, weights="identity")
    found = layer_consistency(pick, x, [(0, 1), (1, 0), (1, 1)])
    assert found.cosine.tolist() == pytest.approx([-1, -1, 1])
    assert spectrum(pick, x).folded.sum() == pytest.approx(1)
    blurred = layer_consistency(pick.with_blur(3), x, [(0, 1)])
    assert blurred.cosine.tolist() == [1.0], "equal: there is nothing left to differ"
    assert spectrum(pick.with_blur(3), x).aliased == 0


@given(st.integers(3, 12), st.integers(3, 12), st.integers(-20, 20), st.integers(-20, 20))
def test_whole_moves_are_rolls(rows: int, cols: int, down: int, right: int) -> None:
    maps = np.random.default_rng(rows).normal(size=(2, rows, cols)).astype(np.float32)
    assert np.array_equal(shifted(maps, (down, right)), np.roll(maps, (down, right), (1, 2)))


@given(st.integers(5, 20), st.floats(-9, 9), st.integers(0, 5), st.booleans())
def test_waves_move_by_parts_of_a_pixel(n: int, distance: float, cycles: int, down: bool) -> None:
    cycles = min(cycles, (n - 1) // 2)  # below Nyquist
    at = np.arange(n)
    still, gone = (np.cos(2 * np.pi * cycles * (at - d) / n + 0.3) for d in (0, distance))
    maps = np.tile(still[:, None], (1, 1, 4)) if down else np.tile(still, (1, 4, 1))
    expected = np.tile(gone[:, None], (1, 1, 4)) if down else np.tile(gone, (1, 4, 1))
    shift = (distance, 0) if down else (0, distance)
    np.testing.assert_allclose(shifted(maps, shift), expected, atol=1e-9)


def test_cosine_of_silence() -> None:
    a, zero = np.array([3.0, 4.0]), np.zeros(2)
    assert cosine(a, a * 5) == pytest.approx(1)
    assert cosine(a, -a) == pytest.approx(-1)
    assert cosine(a, np.array([-4.0, 3.0])) == pytest.approx(0)
    assert cosine(zero, zero) == 1
    assert cosine(a, zero) == 0
    assert cosine(a * 1e-9, -a * 1e-9, zero_level=1e-6) == 1


@examples(25)
@given(layers, names)
def test_energies_add_up(layer: DownsamplingLayer, name: str) -> None:
    x = picture(name, 24)
    found = spectrum(layer, x)
    with torch.no_grad():
        dense = layer.run_at_stride_1(torch.from_numpy(x.copy())[None])[0].double().numpy()
        output = layer.run(torch.from_numpy(x.copy())[None])[0].double().numpy()
    assert found.before.sum() == pytest.approx(np.square(dense).mean())
    assert found.measured.sum() == pytest.approx(np.square(output).mean())
    assert found.in_band.sum() + found.folded.sum() == pytest.approx(found.before.sum())
    assert found.disagreement < 1e-5
    assert 0 <= found.aliased <= 1


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_a_wave_aliases_if_and_only_if_it_is_outside_the_band(stride: int) -> None:
    """Each frequency of a side of 24 in turn, and where it lands."""
    n, kept = 24, 24 // stride
    pick = DownsamplingLayer("convolution", 1, stride, weights="identity")
    for cycles in range(1, n // 2 + 1):
        wave = np.cos(2 * np.pi * cycles * np.arange(n) / n + 0.4)
        found = spectrum(pick, np.tile(wave, (1, n, 1)).astype(np.float32))
        outside = 2 * cycles > kept
        inside = 2 * cycles < kept
        if outside:
            assert found.aliased == pytest.approx(1)
        elif inside:
            assert found.aliased == pytest.approx(0, abs=1e-6)
        lands = abs((cycles + kept // 2) % kept - kept // 2)
        row = found.measured[kept // 2]
        assert row[kept // 2 + lands if lands < (kept + 1) // 2 else 0] == row.max() > 1e-3


def test_refusals() -> None:
    x = picture("china", 15)
    with pytest.raises(SpecError, match="multiple of the stride 2"):
        spectrum(DownsamplingLayer(), x)
    with pytest.raises(SpecError, match="grids do not meet"):
        layer_consistency(DownsamplingLayer(), x, [(0, 1)])
    with pytest.raises(SpecError, match="shifts must be"):
        layer_consistency(DownsamplingLayer(), picture("china", 16), [])
    with pytest.raises(SpecError, match="side by side"):
        shift_consistency(lambda t: t.flatten(1), x, [(0, 1)])
    with pytest.raises(SpecError, match="at least"):
        layer_consistency(DownsamplingLayer(padding_mode="reflect", taps=7), x[:, :2, :2], [(0, 1)])


def test_progress_is_told_and_stops() -> None:
    seen: list[tuple[int, int]] = []

    def told(done: int, total: int) -> bool:
        seen.append((done, total))
        return done < 2

    with pytest.raises(ShiftStopped):
        shift_consistency(lambda t: t, picture("china", 8), [(0, 1)] * 5, progress=told)
    assert seen == [(1, 5), (2, 5)]


def test_an_alias_free_map_is_followed_everywhere() -> None:
    """The guard of all that: the measure does not blame a layer that loses nothing."""
    found = shift_consistency(lambda t: t, picture("random", 9), [(1, 2), (8, 3)], keep_maps=True)
    assert found.exact.all()
    n = 24
    wave = np.cos(2 * np.pi * 2 * np.arange(n) / n)[None, :] * np.ones((n, 1))
    slow = wave[None].astype(np.float32)
    found = layer_consistency(DownsamplingLayer("average_pooling", 2, 4), slow, [(0, 1), (3, 2)])
    np.testing.assert_allclose(found.cosine, 1, atol=1e-9)
    assert found.relative.max() < 1e-5


def test_standard() -> None:
    x = picture("flower", 32, 3)
    assert x.mean() == pytest.approx(0, abs=1e-5)
    assert x.std() == pytest.approx(1, rel=1e-4)
    assert not standardized(np.full((1, 3, 3), 7, dtype=np.float32)).any()
