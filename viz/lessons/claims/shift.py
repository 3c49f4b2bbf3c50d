"""Claims 22 and 23: what a shift of the picture does to pooling, strides and blurs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.data import picture
from core.shift.layer import DownsamplingLayer
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
from viz.lessons.claims.parts import named_condition

TOPIC = "Shift and aliasing"
PAGE = "shift"
SIDE = 48
"""Pixels of the picture, each side: a multiple of every stride."""
PICTURES = ("china", "flower", "digit", "checkerboard", "zone_plate", "random")
FILTERS = ("sobel_x", "gaussian", "random")
NAMES = {
    "convolution": "strided convolution",
    "max_pooling": "max pooling",
    "average_pooling": "average pooling",
}
FOLLOWS = 1 - 1e-6
"""Cosine from which two maps are the same but for single precision's rounding."""
PICTURE = Setting("picture", "Picture", "china", options=PICTURES)
FILTER = Setting("kernel", "Filter of the convolution", "sobel_x", options=FILTERS)


def _picture(values: Values) -> NDArray[np.float32]:
    from core.shift.consistency import standardized

    return standardized(picture(str(values["picture"]), (SIDE, SIDE)))


def _layer(values: Values, kind: str, taps: int = 1) -> DownsamplingLayer:
    drawn = str(values["kernel"]) if kind == "convolution" else "random"
    kernel_size, stride = int(values["kernel_size"]), int(values["stride"])
    return DownsamplingLayer(kind, kernel_size, stride, taps, weights=drawn)


def _link(values: Values, **more: str) -> Link:
    """The page's strides begin at 2: one of 1 is not for it."""
    query = {name: str(values[name]) for name in ("picture", "kernel_size", "kernel")}
    query["stride"] = str(max(2, int(values["stride"])))
    return Link(PAGE, (*query.items(), *more.items()))


# --- 22: invariant? -----------------------------------------------------------------------------


Row = tuple[str | int | float, ...]


def _rows_of(layer: DownsamplingLayer, x: NDArray[np.float32], reach: int) -> list[Row]:
    """Per shift: layer, pixels, cosine to the moved output by closed form and torch, and to
    the output as it was."""
    from core.shift.consistency import cosine, layer_consistency, shift_consistency
    from core.shift.spectrum import expected_cosine

    shifts = [(0, right) for right in range(1, reach + 1)]
    expected = expected_cosine(layer, x, shifts)
    cosines = layer_consistency(layer, x, shifts).cosine
    maps = shift_consistency(layer.run, x, [(0, 0), *shifts], keep_maps=True).maps
    assert maps is not None
    still, *moved = (np.asarray(each, dtype=np.float64) for each in maps)
    as_was = [cosine(still, each) for each in moved]
    numbers = zip(range(1, reach + 1), expected, cosines, as_was, strict=True)
    return [(NAMES[layer.kind], by, *(round(float(n), 7) for n in rest)) for by, *rest in numbers]


def _grouped(rows: list[Row], agrees: tuple[bool | None, ...], words: str) -> str:
    """The rows that agree: ``it is max pooling by 1, 2 px or average pooling by 2 px``."""
    by_name: dict[str, list[str]] = {}
    for (name, number, *_), agree in zip(rows, agrees, strict=True):
        if agree:
            by_name.setdefault(str(name), []).append(str(number))
    parts = (f"{name} {words.format(', '.join(numbers))}" for name, numbers in by_name.items())
    return "it is " + " or ".join(parts)


def _column(rows: list[Row], name: str) -> list[float]:
    """torch's cosines of one layer."""
    return [float(row[3]) for row in rows if row[0] == name]


def _invariant(values: Values) -> Outcome:
    stride, x = int(values["stride"]), _picture(values)
    reach = 2 * stride
    rows = [r for kind in NAMES for r in _rows_of(_layer(values, kind), x, reach)]
    pooled = [row[0] != NAMES["convolution"] for row in rows]
    agrees = tuple(
        float(row[3]) >= FOLLOWS if judged else None
        for row, judged in zip(rows, pooled, strict=True)
    )
    names = {
        f"the shift is a multiple of the stride {stride}": [int(r[1]) % stride == 0 for r in rows]
    }
    return outcome(
        _least(rows, reach),
        (
            "layer",
            "shift (px)",
            "cosine to the moved output: closed form",
            "torch",
            "cosine to the unmoved output",
        ),
        rows,
        agrees,
        Chart(
            "lines",
            "How far the output follows the shift",
            "shift (px)",
            "cosine to the moved output",
            tuple(
                Series(name, tuple(range(1, reach + 1)), tuple(_column(rows, name)))
                for name in NAMES.values()
            ),
        ),
        named_condition(agrees, names) or _grouped(rows, agrees, "by {} px"),
    )


