"""Claims 17 and 18: which pixels of a layer's input get gradient, and how much.

Claims 19 and 21, from the modules `backward` and `depth`, belong to the same topic.
"""

from __future__ import annotations

from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.layer import LayerSpec
from core.layer.kernels import kernel
from core.layer.operations import check, operation_of
from core.layer.window import Pair
from viz.lessons.claims.backward import BACKWARD
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
from viz.lessons.claims.depth import DEPTH
from viz.lessons.claims.parts import (
    layer_link,
    percent,
    separating_condition,
    square_layer,
    square_size,
    supporting_row_names,
)

TOPIC = "Gradients"
PAGE = "gradients"
Plane = NDArray[np.float64]


def _layer_in_words(spec: LayerSpec) -> str:
    """Return kernel, kind and stride of a layer in words: ``3×3 convolution, stride 2``."""
    kind = operation_of(spec).label.lower()
    return f"{spec.kernel_size[0]}×{spec.kernel_size[1]} {kind}, stride {spec.stride[0]}"


# --- 17: who gets none ------------------------------------------------------------------------

WINDOWS_PER_SIDE = 8
"""Windows along each side; the input has exactly the size they need, without a remainder."""
COMPARED_KERNELS = 3
"""Number of successive kernel sizes of the convolutions in one run."""
WEIGHTS = {"random": "random", "all equal": "box", "Sobel": "sobel_x"}
"""The choices for a convolution's weights, with their names in `core.layer.kernels`."""


def _layer_weights(name: str, spec: LayerSpec) -> NDArray[np.float32] | None:
    """Return a layer's weights, or None if it has none; none of the random weights is 0."""
    shape = operation_of(spec).weight_shape(spec)
    if shape is None or not operation_of(spec).learned:
        return None
    if name == "random":
        return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    return kernel(WEIGHTS[name], shape)


def _side_and_zero_gradient_shares(
    spec: LayerSpec, weights: str
) -> tuple[int, float | None, float]:
    """Measure the share of a layer's input pixels that get no gradient.

    Returns:
        The side of the input in pixels, and the share in closed form and by torch. The closed form
        is None if it depends on the image, as with overlapping max pooling windows.
    """
    from core.gradients.counts import windows_per_pixel
    from core.gradients.pattern import contribution_counts

    k, s = spec.kernel_size[0], spec.stride[0]
    side = (WINDOWS_PER_SIDE - 1) * s + max(k, s)
    x = np.random.default_rng(1).standard_normal((1, side, side), dtype=np.float32)
    contributions_of_pixels = contribution_counts(spec, x, _layer_weights(weights, spec))
    expected: float | None = float((windows_per_pixel(spec, (side, side)) == 0).mean())
    if operation_of(spec).reduce == "max":  # one winner a window; where they overlap, it depends
        expected = 1 - WINDOWS_PER_SIDE**2 / side**2 if s >= k else None
    return side, expected, float((contributions_of_pixels == 0).mean())


def _zero_gradient_shares(values: Values) -> Outcome:
    """Test claim 17: the share of the input without gradient for poolings and convolutions."""
    stride, pool, first = (int(values[n]) for n in ("stride", "pool", "kernel_size"))
    weights = str(values["weights"])
    pools = [square_layer(pool, stride, operation=o) for o in ("max_pooling", "average_pooling")]
    convolutions = [square_layer(first + more, stride) for more in range(COMPARED_KERNELS)]
    rows, agrees = [], []
    for spec, claimed in zip([*pools, *convolutions], [0.75, *[0.0] * 4], strict=True):
        side, expected, measured = _side_and_zero_gradient_shares(spec, weights)
        closed = "depends on the picture" if expected is None else percent(expected)
        rows.append((_layer_in_words(spec), side, percent(claimed), closed, percent(measured)))
        agrees.append(percent(measured) == percent(claimed))
    fully_reaching = (square_size(s.kernel_size[0]) for s in compress(convolutions, agrees[2:]))
    sizes = ", ".join(fully_reaching) or "none of these sizes"
    return outcome(
        f"{rows[0][0]} leaves {rows[0][4]} of its input without gradient, average pooling "
        f"{rows[1][4]}. A convolution with stride {stride} reaches every pixel "
        f"with kernels of {sizes}; "
        f"with {first}×{first} it leaves out {rows[2][4]}.",
        ("layer", "input side (px)", "said to get none", "closed form", "torch"),
        rows,
        agrees,
        bar_plot(
            f"Pixels that get no gradient, stride {stride}",
            "layer",
            "share of the input (%)",
            tuple(
                Series(
                    name,
                    tuple(r[0].split(",")[0].replace("convolution", "conv") for r in rows),
                    tuple(_leading_number(r[place]) for r in rows),
                )
                for name, place in (("said", 2), ("torch", 4))
            ),
        ),
        _zero_gradient_condition(agrees, convolutions, rows),
    )


