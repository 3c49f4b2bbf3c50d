"""Numbers and sentences about training runs; a difference needs ranges that do not overlap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from core.training.spec import Digits, LongRange, Task
from viz.features.training.params import Comparison
from viz.lessons.claims.chance import SIGMA_NOISE
from viz.page import tables

if TYPE_CHECKING:
    from core.training.records import Record
    from core.training.spec import TrainingSpec
    from core.training.studies import SeedSpread

    Records = Sequence[Record]
    Runs = Mapping[tuple[int, int], tuple[Record, ...]]
    """The records so far, by (net, seed)."""

NET_COUNTS = ("no nets", "One net", "Two nets", "Three nets", "Four nets")
"""The number of nets in words, by number."""
DIFFERENCES = {
    "downsampling": "how they downsample",
    "batch_norm": "their batch normalization",
    "skips": "their skip connections",
    "levels": "how often they downsample",
    "depth": "their convolutions a level",
    "width": "their channels",
    "optimizer": "their optimizer",
    "learning_rate": "their learning rate",
}
"""The rest of "that differ only in …", by the parameter that varies."""


def heading(comparison: Comparison, vary: str) -> str:
    """The comparison in one sentence."""
    count, spec = len(comparison.specs), comparison.specs[0]
    nets = NET_COUNTS[count]
    nets += (
        f" that differ only in {DIFFERENCES[vary]}" if count > 1 else f" ({comparison.names[0]})"
    )
    seeds = plural(len(comparison.seeds), "seed") + (" each" if count > 1 else "")
    batches = "the same batches" if count > 1 else f"batches of {spec.batch}"
    return f"{nets}, {seeds}, {spec.steps:,} steps, {batches}"


def task_text(learned: Task) -> str:
    """The task in words, as the rest of the sentence "Their task: …"."""
    if isinstance(learned, Digits):
        pieces = f" among {plural(learned.distractors, 'piece')} of others" * bool(
            learned.distractors
        )
        return f"handwritten digits{pieces}"
    if isinstance(learned, LongRange):
        if learned.rule == "agree":
            return f"whether the mark {learned.distance} px away has the center's sign"
        return f"the sign of the mark {learned.distance} px from the center"
    return f"{len(learned.labels):,} images of {learned.classes} classes"


def plural(count: int, noun: str) -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def spread_text(values: SeedSpread, as_text: Callable[[float], str]) -> str:
    """``97.3 % (96.9–97.8 %)``: the mean, and the range over the seeds unless it is one number."""
    low, high = as_text(values.low), as_text(values.high)
    if low == high:
        return as_text(values.mean)
    unit = low.rpartition(" ")[2]
    if unit != low and high.endswith(f" {unit}"):
        low = low.removesuffix(f" {unit}")
    return f"{as_text(values.mean)} ({low}–{high})"


def percent(share: float) -> str:
    """``97.0 %``, always with one decimal; 0 and 100 only if the share is exactly that."""
    text = tables.percent(share)
    return text if "." in text or share in (0, 1) else text.replace(" %", ".0 %")


def is_finished(records: Records) -> bool:
    """Whether a run has made all of its steps."""
    return bool(records) and records[-1].step == records[-1].steps


def spread_over_seeds(
    runs: Runs, net: int, measure: Callable[[Records], float]
) -> SeedSpread | None:
    """Mean and range of a number over a net's finished runs; None if no run has it."""
    from core.training.studies import seed_spread

    values = [measure(runs[key]) for key in runs if key[0] == net and is_finished(runs[key])]
    values = [each for each in values if math.isfinite(each)]
    return seed_spread(values) if values else None


def accuracy(records: Records) -> float:
    """Accuracy of a finished run on the test set."""
    from core.training import studies

    return studies.final_test_accuracy(records)


def erf_growth(records: Records) -> float:
    """Ratio of σ after training to σ before it, of a finished run."""
    from core.training import studies

    return studies.erf_growth(records)


def shift_agreement(records: Records) -> float:
    """Share of the test images, of a finished run, whose predicted class a shift of 1 px keeps."""
    shot = records[-1].snapshot
    assert shot is not None  # the last record of a finished run has a snapshot
    assert shot.shifted is not None
    return shot.shifted.agreement[1]


def gradient_share(records: Records) -> float:
    """Ratio of the first convolution's gradient norm to the last one's, of a finished run."""
    from core.training import studies

    return studies.first_layer_gradient_share(records)


def seconds_per_step(runs: Runs, net: int) -> float | None:
    """Median seconds per step of a net."""
    milliseconds = [
        record.seconds_per_step
        for key, records in runs.items()
        for record in records
        if key[0] == net and record.step
    ]
    return median(milliseconds) if milliseconds else None


def seconds_left(records: Mapping[int, Records], nets: int, steps: int) -> float | None:
    """An estimate of the seconds that one seed's nets still need; None before the first step.

    Args:
        records: Records so far, by net.
        nets: Number of nets.
        steps: Steps of each net's whole run.
    """
    taken = [(r[-1].seconds, r[-1].step) for r in records.values() if r and r[-1].step]
    done = sum(step for _, step in taken)
    if not done:
        return None
    return sum(seconds for seconds, _ in taken) / done * (nets * steps - done)


def duration(seconds: float) -> str:
    """``12 s``, ``3 min``: an estimated time, rounded."""
    if seconds < 20:
        return f"{max(1, round(seconds))} s"
    return f"{5 * round(seconds / 5)} s" if seconds < 55 else f"{max(1, round(seconds / 60))} min"


