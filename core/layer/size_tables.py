"""Tables of the output sizes of many layers, and one layer under every padding convention.

Every cell holds the output size in closed form and the size that torch computes.
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
from .operations import FloatArray, check, operation_of, with_padding_convention
from .padding import CONVENTIONS
from .sizes import formula, measured_size, unread_pixels
from .spec import LayerSpec
from .window import Axis, BoolArray, IntArray, Pads, Pair

STRIDES = tuple(range(1, 9))
"""Default strides of a table, in pixels."""
PADDINGS = tuple(range(6))
"""Default paddings per side of a table, in pixels."""
KERNELS = tuple(range(1, 12))
"""Default kernel sizes of a table, in pixels."""
USUAL_SIZES: tuple[Pair, ...] = tuple((n, n) for n in (224, 112, 32, 28, 7))
"""Input sizes of ImageNet, its first downsampling, CIFAR, MNIST, and ImageNet's last layer."""


@dataclass(frozen=True, eq=False)
class SizeTable:
    """A table of output sizes, one layer and input per cell.

    Attributes:
        row_name, column_name: name of the setting that varies along each axis, e.g. ``"stride"``.
        rows, columns: values of that setting.
        inputs: (rows, columns, 2) input (height, width) of each cell.
        output: (rows, columns, 2) output (height, width); 0 where the layer cannot be run.
        measured: (rows, columns, 2) torch's output size; 0 where torch refuses.
        remainder: (rows, columns, 2) rows and columns of the padded input past the last window.
        unread: (rows, columns) number of input pixels that no window reads.
        refusals: for each cell the reason why the layer cannot run; empty where it can.
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
        """(rows, columns) whether the layer can run on its input."""
        return np.asarray(self.output[..., 0] > 0)

    @property
    def agrees(self) -> BoolArray:
        """(rows, columns) whether torch computes the same size, or refuses the layer as well."""
        return np.asarray((self.output == self.measured).all(axis=2))

    def records(self) -> list[dict[str, int | str]]:
        """One record per cell for export: settings, input, output, torch, remainder, unread."""
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
        """The records as comma-separated values with a header line."""
        text = io.StringIO()
        records = self.records()
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        return text.getvalue()


Cell = tuple[Pair, Pair, Pair, Pair, int, str]
"""One table cell: (input, output, torch's output, remainder, unread pixels, refusal)."""
Layer = tuple[LayerSpec, Pair, str]
"""(layer, input size, padding convention); an empty convention leaves the layer's own padding."""


def _size_table_of_layers(
    names: tuple[str, str],
    rows: Sequence[int | str],
    columns: Sequence[int | str],
    layers: Iterable[Layer],
) -> SizeTable:
    """The table whose cells, row by row, are these layers."""
    cells = [_table_cell(*layer) for layer in layers]

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


def _table_cell(spec: LayerSpec, size: Pair, convention: str) -> Cell:
    """The table cell of one layer; sizes are 0 where the layer is refused."""
    try:
        spec = with_padding_convention(spec, size, convention) if convention else spec
    except SpecError as error:
        return size, (0, 0), (0, 0), (0, 0), 0, _refusal_text(error)
    measured = measured_size(spec, size) or (0, 0)
    try:
        output = check(spec, size, limit=None)
    except SpecError as error:
        # One-sided padding is applied before the layer, so torch's layer never gets it.
        refused = measured if spec.symmetric else (0, 0)
        return size, (0, 0), refused, (0, 0), 0, _refusal_text(error)
    rows, cols = formula(spec, size)
    return size, output, measured, (rows.remainder, cols.remainder), unread_pixels(spec, size), ""


def _refusal_text(error: SpecError) -> str:
    """The reason for a refusal, without the value that was refused."""
    return f"{error.parameter} {error.rule}"


def _with_equal_sides(spec: LayerSpec, **numbers: int) -> LayerSpec:
    """The layer with these settings, each equal along both axes and on all sides."""
    change: dict[str, Any] = {name: (value, value) for name, value in numbers.items()}
    if "padding" in change:
        change["padding"] = (change["padding"], change["padding"])
    return replace(spec, **change)


def stride_padding_table(
    spec: LayerSpec,
    size: Pair,
    strides: Sequence[int] = STRIDES,
    paddings: Sequence[int] = PADDINGS,
) -> SizeTable:
    """The layer at every stride (rows) and padding (columns), each equal along both axes."""
    layers = (
        (_with_equal_sides(spec, stride=s, padding=p), size, "") for s in strides for p in paddings
    )
    return _size_table_of_layers(("stride", "padding"), strides, paddings, layers)


def kernel_stride_table(
    spec: LayerSpec,
    size: Pair,
    kernels: Sequence[int] = KERNELS,
    strides: Sequence[int] = STRIDES,
    convention: str = "",
) -> SizeTable:
    """The layer at every kernel size (rows) and stride (columns), each equal along both axes.

    Args:
        spec: the layer whose other settings every cell has.
        size: input (height, width) of every cell.
        kernels, strides: values of the rows and columns.
        convention: a key of ``core.layer.padding.CONVENTIONS`` that decides the padding of each
            cell; if empty, every cell has the layer's own padding.
    """
    layers = (
        (_with_equal_sides(spec, kernel_size=k, stride=s), size, convention)
        for k in kernels
        for s in strides
    )
    return _size_table_of_layers(("kernel_size", "stride"), kernels, strides, layers)


@dataclass(frozen=True)
class CommonLayer:
    """A layer that many networks use.

    Attributes:
        label: short description, e.g. ``"3×3 s2 p1"``.
        used_in: names of networks that use it.
        spec: the layer.
    """

    label: str
    used_in: str
    spec: LayerSpec


def _common_layer(
    kernel: int, stride: int, padding: int, used_in: str, pool: str = ""
) -> CommonLayer:
    """A row of ``COMMON_LAYERS``: a convolution, or if ``pool`` is set, that kind of pooling."""
    operation = f"{pool}_pooling" if pool else "convolution"
    spec = _with_equal_sides(
        LayerSpec(operation), kernel_size=kernel, stride=stride, padding=padding
    )
    label = f"{kernel}×{kernel} s{stride} p{padding}{f' {pool} pooling' if pool else ''}"
    return CommonLayer(label, used_in, spec)


COMMON_LAYERS: tuple[CommonLayer, ...] = (
    _common_layer(3, 1, 1, "most layers of VGG and ResNet"),
    _common_layer(3, 1, 0, "U-Net, first lessons"),
    _common_layer(3, 2, 1, "ResNet v1.5, MobileNet, EfficientNet"),
    _common_layer(3, 2, 0, "Inception, All-CNN"),
    _common_layer(4, 2, 1, "DCGAN's discriminator"),
    _common_layer(5, 2, 2, "convolutional autoencoders"),
    _common_layer(7, 2, 3, "ResNet's first layer"),
    _common_layer(1, 2, 0, "ResNet's shortcut"),
    _common_layer(3, 4, 0, "a stride longer than the kernel"),
    _common_layer(4, 4, 0, "ConvNeXt's first layer"),
    _common_layer(11, 4, 2, "AlexNet's first layer"),
    _common_layer(2, 2, 0, "VGG, U-Net", "max"),
    _common_layer(3, 2, 1, "ResNet, after its first layer", "max"),
)
"""The rows of the table of common layers. A new entry appears on the page and in the tests."""


def common_layer_table(sizes: Sequence[Pair] = USUAL_SIZES) -> SizeTable:
    """The table of ``COMMON_LAYERS`` (rows) on inputs of these sizes (columns)."""
    layers = ((layer.spec, size, "") for layer in COMMON_LAYERS for size in sizes)
    columns = [str(h) if h == w else f"{h}×{w}" for h, w in sizes]
    return _size_table_of_layers(
        ("layer", "input"), [layer.label for layer in COMMON_LAYERS], columns, layers
    )


@dataclass(frozen=True, eq=False)
class ConventionResult:
    """One layer on one input under one padding convention.

    Attributes:
        name: a key of ``CONVENTIONS``, or ``"own"`` for the layer's own padding.
        label, description: the convention's texts on screen.
        pads: padding ((top, bottom), (left, right)), which a transposed convolution cuts off its
            output; None where the convention is refused.
        output_padding: rows and columns added to the end of a transposed convolution's output.
        refusal: reason why the convention cannot be used here; empty where it can.
        output, measured: (height, width) in closed form and by torch; None where refused.
        remainder: rows and columns of the padded input past the last window.
        unread: number of input pixels that no window reads.
        rows, cols: positions of the windows along height and width; None where refused.
        values: (height, width) output computed by torch; None where refused or not computed.
        differs: (height, width) whether ``values`` differs from the output with the layer's own
            padding at the same row and column; None where there are no values.
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
"""``ConventionResult.name`` of the layer's own padding."""


def convention_results(
    spec: LayerSpec, size: Pair, *, run: bool = False
) -> tuple[ConventionResult, ...]:
    """The results of a layer with its own padding, then under each of ``CONVENTIONS``.

    Args:
        spec: the layer.
        size: input (height, width).
        run: whether to compute ``values`` as well, with torch, on the default picture and kernel
            of `BoardSpec`; the output then has at most 160 pixels a side
            (`core.layer.operations.MAX_OUTPUT_SIDE`).

    Raises:
        SpecError: the layer's own padding does not fit.
    """
    own = _result_of_padded_layer(OWN, "as set", "the padding set on the left", spec, size, run)
    rows = [_convention_result(name, spec, size, run, own.values) for name in CONVENTIONS]
    differs = None if own.values is None else np.zeros(own.values.shape, dtype=bool)
    return replace(own, differs=differs), *rows


def _convention_result(
    name: str, spec: LayerSpec, size: Pair, run: bool, reference: FloatArray | None
) -> ConventionResult:
    """The result under one of ``CONVENTIONS``, compared with the values ``reference``."""
    convention = CONVENTIONS[name]
    description = convention.description_for(operation_of(spec).has("output_padding"))
    try:
        layer = with_padding_convention(spec, size, name)
        result = _result_of_padded_layer(name, convention.label, description, layer, size, run)
    except SpecError as error:
        return ConventionResult(name, convention.label, description, refusal=_refusal_text(error))
    if reference is None or result.values is None:
        return result
    return replace(result, differs=_differing_values(result.values, reference))


def _differing_values(values: FloatArray, reference: FloatArray) -> BoolArray:
    """Whether each value differs from the reference, or has no counterpart in it."""
    differs = np.ones(values.shape, dtype=bool)
    rows, cols = (min(a, b) for a, b in zip(values.shape, reference.shape, strict=True))
    same = np.isclose(values[:rows, :cols], reference[:rows, :cols], rtol=1e-4, atol=1e-4)
    differs[:rows, :cols] = ~same
    return differs


def _result_of_padded_layer(
    name: str, label: str, description: str, spec: LayerSpec, size: Pair, run: bool
) -> ConventionResult:
    """The result for a layer that already has the convention's padding."""
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
