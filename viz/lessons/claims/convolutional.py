"""Claim 26: the accuracy of networks whose max poolings are replaced, in either of two ways."""

from __future__ import annotations

import math
from statistics import mean

from core.text import plural
from core.training.spec import Digits, Downsampling, Net, TrainingSpec
from viz.lessons.claims.chance import enough_seeds, too_few_seeds_sentence
from viz.lessons.claims.charts import Series, bar_plot
from viz.lessons.claims.claim import (
    Claim,
    Outcome,
    Setting,
    Values,
    combined_verdict,
    grid_block,
    outcome,
)
from viz.lessons.claims.runs import (
    SEEDS,
    percent_range,
    records_by_seed,
    steps_setting,
    training_lab_link,
    training_pieces,
)

ADDED_CONVOLUTION, MOVED_STRIDE = "a further convolution", "a stride in the convolution before"
REPLACEMENTS: dict[str, Downsampling] = {ADDED_CONVOLUTION: "extra_conv", MOVED_STRIDE: "strided"}
"""The choices for what replaces each max pooling, with the network's downsampling."""
STANDARD_ERRORS = 2
"""Number of standard errors by which two accuracies on one test set may differ by chance."""
NO_LOSS = 0.03
"""Loss of accuracy up to which nothing counts as lost, as a share of all images. With 450 test
images and an accuracy of 98 % it is about twice the difference that chance explains."""


def _all_convolutional_specs(values: Values) -> list[TrainingSpec]:
    """Return the runs with max pooling and with its replacement, with the default seed.

    They are recorded as in claim 15, which shares the cached run of the pooled network on digits.
    """
    task, steps = Digits(distractors=int(values["distractors"])), int(values["steps"])
    return [
        TrainingSpec(Net(kind), task, steps=steps, records=1, snapshots=1)
        for kind in ("max", REPLACEMENTS[str(values["in_place"])])
    ]


def _all_convolutional(values: Values) -> Outcome:
    """Test claim 26: compare the accuracy with max pooling and with its replacement."""
    from core.training.studies import final_test_accuracy
    from core.training.tasks import source_of

    seeds, specs = int(values["seeds"]), _all_convolutional_specs(values)
    test_images = len(source_of(specs[0].task).test_set()[1])
    pooled, replaced = (
        [final_test_accuracy(each) for each in records_by_seed(spec, seeds)] for spec in specs
    )
    rows: list[tuple[str | float, ...]] = [
        (str(seed), *pair, pair[0] - pair[1], _chance_difference(*pair, test_images))
        for seed, pair in enumerate(zip(pooled, replaced, strict=True))
    ]
    before, after = mean(pooled), mean(replaced)
    loss, chance_difference = before - after, _chance_difference(before, after, test_images)
    rows.append(("all", before, after, loss, chance_difference))
    claim_holds = _loses_nothing(loss, chance_difference) if enough_seeds(seeds) else None
    names = ("max pooling", str(values["in_place"]))
    return outcome(
        f"Over {plural(seeds, 'seed')} the accuracy on {test_images} test images is {percent_range([after])} "
        f"with {names[1]} in place of each pooling, {percent_range([before])} with max pooling: "
        f"{_change_in_words(loss)}, give or take {_percentage_points(chance_difference)} that chance alone explains."
        f"{_undecided_loss_sentence(claim_holds, seeds)}",
        ("seed", *names, "loss of accuracy", f"chance ({STANDARD_ERRORS} standard errors)"),
        rows,
        (*(None,) * seeds, claim_holds),
        bar_plot(
            "Test accuracy",
            "",
            "accuracy (%)",
            tuple(
                Series(f"seed {seed}", names, (100 * pair[0], 100 * pair[1]))
                for seed, pair in enumerate(zip(pooled, replaced, strict=True))
            ),
        ),
        verdict=combined_verdict([claim_holds]),
    )


def _loses_nothing(loss: float, chance_difference: float) -> bool | None:
    """Return whether the accuracy is preserved, given the loss and how much chance may change it.

    Returns:
        True if even the largest possible loss is at most `NO_LOSS`, False if even the smallest
        possible loss is above 0, else None.
    """
    if loss + chance_difference <= NO_LOSS:
        return True
    return False if loss - chance_difference > 0 else None


def _undecided_loss_sentence(claim_holds: bool | None, seeds: int) -> str:
    """Return the sentence, after a space, on why the claim is undecided; "" if it is decided."""
    if claim_holds is None and enough_seeds(seeds):
        return (
            f" That leaves room for no loss and for one of more than {_percentage_points(NO_LOSS)}."
        )
    return too_few_seeds_sentence(seeds)


def _change_in_words(loss: float) -> str:
    """Return a loss from 0 to 1 as a change in percentage points: ``a change by −4.7 points``."""
    change = round(-100 * loss, 1)
    return f"a change by {change or 0:+.1f} points".replace("-", "−").replace("+0.0", "0.0")


def _percentage_points(share: float) -> str:
    """Return a share from 0 to 1 in percentage points: ``3.0 points``."""
    return f"{100 * share:.1f} points"


def _chance_difference(first: float, second: float, test_images: int) -> float:
    """Return by how much two accuracies on the same number of test images may differ by chance."""
    return STANDARD_ERRORS * math.sqrt(
        (_accuracy_variance(first) + _accuracy_variance(second)) / test_images
    )


def _accuracy_variance(share: float) -> float:
    """Return the variance of a test image's result, 1 if correct and 0 if not, at this accuracy.

    It is at least that of one error in a hundred images.
    """
    clipped = min(max(share, 0.01), 0.99)
    return clipped * (1 - clipped)


ALL_CONVOLUTIONAL = Claim(
    26,
    "Architectures",
    "All-convolutional nets, with stride-2 convolutions in place of each max pooling, lose no "
    "accuracy.",
    (
        Setting(
            "in_place", "In place of each pooling", ADDED_CONVOLUTION, options=tuple(REPLACEMENTS)
        ),
        Setting("distractors", "Fragments of other digits", 0, 0, 4),
        steps_setting(150),
        SEEDS,
    ),
    _all_convolutional,
    lambda values: training_lab_link(_all_convolutional_specs(values), values, "curves"),
    "Two things are called so. A stride-2 convolution added in the pooling's place can learn "
    "to keep what pooling keeps, with $9C^2$ more weights each; the training lab calls it "
    "“extra strided convolution”. Its “strided convolution” adds none: the convolution before "
    "the pooling takes the stride. Whether either loses anything is counted on a test set of "
    r"$n$ images, where chance alone moves an accuracy $p$ by $\sqrt{p(1-p)/n}$; a loss that "
    "cannot be more than 3 points counts as none.",
    heavy=True,
    grid=(grid_block(in_place=tuple(REPLACEMENTS)),),
    rules=(
        (
            "a stride-2 convolution is added in the pooling's place; it does not when the "
            "convolution before takes the stride",
            lambda v: v["in_place"] == ADDED_CONVOLUTION,
        ),
    ),
    pieces=lambda values: training_pieces(_all_convolutional_specs(values), values),
)