# --- Sentences


def schedule(spec: TrainingSpec) -> str:
    """A sentence on the learning rate's schedule and why runs of other lengths differ."""
    falling = spec.steps - spec.warm_up
    rise = f"rises over {plural(spec.warm_up, 'step')}" if spec.warm_up else ""
    fall = f"falls to 0 over {'the other ' if rise else ''}{falling:,}" if falling else ""
    return (
        f"The learning rate {' and '.join(filter(None, (rise, fall)))}: a run with fewer steps is "
        "not the beginning of one with more."
    )


def comparison_sentence(
    comparison: Comparison,
    runs: Runs,
    measure: Callable[[Records], float],
    as_text: Callable[[float], str],
    what: str,
) -> str:
    """A sentence on a number of every net over the seeds, and on whether the ranges overlap.

    It is "" as long as no run is finished.

    Args:
        comparison: The comparison.
        runs: Records so far by (net, seed).
        measure: Computes the number from a finished run's records.
        as_text: Formats the number.
        what: The number in words, such as "test accuracy".
    """
    spreads = {net: spread_over_seeds(runs, net, measure) for net in range(len(comparison.specs))}
    ready = {net: each for net, each in spreads.items() if each is not None}
    if not ready:
        return ""
    counts = [_seed_count(runs, net, measure) for net in ready]
    parts = [f"{comparison.names[net]} {spread_text(each, as_text)}" for net, each in ready.items()]
    unfinished = len(ready) < len(spreads) or min(counts) < len(comparison.seeds)
    so_far = ", as far as there are results" if unfinished else ""
    sentence = f"{_seeds_in_words(counts)}{so_far}, {what}: {_joined_with_and(parts)}."
    return f"{sentence} {_separation_sentence(comparison.names, ready, min(counts))}".rstrip()


def _seed_count(runs: Runs, net: int, measure: Callable[[Records], float]) -> int:
    """How many of a net's finished runs have a finite number."""
    done = [runs[key] for key in runs if key[0] == net and is_finished(runs[key])]
    return sum(math.isfinite(measure(records)) for records in done)


def _seeds_in_words(counts: Sequence[int]) -> str:
    """``Over 3 seeds``; ``Over 1 to 2 seeds`` if the nets have finished with different numbers."""
    low, high = min(counts), max(counts)
    if high == 1:
        return "With one seed"
    return f"Over {plural(high, 'seed')}" if low == high else f"Over {low} to {high} seeds"


def _separation_sentence(names: Sequence[str], ready: Mapping[int, SeedSpread], seeds: int) -> str:
    """A sentence on whether the ranges over the seeds separate the nets."""
    if len(ready) < 2:
        return ""
    if seeds < 2:
        return "One seed does not show the effect of chance: take more before you believe a gap."
    first, *others = sorted(ready, key=lambda net: -ready[net].mean)
    near = [net for net in others if ready[net].high >= ready[first].low]
    if not near:
        return f"Every seed of {names[first]} lies above every seed of the others."
    overlapping = _joined_with_and([names[net] for net in near])
    more = ""
    if len(near) < len(others):
        below = _joined_with_and([names[net] for net in others if net not in near])
        more = f" Every seed of {names[first]} lies above every seed of {below}."
    return (
        f"The range of {names[first]} overlaps that of {overlapping}: these seeds do not separate them."
        f"{more}"
    )


def _joined_with_and(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def ratio_text(value: float) -> str:
    """A ratio as text, such as ``1.42``."""
    return f"{value:.3g}"


def growth_sentence(comparison: Comparison, runs: Runs) -> str:
    """Sentences on how training changed σ of the effective field; "" without a finished run.

    They use the threshold `SIGMA_NOISE` of claim 15.
    """
    parts = []
    for net, name in enumerate(comparison.names):
        growth = spread_over_seeds(runs, net, erf_growth)
        if growth is None:
            continue
        every = " in every seed" if _seed_count(runs, net, erf_growth) > 1 else ""
        parts.append(f"{name} {spread_text(growth, ratio_text)}, {_growth_verdict(growth, every)}")
    if not parts:
        return ""
    return (
        f"σ of the center unit's effective field, after training over before: {'; '.join(parts)}. "
        "The images alone can make a difference of about 5 %."
    )


def _growth_verdict(growth: SeedSpread, every: str) -> str:
    """Whether σ grew or shrank by more than a different choice of images changes it."""
    if growth.low > SIGMA_NOISE**2:
        return f"wider{every}"
    if growth.high < SIGMA_NOISE**-2:
        return f"narrower{every}"
    if growth.low > SIGMA_NOISE**-1 and growth.high < SIGMA_NOISE:
        return f"as wide as before{every}"
    return "neither clearly wider nor clearly narrower"


def confusable_nets_note(comparison: Comparison) -> str:
    """A note on the two ways to replace pooling by a convolution, if one is compared with pooling.

    It is "" for other comparisons.
    """
    kinds = {spec.net.downsampling for spec in comparison.specs}
    if not (kinds & {"max", "average"} and kinds & {"strided", "extra_conv"}):
        return ""
    return (
        "Two nets without pooling are easily confused. Strided convolution adds nothing: the "
        "convolution before the pooling takes its stride. Extra strided convolution puts one more "
        "convolution in the pooling's place."
    )
