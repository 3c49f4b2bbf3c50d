"""Runs a module once on tensors without data and reports every torch call.

The run happens on a copy of the module on the meta device (core.graph.tracing.meta_copy). `torch.fx.Tracer` patches
`nn.Module` for all threads of the process while it traces, and stops at `if x.shape[2]`;
a `TorchFunctionMode` belongs to one thread and sees sizes as plain numbers.

Source: torch.overrides.TorchFunctionMode
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from ...errors import SpecError
from ...tensors import operation_of, storage_of, tensors_in
from ...torch_private import (
    DisableTorchFunction,
    TorchDispatchMode,
    argument_specs,
    is_functorch_wrapper,
    is_mutable,
)
from .checkpoints import plain_checkpoints
from .meta_copy import empty_on_meta, first_line, split_arguments
from .stand_ins import StandIns

MEASURE_HINT = "measure_receptive_field works without a trace, from the module's name"


class Listener(Protocol):
    """The interface that a run reports its calls to."""

    def called(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> Any:
        """A torch call has returned ``out``; returns what the module's code is given."""

    def entered(self, path: str, module: nn.Module) -> None:
        """A submodule's forward begins."""

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """A submodule's forward has returned ``out``; returns what its caller is given."""


class _CallRecorder(TorchFunctionMode):
    """Reports the outermost torch calls of this thread.

    Calls on the tensors that torch's transformations hand out (`torch.vmap`) say nothing about
    the tensors behind them; what they do to those is reported by `_Beneath`.

    Attributes:
        inside: a call that is reported is running.
        written: the tensors that it has written to so far.
        stand_ins: what a listener that follows constants knows of their numbers.
    """

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self.listener = listener
        constants = getattr(listener, "constants", None)
        self.stand_ins = StandIns(constants) if constants is not None else None
        self.inside = False
        self.written: list[torch.Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = tensors_in((*args, *kwargs.values()))
        if any(map(is_functorch_wrapper, tensors)):
            return func(*args, **kwargs)
        number = self.stand_ins and self.stand_ins.constant_read_by(
            getattr(func, "__name__", ""), args
        )
        if number is not None:
            return func(number)
        with self.reporting():
            out = _result_of_same_shape(func, args, kwargs)
            if out is None and self.stand_ins:
                out, args, kwargs = self.stand_ins.run_call(func, args, kwargs)
            elif out is None:
                out = func(*args, **kwargs)
            elif out is args[0]:
                self.written = [out]
            self._report_writes(tensors)
            return self.listener.called(operation_of(func), func, args, kwargs, out)

    def _report_writes(self, tensors: Sequence[torch.Tensor]) -> None:
        """Say which of a call's arguments were written to, to a listener that wants to know."""
        if self.written and hasattr(self.listener, "written"):
            named = [t for t in tensors if any(t is each for each in self.written)]
            memories = {storage_of(tensor) for tensor in self.written}
            through = [t for t in tensors if storage_of(t) in memories]  # by a view of its own
            self.listener.written = named or through

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """While it is open, what torch does is part of one call."""
        self.inside, self.written = True, []
        try:
            yield
        finally:
            self.inside = False


class _OperatorRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Reports what torch does to tensors without a torch call that is reported.

    These are the operations inside TorchScript functions, functions of `torch.func` and
    extensions: torch's own operators, under their own names.
    """

    def __init__(self, recording: _CallRecorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recording = recording

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, recording = kwargs or {}, self.recording
        written = _written_arguments(func, args, kwargs) if is_mutable(func) else []
        if recording.inside:
            recording.written += written
            return func(*args, **kwargs)
        listener: Any = recording.listener
        listener.is_operator_call = True
        try:
            with recording.reporting(), DisableTorchFunction():
                out = func(*args, **kwargs)
                listener.written = written
                return listener.called(operation_of(func), func, args, kwargs, out)
        finally:
            listener.is_operator_call = False


def _written_arguments(
    func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[torch.Tensor]:
    """The arguments that an operator writes to, as its schema says."""
    specs = argument_specs(func)
    arguments = dict(zip((a.name for a in specs), args, strict=False)) | dict(kwargs)
    marked = [a.name for a in specs if a.alias_info and a.alias_info.is_write]
    return tensors_in([arguments[name] for name in marked if name in arguments])


_POINTWISE = (F.relu, F.relu6, F.silu, F.gelu, F.hardswish, F.sigmoid, torch.sigmoid, torch.relu)
_SUMS = (torch.add, torch.Tensor.add, torch.Tensor.__add__)


def _result_of_same_shape(
    func: object, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    """What a call gives that keeps its input's shape; None where that is for torch to find out.

    torch works such shapes out in Python: half of the time that following a ResNet would take.
    Where gradients are on, whoever listens may ask what a backward pass keeps: that torch alone
    knows.
    """
    if (
        torch.is_grad_enabled()
        or not args
        or not isinstance(args[0], torch.Tensor)
        or not args[0].is_meta
    ):
        return None
    first = args[0]
    if func is F.batch_norm:
        keeps = _is_plain_batch_norm(first, *args[1:], **kwargs)
    elif func in _SUMS:
        keeps = len(args) == 2 and not kwargs and _same_shape_and_type(first, args[1])
    else:
        keeps = func in _POINTWISE and len(args) == 1 and first.is_floating_point()
        if keeps and kwargs == {"inplace": True}:
            return first
        keeps = keeps and kwargs in ({}, {"inplace": False})
    if not keeps:
        return None
    with DisableTorchFunction():
        return empty_on_meta(first)


def _same_shape_and_type(one: torch.Tensor, other: object) -> bool:
    return (
        isinstance(other, torch.Tensor)
        and one.shape == other.shape
        and one.dtype == other.dtype
        and one.device == other.device
    )


def _is_plain_batch_norm(
    x: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> bool:
    """Whether its channels fit and its statistics are there, so that nothing can fail."""
    statistics = [running_mean, running_var]
    others = [t for t in (*statistics, weight, bias) if t is not None]
    return (
        not training
        and None not in statistics
        and x.ndim >= 2
        and x.is_floating_point()
        and all(t.shape == x.shape[1:2] and t.dtype == x.dtype for t in others)
    )


def run_on_meta(bare: nn.Module, inputs: Sequence[torch.Tensor], listener: Listener) -> Any:
    """The output of the meta copy for ``inputs``, every call reported to the listener.

    Raises:
        SpecError: its forward needs values, or fails; says what to do instead.
    """
    return run_with_listener(bare, inputs, listener, torch.no_grad(), torch.device("meta"))


def run_with_listener(
    copied: nn.Module,
    inputs: Sequence[torch.Tensor],
    listener: Listener,
    *within: AbstractContextManager[Any],
) -> Any:
    """The output of a copy that may be written to, every call reported, inside contexts.

    Checkpointed blocks are called as they are, so that a backward pass runs nothing again.

    Raises:
        SpecError: forward fails.
    """
    recording = _CallRecorder(listener)
    _wrap_forwards(copied, recording)
    try:
        with ExitStack() as stack:
            operator_recorders = (
                [_OperatorRecorder(recording)] if hasattr(listener, "is_operator_call") else []
            )
            for context in (plain_checkpoints(), *within, *operator_recorders, recording):
                stack.enter_context(context)
            positional, named = split_arguments(copied, inputs)
            return copied(*positional, **named)
    except SpecError:
        raise
    except RecursionError as error:
        raise SpecError("module", "is nested too deep to follow", type(copied).__name__) from error
    except Exception as error:
        raise SpecError("module", _failure_rule(error), type(copied).__name__) from error


def _wrap_forwards(bare: nn.Module, recording: _CallRecorder) -> None:
    """Give every submodule of the meta copy a forward that reports itself."""
    if hasattr(recording.listener, "modules"):
        recording.listener.modules = {path for path, _ in bare.named_modules() if path}
    for path, module in bare.named_modules():
        if path:
            module.__dict__["forward"] = _reporting_forward(path, module, module.forward, recording)


def _reporting_forward(
    path: str, module: nn.Module, forward: Callable[..., Any], recording: _CallRecorder
) -> Callable[..., Any]:
    listener = recording.listener

    def announced(*args: Any, **kwargs: Any) -> Any:
        listener.entered(path, module)
        try:
            out = forward(*args, **kwargs)
        except Exception as error:
            _note_layer(error, path, module)
            raise
        with recording.reporting(), DisableTorchFunction():
            return listener.left(path, module, out)

    return announced


_INPUT_SIZE_ATTRIBUTES = {
    "in_channels": "channels",
    "in_features": "features",
    "num_features": "channels",
}


def _note_layer(error: Exception, path: str, module: nn.Module) -> None:
    """Note on an error the innermost layer that it came from, and what that takes."""
    if not hasattr(error, "layer"):
        own = type(module).__module__.startswith("torch.nn.modules")
        taken = [
            f"takes {getattr(module, key)} {word}"
            for key, word in _INPUT_SIZE_ATTRIBUTES.items()
            if own and hasattr(module, key)
        ]
        error.layer = ", which ".join([f'in layer "{path}"', *taken[:1]])  # type: ignore[attr-defined]


_NEEDS_VALUES = ("meta tensor", "meta device", "data-dependent", "no data", "to numpy")


def _failure_rule(error: Exception) -> str:
    text = first_line(error)
    if isinstance(error, NotImplementedError) or any(word in text for word in _NEEDS_VALUES):
        return (
            f"decides by the values of its input, so it cannot be traced ({text}); {MEASURE_HINT}"
        )
    where = getattr(error, "layer", "")
    return f"fails on an input of this size: {text}" + (f" ({where})" if where else "")
