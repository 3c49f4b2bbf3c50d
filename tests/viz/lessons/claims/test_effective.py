"""Claims 14 and 16: what is known of them, where it changes, and what a broken experiment says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.erf import studies
from core.errors import SpecError
from viz.lessons.claims import claim
from viz.lessons.claims import effective as subject


def with_shallow_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks that are measured have 1, 2 and 3 layers, whatever they are said to have."""
    honest = studies.depth_study

    def broken(depths: Sequence[int], *given: Any) -> Any:
        study = honest((1, 2, 3), *given)
        rows = (replace(row, x=depth) for row, depth in zip(study.rows, depths, strict=True))
        return replace(study, rows=tuple(rows))

    monkeypatch.setattr(studies, "depth_study", broken)


def with_another_dilation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dilations are one larger than asked for."""
    honest = subject.width_conv_notation
    monkeypatch.setattr(
        subject,
        "width_conv_notation",
        lambda kernel, stride=1, dilation=0: honest(kernel, stride, dilation + 1),
    )


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    14: with_shallow_networks,
    16: with_another_dilation,
}
KNOWN = {14: "holds", 16: "holds"}
ELSEWHERE: list[tuple[int, dict[str, Any], str]] = [
    (14, {"shallowest": 1, "deepest": 8}, "holds when"),
    (16, {"dilations": subject.DILATION_PATTERNS[1]}, "does not hold"),
    (16, {"dilations": subject.DILATION_PATTERNS[2]}, "holds when"),
    (16, {"stride": 3, "layers": 3}, "holds when"),
]


@pytest.mark.parametrize("number", KNOWN)
def test_the_verdict_where_it_is_told(number: int) -> None:
    assert claim(number).run().verdict == KNOWN[number]


@pytest.mark.parametrize(("number", "values", "verdict"), ELSEWHERE)
def test_a_setting_changes_the_verdict(number: int, values: dict[str, Any], verdict: str) -> None:
    outcome = claim(number).run(values)
    assert outcome.verdict == verdict
    assert bool(outcome.condition) == (verdict == "holds when")


@pytest.mark.parametrize("number", SABOTAGES)
def test_a_broken_experiment_changes_the_verdict(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    SABOTAGES[number](monkeypatch)
    assert claim(number).run().verdict != KNOWN[number]


@pytest.mark.slow
def test_five_layers_of_either_kind_see_sixty_three_pixels() -> None:
    rows = claim(16).run().evidence.rows
    assert [row[1] for row in rows] == [3, 7, 15, 31, 63]
    for row in rows:
        assert row[1] == row[2] == row[3]


def test_dilations_with_a_common_factor_leave_every_second_pixel_unread() -> None:
    last = claim(16).run({"dilations": subject.DILATION_PATTERNS[1], "layers": 3}).evidence.rows[-1]
    reach = 1 + 3 * 2 * 2
    assert last[2] == reach
    assert last[-1] == f"{100 * (reach // 2) / reach:.3g} %"


@pytest.mark.parametrize("kernel_size", [2, 3])
def test_a_profile_is_the_convolution_of_all_kernels(kernel_size: int) -> None:
    dilated, strided = subject._dilated_and_strided(
        {
            "layers": 3,
            "kernel_size": kernel_size,
            "stride": 2,
            "dilations": subject.DILATION_PATTERNS[0],
        }
    )
    told = np.ones(1)
    for dilation in (1, 2, 4):
        taps = np.zeros(dilation * (kernel_size - 1) + 1)
        taps[::dilation] = 1 / kernel_size
        told = np.convolve(told, taps)
    for layers in (dilated, strided):
        profile = np.trim_zeros(subject._gradient_profile(layers))
        np.testing.assert_allclose(profile, told, atol=1e-6)


def test_a_law_needs_two_depths() -> None:
    with pytest.raises(SpecError, match="deepest"):
        claim(14).run({"shallowest": 5, "deepest": 9})


@pytest.mark.parametrize("end", ["low", "high"])
def test_the_ends_of_all_settings_are_run_or_refused(end: str) -> None:
    one = claim(16)
    values = {each.name: getattr(each, end) for each in one.settings if not each.options}
    try:
        assert one.run(values).evidence.rows
    except SpecError as error:
        assert error.parameter == "layers"  # noqa: PT017
