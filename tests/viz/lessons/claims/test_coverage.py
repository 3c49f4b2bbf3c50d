"""Claims 4 to 6: what is known of them, where it changes, and what a broken experiment says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer import LayerSpec, operations
from tests.viz.lessons.claims.test_sizes import with_another_stride
from viz.lessons.claims import claim
from viz.lessons.claims import coverage as subject
from viz.lessons.claims.parts import square_layer, torch_read_counts


def with_padding_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch pads a stride more after the image: its last pixels are read after all."""
    honest = operations.OPERATIONS["convolution"].run

    def broken(spec: LayerSpec, *given: Any) -> Any:
        rows, cols = (
            (before, after + stride)
            for (before, after), stride in zip(spec.padding, spec.stride, strict=True)
        )
        return honest(replace(spec, padding=(rows, cols)), *given)

    row = replace(operations.OPERATIONS["convolution"], run=broken)
    monkeypatch.setitem(operations.OPERATIONS, "convolution", row)


def with_symmetric_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow's convention pads as PyTorch's number does."""
    honest = subject.convention_results

    def broken(*given: Any, **more: Any) -> Any:
        found = {each.name: each for each in honest(*given, **more)}
        own = found[subject.OWN]
        found["tf_same"] = replace(own, name="tf_same")
        return tuple(found.values())

    monkeypatch.setattr(subject, "convention_results", broken)


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    4: with_padding_after,
    5: with_another_stride,
    6: with_symmetric_same,
}
KNOWN = {4: "holds when", 5: "holds", 6: "holds"}
ELSEWHERE: dict[int, list[tuple[dict[str, Any], str]]] = {
    4: [({"padding": 0}, "holds"), ({"stride": 2, "padding": 1, "kernel_size": 3}, "holds when")],
    5: [({"n": 9}, "does not hold"), ({"stride": 1}, "holds when")],
    6: [({"n": 9}, "holds when"), ({"stride": 1}, "does not hold")],
}


@pytest.mark.parametrize("number", KNOWN)
def test_the_verdict_where_it_is_told(number: int) -> None:
    assert claim(number).run().verdict == KNOWN[number]


@pytest.mark.parametrize("number", ELSEWHERE)
def test_a_setting_changes_the_verdict(number: int) -> None:
    for values, verdict in ELSEWHERE[number]:
        assert claim(number).run(values).verdict == verdict, values


@pytest.mark.parametrize("number", SABOTAGES)
def test_a_broken_experiment_changes_the_verdict(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    SABOTAGES[number](monkeypatch)
    assert claim(number).run().verdict != KNOWN[number]


def test_the_last_pixels_are_lost_where_the_remainder_exceeds_the_padding() -> None:
    assert claim(4).run().condition == "the remainder is larger than the padding"


@given(st.integers(1, 7), st.integers(2, 6), st.integers(0, 3))
def test_closed_form_and_gradient_lose_the_same_rows(
    kernel_size: int, stride: int, padding: int
) -> None:
    values = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    outcome = claim(4).run(values)
    for _, n, remainder, lost, measured in outcome.evidence.rows:
        assert lost == measured
        assert 0 <= int(remainder) < stride
        assert 0 <= int(lost) <= int(n)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2), st.integers(8, 14))
def test_torch_s_gradient_counts_the_windows(
    kernel_size: int, stride: int, padding: int, n: int
) -> None:
    counts = torch_read_counts(square_layer(kernel_size, stride, padding), n)
    along = [0] * n
    for start in range(-padding, n + padding - kernel_size + 1, stride):
        for place in range(start, start + kernel_size):
            if 0 <= place < n:
                along[place] += 1
    assert counts.tolist() == [[row * col for col in along] for row in along]


@given(st.integers(7, 33), st.integers(1, 4))
def test_reads_inside_are_uniform_when_the_stride_divides_the_kernel(n: int, stride: int) -> None:
    outcome = claim(5).run({"n": n, "stride": stride})
    for kernel, row in zip(subject.KERNELS, outcome.evidence.rows, strict=True):
        assert (row[-1] == "uniform") == (kernel % stride == 0)


@given(st.integers(7, 32), st.integers(1, 7), st.integers(1, 4))
def test_padding_by_name_is_what_tensorflow_documents(
    n: int, kernel_size: int, stride: int
) -> None:
    outcome = claim(6).run({"n": n, "kernel_size": kernel_size, "stride": stride})
    last = n % stride or stride
    total = max(kernel_size - last, 0)
    before, after = total // 2, total - total // 2
    assert outcome.evidence.rows[0][1] == f"{before} before, {after} after"
    assert outcome.evidence.agrees[2] == (stride > 1)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SpecError):
        claim(5).run({"n": 6})


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_the_sentence_counts_the_cases_in_which_padding_alone_is_skipped(padding: int) -> None:
    outcome = claim(4).run({"padding": padding})
    judged = [row for row in outcome.evidence.rows if row[2]]
    spared = sum(row[4] == 0 for row in judged)
    assert (f"in the other {spared} only padding is never read" in outcome.sentence) == bool(spared)
    assert f"In {len(judged) - spared} of {len(judged)} cases" in outcome.sentence
