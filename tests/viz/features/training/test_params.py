"""What the training lab asks of core, and what a link may say."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.training import (
    DOWNSAMPLINGS,
    OPTIMIZERS,
    Digits,
    LongRange,
    OwnImages,
    TrainingSpec,
    studies,
)
from core.training.spec import LONG_RANGE
from core.training.text import to_text
from viz.choices import lab
from viz.choices.lab import TASKS, VARIES
from viz.features.training import params
from viz.features.training.params import (
    BY_NAME,
    DEFAULT_VARIANTS,
    TABS,
    LabSettings,
    chosen_variants,
    class_names,
    comparison,
    task_preset,
    variant_label,
    variants_text,
    vary_changes,
)

DEFAULTS = LabSettings()
OWN = OwnImages(
    "0123456789abcdef" * 2, np.zeros((8, 1, 8, 8), np.float32), np.arange(8) // 4, (3, 7)
)
LOOKS = {"tab": TABS["files"], "net": 2, "at": 3, "sample": 5, "kernel": 1, "unit": "1.2"}
OTHER: dict[str, Any] = {
    **{"vary": "depth", "variants": "max,dilated", "levels": 2, "depth": 2, "width": 8},
    **{"batch_norm": False, "optimizer": "sgd", "learning_rate": 0.5, "weight_decay": 0.0},
    **{"batch": 32, "steps": 100, "warm_up": 5, "seed": 7, "seeds": 2, "head": "center"},
    **{"smallest": 10, "largest": 20, "distractors": 1, "task": "long_range"},
}
OTHERWISE: dict[str, tuple[dict[str, Any], Any]] = {
    "distance": ({"task": "long_range"}, 5),
    "noise": ({"task": "long_range"}, 0.5),
    "rule": ({"task": "long_range"}, "agree"),
    "downsampling": ({"vary": "depth"}, "strided"),
    "digest": ({"task": "own"}, OWN.digest),
}
"""Settings that count only with others."""


def asked(**changes: Any) -> params.Comparison:
    return comparison(DEFAULTS.updated(changes), OWN)


def test_at_first_it_is_cores_own_comparison() -> None:
    first = asked()
    assert first.specs == studies.default_comparison()
    assert first.seeds == (0, 1, 2)
    assert first.names == ("max pooling", "strided convolution", "blurred stride")


def test_the_far_mark_begins_with_cores_own_settings() -> None:
    first = asked(task="long_range", **task_preset("long_range"))
    plain, kept = LONG_RANGE, TrainingSpec()
    assert first.specs[0] == replace(plain, records=kept.records, snapshots=kept.snapshots)


@pytest.mark.parametrize("task", TASKS)
def test_a_preset_undoes_every_other(task: str) -> None:
    values = DEFAULTS.updated({"task": "digits"})
    for other in TASKS:
        changed = values.updated(task_preset(other)).updated(task_preset(task))
        assert changed == values.updated(task_preset(task))
    assert task_preset("digits").items() <= DEFAULTS.flat.items()


def test_no_more_nets_and_seeds_than_core_compares() -> None:
    with pytest.raises(ValueError, match="at most 4"):
        BY_NAME["variants"].parse("1,2,3,4,5")


@pytest.mark.parametrize("name", OTHER)
def test_every_setting_asks_for_something_else(name: str) -> None:
    assert asked(**{name: OTHER[name]}) != asked()


@pytest.mark.parametrize("name", OTHERWISE)
def test_some_settings_count_with_others_alone(name: str) -> None:
    others, value = OTHERWISE[name]
    if name == "digest":
        with pytest.raises(SpecError, match="must be uploaded, as"):
            asked(**others)
        assert asked(**others, digest=value).task is OWN
    else:
        assert asked(**others, **{name: value}) != asked(**others)
        assert asked(**{name: value}) == asked()


def test_skips_ask_for_a_depth_of_two() -> None:
    assert asked(depth=2, skips=True) != asked(depth=2)


@pytest.mark.parametrize("name", LOOKS)
def test_what_is_looked_at_asks_for_nothing(name: str) -> None:
    assert asked(**{name: LOOKS[name]}) == asked()


def test_all_settings_were_tried() -> None:
    assert OTHER.keys() | OTHERWISE.keys() | LOOKS.keys() | {"skips"} == BY_NAME.keys()


@pytest.mark.parametrize("vary", VARIES)
def test_nets_differ_in_one_thing_and_their_names_say_which(vary: str) -> None:
    found = asked(**vary_changes(DEFAULTS, vary))
    assert len(found.specs) == len(DEFAULT_VARIANTS[vary]) == len(set(found.names))
    for one, other in pairwise(found.specs):
        assert one != other
        assert with_value_of(other, one, vary) == other


def with_value_of(other: TrainingSpec, spec: TrainingSpec, name: str) -> TrainingSpec:
    if hasattr(spec, name):
        return replace(spec, **{name: getattr(other, name)})
    return replace(spec, net=replace(spec.net, **{name: getattr(other.net, name)}))


@pytest.mark.parametrize("vary", VARIES)
def test_variants_as_text(vary: str) -> None:
    usual = DEFAULT_VARIANTS[vary]
    assert variants_text(vary, usual) == ""
    turned = usual[::-1]
    text = BY_NAME["variants"].parse(variants_text(vary, turned))
    assert chosen_variants(DEFAULTS.updated({"vary": vary, "variants": text})) == turned
    assert set(asked(**vary_changes(DEFAULTS, vary) | {"variants": text}).names) == {
        variant_label(vary, each) for each in usual
    }


@pytest.mark.parametrize(
    ("changes", "parameter", "rule"),
    [
        ({"variants": "max,2"}, "downsampling", "must be one of max, .*, in every variant"),
        ({"vary": "depth", "variants": "1,7"}, "depth", "from 1 to 6, in every variant"),
        ({"vary": "learning_rate", "variants": "0.1,nan"}, "learning_rate", "in every variant"),
        ({"variants": "max,strided,max"}, "variants", "all be different"),
        ({"vary": "learning_rate", "variants": "0.1,0.10"}, "variants", "all be different"),
        ({"vary": "skips"}, "depth", "at least 2 with skips"),
        ({"smallest": 30}, "largest", "at least 30"),
        ({"steps": 30, "warm_up": 31}, "warm_up", "at most 30"),
        ({"task": "own"}, "images", "must be uploaded, as an .npz"),
        ({"task": "own", "digest": "f" * 32}, "images", "must be uploaded once more"),
    ],
)
def test_what_does_not_fit_is_said(changes: dict[str, Any], parameter: str, rule: str) -> None:
    with pytest.raises(SpecError, match=rule) as told:
        asked(**changes)
    assert told.value.parameter == parameter


TEXTS = st.sampled_from(
    [
        *("", "0", "1", "-1", "2", "30", "5000", "1e9", "nan", "inf", "-0.0", "0.01", "1_0", "٣"),
        *("true", "false", "True", "max", "max,strided", "max,,max", "true,false", "1,2", "adamw"),
        *("0.1,0.2,0.3,0.4", "1,2,3,4,5", "own", "digits", "long_range", "far", "agree", "centre"),
        *(
            "3.4",
            "99.99",
            "100.1",
            "1.2\n",
            OWN.digest,
            "f" * 32,
            "x" * 5000,
            "`$<b>",
            "\0",
            "center",
        ),
        *("suited", "average", "downsampling", "optimizer", "learning_rate", "batch_norm", "skips"),
    ]
)


@given(st.dictionaries(st.sampled_from([*BY_NAME, "other"]), TEXTS | st.text(max_size=9)))
def test_any_link_gives_a_comparison_or_a_sentence(link: dict[str, str]) -> None:
    values, _ = LabSettings.decoded(link)
    assert LabSettings.decoded(values.query()) == (values, [])
    try:
        found = comparison(values, OWN)
    except SpecError as error:
        told = str(error)
    else:
        told = ""
        assert 1 <= len(found.specs) == len(found.names) == len(set(found.names)) <= 4
        assert 1 <= len(found.seeds) <= 5
        units = [
            found.run_spec(net, seed) for net in range(len(found.specs)) for seed in found.seeds
        ]
        assert len({to_text(unit) for unit in units}) == len(units)
        assert hash(found) == hash(comparison(values, OWN))
    assert len(told) < 400


@pytest.mark.parametrize("task", [Digits(), LongRange(), LongRange(rule="agree"), OWN])
def test_every_class_has_a_name(task: Any) -> None:
    assert len(set(class_names(task))) == task.classes
    if task is OWN:
        assert class_names(task) == ("3", "7")


def test_all_that_varies_can_be_set_and_all_labels_are_words() -> None:
    assert VARIES.keys() == DEFAULT_VARIANTS.keys() <= BY_NAME.keys()
    assert set(params.DOWNSAMPLING_WORDS) == set(DOWNSAMPLINGS)
    assert set(lab.OPTIMIZER_WORDS) == set(OPTIMIZERS)
    assert variant_label("levels", 1) == "1 level"
    assert variant_label("learning_rate", 0.01) == "learning rate 0.01"
    assert variant_label("skips", False) == "without skips"
