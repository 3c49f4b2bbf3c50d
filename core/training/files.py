"""Export of training records as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .spec import OwnImages, TrainingSpec
from .text import to_text

if TYPE_CHECKING:
    from .records import Record

    Runs = Mapping[tuple[int, int], Sequence[Record]]


def records_csv(names: Sequence[str], runs: Runs) -> str:
    """One line per record with all its numbers in full precision; missing ones are empty.

    Each layer has the columns "gradient" and "update" (see `core.training.records.LayerFlow`), and
    each ReLU "dead channels" and "zeros" (see `DeadChannels`). Each shift of the test images has
    columns as well.

    Args:
        names: names of the networks.
        runs: the records of each run, by (index of the network, seed).
    """
    rows = [
        {"net": names[net], "seed": seed, **_csv_row(record)}
        for (net, seed), records in runs.items()
        for record in records
    ]
    columns = dict.fromkeys(["net", "seed", "step", *(name for row in rows for name in row)])
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _csv_row(record: Record) -> dict[str, Any]:
    """The columns of one record."""
    row = record.as_dict()
    flow, dead = row.pop("flow"), row.pop("dead")
    sigma, shifted = row.pop("erf_sigma", None), row.pop("shifted", None)
    for each in flow:
        row |= {f"{what} {each['layer']}": each[what] for what in ("gradient", "update")}
    for each in dead:
        row[f"dead channels {each['layer']}"] = each["channels"]
        row[f"zeros {each['layer']}"] = each["zeros"]
    if sigma:
        row |= {"erf_sigma rows": sigma[0], "erf_sigma columns": sigma[1]}
    if shifted:
        for what in ("accuracy", "agreement"):
            pairs = zip(shifted["shifts"], shifted[what], strict=True)
            row |= {f"{what} shifted {pixels} px": value for pixels, value in pairs}
    return row


def records_json(names: Sequence[str], specs: Sequence[TrainingSpec], runs: Runs) -> str:
    """The settings of every network and all numbers of every record; missing ones are null.

    Args:
        names, specs: names and specs of the networks.
        runs: the records of each run, by (index of the network, seed).
    """
    nets = [
        {"net": name, **_run_settings(spec)} for name, spec in zip(names, specs, strict=True)
    ]  # fmt: skip
    records_by_run = [
        {"net": names[net], "seed": seed, "records": [record.as_dict() for record in records]}
        for (net, seed), records in runs.items()
    ]
    document = _json_value({"nets": nets, "runs": records_by_run})
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)


def _run_settings(spec: TrainingSpec) -> dict[str, Any]:
    """All settings except the seed, which differs between runs, and the uploaded images."""
    task = spec.task
    task_settings = {"digest": task.digest} if isinstance(task, OwnImages) else asdict(task)
    rest = {
        name: value for name, value in vars(spec).items() if name not in ("net", "task", "seed")
    }
    return {
        "text": to_text(spec),
        **asdict(spec.net),
        "task": {"kind": task.kind, **task_settings},
        **rest,
    }


def _json_value(value: Any) -> Any:
    """The value with infinities and nan replaced by None, because JSON has neither."""
    if isinstance(value, dict):
        return {name: _json_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
