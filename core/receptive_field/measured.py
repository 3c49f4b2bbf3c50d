"""Measures receptive fields by backpropagation: the pixels with a nonzero gradient to a unit.

The measurement uses a deep copy of the network with positive weights and positive inputs, so that
no two paths cancel. After every operation the gradient is replaced by its support (0 or 1), so
that it neither overflows nor vanishes, however deep the network is. Operations that select one of
many inputs become means (max pooling), and activations that saturate become the identity. Where an
operation divides by a sum (layer norm, softmax), whose gradient sums to zero, the mean is added
instead. ReLU and residual sums are unchanged.

The module shares no formula with `core.receptive_field.fields`. It checks that module's results,
and replaces it for networks whose forward depends on values.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import nn

from ..errors import SpecError
from ..graph.axes.layout import Dims, Grid, Layout, plain_layout, units_in_channels
from ..graph.axes.units import checked_unit, unit_values
from ..graph.graph import InputSize, input_sizes
from ..graph.plain_copy import restored_forwards
from ..graph.recorder import Recorder
from ..graph.rules.call import Draft
from ..graph.run_to import OutputReached
from ..graph.tracing.meta_copy import floating_dtype, input_names, meta_copy
from ..graph.tracing.trace import run_with_listener
from ..tensors import tensors_in
from ..torch_private import FlopCounter
from .positive import PositiveMode, positive_copy

Span = tuple[int, int]
MAX_FLOPS = 10**12
"""Default limit on the floating-point operations of one forward pass."""


@dataclass(frozen=True)
class MeasuredField:
    """The measured receptive field of one unit. Pairs are (height, width).

    Attributes:
        unit: (row, column) of the unit.
        box: ((first row, last row), (first column, last column)), inclusive, of the pixels with a
            nonzero gradient; None if there are none.
        size, effective_stride, effective_padding: measured at the unit in the middle of the map
            and its neighbors. None along an axis if the border of the image clips their fields,
            if there is only one unit, or if the distances to both neighbors differ or are 0.
    """

    unit: tuple[int, int]
    box: tuple[Span, Span] | None
    size: tuple[int | None, int | None]
    effective_stride: tuple[int | None, int | None]
    effective_padding: tuple[int | None, int | None]


def measure_receptive_field(
    module: nn.Module,
    input_size: InputSize,
    layer: str,
    unit: int | Sequence[int] | None = None,
    max_flops: int = MAX_FLOPS,
) -> MeasuredField:
    """The receptive field of one unit, measured by backpropagation.

    Args:
        module: any nn.Module; a copy of it runs in eval mode and float64.
        input_size: the input size as in `core.receptive_field.receptive_fields`; the field is
            measured in the pixels of the first input.
        layer: the qualified name of a module (its first call), or the name of a graph node.
        unit: (row, column), or the index in 1-D; by default the unit in the middle.
        max_flops: the most floating-point operations of one forward pass.

    Raises:
        SpecError: there is no such layer or unit, the forward pass needs more operations, or
            forward fails.
    """
    probe = LayerProbe(module, input_size, layer, max_flops)
    middle = (probe.grid[0] // 2, probe.grid[1] // 2)
    chosen = middle if unit is None else probe.checked_unit(unit)
    (r0, s0, p0), (r1, s1, p1) = (_size_stride_padding(probe, middle, axis) for axis in (0, 1))
    return MeasuredField(chosen, probe.box(chosen), (r0, r1), (s0, s1), (p0, p1))


Triple = tuple[int | None, int | None, int | None]
"""Size, effective stride and effective padding along one axis."""


def _size_stride_padding(probe: LayerProbe, middle: tuple[int, int], axis: int) -> Triple:
    """The size, effective stride and effective padding along one axis.

    They are measured at the unit ``middle`` and its neighbors; see `MeasuredField`.
    """
    middle_span = probe.unclipped_span(middle, axis)
    if middle_span is None:
        return None, None, None
    size = middle_span[1] - middle_span[0] + 1
    steps = set()
    for side in (1, -1):
        other = probe.diagonal_neighbor(middle, side)
        span = probe.unclipped_span(other, axis) if other[axis] != middle[axis] else None
        if span:
            steps.add((span[0] - middle_span[0]) * side)
    if len(steps) != 1 or 0 in steps:
        return size, None, None
    (stride,) = steps
    return size, stride, middle[axis] * stride - middle_span[0]


class LayerProbe:
    """Measures the receptive fields of single units of one layer.

    The network runs once up to the layer; each unit then costs one backward pass.

    Attributes:
        image: the input whose gradient is taken.
        output: the output of the layer.
        layout: where the image's axes lie in the output's dimensions.
        grid: the number of units along (height, width); 1 if the layer lacks the axis.
        boxes: the measured boxes by (row, column).
    """

    def __init__(
        self, module: nn.Module, input_size: InputSize, layer: str, max_flops: int | None = None
    ) -> None:
        sizes = input_sizes(input_size)
        if max_flops is not None:
            _check_flops(module, sizes, layer, max_flops)
        copied = positive_copy(module)
        generator = torch.Generator().manual_seed(0)
        inputs = [
            torch.rand((1, *size), generator=generator, dtype=torch.float64) / 2 + 0.5
            for size in sizes
        ]
        self.image = inputs[0].requires_grad_()
        self.output, draft = _layer_output_and_node(copied, inputs, layer, PositiveMode())
        self.layout, self.grid = _layout_and_grid(self.output, draft, len(sizes[0]))
        self.boxes: dict[tuple[int, int], tuple[Span, Span] | None] = {}

    def checked_unit(self, unit: int | Sequence[int]) -> tuple[int, int]:
        """A unit as (row, column); raises SpecError if the layer has no such unit."""
        return checked_unit(self.grid, unit, "the layer")

    def diagonal_neighbor(self, unit: tuple[int, int], side: int) -> tuple[int, int]:
        """The unit one step further (side = 1) or less far (-1) along both axes, within the map.

        It serves as the neighbor along either axis.
        """
        rows, cols = (
            u + side if 0 <= u + side < n else u for u, n in zip(unit, self.grid, strict=True)
        )
        return rows, cols

    def box(self, unit: tuple[int, int]) -> tuple[Span, Span] | None:
        """The first and last row and column of the pixels with a nonzero gradient to a unit.

        None if there are no such pixels.
        """
        if unit not in self.boxes:
            self.boxes[unit] = self._measured_box(unit)
        return self.boxes[unit]

    def _measured_box(self, unit: tuple[int, int]) -> tuple[Span, Span] | None:
        value = unit_values(self.output, self.layout, unit)
        if not value.requires_grad:
            return None
        (gradient,) = torch.autograd.grad(
            _sum_of_values(value), self.image, retain_graph=True, allow_unused=True
        )
        if gradient is None or not gradient.any():
            return None
        touched = (gradient != 0).flatten(0, 1).any(0)
        rows = touched.any(1) if touched.ndim == 2 else torch.ones(1, dtype=torch.bool)
        return _first_and_last(rows), _first_and_last(
            touched.any(0) if touched.ndim == 2 else touched
        )

    def unclipped_span(self, unit: tuple[int, int], axis: int) -> Span | None:
        """The box of a unit along one axis; None if it touches the border of the image."""
        box = self.box(unit)
        length = self.image.shape[axis - 2] if self.image.ndim == 4 else self.image.shape[-1]
        if box is None or box[axis][0] == 0 or box[axis][1] == length - 1:
            return None
        return box[axis]


def _sum_of_values(value: torch.Tensor) -> torch.Tensor:
    """The sum of all values; of complex values, the sum of their real and imaginary parts."""
    return (torch.view_as_real(value) if value.is_complex() else value).sum()


def _first_and_last(marks: torch.Tensor) -> Span:
    """The first and the last index at which a boolean vector is True."""
    indices = marks.nonzero().flatten()
    return int(indices[0]), int(indices[-1])


def _layout_and_grid(output: torch.Tensor, draft: Draft | None, rank: int) -> tuple[Layout, Grid]:
    """The layout and the grid of a layer's output.

    They come from the graph. After an operation without a rule the graph has no layout; then a
    rank of 4 means an image, and a rank of 3 a sequence if the network's input is one.

    Args:
        output: the output of the layer.
        draft: the node of the layer, if it is known.
        rank: the number of dimensions of the input without the batch.
    """
    if draft is not None and any(draft.layout):
        channel_units = units_in_channels(draft.layout)
        return draft.layout, (draft.grid[0] // channel_units[0], draft.grid[1] // channel_units[1])
    dims: Dims = (None, None)
    if output.ndim == 4:
        dims = 2, 3
    elif output.ndim == 3 and rank == 2:
        dims = None, 2
    rows, cols = (1 if dim is None else output.shape[dim] for dim in dims)
    return plain_layout(output.ndim, dims, (rows, cols)), (rows, cols)


def _layer_output_and_node(
    copied: nn.Module,
    inputs: Sequence[torch.Tensor],
    layer: str,
    *contexts: AbstractContextManager[Any],
) -> tuple[torch.Tensor, Draft | None]:
    """The output of a layer and its node; a module with the name takes precedence over a node.

    Args:
        copied: a copy of the network.
        inputs: its inputs.
        layer: the name of the layer.
        contexts: contexts in which the network runs.

    Raises:
        SpecError: no such layer runs, forward fails, or the output has another shape than the
            node.
    """
    names = input_names(copied, [tuple(tensor.shape[1:]) for tensor in inputs])
    for of_module in [True] * (layer in dict(copied.named_modules())) + [False]:
        finder = _LayerFinder(layer, of_module)
        for name, tensor in zip(names, inputs, strict=True):
            finder.add_input(name, tensor)
        with restored_forwards(copied), suppress(OutputReached):
            finder.output_drafts(run_with_listener(copied, inputs, finder, *contexts))
        if finder.layer_output is not None:
            return finder.layer_output, finder.draft
    raise SpecError("layer", "must be the name of a node or a module that runs", layer)


class _LayerFinder(Recorder):
    """A recorder that stops the run as soon as a layer's output is available.

    Attributes:
        layer: the name of the layer.
        of_module: whether this is the qualified name of a module, and not of a node.
        layer_output: the output of the layer; None before it is available.
        draft: the node of the output.
    """

    def __init__(self, layer: str, of_module: bool) -> None:
        super().__init__()
        self.layer, self.of_module = layer, of_module
        self.layer_output: torch.Tensor | None = None
        self.draft: Draft | None = None

    def add_input(self, name: str, tensor: torch.Tensor) -> None:
        """Adds the node of an argument of forward, which may be the layer itself."""
        with suppress(OutputReached):
            super().add_input(name, tensor)

    def called(self, *args: Any) -> Any:
        """Records a torch call and stops if its result is the layer's output."""
        out = super().called(*args)
        last = self.drafts[-1]
        if last.split and self._is_target(last):  # the node of a split stands for the whole tensor
            self._stop_with(args[2][0], last)
        self._stop_if_target(
            (out, args[2], args[3])
        )  # an assignment gets its node only when the tensor is read
        return out

    def _add_draft(self, draft: Draft, tensor: torch.Tensor) -> None:
        super()._add_draft(draft, tensor)
        if self._is_target(draft) and tuple(tensor.shape) == draft.shape:
            self._stop_with(tensor, draft)

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """Records the end of a module and stops if it is the layer."""
        out = super().left(path, module, out)
        self._stop_if_target(out)
        if self.of_module and path == self.layer:
            for tensor in tensors_in((out,))[:1]:
                self._stop_with(tensor, self.draft_of.get(id(tensor)))
        return out

    def _is_target(self, draft: Draft) -> bool:
        """Whether a node is the layer."""
        return draft.name == self.layer and not self.of_module

    def _stop_if_target(self, out: Any) -> None:
        """Stops the run if one of the tensors in ``out`` is the layer's output."""
        for tensor in tensors_in((out,)):
            draft = self.draft_of.get(id(tensor))
            if draft and self._is_target(draft):
                self._stop_with(tensor, draft)

    def _stop_with(self, tensor: torch.Tensor, draft: Draft | None) -> None:
        """Stores the layer's output and stops the run; SpecError if its shape is unexpected."""
        if draft is not None and tuple(tensor.shape) != draft.shape:
            raise SpecError("layer", f"has another shape than {draft.shape}", tuple(tensor.shape))
        self.layer_output, self.draft = tensor, draft
        raise OutputReached


