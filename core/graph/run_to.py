"""Running a network up to one layer, found by the number of its torch call.

The names of a graph are found once, on a copy without data; after that a run only
counts its calls, which costs next to nothing, and ends where the layer's output appears.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple

import torch
from torch import nn

from ..errors import SpecError
from ..tensors import tensors_in
from .plain_copy import restored_forwards
from .recorder import Recorder
from .rules.call import Draft, Source
from .ties import share_ties
from .tracing.meta_copy import floating_dtype, input_names
from .tracing.trace import run_on_meta, run_with_listener

NO_OUTPUT_RULE = (
    "must be what a torch call gives; it is part of a tensor, or lies inside a function that runs "
    "as one. Choose the layer before or after it"
)
UNSPLIT = -1
"""Result number that stands for the tensor that a call splits."""


class OutputLocation(NamedTuple):
    """Where a node's output appears when a network runs.

    Attributes:
        event: at which event of the run.
        shape: of the output, for one image.
        result: which of the call's results it is; `WHOLE` for the tensor that is split.
        writes: the run writes to weights or buffers in place.
    """

    event: int
    shape: tuple[int, ...]
    result: int = 0
    writes: bool = False


def location_of(bare: nn.Module, input_size: tuple[int, ...], name: str) -> OutputLocation:
    """Where the node called ``name`` appears when a meta copy runs.

    Raises:
        SpecError: there is no such node.
    """
    listener = _LocationRecorder()
    image = torch.empty(1, *input_size, device="meta", dtype=floating_dtype(bare))
    listener.add_input(input_names(bare, [input_size])[0], image)
    listener.output_drafts(run_and_restore(bare, image, listener))
    for draft in listener.drafts:
        if draft.name == name:
            spot = listener.spots.get(id(draft))
            if spot is None:
                raise SpecError("layer", NO_OUTPUT_RULE, name)
            spot = spot._replace(writes=listener.constants.writes_in_place)
            return spot._replace(result=UNSPLIT) if draft.split else spot
    raise SpecError("layer", "must be the name of a node or a module that ran", name)


class _LocationRecorder(Recorder):
    """Records the event at which each node's output appears."""

    def __init__(self) -> None:
        super().__init__()
        self.events = 0
        self.leaving = False
        self.spots: dict[int, OutputLocation] = {}

    def called(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> Any:
        """A torch call that makes a tensor is an event, unless the recorder makes it itself.

        Others are not counted: whoever looks at ``x.requires_grad`` may see something else
        in a run with gradients.
        """
        self.events += not (self.leaving or self.is_operator_call) and _is_event(operation, out)
        return super().called(operation, function, args, kwargs, out)

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """A module's end is an event: layers that compute nothing are named there."""
        self.events += 1
        self.leaving = True
        out = super().left(path, module, out)
        self.leaving = False
        return out

    def _add_draft(self, draft: Draft, tensor: torch.Tensor) -> None:
        super()._add_draft(draft, tensor)
        if not self.is_operator_call:
            self.spots[id(draft)] = OutputLocation(self.events, draft.shape)

    def _updated_source(self, tensor: torch.Tensor) -> Source | None:
        part = self.parts.get(id(tensor))
        source = super()._updated_source(tensor)
        if (
            part and source and id(part[0]) in self.spots
        ):  # named when first used, but there since it was split
            event = self.spots[id(part[0])].event
            self.spots[id(source.node)] = OutputLocation(event, source.shape, part[1])
        return source


def _is_event(operation: str, out: Any) -> bool:
    """Whether a call returns a tensor, or changes part of one."""
    return operation == "__setitem__" or bool(tensors_in((out,)))


class _OutputReached(BaseException):
    """The layer's output is available, so that the rest of the network need not run."""


class StopAtLocation:
    """A listener (core.graph.tracing.trace) that ends a run at one spot.

    Attributes:
        found: the layer's output.
        ran: qualified names of the modules that were entered before it.
        largest: bytes of the largest result.
    """

    def __init__(self, spot: OutputLocation) -> None:
        self.spot = spot
        self.events = 0
        self.output: torch.Tensor | None = None
        self.entered_modules: set[str] = {""}
        self.largest = 0

    def called(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> Any:
        """See core.graph.tracing.trace.Listener."""
        out = share_ties(operation, args, kwargs, out)
        if _is_event(operation, out):
            self._count(args[0] if operation == "__setitem__" else out, args)
        return out

    def entered(self, path: str, module: nn.Module) -> None:
        """See core.graph.tracing.trace.Listener."""
        self.entered_modules.add(path)
        if isinstance(module, nn.MultiheadAttention):  # uses its child's weights itself
            self.entered_modules.add(f"{path}.out_proj".lstrip("."))

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """See core.graph.tracing.trace.Listener."""
        self._count(out)
        return out

    def _count(self, out: Any, args: Sequence[Any] = ()) -> None:
        self.events += 1
        if isinstance(out, torch.Tensor):
            self.largest = max(self.largest, out.numel() * out.element_size())
        if self.events == self.spot.event:
            whole = self.spot.result == UNSPLIT
            results = tensors_in(args if whole else (out,))
            place = 0 if whole else self.spot.result
            self.output = results[place] if place < len(results) else None
            raise _OutputReached


def output_of(
    copied: nn.Module,
    image: torch.Tensor,
    spot: OutputLocation,
    *within: AbstractContextManager[Any],
) -> tuple[torch.Tensor, StopAtLocation]:
    """The layer's output for (N, C, H, W) or (N, C, L), and what the run has seen.

    Raises:
        SpecError: forward fails, or ran otherwise than on tensors without data: at the
            layer's place stands nothing, or a tensor of another shape.
    """
    listener = StopAtLocation(spot)
    if spot.event == 0:
        return image, listener
    with suppress(_OutputReached):
        run_and_restore(copied, image, listener, *within)
    if listener.output is None or not _is_batch(listener.output.shape, spot.shape, len(image)):
        raise SpecError(
            "module", "runs other operations on real data than without", type(copied).__name__
        )
    return listener.output, listener


def _is_batch(shape: Sequence[int], one: Sequence[int], count: int) -> bool:
    """Whether a shape is that of ``count`` samples, of which one has the shape ``one``."""
    if len(shape) != len(one):
        return False
    grown = [(n, m) for n, m in zip(shape, one, strict=True) if n != m]
    return len(grown) <= 1 and all(n == count * m for n, m in grown)


def run_and_restore(
    copied: nn.Module, image: torch.Tensor, listener: Any, *within: AbstractContextManager[Any]
) -> Any:
    """Run a copy and restore its forwards, so that it can run again."""
    with restored_forwards(copied):
        if image.is_meta and not within:
            return run_on_meta(copied, [image], listener)
        return run_with_listener(copied, [image], listener, *within)
