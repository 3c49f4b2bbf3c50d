"""Claims 15 and 20: the effects of training, measured by training small networks.

Claim 26, from `viz.lessons.claims.convolutional`, is also tested by training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING

from core.plots.plot import Plot
from core.text import plural
from core.training.spec import LONG_RANGE, Downsampling, LongRange, Net, TrainingSpec
from viz.lessons.claims.chance import (
    SIGMA_NOISE,
    all_above_range,
    enough_seeds,
    second_lies_below,
    too_few_seeds_sentence,
)
from viz.lessons.claims.charts import Series, bar_plot, line_plot
from viz.lessons.claims.claim import (
    Claim,
    Outcome,
    Setting,
    Values,
    combined_verdict,
    grid_block,
    outcome,
)
from viz.lessons.claims.convolutional import ALL_CONVOLUTIONAL
from viz.lessons.claims.runs import (
    SEEDS,
    percent_range,
    records_by_seed,
    steps_setting,
    training_lab_link,
    training_pieces,
)

if TYPE_CHECKING:
    from core.training.records import Record

FAR_MARKS, DIGITS = "marks far apart", "digits"
"""The choices for the task: one that needs a wide receptive field, and one that does not."""
NORM = Setting("norm", "Normalization", "none", options=("none", "batch norm"))
"""The setting for the networks' normalization layers."""
POOLED_OR_STRIDED: tuple[Downsampling, ...] = ("max", "strided")
"""The downsampling of the two networks that claim 20 compares."""


# --- 15: training widens the effective field ------------------------------------------------------


def _widening_spec(values: Values) -> TrainingSpec:
    """Return the training run of claim 15, with the default seed."""
    far = replace(LONG_RANGE, task=LongRange(int(values["distance"])))
    spec = far if values["task"] == FAR_MARKS else TrainingSpec()
    return replace(spec, steps=int(values["steps"]), records=1, snapshots=1)


def _field_widening(values: Values) -> Outcome:
    """Test claim 15: whether training widens the effective receptive field, with every seed."""
    from core.training.studies import erf_growth, final_test_accuracy

    seeds, spec = int(values["seeds"]), _widening_spec(values)
    rows, growth, series = [], [], []
    for seed, records in enumerate(records_by_seed(spec, seeds)):
        before, after = (_mean_sigma(record) for record in (records[0], records[-1]))
        growth.append(erf_growth(records))
        rows.append((seed, before, after, growth[-1], final_test_accuracy(records)))
        series.append(Series(f"seed {seed}", ("before", "after"), (before, after)))
    widens = all_above_range(growth, SIGMA_NOISE, SIGMA_NOISE**2) if enough_seeds(seeds) else None
    return outcome(
        f"Trained for {spec.steps} steps on {_task_in_words(values)}, σ became {_factor_range(growth)} times what "
        f"it was, over {plural(seeds, 'seed')}; test accuracy {percent_range([r[4] for r in rows])}."
        f"{_undecided_growth_sentence(seeds, widens)}",
        (
            *("seed", "σ before (px)", "σ after (px)"),
            f"after / before (wider: above {SIGMA_NOISE**2:.2f}; not wider: below {SIGMA_NOISE})",
            "test accuracy",
        ),
        rows,
        (widens,) * seeds,
        bar_plot("Effective field of the center unit", "", "σ (px)", tuple(series)),
        verdict=combined_verdict([widens]),
    )


def _task_in_words(values: Values) -> str:
    """Return the training task in words."""
    if values["task"] == FAR_MARKS:
        return f"a mark {values['distance']} px from the unit that has to see it"
    return "handwritten digits"


def _undecided_growth_sentence(seeds: int, widens: bool | None) -> str:
    """Return the sentence, after a space, on why no growth is decided; "" if it is.

    Args:
        seeds: Number of seeds.
        widens: Whether the field widens with every seed; None if undecided.
    """
    if widens is None and enough_seeds(seeds):
        return (
            f" Other images alone change σ by a factor of about {SIGMA_NOISE}: not every seed "
            f"lies below {SIGMA_NOISE}, and not every one above {SIGMA_NOISE**2:.2f}."
        )
    return too_few_seeds_sentence(seeds)


def _factor_range(growth: Sequence[float]) -> str:
    """Return the smallest and the largest factor in words: ``1.02 to 1.31``."""
    low, high = (f"{each:.2f}" for each in (min(growth), max(growth)))
    return low if low == high else f"{low} to {high}"


def _mean_sigma(record: Record) -> float:
    """Return the root mean square of the effective field's σ along both axes, in pixels.

    It is NaN if the record has no snapshot with an effective field.
    """
    snapshot = record.snapshot
    if snapshot is None or snapshot.erf is None:
        return math.nan
    return math.hypot(*snapshot.erf.sigma) / math.sqrt(2)


# --- 20: strides and gradients --------------------------------------------------------------------


