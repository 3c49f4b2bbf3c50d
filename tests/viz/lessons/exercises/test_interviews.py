"""The interview questions: run, each bears out exactly one option; broken, another or none."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from torch import nn

from core.errors import SpecError
from core.layer import LayerSpec
from core.networks import zoo
from core.receptive_field import receptive_fields
from viz.lessons.claims import Outcome, claim
from viz.lessons.exercises import experiments
from viz.lessons.exercises.experiments import (
    EXPERIMENTS,
    ExperimentResult,
    correct_option,
    run_experiment,
)
from viz.lessons.exercises.interview import INTERVIEWS

RIGHT = {
    "stride_or_pool": "a quarter",
    "parameters_and_stride": "parameters the same, MACs a quarter",
    "stem_weights": "one 7×7 (3→64)",
    "stem_field": "11",
    "padding_and_stride": "top and left alone",
    "same_and_stride": "one pixel",
    "even_kernel": "none does",
    "growth": "2,047",
    "dilated_or_strided": "both the same",
    "gridding": "71 %",
    "resnet_versions": "v1",
    "unread_by_1x1": "three quarters",
    "max_gradient": "25 %, 100 %, 100 %",
    "checkerboard": "4",
    "shift": "none of them",
    "blur": "all three",
}
"""What the literature says, to hold the experiments against."""


def test_every_question_has_its_experiment() -> None:
    assert list(INTERVIEWS) == list(EXPERIMENTS) == list(RIGHT)
    assert len(INTERVIEWS) > 10


@pytest.mark.parametrize("name", INTERVIEWS)
def test_the_numbers_bear_out_one_option(name: str) -> None:
    row, found = INTERVIEWS[name], run_experiment(name)
    assert row.options[correct_option(name, found)][0] == RIGHT[name]
    labels, values = zip(*row.options, strict=True)
    assert len(set(labels)) == len(set(values)) == len(labels) >= 3
    assert found.rows
    assert all(len(line) == len(found.heads) for line in found.rows)
    assert found.text.endswith((".", ")"))
    assert row.ask.endswith("?")


def test_no_such_question() -> None:
    with pytest.raises(SpecError):
        run_experiment("nonsense")


def test_a_finding_that_no_option_says_is_refused() -> None:
    with pytest.raises(SpecError):
        correct_option("growth", ExperimentResult(3, "", (), ()))


def verdict(name: str) -> str:
    try:
        return INTERVIEWS[name].options[correct_option(name, run_experiment(name))][0]
    except SpecError:
        return "none"


def test_without_jumps_the_verdicts_on_fields_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def flat(steps: Any) -> tuple[int, int]:
        return 1 + sum(step.span - 1 for step in steps), 1

    monkeypatch.setattr(experiments, "field_after", flat)
    assert verdict("growth") == "21"
    assert verdict("stem_field") == "9"
    assert verdict("dilated_or_strided") == "the dilated one"
    assert verdict("resnet_versions") == "they are the same"


@pytest.mark.parametrize(
    "stride, wrong",
    [
        (1, {"stride_or_pool": "the same", "parameters_and_stride": "both the same",
             "checkerboard": "3, 4 and 5"}),
        (3, {"stride_or_pool": "none"}),
    ],
)  # fmt: skip
def test_with_another_stride_the_verdicts_change(
    monkeypatch: pytest.MonkeyPatch, stride: int, wrong: dict[str, str]
) -> None:
    true = experiments._convolution

    def conv(kernel: int, given: int = 1, padding: int = 0, **more: Any) -> LayerSpec:
        return true(kernel, stride if given == 2 else given, padding, **more)

    monkeypatch.setattr(experiments, "_convolution", conv)
    if stride == 1:
        monkeypatch.setattr(experiments, "windows_per_phase", lambda k, s: true_counts(k, stride))
    assert {name: verdict(name) for name in wrong} == wrong


true_counts = experiments.windows_per_phase


def test_without_a_blur_none_gets_closer(monkeypatch: pytest.MonkeyPatch) -> None:
    true = experiments._lowest_cosines
    monkeypatch.setattr(experiments, "_lowest_cosines", lambda taps, shifts: true(1, shifts))
    assert verdict("blur") == "none: it only blurs"


@pytest.mark.parametrize(
    "name, settings, answer",
    [
        ("shift", {"stride": 1}, "all of them"),
        ("unread_by_1x1", {"stride": 1}, "none"),
        ("max_gradient", {"weights": "all equal", "stride": 1}, "none"),
    ],
)
def test_a_question_reads_the_evidence_of_its_claim(
    name: str, settings: dict[str, Any], answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is the claim's own, and with other settings of the claim the answer changes."""
    numbers = []

    class Other(NamedTuple):
        number: int

        def run(self, values: dict[str, Any]) -> Outcome:
            numbers.append(self.number)
            return claim(self.number).run({**values, **settings})

    usual = run_experiment(name)
    monkeypatch.setattr(experiments, "claim", Other)
    assert verdict(name) == answer
    columns = claim(numbers[0]).run().evidence.columns
    assert usual.heads == columns


def test_resnets_of_the_zoo_see_what_is_said() -> None:
    said = {row[0]: row[1] for row in run_experiment("resnet_versions").rows}
    for version, name in (("v1", "resnet50_v1"), ("v1.5", "resnet50")):
        fields = receptive_fields(zoo.build(name, device="meta"), (3, 224, 224))
        assert str(fields["layer4_2_conv3"].size[0]) == said[version]


def test_parameters_are_torchs() -> None:
    one = sum(p.numel() for p in nn.Conv2d(3, 64, 7, bias=False).parameters())
    three = sum(
        p.numel() for ins in (3, 64, 64) for p in nn.Conv2d(ins, 64, 3, bias=False).parameters()
    )
    assert run_experiment("stem_weights").rows[0] == ("3→64", f"{one:,}", f"{three:,}")
