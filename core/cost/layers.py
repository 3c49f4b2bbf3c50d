"""Computes parameters, multiply–accumulates and activation memory of a network, layer by layer.

The network runs on the meta device, in eval mode, for a batch of one. So nothing is computed, no
weights are read, and the caller's module is unchanged. The recorder of ``core.graph`` records the
run, so each row corresponds to the graph's node of the same name.

Conventions:

- **One MAC is one multiply–accumulate.** Convolutions, transposed convolutions and matrix products
  count, no matter whether they belong to a layer, a function, an einsum or a recurrence. In
  attention this includes products of activations with each other. Biases, norms, pooling,
  interpolation, activations and elementwise arithmetic do not count.
- A tap on padding counts like any other, as in all published numbers.
- **Parameters** count in the row of their first use, so later rows of a shared module have none.
  Parameters that no layer uses have rows of their own, so the rows add up to the total.
- **Activation bytes** are the memory of all outputs as float32, four bytes a number. An output
  that shares its input's memory (a view, an in-place operation, dropout in eval mode) adds
  nothing. Buffers inside a layer (im2col, attention weights) are not included.

torch's own counter (``torch.utils.flop_counter.FlopCounterMode``, whose FLOPs are twice the MACs)
returns the same numbers, except for operations that it does not count: matrix times vector, dot
products and bilinear layers (``aten.mv``, ``addmv``, ``dot``, ``_trilinear``), and the fused CPU
kernels of ``nn.LSTM`` and, in eval mode without gradients, ``nn.MultiheadAttention`` and
``nn.TransformerEncoderLayer``. On the meta device none of them is fused, so their products count.
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
from ..graph.tracing.meta_copy import first_line, floating_dtype, input_names, meta_copy
from ..graph.tracing.trace import run_with_listener
from ..tensors import tensors_in
from ..torch_private import TRILINEAR, TorchDispatchMode, storage_number

FLOAT32_BYTES = 4
"""The size of a float32 number in bytes."""
aten = torch.ops.aten


@dataclass(frozen=True)
class LayerCost:
    """The cost of one node of the network's graph, for a batch of one.

    Attributes:
        name: the unique name of the node in the graph.
        kind: the name of the module's class or of the function; ``"parameter"`` or ``"buffer"``
            for a tensor of the network that a function reads; ``"unused"`` for parameters that no
            layer reads.
        output_shape: the shape of the (first) output without the batch axis, or the parameter's.
        parameters: the number of parameters that no earlier row has counted.
        macs: the number of multiply–accumulates.
        activation_bytes: the memory of all outputs as float32, in bytes.
        module: the qualified name, such as ``"layer1.0.conv1"``; "" for functions and methods.
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
    """The sums of the costs of several layers."""

    parameters: int
    macs: int
    activation_bytes: int


def layer_costs(module: nn.Module, input_size: tuple[int, ...]) -> tuple[LayerCost, ...]:
    """The cost of every layer of a network, in running order.

    Args:
        module: any module with one input whose forward does not depend on values; it is not
            changed.
        input_size: the input's shape without the batch, such as (channels, height, width).

    Raises:
        SpecError: a size is below 1, the module cannot be followed, or it does not accept the
            input.
    """
    size = _checked_size(input_size)
    bare = meta_copy(module)
    bare.__class__ = module.__class__  # the copy of an fx.GraphModule has a class without forward
    costs = _CostRecorder(bare)
    costs.run_input(size)
    return (*costs.named_rows(), *costs.unused_parameter_rows())


def totals(costs: Iterable[LayerCost]) -> CostTotals:
    """The sums of the costs of several layers."""
    rows = tuple(costs)
    return CostTotals(
        parameters=sum(row.parameters for row in rows),
        macs=sum(row.macs for row in rows),
        activation_bytes=sum(row.activation_bytes for row in rows),
    )


def _checked_size(input_size: tuple[int, ...]) -> tuple[int, ...]:
    """The input size as a tuple; raises SpecError unless all numbers are at least 1."""
    size = tuple(input_size)
    valid = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in size)
    if not size or not valid:
        raise SpecError("input_size", "must be whole numbers of at least 1", input_size)
    return size


# --- Multiply–accumulates ---------------------------------------------------------------------


