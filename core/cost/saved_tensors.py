"""The tensors that autograd saves for the backward pass: kind, layers, and bytes.

torch's own hooks on saved tensors list them on the meta device, so nothing is computed. Memory
that several layers save is counted once. Outputs that no layer saves (such as that of a batch norm
before a ReLU) are not counted; nor are buffers that the backward pass itself allocates.

Source: torch.autograd.graph.saved_tensors_hooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from ..errors import SpecError
from ..graph.tracing.meta_copy import floating_dtype, meta_copy
from ..tensors import tensors_in
from ..torch_private import storage_number

Kind = Literal["weights", "input", "activations", "indices", "masks", "inside"]
KINDS: dict[Kind, str] = {
    "weights": "parameters and running statistics, which exist without a backward pass",
    "input": "the input",
    "activations": "outputs of layers",
    "indices": "whole numbers: where a maximum stood",
    "masks": "true or false: what was dropped",
    "inside": "what layers make for themselves, such as a batch's mean",
}


@dataclass(frozen=True)
class SavedTensor:
    """One piece of memory that the backward pass needs.

    Attributes:
        kind: what it is; see `KINDS`.
        shape: of the first tensor saved in it, batch axis included.
        bytes: of the whole storage.
        layers: qualified names of the innermost modules whose backward pass reads it, in the
            order they run; "" for the network's own forward.
    """

    kind: Kind
    shape: tuple[int, ...]
    bytes: int
    layers: tuple[str, ...]


def saved_for_backward(
    module: nn.Module, input_size: tuple[int, ...], batch: int = 1
) -> tuple[SavedTensor, ...]:
    """Everything that ``module`` saves for its backward pass, each piece of memory once.

    The module runs in training mode; the backward pass goes to its trainable parameters and to
    the input.

    Args:
        module: any module of one input that does not decide by values; untouched.
        input_size: what follows the batch axis, e.g. (channels, height, width).
        batch: samples.

    Raises:
        SpecError: it cannot be copied, or does not take this input.
    """
    bare = meta_copy(module).train()
    bare.__class__ = module.__class__
    for own, copied in zip(module.parameters(), bare.parameters(), strict=True):
        copied.requires_grad_(own.requires_grad)
    image = torch.empty(batch, *input_size, device="meta", dtype=floating_dtype(bare))
    log = _SavedTensorLog(bare, image.requires_grad_())
    try:
        with torch.enable_grad(), torch.device("meta"), log.hooks():
            bare(image)
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise SpecError("input_size", f"does not fit this network: {said}", input_size) from error
    return tuple(log.tensors())


def saved_bytes(saved: Iterable[SavedTensor]) -> dict[Kind, int]:
    """Bytes of each kind, in the order of `KINDS`; kinds without any are left out."""
    rows = tuple(saved)
    sums = {kind: sum(row.bytes for row in rows if row.kind == kind) for kind in KINDS}
    return {kind: total for kind, total in sums.items() if total}


def backward_bytes(saved: Iterable[SavedTensor]) -> int:
    """Bytes that are held only for the backward pass: all but the weights."""
    return sum(row.bytes for row in saved if row.kind != "weights")


@dataclass
class _SavedStorage:
    tensor: Tensor  # a reference keeps its storage alive, so that the storage's id stays unique
    layers: dict[str, None] = field(default_factory=dict)


class _SavedTensorLog:
    """Records which memory autograd saves, and for which modules."""

    def __init__(self, bare: nn.Module, image: Tensor) -> None:
        self.storages: dict[int, _SavedStorage] = {}
        self.module_stack: list[str] = [""]
        self.own_storages = {storage_number(t) for t in (*bare.parameters(), *bare.buffers())}
        self.image_storage = storage_number(image)
        self.outputs: dict[int, Tensor] = {}
        for path, part in bare.named_modules():
            part.register_forward_pre_hook(self._entry_hook(path))
            part.register_forward_hook(self._exit_hook)

    def _entry_hook(self, path: str) -> Any:
        def entering(module: nn.Module, args: Any) -> None:
            self.module_stack.append(path)

        return entering

    def _exit_hook(self, module: nn.Module, args: Any, out: Any) -> None:
        self.module_stack.pop()
        self.outputs |= {storage_number(tensor): tensor for tensor in tensors_in((out,))}

    def hooks(self) -> saved_tensors_hooks:
        """torch's hooks on saved tensors, which write into this log."""

        def pack(tensor: Tensor) -> Tensor:
            entry = self.storages.setdefault(storage_number(tensor), _SavedStorage(tensor.detach()))
            entry.layers[self.module_stack[-1]] = None
            return tensor

        return saved_tensors_hooks(pack, lambda tensor: tensor)

    def tensors(self) -> Iterable[SavedTensor]:
        for name, entry in self.storages.items():
            size = entry.tensor.untyped_storage().nbytes()
            yield SavedTensor(
                self._kind(name, entry.tensor), tuple(entry.tensor.shape), size, (*entry.layers,)
            )

    def _kind(self, name: int, tensor: Tensor) -> Kind:
        if name in self.own_storages:
            return "weights"
        if name == self.image_storage:
            return "input"
        if tensor.dtype in (torch.bool, torch.uint8):
            return "masks"
        if not tensor.is_floating_point():
            return "indices"
        return "activations" if name in self.outputs else "inside"
