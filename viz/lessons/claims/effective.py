"""Claims 14 and 16: effective receptive fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import SpecError
from core.networks import build
from core.networks.notation import parse_notation
from viz.lessons.claims.claim import (
    Chart,
    Claim,
    Link,
    Outcome,
    Series,
    Setting,
    Values,
    block,
    outcome,
)
from viz.lessons.claims.fields import TOPIC, Chain, conv, page_link

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.erf.study import Study, StudyRow

# --- 14: much smaller, Gaussian, √n ---------------------------------------------------------------

MUCH_SMALLER = 2 / 3
"""Largest share of the field's pixels above 4.55 % of the peak that counts as much smaller."""
GAUSSIAN = 0.5
"""Largest excess kurtosis that counts as Gaussian; it is -1.2 for a flat field."""
CLOSE = 0.1
"""Tolerance of widths (relative) and exponents of what is drawn at random."""


def _depths(values: Values) -> tuple[int, ...]:
    first, last = int(values["shallowest"]), int(values["deepest"])
    if last < 2 * first:
        rule = f"must be at least twice the shallowest, {2 * first}, for a law to be seen"
        raise SpecError("deepest", rule, last)
    depths = [first]
    while 2 * depths[-1] <= last:
        depths.append(2 * depths[-1])
    return tuple(depths)


def _study(values: Values) -> Study:
    from core.erf.studies import depth_study
    from core.erf.study import StudySettings

    settings = StudySettings(channels=8, activation=str(values["activation"]), draws=32)
    return depth_study(_depths(values), int(values["kernel_size"]), settings)


def _depth_row(row: StudyRow) -> tuple[tuple[str | int | float, ...], bool]:
    """The row of one depth, and whether it bears the claim out."""
    from core.erf import metrics

    area = row.share**2
    kurtosis = float(np.mean(row.erf.excess_kurtosis))
    assert row.expected is not None
    expected = float(np.sqrt(np.mean(np.square(metrics.sigma(row.expected.map)))))
    bears = (
        area <= MUCH_SMALLER
        and abs(kurtosis) <= GAUSSIAN
        and abs(row.sigma / expected - 1) <= CLOSE
    )
    cells = (
        int(row.x),
        round(row.reach),
        f"{100 * area:.3g} %",
        f"{expected:.3g}",
        f"{row.sigma:.3g}",
        f"{kurtosis:+.2f}",
    )
    return cells, bears


def _effective_chart(values: Values, depths: Sequence[int], study: Study) -> Chart:
    """The picture."""
    return Chart(
        "lines",
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


def _effective(values: Values) -> Outcome:
    from core.erf.study import power_law

    study = _study(values)
    parts = [_depth_row(row) for row in study.rows]
    depths = [int(row.x) for row in study.rows]
    width = power_law(depths, [row.sigma for row in study.rows])[0]
    reach = power_law(depths, [row.reach for row in study.rows])[0]
    grows = abs(width - 0.5) <= CLOSE and reach > 0.5 + 2 * CLOSE
    rows = [cells for cells, _ in parts]
    rows.append(("exponent", f"{reach:.3g}", "", "0.5", f"{width:.3g}", ""))
    agrees = (*(bears for _, bears in parts), grows)
    held = [depth for depth, (_, bears) in zip(depths, parts, strict=True) if bears]
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
        _from_depth(held, depths, grows),
    )


def _from_depth(held: list[int], depths: list[int], grows: bool) -> str:
    """Which depths bear the claim out, in words."""
    law = "" if grows else "; σ does not grow like √n here"
    if not held:
        return "only the growth like √n is meant: the shape fits at none of these depths"
    if held == depths[-len(held) :]:
        return f"n is at least {held[0]}{law}"
    return f"n is {', '.join(map(str, held))}{law}"


# --- 16: dilated or strided -----------------------------------------------------------------------

PATTERNS = ("1, 2, 4, …", "2, 2, 2, …", "1, 1, 1, …")


def _pair(values: Values) -> tuple[list[str], list[str]]:
    """The layers of the dilated and of the strided chain, as notation along the width."""
    count, kernel = int(values["layers"]), int(values["kernel_size"])
    dilations = {PATTERNS[0]: [2**i for i in range(count)], PATTERNS[1]: [2] * count}.get(
        str(values["dilations"]), [1] * count
    )
    return (
        [conv(kernel, dilation=d) for d in dilations],
        [conv(kernel, int(values["stride"])) for _ in dilations],
    )


