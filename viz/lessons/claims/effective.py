"""Claims 14 and 16: effective receptive fields (ERFs)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import SpecError
from core.networks import build
from core.networks.notation import parse_notation
from core.plots.plot import Plot
from viz.lessons.claims.charts import Series, line_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Setting,
    Values,
    grid_block,
    outcome,
)
from viz.lessons.claims.fields import TOPIC, Chain, page_link, width_conv_notation
from viz.lessons.claims.parts import supporting_row_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.erf.study import Study, StudyRow

# --- 14: much smaller, Gaussian, √n ---------------------------------------------------------------

MAX_SMALL_SHARE = 2 / 3
"""Largest share of the field's pixels above 4.55 % of the peak that counts as "much smaller"."""
MAX_KURTOSIS = 0.5
"""Largest absolute excess kurtosis that counts as Gaussian; a uniform profile has −1.2."""
TOLERANCE = 0.1
"""Tolerance for widths (relative) and exponents (absolute) of networks with random weights."""


def _depths(values: Values) -> tuple[int, ...]:
    """Return the numbers of layers to compare: each is twice the one before.

    Raises:
        SpecError: The range holds fewer than two of them.
    """
    first, last = int(values["shallowest"]), int(values["deepest"])
    if last < 2 * first:
        rule = f"must be at least twice the shallowest, {2 * first}, for a law to be seen"
        raise SpecError("deepest", rule, last)
    depths = [first]
    while 2 * depths[-1] <= last:
        depths.append(2 * depths[-1])
    return tuple(depths)


def _depth_study(values: Values) -> Study:
    """Measure the effective fields of random networks of all depths, over 32 draws of weights."""
    from core.erf.studies import depth_study
    from core.erf.study import StudySettings

    settings = StudySettings(channels=8, activation=str(values["activation"]), draws=32)
    return depth_study(_depths(values), int(values["kernel_size"]), settings)


def _depth_row(row: StudyRow) -> tuple[tuple[str | int | float, ...], bool]:
    """Return the evidence row of one depth, and whether it supports the claim."""
    from core.erf import metrics

    area = row.share**2
    kurtosis = float(np.mean(row.erf.excess_kurtosis))
    assert row.expected is not None
    expected = float(np.sqrt(np.mean(np.square(metrics.sigma(row.expected.map)))))
    row_agrees = (
        area <= MAX_SMALL_SHARE
        and abs(kurtosis) <= MAX_KURTOSIS
        and abs(row.sigma / expected - 1) <= TOLERANCE
    )
    cells = (
        int(row.x),
        round(row.reach),
        f"{100 * area:.3g} %",
        f"{expected:.3g}",
        f"{row.sigma:.3g}",
        f"{kurtosis:+.2f}",
    )
    return cells, row_agrees


def _effective_chart(values: Values, depths: Sequence[int], study: Study) -> Plot:
    """Return a chart of the theoretical field and of 4σ of the effective one over the depth."""
    return line_plot(
        f"Growth with depth: {values['kernel_size']}×{values['kernel_size']}, "
        f"{values['activation']}, 32 draws",
        "layers n",
        "pixels",
        (
            Series("theoretical field", tuple(depths), tuple(r.reach for r in study.rows)),
            Series("4σ, torch", tuple(depths), tuple(4 * r.sigma for r in study.rows)),
        ),
        log=True,
    )


def _effective_field_growth(values: Values) -> Outcome:
    """Test claim 14: size, shape and growth of the effective field over the depth."""
    from core.erf.study import power_law

    study = _depth_study(values)
    parts = [_depth_row(row) for row in study.rows]
    depths = [int(row.x) for row in study.rows]
    width = power_law(depths, [row.sigma for row in study.rows])[0]
    reach = power_law(depths, [row.reach for row in study.rows])[0]
    grows = abs(width - 0.5) <= TOLERANCE and reach > 0.5 + 2 * TOLERANCE
    rows = [cells for cells, _ in parts]
    rows.append(("exponent", f"{reach:.3g}", "", "0.5", f"{width:.3g}", ""))
    agrees = (*(row_agrees for _, row_agrees in parts), grows)
    supporting = list(compress(depths, agrees))
    last = study.rows[-1]
    return outcome(
        f"At {depths[-1]} layers {rows[len(depths) - 1][2]} of the field's {round(last.reach)} px "
        f"squared lie above 4.55 % of the peak. σ grows like n^{width:.2f}, the theoretical field "
        f"like n^{reach:.2f}.",
        (
            "layers n",
            "theoretical field (px)",
            "share above 4.55 % of the peak",
            "σ expected (px)",
            "σ, torch (px)",
            "excess kurtosis (Gaussian: 0)",
        ),
        rows,
        agrees,
        _effective_chart(values, depths, study),
        _depths_in_words(supporting, depths, grows),
    )


