"""What a network costs: parameters, multiply–accumulates and activation memory, layer by layer.

Found by sending shapes through the network on the meta device, in eval mode, for a batch of one:
no arithmetic, no weights, and the caller's module stays as it is. What runs is written down by the
recorder of ``core.graph``, so a row and the graph's node of the same name are one and the same.

Conventions:

- **One MAC is one multiply–accumulate.** Counted are convolutions, transposed convolutions and
  matrix products, whatever calls them: module or function, linear layer, einsum, recurrence. In
  attention the products of activations with each other are among them. Biases, norms, pooling,
  interpolation, activations and elementwise arithmetic count nothing.
- A tap that falls on padding counts like any other, as in all published numbers.
- **Parameters** are counted where they are used first: a shared module's later rows have none.
  Those that no layer uses have a row of their own, so that the rows add up to the whole.
- **Activation bytes** are what a forward pass has to hold: the outputs as float32, four bytes a
  number. An output that lies in its input's memory (a view, an operation in place, dropout in
  eval mode) costs nothing more. Buffers inside a layer (im2col, attention weights) are not in.

torch's own counter (``torch.utils.flop_counter.FlopCounterMode``; half of its FLOPs are the MACs)
gives the same MACs, with these exceptions, where it counts nothing and this counts the products:
matrix times vector, dot products and bilinear layers (``aten.mv``, ``addmv``, ``dot``,
``_trilinear``), and the fused CPU kernels of ``nn.LSTM`` and, in eval mode without gradients,
``nn.MultiheadAttention`` and ``nn.TransformerEncoderLayer``. On the meta device none is fused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..errors import SpecError
from ..graph.recorder import Recorder
from ..graph.rules.call import Draft
from ..graph.tracing.meta_copy import floating_dtype, input_names, meta_copy
from ..graph.tracing.trace import run_with_listener
from ..tensors import tensors_in
from ..torch_private import TRILINEAR, TorchDispatchMode, storage_number

FLOAT32_BYTES = 4
aten = torch.ops.aten


@dataclass(frozen=True)
class LayerCost:
    """What one node of the network's graph costs, for a batch of one.

    Attributes:
        name: that of the node of ``core.graph``; unique.
        kind: the module's class, the function's or the method's name; ``"parameter"`` or
            ``"buffer"`` where the network reads a tensor of its own; ``"unused"`` for parameters
            that no layer reads.
        output_shape: without the batch axis; of the first output where there are several.
            A parameter's is its own.
        parameters: number of parameters, counted on the first row that uses them.
        macs: multiply–accumulates.
        activation_bytes: memory of all outputs at float32.
        module: the qualified name, e.g. ``"layer1.0.conv1"``; empty for functions and methods.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    activation_bytes: int
    module: str = ""


@dataclass(frozen=True)
class CostTotals:
    """The sums of the rows."""

    parameters: int
    macs: int
    activation_bytes: int


def layer_costs(module: nn.Module, input_size: tuple[int, ...]) -> tuple[LayerCost, ...]:
    """The cost of every layer of ``module``, in the order in which it runs them.

    Args:
        module: any module of one input that does not decide by values. Untouched: mode,
            hooks, gradients and buffers stay as they are, also after an error.
        input_size: (channels, height, width), or what else follows the batch axis.

    Raises:
        SpecError: a size below 1, a module that cannot be followed, or one that the input
            does not fit.
    """
    size = _checked_size(input_size)
    bare = meta_copy(module)
    bare.__class__ = module.__class__  # an fx.GraphModule's was made anew, without its forward
    costs = _CostRecorder(bare)
    costs.propagate(size)
    return (*costs.named_rows(), *costs.unused())


def totals(costs: Iterable[LayerCost]) -> CostTotals:
    """The sums over ``costs``."""
    rows = tuple(costs)
    return CostTotals(
        parameters=sum(row.parameters for row in rows),
        macs=sum(row.macs for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
    )


def _checked_size(input_size: tuple[int, ...]) -> tuple[int, ...]:
    size = tuple(input_size)
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in size)
    if not size or not whole:
        raise SpecError("input_size", "must be whole numbers of at least 1", input_size)
    return size


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


