"""Claims 24, 25 and 27: what is known, where it changes, what a broken experiment says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import gcd
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from viz.lessons.claims import alternatives as others
from viz.lessons.claims import architectures as subject
from viz.lessons.claims import claim


def with_a_1x1_that_averages(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch averages 2×2 before every 1×1 with stride 2, which then reads all."""
    honest = F.conv2d

    def broken(x: Any, w: Any, bias: Any = None, stride: Any = 1, *rest: Any, **more: Any) -> Any:
        if w.shape[2:] == (1, 1) and stride == (2, 2):
            return honest(F.avg_pool2d(x, 2), w, bias, 1, *rest, **more)
        return honest(x, w, bias, stride, *rest, **more)

    monkeypatch.setattr(F, "conv2d", broken)


def with_pools_that_do_not_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's max pooling has stride 1, whatever it is given."""

    def broken(pool: torch.nn.MaxPool2d, x: torch.Tensor) -> torch.Tensor:
        return F.max_pool2d(x, pool.kernel_size, 1, pool.padding)

    monkeypatch.setattr(torch.nn.MaxPool2d, "forward", broken)


def with_too_little_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last layer of the dilated stack has one pixel of padding too few."""
    honest = others.dilated_stack
    monkeypatch.setattr(others, "dilated_stack", lambda rates: honest(rates).replace("p4", "p3"))


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    24: with_a_1x1_that_averages,
    25: with_pools_that_do_not_step,
    27: with_too_little_padding,
}
KNOWN = {24: "holds", 25: "holds", 27: "holds"}
ELSEWHERE: dict[int, list[tuple[dict[str, Any], str, str]]] = {
    24: [
        ({"depth": "101", "side": 8}, "holds when", "it is about what the blocks read"),
        (
            {"side": 16, "shortcut": subject.AVERAGED},
            "holds when",
            "it is about v1.5: block's input unread or v1: receptive field of ResNet-50 (px) or "
            "v1.5: receptive field of ResNet-50 (px)",
        ),
    ],
    25: [
        ({"side": 100}, "holds when", "100 px is a multiple of the reduction"),
        ({"side": 33}, "does not hold", ""),
        ({"side": 32, "in_channels": 1}, "does not hold", ""),
    ],
    27: [
        (
            {"sharpness": 200},
            "holds when",
            "it is not about attention pooling 2×2: pixels without gradient",
        ),
        (
            {"rate_2": 4, "rate_3": 4},
            "holds when",
            "it is not about rates 1, 4, 4: unread share of the 19 px field",
        ),
        ({"rate_1": 2}, "holds", ""),
    ],
}
QUICK: dict[int, dict[str, Any]] = {24: {"side": 8}, 25: {"side": 32}, 27: {}}
"""Settings at which nothing is other than at the defaults, and less is computed."""


@pytest.mark.parametrize("number", KNOWN)
def test_the_verdict_where_it_is_told(number: int) -> None:
    assert claim(number).run().verdict == KNOWN[number]


@pytest.mark.parametrize("number", ELSEWHERE)
def test_a_setting_changes_the_verdict(number: int) -> None:
    for values, verdict, condition in ELSEWHERE[number]:
        outcome = claim(number).run(values)
        assert (outcome.verdict, outcome.condition) == (verdict, condition), values


@pytest.mark.parametrize("number", SABOTAGES)
def test_a_broken_experiment_changes_the_verdict(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claim(number).run(QUICK[number]).verdict == KNOWN[number]
    SABOTAGES[number](monkeypatch)
    assert claim(number).run(QUICK[number]).verdict != KNOWN[number]


@pytest.mark.parametrize("side", [9, 12, 15])
def test_what_a_1x1_with_stride_2_leaves_out(side: int) -> None:
    v1, v1_5 = (
        subject._facts_and_unread_share(spec, side)
        for spec in subject._downsampling_blocks(subject.PUBLISHED)
    )
    read = len(range(0, side, 2)) ** 2
    assert v1[1] == pytest.approx(1 - read / side**2)
    assert v1[0].unread == pytest.approx(v1[1])
    assert v1_5[1] == v1_5[0].unread == 0
    assert v1_5[0].macs > v1[0].macs == v1[0].torch_macs


@pytest.mark.slow
def test_the_versions_differ_by_the_same_at_every_depth() -> None:
    for depth in ("50", "101"):
        first, second = (
            subject._closed_and_measured_field_width(f"resnet{depth}{end}")
            for _, end, *_ in subject.VERSIONS
        )
        assert int(first[1]) - int(second[1]) == 2 * (4 + 8 + 16)
        assert first[0] == first[1]


@given(st.integers(16, 64), st.integers(1, 4))
@examples(8)
def test_stems_are_counted_as_torch_has_them(side: int, channels: int) -> None:
    outcome = claim(25).run({"side": side, "in_channels": channels})
    windows = {"ResNet": (7, 3, 64), "EfficientNet": (3, 1, 32), "ConvNeXt": (4, 0, 96),
               "ViT-B/16": (16, 0, 768)}  # fmt: skip
    for row, agrees in zip(outcome.evidence.rows, outcome.evidence.agrees, strict=True):
        kernel, _, outputs = windows[str(row[0])]
        bias = outputs if kernel in (4, 16) else 0
        norm = 0 if kernel == 16 else 2 * outputs
        assert row[5] == row[6] == f"{kernel**2 * channels * outputs + bias + norm:,}"
        assert row[2] == row[3]
        assert agrees == (channels == 3 and side % subject.CLAIMED_STEMS[str(row[0])][0] == 0)


RATES = st.tuples(*[st.integers(1, 6)] * 3)


@given(RATES)
@examples(25)
def test_pixels_read_are_the_sums_of_taps(rates: tuple[int, ...]) -> None:
    reach = sum(rates)
    sums = {sum(taps) + reach for taps in product(*((-rate, 0, rate) for rate in rates))}
    assert np.flatnonzero(others.read_pixel_mask(rates)).tolist() == sorted(sums)
    _, out, ways = others._sides_and_path_counts(rates)
    assert out == 2 * reach + 1
    assert np.flatnonzero(ways[reach]).tolist() == sorted(sums)
    assert ways.sum() == 9**3


@given(RATES)
@examples(25)
def test_a_common_factor_leaves_holes_and_none_does_not_prevent_them(
    rates: tuple[int, ...],
) -> None:
    row, agrees, ways = others._gridding_row(rates)
    assert row[2] == row[3]
    if gcd(*rates) > 1:
        assert agrees
        assert (ways == 0).any()


@given(st.integers(0, 50))
@examples(10)
def test_deformable_convolution_by_loops(seed: int) -> None:
    draw = np.random.default_rng(seed)
    size, channels = (5, 6), 2
    x = draw.standard_normal((channels, *size))
    weight = draw.standard_normal((3, channels, 3, 3))
    offsets = draw.integers(-3, 4, (9, *size, 2)).astype(np.float64)
    found = others.deformable(*(torch.from_numpy(a) for a in (x[None], weight, offsets)))
    expected = np.zeros((3, *size))
    for row, col, tap in product(range(size[0]), range(size[1]), range(9)):
        right, down = offsets[tap, row, col].astype(int)
        r, c = row + tap // 3 - 1 + down, col + tap % 3 - 1 + right
        if 0 <= r < size[0] and 0 <= c < size[1]:
            expected[:, row, col] += weight[:, :, tap // 3, tap % 3] @ x[:, r, c]
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-9)


def test_attention_goes_from_the_mean_to_the_maximum() -> None:
    x = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(others.attention_pool(x, 0), F.avg_pool2d(x, 2))
    torch.testing.assert_close(others.attention_pool(x, 1e6), F.max_pool2d(x, 2))
    between = others.attention_pool(x, 1.0)
    assert (between > F.avg_pool2d(x, 2)).all()
    assert (between < F.max_pool2d(x, 2)).all()


@pytest.mark.slow
def test_the_largest_settings_run() -> None:
    assert claim(24).run({"depth": "152", "side": 8}).verdict == "holds when"
    assert claim(25).run({"side": 256, "in_channels": 4}).verdict == "does not hold"
    widest = dict.fromkeys(others.RATES, 6)
    assert claim(27).run(widest).evidence.rows[0][3] == "37 px"


@pytest.mark.parametrize("rates", [(1, 2, 4), (1, 1, 1), (2, 3, 5)])
def test_what_strides_would_leave_is_what_torch_leaves(rates: tuple[int, int, int]) -> None:
    outcome = claim(27).run(dict(zip(others.RATES, rates, strict=True)))
    side = 2 * sum(rates) + 1
    x = torch.zeros(1, 1, side, side)
    for _ in rates:
        x = F.conv2d(x, torch.zeros(1, 1, 3, 3), stride=2, padding=1)
    assert f"keeps {side} of {side} px a side" in outcome.sentence
    assert f"with padding 1 leave {x.shape[-1]};" in outcome.sentence
