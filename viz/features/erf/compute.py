"""Computations of the page on effective fields: the preview at once, the measurement by the queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from core import data
from core.errors import SpecError
from viz.choices import unit
from viz.choices.network import Network
from viz.choices.network_analysis import Analysis, analysis, meta_module, module, trained_weights
from viz.features.erf import params
from viz.features.erf.params import DRAWS, ErfSettings, Request
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work
from viz.server.settings import settings
from viz.server.torch_start import warm

if TYPE_CHECKING:
    from torch import nn

    from core.erf import EffectiveReceptiveField, Progress
    from core.erf.crop import Crop
    from core.erf.expected import ExpectedErf
    from core.erf.study import Study, StudyProgress
    from core.graph import Graph
    from core.training.records import State


class Structure(NamedTuple):
    """The settings that decide the layers of a network and their connections.

    Attributes:
        network: before anything is swapped.
        activation, pooling, skips: as of a `Request`.
    """

    network: Network
    activation: str
    pooling: str
    skips: bool

    @classmethod
    def of(cls, request: Request) -> Structure:
        """The structure of a request's network."""
        return cls(request.network, request.activation, request.pooling, request.skips)

    @property
    def is_original(self) -> bool:
        """Whether nothing is swapped."""
        return self[1:] == ("kept", "kept", True)

    def swapped(self, net: nn.Module, seed: int = 0) -> nn.Module:
        """A copy of the network's module with what is to be swapped; itself where nothing is.

        Raises:
            SpecError: it has nothing of what is to be swapped.
        """
        from core.networks import swaps

        if self.activation != "kept":
            net = swaps.with_activation(net, self.activation)
        if self.pooling != "kept":
            net = swaps.with_pooling(net, self.pooling, self.network.input_size, seed)
        return net if self.skips else swaps.without_skips(net)


def network(request: Request, weights: State | None = None) -> nn.Module:
    """The network with its swaps applied; its weights are drawn by the seed, or trained ones.

    Raises:
        SpecError: it cannot be built, or has nothing of what is to be swapped.
    """
    warm()
    net = module(request.network, "cpu", weights, request.seed)
    return Structure.of(request).swapped(net, request.seed)


@computed_once(64)
def _meta_module(structure: Structure) -> nn.Module:
    """The module without weights, shared by readers that do not change it.

    Raises:
        SpecError: as `network`.
    """
    warm()
    return structure.swapped(meta_module(structure.network))


@computed_once(64, outside=True)
def _graph(structure: Structure) -> Graph:
    """The graph of the swapped network."""
    if structure.is_original:
        return analysis(structure.network).graph
    warm()
    from core.graph import network_graph

    return network_graph(_meta_module(structure), structure.network.input_size)


def request_of(analysis: Analysis, values: ErfSettings) -> tuple[ErfSettings, Request, list[str]]:
    """The request that the settings make of their network.

    Args:
        analysis: of the network.
        values: of the page.

    Returns:
        settings whose layer and unit the network has, their request, and a sentence for each
        setting that was replaced.

    Raises:
        SpecError: no layer of it has units side by side.
    """
    values, line, clauses = unit.fit(analysis, values, "centre", image=False)
    if line.node.kind == "input":
        rule = "must have units side by side; this network has none like that"
        raise SpecError("layer", rule, analysis.network.title)
    return values, params.request(values, line.node.name, line.node.grid), clauses


def _weights(request: Request) -> State | None:
    """The trained weights; None if the weights are drawn."""
    return trained_weights(request.network) if request.weights == "as_is" else None


def check(request: Request, analysis: Analysis) -> None:
    """Refuse requests that would fail or take too long.

    Args:
        request: of a layer of ``analysis``.
        analysis: its network.

    Raises:
        SpecError: nothing to swap, weights that are not trained here, or too much work; with what
            would do.
    """
    _meta_module(Structure.of(request))
    _weights(request)
    most = most_draws(request, analysis)
    if not most:
        rule = f"must be smaller: one draw takes more than {settings().macs:,} multiply–accumulates"
        raise SpecError("input_size", rule, "×".join(map(str, request.network.input_size)))
    if request.draws > most:
        rule = f"must be at most {most} for this network and image; or choose a smaller image"
        raise SpecError("draws", rule, request.draws)


