"""Claim 19: the backward pass of a strided convolution is a transposed convolution."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.layer import LayerSpec
from core.layer.operations import check, operation_of
from core.layer.padding import FILLS
from core.layer.window import Pair
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
from viz.lessons.claims.parts import board_link, layer, named_condition

PAGE = "gradients"
Plane = NDArray[np.float64]
SIZES = 6
ROUNDING = 1e-12
"""Difference, as a share of the largest gradient, that rounding in double precision explains."""
NEEDED, NO = "the remainder", "none"


def _transposed(spec: LayerSpec, weight: Plane, upstream: Plane, extra: Pair) -> Plane:
    """torch's own transposed convolution of the upstream gradient; ``extra`` rows and columns after it."""
    import torch

    back = replace(
        spec,
        operation="transposed_convolution",
        in_channels=spec.out_channels,
        out_channels=spec.in_channels,
        padding_mode="zeros",
        output_padding=extra,
    )
    with torch.no_grad():
        pair = torch.from_numpy(upstream)[None], torch.from_numpy(weight)
        result: Plane = operation_of(back).run(back, *pair, None)[0].numpy()
    return result


def _backward_row(spec: LayerSpec, n: int, needed: bool) -> tuple[tuple[Any, ...], bool]:
    from core.gradients.rebuild import rebuild

    draw = np.random.default_rng(3)
    weight = draw.standard_normal((spec.out_channels, spec.in_channels, *spec.kernel_size))
    upstream = draw.standard_normal((spec.out_channels, *check(spec, (n, n))))
    back_by_hand = rebuild(spec, (n, n), weight, upstream)
    assert back_by_hand.autograd is not None
    scale = float(np.abs(back_by_hand.autograd).max()) or 1.0
    extra = back_by_hand.remainder if needed else (0, 0)
    back = _transposed(spec, weight, upstream, extra)
    same = back.shape == back_by_hand.autograd.shape
    away = float(np.abs(back - back_by_hand.autograd).max()) / scale if same else float("nan")
    size, by_hand = f"{back.shape[1]}×{back.shape[2]}", back_by_hand.difference / scale
    difference = f"{away:.1e}" if same else "other size"
    agree = by_hand < ROUNDING and away < ROUNDING
    return (f"{n}×{n}", back_by_hand.remainder[0], f"{by_hand:.1e}", size, difference), agree


def _backward(values: Values) -> Outcome:
    k, stride, fill = int(values["kernel_size"]), int(values["stride"]), str(values["padding_mode"])
    spec = layer(k, stride, k // 2, in_channels=2, out_channels=3, padding_mode=fill)
    sizes = range(2 * k, 2 * k + SIZES)
    needed = values["output_padding"] == NEEDED
    parts = [_backward_row(spec, n, needed) for n in sizes]
    rows, agrees = tuple(row for row, _ in parts), tuple(agree for _, agree in parts)
    nothing_left = named_condition(agrees, {"nothing is left over": [r[1] == 0 for r in rows]})
    listed = "the input is " + " or ".join(r[0] for r, a in zip(rows, agrees, strict=True) if a)
    worst = max(float(row[2]) for row in rows)
    folded = "" if fill == "zeros" else ", the shares of the pixels' copies in the padding added"
    rounding = "which is rounding" if worst < ROUNDING else "more than rounding"
    return outcome(
        f"For {sum(agrees)} of {len(rows)} input sizes torch's transposed convolution gives "
        f"autograd's gradient. Built by hand{folded}, it differs by {worst:.1e} of the largest "
        f"gradient at most, {rounding}.",
        (
            "input",
            "remainder (px)",
            "by hand: difference",
            "ConvTranspose2d: output",
            "ConvTranspose2d: difference",
        ),
        rows,
        agrees,
        Chart(
            "bars",
            "Difference to autograd, as a share of the largest gradient",
            "input (px)",
            "difference (10⁻¹⁶)",
            (
                Series(
                    "by hand", tuple(r[0] for r in rows), tuple(float(r[2]) * 1e16 for r in rows)
                ),
            ),
        ),
        nothing_left or listed,
    )


def _backward_link(values: Values) -> Link:
    k = int(values["kernel_size"])
    spec = layer(k, int(values["stride"]), k // 2)
    more = {"padding_mode": str(values["padding_mode"]), "kernel": "random"}
    return board_link(
        spec, max(4, 2 * k), PAGE, shown="conv3.own", tab="back", back_layer="own", **more
    )


BACKWARD = Claim(
    19,
    "Gradients",
    "The backward pass of a strided convolution is a transposed convolution: insert s − 1 "
    "zeros between the gradients and convolve with the flipped kernel.",
    (
        Setting("kernel_size", "Kernel (px)", 3, 1, 7),
        Setting("stride", "Stride (px)", 2, 1, 4),
        Setting("padding_mode", "Padding of k // 2 pixels", "zeros", options=tuple(FILLS)),
        Setting(
            "output_padding",
            "Rows added at the end (output_padding)",
            NEEDED,
            options=(NEEDED, NO),
        ),
    ),
    _backward,
    _backward_link,
    r"$\frac{\partial L}{\partial x_j} = \sum_o g_o\, w_{j + p - s o}$: every gradient $g_o$ "
    r"lies $s$ pixels from the next, with zeros between, and meets the kernel the other way "
    r"round. What the last window left over, $(n + 2p - k) \bmod s$ rows, is made up by "
    r"``output_padding``: these pixels get 0.",
    grid=(
        block(
            kernel_size=(2, 3, 5),
            stride=(1, 2, 3),
            padding_mode=("zeros", "reflect"),
            output_padding=(NEEDED, NO),
        ),
    ),
    rules=(
        (
            "the padding is zeros and the remainder, if any, is added as output_padding",
            lambda v: (
                v["padding_mode"] == "zeros" and (v["output_padding"] == NEEDED or v["stride"] == 1)
            ),
        ),
    ),
)
