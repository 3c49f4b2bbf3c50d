"""Lists the tensors that autograd saves for the backward pass: their kinds, layers and bytes.

torch's hooks on saved tensors report them during a run on the meta device, so nothing is computed.
Memory that several layers save counts once. Outputs that no layer saves, such as that of a batch
norm before a ReLU, do not count, nor do buffers that the backward pass itself allocates.

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
from ..graph.tracing.meta_copy import first_line, floating_dtype, meta_copy
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
"""The kinds of saved tensors and their descriptions on screen."""


@dataclass(frozen=True)
class SavedTensor:
    """One piece of memory that the backward pass needs.

    Attributes:
        kind: one of `KINDS`.
        shape: the shape, with the batch axis, of the first tensor saved in this memory.
        bytes: the size of the whole storage in bytes.
        layers: the qualified names of the innermost modules whose backward pass reads it, in
            running order; "" for the network's own forward.
    """

    kind: Kind
    shape: tuple[int, ...]
    bytes: int
    layers: tuple[str, ...]


def saved_for_backward(
    module: nn.Module, input_size: tuple[int, ...], batch: int = 1
) -> tuple[SavedTensor, ...]:
    """The memory that a network saves for its backward pass, without duplicates.

    The network runs in training mode. The backward pass computes the gradients of its trainable
    parameters and of the input.

    Args:
        module: any module with one input whose forward does not depend on values; it is not
            changed.
        input_size: the input's shape without the batch, such as (channels, height, width).
        batch: the number of samples in the batch.

    Raises:
        SpecError: the module cannot be copied, or it does not accept the input.
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
        rule = f"does not fit this network: {first_line(error)}"
        raise SpecError("input_size", rule, input_size) from error
    return tuple(log.tensors())


def saved_bytes(saved: Iterable[SavedTensor]) -> dict[Kind, int]:
    """The bytes of each kind in the order of `KINDS`; kinds with no bytes are left out."""
    rows = tuple(saved)
    sums = {kind: sum(row.bytes for row in rows if row.kind == kind) for kind in KINDS}
    return {kind: total for kind, total in sums.items() if total}


def backward_bytes(saved: Iterable[SavedTensor]) -> int:
    """The bytes of memory that exists only for the backward pass, i.e. of all but the weights."""
    return sum(row.bytes for row in saved if row.kind != "weights")


@dataclass
class _SavedStorage:
    """A piece of saved memory: a tensor in it, and the names of the modules that save it."""

    tensor: Tensor  # the reference keeps the storage alive, so that the storage's id stays unique
    layers: dict[str, None] = field(default_factory=dict)


class _SavedTensorLog:
    """Records the memory that autograd saves, and for which modules.

    Attributes:
        storages: the saved memory by its storage's number.
        module_stack: the qualified names of the modules whose forward is running.
        own_storages: the storages of the network's parameters and buffers.
        image_storage: the storage of the input.
        outputs: the outputs of modules by their storage's number.
    """

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
        """A hook that notes the start of the forward of the module ``path``."""

        def entering(module: nn.Module, args: Any) -> None:
            self.module_stack.append(path)

        return entering

    def _exit_hook(self, module: nn.Module, args: Any, out: Any) -> None:
        """Notes the end of a module's forward and its outputs."""
        self.module_stack.pop()
        self.outputs |= {storage_number(tensor): tensor for tensor in tensors_in((out,))}

    def hooks(self) -> saved_tensors_hooks:
        """A context in which torch reports every saved tensor to this log."""

        def pack(tensor: Tensor) -> Tensor:
            entry = self.storages.setdefault(storage_number(tensor), _SavedStorage(tensor.detach()))
            entry.layers[self.module_stack[-1]] = None
            return tensor

        return saved_tensors_hooks(pack, lambda tensor: tensor)

    def tensors(self) -> Iterable[SavedTensor]:
        """The saved memory, in the order in which it was first saved."""
        for storage, entry in self.storages.items():
            size = entry.tensor.untyped_storage().nbytes()
            kind = self._kind(storage, entry.tensor)
            yield SavedTensor(kind, tuple(entry.tensor.shape), size, (*entry.layers,))

    def _kind(self, storage: int, tensor: Tensor) -> Kind:
        """The kind of saved memory, from its storage's number and a tensor in it."""
        if storage in self.own_storages:
            return "weights"
        if storage == self.image_storage:
            return "input"
        if tensor.dtype in (torch.bool, torch.uint8):
            return "masks"
        if not tensor.is_floating_point():
            return "indices"
        return "activations" if storage in self.outputs else "inside"