def most_draws(request: Request, analysis: Analysis) -> int:
    """The largest offered number of draws within the budget; 0 if one draw is too many."""
    rows, cols = _crop(request.network, request.layer, request.unit).size
    height, width = request.network.input_size[1:]
    one, most = analysis.totals.macs * (rows * cols / (height * width)), settings().macs
    return max((draws for draws in DRAWS if draws * one <= most), default=0)


@computed_once(256, outside=True)
def _crop(network: Network, layer: str, unit: tuple[int, int]) -> Crop:
    """The part of the image that must be run for a unit."""
    from core.erf.crop import smallest_crop

    field = analysis(network).fields[layer]
    return smallest_crop(meta_module(network), network.input_size, field, unit)


def work(request: Request) -> Work:
    """The measurement as work for the queue."""

    def run(report: Report) -> EffectiveReceptiveField:
        structure = Structure.of(request)
        crop_is_cached = structure.is_original and request.layer
        crop = _crop(request.network, request.layer, request.unit) if crop_is_cached else True
        computation = _work(request, _weights(request), _graph(structure), crop)
        result: EffectiveReceptiveField = computation(report)
        return result

    return run


@queued
def _work(
    request: Request,
    weights: State | None,
    graph: Graph | None = None,
    crop: Crop | bool = True,
) -> Work:
    def run(report: Report) -> EffectiveReceptiveField:
        from core.erf import effective_receptive_field

        def on_progress(progress: Progress) -> bool:
            return report(progress.done, progress.total, progress.partial)

        size = request.network.input_size
        inputs: Any = request.inputs
        if inputs != "noise":
            planes = data.picture(inputs, size[1:], size[0])
            inputs = (planes - planes.mean()) / max(planes.std(), 1e-6)
        return effective_receptive_field(
            network(request, weights=weights),
            size,
            request.layer or None,
            unit=request.unit,
            draws=request.draws,
            inputs=inputs,
            weights=request.weights,  # type: ignore[arg-type]
            aggregate=request.aggregate,  # type: ignore[arg-type]
            seed=request.seed,
            device=settings().device,
            progress=on_progress,
            bf16=request.bf16,
            budget=settings().memory_bytes,
            crop=crop,
            graph=graph,
        )

    return run


def expected(request: Request) -> ExpectedErf | None:
    """The closed form's expected map; None if it does not cover the network."""
    if request.network.run is not None and request.weights == "as_is":
        return None  # what training has made of weights, no theory of random ones knows
    same = replace(request, draws=1, inputs="noise", seed=0, bf16=False)
    return _expected(same)  # nothing of that changes it


@computed_once(64, outside=True)
def _expected(request: Request) -> ExpectedErf | None:
    warm()
    from core.erf.expected import TORCH_GAINS, UNIT_GAINS, Gains, expected_erf
    from core.erf.study import GAINS

    structure, uniform = Structure.of(request), request.weights == "uniform"
    gains: dict[Any, Gains] = {**GAINS, "as_is": TORCH_GAINS}
    try:
        return expected_erf(
            _meta_module(structure),
            request.network.input_size,
            request.layer or None,
            request.unit,
            weights="uniform" if uniform else "random",
            aggregate=request.aggregate,  # type: ignore[arg-type]
            gains=gains.get(request.weights, UNIT_GAINS),
            graph=_graph(structure),
        )
    except SpecError:
        return None


@queued
def study(name: str) -> Work:
    """A study of `core.erf.studies`, by the name of its function, as work for the queue."""

    def run(report: Report) -> Study:
        warm()
        from core.erf import studies

        def on_progress(progress: StudyProgress) -> bool:
            return report(progress.done, progress.total, None)

        result: Study = getattr(studies, name)(progress=on_progress)
        return result

    return run