def _zero_gradient_condition(
    agrees: list[bool], convolutions: list[LayerSpec], rows: list[Any]
) -> str:
    """Return the condition under which the claim holds: a rule if there is one, else the rows."""
    large = [spec.kernel_size[0] >= spec.stride[0] for spec in convolutions]
    names = {"the convolution's kernel is at least as large as its stride": [True, True, *large]}
    return (
        separating_condition(agrees, names) or f"the layer is {supporting_row_names(rows, agrees)}"
    )


def _leading_number(cell: object) -> float:
    """Return the number at the start of a cell such as ``75 %``."""
    return float(str(cell).split()[0])


def _zero_gradient_link(values: Values) -> Link:
    """Return a link to the gradients page with five layers side by side.

    They are max and average pooling, 3×3 and 1×1 convolution, and the claim's own layer.
    """
    spec = square_layer(int(values["kernel_size"]), int(values["stride"]))
    weights = WEIGHTS[str(values["weights"])]
    view = {"shown": "max2.average2.conv3.conv1.own", "kernel": weights, "arriving": "random"}
    return layer_link(spec, 16, PAGE, **view)


# --- 18: how it is shared out -----------------------------------------------------------------

SIDE = 8
"""Side of the input in pixels."""
CLAIMED_SHARES = (
    ("max pooling", "max_pooling", "1 for the winner", False),
    ("max pooling, all pixels equal", "max_pooling", "1 for the first pixel", True),
    ("average pooling", "average_pooling", "1/k² for each", False),
    ("convolution", "convolution", "its weight for each", False),
)
"""For each layer: its name, its operation, which share of a unit's gradient each pixel of the
window is claimed to get, and whether all pixels of the input are equal."""


def _write_claimed_gradient(
    spec: LayerSpec, x: Plane, weight: Plane, unit: Pair, gradient: Plane
) -> None:
    """Write into ``gradient`` what the pixels of one window are claimed to get.

    Args:
        spec: The layer.
        x: (SIDE, SIDE) input.
        weight: (kernel height, kernel width) weights of a convolution.
        unit: (row, column) of the output to which the window belongs.
        gradient: (SIDE, SIDE) array, changed in place at the window's pixels.
    """
    rows, cols = spec.window.taps(unit)
    inside = np.outer((rows >= 0) & (rows < SIDE), (cols >= 0) & (cols < SIDE))
    window = np.full(inside.shape, -np.inf)
    index = np.ix_(rows.clip(0, SIDE - 1), cols.clip(0, SIDE - 1))
    window[inside] = x[index][inside]
    share = weight if spec.operation == "convolution" else np.full(inside.shape, 1 / inside.size)
    if spec.operation == "max_pooling":
        share = np.arange(inside.size).reshape(inside.shape) == window.argmax()
    receives = inside & (share != 0)
    down, right = np.nonzero(receives)
    gradient[rows[down], cols[right]] = share[receives]


