"""The command line ``python -m core.erf``: the effective receptive field of any importable network.

With ``--out`` it writes an .npz file that contains the arrays ``map`` and ``origin``, and all
metrics and settings as JSON text in ``data``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from ..command_line import CommandParser, exit_with_error, ignoring_broken_pipe
from ..device import MEMORY_BUDGET
from ..errors import SpecError
from ..receptive_field.cli import load_network
from ..seeded import seeded
from .engine import Progress, effective_receptive_field
from .recipe import Aggregate, Weights
from .result import METRICS, EffectiveReceptiveField


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the metrics and write the map; an error is one sentence on stderr and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        result = _measured_erf(options)
        if options.out is not None:
            _write_npz(result, options.out)
    except SpecError as error:
        exit_with_error(error)
    with ignoring_broken_pipe():
        print(
            json.dumps(result.as_data(), ensure_ascii=False)
            if options.json
            else _metrics_table(result)
        )


def _parser() -> CommandParser:
    parser = CommandParser(
        f"python -m {__package__}", "Effective receptive field of a torch network."
    )
    parser.add_argument("network", help="package.module:callable, e.g. torchvision.models:resnet50")
    parser.add_argument("--input", required=True, help="C,H,W or C,L")
    parser.add_argument("--layer", help="a module's qualified name or a node of the graph")
    parser.add_argument("--unit", help="row,column; the center otherwise")
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--image", help="an .npy of one image or a batch; noise otherwise")
    parser.add_argument("--weights", choices=get_args(Weights), default="as_is")
    parser.add_argument("--aggregate", choices=get_args(Aggregate), default="energy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cpu, cuda or mps; the fastest there is otherwise")
    parser.add_argument("--bf16", action="store_true", help="compute in bfloat16")
    parser.add_argument(
        "--budget", type=_bytes, default=MEMORY_BUDGET, help="bytes that the run may take: 8e9"
    )
    parser.add_argument("--out", type=Path, help="an .npz for the map, its origin and the metrics")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    return parser


def _measured_erf(options: argparse.Namespace) -> EffectiveReceptiveField:
    """Load the network and measure it with the command's options."""
    with seeded(options.seed):
        network = load_network(options.network)
    return effective_receptive_field(
        network,
        _parsed_numbers("--input", options.input),
        options.layer,
        unit=None if options.unit is None else _parsed_numbers("--unit", options.unit),
        draws=options.draws,
        inputs="noise" if options.image is None else _loaded_image(options.image),
        weights=options.weights,
        aggregate=options.aggregate,
        seed=options.seed,
        device=options.device,
        progress=_print_progress,
        bf16=options.bf16,
        budget=options.budget,
    )


def _bytes(text: str) -> int:
    """Convert a number of bytes such as ``8e9``; argparse reports the ValueError of other texts."""
    return int(float(text))


def _parsed_numbers(name: str, text: str) -> tuple[int, ...]:
    """Convert comma-separated whole numbers; SpecError names the option ``name`` otherwise."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SpecError(name, "must be whole numbers such as 3,224,224", text) from None


def _loaded_image(path: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    try:
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
    except (OSError, ValueError) as error:
        raise SpecError("--image", f"cannot be read: {error}", path) from None


def _print_progress(progress: Progress) -> None:
    """Print the progress on one line that the next report overwrites; only on a terminal."""
    if sys.stderr.isatty():
        end = "\n" if progress.done == progress.total else ""
        print(f"\r{progress.done} of {progress.total} draws", end=end, file=sys.stderr, flush=True)


def _write_npz(result: EffectiveReceptiveField, path: Path) -> None:
    data = json.dumps(result.as_data(), ensure_ascii=False)
    try:
        with path.open("wb") as file:
            np.savez_compressed(file, map=result.map, origin=np.array(result.origin), data=data)
    except OSError as error:
        raise SpecError("--out", f"cannot be written: {error.strerror}", str(path)) from None


def _metrics_table(result: EffectiveReceptiveField) -> str:
    """The settings and metrics as lines of text, one each."""
    rows = [
        ("layer", result.layer),
        ("unit", _numbers_text(result.unit)),
        ("theoretical size", _numbers_text(result.theory.size)),
        ("origin", _numbers_text(result.origin)),
        *(
            (
                f"{m.title}{f' ({m.unit})' if m.unit else ''}",
                _metric_text(m.value_of(result), m.unit),
            )
            for m in METRICS
        ),
        ("recipe", str(result.recipe)),
        ("note", result.theory.note),
    ]
    width = max(len(title) for title, _ in rows)
    return "\n".join(f"{title:{width}}  {value}".rstrip() for title, value in rows)


def _metric_text(value: object, unit: str) -> str:
    """A metric's value as text; shares become percent."""
    if isinstance(value, dict):
        return ", ".join(f"{side} holds {share:.0%}" for share, side in value.items())
    parts = value if isinstance(value, tuple) else (value,)
    return _numbers_text(tuple(part * 100 if unit == "%" else part for part in parts))


def _numbers_text(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:.4g}" for number in numbers)
