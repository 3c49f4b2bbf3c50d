"""The memory that a draw needs, in bytes, measured on the meta device before the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from ..errors import SpecError
from ..graph.axes.units import unit_values
from ..graph.graph import Node
from ..graph.run_to import OutputLocation, output_of
from ..graph.tracing.meta_copy import floating_dtype
from ..torch_private import storage_number
from .recipe import Recipe

TEMPORARY_TENSORS = 4
"""Assumed number of temporary tensors, of the largest size, besides the saved tensors."""
RESERVE_DIVISOR = 8
"""1/``RESERVE_DIVISOR`` of the budget is reserved for the allocator and torch's caches."""
CHUNK_BYTES = 512 * 10**6
"""Largest size of a batch in bytes; larger batches are no faster and delay a stop."""


@dataclass(frozen=True)
class Footprint:
    """The memory of a run in bytes, and whether draws can be batched.

    Attributes:
        fixed: bytes of weights and shared tensors, which do not depend on the batch size.
        per_draw: additional bytes of every draw in a batch.
        can_batch: whether samples are independent and lie along one dimension, so that one
            backward pass of a batch gives the gradient of each draw.
        modules: qualified names of the modules that run.
    """

    fixed: int
    per_draw: int
    can_batch: bool
    modules: frozenset[str]


def footprint(
    meta_module: nn.Module,
    input_size: tuple[int, ...],
    location: OutputLocation,
    node: Node,
    own_weights: bool,
) -> Footprint:
    """Measure the memory of a run up to one layer, from two runs on the meta device.

    Args:
        meta_module: copy of the network on the meta device, in the data type of the run.
        input_size: (C, H, W) or (C, L) of the part of the image that is run.
        location: position of the layer's output in the run, see `core.graph.run_to`.
        node: node of the layer.
        own_weights: whether the run copies the weights.
    """
    one, shape_one, modules = _measure_meta_run(meta_module, 1, input_size, location, node)
    two, shape_two, _ = _measure_meta_run(meta_module, 2, input_size, location, node)
    weights = sum(p.numel() * p.element_size() for p in meta_module.parameters())
    per_draw = max(two - one, 1)
    can_batch = shape_one[:1] == (1,) and shape_two == (2, *shape_one[1:])
    return Footprint(
        max(one - per_draw, 0) + weights * (1 + own_weights),
        per_draw,
        can_batch,
        frozenset(modules),
    )


def _measure_meta_run(
    meta_module: nn.Module,
    batch: int,
    input_size: tuple[int, ...],
    location: OutputLocation,
    node: Node,
) -> tuple[int, tuple[int, ...], set[str]]:
    """Bytes of saved and temporary tensors, shape of the unit, and names of modules that run."""
    persistent = {
        storage_number(tensor) for tensor in (*meta_module.parameters(), *meta_module.buffers())
    }
    saved_bytes: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if storage_number(tensor) not in persistent:
            saved_bytes[storage_number(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    image = torch.empty(batch, *input_size, device="meta", dtype=floating_dtype(meta_module))
    image.requires_grad_()
    contexts: tuple[Any, ...] = (torch.enable_grad(), saved_tensors_hooks(pack, lambda t: t))
    output, listener = output_of(
        meta_module, image.clone(), location, torch.device("meta"), *contexts
    )
    largest = max(listener.largest, image.untyped_storage().nbytes())
    shape = tuple(unit_values(output, node.layout, (0, 0)).shape)
    return sum(saved_bytes.values()) + TEMPORARY_TENSORS * largest, shape, listener.entered_modules


def batch_size(memory_use: Footprint, recipe: Recipe, budget: int) -> int:
    """Number of draws per batch; 0 if not even one fits into ``budget`` bytes."""
    room = (_usable_bytes(budget) - memory_use.fixed) // memory_use.per_draw
    if not memory_use.can_batch or recipe.redraws:
        return min(room, 1)
    return max(min(recipe.draws, room, max(1, CHUNK_BYTES // memory_use.per_draw)), 0)


def budget_error(
    memory_use: Footprint, size: tuple[int, int], budget: int, input_size: tuple[int, ...]
) -> SpecError:
    """The error for a run that exceeds the budget; it names a size or budget that would fit.

    Args:
        memory_use: memory of the run.
        size: (height, width) of the part of the image that is run.
        budget: the budget in bytes.
        input_size: the caller's input size, which the error repeats.
    """
    need = (memory_use.fixed + memory_use.per_draw) * RESERVE_DIVISOR // (RESERVE_DIVISOR - 1)
    sentence = f"takes about {_bytes_text(need)} for one draw, more than the budget of {_bytes_text(budget)}"
    share = (_usable_bytes(budget) - memory_use.fixed) / memory_use.per_draw
    area = size[0] * size[1] * max(share, 0)
    side = int(area * 0.95 if size[0] == 1 else area**0.5 * 0.95) // 32 * 32
    enough = f"budget={int(float(f'{1.05 * need:.1e}')):_}"
    if side >= 32:
        pixels = f"{'1' if size[0] == 1 else side}×{side} pixels"
        fits = f"about {pixels} would fit, or take {enough} bytes"
        return SpecError("input_size", f"{sentence}; {fits}", input_size)
    return SpecError("budget", f"is too small: take {enough} bytes", budget)


def _usable_bytes(budget: int) -> int:
    """The part of the budget that is not reserved (`RESERVE_DIVISOR`), in bytes."""
    return budget - budget // RESERVE_DIVISOR


def _bytes_text(count: int) -> str:
    return f"{count / 1e9:.2g} GB" if count >= 10**7 else f"{count / 1e6:.2g} MB"
