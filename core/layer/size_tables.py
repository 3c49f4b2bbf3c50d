"""Many layers at once: tables of output sizes, and padding conventions side by side.

Every cell holds the output size in closed form and torch's for the same layer.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import SpecError
from .board import BoardSpec, InputSpec
from .operations import FloatArray, check, operation_of, padded
from .padding import CONVENTIONS
from .sizes import formula, measured_size, unread_pixels
from .spec import LayerSpec
from .window import Axis, BoolArray, IntArray, Pads, Pair

STRIDES = tuple(range(1, 9))
PADDINGS = tuple(range(6))
KERNELS = tuple(range(1, 12))
"""Default values of the tables' rows and columns."""
USUAL_SIZES: tuple[Pair, ...] = tuple((n, n) for n in (224, 112, 32, 28, 7))
"""Input sizes of ImageNet, its first downsampling, CIFAR, MNIST, and ImageNet's last layer."""


@dataclass(frozen=True, eq=False)
class SizeTable:
    """A table of output sizes, one layer and input per cell.

    Attributes:
        row_name, column_name: what varies, e.g. ``"stride"``.
        rows, columns: its values.
        inputs: (rows, columns, 2) input (height, width) of each cell.
        output: (rows, columns, 2) output (height, width); 0 where the layer cannot be run.
        measured: (rows, columns, 2) torch's output size; 0 where torch refuses.
        remainder: (rows, columns, 2) rows and columns of the padded input past the last window.
        unread: (rows, columns) input pixels that no window reads.
        refusals: why a layer cannot be run, cell by cell; empty where it can.
    """

    row_name: str
    column_name: str
    rows: tuple[int | str, ...]
    columns: tuple[int | str, ...]
    inputs: IntArray
    output: IntArray
    measured: IntArray
    remainder: IntArray
    unread: IntArray
    refusals: tuple[tuple[str, ...], ...]

    @property
    def fits(self) -> BoolArray:
        """(rows, columns) whether the layer can be run."""
        return np.asarray(self.output[..., 0] > 0)

    @property
    def agrees(self) -> BoolArray:
        """(rows, columns) whether torch gave the same size, or refused the same layer."""
        return np.asarray((self.output == self.measured).all(axis=2))

    def records(self) -> list[dict[str, int | str]]:
        """One record a cell, for a file: settings, input, output, torch, remainder, unread."""
        return [
            self._record(row, column)
            for row in range(len(self.rows))
            for column in range(len(self.columns))
        ]

    def _record(self, row: int, column: int) -> dict[str, int | str]:
        record: dict[str, int | str] = {
            self.row_name: self.rows[row],
            self.column_name: self.columns[column],
        }
        for name, cells in (
            ("input", self.inputs),
            ("output", self.output),
            ("torch", self.measured),
            ("remainder", self.remainder),
        ):
            height, width = cells[row, column].tolist()
            record |= {f"{name}_height": height, f"{name}_width": width}
        record["unread_pixels"] = int(self.unread[row, column])
        record["note"] = self.refusals[row][column]
        return record

    def csv(self) -> str:
        """The records as comma-separated values, with a heading."""
        text = io.StringIO()
        records = self.records()
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return text.getvalue()


Cell = tuple[Pair, Pair, Pair, Pair, int, str]
"""input, output, torch's output, remainder, unread pixels, refusal"""
Layer = tuple[LayerSpec, Pair, str]
"""layer, input, the convention that says its padding (empty: the layer's own)"""


def _table(
    names: tuple[str, str],
    rows: Sequence[int | str],
    columns: Sequence[int | str],
    layers: Iterable[Layer],
) -> SizeTable:
    """The table of these layers, given row by row."""
    cells = [_cell(*layer) for layer in layers]

    def column(index: int) -> IntArray:
        array = np.array([cell[index] for cell in cells], dtype=np.int64)
        return array.reshape(len(rows), len(columns), *array.shape[1:])

    notes = iter([cell[-1] for cell in cells])
    return SizeTable(
        *names,
        tuple(rows),
        tuple(columns),
        inputs=column(0),
        output=column(1),
        measured=column(2),
        remainder=column(3),
        unread=column(4),
        refusals=tuple(tuple(next(notes) for _ in columns) for _ in rows),
    )


