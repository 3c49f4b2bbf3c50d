"""Records each torch call of a run (core.graph.tracing.trace) as a `Draft`.

Node names are those that `torch.fx` would give. One of torch's own layers gives its name to the
last call that it makes; its earlier calls, such as the padding of ``padding_mode``, are called
``<layer>_pad``. A function in the code of another module is named after itself, with a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn

from ..errors import SpecError
from ..tensors import tensors_in
from ..torch_private import children_by_name
from .axes.axis_map import whole_map
from .axes.layout import Dims, Shape, plain_layout
from .memory.assignments import Assignment, assignment_of
from .memory.writes import Memory
from .probing.probe import UNFOLLOWED_AXES_REASON, Prober
from .rules.call import Call, Draft, Link, Outcome, Source, broadcast_dims, names_in, same_dims
from .rules.indexing import INDEX_RULES
from .rules.links import fit_links, link_by_dims, unknown_outcome
from .rules.mixing import MIXING_RULES
from .rules.recurrent import RECURRENT_RULES
from .rules.shapes import SHAPE_RULES, split_part_outcome
from .rules.unfold import UNFOLD_RULES
from .rules.windows import GLOBAL_NOTE, WINDOW_RULES
from .tracing.constants import Constants

RULES = INDEX_RULES | WINDOW_RULES | UNFOLD_RULES | MIXING_RULES | RECURRENT_RULES | SHAPE_RULES
"""The rule of each torch operation, by its name without underscores."""
MAX_NODES = 40_000
"""The most operations that a network may run."""


def _rule_name(name: str) -> str:
    """The name under which `RULES` lists a torch function.

    It lacks the underscores of dunder and in-place functions, the namespace and the overload of
    operators (``aten::relu``, ``relu.default``), and the prefixes of torch.linalg and
    torch.special.
    """
    plain = name.removeprefix("aten::").partition(".")[0].strip("_")
    return plain.removeprefix("linalg_").removeprefix("special_") or name


_CONSTANT_FACTORIES = names_in(
    "zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty "
    "new_full new_tensor"
)
"""Operations whose result does not depend on the values of their tensors."""
_IN_PLACE_WITHOUT_WRITE = names_in(
    "squeeze_ unsqueeze_ transpose_ t_ swapaxes_ swapdims_ detach_ requires_grad_"
)
"""In-place operations that change no element of the tensor."""
VALUE_INDEX_REASON = "assignment to places that are chosen by values"
"""Why maps are only an upper bound: elements whose indices are not constant were assigned to."""
UNKNOWN_WRITE_REASON = "writes to a tensor that it is given"
"""Why maps are only an upper bound: a call without an in-place rule wrote to the tensor.

