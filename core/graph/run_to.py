"""Runs a network up to one layer, which is identified by the number of its torch call.

The number of the call is determined once, on a copy without data. A run on data then only counts
its calls, which costs next to nothing, and stops as soon as the layer's output is available.
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
"""The text of the error about a node whose output no torch call returns."""
UNSPLIT_TENSOR = -1
"""The value of `OutputLocation.result` for the tensor that a call splits into its results."""


class OutputLocation(NamedTuple):
    """The point of a run at which a node's output is available.

    Attributes:
        event: the number of the event; events are torch calls and ends of modules.
        shape: the shape of the output for one image.
        result: the index of the output among the results of the call; `UNSPLIT_TENSOR` for the
            tensor that the call splits.
        writes: whether the run writes to weights or buffers in place.
    """

    event: int
    shape: tuple[int, ...]
    result: int = 0
    writes: bool = False


def output_location(
    meta_module: nn.Module, input_size: tuple[int, ...], name: str
) -> OutputLocation:
    """The location of the output of the node ``name``.

    Args:
        meta_module: a copy of the network on the meta device.
        input_size: the input size without the batch.
        name: the name of the node.

    Raises:
        SpecError: there is no such node, or no torch call returns its output.
    """
    listener = _LocationRecorder()
    image = torch.empty(1, *input_size, device="meta", dtype=floating_dtype(meta_module))
    listener.add_input(input_names(meta_module, [input_size])[0], image)
    listener.output_drafts(run_and_restore(meta_module, image, listener))
    for draft in listener.drafts:
        if draft.name == name:
            location = listener.locations.get(id(draft))
            if location is None:
                raise SpecError("layer", NO_OUTPUT_RULE, name)
            location = location._replace(writes=listener.constants.writes_in_place)
            return location._replace(result=UNSPLIT_TENSOR) if draft.split else location
    raise SpecError("layer", "must be the name of a node or a module that ran", name)


class _LocationRecorder(Recorder):
    """A recorder that also stores the location of each node's output.

    Attributes:
        events: the number of events so far.
        leaving: whether the end of a module is being recorded.
        locations: the locations by the ``id`` of the node.
    """

    def __init__(self) -> None:
        super().__init__()
        self.events = 0
        self.leaving = False
        self.locations: dict[int, OutputLocation] = {}

    def called(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> Any:
        """Counts a torch call that returns a tensor, unless the recorder itself has made it.

        Other calls are not counted: after reading ``x.requires_grad``, a network may make
        different calls in a run with gradients.
        """
        self.events += not (self.leaving or self.is_operator_call) and _is_event(operation, out)
        return super().called(operation, function, args, kwargs, out)

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """Counts the end of a module, where layers that compute nothing get their node."""
        self.events += 1
        self.leaving = True
        out = super().left(path, module, out)
        self.leaving = False
        return out

    def _add_draft(self, draft: Draft, tensor: torch.Tensor) -> None:
        super()._add_draft(draft, tensor)
        if not self.is_operator_call:
            self.locations[id(draft)] = OutputLocation(self.events, draft.shape)

    def _updated_source(self, tensor: torch.Tensor) -> Source | None:
        part = self.parts.get(id(tensor))
        source = super()._updated_source(tensor)
        # A part gets its node when it is first used, but it is available since the split.
        if part and source and id(part[0]) in self.locations:
            event = self.locations[id(part[0])].event
            self.locations[id(source.node)] = OutputLocation(event, source.shape, part[1])
        return source


def _is_event(operation: str, out: Any) -> bool:
    """Whether a call returns a tensor or assigns to a part of one."""
    return operation == "__setitem__" or bool(tensors_in((out,)))


class OutputReached(BaseException):
    """Ends a run as soon as a layer's output is available; it is no error."""


class StopAtLocation:
    """A listener (core.graph.tracing.trace) that stops a run at one location.

    Attributes:
        location: the location.
        events: the number of events so far.
        output: the output at the location; None before it is reached.
        entered_modules: the qualified names of the modules whose forward has begun.
        largest: the size of the largest tensor so far, in bytes.
    """

    def __init__(self, location: OutputLocation) -> None:
        self.location = location
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
        """Counts a torch call and shares the gradient of tied maxima."""
        out = share_ties(operation, args, kwargs, out)
        if _is_event(operation, out):
            self._count_event(args[0] if operation == "__setitem__" else out, args)
        return out

    def entered(self, path: str, module: nn.Module) -> None:
        """Notes that a module's forward begins."""
        self.entered_modules.add(path)
        if isinstance(module, nn.MultiheadAttention):  # it uses the weights of this submodule
            self.entered_modules.add(f"{path}.out_proj".lstrip("."))

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """Counts the end of a module."""
        self._count_event(out)
        return out

    def _count_event(self, out: Any, args: Sequence[Any] = ()) -> None:
        """Counts an event; at the location it stores the output and stops the run."""
        self.events += 1
        if isinstance(out, torch.Tensor):
            self.largest = max(self.largest, out.numel() * out.element_size())
        if self.events == self.location.event:
            unsplit = self.location.result == UNSPLIT_TENSOR
            results = tensors_in(args if unsplit else (out,))
            index = 0 if unsplit else self.location.result
            self.output = results[index] if index < len(results) else None
            raise OutputReached


def output_of(
    copied: nn.Module,
    image: torch.Tensor,
    location: OutputLocation,
    *contexts: AbstractContextManager[Any],
) -> tuple[torch.Tensor, StopAtLocation]:
    """Runs a network up to a location.

    Args:
        copied: a copy of the network.
        image: the input, of shape (N, C, H, W) or (N, C, L).
        location: the location of a layer's output.
        contexts: contexts in which the network runs.

    Returns:
        The layer's output, and the listener with the other results of the run.

    Raises:
        SpecError: forward fails, or makes other calls than without data, so that there is no
            tensor of the expected shape at the location.
    """
    listener = StopAtLocation(location)
    if location.event == 0:
        return image, listener
    with suppress(OutputReached):
        run_and_restore(copied, image, listener, *contexts)
    if listener.output is None or not _is_batch_of(
        listener.output.shape, location.shape, len(image)
    ):
        raise SpecError(
            "module", "runs other operations on real data than without", type(copied).__name__
        )
    return listener.output, listener


def _is_batch_of(shape: Sequence[int], sample_shape: Sequence[int], count: int) -> bool:
    """Whether ``shape`` is that of ``count`` samples if ``sample_shape`` is that of one sample.

    The samples may multiply any one dimension, such as the batch of windows of a transformer.
    """
    if len(shape) != len(sample_shape):
        return False
    different = [(n, m) for n, m in zip(shape, sample_shape, strict=True) if n != m]
    return len(different) <= 1 and all(n == count * m for n, m in different)


def run_and_restore(
    copied: nn.Module, image: torch.Tensor, listener: Any, *contexts: AbstractContextManager[Any]
) -> Any:
    """Runs a copy with a listener and restores its forwards, so that it can run again."""
    with restored_forwards(copied):
        if image.is_meta and not contexts:
            return run_on_meta(copied, [image], listener)
        return run_with_listener(copied, [image], listener, *contexts)