# --- Multiply–accumulates ---------------------------------------------------------------------


def _convolution(out: Tensor, args: tuple[Any, ...]) -> int:
    """Every output (transposed: every input) times the taps of one of them.

    Weights are (outputs, inputs / groups, *kernel), transposed (inputs, outputs / groups,
    *kernel): either way all but the first axis are the taps.
    """
    weight: Tensor = args[1]
    positions: Tensor = args[0] if args[6] else out
    return positions.numel() * prod(weight.shape[1:])


def _matrix_product(left: int) -> Callable[[Tensor, tuple[Any, ...]], int]:
    """Every output times the length of its sum: the last axis of argument number ``left``."""

    def macs(out: Tensor, args: tuple[Any, ...]) -> int:
        return out.numel() * int(args[left].shape[-1])

    return macs


def _bilinear(out: Tensor, args: tuple[Any, ...]) -> int:
    """x1ᵀ W x2 for every output: the weights of one output, each read once."""
    weight: Tensor = args[1]
    return out.numel() * prod(weight.shape[1:])


MACS: dict[Any, Callable[[Tensor, tuple[Any, ...]], int]] = {
    aten.convolution: _convolution,
    aten.mm: _matrix_product(0),
    aten.bmm: _matrix_product(0),
    aten.mv: _matrix_product(0),
    aten.dot: _matrix_product(0),
    aten.addmm: _matrix_product(1),
    aten.baddbmm: _matrix_product(1),
    aten.addmv: _matrix_product(1),
    TRILINEAR: _bilinear,
}


class _MacCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts below the layers, where every layer has become one of torch's few products."""

    macs = 0

    def take_count(self) -> int:
        """The MACs counted since the last call."""
        count, self.macs = self.macs, 0
        return count

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = MACS.get(func.overloadpacket)
        if formula is not None:
            self.macs += formula(out, args)
        return out


# --- Rows -------------------------------------------------------------------------------------

FAILURE_PREFIX = "fails on an input of this size: "
"""How core.graph.tracing.trace begins when forward raises."""