def _claimed_and_measured_gradient(
    spec: LayerSpec, equal_pixels: bool, every_unit: bool
) -> tuple[Plane, Plane]:
    """Return the input gradient as claimed and by torch, each as a (SIDE, SIDE) array.

    Args:
        spec: The layer.
        equal_pixels: Whether all pixels of the input are 1; otherwise they are random.
        every_unit: Whether every output has upstream gradient 1; otherwise only the middle one.
    """
    from core.gradients.pattern import input_gradient
    from core.gradients.recipe import UpstreamGradient

    draw = np.random.default_rng(2).standard_normal((1, SIDE, SIDE), dtype=np.float32)
    x = np.ones_like(draw) if equal_pixels else draw
    weight = _layer_weights("random", spec)
    height, width = check(spec, (SIDE, SIDE))
    middle = (height // 2, width // 2)
    result = input_gradient(
        spec,
        x,
        weight,
        upstream=UpstreamGradient("all") if every_unit else UpstreamGradient("unit", middle),
    )
    gradient = np.zeros((SIDE, SIDE))
    taps = np.zeros(spec.kernel_size) if weight is None else weight[0, 0].astype(np.float64)
    for unit in np.ndindex(height, width) if every_unit else [middle]:
        _write_claimed_gradient(spec, x[0].astype(np.float64), taps, (unit[0], unit[1]), gradient)
    return gradient, result.gradient[0].astype(np.float64)


def _gradient_shares(values: Values) -> Outcome:
    """Test claim 18: compare the claimed gradient of each layer with torch's."""
    kernel_size, stride, padding = (int(values[n]) for n in ("kernel_size", "stride", "padding"))
    every_unit = values["arriving"] == EVERY_UNIT
    rows, agrees, series = [], [], []
    for name, operation, said, equal_pixels in CLAIMED_SHARES:
        spec = square_layer(kernel_size, stride, padding, operation=operation)
        expected, measured = _claimed_and_measured_gradient(spec, equal_pixels, every_unit)
        difference = float(np.abs(expected - measured).max())
        agrees.append(difference < 1e-6)
        nonzero = int((measured != 0).sum())
        rows.append((name, said, int((expected != 0).sum()), nonzero, f"{difference:.2g}"))
        series.append(Series(name, tuple(range(SIDE)), tuple(measured.sum(0).tolist())))

    overlap = kernel_size > stride and every_unit
    why = " Windows overlap here, and what a pixel gets is summed over them." if overlap else ""
    return outcome(
        f"With {values['arriving']} of a {kernel_size}×{kernel_size} layer with stride {stride} "
        f"sending 1 back, torch's gradient is as claimed for {sum(agrees)} of {len(rows)} layers.{why}",
        (
            "layer",
            "each pixel of a window gets",
            "pixels said to get some",
            "torch: pixels that get some",
            "largest difference",
        ),
        rows,
        agrees,
        bar_plot(
            "Gradient by column of the input, summed over its rows",
            "column (px)",
            "gradient",
            tuple(series),
        ),
        "the layer is " + supporting_row_names(rows, agrees),
    )


ONE_UNIT, EVERY_UNIT = "one unit", "every unit"


def _gradient_shares_link(values: Values) -> Link:
    """Return a link to the gradients page with these layers and this upstream gradient."""
    spec = square_layer(int(values["kernel_size"]), int(values["stride"]), int(values["padding"]))
    arriving = "all" if values["arriving"] == EVERY_UNIT else "unit"
    view = {"shown": "max2.average2.own", "arriving": arriving, "kernel": "random"}
    return layer_link(spec, SIDE, PAGE, **view)


STRIDE = Setting("stride", "Stride (px)", 2, 1, 4)

GRADIENTS: tuple[Claim, ...] = (
    Claim(
        17,
        TOPIC,
        "2×2 max pooling with stride 2 sends no gradient to 75 % of its input; average pooling "
        "and strided convolution send some to every pixel.",
        (
            STRIDE,
            Setting("kernel_size", "Smallest kernel of the convolutions (px)", 1, 1, 5),
            Setting("pool", "Window of the poolings (px)", 2, 1, 4),
            Setting("weights", "Weights of the convolutions", "random", options=tuple(WEIGHTS)),
        ),
        _zero_gradient_shares,
        _zero_gradient_link,
        r"A maximum has derivative 1 at its winner and 0 elsewhere: one pixel in $k^2$ gets "
        r"something where windows do not overlap. A convolution hands each pixel that it reads "
        r"its weight, so all get some when $k \ge s$ and no weight is 0; a 1×1 with stride 2, "
        r"the shortcut of ResNet, reads one pixel in four.",
        grid=(grid_block(kernel_size=(1, 2, 3), weights=tuple(WEIGHTS)),),
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
            STRIDE,
            Setting("padding", "Padding (px)", 0, 0, 2),
            Setting("arriving", "Upstream gradient at", EVERY_UNIT, options=(ONE_UNIT, EVERY_UNIT)),
        ),
        _gradient_shares,
        _gradient_shares_link,
        r"$\partial y/\partial x$ is what the operation is: 1 at the winner of a maximum, "
        r"$1/k^2$ in a mean, the weight $w_i$ in a convolution. One unit's gradient is always "
        r"that; where windows overlap ($k > s$) a pixel gets the sum over all that read it.",
        grid=(
            grid_block(
                kernel_size=(2, 3),
                stride=(1, 2, 3),
                padding=(0, 1),
                arriving=(ONE_UNIT, EVERY_UNIT),
            ),
        ),
        rules=(
            (
                "the gradient comes from one unit alone, or windows do not overlap",
                lambda v: v["arriving"] == ONE_UNIT or int(v["kernel_size"]) <= int(v["stride"]),
            ),
        ),
    ),
    BACKWARD,
    DEPTH,
)
