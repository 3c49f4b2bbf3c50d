"""The memory of a draw in bytes, measured on tensors without data before it runs."""

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

WORKSPACE = 4
"""Number of temporary tensors of the largest size that exist beside the saved tensors."""
SLACK = 8
"""One part in ``SLACK`` of the budget is reserved for the allocator and torch's own caches."""
CHUNK_BYTES = 512 * 10**6
"""Most bytes of a chunk: larger ones gain no speed and delay a stop."""


@dataclass(frozen=True)
class Footprint:
    """The memory of a run in bytes, and whether draws can be batched.

    Attributes:
        fixed: independent of the number of draws in a batch: weights and shared tensors.
        per_draw: of every draw in a batch.
        batches: samples are independent and lie along one dimension, so that one backward
            pass of many gives each one's gradient.
        ran: qualified names of the modules that run.
    """

    fixed: int
    per_draw: int
    batches: bool
    ran: frozenset[str]


def footprint(
    bare: nn.Module,
    input_size: tuple[int, ...],
    spot: OutputLocation,
    node: Node,
    own_weights: bool,
) -> Footprint:
    """The bytes of a run up to one layer, from two runs of a copy on the meta device.

    Args:
        bare: a meta copy (core.graph.tracing.meta_copy) in the type of the computation.
        input_size: (C, H, W) or (C, L) of what is run.
        spot: of the layer.
        node: the layer's.
        own_weights: the run has weights of its own.
    """
    one, shape_one, ran = _bytes(bare, 1, input_size, spot, node)
    two, shape_two, _ = _bytes(bare, 2, input_size, spot, node)
    weights = sum(p.numel() * p.element_size() for p in bare.parameters())
    per_draw = max(two - one, 1)
    batches = shape_one[:1] == (1,) and shape_two == (2, *shape_one[1:])
    return Footprint(
        max(one - per_draw, 0) + weights * (1 + own_weights), per_draw, batches, frozenset(ran)
    )


def _bytes(
    bare: nn.Module, batch: int, input_size: tuple[int, ...], spot: OutputLocation, node: Node
) -> tuple[int, tuple[int, ...], set[str]]:
    """Bytes of saved and temporary tensors, the unit's shape, and the modules that run."""
    own = {storage_number(tensor) for tensor in (*bare.parameters(), *bare.buffers())}
    saved_bytes: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if storage_number(tensor) not in own:
            saved_bytes[storage_number(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    image = torch.empty(batch, *input_size, device="meta", dtype=floating_dtype(bare))
    image.requires_grad_()
    within: tuple[Any, ...] = (torch.enable_grad(), saved_tensors_hooks(pack, lambda t: t))
    output, listener = output_of(bare, image.clone(), spot, torch.device("meta"), *within)
    largest = max(listener.largest, image.untyped_storage().nbytes())
    shape = tuple(unit_values(output, node.layout, (0, 0)).shape)
    return sum(saved_bytes.values()) + WORKSPACE * largest, shape, listener.entered_modules


def batch_size(taken: Footprint, recipe: Recipe, budget: int) -> int:
    """Number of draws per batch; 0 where not even one fits into ``budget`` bytes."""
    room = (_usable(budget) - taken.fixed) // taken.per_draw
    if not taken.batches or recipe.redraws:
        return min(room, 1)
    return max(min(recipe.draws, room, max(1, CHUNK_BYTES // taken.per_draw)), 0)


def refusal(
    taken: Footprint, size: tuple[int, int], budget: int, input_size: tuple[int, ...]
) -> SpecError:
    """The error for a run that does not fit, with a size or budget that would.

    Args:
        taken: the bytes.
        size: (height, width) of what is run.
        budget: in bytes.
        input_size: as the caller gave it.
    """
    need = (taken.fixed + taken.per_draw) * SLACK // (SLACK - 1)
    sentence = f"takes about {_gb(need)} for one draw, more than the budget of {_gb(budget)}"
    share = (_usable(budget) - taken.fixed) / taken.per_draw
    area = size[0] * size[1] * max(share, 0)
    side = int(area * 0.95 if size[0] == 1 else area**0.5 * 0.95) // 32 * 32
    enough = f"budget={int(float(f'{1.05 * need:.1e}')):_}"
    if side >= 32:
        pixels = f"{'1' if size[0] == 1 else side}×{side} pixels"
        fits = f"about {pixels} would fit, or take {enough} bytes"
        return SpecError("input_size", f"{sentence}; {fits}", input_size)
    return SpecError("budget", f"is too small: take {enough} bytes", budget)


def _usable(budget: int) -> int:
    return budget - budget // SLACK


def _gb(count: int) -> str:
    return f"{count / 1e9:.2g} GB" if count >= 10**7 else f"{count / 1e6:.2g} MB"
