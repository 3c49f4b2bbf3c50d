"""Claims 17 and 18: where the gradient of a layer goes. Claims 19 and 21 come with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.layer import LayerSpec
from core.layer.kernels import kernel
from core.layer.operations import check, operation_of
from core.layer.window import Pair
from viz.lessons.claims.backward import BACKWARD
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
from viz.lessons.claims.depth import DEPTH
from viz.lessons.claims.parts import board_link, layer, named_condition

TOPIC = "Gradients"
PAGE = "gradients"
Plane = NDArray[np.float64]


def _named(spec: LayerSpec) -> str:
    """``3×3 convolution, stride 2``."""
    kind = operation_of(spec).label.lower()
    return f"{spec.kernel_size[0]}×{spec.kernel_size[1]} {kind}, stride {spec.stride[0]}"


# --- 17: who gets none ------------------------------------------------------------------------

WINDOWS = 8
"""Windows along each side; the input is as large as they need: no remainder is left over."""
COMPARED = 3
"""Kernel sizes of the convolutions in one run."""
WEIGHTS = {"random": "random", "all equal": "box", "Sobel": "sobel_x"}


def _weights(name: str, spec: LayerSpec) -> NDArray[np.float32] | None:
    """The layer's weights; random ones of full precision, of which none is 0."""
    shape = operation_of(spec).weight_shape(spec)
    if shape is None or not operation_of(spec).learned:
        return None
    if name == "random":
        return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return kernel(WEIGHTS[name], shape)


def _starved(spec: LayerSpec, weights: str) -> tuple[int, float | None, float]:
    """Side of the input, share of its pixels without gradient in closed form and by torch."""
    from core.gradients.counts import window_reads
    from core.gradients.pattern import contributions

    k, s = spec.kernel_size[0], spec.stride[0]
    side = (WINDOWS - 1) * s + max(k, s)
    x = np.random.default_rng(1).standard_normal((1, side, side), dtype=np.float32)
    senders = contributions(spec, x, _weights(weights, spec))
    expected: float | None = float((window_reads(spec, (side, side)) == 0).mean())
    if operation_of(spec).reduce == "max":  # one winner a window; where they overlap, it depends
        expected = 1 - WINDOWS**2 / side**2 if s >= k else None
    return side, expected, float((senders == 0).mean())


def _none(values: Values) -> Outcome:
    stride, pool, first = (int(values[n]) for n in ("stride", "pool", "kernel_size"))
    weights = str(values["weights"])
    pools = [layer(pool, stride, operation=o) for o in ("max_pooling", "average_pooling")]
    convolutions = [layer(first + more, stride) for more in range(COMPARED)]
    rows, agrees = [], []
    for spec, claimed in zip([*pools, *convolutions], [0.75, *[0.0] * 4], strict=True):
        side, expected, measured = _starved(spec, weights)
        closed = "depends on the picture" if expected is None else _percent(expected)
        rows.append((_named(spec), side, _percent(claimed), closed, _percent(measured)))
        agrees.append(_percent(measured) == _percent(claimed))
    reached = [str(s.kernel_size[0]) for s, a in zip(convolutions, agrees[2:], strict=True) if a]
    sizes = ", ".join(f"{k}×{k}" for k in reached) or "none of these sizes"
    return outcome(
        f"{rows[0][0]} leaves {rows[0][4]} of its input without gradient, average pooling "
        f"{rows[1][4]}. A convolution with stride {stride} reaches every pixel "
        f"with kernels of {sizes}; "
        f"with {first}×{first} it leaves out {rows[2][4]}.",
        ("layer", "input side (px)", "said to get none", "closed form", "torch"),
        rows,
        agrees,
        Chart(
            "bars",
            f"Pixels that get no gradient, stride {stride}",
            "layer",
            "share of the input (%)",
            tuple(
                Series(
                    name,
                    tuple(str(r[0]).split(",")[0] for r in rows),
                    tuple(_number(r[place]) for r in rows),
                )
                for name, place in (("said", 2), ("torch", 4))
            ),
        ),
        _none_condition(agrees, convolutions, rows),
    )


