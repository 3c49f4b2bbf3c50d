"""Claims 15 and 20: what training does, put to the test by training. Claim 26 comes with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING

from core.training.spec import LONG_RANGE, Downsampling, LongRange, Net, TrainingSpec
from viz.lessons.claims.chance import SIGMA_NOISE, below, beyond, enough, few_seeds
from viz.lessons.claims.claim import (
    Chart,
    Claim,
    Outcome,
    Series,
    Setting,
    Values,
    block,
    decided,
    outcome,
)
from viz.lessons.claims.convolutional import ALL_CONVOLUTIONAL
from viz.lessons.claims.parts import plural
from viz.lessons.claims.runs import SEEDS, lab_link, percent, pieces, steps_of, with_seeds

if TYPE_CHECKING:
    from core.training.records import Record

FAR, NEAR = "marks far apart", "digits"
NORM = Setting("norm", "Normalisation", "none", options=("none", "batch norm"))
POOLED_OR_STRIDED: tuple[Downsampling, ...] = ("max", "strided")


# --- 15: training widens the effective field ------------------------------------------------------


def _widened_spec(values: Values) -> TrainingSpec:
    far = replace(LONG_RANGE, task=LongRange(int(values["distance"])))
    spec = far if values["task"] == FAR else TrainingSpec()
    return replace(spec, steps=int(values["steps"]), records=1, snapshots=1)


def _widened(values: Values) -> Outcome:
    from core.training.studies import accuracy, widening

    seeds, spec = int(values["seeds"]), _widened_spec(values)
    rows, grown, series = [], [], []
    for seed, records in enumerate(with_seeds(spec, seeds)):
        before, after = (_sigma(record) for record in (records[0], records[-1]))
        grown.append(widening(records))
        rows.append((seed, before, after, grown[-1], accuracy(records)))
        series.append(Series(f"seed {seed}", ("before", "after"), (before, after)))
    wider = beyond(grown, SIGMA_NOISE, SIGMA_NOISE**2) if enough(seeds) else None
    return outcome(
        f"Trained for {spec.steps} steps on {_task(values)}, σ became {_factors(grown)} times what "
        f"it was, over {plural(seeds, 'seed')}; test accuracy {percent([r[4] for r in rows])}."
        f"{_band_of_growth(seeds, wider)}",
        (
            *("seed", "σ before (px)", "σ after (px)"),
            f"after / before (wider: above {SIGMA_NOISE**2:.2f}; not wider: below {SIGMA_NOISE})",
            "test accuracy",
        ),
        rows,
        (wider,) * seeds,
        Chart("bars", "Effective field of the center unit", "", "σ (px)", tuple(series)),
        verdict=decided([wider]),
    )


def _task(values: Values) -> str:
    """What the net learned from, in words."""
    if values["task"] == FAR:
        return f"a mark {values['distance']} px from the unit that has to see it"
    return "handwritten digits"


def _band_of_growth(seeds: int, wider: bool | None) -> str:
    """Why nothing is decided, where nothing is."""
    if wider is None and enough(seeds):
        return (
            f" Other images alone change σ by a factor of about {SIGMA_NOISE}: not every seed "
            f"lies below {SIGMA_NOISE}, and not every one above {SIGMA_NOISE**2:.2f}."
        )
    return few_seeds(seeds)


def _factors(grown: Sequence[float]) -> str:
    low, high = (f"{each:.2f}" for each in (min(grown), max(grown)))
    return low if low == high else f"{low} to {high}"


def _sigma(record: Record) -> float:
    shot = record.snapshot
    if shot is None or shot.erf is None:
        return math.nan
    return math.hypot(*shot.erf.sigma) / math.sqrt(2)


# --- 20: strides and gradients --------------------------------------------------------------------


def _gradients(values: Values) -> Outcome:
    from core.training.studies import reaching, roughness

    seeds = int(values["seeds"])
    nets = [with_seeds(spec, seeds) for spec in _deep(values)]
    reached, rough = (
        [[measure(records) for records in runs] for runs in nets]
        for measure in (reaching, roughness)
    )
    worse, steadier = (below(*each) if enough(seeds) else None for each in (reached, rough))
    verdict = decided([worse, steadier])
    pooled, strided = map(mean, reached)
    return outcome(
        f"Over {plural(seeds, 'seed')} the gradient of the first convolution was {pooled:.2g} "
        f"times that of the last with max pooling, {strided:.2g} times with strides. That it "
        f"vanishes more with strides is {SAYS[worse]}; that the loss falls more steadily with "
        f"strides is {SAYS[steadier]}.{_overlap(seeds, worse, steadier)}",
        ("measured", "seed", "max pooling", "strided convolution"),
        (
            *(("gradient, first / last", *each) for each in _by_seed(reached)),
            *(("unsteadiness of the loss", *each) for each in _by_seed(rough)),
        ),
        (worse,) * seeds + (steadier,) * seeds,
        _flow_chart(nets),
        _half(bool(worse)),
        verdict=verdict,
    )


SAYS: dict[bool | None, str] = {
    True: "borne out in every seed",
    False: "contradicted in every seed",
    None: "not decided",
}
"""What the bands of two nets say."""


def _overlap(seeds: int, *parts: bool | None) -> str:
    """A sentence, after a space, on why a half of a claim is undecided; few seeds are said as well."""
    if None in parts and enough(seeds):
        return " Where it is not decided, the bands of the two nets over the seeds overlap."
    return few_seeds(seeds)


def _by_seed(measured: Sequence[Sequence[float]]) -> list[tuple[int, float, float]]:
    """(seed, with max pooling, with strides)."""
    return [(seed, *pair) for seed, pair in enumerate(zip(*measured, strict=True))]


def _half(worse: bool) -> str:
    """Which half of the claim was borne out."""
    return (
        f"only this half is meant: {'gradients vanish more' if worse else 'training is steadier'}"
    )


def _flow_chart(nets: Sequence[Sequence[Sequence[Record]]]) -> Chart:
    names = ("max pooling", "strided convolution")
    return Chart(
        "lines",
        "Gradient of each convolution's weights, mean over steps and seeds",
        "convolution, from the input",
        "norm",
        tuple(_flow(name, runs) for name, runs in zip(names, nets, strict=True)),
        log=True,
    )


def _deep(values: Values) -> list[TrainingSpec]:
    """The lower rate is one at which nets without normalisation learn. As many records as the
    training lab makes, so that both come to the same numbers."""
    depth, normed = int(values["depth"]), values["norm"] != "none"
    return [
        TrainingSpec(
            Net(kind, depth=depth, width=8, batch_norm=normed),
            steps=int(values["steps"]),
            learning_rate=0.003,
            snapshots=1,
            erf_draws=1,
        )
        for kind in POOLED_OR_STRIDED
    ]


def _flow(name: str, runs: Sequence[Sequence[Record]]) -> Series:
    flows = [record.flow for records in runs for record in records if record.flow]
    layers = [i for i, each in enumerate(flows[0]) if each.layer.startswith("body")]
    norms = (mean(flow[layer].gradient for flow in flows) for layer in layers)
    return Series(name, tuple(float(i + 1) for i in range(len(layers))), tuple(norms))


TRAINING: tuple[Claim, ...] = (
    Claim(
        15,
        "Receptive field",
        "Training widens the effective receptive field.",
        (
            Setting("task", "Learned from", FAR, options=(FAR, NEAR)),
            Setting("distance", "Marks apart (px)", 12, 4, 14),
            steps_of(150),
            SEEDS,
        ),
        _widened,
        lambda values: lab_link([_widened_spec(values)], values, "erf"),
        "Random weights leave a Gaussian whose σ grows like √n. Loss is lowered by weights that "
        "carry what tells the classes apart: where that lies far from the unit, gradient from "
        "there grows; where it lies near, nothing has to widen. With other images alone σ differs "
        "by about 5 %: less is no growth, and growth is called one from twice that.",
        heavy=True,
        grid=(block(task=(FAR, NEAR)),),
        rules=(
            (
                "the task needs a far view: it does on marks far apart, not on digits",
                lambda v: v["task"] == FAR,
            ),
        ),
        pieces=lambda values: pieces([_widened_spec(values)], values),
    ),
    Claim(
        20,
        "Gradients",
        "Strided convolution worsens vanishing gradients; networks with strided convolution train "
        "more stably.",
        (NORM, Setting("depth", "Convolutions a level", 2, 1, 3), steps_of(100), SEEDS),
        _gradients,
        lambda values: lab_link(_deep(values), values, "flow"),
        "Two claims that sound opposed. Max pooling hands each gradient to one of four pixels "
        "undiminished; a stride-2 convolution spreads it over its 3×3 weights. Which of them "
        "leaves more depends on weights and normalisation, so both are trained and measured. A "
        "half is decided when every seed of one net lies beyond every seed of the other.",
        heavy=True,
        grid=(block(norm=("none", "batch norm")),),
        pieces=lambda values: pieces(_deep(values), values),
    ),
    ALL_CONVOLUTIONAL,
)