It follows the operation's name.
"""
_SECOND_TENSOR_UNUSED = names_in("to type_as expand_as view_as reshape_as")
"""Operations whose second tensor gives only a shape or a dtype, so that it is no input."""


class Recorder:
    """A listener (core.graph.tracing.trace) that records the graph of a run.

    Attributes:
        names: makes the names of nodes unique.
        drafts: the nodes in the order in which they run.
        draft_of: the node of each tensor, by the tensor's ``id``.
        parts: for each part of a split tensor that has not been used yet: the node of the split
            tensor, the index of the part, and the lengths of all parts.
        pending_outcomes: the outcomes of results that have not been used yet.
        references: all tensors of the run, which keeps their ids unique.
        module_path: the qualified names of the modules whose forward is running.
        draft_counts: the number of drafts when each of these modules began.
        leaf_depth: how many of these modules are layers of torch's own.
        modules: the qualified names of all modules of the network.
        constants: the values of tensors that do not depend on the input.
        prober: finds rules for operations that have none.
        memory: the tensors that share memory.
        written: the tensors that the next reported call has written to.
        is_operator_call: whether the next reported call is an operator outside of any torch call.
    """

    def __init__(self) -> None:
        self.names = fx.Graph()
        self.drafts: list[Draft] = []
        self.draft_of: dict[int, Draft] = {}
        self.parts: dict[int, tuple[Draft, int, list[int]]] = {}
        self.pending_outcomes: dict[int, Outcome] = {}
        self.references: list[object] = []
        self.module_path: list[str] = []
        self.draft_counts: list[int] = []
        self.leaf_depth = 0
        self.modules: set[str] = set()
        self.constants = Constants()
        self.prober = Prober(self.constants)
        self.memory = Memory(self)
        self.written: list[torch.Tensor] = []
        self.is_operator_call = False

    def add_input(self, name: str, tensor: torch.Tensor) -> None:
        """Adds the node of an argument of forward, of shape (1, C, H, W) or (1, C, L)."""
        shape = tuple(tensor.shape)
        dims: Dims = (2, 3) if len(shape) == 4 else (None, 2)
        grid = (1 if dims[0] is None else shape[2], shape[-1])
        self._add_draft(
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

    def _add_draft(self, draft: Draft, tensor: torch.Tensor) -> None:
        """Adds a node and binds the tensor with its output to it."""
        self._append_draft(draft)
        self.bind(draft, tensor)
        self.memory.mark_current(tensor)

    def _append_draft(self, draft: Draft) -> None:
        """Adds a node.

        Raises:
            SpecError: there would be more than `MAX_NODES` nodes.
        """
        if len(self.drafts) >= MAX_NODES:
            raise SpecError("module", f"must run at most {MAX_NODES} operations", "more")
        self.drafts.append(draft)

    def bind(self, draft: Draft | None, tensor: torch.Tensor) -> None:
        """Sets the node whose output a tensor contains; None for constants."""
        self.parts.pop(id(tensor), None)
        if draft is None:
            self.draft_of.pop(id(tensor), None)
        else:
            self.draft_of[id(tensor)] = draft
        self.references.append(tensor)

    def entered(self, path: str, module: nn.Module) -> None:
        """See core.graph.tracing.trace.Listener."""
        self.module_path.append(path)
        self.draft_counts.append(len(self.drafts))
        self.leaf_depth += _is_torch_layer(module)

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """Names the calls of one of torch's own layers; see core.graph.tracing.trace.Listener."""
        start = self.draft_counts.pop()
        if _is_torch_layer(module):
            if len(self.drafts) == start and isinstance(out, torch.Tensor):
                out = self.called("identity", nn.Identity, [out], {}, out)
            self._name_after_module(
                path, [draft for draft in self.drafts[start:] if not draft.name]
            )
            self.leaf_depth -= 1
        self.module_path.pop()
        return out

    def _name_after_module(self, path: str, drafts: Sequence[Draft]) -> None:
        """Gives the layer's name to the last of its nodes, and derived names to the others."""
        for draft in drafts[:-1]:
            draft.name = self._unique_name(f"{path}_{draft.operation}")
        for draft in drafts[-1:]:
            draft.name = self._unique_name(path, own=True)

    def _unique_name(self, target: str, own: bool = False) -> str:
        """The next free name for a target, in the way of torch.fx.

        Only a module's ``own`` call may get the module's name, so that a name has one meaning.
        """
        reserved = target in self.modules and not own
        return self.names.create_node("call_method", f"{target}_1" if reserved else target).name

    def called(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> Any:
        """Records a torch call; see core.graph.tracing.trace.Listener."""
        written, self.written = self.written, []
        assignment = assignment_of(operation, args, kwargs)
        if assignment:
            if not self._record_assignment(assignment):
                self.constants.record_call(operation, function, args, kwargs, out)
            return out
        plain = {key: value for key, value in kwargs.items() if key != "out"}
        read = (
            args[:1] if _rule_name(operation) in _SECOND_TENSOR_UNUSED else (*args, *plain.values())
        )
        tensors = tensors_in(read)
        sources = [s for s in map(self._updated_source, tensors) if s]
        results = tensors_in((out,))
        self.memory.add_views(results, tensors)
        if not sources or operation in _CONSTANT_FACTORIES:
            for tensor in written:
                self._record_overwrite(tensor, None)
            self.constants.record_call(operation, function, args, kwargs, out)
            return out
        if not (results := results or written):
            return out
        if any(out is tensor for tensor in tensors) and not _is_in_place(operation, kwargs):
            out = results[0] = out.view_as(out)  # a new tensor, as the argument has its own node
            self.memory.add_views(results, tensors)
        if _rule_name(operation) == "broadcast_tensors":  # each result reads only its own argument
            for tensor, result in zip(tensors, results, strict=True):
                self.called("expand", torch.Tensor.expand, [tensor], {}, result)
            return out
        call = self._new_call(operation, function, args, kwargs, tuple(results[0].shape), sources)
        self._record_call(call, results)
        if operation not in _IN_PLACE_WITHOUT_WRITE:
            self._record_writes(call, written)
        return out

    def _record_writes(self, call: Call, written: Sequence[torch.Tensor]) -> None:
        """Binds the tensors that a call has written to, and logs the writes.

        A written tensor other than the result gets a node of an unknown operation.
        """
        for tensor in written:
            if self.draft_of.get(id(tensor)) is not self.drafts[-1]:
                write_call = replace(call, out=tuple(tensor.shape))
                name = self._unique_name(call.operation)
                self._add_node_of(
                    call.operation, unknown_outcome(write_call, UNKNOWN_WRITE_REASON), tensor, name
                )
            self.memory.record_write(tensor, self.draft_of[id(tensor)])

    def _record_overwrite(self, tensor: torch.Tensor, draft: Draft | None) -> None:
        """Records that a whole tensor was overwritten with a node's output (None: constants)."""
        self.bind(draft, tensor)
        self.memory.record_write(tensor, draft)

    def _record_assignment(self, assigned: Assignment) -> bool:
        """Records an assignment.

        Returns:
            Whether the tensor's old or new content depends on the input.
        """
        target, part, value = assigned
        old = self._updated_source(target)
        source = self._updated_source(value) if isinstance(value, torch.Tensor) else None
        if part is None:
            self._assign_to_unknown_part(target, source)
        else:
            self.references.append(part)
            self.memory.add_views([part], [target])
            self._record_overwrite(
                part, self._node_of_broadcast_value(source, tuple(part.shape)) if source else None
            )
        return bool(old or source)

    def _assign_to_unknown_part(self, target: torch.Tensor, source: Source | None) -> None:
        """Records a write to an unknown part: every element may then read the whole value."""
        old, shape = self._updated_source(target), tuple(target.shape)
        links = [link_by_dims(old, shape, same_dims(old))] if old else []
        if source:
            layout, grid = (old.layout, old.node.grid) if old else (((),) * len(shape), (1, 1))
            rows, cols = map(whole_map, source.node.grid, grid)
            links.append(Link(source.node, layout, (rows, cols)))
        if links:
            bound = f"setitem: {VALUE_INDEX_REASON}"
            outcome = Outcome("unknown", links, f"unknown operation {bound}", bound)
            draft = self.add_node("setitem", outcome, tuple(target.shape))
            self._record_overwrite(target, draft)

    def _node_of_broadcast_value(self, source: Source, shape: Shape) -> Draft:
        """The node of a written value after broadcasting to the shape of the overwritten part."""
        if source.shape == shape:
            return source.node
        dims = {d: to for d, to in broadcast_dims(source.shape, shape).items() if to >= 0}
        return self.add_node("expand", Outcome("pass", [link_by_dims(source, shape, dims)]), shape)

    def _updated_source(self, tensor: torch.Tensor) -> Source | None:
        """The node and shape of a tensor, after adding nodes for pending writes to its memory.

        None for a tensor that does not depend on the input.
        """
        self.node_of(tensor)
        self.memory.refresh(tensor)
        draft = self.draft_of.get(id(tensor))
        return Source(draft, tuple(tensor.shape)) if draft else None

    def node_of(self, tensor: torch.Tensor) -> Draft | None:
        """The node bound to a tensor; None for constants.

        Parts of split tensors and pending results get their nodes here, on first use.
        """
        if id(tensor) in self.parts:
            parent, index, sizes = self.parts.pop(id(tensor))
            if not self._bind_part(tensor, parent):
                source = Source(parent, parent.shape)
                outcome = split_part_outcome(source, tuple(tensor.shape), index, sizes)
                self._add_node_of("getitem", outcome, tensor, self._unique_name("getitem"))
        if id(tensor) in self.pending_outcomes:
            self._add_node_of(
                "getitem",
                self.pending_outcomes.pop(id(tensor)),
                tensor,
                self._unique_name("getitem"),
            )
        return self.draft_of.get(id(tensor))

    def _new_call(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Shape,
        sources: Sequence[Source],
    ) -> Call:
        """The record of a torch call, for its rule."""
        name = _rule_name(operation)
        inputs = tuple(sources)
        return Call(name, function, tuple(args), kwargs, out, inputs, self.draft_of, self.constants)

    def _record_call(self, call: Call, results: Sequence[torch.Tensor]) -> None:
        """Applies the rule of a call and adds the nodes of its results."""
        rule = RULES.get(call.operation)
        outcome = rule(call) if rule else unknown_outcome(call)
        if outcome.kind == "unknown":
            self._record_each_result(call, self.prober.outcomes(call, results), results)
            return
        if _is_crop(outcome) and self._bind_part(results[0], call.sources[0].node):
            return
        draft = self._add_node_of(call.operation, outcome, results[0])
        self.memory.record_channelwise_call(draft, outcome)
        if outcome.joined is not None:
            self.memory.record_concatenation(draft, *outcome.joined)
        if outcome.split:
            self.memory.record_split(draft, call.sources[0].node)
            draft.split, draft.shape = outcome.split, outcome.split.shape
            del self.draft_of[id(results[0])]
            sizes = (
                [r.shape[outcome.split.dim] for r in results]
                if outcome.split.operation != "unbind"
                else []
            )
            for index, part in enumerate(results):
                self.parts[id(part)] = (draft, index, sizes)
        for result in results:
            if outcome.split or result.shape == results[0].shape:
                if not outcome.split:
                    self.bind(draft, result)
                    self.memory.mark_current(result)
            else:
                self.pending_outcomes[id(result)] = outcome.states or unknown_outcome(
                    replace(call, out=tuple(result.shape)), "a result of another shape"
                )
            self.references.append(result)

    def _bind_part(self, tensor: torch.Tensor, parent: Draft) -> bool:
        """Binds a part of a tensor whose channels come from different nodes.

        Returns:
            Whether the memory has a more precise node for the part than the rule of the call.
        """
        part = self.memory.node_of_channel_part(tensor, parent)
        if part is None:
            return False
        self.bind(part[0], tensor)
        self.memory.mark_current(tensor)
        return True

    def _record_each_result(
        self, call: Call, outcomes: Sequence[Outcome], results: Sequence[torch.Tensor]
    ) -> None:
        """Adds a node for each result of a call that reads the input."""
        for outcome, result in zip(outcomes, results, strict=True):
            if outcome.links:
                self._add_node_of(call.operation, outcome, result)

    def _add_node_of(
        self, operation: str, outcome: Outcome, tensor: torch.Tensor, name: str = ""
    ) -> Draft:
        """Adds the node of a call's result, whose name defaults to that of the operation."""
        shape = outcome.split.shape if outcome.split else tuple(tensor.shape)
        name = name or ("" if self.leaf_depth else self._unique_name(operation))
        draft = self._new_draft(name, operation, outcome, shape)
        self._add_draft(draft, tensor)
        return draft

    def add_node(self, operation: str, outcome: Outcome, shape: Shape) -> Draft:
        """See core.graph.memory.writes.NodeRegistry."""
        draft = self._new_draft(self._unique_name(operation), operation, outcome, shape)
        self._append_draft(draft)
        return draft

    def _new_draft(self, name: str, operation: str, outcome: Outcome, shape: Shape) -> Draft:
        fitted = fit_links(outcome.links, shape)
        note, bound = outcome.note, outcome.bound
        if fitted.unfollowed and GLOBAL_NOTE not in note:
            note = f"{GLOBAL_NOTE}: {operation} {UNFOLLOWED_AXES_REASON}"
        if not bound and (fitted.is_upper_bound or fitted.unfollowed):
            bound = f"{operation} {UNFOLLOWED_AXES_REASON}"
        sources = tuple(link.source for link in outcome.links)
        draft = Draft(
            name,
            operation,
            "global" if fitted.unfollowed and outcome.kind != "unknown" else outcome.kind,
            shape,
            fitted.layout,
            fitted.grid,
            self.module_path[-1] if self.module_path else "",
            sources,
            fitted.maps,
            note,
            bound,
        )
        return draft

    def output_drafts(self, out: Any) -> list[Draft]:
        """The nodes of the tensors in the result of forward."""
        sources = (self._updated_source(tensor) for tensor in tensors_in((out,)))
        return [source.node for source in sources if source]


def _is_torch_layer(module: nn.Module) -> bool:
    """Whether a module is one of torch's own layers that calls no submodule.

    Multi-head attention counts, as it uses the weights of its submodule in a function.
    """
    own = type(module).__module__.startswith("torch.nn.modules")
    return own and (not children_by_name(module) or isinstance(module, nn.MultiheadAttention))


def _is_crop(outcome: Outcome) -> bool:
    """Whether an outcome is that of a single crop of one tensor."""
    return outcome.kind == "crop" and outcome.split is None and len(outcome.links) == 1


def _is_in_place(operation: str, kwargs: Mapping[str, Any]) -> bool:
    """Whether a call changes its first argument: ``relu_``, ``__iadd__``, ``inplace=True``."""
    ends = operation.endswith("_") and not operation.endswith("__")
    return ends or operation.startswith("__i") or bool(kwargs.get("inplace"))