def _depths_in_words(supporting: list[int], depths: list[int], grows: bool) -> str:
    """Return in words which depths support the claim.

    Args:
        supporting: The depths at which size and shape are as claimed.
        depths: All depths, ascending.
        grows: Whether σ grows like √n.
    """
    law = "" if grows else "; σ does not grow like √n here"
    if not supporting:
        return "only the growth like √n is meant: the shape fits at none of these depths"
    if supporting == depths[-len(supporting) :]:
        return f"n is at least {supporting[0]}{law}"
    return f"n is {', '.join(map(str, supporting))}{law}"


# --- 16: dilated or strided -----------------------------------------------------------------------

DILATION_PATTERNS = ("1, 2, 4, …", "2, 2, 2, …", "1, 1, 1, …")
"""The choices for the dilations of the layers, first to last."""


def _dilations(values: Values) -> list[int]:
    """Return the dilation of each layer."""
    count = int(values["layers"])
    doubling, constant, _ = DILATION_PATTERNS
    patterns = {doubling: [2**i for i in range(count)], constant: [2] * count}
    return patterns.get(str(values["dilations"]), [1] * count)


def _dilated_and_strided(values: Values) -> tuple[list[str], list[str]]:
    """Return the layers of the dilated and of the strided chain, in notation along the width."""
    kernel, dilations = int(values["kernel_size"]), _dilations(values)
    return (
        [width_conv_notation(kernel, dilation=d) for d in dilations],
        [width_conv_notation(kernel, int(values["stride"])) for _ in dilations],
    )


def _gradient_profile(layers: list[str]) -> NDArray[np.float64]:
    """Return the gradient of the last layer's middle unit along the width, normalized to sum 1.

    All weights of the layers are equal.
    """
    from core.erf import effective_receptive_field

    line = ", ".join(layers)
    chain = Chain(line)
    size = (1, 1, chain.side)
    erf = effective_receptive_field(
        build(parse_notation(line), 1, size[1:], seed=0), size, chain.names[-1], draws=1,
        weights="uniform", aggregate="abs",
    )  # fmt: skip
    return np.asarray(erf.marginals()[1], dtype=np.float64)


