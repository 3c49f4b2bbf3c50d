"""What a network costs: parameters, multiply–accumulates and activation memory, layer by layer.

Found by sending shapes through the network's graph (``torch.fx``) on the meta device, in eval
mode, for a batch of one: no arithmetic, no weights, and the caller's module stays as it is.

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

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from core.errors import SpecError

FLOAT32_BYTES = 4
HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks",
)  # fmt: skip

aten = torch.ops.aten


@dataclass(frozen=True)
class LayerCost:
    """What one node of the network's graph costs, for a batch of one.

    Attributes:
        name: the graph node's name, as ``torch.fx`` gives it; unique.
        kind: the module's class, the function's or the method's name; ``"parameter"`` or
            ``"buffer"`` where the network reads a tensor of its own; ``"unused"`` for parameters
            that no layer reads.
        output_shape: without the batch axis; of the first output where there are several.
            A parameter's is its own.
        parameters: numbers to learn, on the first row that uses them.
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
        module: any module of one input that ``torch.fx`` can trace. Untouched: mode, hooks,
            gradients and buffers stay as they are, also after an error.
        input_size: (channels, height, width), or what else follows the batch axis.

    Raises:
        SpecError: a size below 1, a module that cannot be traced, or one that the input
            does not fit.
    """
    size = _checked_size(input_size)
    net = _on_meta(module)
    costs = _Costs(_traced(net))
    with torch.no_grad(), torch.device("meta"):
        costs.propagate(size)
    return (*costs.rows, *costs.unused(net))


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


# --- The copy that is measured ----------------------------------------------------------------


def _on_meta(module: nn.Module) -> nn.Module:
    """A copy in eval mode on the meta device: shapes without numbers, and without hooks.

    ``deepcopy`` takes what its memo already has for the copy. So no weight is copied, and none
    of the caller's hooks can run. Floating-point tensors become float32, as the input is.
    """
    memo: dict[int, Any] = {}
    for part in module.modules():
        for name in HOOKS:
            memo[id(getattr(part, name))] = OrderedDict()
        for tensor in _tensors(part):
            if id(tensor) not in memo:
                memo[id(tensor)] = _meta_tensor(tensor)
    try:
        return copy.deepcopy(module, memo).eval()
    except Exception as error:  # whatever the module's own attributes raise
        rule = f"cannot be copied: {_first_line(error)}"
        raise SpecError("module", rule, type(module).__name__) from error


def _tensors(part: nn.Module) -> Iterator[Tensor]:
    """Parameters, buffers and plain attributes of one module, without its children's."""
    own = (*part._parameters.values(), *part._buffers.values(), *vars(part).values())
    return (tensor for tensor in own if isinstance(tensor, Tensor))


def _meta_tensor(tensor: Tensor) -> Tensor:
    if is_lazy(tensor):
        rule = "must have been run once: a lazy layer does not know its shapes"
        raise SpecError("module", rule, type(tensor).__name__)
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    empty = torch.empty_like(tensor, device="meta", dtype=dtype, requires_grad=False)
    return nn.Parameter(empty, False) if isinstance(tensor, nn.Parameter) else empty


# --- The graph --------------------------------------------------------------------------------


class _ThreadTracer(fx.Tracer):
    """A tracer that leaves the modules of other threads alone.

    While it traces, torch.fx redirects ``nn.Module.__call__`` and ``__getattr__`` for the whole
    process; without this, whoever runs a network at that moment gets a NameError.
    """

    def __init__(self) -> None:
        super().__init__()
        self.owner = threading.get_ident()

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if threading.get_ident() != self.owner:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if threading.get_ident() != self.owner:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


_TRACING = threading.Lock()  # two tracers at once would put back each other's redirections


def _traced(net: nn.Module) -> fx.GraphModule:
    """The graph of ``net``, as ``torch.fx.symbolic_trace`` finds it."""
    if isinstance(net, fx.GraphModule):
        return net
    try:
        with _TRACING:
            tracer = _ThreadTracer()
            graph = tracer.trace(net)
            return fx.GraphModule(tracer.root, graph)
    except Exception as error:  # whatever the network's own code makes of a symbolic input
        rule = f"cannot be traced by torch.fx: {_first_line(error)}"
        raise SpecError("module", rule, type(net).__name__) from error


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
    aten._trilinear: _bilinear,
}


