"""Writes down what a run (core.tracing) reports: one `Draft` for each call, laid out.

Names are those that `torch.fx` would give: a layer of torch's own gives its name to the
last call it makes (its earlier ones, such as the padding of ``padding_mode``, are called
``<layer>_pad``), a function in the code of a module has its own name and a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn

from core.constants import Constants
from core.errors import SpecError
from core.graph_call import Call, Draft, Outcome, Source, words
from core.graph_layout import Dims, Shape, plain_layout
from core.graph_links import settle, unknown
from core.graph_mixing import MIXING_RULES
from core.graph_shapes import SHAPE_RULES, part_of
from core.graph_unfold import UNFOLD_RULES
from core.graph_windows import GLOBAL, WINDOW_RULES

RULES = WINDOW_RULES | UNFOLD_RULES | MIXING_RULES | SHAPE_RULES
UNFOLLOWED = "mixes the image axes in a way that is not followed"
MAX_NODES = 40_000
"""Most operations that are followed."""


def _operation(name: str) -> str:
    """torch's name of a function without the underscores of dunder and in-place forms."""
    return name.strip("_") or name


_CONSTANT = words(
    "zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty "
    "new_full new_tensor"
)


_TEMPLATED = words("to type_as expand_as view_as reshape_as")  # the second tensor is no input


