"""All undocumented parts of torch that this package uses; no other module may use any.

A new version of torch may remove or change them. ``tests/core/test_torch_private.py`` explains for
each what it is used for, and fails with that sentence if it is missing or behaves differently.
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
"""Context in which calls on tensors skip every ``__torch_function__``."""
disable_current_modes = _disable_current_modes
"""Context in which no ``TorchDispatchMode`` and no ``TorchFunctionMode`` is active."""
ANY_CONVOLUTION = nn.modules.conv._ConvNd
"""The base class of all convolutions, including transposed ones."""
ANY_BATCH_NORM = nn.modules.batchnorm._BatchNorm
"""The base class of all batch norms."""
ANY_RUNNING_NORM = nn.modules.batchnorm._NormBase
"""The base class of all norms that can have running statistics: batch and instance norms."""
TRILINEAR = torch.ops.aten._trilinear
"""The operator that a bilinear layer calls."""
MODULES, TENSORS = "_modules", ("_parameters", "_buffers")
"""Keys in ``vars`` of a module for the dictionaries of its submodules, and of its tensors."""
COMPILED_CALL = "_compiled_call_impl"
"""Key in ``vars`` of a module for the function that ``Module.compile`` made of its call."""


def storage_number(tensor: torch.Tensor) -> int:
    """A number that identifies a tensor's memory; tensors that share memory have the same.

    ``data_ptr()`` is 0 for every tensor on the meta device, so there is no public way.

    Raises:
        NotImplementedError, RuntimeError: the tensor has no memory of its own.
    """
    return int(tensor.untyped_storage()._cdata)


def is_functorch_wrapper(tensor: torch.Tensor) -> bool:
    """Whether a tensor is wrapped by a transformation of ``torch.func``, such as ``vmap``."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def is_compiled(module: object) -> bool:
    """Whether a module is wrapped by ``torch.compile``."""
    return isinstance(module, torch._dynamo.eval_frame.OptimizedModule)


def uncompiled(module: Any) -> object:
    """The module inside a module that ``torch.compile`` returned."""
    return module._orig_mod


def children_by_name(module: nn.Module) -> dict[str, nn.Module | None]:
    """A module's direct submodules by name, shared ones under every name; writing replaces them."""
    return module._modules


def own_parameters(module: nn.Module) -> dict[str, nn.Parameter | None]:
    """A module's direct parameters by name, shared ones under every name; may be written to."""
    return module._parameters


def own_buffers(module: nn.Module) -> dict[str, torch.Tensor | None]:
    """A module's direct buffers by name, shared ones under every name; may be written to."""
    return module._buffers


def is_hooks(key: str) -> bool:
    """Whether a key in ``vars`` of a module is for hooks or their settings."""
    return key.endswith("_hooks") or "_hooks_" in key


def pre_hooks(module: nn.Module) -> dict[int, Any]:
    """A module's hooks before the forward pass, in order of execution; may be written to."""
    return module._forward_pre_hooks


def qualified_name(packet: OpOverloadPacket) -> str:
    """The name ``library::name`` of an operator."""
    return str(packet._qualified_op_name)


def argument_specs(operator: Any) -> list[Any]:
    """The arguments in an operator's schema, each with ``name`` and ``alias_info``."""
    return list(operator._schema.arguments)


def is_mutable(operator: Any) -> bool:
    """Whether an operator writes to any of its arguments, according to its schema."""
    return bool(operator._schema.is_mutable)


class _NoModules(ModuleTracker):
    """Replaces torch's module tracker, and tracks nothing.

    torch's tracker adds hooks to all modules of the process; while they exist, a backward pass in
    another thread fails.
    """

    def __enter__(self) -> _NoModules:
        """Add no hooks."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove nothing."""


class FlopCounter(FlopCounterMode):
    """Counts the FLOPs of this thread inside a ``with``; ``get_total_flops()`` returns the sum.

    It is ``torch.utils.flop_counter.FlopCounterMode`` without the totals of each module, and
    therefore without its tracker ``mod_tracker``.
    """

    def __init__(self) -> None:
        super().__init__(display=False)
        self.mod_tracker = _NoModules()