class _MacCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts below the layers, where every layer has become one of torch's few products."""

    macs = 0

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


class _Costs(fx.Interpreter):
    """Runs the graph node by node and keeps a row for each."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.extra_traceback = False
        self.place = "this network"  # where it is, for whoever has to mend an error
        self.rows: list[LayerCost] = []
        self.counted: set[int] = set()

    def propagate(self, size: tuple[int, ...]) -> None:
        """Sends an input of ``size`` through; what does not fit is named."""
        try:
            self.run(torch.empty(1, *size))
        except Exception as error:  # whatever the network's own code raises
            rule = f"does not fit {self.place}: {_first_line(error)}"
            raise SpecError("input_size", rule, size) from error

    def run_node(self, n: fx.Node) -> Any:
        if n.op in ("placeholder", "output"):
            return super().run_node(n)
        inputs = self.fetch_args_kwargs_from_env(n)
        self.place = _place(n, tree_leaves(inputs))
        with _MacCounter() as counter:  # type: ignore[no-untyped-call]
            result = super().run_node(n)
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if tensors:
            self.rows.append(self._row(n, tensors, counter.macs, _storages(tree_leaves(inputs))))
        return result

    def _row(self, n: fx.Node, out: list[Tensor], macs: int, known: set[int]) -> LayerCost:
        read = n.op == "get_attr"
        shape = out[0].shape if read else out[0].shape[1:]
        module = str(n.target) if n.op in ("call_module", "get_attr") else ""
        used = self.fetch_attr(module) if module else None
        return LayerCost(
            name=n.name,
            kind=_kind(n, used),
            output_shape=tuple(shape),
            parameters=self._new_parameters(used),
            macs=macs,
            activation_bytes=0 if read else _new_bytes(out, known),
            module=module,
        )

    def _new_parameters(self, used: object) -> int:
        """How many of the parameters in ``used`` no row has counted so far."""
        found = used.parameters() if isinstance(used, nn.Module) else (used,)
        new = {id(p): p for p in found if isinstance(p, nn.Parameter)}
        fresh = [p.numel() for key, p in new.items() if key not in self.counted]
        self.counted |= set(new)
        return sum(fresh)

    def unused(self, net: nn.Module) -> Iterator[LayerCost]:
        """A row for each parameter of ``net`` that no node used (the graph has none of them)."""
        for name, parameter in net.named_parameters():
            if id(parameter) not in self.counted:
                shape, count = tuple(parameter.shape), parameter.numel()
                yield LayerCost(f"unused:{name}", "unused", shape, count, 0, 0, name)


def _place(n: fx.Node, leaves: Iterable[object]) -> str:
    """The layer and the shapes it gets, in words."""
    shapes = ["×".join(map(str, x.shape[1:])) for x in leaves if isinstance(x, Tensor)]
    gets = f", which gets {' and '.join(shapes)}" if shapes else ""
    return f'layer "{n.target if n.op == "call_module" else n.name}"{gets}'


def _kind(n: fx.Node, used: object) -> str:
    if n.op == "call_module":
        return type(used).__name__
    if n.op == "get_attr":
        return "parameter" if isinstance(used, nn.Parameter) else "buffer"
    return n.target if isinstance(n.target, str) else getattr(n.target, "__name__", str(n.target))


def _storages(leaves: Iterable[object]) -> set[int]:
    """Which memory the tensors among ``leaves`` lie in (on the meta device: would lie in)."""
    return {leaf.untyped_storage()._cdata for leaf in leaves if isinstance(leaf, Tensor)}


def _new_bytes(out: list[Tensor], known: set[int]) -> int:
    """float32 bytes of the outputs that do not lie in their inputs' memory."""
    return sum(FLOAT32_BYTES * t.numel() for t in out if not _storages([t]) <= known)
