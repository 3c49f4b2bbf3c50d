"""Claims 15, 20 and 26: what training does, put to the test by training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING

from core.claims.claim import (
    Chart,
    Claim,
    Evidence,
    Link,
    Outcome,
    Series,
    Setting,
    Values,
    verdict_of,
)
from core.claims.parts import plural
from core.training.spec import LONG_RANGE, Digits, Downsampling, LongRange, Net, TrainingSpec
from core.training.text import to_text

if TYPE_CHECKING:
    from core.training.records import Record

Runs = dict[tuple[int, int], list["Record"]]
"""The records of each (net, seed)."""
FAR, NEAR = "marks far apart", "digits"
SEEDS = Setting("seeds", "Seeds", 2, 1, 3)
STEPS = Setting("steps", "Steps of training", 150, 30, 300)
NORM = Setting("norm", "Normalisation", "none", options=("none", "batch norm"))
POOLED_OR_STRIDED: tuple[Downsampling, ...] = ("max", "strided")
ALL_CONVOLUTIONAL: tuple[Downsampling, ...] = ("max", "extra_conv", "strided")
NOT_LINKED = {"records", "snapshots", "erf_draws"}
"""How often a run is looked at, which changes nothing of it; the training lab has its own."""
NOISE = 1.05
"""Factor by which σ differs with the 16 images over which it is taken: measured, 3 to 6 %."""
DOUBT = 2
"""Standard errors by which two accuracies on one test set may differ by chance."""


def _trained(specs: Sequence[TrainingSpec], seeds: int) -> Runs:
    from core.training.studies import compare

    runs: Runs = {}
    for net, seed, record in compare(specs, range(seeds)):
        runs.setdefault((net, seed), []).append(record)
    return runs


def _lab(specs: Sequence[TrainingSpec], values: Values, tab: str) -> Link:
    """The training lab with these very runs."""
    pairs = (word.split("=") for word in to_text(specs[0]).split(" ")[1:])
    return Link(
        "training",
        (
            ("variants", ",".join(spec.net.downsampling for spec in specs)),
            *((name, value) for name, value in pairs if name not in NOT_LINKED),
            ("seeds", str(values["seeds"])),
            ("tab", tab),
        ),
    )


def _percent(shares: Sequence[float]) -> str:
    """``97.3 %``, or from lowest to highest."""
    low, high = (f"{100 * each:.1f}" for each in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


# --- 15: training widens the effective field ------------------------------------------------------


def _widened_spec(values: Values) -> TrainingSpec:
    far = replace(LONG_RANGE, task=LongRange(int(values["distance"])))
    spec = far if values["task"] == FAR else TrainingSpec()
    return replace(spec, steps=int(values["steps"]), records=1, snapshots=1)


def _widened(values: Values) -> Outcome:
    from core.training.studies import accuracy, widening

    seeds, spec = int(values["seeds"]), _widened_spec(values)
    runs = _trained([spec], seeds)
    rows, grown, series = [], [], []
    for seed in range(seeds):
        records = runs[0, seed]
        before, after = (_sigma(record) for record in (records[0], records[-1]))
        grown.append(widening(records))
        rows.append((seed, before, after, grown[-1], accuracy(records)))
        series.append(Series(f"seed {seed}", ("before", "after"), (before, after)))
    agrees = tuple(each > NOISE for each in grown)
    return Outcome(
        verdict_of(agrees),
        f"In this run σ became {_factors(grown)} times what it was, over "
        f"{plural(seeds, 'seed')} and {spec.steps} steps; test accuracy "
        f"{_percent([row[4] for row in rows])}.",
        Evidence(
            (
                *("seed", "σ before (px)", "σ after (px)"),
                *(f"after / before (wider: above {NOISE})", "test accuracy"),
            ),
            tuple(rows),
            agrees,
        ),
        Chart("bars", "Effective field of the centre unit", "", "σ (px)", tuple(series)),
        f"for {sum(agrees)} of {plural(seeds, 'seed')}" if len(set(agrees)) == 2 else "",
    )


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
    runs = _trained(_deep(values), seeds)
    reached, rough = (
        [(measure(runs[0, seed]), measure(runs[1, seed])) for seed in range(seeds)]
        for measure in (reaching, roughness)
    )
    worse, steadier = ([b < a for a, b in pairs] for pairs in (reached, rough))
    agrees = (*worse, *steadier)
    pooled, strided = (mean(pair[net] for pair in reached) for net in (0, 1))
    verdict = verdict_of(agrees)
    return Outcome(
        verdict,
        f"In this run the gradient of the first convolution was {pooled:.2g} times that of the last "
        f"with max pooling, {strided:.2g} times with strides, over {plural(seeds, 'seed')}: less "
        f"with strides in {sum(worse)} of {seeds}. The loss fell more steadily with strides in "
        f"{sum(steadier)} of {seeds}.",
        Evidence(
            ("measured", "seed", "max pooling", "strided convolution"),
            (
                *(("gradient, first / last", i, *pair) for i, pair in enumerate(reached)),
                *(("unsteadiness of the loss", i, *pair) for i, pair in enumerate(rough)),
            ),
            agrees,
        ),
        _flow_chart([[runs[net, seed] for seed in range(seeds)] for net in (0, 1)]),
        _which(worse, steadier) if verdict == "holds when" else "",
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


def _which(worse: Sequence[bool], steadier: Sequence[bool]) -> str:
    """Which half of the claim was borne out, and how often."""
    count = len(worse)
    return (
        f"gradients vanish more in {sum(worse)} of {plural(count, 'seed')}, training is steadier "
        f"in {sum(steadier)} of {count}"
    )


def _flow(name: str, runs: Sequence[Sequence[Record]]) -> Series:
    flows = [record.flow for records in runs for record in records if record.flow]
    layers = [i for i, each in enumerate(flows[0]) if each.layer.startswith("body")]
    norms = (mean(flow[layer].gradient for flow in flows) for layer in layers)
    return Series(name, tuple(float(i + 1) for i in range(len(layers))), tuple(norms))


# --- 26: all-convolutional nets -------------------------------------------------------------------


def _all_convolutional_specs(values: Values) -> list[TrainingSpec]:
    task, steps = Digits(distractors=int(values["distractors"])), int(values["steps"])
    return [
        TrainingSpec(Net(kind), task, steps=steps, records=1, snapshots=1, erf_draws=1)
        for kind in ALL_CONVOLUTIONAL
    ]


def _all_convolutional(values: Values) -> Outcome:
    from core.training.studies import accuracy
    from core.training.tasks import source_of

    seeds, specs = int(values["seeds"]), _all_convolutional_specs(values)
    runs = _trained(specs, seeds)
    tests = len(source_of(specs[0].task).test()[1])
    rows, agrees = [], []
    for seed in range(seeds):
        pooled, replaced, strided = (accuracy(runs[net, seed]) for net in range(3))
        chance = DOUBT * math.sqrt((_variance(pooled) + _variance(replaced)) / tests)
        rows.append((seed, pooled, replaced, replaced - pooled, chance, strided))
        agrees.append(replaced - pooled >= -chance)
    means = [mean(row[column] for row in rows) for column in (1, 2, 5)]
    names = ("max pooling", "pooling replaced by a convolution", "pooling left out, stride 2")
    return Outcome(
        verdict_of(tuple(agrees)),
        f"In this run, over {plural(seeds, 'seed')}, {_percent(means[1:2])} of {tests} test images "
        f"were told right with each pooling replaced by a stride-2 convolution, "
        f"{_percent(means[:1])} with max pooling; with the stride put into the convolution before "
        f"instead, {_percent(means[2:])}.",
        Evidence(
            (
                "seed",
                *names[:2],
                "difference",
                f"chance ({DOUBT} standard errors)",
                names[2],
            ),
            tuple(rows),
            tuple(agrees),
        ),
        Chart(
            "bars",
            "Test accuracy",
            "",
            "told right (%)",
            tuple(
                Series(f"seed {row[0]}", names, tuple(100 * row[net] for net in (1, 2, 5)))
                for row in rows
            ),
        ),
        f"for {sum(agrees)} of {plural(seeds, 'seed')}" if len(set(agrees)) == 2 else "",
    )


def _variance(share: float) -> float:
    """Of one test image told right with that chance; not below that of one error in a hundred."""
    inside = min(max(share, 0.01), 0.99)
    return inside * (1 - inside)


TRAINING: tuple[Claim, ...] = (
    Claim(
        15,
        "Receptive field",
        "Training widens the effective receptive field.",
        (
            Setting("task", "Learned from", FAR, options=(FAR, NEAR)),
            Setting("distance", "Marks apart (px)", 12, 4, 14),
            Setting("steps", "Steps of training", 250, 30, 300),
            SEEDS,
        ),
        _widened,
        lambda values: _lab([_widened_spec(values)], values, "erf"),
        "Random weights leave a Gaussian whose σ grows like √n. Loss is lowered by weights that "
        "carry what tells the classes apart: where that lies far from the unit, gradient from "
        "there grows; where it lies near, nothing has to widen. With other images alone σ differs "
        "by about 5 %: less is no growth.",
        heavy=True,
    ),
    Claim(
        20,
        "Gradients",
        "Strided convolution worsens vanishing gradients; networks with strided convolution train "
        "more stably.",
        (NORM, Setting("depth", "Convolutions a level", 2, 1, 3), STEPS, SEEDS),
        _gradients,
        lambda values: _lab(_deep(values), values, "flow"),
        "Two claims that sound opposed. Max pooling hands each gradient to one of four pixels "
        "undiminished; a stride-2 convolution spreads it over its 3×3 weights. Which of them "
        "leaves more depends on weights and normalisation, so both are trained and measured.",
        heavy=True,
    ),
    Claim(
        26,
        "Architectures",
        "All-convolutional nets, with each max pooling replaced by a stride-2 convolution, lose no "
        "accuracy.",
        (Setting("distractors", "Fragments of other digits", 0, 0, 4), STEPS, SEEDS),
        _all_convolutional,
        lambda values: _lab(_all_convolutional_specs(values), values, "curves"),
        "A stride-2 convolution can learn to keep what pooling keeps, with $9C^2$ more weights "
        "each. Whether it loses anything is counted on a test set of $n$ images, where chance "
        r"alone moves an accuracy $p$ by $\sqrt{p(1-p)/n}$.",
        heavy=True,
    ),
)