def _convolution_macs(out: Tensor, args: tuple[Any, ...]) -> int:
    """The MACs of a convolution: its outputs (transposed: inputs) times the taps of each.

    Weights have the shape (outputs, inputs / groups, *kernel), for transposed convolutions
    (inputs, outputs / groups, *kernel). In both cases all axes but the first are the taps.
    """
    weight: Tensor = args[1]
    positions: Tensor = args[0] if args[6] else out
    return positions.numel() * prod(weight.shape[1:])


def _matrix_product_macs(position: int) -> Callable[[Tensor, tuple[Any, ...]], int]:
    """A function that returns the MACs of a matrix product: its outputs times the summed length.

    The last axis of the left factor, which is argument number ``position``, is summed over.
    """

    def macs(out: Tensor, args: tuple[Any, ...]) -> int:
        return out.numel() * int(args[position].shape[-1])

    return macs


def _bilinear_macs(out: Tensor, args: tuple[Any, ...]) -> int:
    """The MACs of x1ᵀ W x2: the number of outputs times the weights of one output."""
    weight: Tensor = args[1]
    return out.numel() * prod(weight.shape[1:])


MACS_OF_OPERATOR: dict[Any, Callable[[Tensor, tuple[Any, ...]], int]] = {
    aten.convolution: _convolution_macs,
    aten.mm: _matrix_product_macs(0),
    aten.bmm: _matrix_product_macs(0),
    aten.mv: _matrix_product_macs(0),
    aten.dot: _matrix_product_macs(0),
    aten.addmm: _matrix_product_macs(1),
    aten.baddbmm: _matrix_product_macs(1),
    aten.addmv: _matrix_product_macs(1),
    TRILINEAR: _bilinear_macs,
}
"""For each of torch's operators with MACs, a function from (output, arguments) to their number."""


class _MacCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode that counts the MACs of torch's operators, which all layers are made of."""

    macs = 0

    def take_count(self) -> int:
        """Returns the MACs since the last call of this method."""
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
        formula = MACS_OF_OPERATOR.get(func.overloadpacket)
        if formula is not None:
            self.macs += formula(out, args)
        return out


# --- Rows -------------------------------------------------------------------------------------

FAILURE_PREFIX = "fails on an input of this size: "
"""The beginning of the errors that core.graph.tracing.trace raises if forward fails."""