def _strided_gradients(values: Values) -> Outcome:
    """Test claim 20: compare gradients and losses of a pooled and a strided network in training."""
    from core.training.studies import first_layer_gradient_share, loss_roughness

    seeds = int(values["seeds"])
    nets = [records_by_seed(spec, seeds) for spec in _deep_specs(values)]
    gradient_ratios, unsteadiness = (
        [[measure(records) for records in runs] for runs in nets]
        for measure in (first_layer_gradient_share, loss_roughness)
    )
    vanishes_more, trains_steadier = (
        second_lies_below(*each) if enough_seeds(seeds) else None
        for each in (gradient_ratios, unsteadiness)
    )
    verdict = combined_verdict([vanishes_more, trains_steadier])
    pooled, strided = map(mean, gradient_ratios)
    return outcome(
        f"Over {plural(seeds, 'seed')} the gradient of the first convolution was {pooled:.2g} "
        f"times that of the last with max pooling, {strided:.2g} times with strides. That it "
        f"vanishes more with strides is {BAND_VERDICTS[vanishes_more]}; that the loss falls more steadily with "
        f"strides is {BAND_VERDICTS[trains_steadier]}.{_undecided_half_sentence(seeds, vanishes_more, trains_steadier)}",
        ("measured", "seed", "max pooling", "strided convolution"),
        (
            *(("gradient, first / last", *each) for each in _rows_by_seed(gradient_ratios)),
            *(("unsteadiness of the loss", *each) for each in _rows_by_seed(unsteadiness)),
        ),
        (vanishes_more,) * seeds + (trains_steadier,) * seeds,
        _gradient_chart(nets),
        _supported_half_in_words(bool(vanishes_more)),
        verdict=verdict,
    )


BAND_VERDICTS: dict[bool | None, str] = {
    True: "borne out in every seed",
    False: "contradicted in every seed",
    None: "not decided",
}
"""The words for a comparison of two networks with several seeds; see `second_lies_below`."""


def _undecided_half_sentence(seeds: int, *parts: bool | None) -> str:
    """Return the sentence, after a space, on why a half of the claim is undecided; "" if none is.

    Args:
        seeds: Number of seeds.
        *parts: Whether each half of the claim holds; None if undecided.
    """
    if None in parts and enough_seeds(seeds):
        return " Where it is not decided, the bands of the two nets over the seeds overlap."
    return too_few_seeds_sentence(seeds)


def _rows_by_seed(measured: Sequence[Sequence[float]]) -> list[tuple[int, float, float]]:
    """Turn values per network into rows: (seed, value with max pooling, value with strides)."""
    return [(seed, *pair) for seed, pair in enumerate(zip(*measured, strict=True))]


def _supported_half_in_words(vanishes_more: bool) -> str:
    """Return in words which half of the claim the evidence supports."""
    return f"only this half is meant: {'gradients vanish more' if vanishes_more else 'training is steadier'}"


def _gradient_chart(nets: Sequence[Sequence[Sequence[Record]]]) -> Plot:
    """Return a line chart of the gradient's norm at each convolution, with a line per network.

    Args:
        nets: The records of each seed's run, for each network.
    """
    names = ("max pooling", "strided convolution")
    return line_plot(
        "Gradient of each convolution's weights, mean over steps and seeds",
        "convolution, from the input",
        "norm",
        tuple(_gradient_series(name, runs) for name, runs in zip(names, nets, strict=True)),
        log=True,
    )


def _deep_specs(values: Values) -> list[TrainingSpec]:
    """Return the training runs of claim 20, one per downsampling, with the default seed.

    At their learning rate, which is lower than the default, networks without normalization learn.
    They are recorded as often as in the training lab, so that both give the same numbers.
    """
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


def _gradient_series(name: str, runs: Sequence[Sequence[Record]]) -> Series:
    """Return the norm of each convolution's gradient, averaged over all records of all runs."""
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
            Setting("task", "Learned from", FAR_MARKS, options=(FAR_MARKS, DIGITS)),
            Setting("distance", "Marks apart (px)", 12, 4, 14),
            steps_setting(150),
            SEEDS,
        ),
        _field_widening,
        lambda values: training_lab_link([_widening_spec(values)], values, "erf"),
        "Random weights leave a Gaussian whose σ grows like √n. Loss is lowered by weights that "
        "carry what tells the classes apart: where that lies far from the unit, gradient from "
        "there grows; where it lies near, nothing has to widen. With other images alone σ differs "
        "by about 5 %: less is no growth, and growth is called one from twice that.",
        heavy=True,
        grid=(grid_block(task=(FAR_MARKS, DIGITS)),),
        rules=(
            (
                "the task needs a far view: it does on marks far apart, not on digits",
                lambda v: v["task"] == FAR_MARKS,
            ),
        ),
        pieces=lambda values: training_pieces([_widening_spec(values)], values),
    ),
    Claim(
        20,
        "Gradients",
        "Strided convolution worsens vanishing gradients; networks with strided convolution train "
        "more stably.",
        (NORM, Setting("depth", "Convolutions a level", 2, 1, 3), steps_setting(100), SEEDS),
        _strided_gradients,
        lambda values: training_lab_link(_deep_specs(values), values, "flow"),
        "Two claims that sound opposed. Max pooling hands each gradient to one of four pixels "
        "undiminished; a stride-2 convolution spreads it over its 3×3 weights. Which of them "
        "leaves more depends on weights and normalization, so both are trained and measured. A "
        "half is decided when every seed of one net lies beyond every seed of the other.",
        heavy=True,
        grid=(grid_block(norm=("none", "batch norm")),),
        pieces=lambda values: training_pieces(_deep_specs(values), values),
    ),
    ALL_CONVOLUTIONAL,
)
