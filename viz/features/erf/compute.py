"""Effective receptive fields for the page: the preview at once, the real one by the queue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from core import data
from core.errors import SpecError
from viz.choices.network import Network
from viz.choices.network_analysis import Analysis, analysis, module, trained_weights
from viz.features.erf.params import DRAWS, Request
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work
from viz.server.settings import settings
from viz.server.torch_start import warm

if TYPE_CHECKING:
    from torch import nn

    from core.erf import EffectiveReceptiveField, Progress
    from core.erf.expected import ExpectedErf
    from core.erf.study import Study, StudyProgress
    from core.training.records import State


def network(asked: Request, device: str = "cpu", weights: State | None = None) -> nn.Module:
    """The network with what was swapped, its weights decided by the seed, or else trained ones;
    none on "meta".

    Raises:
        SpecError: it cannot be built, or has nothing of what is to be swapped.
    """
    warm()
    from core.networks import swaps

    made = module(asked.network, device, weights, asked.seed)
    if asked.activation != "kept":
        made = swaps.with_activation(made, asked.activation)
    if asked.pooling != "kept":
        made = swaps.with_pooling(made, asked.pooling, asked.network.input_size, asked.seed)
    return made if asked.skips else swaps.without_skips(made)


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
    network(asked, "meta")
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
    one = found.totals.macs * _part(asked.network, asked.layer, asked.unit)
    most = settings().macs
    return max((draws for draws in DRAWS if draws * one <= most), default=0)


@computed_once(256, outside=True)
def _part(network: Network, layer: str, unit: tuple[int, int]) -> float:
    """The share of the image that has to be run for a unit."""
    from core.erf.crop import smallest_crop

    field = analysis(network).fields[layer]
    height, width = network.input_size[1:]
    rows, cols = smallest_crop(network.build("meta"), network.input_size, field, unit).size
    return rows * cols / (height * width)


def work(asked: Request) -> Work:
    """The computation, for the queue."""

    def run(report: Report) -> EffectiveReceptiveField:
        found: EffectiveReceptiveField = _work(asked, _weights(asked))(report)
        return found

    return run


@queued
def _work(asked: Request, weights: State | None) -> Work:
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

    uniform = asked.weights == "uniform"
    gains: dict[Any, Gains] = {**GAINS, "as_is": TORCH}
    try:
        return expected_erf(
            network(asked, "meta"),
            asked.network.input_size,
            asked.layer or None,
            asked.unit,
            weights="uniform" if uniform else "random",
            aggregate=asked.aggregate,  # type: ignore[arg-type]
            gains=gains.get(asked.weights, UNIT_GAINS),
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
