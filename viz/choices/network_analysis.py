"""Networks for the pages: graphs, receptive fields and costs, each computed once for all."""

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
"""Most work of one forward pass of a network that is measured for a visitor."""


@dataclass(frozen=True)
class Analysis:
    """Everything closed-form about one network on one input.

    Attributes:
        network: what was asked.
        graph, fields: of core, by node name.
        lines: what a picture shows.
        costs: by node name; empty where they cannot be told.
        cost_note: why not.
    """

    network: Network
    graph: Graph
    fields: Mapping[str, ReceptiveField]
    lines: tuple[Line, ...]
    costs: Mapping[str, LayerCost]
    cost_note: str

    @property
    def totals(self) -> CostTotals:
        """The sums of the costs; zeros where they cannot be told."""
        from core.cost import totals

        return totals(self.costs.values())

    @property
    def deepest(self) -> Line:
        """The last feature map whose units do not all see everything by their structure.

        A map of one unit counts where a window made it, as a 5×5 one does of 5×5 units.
        """
        maps = [
            line
            for line in self.lines
            if (max(line.node.grid) > 1 or line.node.kind == "window")
            and not all(axis.whole for axis in line.field.axes)
        ]
        return maps[-1] if maps else self.lines[-1]

    @property
    def whole_from(self) -> Line | None:
        """The first line after the deepest one whose output still has positions, all of which
        see everything; None where there is none."""
        later = self.lines[self.lines.index(self.deepest) + 1 :]
        return next((line for line in later if _has_positions(line)), None)

    def line(self, name: str) -> Line | None:
        """The line of a node, or of a module by its qualified name; None for neither."""
        for line in self.lines:
            if name in (line.node.name, *line.folded):
                return line
        within = [line for line in self.lines if name and line.node.module == name]
        return within[-1] if within else None


def _has_positions(line: Line) -> bool:
    """Whether an output has several places; also where their axes could not be followed."""
    mixes = line.node.kind in ("global", "unknown")
    return max(line.node.grid) > 1 or (mixes and prod(line.node.shape[2:]) > 1)


def trained_weights(network: Network) -> State | None:
    """The weights that a net of the training lab comes to; None of other networks. To be asked for
    in the server itself: a worker process has no runs.

    Raises:
        SpecError: the run is not finished here.
    """
    if network.run is None:
        return None
    return lab_store.finished(to_text(network.run))[1]


def module(
    network: Network, device: str | torch.device, weights: State | None = None, seed: int = 0
) -> nn.Module:
    """The torch module, with trained weights where they are given, otherwise with those of the
    seed; on "meta" without any, for all who only read it.

    Raises:
        SpecError: it cannot be built for this input.
    """
    if device == "meta":
        return meta_module(network)
    if network.run is None or weights is None:
        return network.build(device, seed)
    from core.training.loop import trained

    return trained(network.run, weights).to(device)


@computed_once(64)
def meta_module(network: Network) -> nn.Module:
    """The torch module without weights, on the meta device, for all who only read it.

    Raises:
        SpecError: it cannot be built for this input.
    """
    return network.build("meta")


@computed_once(64, outside=True)
def analysis(network: Network) -> Analysis:
    """Graph, fields and costs of a network.

    Raises:
        SpecError: it cannot be built on this input, or followed.
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
def cone_lines(network: Network) -> list[dict[str, Any]]:
    """The lines of the cone as the browser takes them."""
    from core.receptive_field.outline import as_data

    return as_data(analysis(network).lines)


@queued
def measurement(network: Network, layer: str, unit: tuple[int, int]) -> Work:
    """The receptive field of a node's unit by backprop, for the queue."""

    def run(report: Report) -> MeasuredField:
        from core.receptive_field import measure_receptive_field

        module = meta_module(network)  # support needs no weights
        size, limit = network.input_size, MEASURED_FLOPS
        return measure_receptive_field(module, size, layer, unit, max_flops=limit)

    return run


@computed_once(64, outside=True)
def strategies(target: int, input_size: tuple[int, int, int]) -> tuple[Strategy, ...]:
    """What each strategy needs to see ``target`` pixels a side."""
    warm()
    from core.receptive_field.strategies import strategies as search

    return search(target, input_size)


def strategy_names() -> tuple[str, ...]:
    """The names that `strategies` gives what it finds."""
    warm()
    from core.receptive_field.strategies import FAMILIES

    return tuple(kind.name for kind in FAMILIES)


PICTURE_SIDE = 288
"""Longest side of a picture on the page, in its own pixels."""


@computed_once(64)
def picture(name: str, size: tuple[int, int], upload: Upload | None = None, seed: int = 0) -> str:
    """A picture of an input's shape as a data URL, scaled down where it is large."""
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