def _least(rows: list[Row], reach: int) -> str:
    """The least cosine of each layer, and where the one with weights follows untrained."""
    least = {kind: f"{min(_column(rows, name)):.3f}" for kind, name in NAMES.items()}
    strided = enumerate(_column(rows, NAMES["convolution"]), start=1)
    follows = ", ".join(str(pixels) for pixels, each in strided if each >= FOLLOWS)
    untrained = f"follows shifts by {follows} px untrained" if follows else "follows none of them"
    return (
        f"Over shifts by 1 to {reach} px the cosine to the moved output is at least "
        f"{least['max_pooling']} with max pooling, {least['average_pooling']} with average pooling "
        f"and {least['convolution']} with a strided convolution, which {untrained}."
    )


# --- 23: blur -----------------------------------------------------------------------------------

BLURRED = ("convolution", "max_pooling")
TAPS = (2, 3, 4, 5)
MOST = 0.5
"""Share of what is lost from which "most of it" is given back."""


def _blur_rows(values: Values, kind: str) -> tuple[list[Row], list[bool | None], Series]:
    """Of one layer, without a blur and with each."""
    from core.shift.consistency import layer_consistency
    from core.shift.spectrum import expected_cosine

    x, plain = _picture(values), _layer(values, kind)
    shifts = [(0, right) for right in range(1, plain.stride)]
    rows: list[Row] = []
    agrees: list[bool | None] = []
    means: list[float] = []
    for taps in (1, *TAPS):
        layer = replace(plain, taps=taps)
        expected = float(expected_cosine(layer, x, shifts).mean())
        means.append(layer_consistency(layer, x, shifts).mean)
        gap, macs = 1 - means[0], layer.macs(1, (SIDE, SIDE))
        back = (means[-1] - means[0]) / gap if means[0] < FOLLOWS else 0.0
        share = "–" if taps == 1 else f"{100 * back:.0f} %"
        rows.append((NAMES[kind], taps, f"{expected:.4f}", f"{means[-1]:.4f}", share, macs))
        agrees.append(None if taps == 1 else back > MOST and macs > int(rows[0][5]))
    return rows, agrees, Series(NAMES[kind], (1, *TAPS), tuple(means))


def _worst_words(rows: list[Row]) -> str:
    """One layer's numbers without a blur, and with the second one of `TAPS`."""
    plain, blurred = rows[0], rows[2]
    return (
        f"{str(plain[0]).capitalize()}: the mean cosine over the shifts between goes from "
        f"{plain[3]} to {blurred[3]} with {blurred[1]} taps, for {int(blurred[5]):,} instead of "
        f"{int(plain[5]):,} multiply–accumulates."
    )


def _blurs(values: Values) -> Outcome:
    parts = [_blur_rows(values, kind) for kind in BLURRED]
    rows = [row for part, _, _ in parts for row in part]
    agrees = tuple(agree for _, part, _ in parts for agree in part)
    names = {
        f"the blur has {taps} taps or more": [int(r[1]) >= taps for r in rows] for taps in TAPS
    }
    names |= {f"the layer is {NAMES[k]}": [r[0] == NAMES[k] for r in rows] for k in BLURRED}
    return outcome(
        " ".join(_worst_words(part) for part, _, _ in parts),
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
        Chart(
            "lines",
            "What a blur gives back",
            "taps of the blur (1: none)",
            "mean cosine over the shifts between",
            tuple(line for _, _, line in parts),
        ),
        named_condition(agrees, names) or _grouped(rows, agrees, "with {} taps"),
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
        _invariant,
        lambda values: _link(values, tab="curve", kind="max_pooling"),
        r"Every one of these layers is a map that moves with the picture, of which every $s$-th "
        r"pixel is kept. A shift by a multiple of $s$ moves the kept pixels along; any other "
        r"takes other pixels. Max pooling's map is smoother than an edge filter's, so less is "
        r"lost, but nothing makes it exact.",
        grid=(block(picture=("china", "digit", "random"), stride=(1, 2, 3), kernel_size=(2, 3)),),
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
        _blurs,
        lambda values: _link(values, tab="curve", blur="3"),
        r"Keeping every $s$-th pixel folds all frequencies above $1/(2s)$ cycles a pixel onto "
        r"those below; the blur takes them away before. For that the layer has to compute every "
        r"pixel, $s^2$ times as many, and the blur itself adds $\text{taps}^2$ "
        r"multiply–accumulates for each output.",
        grid=(block(picture=("china", "digit", "random"), stride=(2, 3), kernel_size=(2, 3)),),
        rules=(
            (
                "the stride is 2 and the picture is no noise",
                lambda v: v["stride"] == 2 and v["picture"] != "random",
            ),
        ),
    ),
)
