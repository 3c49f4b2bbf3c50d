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
from viz.lessons.claims.charts import Series, bar_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Setting,
    Values,
    grid_block,
    outcome,
)
from viz.lessons.claims.parts import (
    layer_link,
    separating_condition,
    square_layer,
    supporting_row_names,
)

PAGE = "gradients"
Plane = NDArray[np.float64]
"""A float64 array of weights or of an image, whose last two axes are rows and columns."""
COMPARED_SIZES = 6
"""Number of successive input sizes in one run."""
ROUNDING = 1e-12
"""Difference, relative to the largest gradient, that rounding in double precision explains."""
REMAINDER, NO_OUTPUT_PADDING = "the remainder", "none"


def _transposed_convolution(spec: LayerSpec, weight: Plane, upstream: Plane, extra: Pair) -> Plane:
    """Apply torch's transposed convolution to the upstream gradient.

    Args:
        spec: The convolution whose backward pass is meant.
        weight: (out channels, in channels, kernel height, kernel width).
        upstream: (out channels, output height, output width) gradient of the output.
        extra: The ``output_padding``: rows and columns that are added at the end.

    Returns:
        (in channels, height, width)
    """
    import torch

    transposed = replace(
        spec,
        operation="transposed_convolution",
        in_channels=spec.out_channels,
        out_channels=spec.in_channels,
        padding_mode="zeros",
        output_padding=extra,
    )
    with torch.no_grad():
        pair = torch.from_numpy(upstream)[None], torch.from_numpy(weight)
        result: Plane = operation_of(transposed).run(transposed, *pair, None)[0].numpy()
    return result


def _backward_row(spec: LayerSpec, n: int, adds_remainder: bool) -> tuple[tuple[Any, ...], bool]:
    """Rebuild the input gradient of an n×n input in two ways, and compare both with autograd.

    The two ways are the claim's recipe, step by step, and torch's transposed convolution.

    Args:
        spec: The strided convolution.
        n: Side of the input in pixels.
        adds_remainder: Whether the transposed convolution gets the remainder as output_padding.

    Returns:
        The row of evidence, and whether both equal autograd's gradient up to rounding.
    """
    from core.gradients.rebuild import backward_by_hand_and_autograd

    draw = np.random.default_rng(3)
    weight = draw.standard_normal((spec.out_channels, spec.in_channels, *spec.kernel_size))
    upstream = draw.standard_normal((spec.out_channels, *check(spec, (n, n))))
    rebuilt = backward_by_hand_and_autograd(spec, (n, n), weight, upstream)
    assert rebuilt.autograd is not None
    scale = float(np.abs(rebuilt.autograd).max()) or 1.0
    extra = rebuilt.remainder if adds_remainder else (0, 0)
    transposed = _transposed_convolution(spec, weight, upstream, extra)
    same_shape = transposed.shape == rebuilt.autograd.shape
    difference_of_torch = (
        float(np.abs(transposed - rebuilt.autograd).max()) / scale if same_shape else float("nan")
    )
    size = f"{transposed.shape[1]}×{transposed.shape[2]}"
    by_hand = rebuilt.difference / scale
    difference_in_words = f"{difference_of_torch:.1e}" if same_shape else "other size"
    agree = by_hand < ROUNDING and difference_of_torch < ROUNDING
    return (f"{n}×{n}", rebuilt.remainder[0], f"{by_hand:.1e}", size, difference_in_words), agree


def _backward_as_transposed(values: Values) -> Outcome:
    """Test claim 19: whether a transposed convolution gives the gradient of a strided one."""
    k, stride, fill = int(values["kernel_size"]), int(values["stride"]), str(values["padding_mode"])
    spec = square_layer(k, stride, k // 2, in_channels=2, out_channels=3, padding_mode=fill)
    sizes = range(2 * k, 2 * k + COMPARED_SIZES)
    adds_remainder = values["output_padding"] == REMAINDER
    parts = [_backward_row(spec, n, adds_remainder) for n in sizes]
    rows, agrees = tuple(row for row, _ in parts), tuple(agree for _, agree in parts)
    nothing_left = separating_condition(agrees, {"nothing is left over": [r[1] == 0 for r in rows]})

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
        bar_plot(
            "Difference to autograd, as a share of the largest gradient",
            "input (px)",
            "difference (10⁻¹⁶)",
            (
                Series(
                    "by hand", tuple(r[0] for r in rows), tuple(float(r[2]) * 1e16 for r in rows)
                ),
            ),
        ),
        nothing_left or "the input is " + supporting_row_names(rows, agrees),
    )


def _backward_link(values: Values) -> Link:
    """Return a link to the gradients page with this layer's backward pass."""
    k = int(values["kernel_size"])
    spec = square_layer(k, int(values["stride"]), k // 2)
    more = {"padding_mode": str(values["padding_mode"]), "kernel": "random"}
    return layer_link(
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
            REMAINDER,
            options=(REMAINDER, NO_OUTPUT_PADDING),
        ),
    ),
    _backward_as_transposed,
    _backward_link,
    r"$\frac{\partial L}{\partial x_j} = \sum_o g_o\, w_{j + p - s o}$: every gradient $g_o$ "
    r"lies $s$ pixels from the next, with zeros between, and meets the kernel the other way "
    r"round. What the last window left over, $(n + 2p - k) \bmod s$ rows, is made up by "
    r"``output_padding``: these pixels get 0.",
    grid=(
        grid_block(
            kernel_size=(2, 3, 5),
            stride=(1, 2, 3),
            padding_mode=("zeros", "reflect"),
            output_padding=(REMAINDER, NO_OUTPUT_PADDING),
        ),
    ),
    rules=(
        (
            "the padding is zeros and the remainder, if any, is added as output_padding",
            lambda v: (
                v["padding_mode"] == "zeros"
                and (v["output_padding"] == REMAINDER or v["stride"] == 1)
            ),
        ),
    ),
)
