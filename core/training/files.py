"""Records as CSV and JSON: every number with its net, seed and step."""

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
    """One line for each record, all its numbers with all their digits; empty where there is none.

    Layers have columns of their own, "gradient" and "update" (see `core.training.records.Flow`),
    "dead channels" and "zeros" (see `Dead`); so have the shifts of the test images.

    Args:
        names: of the nets.
        runs: records by (net, seed).
    """
    rows = [
        {"net": names[net], "seed": seed, **_flat(record)}
        for (net, seed), records in runs.items()
        for record in records
    ]
    columns = dict.fromkeys(["net", "seed", "step", *(name for row in rows for name in row)])
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(record: Record) -> dict[str, Any]:
    told = record.as_dict()
    flow, dead = told.pop("flow"), told.pop("dead")
    sigma, shifted = told.pop("erf_sigma", None), told.pop("shifted", None)
    for each in flow:
        told |= {f"{what} {each['layer']}": each[what] for what in ("gradient", "update")}
    for each in dead:
        told[f"dead channels {each['layer']}"] = each["channels"]
        told[f"zeros {each['layer']}"] = each["zeros"]
    if sigma:
        told |= {"erf_sigma rows": sigma[0], "erf_sigma columns": sigma[1]}
    if shifted:
        for what in ("accuracy", "agreement"):
            pairs = zip(shifted["shifts"], shifted[what], strict=True)
            told |= {f"{what} shifted {pixels} px": value for pixels, value in pairs}
    return told


def records_json(names: Sequence[str], specs: Sequence[TrainingSpec], runs: Runs) -> str:
    """The settings of every net, then every number of every record; null where there is none.

    Args:
        names, specs: of the nets.
        runs: records by (net, seed).
    """
    nets = [
        {"net": name, **_settings(spec)} for name, spec in zip(names, specs, strict=True)
    ]  # fmt: skip
    told = [
        {"net": names[net], "seed": seed, "records": [record.as_dict() for record in records]}
        for (net, seed), records in runs.items()
    ]
    whole = _sayable({"nets": nets, "runs": told})
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def _settings(spec: TrainingSpec) -> dict[str, Any]:
    """All but the seed, which is each run's own, and a visitor's images."""
    task = spec.task
    told = {"digest": task.digest} if isinstance(task, OwnImages) else asdict(task)
    rest = {
        name: value for name, value in vars(spec).items() if name not in ("net", "task", "seed")
    }
    return {
        "text": to_text(spec),
        **asdict(spec.net),
        "task": {"kind": task.kind, **told},
        **rest,
    }


def _sayable(told: Any) -> Any:
    """JSON has no numbers without end."""
    if isinstance(told, dict):
        return {name: _sayable(each) for name, each in told.items()}
    if isinstance(told, list | tuple):
        return [_sayable(each) for each in told]
    return None if isinstance(told, float) and not math.isfinite(told) else told
