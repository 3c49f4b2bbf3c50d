"""Effective receptive fields for the page: the preview at once, the real one by the queue."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core import data
from core.errors import SpecError
from viz.compute import warm
from viz.erf_state import Request
from viz.jobs import Report, Work

if TYPE_CHECKING:
    from torch import nn

    from core.erf import EffectiveReceptiveField, Progress
    from core.erf_study import Study, StudyProgress
    from core.expected_erf import ExpectedErf

BUDGET = 2 * 10**9
"""Bytes that one computation may take."""
MAX_MACS = 5 * 10**11
"""Most multiply–accumulates of all draws of one map, the whole image counted."""


def network(asked: Request, device: str = "cpu") -> nn.Module:
    """The network with what was swapped, its weights decided by the seed; none on "meta".

    Raises:
        SpecError: it cannot be built, or has nothing of what is to be swapped.
    """
    warm()
    import torch

    from core import swaps

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(asked.seed)
        module = asked.network.build(device)
        if asked.activation != "kept":
            module = swaps.with_activation(module, asked.activation)
        if asked.pooling != "kept":
            size = asked.network.input_size
            module = swaps.with_pooling(module, asked.pooling, size, asked.seed)
        if not asked.skips:
            module = swaps.without_skips(module)
    return module


def check(asked: Request, macs: int) -> None:
    """Refuse what would keep everybody waiting.

    Args:
        macs: multiply–accumulates of one forward pass of the whole image.

    Raises:
        SpecError: too much work, with what would do.
    """
    if macs * asked.draws > MAX_MACS:
        fewer = max(1, MAX_MACS // max(macs, 1))
        rule = f"must be at most {fewer} for this network and image; or choose a smaller image"
        raise SpecError("draws", rule, asked.draws)


def work(asked: Request) -> Work:
    """The computation, for the queue."""

    def run(report: Report) -> EffectiveReceptiveField:
        from core.erf import effective_receptive_field

        def told(progress: Progress) -> bool:
            return report(progress.done, progress.total, progress.partial)

        size = asked.network.input_size
        inputs: Any = "noise"
        if asked.inputs != "noise":
            planes = data.picture(asked.inputs, size[1:], size[0])
            inputs = (planes - planes.mean()) / max(float(planes.std()), 1e-6)
        return effective_receptive_field(
            network(asked),
            size,
            asked.layer or None,
            asked.unit,
            asked.draws,
            inputs,
            asked.weights,  # type: ignore[arg-type]
            asked.aggregate,  # type: ignore[arg-type]
            asked.seed,
            progress=told,
            bf16=asked.bf16,
            budget=BUDGET,
        )

    return run


@lru_cache(maxsize=64)
def expected(asked: Request) -> ExpectedErf | None:
    """What theory expects of it, at once; None where it cannot say."""
    warm()
    from core.erf_study import GAINS
    from core.expected_erf import KEPT, TORCH, Gains, expected_erf

    uniform = asked.weights == "uniform"
    gains: dict[str, Gains] = {**GAINS, "as_is": TORCH}
    try:
        return expected_erf(
            network(asked, "meta"),
            asked.network.input_size,
            asked.layer or None,
            asked.unit,
            weights="uniform" if uniform else "random",
            gains=gains.get(asked.weights, KEPT),
        )
    except SpecError:
        return None


def study(name: str) -> Work:
    """A study of `core.erf_studies` by the name of its function, for the queue."""

    def run(report: Report) -> Study:
        warm()
        from core import erf_studies

        def told(progress: StudyProgress) -> bool:
            return report(progress.done, progress.total, None)

        found: Study = getattr(erf_studies, name)(progress=told)
        return found

    return run
