"""Runs a module once on tensors without data and reports every torch call.

The run uses a copy of the module on the meta device (core.graph.tracing.meta_copy). It does not
use `torch.fx.Tracer`, which patches `nn.Module` for all threads of the process and cannot follow
`if x.shape[2]`. A `TorchFunctionMode` belongs to one thread and sees sizes as plain numbers.

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
from ...tensors import operation_name, storage_of, tensors_in
from ...torch_private import (
    DisableTorchFunction,
    TorchDispatchMode,
    argument_specs,
    is_functorch_wrapper,
    is_mutable,
)
from .checkpoints import plain_checkpoints
from .meta_copy import empty_on_meta, first_line, split_arguments
from .stand_ins import ConstantStandIns

MEASURE_HINT = "measure_receptive_field works without a trace, from the module's name"
"""The advice at the end of the error about a network that cannot be traced."""


class Listener(Protocol):
    """The interface of objects that receive the events of a run."""

    def called(
        self,
        operation: str,
        function: object,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> Any:
        """Receives a torch call after it has returned ``out``.

        Returns:
            The result that the module's code gets, usually ``out``.
        """

    def entered(self, path: str, module: nn.Module) -> None:
        """Receives the start of the forward of the submodule with the qualified name ``path``."""

    def left(self, path: str, module: nn.Module, out: Any) -> Any:
        """Receives the end of a submodule's forward, which has returned ``out``.

        Returns:
            The result that the caller of the submodule gets, usually ``out``.
        """


class _CallRecorder(TorchFunctionMode):
    """Reports the torch calls of this thread, but not the calls that these make.

    Calls on the wrapper tensors of `torch.vmap` are skipped; `_OperatorRecorder` reports the
    operations on the wrapped tensors.

    Attributes:
        listener: the receiver of the reports.
        inside: whether a reported call is running.
        written: the tensors that this call has written to so far.
        stand_ins: supplies the values of constants, if the listener tracks them.
    """

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self.listener = listener
        constants = getattr(listener, "constants", None)
        self.stand_ins = ConstantStandIns(constants) if constants is not None else None
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
            return self.listener.called(operation_name(func), func, args, kwargs, out)

    def _report_writes(self, tensors: Sequence[torch.Tensor]) -> None:
        """Sets ``listener.written`` to the arguments that a call has written to, if it has this."""
        if self.written and hasattr(self.listener, "written"):
            named = [t for t in tensors if any(t is each for each in self.written)]
            memories = {storage_of(tensor) for tensor in self.written}
            through = [t for t in tensors if storage_of(t) in memories]  # written through a view
            self.listener.written = named or through

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """A context in which all operations belong to one call."""
        self.inside, self.written = True, []
        try:
            yield
        finally:
            self.inside = False


class _OperatorRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Reports torch's own operators that run outside of any reported torch call.

    These run inside TorchScript functions, functions of `torch.func` and extensions.
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
                return listener.called(operation_name(func), func, args, kwargs, out)
        finally:
            listener.is_operator_call = False


def _written_arguments(
    func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[torch.Tensor]:
    """The arguments that an operator writes to according to its schema."""
    specs = argument_specs(func)
    arguments = dict(zip((a.name for a in specs), args, strict=False)) | dict(kwargs)
    marked = [a.name for a in specs if a.alias_info and a.alias_info.is_write]
    return tensors_in([arguments[name] for name in marked if name in arguments])


_POINTWISE = (F.relu, F.relu6, F.silu, F.gelu, F.hardswish, F.sigmoid, torch.sigmoid, torch.relu)
"""Functions of one tensor whose result has its shape and dtype."""
_SUMS = (torch.add, torch.Tensor.add, torch.Tensor.__add__)
"""Functions that add two tensors."""


def _result_of_same_shape(
    func: object, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    """The meta tensor that a common call of unchanged shape returns, made without running the call.

    This is a shortcut: torch computes shapes on the meta device in Python, which would take half
    of the time of tracing a ResNet. With gradients on, the call must run, because a listener may
    need the tensors that torch saves for the backward pass.

    Returns:
        The result; None if the call has to be run.
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
        applies = _is_plain_batch_norm(first, *args[1:], **kwargs)
    elif func in _SUMS:
        applies = len(args) == 2 and not kwargs and _same_shape_and_type(first, args[1])
    else:
        applies = func in _POINTWISE and len(args) == 1 and first.is_floating_point()
        if applies and kwargs == {"inplace": True}:
            return first
        applies = applies and kwargs in ({}, {"inplace": False})
    if not applies:
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
    """Whether a batch norm in eval mode has matching channels and statistics, so it cannot fail."""
    statistics = [running_mean, running_var]
    others = [t for t in (*statistics, weight, bias) if t is not None]
    return (
        not training
        and None not in statistics
        and x.ndim >= 2
        and x.is_floating_point()
        and all(t.shape == x.shape[1:2] and t.dtype == x.dtype for t in others)
    )


