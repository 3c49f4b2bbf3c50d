"""Records as CSV and JSON: they read back as the very numbers."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.training import Net, OwnImages, TrainingSpec
from core.training.files import records_csv, records_json
from core.training.records import Record
from core.training.studies import compare
from core.training.text import from_text

NAMES = ("max pooling", "strided, with a comma")
TINY = TrainingSpec(
    Net("max", 1, 1, 4), batch=8, steps=4, warm_up=2, records=2, snapshots=1, erf_draws=2
)
SPECS = (TINY, replace(TINY, net=Net("strided", 2, 1, 4)))
Runs = dict[tuple[int, int], list[Record]]


@pytest.fixture(scope="module")
def runs() -> Runs:
    found: Runs = {}
    for step in compare(SPECS, (3, 5)):
        found.setdefault((step.net, step.seed), []).append(step.record)
    del found[1, 5][-1]  # one that is not finished
    return found


def expected(record: Record) -> dict[str, Any]:
    """Every number by the name of its column."""
    told: dict[str, Any] = {
        name: getattr(record, name)
        for name in (
            *("step", "steps", "seconds", "seconds_per_step"),
            *("learning_rate", "loss", "train_accuracy"),
        )
    }
    for flow in record.flow:
        told[f"gradient {flow.layer}"], told[f"update {flow.layer}"] = flow.gradient, flow.update
    for dead in record.dead:
        told[f"dead channels {dead.layer}"], told[f"zeros {dead.layer}"] = dead.channels, dead.zeros
    if shot := record.snapshot:
        told |= {"test_loss": shot.test_loss, "test_accuracy": shot.test_accuracy}
        if shot.erf:
            rows, columns = shot.erf.sigma
            told |= {"erf_sigma rows": rows, "erf_sigma columns": columns}
        if shot.shifted:
            for i, pixels in enumerate(shot.shifted.shifts):
                told[f"accuracy shifted {pixels} px"] = shot.shifted.accuracy[i]
                told[f"agreement shifted {pixels} px"] = shot.shifted.agreement[i]
    return {name: value for name, value in told.items() if value is not None}


def test_csv_reads_back_as_the_same_numbers(runs: Runs) -> None:
    rows = list(csv.DictReader(io.StringIO(records_csv(NAMES, runs))))
    wanted = [
        (NAMES[net], seed, record) for (net, seed), found in runs.items() for record in found
    ]  # fmt: skip
    assert len(rows) == len(wanted)
    for row, (name, seed, record) in zip(rows, wanted, strict=True):
        assert (row.pop("net"), row.pop("seed")) == (name, str(seed))
        assert {k: float(v) for k, v in row.items() if v} == expected(record)


def test_json_reads_back_as_the_same_numbers(runs: Runs) -> None:
    told = json.loads(records_json(NAMES, SPECS, runs))
    keys = [(NAMES[net], seed) for net, seed in runs]
    assert [(run["net"], run["seed"]) for run in told["runs"]] == keys
    for run, records in zip(told["runs"], runs.values(), strict=True):
        assert run["records"] == json.loads(json.dumps([each.as_dict() for each in records]))


def test_json_says_what_was_trained() -> None:
    told = json.loads(records_json(NAMES, SPECS, {}))
    for name, spec, net in zip(NAMES, SPECS, told["nets"], strict=True):
        assert net.pop("net") == name
        assert from_text(net.pop("text")) == spec
        body = {each: net.pop(each) for each in vars(spec.net)}
        assert Net(**body) == spec.net
        assert net.pop("task") == {"kind": "digits"} | vars(spec.task)
        assert TrainingSpec(spec.net, spec.task, **net) == spec


def test_a_visitors_images_are_not_in_the_file() -> None:
    own = OwnImages("ab" * 16, np.zeros((8, 1, 8, 8), np.float32), np.arange(8) // 4, (0, 1))
    told = json.loads(records_json(NAMES[:1], [replace(TINY, task=own)], {}))
    assert told["nets"][0]["task"] == {"kind": "own", "digest": own.digest}


def test_what_is_no_number_is_null_in_json(runs: Runs) -> None:
    flow = tuple(replace(each, gradient=math.inf, update=math.nan) for each in runs[0, 3][1].flow)
    odd = {(0, 3): [replace(runs[0, 3][1], flow=flow)]}
    (run,) = json.loads(records_json(NAMES, SPECS, odd))["runs"]
    assert {(f["gradient"], f["update"]) for f in run["records"][0]["flow"]} == {(None, None)}
    (row,) = csv.DictReader(io.StringIO(records_csv(NAMES, odd)))
    assert {v for k, v in row.items() if k.startswith("gradient")} == {"inf"}


def test_nothing_yet_is_a_heading() -> None:
    assert records_csv(NAMES, {}) == "net,seed,step\n"
