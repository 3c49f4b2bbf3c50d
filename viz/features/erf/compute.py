"""Computations on effective receptive fields: the closed form, and measurements for the queue."""

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
        network: The network before any layer is replaced.
        activation, pooling, skips: See `viz.features.erf.params.Request`.
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
        """Whether no layer is replaced."""
        return self[1:] == ("kept", "kept", True)

    def swapped(self, net: nn.Module, seed: int = 0) -> nn.Module:
        """A copy of the module with its layers replaced; the module itself if nothing changes.

        Args:
            net: The module of the unchanged network.
            seed: Seed of the weights of new layers.

        Raises:
            SpecError: The network has no layer of the kind that is to be replaced.
        """
        from core.networks import swaps

        if self.activation != "kept":
            net = swaps.with_activation(net, self.activation)
        if self.pooling != "kept":
            net = swaps.with_pooling(net, self.pooling, self.network.input_size, seed)
        return net if self.skips else swaps.without_skips(net)


def network(request: Request, weights: State | None = None) -> nn.Module:
    """The module of a request, on the CPU, with its layers replaced.

    Args:
        request: The request.
        weights: Trained weights; drawn by the request's seed where None.

    Raises:
        SpecError: The network cannot be built, or has no layer of a kind that is to be replaced.
    """
    warm()
    net = module(request.network, "cpu", weights, request.seed)
    return Structure.of(request).swapped(net, request.seed)


@computed_once(64)
def _meta_module(structure: Structure) -> nn.Module:
    """The module on the meta device, without weights. It is shared: callers must not change it.

    Raises:
        SpecError: See `network`.
    """
    warm()
    return structure.swapped(meta_module(structure.network))


@computed_once(64, outside=True)
def _graph(structure: Structure) -> Graph:
    """The graph of the network with its layers replaced."""
    if structure.is_original:
        return analysis(structure.network).graph
    warm()
    from core.graph import network_graph

    return network_graph(_meta_module(structure), structure.network.input_size)


def fitted_settings_and_request(
    analysis: Analysis, values: ErfSettings
) -> tuple[ErfSettings, Request, list[str]]:
    """The measurement that the settings describe.

    Args:
        analysis: Analysis of the chosen network.
        values: Settings of the page.

    Returns:
        The settings with a layer and a unit that exist, the request, and a sentence for each
        setting that was replaced.

    Raises:
        SpecError: No layer has an output with a height and a width.
    """
    values, line, clauses = unit.fit_layer_and_unit(analysis, values, "centre", image_counts=False)
    if line.node.kind == "input":
        rule = "must have units side by side; this network has none like that"
        raise SpecError("layer", rule, analysis.network.title)
    return values, params.request(values, line.node.name, line.node.grid), clauses


def _trained_weights(request: Request) -> State | None:
    """The trained weights that the request uses; None if it draws weights."""
    return trained_weights(request.network) if request.weights == "as_is" else None


def check_request(request: Request, analysis: Analysis) -> None:
    """Check that a request neither fails nor takes too long.

    Args:
        request: The request.
        analysis: Analysis of its network.

    Raises:
        SpecError: No layer of a kind that is to be replaced, trained weights that are not here, or
            too much work; the message says what is allowed.
    """
    _meta_module(Structure.of(request))
    _trained_weights(request)
    most = most_draws(request, analysis)
    if not most:
        rule = f"must be smaller: one draw takes more than {settings().macs:,} multiply–accumulates"
        raise SpecError("input_size", rule, "×".join(map(str, request.network.input_size)))
    if request.draws > most:
        rule = f"must be at most {most} for this network and image; or choose a smaller image"
        raise SpecError("draws", rule, request.draws)


def most_draws(request: Request, analysis: Analysis) -> int:
    """The largest of `DRAWS` within the server's budget of work; 0 if one draw exceeds it."""
    rows, cols = _smallest_crop(request.network, request.layer, request.unit).size
    height, width = request.network.input_size[1:]
    one, most = analysis.totals.macs * (rows * cols / (height * width)), settings().macs
    return max((draws for draws in DRAWS if draws * one <= most), default=0)


@computed_once(256, outside=True)
def _smallest_crop(network: Network, layer: str, unit: tuple[int, int]) -> Crop:
    """The smallest part of the image that must be run to measure a unit."""
    from core.erf.crop import smallest_crop

    field = analysis(network).fields[layer]
    return smallest_crop(meta_module(network), network.input_size, field, unit)


def work(request: Request) -> Work:
    """The measurement as work for the queue; returns an `EffectiveReceptiveField`."""

    def run(report: Report) -> EffectiveReceptiveField:
        structure = Structure.of(request)
        crop_is_cached = structure.is_original and request.layer
        crop = (
            _smallest_crop(request.network, request.layer, request.unit) if crop_is_cached else True
        )
        computation = _work(request, _trained_weights(request), _graph(structure), crop)
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
    """The measurement for a worker process, with what the web process has computed already."""

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
    """The closed form's expected map; None if it does not apply to the network or its weights."""
    if request.network.run is not None and request.weights == "as_is":
        return None  # the closed form holds for random weights, not for trained ones
    # The expected map does not depend on these settings; equal requests share one computation.
    return _expected(replace(request, draws=1, inputs="noise", seed=0, bf16=False))


@computed_once(64, outside=True)
def _expected(request: Request) -> ExpectedErf | None:
    """The expected map of a request whose irrelevant settings `expected` has made equal."""
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
def study_work(name: str) -> Work:
    """The study ``core.erf.studies.<name>`` as work for the queue."""

    def run(report: Report) -> Study:
        warm()
        from core.erf import studies

        def on_progress(progress: StudyProgress) -> bool:
            return report(progress.done, progress.total, None)

        result: Study = getattr(studies, name)(progress=on_progress)
        return result

    return run