def _total_variation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the total variation distance of two centered profiles: 0 if equal, 1 if disjoint."""
    longest = max(len(one), len(other))
    first, second = (
        np.pad(each, ((longest - len(each)) // 2, (longest - len(each) + 1) // 2))
        for each in (one, other)
    )
    return float(np.abs(first - second).sum() / 2)


def _dilated_or_strided_chart(
    values: Values, last: Sequence[Any], profiles: Sequence[NDArray[np.float64]]
) -> Plot:
    """Return a line chart of both gradient profiles after the last layer."""
    return line_plot(
        f"Profiles after {last[0]} layers, uniform weights",
        "from the middle of the field (px)",
        "share of the gradient",
        tuple(
            Series(name, _distances_from_middle(profile), tuple(profile.tolist()))
            for name, profile in zip(
                (f"dilated {values['dilations']}", f"stride {values['stride']}"),
                profiles,
                strict=True,
            )
        ),
    )


def _both_chains_row(
    count: int, chains: tuple[Chain, Chain], profiles: list[NDArray[np.float64]]
) -> tuple[tuple[int | str, ...], bool]:
    """Return the evidence row of both chains' first ``count`` layers, and whether it agrees.

    Args:
        count: Number of layers.
        chains: The dilated and the strided chain.
        profiles: Their gradient profiles after this many layers.
    """
    closed = [chain.closed_form[count - 1] for chain in chains]
    measured = [chain.measured[count - 1] for chain in chains]
    variation = _total_variation(profiles[0], profiles[1])
    zeros = f"{100 * float((profiles[0] == 0).mean()):.3g} %"
    row = (count, closed[0], measured[0], measured[1], f"{variation:.2g}", zeros)
    return row, closed == measured and measured[0] == measured[1] and variation < 1e-3


def _dilated_or_strided(values: Values) -> Outcome:
    """Test claim 16: compare the fields of both chains after each layer."""
    layers_of_both = _dilated_and_strided(values)
    chains = Chain(", ".join(layers_of_both[0])), Chain(", ".join(layers_of_both[1]))
    rows, agrees, profiles = [], [], []
    for count in range(1, len(layers_of_both[0]) + 1):
        profiles = [_gradient_profile(layers[:count]) for layers in layers_of_both]
        row, row_agrees = _both_chains_row(count, chains, profiles)
        rows.append(row)
        agrees.append(row_agrees)
    last = rows[-1]
    return outcome(
        f"After {last[0]} layers torch finds {last[2]} px for the dilated chain and {last[3]} px "
        f"for the strided one; {100 * float(last[4]):.3g} % of one profile lies elsewhere than in "
        f"the other. The dilated one leaves {last[5]} of its field unread.",
        (
            "layers",
            "dilated, closed form (px)",
            "dilated, torch (px)",
            "strided, torch (px)",
            "profiles apart (total variation)",
            "dilated: pixels without gradient",
        ),
        rows,
        agrees,
        _dilated_or_strided_chart(values, last, profiles),
        f"the layers are {supporting_row_names(rows, agrees, ', ')}",
    )


def _distances_from_middle(profile: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the distance of each sample of a profile from its middle, in pixels."""
    return tuple((np.arange(len(profile)) - (len(profile) - 1) / 2).tolist())


def _dilated_link(values: Values) -> Link:
    """Return a link to the ERF page with the dilated chain."""
    layers = [f"conv{values['kernel_size']} d{dilation} c8" for dilation in _dilations(values)]
    return page_link(layers, "erf", weights="uniform")


EFFECTIVE: tuple[Claim, ...] = (
    Claim(
        14,
        TOPIC,
        "The effective receptive field is much smaller than the theoretical one, Gaussian, and "
        "grows like √n with depth n, while the theoretical one grows like n.",
        (
            Setting("shallowest", "shallowest network (layers)", 5, 1, 10),
            Setting("deepest", "deepest network (layers)", 20, 2, 32),
            Setting("kernel_size", "kernel_size — window, odd (px)", 3, 3, 5),
            Setting("activation", "activation", "relu", options=("relu", "tanh", "none")),
        ),
        _effective_field_growth,
        lambda v: Link("erf", (("tab", "studies"), ("study", "depth"))),
        "A gradient that passes $n$ layers is spread by $n$ kernels one after the other: a sum of "
        "$n$ independent steps, whose variance is $n (k^2 - 1)/12$ and whose shape tends to a "
        "Gaussian. So $\\sigma \\propto \\sqrt{n}$ (Luo et al., 2016).",
        heavy=True,
        grid=(grid_block(kernel_size=(3, 5), activation=("relu", "tanh", "none")),),
    ),
    Claim(
        16,
        TOPIC,
        "A chain of convolutions with dilations 1, 2, 4, … and a chain of convolutions with "
        "stride 2 have the same receptive field and the same effective one.",
        (
            Setting("layers", "layers", 5, 1, 6),
            Setting("kernel_size", "kernel_size — window (px)", 3, 2, 5),
            Setting("dilations", "dilations", DILATION_PATTERNS[0], options=DILATION_PATTERNS),
            Setting("stride", "stride of the other chain (px)", 2, 1, 3),
        ),
        _dilated_or_strided,
        _dilated_link,
        "Layer $l$ of both spreads a unit over taps $2^{l-1}$ pixels apart: in one the kernel is "
        "stretched, in the other the map below is thinned out. The strided one is run at every "
        "$2^n$-th place only. Dilations with a common factor leave holes.",
        grid=(grid_block(layers=(3, 5), kernel_size=(2, 3), dilations=DILATION_PATTERNS),),
        rules=(
            (
                "the dilations double from layer to layer, as strides of 2 do",
                lambda v: v["dilations"] == DILATION_PATTERNS[0] and v["stride"] == 2,
            ),
        ),
    ),
)
"""The claims about effective receptive fields, in the order of their numbers."""
