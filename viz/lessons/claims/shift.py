"""Claims 22 and 23: how the outputs of pooling, strides and blurs change when the image shifts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.data import picture
from core.shift.layer import DownsamplingLayer
from viz.lessons.claims.charts import Series, cosine_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Setting,
    Values,
    grid_block,
    outcome,
)
from viz.lessons.claims.parts import separating_condition

TOPIC = "Shift and aliasing"
PAGE = "shift"
SIDE = 48
"""Side of the image in pixels: a multiple of every stride."""
PICTURES = ("china", "flower", "digit", "checkerboard", "zone_plate", "random")
FILTERS = ("sobel_x", "gaussian", "random")
NAMES = {
    "convolution": "strided convolution",
    "max_pooling": "max pooling",
    "average_pooling": "average pooling",
}
"""Name of each compared layer in tables and charts, by its kind."""
EQUAL_COSINE = 1 - 1e-6
"""Cosine similarity from which two maps differ only by rounding in single precision."""
PICTURE = Setting("picture", "Picture", "china", options=PICTURES)
FILTER = Setting("kernel", "Filter of the convolution", "sobel_x", options=FILTERS)


def _picture(values: Values) -> NDArray[np.float32]:
    """Return the chosen image of `SIDE` × `SIDE` pixels, as `core.shift` standardizes it."""
    from core.shift.consistency import standardized

    return standardized(picture(str(values["picture"]), (SIDE, SIDE)))


def _downsampling_layer(values: Values, kind: str, taps: int = 1) -> DownsamplingLayer:
    """Return a layer of this kind with a blur of ``taps`` pixels; 1 means no blur."""
    weights = str(values["kernel"]) if kind == "convolution" else "random"
    kernel_size, stride = int(values["kernel_size"]), int(values["stride"])
    return DownsamplingLayer(kind, kernel_size, stride, taps, weights=weights)


def _link(values: Values, **more: str) -> Link:
    """Return a link to the shift page; it uses stride 2 for 1, as the page's strides start at 2."""
    query = {name: str(values[name]) for name in ("picture", "kernel_size", "kernel")}
    query["stride"] = str(max(2, int(values["stride"])))
    return Link(PAGE, (*query.items(), *more.items()))


# --- 22: invariant? -----------------------------------------------------------------------------


Row = tuple[str | int | float, ...]
"""A row of evidence; its columns are listed where the outcome is made."""


def _invariance_rows(layer: DownsamplingLayer, x: NDArray[np.float32], reach: int) -> list[Row]:
    """Return a row for each shift to the right by 1 to ``reach`` pixels.

    Its cells are the layer, the shift in pixels, and three cosines of the output of the shifted
    image: to the shifted output in closed form and by torch, and to the unshifted output.
    """
    from core.shift.consistency import cosine, layer_consistency, shift_consistency
    from core.shift.spectrum import expected_cosine

    shifts = [(0, right) for right in range(1, reach + 1)]
    expected = expected_cosine(layer, x, shifts)
    cosines = layer_consistency(layer, x, shifts).cosine
    maps = shift_consistency(layer.run, x, [(0, 0), *shifts], keep_maps=True).maps
    assert maps is not None
    unshifted, *moved = (np.asarray(each, dtype=np.float64) for each in maps)
    to_unshifted = [cosine(unshifted, each) for each in moved]
    numbers = zip(range(1, reach + 1), expected, cosines, to_unshifted, strict=True)
    return [(NAMES[layer.kind], by, *(round(float(n), 7) for n in rest)) for by, *rest in numbers]


def _agreeing_rows_by_layer(rows: list[Row], agrees: tuple[bool | None, ...], words: str) -> str:
    """Return the supporting rows in words: ``it is max pooling by 1, 2 px or average …``.

    Args:
        rows: Rows that start with the layer's name and a number.
        agrees: Whether each row supports the claim.
        words: Format of a layer's numbers, such as ``"by {} px"``.
    """
    by_name: dict[str, list[str]] = {}
    for (name, number, *_), agree in zip(rows, agrees, strict=True):
        if agree:
            by_name.setdefault(str(name), []).append(str(number))
    parts = (f"{name} {words.format(', '.join(numbers))}" for name, numbers in by_name.items())
    return "it is " + " or ".join(parts)


