"""Effective receptive fields for the page: the preview at once, the real one by the queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from core import data
from core.errors import SpecError
from viz.choices.network import Network
from viz.choices.network_analysis import Analysis, analysis, meta_module, module, trained_weights
from viz.features.erf.params import DRAWS, Request
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
    """What decides the layers of a network and how they are connected.

    Attributes:
        network: before anything is swapped.
        activation, pooling, skips: as of a `Request`.
    """

    network: Network
    activation: str
    pooling: str
    skips: bool

    @classmethod
    def of(cls, asked: Request) -> Structure:
        """That of a request's network."""
        return cls(asked.network, asked.activation, asked.pooling, asked.skips)

    @property
    def is_original(self) -> bool:
        """Nothing is swapped."""
        return self[1:] == ("kept", "kept", True)

    def swapped(self, made: nn.Module, seed: int = 0) -> nn.Module:
        """A copy of the network's module with what is to be swapped; itself where nothing is.

        Raises:
            SpecError: it has nothing of what is to be swapped.
        """
        from core.networks import swaps

        if self.activation != "kept":
            made = swaps.with_activation(made, self.activation)
        if self.pooling != "kept":
            made = swaps.with_pooling(made, self.pooling, self.network.input_size, seed)
        return made if self.skips else swaps.without_skips(made)


def network(asked: Request, weights: State | None = None) -> nn.Module:
    """The network with what was swapped, its weights decided by the seed, or else trained ones.

    Raises:
        SpecError: it cannot be built, or has nothing of what is to be swapped.
    """
    warm()
    made = module(asked.network, "cpu", weights, asked.seed)
    return Structure.of(asked).swapped(made, asked.seed)


@computed_once(64)
def _meta_module(structure: Structure) -> nn.Module:
    """The module without weights, for all who only read it.

    Raises:
        SpecError: as `network`.
    """
    warm()
    return structure.swapped(meta_module(structure.network))


@computed_once(64, outside=True)
def _graph(structure: Structure) -> Graph:
    """How the layers are connected."""
    if structure.is_original:
        return analysis(structure.network).graph
    warm()
    from core.graph import network_graph

    return network_graph(_meta_module(structure), structure.network.input_size)


def _weights(asked: Request) -> State | None:
    """Trained ones; None where they are drawn."""
    return trained_weights(asked.network) if asked.weights == "as_is" else None


def check(asked: Request, found: Analysis) -> None:
    """Refuse what would fail, or keep everybody waiting.

    Args:
        asked: of a layer of ``found``.
        found: its network.

    Raises:
        SpecError: nothing to swap, weights that are not trained here, or too much work; with what
            would do.
    """
    _meta_module(Structure.of(asked))
    _weights(asked)
    most = most_draws(asked, found)
    if not most:
        rule = f"must be smaller: one draw takes more than {settings().macs:,} multiply–accumulates"
        raise SpecError("input_size", rule, "×".join(map(str, asked.network.input_size)))
    if asked.draws > most:
        rule = f"must be at most {most} for this network and image; or choose a smaller image"
        raise SpecError("draws", rule, asked.draws)


def most_draws(asked: Request, found: Analysis) -> int:
    """The largest offered number of draws that is computed for a visitor; 0 for none."""
    rows, cols = _crop(asked.network, asked.layer, asked.unit).size
    height, width = asked.network.input_size[1:]
    one, most = found.totals.macs * (rows * cols / (height * width)), settings().macs
    return max((draws for draws in DRAWS if draws * one <= most), default=0)


@computed_once(256, outside=True)
def _crop(network: Network, layer: str, unit: tuple[int, int]) -> Crop:
    """The part of the image that has to be run for a unit."""
    from core.erf.crop import smallest_crop

    field = analysis(network).fields[layer]
    return smallest_crop(meta_module(network), network.input_size, field, unit)


def work(asked: Request) -> Work:
    """The computation, for the queue."""

    def run(report: Report) -> EffectiveReceptiveField:
        structure = Structure.of(asked)
        known = structure.is_original and asked.layer
        crop = _crop(asked.network, asked.layer, asked.unit) if known else True
        computation = _work(asked, _weights(asked), _graph(structure), crop)
        result: EffectiveReceptiveField = computation(report)
        return result

    return run


@queued
def _work(
    asked: Request,
    weights: State | None,
    graph: Graph | None = None,
    crop: Crop | bool = True,
) -> Work:
    def run(report: Report) -> EffectiveReceptiveField:
        from core.erf import effective_receptive_field

        def told(progress: Progress) -> bool:
            return report(progress.done, progress.total, progress.partial)

        size = asked.network.input_size
        inputs: Any = asked.inputs
        if inputs != "noise":
            planes = data.picture(inputs, size[1:], size[0])
            inputs = (planes - planes.mean()) / max(planes.std(), 1e-6)
        return effective_receptive_field(
            network(asked, weights=weights),
            size,
            asked.layer or None,
            unit=asked.unit,
            draws=asked.draws,
            inputs=inputs,
            weights=asked.weights,  # type: ignore[arg-type]
            aggregate=asked.aggregate,  # type: ignore[arg-type]
            seed=asked.seed,
            device=settings().device,
            progress=told,
            bf16=asked.bf16,
            budget=settings().memory_bytes,
            crop=crop,
            graph=graph,
        )

    return run


def expected(asked: Request) -> ExpectedErf | None:
    """What theory expects of it, at once; None where it cannot say."""
    if asked.network.run is not None and asked.weights == "as_is":
        return None  # what training has made of weights, no theory of random ones knows
    same = replace(asked, draws=1, inputs="noise", seed=0, bf16=False)
    return _expected(same)  # nothing of that changes it


@computed_once(64, outside=True)
def _expected(asked: Request) -> ExpectedErf | None:
    warm()
    from core.erf.expected import TORCH, UNIT_GAINS, Gains, expected_erf
    from core.erf.study import GAINS

    structure, uniform = Structure.of(asked), asked.weights == "uniform"
    gains: dict[Any, Gains] = {**GAINS, "as_is": TORCH}
    try:
        return expected_erf(
            _meta_module(structure),
            asked.network.input_size,
            asked.layer or None,
            asked.unit,
            weights="uniform" if uniform else "random",
            aggregate=asked.aggregate,  # type: ignore[arg-type]
            gains=gains.get(asked.weights, UNIT_GAINS),
            graph=_graph(structure),
        )
    except SpecError:
        return None


@queued
def study(name: str) -> Work:
    """A study of `core.erf.studies` by the name of its function, for the queue."""

    def run(report: Report) -> Study:
        warm()
        from core.erf import studies

        def told(progress: StudyProgress) -> bool:
            return report(progress.done, progress.total, None)

        found: Study = getattr(studies, name)(progress=told)
        return found

    return run