def _cell(spec: LayerSpec, size: Pair, convention: str) -> Cell:
    try:
        spec = padded(spec, size, convention) if convention else spec
    except SpecError as error:
        return size, (0, 0), (0, 0), (0, 0), 0, _refusal(error)
    measured = measured_size(spec, size) or (0, 0)
    try:
        output = check(spec, size, limit=None)
    except SpecError as error:
        # One-sided padding is put on before the layer: torch's layer never sees it.
        refused = measured if spec.symmetric else (0, 0)
        return size, (0, 0), refused, (0, 0), 0, _refusal(error)
    rows, cols = formula(spec, size)
    return size, output, measured, (rows.remainder, cols.remainder), unread_pixels(spec, size), ""


def _refusal(error: SpecError) -> str:
    return f"{error.parameter} {error.rule}"


def _with(spec: LayerSpec, **numbers: int) -> LayerSpec:
    """The layer with these settings the same on all sides."""
    change: dict[str, Any] = {name: (value, value) for name, value in numbers.items()}
    if "padding" in change:
        change["padding"] = (change["padding"], change["padding"])
    return replace(spec, **change)


def size_table(
    spec: LayerSpec,
    size: Pair,
    strides: Sequence[int] = STRIDES,
    paddings: Sequence[int] = PADDINGS,
) -> SizeTable:
    """The layer at every stride (rows) and padding (columns), each alike on both axes."""
    layers = ((_with(spec, stride=s, padding=p), size, "") for s in strides for p in paddings)
    return _table(("stride", "padding"), strides, paddings, layers)


def size_map(
    spec: LayerSpec,
    size: Pair,
    kernels: Sequence[int] = KERNELS,
    strides: Sequence[int] = STRIDES,
    convention: str = "",
) -> SizeTable:
    """The layer at every kernel size (rows) and stride (columns), each alike on both axes.

    Args:
        convention: a key of ``core.layer.padding.CONVENTIONS`` that says the padding cell by cell;
            empty: the layer's own padding everywhere.
    """
    layers = (
        (_with(spec, kernel_size=k, stride=s), size, convention) for k in kernels for s in strides
    )
    return _table(("kernel_size", "stride"), kernels, strides, layers)


@dataclass(frozen=True)
class CommonLayer:
    """A layer that many networks use, and the networks that use it."""

    label: str
    used_in: str
    spec: LayerSpec


def _common(kernel: int, stride: int, padding: int, used_in: str, pool: str = "") -> CommonLayer:
    operation = f"{pool}_pooling" if pool else "convolution"
    spec = _with(LayerSpec(operation), kernel_size=kernel, stride=stride, padding=padding)
    label = f"{kernel}×{kernel} s{stride} p{padding}{f' {pool} pooling' if pool else ''}"
    return CommonLayer(label, used_in, spec)


COMMON_LAYERS: tuple[CommonLayer, ...] = (
    _common(3, 1, 1, "most layers of VGG and ResNet"),
    _common(3, 1, 0, "U-Net, first lessons"),
    _common(3, 2, 1, "ResNet v1.5, MobileNet, EfficientNet"),
    _common(3, 2, 0, "Inception, All-CNN"),
    _common(4, 2, 1, "DCGAN's discriminator"),
    _common(5, 2, 2, "convolutional autoencoders"),
    _common(7, 2, 3, "ResNet's first layer"),
    _common(1, 2, 0, "ResNet's shortcut"),
    _common(3, 4, 0, "a stride longer than the kernel"),
    _common(4, 4, 0, "ConvNeXt's first layer"),
    _common(11, 4, 2, "AlexNet's first layer"),
    _common(2, 2, 0, "VGG, U-Net", "max"),
    _common(3, 2, 1, "ResNet, after its first layer", "max"),
)
"""The layers of the table of common layers. A new entry appears on the page and in the tests."""