def _cosines_of_layer(rows: list[Row], name: str) -> list[float]:
    """Return torch's cosines to the shifted output in the rows of one layer."""
    return [float(row[3]) for row in rows if row[0] == name]


def _pooling_invariance(values: Values) -> Outcome:
    """Test claim 22: compare the output of the shifted image with the shifted output."""
    stride, x = int(values["stride"]), _picture(values)
    reach = 2 * stride
    rows = [
        r for kind in NAMES for r in _invariance_rows(_downsampling_layer(values, kind), x, reach)
    ]
    pooled = [row[0] != NAMES["convolution"] for row in rows]
    agrees = tuple(
        float(row[3]) >= EQUAL_COSINE if judged else None
        for row, judged in zip(rows, pooled, strict=True)
    )
    names = {
        f"the shift is a multiple of the stride {stride}": [int(r[1]) % stride == 0 for r in rows]
    }
    return outcome(
        _least_cosines_sentence(rows, reach),
        (
            "layer",
            "shift (px)",
            "cosine to the moved output: closed form",
            "torch",
            "cosine to the unmoved output",
        ),
        rows,
        agrees,
        cosine_plot(
            "How far the output follows the shift",
            "shift (px)",
            "cosine to the moved output",
            tuple(
                Series(name, tuple(range(1, reach + 1)), tuple(_cosines_of_layer(rows, name)))
                for name in NAMES.values()
            ),
        ),
        separating_condition(agrees, names) or _agreeing_rows_by_layer(rows, agrees, "by {} px"),
    )


def _least_cosines_sentence(rows: list[Row], reach: int) -> str:
    """Return the sentence with each layer's lowest cosine over shifts by 1 to ``reach`` pixels.

    It also names the shifts that the untrained strided convolution follows exactly.
    """
    lowest = {kind: f"{min(_cosines_of_layer(rows, name)):.3f}" for kind, name in NAMES.items()}
    strided = enumerate(_cosines_of_layer(rows, NAMES["convolution"]), start=1)
    follows = ", ".join(str(pixels) for pixels, each in strided if each >= EQUAL_COSINE)
    untrained = f"follows shifts by {follows} px untrained" if follows else "follows none of them"
    return (
        f"Over shifts by 1 to {reach} px the cosine to the moved output is at least "
        f"{lowest['max_pooling']} with max pooling, {lowest['average_pooling']} with average pooling "
        f"and {lowest['convolution']} with a strided convolution, which {untrained}."
    )


# --- 23: blur -----------------------------------------------------------------------------------

BLURRED_LAYERS = ("convolution", "max_pooling")
TAPS = (2, 3, 4, 5)
"""Widths of the compared blur filters, in pixels."""
MOST_OF_THE_LOSS = 0.5
"""Share of the lost consistency that a blur must restore for the claim's word "most"."""


def _blur_rows(values: Values, kind: str) -> tuple[list[Row], list[bool | None], Series]:
    """Measure one layer without a blur and with each of `TAPS`.

    Returns:
        The evidence rows, whether each supports the claim, and the chart's line of mean cosines.
    """
    from core.shift.consistency import layer_consistency
    from core.shift.spectrum import expected_cosine

    x, plain = _picture(values), _downsampling_layer(values, kind)
    shifts = [(0, right) for right in range(1, plain.stride)]
    rows: list[Row] = []
    agrees: list[bool | None] = []
    means: list[float] = []
    for taps in (1, *TAPS):
        layer = replace(plain, taps=taps)
        expected = float(expected_cosine(layer, x, shifts).mean())
        means.append(layer_consistency(layer, x, shifts).mean)
        gap, macs = 1 - means[0], layer.macs(1, (SIDE, SIDE))
        restored = (means[-1] - means[0]) / gap if means[0] < EQUAL_COSINE else 0.0
        share = "–" if taps == 1 else f"{100 * restored:.0f} %"
        rows.append((NAMES[kind], taps, f"{expected:.4f}", f"{means[-1]:.4f}", share, macs))
        agrees.append(None if taps == 1 else restored > MOST_OF_THE_LOSS and macs > int(rows[0][5]))
    return rows, agrees, Series(NAMES[kind], (1, *TAPS), tuple(means))