class _CostRecorder(Recorder):
    """Adds a row for each recorded node: one for each layer of torch's own, whatever it calls,
    and one for each function outside of them."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.current_layer = "this network"  # the layer that is running, for error messages
        self.rows: list[LayerCost] = []
        self.own_tensors = {
            id(t): name for name, t in (*net.named_parameters(), *net.named_buffers())
        }
        self.counted_parameters: set[int] = set()
        self.counter = _MacCounter()  # type: ignore[no-untyped-call]
        self.new_storages: set[int] = set()  # memory made since the last row

    def propagate(self, size: tuple[int, ...]) -> None:
        """Run an input of ``size`` through the network; an error names the layer it does not fit."""
        (name,) = input_names(self.net, [size])
        try:
            image = torch.empty(1, *size, device="meta", dtype=floating_dtype(self.net))
        except Exception as error:  # numbers that torch cannot hold
            raise self._misfit(size, _first_line(error)) from error
        node = self.names.placeholder(name).name
        self._add_draft(Draft(node, name, "input", tuple(image.shape)), image)
        contexts = torch.no_grad(), torch.device("meta"), self.counter, _CallSites(self)
        try:
            out = run_with_listener(self.net, [image], self, *contexts)
        except SpecError as error:
            _, fails, said = error.rule.partition(FAILURE_PREFIX)
            raise (self._misfit(size, said) if fails else error) from error
        start = len(self.drafts)
        self.output_drafts(out)
        self._add_part_rows(self.drafts[start:])

    def _misfit(self, size: tuple[int, ...], said: str) -> SpecError:
        return SpecError("input_size", f"does not fit {self.current_layer}: {said}", size)

    def entered(self, path: str, module: nn.Module) -> None:
        """See core.graph.tracing.trace.Listener."""
        super().entered(path, module)
        self.current_layer = f'layer "{path}"'

    def called(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> Any:
        """See core.graph.tracing.trace.Listener."""
        inputs, start = tensors_in((*args, *kwargs.values())), len(self.drafts)
        if not self.leaf_depth:
            self._add_tensor_rows(inputs)
        result = super().called(operation, function, args, kwargs, out)
        self.new_storages |= _storages(tensors_in((out,))) - _storages(inputs)
        if not self.leaf_depth:
            self._add_row(self.drafts[start:], out)
        return result

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """See core.graph.tracing.trace.Listener."""
        start, leaves = self.draft_counts[-1], self.leaf_depth
        out = super().left(path, module, out)
        if leaves == 1 and not self.leaf_depth:
            self._add_row(self.drafts[start:][-1:], out, path, module)
        return out

    def _add_row(
        self, drafts: Sequence[Draft], out: Any, path: str = "", module: nn.Module | None = None
    ) -> None:
        """A row for the last node; those before it are parts of a tensor that was split."""
        self._add_part_rows(drafts[:-1])
        results = tensors_in((out,))
        for node in drafts[-1:]:
            row = LayerCost(
                name=node.name,
                kind=type(module).__name__ if module else node.operation,
                output_shape=tuple(results[0].shape[1:]) if results else node.shape[1:],
                parameters=self._new_parameters(module.parameters()) if module else 0,
                macs=self.counter.take_count(),
                activation_bytes=_bytes(
                    [t for t in results if _storages([t]) <= self.new_storages]
                ),
                module=path,
            )
            self.rows.append(row)
            self.new_storages = set()

    def _add_part_rows(self, drafts: Iterable[Draft]) -> None:
        """Rows for parts of a tensor that was split: they cost nothing."""
        for part in drafts:
            self.rows.append(LayerCost(part.name, part.operation, part.shape[1:], 0, 0, 0))

    def _add_tensor_rows(self, tensors: Iterable[Tensor]) -> None:
        """Add a row for each of the network's own tensors that a function reads first."""
        for tensor in tensors:
            path = self.own_tensors.pop(id(tensor), None)
            if path is None:
                continue
            learned = isinstance(tensor, nn.Parameter)
            count = self._new_parameters([tensor]) if learned else 0
            kind, shape = "parameter" if learned else "buffer", tuple(tensor.shape)
            self.rows.append(LayerCost("", kind, shape, count, 0, 0, path))

    def _new_parameters(self, used: Iterable[Tensor]) -> int:
        """The size of those parameters in ``used`` that no row has counted so far."""
        new = {
            id(tensor): tensor.numel()
            for tensor in used
            if id(tensor) not in self.counted_parameters
        }
        self.counted_parameters |= set(new)
        return sum(new.values())

    def named_rows(self) -> Iterator[LayerCost]:
        """The rows. Tensors of the network are named last, so that no node's name changes."""
        for row in self.rows:
            name = row.name or self._call_name(row.module)
            yield row if row.name else replace(row, name=name)

    def unused(self) -> Iterator[LayerCost]:
        """A row for each parameter that no node used."""
        for name, parameter in self.net.named_parameters():
            if id(parameter) not in self.counted_parameters:
                shape, count = tuple(parameter.shape), parameter.numel()
                yield LayerCost(f"unused:{name}", "unused", shape, count, 0, 0, name)


class _CallSites(TorchFunctionMode):
    """Notes the layer and the input shapes of every torch call, for error messages."""

    def __init__(self, costs: _CostRecorder) -> None:
        super().__init__()
        self.costs = costs

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, costs = kwargs or {}, self.costs
        inputs = [t for t in tensors_in((*args, *kwargs.values())) if id(t) in costs.draft_of]
        if inputs:
            name = (
                costs.module_path[-1] if costs.leaf_depth else getattr(func, "__name__", str(func))
            )
            shapes = ["×".join(map(str, t.shape[1:])) for t in inputs]
            costs.current_layer = f'layer "{name}", which gets {" and ".join(shapes)}'
        return func(*args, **kwargs)


def _storages(tensors: Iterable[Tensor]) -> set[int]:
    """The numbers of the storages of some tensors; a tensor on the meta device has one too."""
    return {storage_number(tensor) for tensor in tensors}


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(FLOAT32_BYTES * tensor.numel() for tensor in tensors)
