"""Shape, costs and receptive field of a block, computed without running it on data.

Shape and multiply–accumulates are computed twice: by this project's formulas and by torch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..cost.layers import LayerCost, layer_costs, totals
from ..cost.saved_tensors import SavedTensor, backward_bytes, saved_for_backward
from ..errors import SpecError
from ..graph.graph import network_graph
from ..networks import NetworkSpec, Shape, build, resolve
from ..receptive_field.coverage import read_mask
from ..receptive_field.fields import ReceptiveField, fields_of
from ..torch_private import FlopCounter

InputSize = tuple[int, int, int]
"""(channels, height, width)."""


@dataclass(frozen=True)
class BlockFacts:
    """Shape, costs and receptive field of one block. Work and memory are for the whole batch.

    Attributes:
        input_size: (C, H, W) of the input.
        batch: number of images in the input.
        output_shape: output (C, H, W) by the formulas; (features,) if the output is flattened.
        torch_shape: the output shape that torch computes.
        parameters: number of parameters.
        macs: multiply–accumulates of a forward pass, by the formulas.
        torch_macs: half of the FLOPs that torch's counter reports for a forward pass.
        forward_bytes: total size of all layers' outputs in float32.
        saved: the tensors saved for the backward pass, weights included.
        field: the receptive field of the output's units.
        unread: share of the input's pixels that no output depends on.
        costs: the costs of each layer, for a batch of one.
    """

    input_size: InputSize
    batch: int
    output_shape: tuple[int, ...]
    torch_shape: tuple[int, ...]
    parameters: int
    macs: int
    torch_macs: int
    forward_bytes: int
    saved: tuple[SavedTensor, ...]
    field: ReceptiveField
    unread: float
    costs: tuple[LayerCost, ...]

    @property
    def backward_bytes(self) -> int:
        """Bytes of the tensors saved for the backward pass, without the weights."""
        return backward_bytes(self.saved)

    @property
    def agrees(self) -> bool:
        """Whether shape and multiply–accumulates by the formulas equal torch's."""
        return self.output_shape == self.torch_shape and self.macs == self.torch_macs

    @property
    def reduction(self) -> tuple[float, float]:
        """Input side divided by output side, along (height, width)."""
        rows, cols = self.field.grid
        return self.input_size[1] / rows, self.input_size[2] / cols


def block_facts(spec: NetworkSpec, input_size: InputSize, batch: int = 1) -> BlockFacts:
    """Compute shape, costs, memory and receptive field of a block on the meta device.

    Raises:
        SpecError: the block cannot be built for this input, or its output does not depend on it.
    """
    channels, rows, cols = input_size
    output = resolve(spec, channels, (rows, cols))[-1].after
    module = build(spec, channels, (rows, cols), device="meta")
    costs = layer_costs(module, input_size)
    cost_totals = totals(costs)
    graph = network_graph(module, input_size)
    fields, end = fields_of(graph), graph.outputs[0]
    if end not in fields:
        raise SpecError("layers", "must let the output depend on the input", end)
    with torch.no_grad(), FlopCounter() as counter:
        out = module.eval()(torch.empty(batch, *input_size, device="meta"))
    return BlockFacts(
        input_size=input_size,
        batch=batch,
        output_shape=_shape_tuple(output),
        torch_shape=tuple(out.shape[1:]),
        parameters=cost_totals.parameters,
        macs=cost_totals.macs * batch,
        torch_macs=counter.get_total_flops() // 2,
        forward_bytes=cost_totals.activation_bytes * batch,
        saved=saved_for_backward(module, input_size, batch),
        field=fields[end],
        unread=float(1 - read_mask(graph, end).mean()),
        costs=costs,
    )


def _shape_tuple(shape: Shape) -> tuple[int, ...]:
    if shape.flat or shape.size is None:
        return (shape.features or 0,)
    return (shape.channels or 0, *shape.size)