def _blur_sentence(rows: list[Row]) -> str:
    """Return the sentence that compares a layer without a blur and with the second of `TAPS`."""
    plain, blurred = rows[0], rows[2]
    return (
        f"{str(plain[0]).capitalize()}: the mean cosine over the shifts between goes from "
        f"{plain[3]} to {blurred[3]} with {blurred[1]} taps, for {int(blurred[5]):,} instead of "
        f"{int(plain[5]):,} multiply–accumulates."
    )


def _blur_effect(values: Values) -> Outcome:
    """Test claim 23: measure shift consistency and cost with each blur."""
    parts = [_blur_rows(values, kind) for kind in BLURRED_LAYERS]
    rows = [row for part, _, _ in parts for row in part]
    agrees = tuple(agree for _, part, _ in parts for agree in part)
    names = {
        f"the blur has {taps} taps or more": [int(r[1]) >= taps for r in rows] for taps in TAPS
    }
    names |= {f"the layer is {NAMES[k]}": [r[0] == NAMES[k] for r in rows] for k in BLURRED_LAYERS}
    return outcome(
        " ".join(_blur_sentence(part) for part, _, _ in parts),
        (
            "layer",
            "taps of the blur",
            "mean cosine: closed form",
            "mean cosine: torch",
            "given back of what was lost",
            "multiply–accumulates",
        ),
        rows,
        agrees,
        cosine_plot(
            "What a blur gives back",
            "taps of the blur (1: none)",
            "mean cosine over the shifts between",
            tuple(line for _, _, line in parts),
        ),
        separating_condition(agrees, names)
        or _agreeing_rows_by_layer(rows, agrees, "with {} taps"),
    )


SHIFT: tuple[Claim, ...] = (
    Claim(
        22,
        TOPIC,
        "Pooling is (locally) translation invariant: its output follows a small shift of the "
        "picture, where a strided convolution must learn to.",
        (
            PICTURE,
            Setting("stride", "Stride (px)", 2, 1, 4),
            Setting("kernel_size", "Window of all three layers (px)", 2, 1, 5),
            FILTER,
        ),
        _pooling_invariance,
        lambda values: _link(values, tab="curve", kind="max_pooling"),
        r"Every one of these layers is a map that moves with the picture, of which every $s$-th "
        r"pixel is kept. A shift by a multiple of $s$ moves the kept pixels along; any other "
        r"takes other pixels. Max pooling's map is smoother than an edge filter's, so less is "
        r"lost, but nothing makes it exact.",
        grid=(
            grid_block(picture=("china", "digit", "random"), stride=(1, 2, 3), kernel_size=(2, 3)),
        ),
        rules=(("the shift is a multiple of the stride", lambda v: v["stride"] == 1),),
    ),
    Claim(
        23,
        TOPIC,
        "A blur before downsampling gives back most of the lost shift consistency, to a "
        "strided convolution and to max pooling alike, and costs compute.",
        (
            PICTURE,
            Setting("stride", "Stride (px)", 2, 2, 4),
            Setting("kernel_size", "Window of both layers (px)", 3, 1, 5),
            FILTER,
        ),
        _blur_effect,
        lambda values: _link(values, tab="curve", blur="3"),
        r"Keeping every $s$-th pixel folds all frequencies above $1/(2s)$ cycles a pixel onto "
        r"those below; the blur takes them away before. For that the layer has to compute every "
        r"pixel, $s^2$ times as many, and the blur itself adds $\text{taps}^2$ "
        r"multiply–accumulates for each output.",
        grid=(grid_block(picture=("china", "digit", "random"), stride=(2, 3), kernel_size=(2, 3)),),
        rules=(
            (
                "the stride is 2 and the picture is no noise",
                lambda v: v["stride"] == 2 and v["picture"] != "random",
            ),
        ),
    ),
)