def run_on_meta(meta_module: nn.Module, inputs: Sequence[torch.Tensor], listener: Listener) -> Any:
    """The output of a meta copy for ``inputs``; every call is reported to the listener.

    Raises:
        SpecError: forward needs values or fails; the text says what to do instead.
    """
    return run_with_listener(meta_module, inputs, listener, torch.no_grad(), torch.device("meta"))


def run_with_listener(
    copied: nn.Module,
    inputs: Sequence[torch.Tensor],
    listener: Listener,
    *contexts: AbstractContextManager[Any],
) -> Any:
    """The output of a copied module; every call is reported to the listener.

    Checkpointed blocks run as plain calls, so that a backward pass runs nothing again.

    Args:
        copied: a copy of a module; the forwards of its submodules are replaced.
        inputs: the inputs, in the order of `input_names`.
        listener: the receiver of the events.
        contexts: contexts in which the module runs.

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
            for context in (plain_checkpoints(), *contexts, *operator_recorders, recording):
                stack.enter_context(context)
            positional, named = split_arguments(copied, inputs)
            return copied(*positional, **named)
    except SpecError:
        raise
    except RecursionError as error:
        raise SpecError("module", "is nested too deep to follow", type(copied).__name__) from error
    except Exception as error:
        raise SpecError("module", _failure_rule(error), type(copied).__name__) from error


def _wrap_forwards(meta_module: nn.Module, recording: _CallRecorder) -> None:
    """Gives every submodule of a copy a forward that reports its start and its end."""
    if hasattr(recording.listener, "modules"):
        recording.listener.modules = {path for path, _ in meta_module.named_modules() if path}
    for path, module in meta_module.named_modules():
        if path:
            module.__dict__["forward"] = _reporting_forward(path, module, module.forward, recording)


def _reporting_forward(
    path: str, module: nn.Module, forward: Callable[..., Any], recording: _CallRecorder
) -> Callable[..., Any]:
    """A forward that reports its start and its end to the listener."""
    listener = recording.listener

    def reporting_forward(*args: Any, **kwargs: Any) -> Any:
        listener.entered(path, module)
        try:
            out = forward(*args, **kwargs)
        except Exception as error:
            _attach_layer(error, path, module)
            raise
        with recording.reporting(), DisableTorchFunction():
            return listener.left(path, module, out)

    return reporting_forward


_INPUT_SIZE_ATTRIBUTES = {
    "in_channels": "channels",
    "in_features": "features",
    "num_features": "channels",
}


def _attach_layer(error: Exception, path: str, module: nn.Module) -> None:
    """Sets ``error.layer`` to a phrase about the innermost layer that raised the error.

    It contains the layer's name and the number of channels or features that it takes.
    """
    if not hasattr(error, "layer"):
        own = type(module).__module__.startswith("torch.nn.modules")
        input_size = [
            f"takes {getattr(module, key)} {word}"
            for key, word in _INPUT_SIZE_ATTRIBUTES.items()
            if own and hasattr(module, key)
        ]
        error.layer = ", which ".join([f'in layer "{path}"', *input_size[:1]])  # type: ignore[attr-defined]


_NEEDS_VALUES = ("meta tensor", "meta device", "data-dependent", "no data", "to numpy")
"""Phrases in torch's errors about operations that need the values of a tensor without data."""


def _failure_rule(error: Exception) -> str:
    """The text of the SpecError for an exception that a forward has raised."""
    text = first_line(error)
    if isinstance(error, NotImplementedError) or any(word in text for word in _NEEDS_VALUES):
        return (
            f"decides by the values of its input, so it cannot be traced ({text}); {MEASURE_HINT}"
        )
    where = getattr(error, "layer", "")
    return f"fails on an input of this size: {text}" + (f" ({where})" if where else "")
