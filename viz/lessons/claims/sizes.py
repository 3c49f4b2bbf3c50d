"""Claims 1 to 3: output sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

from core.layer import LayerSpec
from core.layer.operations import check
from core.layer.sizes import formula, measured_size
from core.layer.window import IntArray
from core.plots.plot import Plot
from core.text import plural
from viz.lessons.claims.charts import Series, line_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Rows,
    Setting,
    Values,
    grid_block,
    outcome,
)
from viz.lessons.claims.parts import (
    layer_link,
    pixel_map,
    separating_condition,
    square_layer,
    square_size,
    torch_read_counts,
)

TOPIC = "Sizes and coverage"
LAYER_KINDS = ("convolution", "max pooling", "max pooling with ceil_mode")
TABLE_ROWS = 12
"""Number of input sizes in a table."""


# --- 1: the formula -----------------------------------------------------------------------------


def _formula_layer(values: Values) -> LayerSpec:
    """Return the layer of claim 1; a pooling layer ignores the dilation."""
    kind = str(values["layer"])
    pooling = kind != LAYER_KINDS[0]
    return square_layer(
        int(values["kernel_size"]),
        int(values["stride"]),
        int(values["padding"]),
        1 if pooling else int(values["dilation"]),
        "max_pooling" if pooling else "convolution",
        ceil_mode=kind == LAYER_KINDS[2],
    )


def _formula_chart(rows: Rows, sizes: Sequence[int]) -> Plot:
    """Return a line chart of the output size over the input size, by the formula and by torch."""
    return line_plot(
        "Output size: formula and torch",
        "input n (px)",
        "output (px)",
        (
            Series("formula", tuple(sizes), tuple(float(row[2]) for row in rows)),
            Series("torch", tuple(sizes), tuple(float(row[4]) for row in rows)),
        ),
    )


def _size_formula(values: Values) -> Outcome:
    """Test claim 1, the formula of the output size, on `TABLE_ROWS` input sizes."""
    spec = _formula_layer(values)
    first = max(1, spec.window.effective_kernel_size[0] - 2 * spec.padding[0][0])
    sizes = range(first, first + TABLE_ROWS)
    check(spec, (first + TABLE_ROWS, first + TABLE_ROWS))
    rows, agrees, is_whole = [], [], []
    for n in sizes:
        floor = formula(replace(spec, ceil_mode=False), (n, n))[0]
        with_ceil_mode = formula(spec, (n, n))[0].outputs
        size = measured_size(spec, (n, n))
        measured = size[0] if size else 0
        rows.append((n, f"{float(floor.quotient):.4g}", floor.outputs, with_ceil_mode, measured))
        agrees.append(floor.outputs == measured)
        is_whole.append(floor.quotient.denominator == 1)
    names = {"(n + 2p − k)/s is whole": is_whole}
    condition = separating_condition(agrees, names) or "n = " + ", ".join(
        map(str, compress(sizes, agrees))
    )
    own_agrees = all(row[3] == row[4] for row in rows)
    rest = ""
    if spec.ceil_mode:
        rest = (
            " ceil_mode's own rule (round up, then drop a last window that would start past the "
            f"input) gives torch's size {'every time' if own_agrees else 'not every time'}."
        )
    return outcome(
        f"For {sum(agrees)} of {len(rows)} input sizes from {first} to {sizes[-1]} the formula "
        f"gives the size that torch gives.{rest}",
        ("input n", "(n + 2p − k)/s", "formula", "with ceil_mode's rule", "torch"),
        rows,
        agrees,
        _formula_chart(rows, sizes),
        condition,
    )


def _drawable_input_size(spec: LayerSpec) -> int:
    """Return a side in pixels for an input that fits the layer and is small enough to be drawn."""
    return min(max(8, spec.window.effective_kernel_size[0]), 32)


# --- 2: six by six --------------------------------------------------------------------------------


def _unread_row_counts(spec: LayerSpec, n: int) -> tuple[int, int]:
    """Return how many rows of an n×n input no window reads, in closed form and by torch."""
    rows, _ = spec.window.axes((n, n))
    return int((rows.reads == 0).sum()), int((torch_read_counts(spec, n).sum(1) == 0).sum())


def _unread_chart(kernel: int, stride: int, n: int, counts: IntArray) -> Plot:
    """Return a map of the number of windows that read each pixel."""
    return pixel_map(
        f"Windows that read each pixel: {kernel}×{kernel}, stride {stride}, on {n}×{n}",
        "windows",
        counts,
    )


def _remainder_of_larger_input(values: Values, extra_pixels: int) -> int:
    """Return (n + 2p − k) mod s for an input that is ``extra_pixels`` pixels larger."""
    n, kernel, stride, padding = (
        int(values[name]) for name in ("n", "kernel_size", "stride", "padding")
    )
    return (n + extra_pixels + 2 * padding - kernel) % stride


def _unread_last_lines(values: Values) -> Outcome:
    """Test claim 2: the output size and the unread rows of three layers."""
    n, kernel, stride = int(values["n"]), int(values["kernel_size"]), int(values["stride"])
    padding = int(values["padding"])
    cases = ((n, 1, 0), (n, stride, 1), (n + 1, stride, 0))  # size, stride, claimed unread rows
    rows, agrees = [], []
    for size, step, claimed in cases:
        spec = square_layer(kernel, step, padding)
        output = check(spec, (size, size))[0]
        size_of_torch = measured_size(spec, (size, size))
        closed_unread, measured = _unread_row_counts(spec, size)
        torch_output = size_of_torch[0] if size_of_torch else 0
        rows.append(
            (
                square_size(size),
                step,
                square_size(output),
                square_size(torch_output),
                claimed,
                closed_unread,
                measured,
            )
        )
        agrees.append(output == torch_output and measured == claimed)
    counts = torch_read_counts(square_layer(kernel, stride, padding), n)
    return outcome(
        f"At stride {stride} {rows[1][0]} gives {rows[1][3]} and leaves "
        f"{plural(int(rows[1][6]), 'row')} and as many columns unread; {rows[2][0]} gives "
        f"{rows[2][3]} and leaves {rows[2][6]}.",
        (
            "input",
            "stride",
            "output",
            "torch",
            "rows said to be unread",
            "rows unread",
            "torch: rows without gradient",
        ),
        rows,
        agrees,
        _unread_chart(kernel, stride, n, counts),
        _cases_that_agree(rows, agrees),
    )


def _cases_that_agree(rows: Sequence[Sequence[object]], agrees: Sequence[bool | None]) -> str:
    """Return the input size and stride of the rows that support the claim, in words."""
    cases = (f"{row[0]} at stride {row[1]}" for row in compress(rows, agrees))
    return "the case is " + " or ".join(cases)


# --- 3: layers that halve -------------------------------------------------------------------------

CLAIMED_LAYERS = ((3, 2, 1), (4, 2, 1), (7, 2, 3), (3, 1, 1), (4, 4, 0))
"""(kernel_size, stride, padding) of layers that are claimed to divide the size by the stride."""


def _division_chart(rows: Rows, sizes: Sequence[int]) -> Plot:
    """Return a line chart of output − n/stride over the input size n, with a line per layer."""
    return line_plot(
        "Output beyond the input divided by the stride",
        "input n (px)",
        "output − n/stride (px)",
        tuple(
            Series(
                name,
                tuple(sizes),
                tuple(row[4] - float(row[1]) / stride for row in rows if row[0] == name),
            )
            for name, stride in _layer_names_and_strides(rows)
        ),
    )


def _size_divided_by_stride(values: Values) -> Outcome:
    """Test claim 3: whether the `CLAIMED_LAYERS` divide the size by their stride."""
    first, padded = int(values["n"]), values["padding"] == "as told"
    sizes = range(first, first + int(values["sizes"]))
    rows, agrees, divides = [], [], []
    for kernel, stride, claimed in CLAIMED_LAYERS:
        for n in sizes:
            spec = square_layer(kernel, stride, claimed if padded else 0)
            output = check(spec, (n, n), limit=None)[0]
            size = measured_size(spec, (n, n))
            measured = size[0] if size else 0
            name = f"{kernel}×{kernel} s{stride} p{spec.padding[0][0]}"
            rows.append((name, n, f"{n / stride:.4g}", output, measured))
            agrees.append(measured * stride == n)
            divides.append(n % stride == 0)
    names = {"the input is a multiple of the stride": divides}
    condition = separating_condition(agrees, names) or _layers_that_agree(rows, agrees)
    right = sum(row[3] == row[4] for row in rows)
    return outcome(
        f"{sum(agrees)} of {len(rows)} outputs are exactly the input divided by the stride; the "
        f"formula gives torch's size in {right} of them.",
        ("layer", "input n (px)", "n / stride", "formula", "torch"),
        rows,
        agrees,
        _division_chart(rows, sizes),
        condition,
    )


def _layer_names_and_strides(rows: Sequence[Sequence[Any]]) -> list[tuple[str, int]]:
    """Return the name and stride of each layer in the evidence rows, without repetition."""
    names = list(dict.fromkeys(row[0] for row in rows))
    return [(name, stride) for name, (_, stride, _) in zip(names, CLAIMED_LAYERS, strict=True)]


def _layers_that_agree(rows: Sequence[Sequence[object]], agrees: Sequence[bool | None]) -> str:
    """By layer, the inputs for which a row agrees."""
    by_layer: dict[object, list[str]] = {}
    for row, agree in zip(rows, agrees, strict=True):
        if agree:
            by_layer.setdefault(row[0], []).append(str(row[1]))
    layers = (f"{name} on n = {', '.join(sizes)}" for name, sizes in by_layer.items())
    return "the layer is " + " or ".join(layers)


SIZES: tuple[Claim, ...] = (
    Claim(
        1,
        TOPIC,
        "The output of every layer has ⌊(n + 2p − k)/s⌋ + 1 pixels a side; with dilation d the "
        "kernel k counts as d(k − 1) + 1.",
        (
            Setting("layer", "layer", LAYER_KINDS[0], options=LAYER_KINDS),
            Setting("kernel_size", "kernel_size — window (px)", 3, 1, 7),
            Setting("stride", "stride — step (px)", 2, 1, 6),
            Setting("padding", "padding — border (px)", 1, 0, 4),
            Setting("dilation", "dilation — tap spacing (px)", 1, 1, 4),
        ),
        _size_formula,
        lambda values: layer_link(
            _formula_layer(values), _drawable_input_size(_formula_layer(values))
        ),
        "The first window starts at $-p$ and the last one must end inside the padded input: "
        "$s(o - 1) + k \\le n + 2p$. The largest such $o$ is the formula. `ceil_mode` of pooling "
        "rounds up instead: one more window, which hangs over the end, unless it would start past "
        "the input.",
        grid=(
            grid_block(
                layer=LAYER_KINDS[:1],
                kernel_size=(2, 3),
                stride=(1, 2, 3),
                padding=(0, 1),
                dilation=(1, 2),
            ),
            grid_block(layer=LAYER_KINDS[1:], kernel_size=(2, 3), stride=(1, 2, 3), padding=(0,)),
        ),
        rules=(
            (
                "the layer rounds down: it has no ceil_mode, or stride 1, which leaves nothing to round",
                lambda v: v["layer"] != LAYER_KINDS[2] or v["stride"] == 1,
            ),
        ),
    ),
    Claim(
        2,
        TOPIC,
        "A 6×6 input under a 3×3 kernel gives 4×4 at stride 1 and 2×2 at stride 2, and then the "
        "last row and column are never read. 7×7 at stride 2 gives 3×3, and nothing is lost.",
        (
            Setting("n", "input — height and width (px)", 6, 3, 32),
            Setting("kernel_size", "kernel_size — window (px)", 3, 1, 3),
            Setting("stride", "stride — step (px)", 2, 2, 6),
            Setting("padding", "padding — border (px)", 0, 0, 3),
        ),
        _unread_last_lines,
        lambda v: layer_link(
            square_layer(int(v["kernel_size"]), int(v["stride"]), int(v["padding"])), int(v["n"])
        ),
        "What is left over is the remainder $(n + 2p - k) \\bmod s$: so many rows and columns of "
        "the padded input lie past the last window. With $n = 6, k = 3, s = 2$ it is 1, with "
        "$n = 7$ it is 0.",
        grid=(grid_block(n=(5, 6, 7, 8), kernel_size=(2, 3), stride=(2, 3), padding=(0, 1)),),
        rules=(
            (
                "the windows leave no gaps, and the remainder (n + 2p − k) mod s is one more than "
                "the padding, but no more than it on an input that is one pixel larger",
                lambda v: (
                    int(v["kernel_size"]) >= int(v["stride"])
                    and _remainder_of_larger_input(v, 0) == int(v["padding"]) + 1
                    and _remainder_of_larger_input(v, 1) <= int(v["padding"])
                ),
            ),
        ),
    ),
    Claim(
        3,
        TOPIC,
        "3×3 stride 2 padding 1, 4×4 stride 2 padding 1 and 7×7 stride 2 padding 3 halve the "
        "input; 3×3 stride 1 padding 1 keeps its size; 4×4 stride 4 makes a quarter of it.",
        (
            Setting("n", "smallest input (px)", 224, 7, 512),
            Setting("sizes", "inputs — how many sizes from there on", 4, 1, 8),
            Setting("padding", "padding", "as told", options=("as told", "none")),
        ),
        _size_divided_by_stride,
        lambda v: Link("sizes", (("tab", "common"),)),
        "$\\lfloor (n + 2p - k)/s \\rfloor + 1 = n/s$ for whole $n/s$ exactly when "
        "$k - s \\le 2p \\le k - 1$. An $n$ that $s$ does not divide is rounded, up or down as $p$ "
        "and $k$ have it.",
        grid=(grid_block(n=(28, 30, 33, 56, 224), sizes=(1,), padding=("as told", "none")),),
        rules=(
            (
                "the padding is the one named and the input is a multiple of every stride, 4",
                lambda v: v["padding"] == "as told" and int(v["n"]) % 4 == 0,
            ),
        ),
    ),
)
"""The claims about output sizes, in the order of their numbers."""