def _profile(layers: list[str]) -> NDArray[np.float64]:
    """Gradient of the middle unit of the last layer under uniform weights, of sum 1."""
    from core.erf import effective_receptive_field

    line = ", ".join(layers)
    chain = Chain(line)
    size = (1, 1, chain.side)
    erf = effective_receptive_field(
        build(parse_notation(line), 1, size[1:], seed=0), size, chain.names[-1], draws=1,
        weights="uniform", aggregate="abs",
    )  # fmt: skip
    return np.asarray(erf.marginals()[1], dtype=np.float64)


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Total variation between two profiles about their middles: 0 the same, 1 nothing shared."""
    longest = max(len(one), len(other))
    first, second = (
        np.pad(each, ((longest - len(each)) // 2, (longest - len(each) + 1) // 2))
        for each in (one, other)
    )
    return float(np.abs(first - second).sum() / 2)


def _dilated_or_strided_chart(
    values: Values, last: Sequence[Any], profiles: Sequence[NDArray[np.float64]]
) -> Chart:
    """The picture."""
    return Chart(
        "lines",
        f"Profiles after {last[0]} layers, uniform weights",
        "from the middle of the field (px)",
        "share of the gradient",
        tuple(
            Series(name, _places(profile), tuple(profile.tolist()))
            for name, profile in zip(
                (f"dilated {values['dilations']}", f"stride {values['stride']}"),
                profiles,
                strict=True,
            )
        ),
    )


def _pair_row(
    count: int, chains: tuple[Chain, Chain], profiles: list[NDArray[np.float64]]
) -> tuple[tuple[int | str, ...], bool]:
    """The row of the first so many layers, and whether it bears the claim out."""
    closed = [chain.closed[count - 1] for chain in chains]
    measured = [chain.measured[count - 1] for chain in chains]
    apart = _apart(profiles[0], profiles[1])
    zeros = f"{100 * float((profiles[0] == 0).mean()):.3g} %"
    row = (count, closed[0], measured[0], measured[1], f"{apart:.2g}", zeros)
    return row, closed == measured and measured[0] == measured[1] and apart < 1e-3


def _dilated_or_strided(values: Values) -> Outcome:
    pair = _pair(values)
    chains = Chain(", ".join(pair[0])), Chain(", ".join(pair[1]))
    rows, agrees, profiles = [], [], []
    for count in range(1, len(pair[0]) + 1):
        profiles = [_profile(layers[:count]) for layers in pair]
        row, bears = _pair_row(count, chains, profiles)
        rows.append(row)
        agrees.append(bears)
    last = rows[-1]
    held = ", ".join(str(row[0]) for row, each in zip(rows, agrees, strict=True) if each)
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
        f"the layers are {held}",
    )


def _places(profile: NDArray[np.float64]) -> tuple[float, ...]:
    """Pixels from the profile's middle."""
    return tuple((np.arange(len(profile)) - (len(profile) - 1) / 2).tolist())


def _dilated_link(values: Values) -> Link:
    kernel, count = int(values["kernel_size"]), int(values["layers"])
    dilations = {PATTERNS[0]: [2**i for i in range(count)], PATTERNS[1]: [2] * count}.get(
        str(values["dilations"]), [1] * count
    )
    return page_link([f"conv{kernel} d{d} c8" for d in dilations], "erf", weights="uniform")


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
        _effective,
        lambda v: Link("erf", (("tab", "studies"), ("study", "depth"))),
        "A gradient that passes $n$ layers is spread by $n$ kernels one after the other: a sum of "
        "$n$ independent steps, whose variance is $n (k^2 - 1)/12$ and whose shape tends to a "
        "Gaussian. So $\\sigma \\propto \\sqrt{n}$ (Luo et al., 2016).",
        heavy=True,
        grid=(block(kernel_size=(3, 5), activation=("relu", "tanh", "none")),),
    ),
    Claim(
        16,
        TOPIC,
        "A chain of convolutions with dilations 1, 2, 4, … and a chain of convolutions with "
        "stride 2 have the same receptive field and the same effective one.",
        (
            Setting("layers", "layers", 5, 1, 6),
            Setting("kernel_size", "kernel_size — window (px)", 3, 2, 5),
            Setting("dilations", "dilations", PATTERNS[0], options=PATTERNS),
            Setting("stride", "stride of the other chain (px)", 2, 1, 3),
        ),
        _dilated_or_strided,
        _dilated_link,
        "Layer $l$ of both spreads a unit over taps $2^{l-1}$ pixels apart: in one the kernel is "
        "stretched, in the other the map below is thinned out. The strided one is run at every "
        "$2^n$-th place only. Dilations with a common factor leave holes.",
        grid=(block(layers=(3, 5), kernel_size=(2, 3), dilations=PATTERNS),),
        rules=(
            (
                "the dilations double from layer to layer, as strides of 2 do",
                lambda v: v["dilations"] == PATTERNS[0] and v["stride"] == 2,
            ),
        ),
    ),
)
"""Of effective receptive fields, in the order of their numbers."""