def _check_flops(
    module: nn.Module, sizes: Sequence[tuple[int, ...]], layer: str, max_flops: int
) -> None:
    """Raises SpecError if the forward pass up to a layer needs more than ``max_flops``."""
    bare = meta_copy(module)
    inputs = [torch.empty(1, *s, device="meta", dtype=floating_dtype(bare)) for s in sizes]
    counter = FlopCounter()
    try:
        _layer_output_and_node(bare, inputs, layer, torch.no_grad(), torch.device("meta"), counter)
        flops = counter.get_total_flops()
    except SpecError as error:
        if error.parameter == "layer":
            raise
        flops = _max_flops_estimate(module, sizes[0])
    if flops > max_flops:
        share = max_flops / flops
        side_lengths = sizes[0][1:]
        fitting = [int(side * share ** (1 / len(side_lengths))) for side in side_lengths]
        fits = "×".join(map(str, fitting)) if min(fitting) else ""
        rule = f"must be at least {1.05 * flops:.1e} for {layer}"
        rule += f"; about {fits} pixels would fit" if fits else ""
        raise SpecError("max_flops", rule, max_flops)


def _max_flops_estimate(module: nn.Module, size: tuple[int, ...]) -> int:
    """An estimate of the FLOPs of a network that cannot run without data.

    It assumes that every weight is used once at every pixel of the input.
    """
    return 2 * prod(size[1:]) * sum(p.numel() for p in module.parameters())
