"""Claim 26: nets without pooling, in the two ways in which a pooling can be replaced."""

from __future__ import annotations

import math
from statistics import mean

from core.training.spec import Digits, Downsampling, Net, TrainingSpec
from viz.lessons.claims.chance import enough, few_seeds
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
from viz.lessons.claims.parts import plural
from viz.lessons.claims.runs import SEEDS, lab_link, percent, pieces, steps_of, with_seeds

ADDED, MOVED = "a further convolution", "a stride in the convolution before"
IN_PLACE: dict[str, Downsampling] = {ADDED: "extra_conv", MOVED: "strided"}
"""What takes the place of each max pooling, in words and as a net."""
DOUBT = 2
"""Standard errors by which two accuracies on one test set may differ by chance."""
NO_LOSS = 0.03
"""Loss of accuracy that counts as none: about the least that 450 test images, 98 of 100 of
them classified correctly, could tell from none, which is twice what chance does."""


def _all_convolutional_specs(values: Values) -> list[TrainingSpec]:
    """Looked at as claim 15 does, so that the pooled net on digits is trained once for both."""
    task, steps = Digits(distractors=int(values["distractors"])), int(values["steps"])
    return [
        TrainingSpec(Net(kind), task, steps=steps, records=1, snapshots=1)
        for kind in ("max", IN_PLACE[str(values["in_place"])])
    ]


def _all_convolutional(values: Values) -> Outcome:
    from core.training.studies import accuracy
    from core.training.tasks import source_of

    seeds, specs = int(values["seeds"]), _all_convolutional_specs(values)
    tests = len(source_of(specs[0].task).test()[1])
    pooled, replaced = ([accuracy(each) for each in with_seeds(spec, seeds)] for spec in specs)
    rows: list[tuple[str | float, ...]] = [
        (str(seed), *pair, pair[0] - pair[1], _chance(*pair, tests))
        for seed, pair in enumerate(zip(pooled, replaced, strict=True))
    ]
    before, after = mean(pooled), mean(replaced)
    loss, chance = before - after, _chance(before, after, tests)
    rows.append(("all", before, after, loss, chance))
    claim_holds = _holds(loss, chance) if enough(seeds) else None
    names = ("max pooling", str(values["in_place"]))
    return outcome(
        f"Over {plural(seeds, 'seed')} the accuracy on {tests} test images is {percent([after])} "
        f"with {names[1]} in place of each pooling, {percent([before])} with max pooling: "
        f"{_change(loss)}, give or take {_points(chance)} that chance alone explains."
        f"{_band_of_loss(claim_holds, seeds)}",
        ("seed", *names, "loss of accuracy", f"chance ({DOUBT} standard errors)"),
        rows,
        (*(None,) * seeds, claim_holds),
        Chart(
            "bars",
            "Test accuracy",
            "",
            "accuracy (%)",
            tuple(
                Series(f"seed {seed}", names, (100 * pair[0], 100 * pair[1]))
                for seed, pair in enumerate(zip(pooled, replaced, strict=True))
            ),
        ),
        verdict=decided([claim_holds]),
    )


def _holds(loss: float, chance: float) -> bool | None:
    """Whether accuracy is kept: True where even the largest loss that chance leaves room for
    counts as none, False where even the smallest is one, else None."""
    if loss + chance <= NO_LOSS:
        return True
    return False if loss - chance > 0 else None


def _band_of_loss(claim_holds: bool | None, seeds: int) -> str:
    """Why nothing is decided, where nothing is."""
    if claim_holds is None and enough(seeds):
        return f" That leaves room for no loss and for one of more than {_points(NO_LOSS)}."
    return few_seeds(seeds)


def _change(loss: float) -> str:
    """What a loss does to the accuracy: ``a change by −4.7 points``."""
    change = round(-100 * loss, 1)
    return f"a change by {change or 0:+.1f} points".replace("-", "−").replace("+0.0", "0.0")


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _chance(first: float, second: float, tests: int) -> float:
    """By how much two accuracies on so many test images may differ by chance."""
    return DOUBT * math.sqrt((_variance(first) + _variance(second)) / tests)


def _variance(share: float) -> float:
    """Of one test image that is classified correctly with that chance; not below that of one error
    in a hundred."""
    inside = min(max(share, 0.01), 0.99)
    return inside * (1 - inside)


ALL_CONVOLUTIONAL = Claim(
    26,
    "Architectures",
    "All-convolutional nets, with stride-2 convolutions in place of each max pooling, lose no "
    "accuracy.",
    (
        Setting("in_place", "In place of each pooling", ADDED, options=tuple(IN_PLACE)),
        Setting("distractors", "Fragments of other digits", 0, 0, 4),
        steps_of(150),
        SEEDS,
    ),
    _all_convolutional,
    lambda values: lab_link(_all_convolutional_specs(values), values, "curves"),
    "Two things are called so. A stride-2 convolution added in the pooling's place can learn "
    "to keep what pooling keeps, with $9C^2$ more weights each; the training lab calls it "
    "“extra strided convolution”. Its “strided convolution” adds none: the convolution before "
    "the pooling takes the stride. Whether either loses anything is counted on a test set of "
    r"$n$ images, where chance alone moves an accuracy $p$ by $\sqrt{p(1-p)/n}$; a loss that "
    "cannot be more than 3 points counts as none.",
    heavy=True,
    grid=(block(in_place=tuple(IN_PLACE)),),
    rules=(
        (
            "a stride-2 convolution is added in the pooling's place; it does not when the "
            "convolution before takes the stride",
            lambda v: v["in_place"] == ADDED,
        ),
    ),
    pieces=lambda values: pieces(_all_convolutional_specs(values), values),
)