class Recorder:
    """Listens to a run (core.tracing) and writes the graph down."""

    def __init__(self) -> None:
        self.names = fx.Graph()
        self.drafts: list[Draft] = []
        self.known: dict[int, Draft] = {}
        self.parts: dict[int, tuple[Draft, int, list[int]]] = {}
        self.alive: list[object] = []
        self.path: list[str] = []
        self.starts: list[int] = []
        self.leaves = 0
        self.constants = Constants()

    def add_input(self, name: str, tensor: torch.Tensor) -> None:
        """An argument of forward: (1, C, H, W), or (1, C, L) of height 1."""
        shape = tuple(tensor.shape)
        dims: Dims = (2, 3) if len(shape) == 4 else (None, 2)
        grid = (1 if dims[0] is None else shape[2], shape[-1])
        self._keep(
            Draft(
                self.names.placeholder(name).name,
                name,
                "input",
                shape,
                plain_layout(len(shape), dims, grid),
                grid,
            ),
            tensor,
        )

    def _keep(self, draft: Draft, tensor: torch.Tensor) -> None:
        if len(self.drafts) >= MAX_NODES:
            raise SpecError("module", f"must run at most {MAX_NODES} operations", "more")
        self.drafts.append(draft)
        self._bind(draft, tensor)

    def _bind(self, draft: Draft, tensor: torch.Tensor) -> None:
        self.known[id(tensor)] = draft
        self.parts.pop(id(tensor), None)
        self.alive.append(tensor)

    def entered(self, path: str, module: nn.Module) -> None:
        """See core.tracing.Listener."""
        self.path.append(path)
        self.starts.append(len(self.drafts))
        self.leaves += _is_leaf(module)

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """A layer of torch's own gives its name to the last call it makes."""
        start = self.starts.pop()
        if _is_leaf(module):
            if len(self.drafts) == start and isinstance(out, torch.Tensor):
                out = self.called("identity", nn.Identity, [out], {}, out)
            self._name_after(path, [draft for draft in self.drafts[start:] if not draft.name])
            self.leaves -= 1
        self.path.pop()
        return out

    def _name_after(self, path: str, drafts: Sequence[Draft]) -> None:
        for draft in drafts[:-1]:
            draft.name = self._call_name(f"{path}_{draft.operation}")
        for draft in drafts[-1:]:
            draft.name = self._call_name(path)

    def _call_name(self, target: str) -> str:
        """The next free name for a target, as torch.fx makes it."""
        return self.names.create_node("call_method", target).name

    def called(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> Any:
        """See core.tracing.Listener."""
        read = args[:1] if _operation(operation) in _TEMPLATED else (*args, *kwargs.values())
        tensors = tensors_in(read)
        sources = [s for s in (self._source(tensor) for tensor in tensors) if s]
        if not sources or operation in _CONSTANT:
            self.constants.follow(operation, function, args, kwargs, out)
            return out
        if operation == "__setitem__":
            self._assigned(sources, args[0])
            return out
        results = tensors_in((out,))
        if not results:
            return out
        if any(out is tensor for tensor in tensors) and not _in_place(operation, kwargs):
            out = results[0] = out.view_as(out)  # else both would be one node
        call = self._call(operation, function, args, kwargs, tuple(results[0].shape), sources)
        self._record(call, results)
        return out

    def _source(self, tensor: torch.Tensor) -> Source | None:
        """The node of a tensor; a part of a split one becomes a node when first used."""
        if id(tensor) in self.parts:
            parent, index, sizes = self.parts.pop(id(tensor))
            source = Source(parent, parent.shape)
            outcome = part_of(source, tuple(tensor.shape), index, sizes)
            self._add("getitem", outcome, tensor, self._call_name("getitem"))
        draft = self.known.get(id(tensor))
        return Source(draft, tuple(tensor.shape)) if draft else None

    def _call(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Shape,
        sources: Sequence[Source],
    ) -> Call:
        name = _operation(operation)
        found = tuple(sources)
        return Call(name, function, tuple(args), kwargs, out, found, self.known, self.constants)

    def _record(self, call: Call, results: Sequence[torch.Tensor]) -> None:
        outcome = RULES.get(call.operation, unknown)(call)
        draft = self._add(call.operation, outcome, results[0])
        if outcome.part:
            draft.part, draft.shape = outcome.part, outcome.part[2]
            del self.known[id(results[0])]
            sizes = (
                [r.shape[outcome.part[1]] for r in results] if outcome.part[0] != "unbind" else []
            )
            for index, part in enumerate(results):
                self.parts[id(part)] = (draft, index, sizes)
        for result in results:
            if not outcome.part:
                self._bind(draft, result)
            self.alive.append(result)

    def _add(self, operation: str, outcome: Outcome, tensor: torch.Tensor, name: str = "") -> Draft:
        shape = outcome.part[2] if outcome.part else tuple(tensor.shape)
        settled = settle(outcome.links, shape)
        note, bound = outcome.note, outcome.bound
        if settled.lost and GLOBAL not in note:
            note = f"{GLOBAL}: {operation} {UNFOLLOWED}"
        if not bound and (settled.loose or settled.lost):
            bound = f"{operation} {UNFOLLOWED}"
        draft = Draft(
            name or ("" if self.leaves else self._call_name(operation)),
            operation,
            "global" if settled.lost and outcome.kind != "unknown" else outcome.kind,
            shape,
            settled.layout,
            settled.grid,
            self.path[-1] if self.path else "",
            tuple(link.source for link in outcome.links),
            settled.maps,
            note,
            bound,
        )
        self._keep(draft, tensor)
        return draft

    def _assigned(self, sources: Sequence[Source], target: torch.Tensor) -> None:
        """x[…] = y: what x holds from now on is not followed."""
        call = self._call("setitem", None, (), {}, tuple(target.shape), sources)
        self._add("setitem", unknown(call, "assignment to a part"), target)

    def ends(self, out: Any) -> list[Draft]:
        """The nodes of what forward returned."""
        sources = (self._source(tensor) for tensor in tensors_in((out,)))
        return [source.node for source in sources if source]


def _is_leaf(module: nn.Module) -> bool:
    """One of torch's own layers; its children, if it has any, are called inside functions."""
    own = type(module).__module__.startswith("torch.nn.modules")
    return own and (not module._modules or isinstance(module, nn.MultiheadAttention))


def _in_place(operation: str, kwargs: Mapping[str, Any]) -> bool:
    ends = operation.endswith("_") and not operation.endswith("__")
    return ends or operation.startswith("__i") or bool(kwargs.get("inplace"))


def tensors_in(values: Sequence[Any]) -> list[torch.Tensor]:
    """The tensors in arguments or results, in order, through lists, tuples and dicts."""
    found: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, tuple | list):
            found += tensors_in(value)
        elif isinstance(value, dict):
            found += tensors_in(list(value.values()))
    return found
