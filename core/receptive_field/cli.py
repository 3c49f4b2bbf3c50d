"""The command line of core.receptive_field, which prints the receptive fields of a network.

It imports the network's code by the name that the user passes. No other part of the project
imports code by a name from outside.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import sys
from collections.abc import Iterable, Sequence

from torch import nn

from ..command_line import CommandParser, exit_with_error, ignoring_broken_pipe
from ..errors import SpecError
from ..graph.rules.call import names_in
from .fields import ReceptiveField, receptive_fields
from .notes import at_most_if_bounded

HEADERS = names_in("node module operation output size stride padding center aligned note bound")
"""The column titles of the table and the CSV."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, JSON or CSV; an error prints a sentence on stderr and exits with 2."""
    options = _parser().parse_args(arguments)
    try:
        sizes = tuple(map(_parsed_size, options.input))
        fields = receptive_fields(
            load_network(options.network), sizes[0] if len(sizes) == 1 else sizes
        )
    except SpecError as error:
        exit_with_error(error)
    rows = [HEADERS, *map(_table_row, fields.values())]
    text = _csv(rows) if options.csv else _table(rows)
    if options.json:
        text = json.dumps([field.as_data() for field in fields.values()], ensure_ascii=False)
    with ignoring_broken_pipe():
        print(text)


def _parser() -> CommandParser:
    parser = CommandParser(f"python -m {__package__}", "Receptive fields of a torch network.")
    parser.add_argument("network", help="package.module:callable, e.g. torchvision.models:resnet50")
    parser.add_argument(
        "--input", action="append", required=True, help="C,H,W or C,L; once for each input"
    )
    output_format = parser.add_mutually_exclusive_group()
    output_format.add_argument(
        "--json", action="store_true", help="all numbers, with the exact intervals"
    )
    output_format.add_argument("--csv", action="store_true", help="the table as CSV")
    return parser


def _parsed_size(text: str) -> tuple[int, ...]:
    """The input size that a text such as "3,224,224" states."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SpecError("--input", "must be whole numbers such as 3,224,224", text) from None


def load_network(name: str) -> nn.Module:
    """The module with the name ``package.module:callable``.

    A callable that is no module is called without arguments and must return one.

    Raises:
        SpecError: the name cannot be imported, or it leads to no nn.Module.
    """
    path, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        target = importlib.import_module(path)
        for part in attribute.split("."):
            target = getattr(target, part)
        network = target if isinstance(target, nn.Module) else target()  # type: ignore[operator]
    except Exception as error:
        raise SpecError("network", f"cannot be loaded: {error}", name) from error
    if not isinstance(network, nn.Module):
        raise SpecError("network", "must be or make a torch.nn.Module", name)
    return network


def _table_row(field: ReceptiveField) -> list[str]:
    """The cells of one node, in the order of `HEADERS`."""
    size, *others = (
        f"{a:g}×{b:g}" if a != b else f"{a:g}"
        for a, b in (field.size, field.effective_stride, field.effective_padding, field.center)
    )
    return [
        field.name,
        field.module,
        field.operation,
        "×".join(map(str, field.output_shape)),
        at_most_if_bounded(size, field.bound),
        *others,
        "yes" if field.aligned else "no",
        field.note,
        field.bound,
    ]


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().rstrip("\n")


def _table(rows: Sequence[Sequence[str]]) -> str:
    """The rows as text with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
