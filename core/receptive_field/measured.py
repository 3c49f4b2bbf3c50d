"""Receptive fields measured by backpropagation: the pixels with a gradient to a unit.

Works on a deep copy whose weights are all positive, with positive inputs, so that no two
paths cancel. The gradient is replaced by its support (0 or 1) after every operation, so
that nothing overflows or vanishes however deep the network is. What picks one input of
many is replaced by a mean over all (max pooling), what may shut off is left open
(activations that saturate), and what divides by a sum, whose gradient sums to zero, adds
the mean instead (layer norm, softmax); ReLU and residual sums stay as they are.

It shares no formula with `core.receptive_field`: it is that one's oracle, and its
fallback for networks that decide by values.
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
from ..graph.tracing.meta_copy import floating_dtype, input_names, meta_copy
from ..graph.tracing.trace import run_with_listener
from ..tensors import tensors_in
from ..torch_private import FlopCounter
from .positive import Positive, positive_copy

Span = tuple[int, int]
MAX_FLOPS = 10**12
"""Most floating-point operations of one forward pass."""


@dataclass(frozen=True)
class MeasuredField:
    """The receptive field that the gradient of one unit shows. Pairs are (height, width).

    Attributes:
        unit: (row, column) of the unit.
        box: ((first row, last row), (first column, last column)) of the pixels that
            carry gradient, both inclusive, so clipped to the image; None when none does.
        size, effective_stride, effective_padding: from the unit in the middle of the map
            and its neighbors; None along an axis where the image's border cuts them,
            there is one unit only, or the steps to both sides differ or are 0: the
            output phase decides.
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
    """The receptive field of one unit, by backpropagation.

    Args:
        module: any nn.Module; it is copied, the copy runs in eval mode and float64.
        input_size: as `core.receptive_field.receptive_fields` takes it; the pixels of
            the first input are meant.
        layer: a module's qualified name (its first call), or the name of a graph node.
        unit: (row, column), or i in 1-D; the one in the middle otherwise.
        max_flops: refuse more floating-point operations than this in one forward pass.

    Raises:
        SpecError: no such layer or unit, too much work, or forward fails.
    """
    probe = Probe(module, input_size, layer, max_flops)
    middle = (probe.grid[0] // 2, probe.grid[1] // 2)
    chosen = middle if unit is None else probe.checked(unit)
    (r0, s0, p0), (r1, s1, p1) = (_numbers(probe, middle, axis) for axis in (0, 1))
    return MeasuredField(chosen, probe.box(chosen), (r0, r1), (s0, s1), (p0, p1))


Triple = tuple[int | None, int | None, int | None]


def _numbers(probe: Probe, middle: tuple[int, int], axis: int) -> Triple:
    """Size, stride and padding along one axis, as far as the border leaves them whole."""
    here = probe.inner_span(middle, axis)
    if here is None:
        return None, None, None
    size = here[1] - here[0] + 1
    steps = set()
    for side in (1, -1):
        other = probe.beside(middle, side)
        span = probe.inner_span(other, axis) if other[axis] != middle[axis] else None
        if span:
            steps.add((span[0] - here[0]) * side)
    if len(steps) != 1 or 0 in steps:
        return size, None, None
    (stride,) = steps
    return size, stride, middle[axis] * stride - here[0]


class Probe:
    """A network that has run up to one layer, whose units can be measured one by one.

    Attributes:
        grid: units along (height, width); 1 where the layer has no such axis.
        boxes: what has been measured so far.
    """

    def __init__(
        self, module: nn.Module, input_size: InputSize, layer: str, max_flops: int | None = None
    ) -> None:
        sizes = input_sizes(input_size)
        if max_flops is not None:
            _check_work(module, sizes, layer, max_flops)
        copied = positive_copy(module)
        generator = torch.Generator().manual_seed(0)
        inputs = [
            torch.rand((1, *size), generator=generator, dtype=torch.float64) / 2 + 0.5
            for size in sizes
        ]
        self.image = inputs[0].requires_grad_()
        self.output, draft = _output(copied, inputs, layer, Positive())
        self.layout, self.grid = _layout(self.output, draft, len(sizes[0]))
        self.boxes: dict[tuple[int, int], tuple[Span, Span] | None] = {}

    def checked(self, unit: int | Sequence[int]) -> tuple[int, int]:
        """A unit as (row, column) inside the grid; SpecError otherwise."""
        return checked_unit(self.grid, unit, "the layer")

    def beside(self, unit: tuple[int, int], side: int) -> tuple[int, int]:
        """The diagonal neighbor, for both axes in one; the unit's own place where none is."""
        rows, cols = (
            u + side if 0 <= u + side < n else u for u, n in zip(unit, self.grid, strict=True)
        )
        return rows, cols

    def box(self, unit: tuple[int, int]) -> tuple[Span, Span] | None:
        """First and last row and column of the pixels that carry gradient to a unit."""
        if unit not in self.boxes:
            self.boxes[unit] = self._box(unit)
        return self.boxes[unit]

    def _box(self, unit: tuple[int, int]) -> tuple[Span, Span] | None:
        value = unit_values(self.output, self.layout, unit)
        if not value.requires_grad:
            return None
        (gradient,) = torch.autograd.grad(
            _total(value), self.image, retain_graph=True, allow_unused=True
        )
        if gradient is None or not gradient.any():
            return None
        touched = (gradient != 0).flatten(0, 1).any(0)
        rows = touched.any(1) if touched.ndim == 2 else torch.ones(1, dtype=torch.bool)
        return _ends(rows), _ends(touched.any(0) if touched.ndim == 2 else touched)

    def inner_span(self, unit: tuple[int, int], axis: int) -> Span | None:
        """The box along one axis where the border of the image does not cut it."""
        box = self.box(unit)
        length = self.image.shape[axis - 2] if self.image.ndim == 4 else self.image.shape[-1]
        if box is None or box[axis][0] == 0 or box[axis][1] == length - 1:
            return None
        return box[axis]


def _total(value: torch.Tensor) -> torch.Tensor:
    """The sum of all numbers, of both parts of complex ones."""
    return (torch.view_as_real(value) if value.is_complex() else value).sum()


def _ends(marks: torch.Tensor) -> Span:
    places = marks.nonzero().flatten()
    return int(places[0]), int(places[-1])


def _layout(output: torch.Tensor, draft: Draft | None, rank: int) -> tuple[Layout, Grid]:
    """Where the image lies in the dimensions, as the graph has it, or from the rank alone.

    Behind an operation without a rule the graph has lost the image; the rank still tells.
    """
    if draft is not None and any(draft.layout):
        wide = units_in_channels(draft.layout)
        return draft.layout, (draft.grid[0] // wide[0], draft.grid[1] // wide[1])
    dims: Dims = (None, None)
    if output.ndim == 4:
        dims = 2, 3
    elif output.ndim == 3 and rank == 2:
        dims = None, 2
    rows, cols = (1 if dim is None else output.shape[dim] for dim in dims)
    return plain_layout(output.ndim, dims, (rows, cols)), (rows, cols)


class _LayerReached(BaseException):
    """The layer's output is available, so that the rest of the network need not run."""


def _output(
    copied: nn.Module,
    inputs: Sequence[torch.Tensor],
    layer: str,
    *within: AbstractContextManager[Any],
) -> tuple[torch.Tensor, Draft | None]:
    """The output of a layer; a module of that name takes precedence over a node.

    Raises:
        SpecError: neither runs; forward fails, or gives a tensor of another shape than the
            graph has for it.
    """
    names = input_names(copied, [tuple(tensor.shape[1:]) for tensor in inputs])
    for of_module in [True] * (layer in dict(copied.named_modules())) + [False]:
        finder = _Finder(layer, of_module)
        for name, tensor in zip(names, inputs, strict=True):
            finder.add_input(name, tensor)
        with restored_forwards(copied), suppress(_LayerReached):
            finder.output_drafts(run_with_listener(copied, inputs, finder, *within))
        if finder.layer_output is not None:
            return finder.layer_output, finder.draft
    raise SpecError("layer", "must be the name of a node or a module that runs", layer)


class _Finder(Recorder):
    """Runs a network until a node or a module has its output.

    Attributes:
        layer: the name.
        of_module: it is a module's qualified name, not a node's.
        found: the output.
        draft: its node.
    """

    def __init__(self, layer: str, of_module: bool) -> None:
        super().__init__()
        self.layer, self.of_module = layer, of_module
        self.layer_output: torch.Tensor | None = None
        self.draft: Draft | None = None

    def add_input(self, name: str, tensor: torch.Tensor) -> None:
        """An argument of forward, which is a layer too."""
        with suppress(_LayerReached):
            super().add_input(name, tensor)

    def called(self, *args: Any) -> Any:
        """A torch call: stop if it is the one."""
        out = super().called(*args)
        last = self.drafts[-1]
        if last.split and self._is_meant(last):  # of a split tensor, the whole is meant
            self._stop(args[2][0], last)
        self._stop_at((out, args[2], args[3]))  # an assignment becomes a node when it is read
        return out

    def _add_draft(self, draft: Draft, tensor: torch.Tensor) -> None:
        super()._add_draft(draft, tensor)
        if self._is_meant(draft) and tuple(tensor.shape) == draft.shape:
            self._stop(tensor, draft)

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """A module's end: stop if it is the one."""
        out = super().left(path, module, out)
        self._stop_at(out)
        if self.of_module and path == self.layer:
            for tensor in tensors_in((out,))[:1]:
                self._stop(tensor, self.draft_of.get(id(tensor)))
        return out

    def _is_meant(self, draft: Draft) -> bool:
        return draft.name == self.layer and not self.of_module

    def _stop_at(self, out: Any) -> None:
        for tensor in tensors_in((out,)):
            draft = self.draft_of.get(id(tensor))
            if draft and self._is_meant(draft):
                self._stop(tensor, draft)

    def _stop(self, tensor: torch.Tensor, draft: Draft | None) -> None:
        if draft is not None and tuple(tensor.shape) != draft.shape:
            raise SpecError("layer", f"has another shape than {draft.shape}", tuple(tensor.shape))
        self.layer_output, self.draft = tensor, draft
        raise _LayerReached


def _check_work(
    module: nn.Module, sizes: Sequence[tuple[int, ...]], layer: str, max_flops: int
) -> None:
    bare = meta_copy(module)
    inputs = [torch.empty(1, *s, device="meta", dtype=floating_dtype(bare)) for s in sizes]
    counter = FlopCounter()
    try:
        _output(bare, inputs, layer, torch.no_grad(), torch.device("meta"), counter)
        flops = counter.get_total_flops()
    except SpecError as error:
        if error.parameter == "layer":
            raise
        flops = _most_work(module, sizes[0])
    if flops > max_flops:
        share = max_flops / flops
        sides = sizes[0][1:]
        fitting = [int(side * share ** (1 / len(sides))) for side in sides]
        fits = "×".join(map(str, fitting)) if min(fitting) else ""
        rule = f"must be at least {1.05 * flops:.1e} for {layer}"
        rule += f"; about {fits} pixels would fit" if fits else ""
        raise SpecError("max_flops", rule, max_flops)


def _most_work(module: nn.Module, size: tuple[int, ...]) -> int:
    """An upper bound of the FLOPs of a network that decides by values.

    It assumes that every weight is used at every pixel.
    """
    return 2 * prod(size[1:]) * sum(p.numel() for p in module.parameters())
