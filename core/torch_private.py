"""Everything of torch that torch does not document: all of it stands here and nowhere else.

An upgrade of torch may take any of it away. ``tests/core/test_torch_private.py`` says for each
what it is used for, and fails with that sentence where it is gone or does something else.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch._ops import OpOverload, OpOverloadPacket
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.module_tracker import ModuleTracker

__all__ = [
    "ANY_BATCH_NORM",
    "ANY_CONVOLUTION",
    "ANY_RUNNING_NORM",
    "COMPILED_CALL",
    "MODULES",
    "TENSORS",
    "TRILINEAR",
    "DisableTorchFunction",
    "FlopCounter",
    "OpOverload",
    "OpOverloadPacket",
    "TorchDispatchMode",
    "argument_specs",
    "children_by_name",
    "disable_current_modes",
    "is_compiled",
    "is_functorch_wrapper",
    "is_hooks",
    "is_mutable",
    "own_buffers",
    "own_parameters",
    "pre_hooks",
    "qualified_name",
    "storage_number",
    "temporarily_clear_interpreter_stack",
    "uncompiled",
]

DisableTorchFunction = torch._C.DisableTorchFunction
"""A context in which calls on tensors reach torch without any ``__torch_function__``."""
disable_current_modes = _disable_current_modes
"""A context in which no ``TorchDispatchMode`` and no ``TorchFunctionMode`` is active."""
ANY_CONVOLUTION = nn.modules.conv._ConvNd
"""The class of all convolutions, transposed ones included."""
ANY_BATCH_NORM = nn.modules.batchnorm._BatchNorm
"""The class of all batch norms."""
ANY_RUNNING_NORM = nn.modules.batchnorm._NormBase
"""The class of all norms that can keep running statistics: batch and instance norms."""
TRILINEAR = torch.ops.aten._trilinear
"""The operator that a bilinear layer becomes."""
MODULES, TENSORS = "_modules", ("_parameters", "_buffers")
"""In ``vars`` of a module: its submodules, and its tensors, each a dictionary by name."""
COMPILED_CALL = "_compiled_call_impl"
"""In ``vars`` of a module: what ``Module.compile`` has made of its call."""


def storage_number(tensor: torch.Tensor) -> int:
    """A number for the memory that a tensor lies in; two tensors that share memory have the same.

    ``data_ptr()`` is 0 for every tensor on the meta device, so that there is no public way.

    Raises:
        NotImplementedError, RuntimeError: a tensor that has no memory of its own.
    """
    return int(tensor.untyped_storage()._cdata)


def is_functorch_wrapper(tensor: torch.Tensor) -> bool:
    """Whether a transformation of ``torch.func``, such as ``vmap``, stands around a tensor."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def is_compiled(module: object) -> bool:
    """Whether ``torch.compile`` stands around a module."""
    return isinstance(module, torch._dynamo.eval_frame.OptimizedModule)


def uncompiled(module: Any) -> object:
    """The module that ``torch.compile`` stands around."""
    return module._orig_mod


def children_by_name(module: nn.Module) -> dict[str, nn.Module | None]:
    """A module's own submodules, shared ones under every name; writing to it replaces them."""
    return module._modules


def own_parameters(module: nn.Module) -> dict[str, nn.Parameter | None]:
    """The parameters of a module itself, shared ones under every name; may be written to."""
    return module._parameters


def own_buffers(module: nn.Module) -> dict[str, torch.Tensor | None]:
    """The buffers of a module itself, shared ones under every name; may be written to."""
    return module._buffers


def is_hooks(key: str) -> bool:
    """Whether hooks, or settings of theirs, stand under this key of ``vars`` of a module."""
    return key.endswith("_hooks") or "_hooks_" in key


def pre_hooks(module: nn.Module) -> dict[int, Any]:
    """The hooks that run before a module's forward pass, in their order; may be written to."""
    return module._forward_pre_hooks


def qualified_name(packet: OpOverloadPacket) -> str:
    """``library::name`` of an operator."""
    return str(packet._qualified_op_name)


def argument_specs(operator: Any) -> list[Any]:
    """An operator's arguments as its schema has them, each with ``name`` and ``alias_info``."""
    return list(operator._schema.arguments)


def is_mutable(operator: Any) -> bool:
    """Whether an operator writes to any of its arguments, as its schema says."""
    return bool(operator._schema.is_mutable)


class _NoModules(ModuleTracker):
    """Stands in for torch's tracker of modules, which hooks into every module of the process:
    a backward pass of another thread fails while it is there. All is counted as one."""

    def __enter__(self) -> _NoModules:
        """Nothing is hooked into."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is to be undone."""


class FlopCounter(FlopCounterMode):
    """Counts what this thread runs inside a ``with``; ``get_total_flops()`` tells.

    Source: ``torch.utils.flop_counter.FlopCounterMode``, here without the share of each module,
    and so without its tracker ``mod_tracker``.
    """

    def __init__(self) -> None:
        super().__init__(display=False)
        self.mod_tracker = _NoModules()