def _none_condition(agrees: list[bool], convolutions: list[LayerSpec], rows: list[Any]) -> str:
    """The rule that parts the rows, where there is one; the rows that agree otherwise."""
    large = [spec.kernel_size[0] >= spec.stride[0] for spec in convolutions]
    names = {"the convolution's kernel is at least as large as its stride": [True, True, *large]}
    listed = " or ".join(str(row[0]) for row, agree in zip(rows, agrees, strict=True) if agree)
    return named_condition(agrees, names) or f"the layer is {listed}"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _number(percent: object) -> float:
    return float(str(percent).split()[0])


def _none_link(values: Values) -> Link:
    spec = layer(int(values["kernel_size"]), int(values["stride"]))
    weights = WEIGHTS[str(values["weights"])]
    view = {"shown": "max2.average2.conv3.conv1.own", "kernel": weights, "arriving": "random"}
    return board_link(spec, 16, PAGE, **view)


# --- 18: how it is shared out -----------------------------------------------------------------

SIDE = 8
SHARES = (
    ("max pooling", "max_pooling", "1 for the winner", False),
    ("max pooling, all pixels equal", "max_pooling", "1 for the first pixel", True),
    ("average pooling", "average_pooling", "1/k² for each", False),
    ("convolution", "convolution", "its weight for each", False),
)
"""Layer, operation, what a pixel of a window is said to get, whether the input is even."""


def _said(spec: LayerSpec, x: Plane, weight: Plane, unit: Pair, plane: Plane) -> None:
    """Put into ``plane`` what the pixels of one window are said to get."""
    rows, cols = spec.window.taps(unit)
    inside = np.outer((rows >= 0) & (rows < SIDE), (cols >= 0) & (cols < SIDE))
    window = np.full(inside.shape, -np.inf)
    index = np.ix_(rows.clip(0, SIDE - 1), cols.clip(0, SIDE - 1))
    window[inside] = x[index][inside]
    share = weight if spec.operation == "convolution" else np.full(inside.shape, 1 / inside.size)
    if spec.operation == "max_pooling":
        share = np.arange(inside.size).reshape(inside.shape) == window.argmax()
    got = inside & (share != 0)
    down, right = np.nonzero(got)
    plane[rows[down], cols[right]] = share[got]


