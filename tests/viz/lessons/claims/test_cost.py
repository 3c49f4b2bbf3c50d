"""Claims 7 to 10: what is known of them, where it changes, and what a broken experiment says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cost.timing import Quartiles
from core.errors import SpecError
from core.plots.plot import Bars
from tests.core.plots.reading import marks_of
from tests.examples import examples
from viz.lessons.claims import claim, stacks
from viz.lessons.claims import cost as subject
from viz.lessons.claims.claim import VERDICTS

SLOW, FAST = 9.0, 3.0


def with_times(*times: float, apart: float = 0.1) -> Callable[[pytest.MonkeyPatch], None]:
    """The clock says what it is told to, with quartiles so far from the median."""

    def install(monkeypatch: pytest.MonkeyPatch) -> None:
        def told(lines: Sequence[str], *_: Any) -> tuple[Quartiles, ...]:
            return tuple(Quartiles(t, t - apart, t + apart) for t in times[: len(lines)])

        monkeypatch.setattr(subject, "_measured_milliseconds", told)

    return install


def with_one_parameter_a_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's count grows with the map."""
    honest = subject.torch_parameters

    def broken(spec: Any, input_size: Any) -> int:
        return honest(spec, input_size) + subject.block_facts_of(spec, input_size).torch_shape[-1]

    monkeypatch.setattr(subject, "torch_parameters", broken)


def with_a_wrong_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool takes steps of one."""
    honest = subject._compared_blocks

    def broken(values: Any) -> Any:
        strided, (name, line), alone = honest(values)
        return strided, (name, line.rsplit(" s", 1)[0] + " s1"), alone

    monkeypatch.setattr(subject, "_compared_blocks", broken)


def with_other_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack has one layer less."""
    honest = stacks._large_and_stacked_notation

    def broken(values: Any) -> tuple[str, str]:
        large, small = honest(values)
        return large, small.rsplit(", ", 1)[0]

    monkeypatch.setattr(stacks, "_large_and_stacked_notation", broken)


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    7: with_one_parameter_a_pixel,
    8: with_a_wrong_pool,
    9: with_times(FAST, FAST, FAST),
    10: with_other_kernels,
}
KNOWN = {7: "holds", 8: "holds", 9: "holds when", 10: "holds"}
TIMES = (FAST, SLOW, 1.0)
"""Of the strided block, of the pooled one, of the pool alone: as they are known to be."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    with_times(*TIMES)(monkeypatch)


@pytest.mark.parametrize("number", KNOWN)
def test_the_verdict_where_it_is_told(number: int, clock: None) -> None:
    assert claim(number).run().verdict == KNOWN[number]


@pytest.mark.parametrize("number", SABOTAGES)
def test_a_broken_experiment_changes_the_verdict(
    number: int, clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    SABOTAGES[number](monkeypatch)
    assert claim(number).run().verdict != KNOWN[number]


@pytest.mark.parametrize(
    ("number", "values", "verdict"),
    [
        (7, {"head": "flattened, then linear"}, "holds when"),
        (7, {"head": "global average, then linear"}, "holds"),
        (8, {"side": 57}, "holds when"),
        (10, {"stride": 2}, "holds when"),
        (10, {"layers": 1}, "holds when"),
    ],
)
def test_a_setting_changes_the_verdict(
    number: int, values: dict[str, Any], verdict: str, clock: None
) -> None:
    assert claim(number).run(values).verdict == verdict


def test_a_slower_strided_convolution_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with_times(SLOW, FAST)(monkeypatch)
    outcome = claim(8).run()
    assert outcome.verdict == "holds when"
    assert "time" not in outcome.condition


def test_which_comparison_is_meant_follows_from_the_times(clock: None) -> None:
    outcome = claim(9).run()
    assert outcome.evidence.agrees == (True, False, False, True)
    assert outcome.condition == (
        "the comparison is said: strided is more expensive than pooling alone; "
        "strided is cheaper than convolution, then pooling"
    )


def test_counted_quantities_need_no_clock() -> None:
    macs = claim(9).run({"quantity": "multiply–accumulates"})
    memory = claim(9).run({"quantity": "memory kept for backward"})
    assert marks_of(macs.chart, Bars)[0].length[2] == 0
    assert macs.condition != memory.condition


def test_time_is_really_measured() -> None:
    times = subject._measured_milliseconds(("conv3 s2 c4", "maxpool2"), (4, 16, 16), 2)
    assert len(times) == 2
    assert all(0 < each.low <= each.median <= each.high for each in times)


@pytest.mark.parametrize(
    ("apart", "slower", "verdict"),
    [(0.1, True, "holds"), (0.1, False, "holds when"), (5.0, True, "not decided here")],
)
def test_times_whose_quartiles_overlap_decide_nothing(
    apart: float, slower: bool, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = (FAST, SLOW, 1.0) if slower else (SLOW, FAST, 1.0)
    with_times(*times, apart=apart)(monkeypatch)
    outcome = claim(8).run()
    assert outcome.verdict == verdict
    assert ("not decided" in outcome.sentence) == (verdict == "not decided here")
    assert (None in claim(9).run().evidence.agrees) == (apart > 1)


@examples(20)
@given(st.integers(1, 64), st.integers(1, 128), st.integers(1, 7))
def test_parameters_are_kernel_times_channels(inputs: int, outputs: int, kernel: int) -> None:
    values = {"in_channels": inputs, "out_channels": outputs, "kernel_size": kernel}
    outcome = claim(7).run(values)
    assert outcome.verdict == "holds"
    for row in outcome.evidence.rows[:4]:
        assert row[-1] == row[-2] == kernel**2 * inputs * outputs + outputs


@examples(20)
@given(st.integers(2, 6), st.integers(2, 5), st.integers(1, 128))
def test_a_stack_is_lighter_and_sees_as_much(layers: int, kernel: int, channels: int) -> None:
    values = {"layers": layers, "kernel_size": kernel, "channels": channels}
    outcome = claim(10).run(values)
    assert outcome.verdict == "holds"
    assert outcome.evidence.rows[0][1:] == (layers * (kernel - 1) + 1,) * 2


def test_a_stack_that_would_take_too_long_is_refused() -> None:
    with pytest.raises(SpecError, match="layers"):
        claim(10).run({"layers": 6, "kernel_size": 5, "stride": 2})


@pytest.mark.parametrize("number", [8, 9])
@pytest.mark.parametrize("end", ["low", "high"])
def test_the_ends_of_all_settings_can_be_run(number: int, end: str, clock: None) -> None:
    one = claim(number)
    values = {each.name: getattr(each, end) for each in one.settings if not each.options}
    assert one.run(values).verdict in VERDICTS