class _CostRecorder(Recorder):
    """A recorder that adds a row for each of torch's own layers, and for each other function.

    Attributes:
        net: the network, on the meta device.
        current_layer: the description of the layer that is running, for error messages.
        rows: the rows so far.
        own_tensors: the names of parameters and buffers that have no row yet, by tensor ``id``.
        counted_parameters: the ids of the parameters that a row has counted.
        counter: counts the MACs.
        new_storages: the memory that was allocated since the last row.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.current_layer = "this network"
        self.rows: list[LayerCost] = []
        self.own_tensors = {
            id(t): name for name, t in (*net.named_parameters(), *net.named_buffers())
        }
        self.counted_parameters: set[int] = set()
        self.counter = _MacCounter()  # type: ignore[no-untyped-call]
        self.new_storages: set[int] = set()

    def run_input(self, size: tuple[int, ...]) -> None:
        """Runs an input of ``size``, without the batch, through the network.

        Raises:
            SpecError: the network does not accept the input; the text names the layer.
        """
        (name,) = input_names(self.net, [size])
        try:
            image = torch.empty(1, *size, device="meta", dtype=floating_dtype(self.net))
        except Exception as error:  # the size is too large for torch
            raise self._size_error(size, first_line(error)) from error
        node = self.names.placeholder(name).name
        self._add_draft(Draft(node, name, "input", tuple(image.shape)), image)
        contexts = torch.no_grad(), torch.device("meta"), self.counter, _CurrentLayerMode(self)
        try:
            out = run_with_listener(self.net, [image], self, *contexts)
        except SpecError as error:
            _, fails, reason = error.rule.partition(FAILURE_PREFIX)
            raise (self._size_error(size, reason) if fails else error) from error
        start = len(self.drafts)
        self.output_drafts(out)
        self._add_part_rows(self.drafts[start:])

    def _size_error(self, size: tuple[int, ...], reason: str) -> SpecError:
        """The error that the input does not fit the layer that is running."""
        return SpecError("input_size", f"does not fit {self.current_layer}: {reason}", size)

    def entered(self, path: str, module: nn.Module) -> None:
        """Notes which layer is running."""
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
        """Records a torch call and adds its row, unless it belongs to one of torch's layers."""
        inputs, start = tensors_in((*args, *kwargs.values())), len(self.drafts)
        if not self.leaf_depth:
            self._add_tensor_rows(inputs)
        result = super().called(operation, function, args, kwargs, out)
        self.new_storages |= _storage_ids(tensors_in((out,))) - _storage_ids(inputs)
        if not self.leaf_depth:
            self._add_row(self.drafts[start:], out)
        return result

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """Records the end of a module and adds the row of one of torch's layers."""
        start, depth = self.draft_counts[-1], self.leaf_depth
        out = super().left(path, module, out)
        if depth == 1 and not self.leaf_depth:
            self._add_row(self.drafts[start:][-1:], out, path, module)
        return out

    def _add_row(
        self, drafts: Sequence[Draft], out: Any, path: str = "", module: nn.Module | None = None
    ) -> None:
        """Adds a row for the last of some nodes, and free rows for the others.

        The others are parts of a tensor that was split earlier.

        Args:
            drafts: the new nodes.
            out: the result of the layer or function.
            path: the qualified name of the layer; "" for a function.
            module: the layer; None for a function.
        """
        self._add_part_rows(drafts[:-1])
        results = tensors_in((out,))
        for node in drafts[-1:]:
            row = LayerCost(
                name=node.name,
                kind=type(module).__name__ if module else node.operation,
                output_shape=tuple(results[0].shape[1:]) if results else node.shape[1:],
                parameters=self._new_parameters(module.parameters()) if module else 0,
                macs=self.counter.take_count(),
                activation_bytes=_float32_bytes(
                    [t for t in results if _storage_ids([t]) <= self.new_storages]
                ),
                module=path,
            )
            self.rows.append(row)
            self.new_storages = set()

    def _add_part_rows(self, drafts: Iterable[Draft]) -> None:
        """Adds rows without costs for parts of a tensor that was split."""
        for part in drafts:
            self.rows.append(LayerCost(part.name, part.operation, part.shape[1:], 0, 0, 0))

    def _add_tensor_rows(self, tensors: Iterable[Tensor]) -> None:
        """Adds a row for each of the network's own tensors that a function reads first."""
        for tensor in tensors:
            path = self.own_tensors.pop(id(tensor), None)
            if path is None:
                continue
            is_parameter = isinstance(tensor, nn.Parameter)
            count = self._new_parameters([tensor]) if is_parameter else 0
            kind, shape = "parameter" if is_parameter else "buffer", tuple(tensor.shape)
            self.rows.append(LayerCost("", kind, shape, count, 0, 0, path))

    def _new_parameters(self, tensors: Iterable[Tensor]) -> int:
        """The number of elements of those parameters that no row has counted so far."""
        new = {
            id(tensor): tensor.numel()
            for tensor in tensors
            if id(tensor) not in self.counted_parameters
        }
        self.counted_parameters |= set(new)
        return sum(new.values())

    def named_rows(self) -> Iterator[LayerCost]:
        """The rows, with names for the network's own tensors.

        These are named last, so that the names of nodes are those of the graph.
        """
        for row in self.rows:
            name = row.name or self._unique_name(row.module)
            yield row if row.name else replace(row, name=name)

    def unused_parameter_rows(self) -> Iterator[LayerCost]:
        """A row for each parameter that no node uses."""
        for name, parameter in self.net.named_parameters():
            if id(parameter) not in self.counted_parameters:
                shape, count = tuple(parameter.shape), parameter.numel()
                yield LayerCost(f"unused:{name}", "unused", shape, count, 0, 0, name)


class _CurrentLayerMode(TorchFunctionMode):
    """A mode that notes the layer and the input shapes of every torch call, for error messages."""

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


def _storage_ids(tensors: Iterable[Tensor]) -> set[int]:
    """The numbers that identify the memory of tensors; meta tensors have such numbers too."""
    return {storage_number(tensor) for tensor in tensors}


def _float32_bytes(tensors: Iterable[Tensor]) -> int:
    """The memory of tensors as float32, in bytes."""
    return sum(FLOAT32_BYTES * tensor.numel() for tensor in tensors)