def _shares_of(spec: LayerSpec, even: bool, every: bool) -> tuple[Plane, Plane]:
    """(SIDE, SIDE) the gradient as it is said to be, and torch's."""
    from core.gradients.pattern import input_gradient
    from core.gradients.recipe import UpstreamGradient

    draw = np.random.default_rng(2).standard_normal((1, SIDE, SIDE), dtype=np.float32)
    x = np.ones_like(draw) if even else draw
    weight = _weights("random", spec)
    height, width = check(spec, (SIDE, SIDE))
    middle = (height // 2, width // 2)
    result = input_gradient(
        spec,
        x,
        weight,
        upstream=UpstreamGradient("all") if every else UpstreamGradient("unit", middle),
    )
    plane = np.zeros((SIDE, SIDE))
    taps = np.zeros(spec.kernel_size) if weight is None else weight[0, 0].astype(np.float64)
    for unit in np.ndindex(height, width) if every else [middle]:
        _said(spec, x[0].astype(np.float64), taps, (unit[0], unit[1]), plane)
    return plane, result.gradient[0].astype(np.float64)


def _shares(values: Values) -> Outcome:
    kernel_size, stride, padding = (int(values[n]) for n in ("kernel_size", "stride", "padding"))
    every = values["arriving"] == EVERY
    rows, agrees, drawn = [], [], []
    for name, operation, said, even in SHARES:
        spec = layer(kernel_size, stride, padding, operation=operation)
        expected, measured = _shares_of(spec, even, every)
        difference = float(np.abs(expected - measured).max())
        agrees.append(difference < 1e-6)
        some = int((measured != 0).sum())
        rows.append((name, said, int((expected != 0).sum()), some, f"{difference:.2g}"))
        drawn.append(Series(name, tuple(range(SIDE)), tuple(measured.sum(0).tolist())))
    good = [name for (name, *_), agree in zip(rows, agrees, strict=True) if agree]
    overlap = kernel_size > stride and every
    why = " Windows overlap here, and what a pixel gets is summed over them." if overlap else ""
    return outcome(
        f"With {values['arriving']} of a {kernel_size}×{kernel_size} layer with stride {stride} "
        f"sending 1 back, torch's gradient is as claimed for {len(good)} of {len(rows)} layers.{why}",
        (
            "layer",
            "each pixel of a window gets",
            "pixels said to get some",
            "torch: pixels that get some",
            "largest difference",
        ),
        rows,
        agrees,
        Chart(
            "bars",
            "Gradient by column of the input, summed over its rows",
            "column (px)",
            "gradient",
            tuple(drawn),
        ),
        "the layer is " + " or ".join(good),
    )


ONE, EVERY = "one unit", "every unit"


def _shares_link(values: Values) -> Link:
    spec = layer(int(values["kernel_size"]), int(values["stride"]), int(values["padding"]))
    arriving = "all" if values["arriving"] == EVERY else "unit"
    view = {"shown": "max2.average2.own", "arriving": arriving, "kernel": "random"}
    return board_link(spec, SIDE, PAGE, **view)


_STRIDE = Setting("stride", "Stride (px)", 2, 1, 4)

GRADIENTS: tuple[Claim, ...] = (
    Claim(
        17,
        TOPIC,
        "2×2 max pooling with stride 2 sends no gradient to 75 % of its input; average pooling "
        "and strided convolution send some to every pixel.",
        (
            _STRIDE,
            Setting("kernel_size", "Smallest kernel of the convolutions (px)", 1, 1, 5),
            Setting("pool", "Window of the poolings (px)", 2, 1, 4),
            Setting("weights", "Weights of the convolutions", "random", options=tuple(WEIGHTS)),
        ),
        _none,
        _none_link,
        r"A maximum has derivative 1 at its winner and 0 elsewhere: one pixel in $k^2$ gets "
        r"something where windows do not overlap. A convolution hands each pixel that it reads "
        r"its weight, so all get some when $k \ge s$ and no weight is 0; a 1×1 with stride 2, "
        r"the shortcut of ResNet, reads one pixel in four.",
        grid=(block(kernel_size=(1, 2, 3), weights=tuple(WEIGHTS)),),
        rules=(
            (
                "every kernel is at least as large as its stride and none of its weights is 0",
                lambda v: int(v["kernel_size"]) >= int(v["stride"]) and v["weights"] != "Sobel",
            ),
        ),
    ),
    Claim(
        18,
        TOPIC,
        "In max pooling the winner takes all the gradient, and the first of equals wins; average "
        "pooling gives each pixel 1/k²; a strided convolution gives by its kernel's weights.",
        (
            Setting("kernel_size", "Kernel (px)", 2, 1, 5),
            _STRIDE,
            Setting("padding", "Padding (px)", 0, 0, 2),
            Setting("arriving", "Upstream gradient at", EVERY, options=(ONE, EVERY)),
        ),
        _shares,
        _shares_link,
        r"$\partial y/\partial x$ is what the operation is: 1 at the winner of a maximum, "
        r"$1/k^2$ in a mean, the weight $w_i$ in a convolution. One unit's gradient is always "
        r"that; where windows overlap ($k > s$) a pixel gets the sum over all that read it.",
        grid=(block(kernel_size=(2, 3), stride=(1, 2, 3), padding=(0, 1), arriving=(ONE, EVERY)),),
        rules=(
            (
                "the gradient comes from one unit alone, or windows do not overlap",
                lambda v: v["arriving"] == ONE or int(v["kernel_size"]) <= int(v["stride"]),
            ),
        ),
    ),
    BACKWARD,
    DEPTH,
)
