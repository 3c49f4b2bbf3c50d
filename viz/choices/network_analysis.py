"""Analyses of networks: graphs, receptive fields and costs, computed once for all visitors."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import TYPE_CHECKING, Any

from core import data
from core.errors import SpecError
from core.layer.board import Upload
from core.training.text import to_text
from viz.choices import lab_store
from viz.choices.network import Network
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work
from viz.server.torch_start import warm

if TYPE_CHECKING:
    import torch
    from torch import nn

    from core.cost import CostTotals, LayerCost
    from core.graph import Graph
    from core.receptive_field import MeasuredField, ReceptiveField
    from core.receptive_field.outline import Line
    from core.receptive_field.strategies import Strategy
    from core.training.records import State

MEASURED_FLOPS = 10**11
"""Most floating-point operations of a forward pass whose receptive field is measured."""


@dataclass(frozen=True)
class Analysis:
    """The results about a network that need no measurement.

    Attributes:
        network: The network and its input size.
        graph: Its graph.
        fields: The receptive field of each node by name.
        lines: The nodes that pictures and tables show, in order.
        costs: The cost of each node by name; empty if it cannot be computed.
        cost_note: The reason why it cannot; "" if it can.
    """

    network: Network
    graph: Graph
    fields: Mapping[str, ReceptiveField]
    lines: tuple[Line, ...]
    costs: Mapping[str, LayerCost]
    cost_note: str

    @property
    def totals(self) -> CostTotals:
        """The sums of the costs; zeros if they cannot be computed."""
        from core.cost import totals

        return totals(self.costs.values())

    @property
    def deepest(self) -> Line:
        """The last feature map whose receptive fields are smaller than the whole image.

        A map of a single unit counts only if a window operation made it, such as a 5×5
        convolution of a 5×5 map.
        """
        maps = [
            line
            for line in self.lines
            if (max(line.node.grid) > 1 or line.node.kind == "window")
            and not all(axis.whole for axis in line.field.axes)
        ]
        return maps[-1] if maps else self.lines[-1]

    @property
    def first_whole_image_line(self) -> Line | None:
        """The first line after `deepest` whose output still has several positions; each of them
        sees the whole image. None if there is none."""
        later = self.lines[self.lines.index(self.deepest) + 1 :]
        return next((line for line in later if _has_several_positions(line)), None)

    def line(self, name: str) -> Line | None:
        """The line of a node by its name, or of a module by its qualified name; None if there is none."""
        for line in self.lines:
            if name in (line.node.name, *line.folded):
                return line
        within = [line for line in self.lines if name and line.node.module == name]
        return within[-1] if within else None


def _has_several_positions(line: Line) -> bool:
    """Whether an output has several positions, counted from its shape if its axes are unknown."""
    mixes = line.node.kind in ("global", "unknown")
    return max(line.node.grid) > 1 or (mixes and prod(line.node.shape[2:]) > 1)


def trained_weights(network: Network) -> State | None:
    """The trained weights of a net of the training lab; None for other networks.

    It works only in the web process: worker processes have no runs.

    Raises:
        SpecError: The run is not finished on this server.
    """
    if network.run is None:
        return None
    return lab_store.finished_run(to_text(network.run))[1]


def module(
    network: Network, device: str | torch.device, weights: State | None = None, seed: int = 0
) -> nn.Module:
    """The torch module of a network.

    Args:
        network: The network.
        device: Device of the module; on "meta" it has no weights and is shared, see `meta_module`.
        weights: Trained weights for a net of the training lab; None for random ones.
        seed: Seed of the random weights.

    Raises:
        SpecError: The network cannot be built for this input.
    """
    if device == "meta":
        return meta_module(network)
    if network.run is None or weights is None:
        return network.build(device, seed)
    from core.training.loop import trained_network

    return trained_network(network.run, weights).to(device)


@computed_once(64)
def meta_module(network: Network) -> nn.Module:
    """The torch module on the meta device, without weights; it is cached, so nobody may change it.

    Raises:
        SpecError: The network cannot be built for this input.
    """
    return network.build("meta")


@computed_once(64, outside=True)
def analysis(network: Network) -> Analysis:
    """Graph, receptive fields and costs of a network.

    Raises:
        SpecError: The network cannot be built on this input, or its graph cannot be traced.
    """
    warm()
    from core.cost import layer_costs
    from core.graph import network_graph
    from core.receptive_field import fields_of
    from core.receptive_field.outline import outline

    module = meta_module(network)
    graph = network_graph(module, network.input_size)
    fields = fields_of(graph)
    costs: dict[str, LayerCost] = {}
    note = ""
    try:
        costs = {cost.name: cost for cost in layer_costs(module, network.input_size)}
    except SpecError as error:
        note = str(error)
    return Analysis(network, graph, fields, outline(graph, fields), costs, note)


@computed_once(64)
def cone_network(network: Network) -> dict[str, Any]:
    """The lines of the receptive-field cone, and its rows, for the JavaScript component."""
    from core.receptive_field.folding import MAX_ROWS, folded_rows, rows_as_data
    from core.receptive_field.outline import as_data

    lines = analysis(network).lines
    return {"lines": as_data(lines), "rows": rows_as_data(lines, folded_rows(lines, MAX_ROWS))}


@queued
def field_measurement_work(network: Network, layer: str, unit: tuple[int, int]) -> Work:
    """Queue work that measures the receptive field of a unit by backpropagation."""

    def run(report: Report) -> MeasuredField:
        from core.receptive_field import measure_receptive_field

        module = meta_module(network)  # the receptive field does not depend on the weights
        size, limit = network.input_size, MEASURED_FLOPS
        return measure_receptive_field(module, size, layer, unit, max_flops=limit)

    return run


@computed_once(64, outside=True)
def strategies(target: int, input_size: tuple[int, int, int]) -> tuple[Strategy, ...]:
    """For each strategy to enlarge a receptive field, the network that reaches a side of ``target``
    pixels."""
    warm()
    from core.receptive_field.strategies import strategies as search

    return search(target, input_size)


def strategy_names() -> tuple[str, ...]:
    """Names of all strategies that `strategies` can return."""
    warm()
    from core.receptive_field.strategies import FAMILIES

    return tuple(kind.name for kind in FAMILIES)


PICTURE_SIDE = 288
"""Longest side in pixels of the picture that `picture_data_url` encodes."""


@computed_once(64)
def picture_data_url(
    name: str, size: tuple[int, int], upload: Upload | None = None, seed: int = 0
) -> str:
    """A picture in the shape of a network's input, as a JPEG data URL.

    Args:
        name: Name of the picture, used without an upload.
        size: (height, width) of the input; larger ones are scaled down to `PICTURE_SIDE`.
        upload: The visitor's own picture.
        seed: Seed of a generated picture.
    """
    from PIL import Image

    share = min(1.0, PICTURE_SIDE / max(size))
    small = (max(1, round(size[0] * share)), max(1, round(size[1] * share)))
    planes = (
        data.crop_and_scale(upload.pixels, small, 3)
        if upload
        else data.picture(name, small, 3, seed)
    )
    file = BytesIO()
    Image.fromarray(planes.transpose(1, 2, 0).astype("uint8")).save(file, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"