def common_layers(sizes: Sequence[Pair] = USUAL_SIZES) -> SizeTable:
    """``COMMON_LAYERS`` (rows) on inputs of these sizes (columns)."""
    layers = ((layer.spec, size, "") for layer in COMMON_LAYERS for size in sizes)
    columns = [str(h) if h == w else f"{h}×{w}" for h, w in sizes]
    return _table(("layer", "input"), [layer.label for layer in COMMON_LAYERS], columns, layers)


@dataclass(frozen=True, eq=False)
class ConventionResult:
    """One layer on one input under one padding convention.

    Attributes:
        name: a key of ``CONVENTIONS``, or ``"own"``: the layer's own padding.
        label, description: for the screen.
        pads: ((top, bottom), (left, right)), cut off the output of a transposed convolution;
            None where the convention is refused.
        output_padding: rows and columns added to the end of a transposed convolution's output.
        refusal: why it is refused; empty where it is not.
        output, measured: (height, width) in closed form and by torch; None where refused.
        remainder: rows and columns of the padded input past the last window.
        unread: number of input pixels that no window reads.
        rows, cols: where the windows stand; None where refused.
        values: (height, width) torch's output; None where refused or not computed.
        differs: (height, width) where ``values`` is not what the layer's own padding gives at
            the same row and column; None where there are no values.
    """

    name: str
    label: str
    description: str
    pads: Pads | None = None
    output_padding: Pair = (0, 0)
    refusal: str = ""
    output: Pair | None = None
    measured: Pair | None = None
    remainder: Pair = (0, 0)
    unread: int = 0
    rows: Axis | None = None
    cols: Axis | None = None
    values: FloatArray | None = None
    differs: BoolArray | None = None


OWN = "own"


def conventions(spec: LayerSpec, size: Pair, *, run: bool = False) -> tuple[ConventionResult, ...]:
    """The same layer under its own padding, then under every row of ``CONVENTIONS``.

    Args:
        run: also run each with torch on one picture and kernel, those the board opens with.
            The board's limits on sizes then hold.

    Raises:
        SpecError: the layer's own padding does not fit.
    """
    own = _convention(OWN, "as set", "the padding set on the left", spec, size, run)
    rows = [_named(name, spec, size, run, own.values) for name in CONVENTIONS]
    differs = None if own.values is None else np.zeros(own.values.shape, dtype=bool)
    return replace(own, differs=differs), *rows


def _named(
    name: str, spec: LayerSpec, size: Pair, run: bool, reference: FloatArray | None
) -> ConventionResult:
    row = CONVENTIONS[name]
    described = row.described(operation_of(spec).has("output_padding"))
    try:
        result = _convention(name, row.label, described, padded(spec, size, name), size, run)
    except SpecError as error:
        return ConventionResult(name, row.label, described, refusal=_refusal(error))
    if reference is None or result.values is None:
        return result
    return replace(result, differs=_differs(result.values, reference))


def _differs(values: FloatArray, reference: FloatArray) -> BoolArray:
    """True where values differ from the reference, or lie outside it."""
    differs = np.ones(values.shape, dtype=bool)
    rows, cols = (min(a, b) for a, b in zip(values.shape, reference.shape, strict=True))
    same = np.isclose(values[:rows, :cols], reference[:rows, :cols], rtol=1e-4, atol=1e-4)
    differs[:rows, :cols] = ~same
    return differs


def _convention(
    name: str, label: str, description: str, spec: LayerSpec, size: Pair, run: bool
) -> ConventionResult:
    output = check(spec, size, limit=None)
    height, width = formula(spec, size)
    rows, cols = operation_of(spec).axes(spec, size)
    board = BoardSpec(spec, InputSpec(size=size, channels=spec.in_channels))
    return ConventionResult(
        name,
        label,
        description,
        pads=spec.padding,
        output_padding=spec.output_padding,
        output=output,
        measured=measured_size(spec, size),
        remainder=(height.remainder, width.remainder),
        unread=unread_pixels(spec, size),
        rows=rows,
        cols=cols,
        values=board.run().output[0] if run else None,
    )
