"""Helpers that the modules of several claims share: layers, torch's read counts, links, words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from core.layer import LayerSpec
from core.layer.operations import operation_of
from core.layer.padding import pytorch_int
from core.layer.window import IntArray
from core.plots.axes import number_text
from core.plots.maps import cell_texts, pixel_axes
from core.plots.plot import Heat, Panel, Plot, Points, Scale
from viz.lessons.claims.claim import Link

if TYPE_CHECKING:
    from torch import Tensor


def square_layer(
    kernel: int,
    stride: int,
    padding: int = 0,
    dilation: int = 1,
    operation: str = "convolution",
    **more: Any,
) -> LayerSpec:
    """Return a layer whose kernel, stride, padding and dilation are the same along both axes."""
    return LayerSpec(
        operation,
        (kernel, kernel),
        (stride, stride),
        pytorch_int(padding),
        (dilation, dilation),
        **more,
    )


def torch_read_counts(spec: LayerSpec, n: int) -> IntArray:
    """Count with torch how many windows read each pixel of an n×n input, as an (n, n) array.

    With all weights 1, the gradient of the sum of all outputs is this count.
    """
    import torch

    with torch.enable_grad():
        x = torch.ones(1, 1, n, n, dtype=torch.float64, requires_grad=True)
        weight: Tensor = torch.ones(1, 1, *spec.kernel_size, dtype=torch.float64)
        out = operation_of(spec).run(spec, x, weight, None)
        (grad,) = torch.autograd.grad(out.sum(), x)
    counts: IntArray = grad[0, 0].round().long().numpy()
    return counts


def layer_link(spec: LayerSpec, n: int, page: str = "sweep", **more: str) -> Link:
    """Return a link to a page with this layer on an n×n input; ``more`` are query parameters."""
    query = {
        "operation": spec.operation,
        "kernel_size": str(spec.kernel_size[0]),
        "stride": str(spec.stride[0]),
        "padding": str(spec.padding[0][0]),
        "dilation": str(spec.dilation[0]),
        "ceil_mode": "true" if spec.ceil_mode else "false",
        "input_height": str(n),
        "input_width": str(n),
    }
    return Link(page, (*query.items(), *more.items()))


def separating_condition(
    agrees: Sequence[bool | None], conditions: Mapping[str, Sequence[bool]]
) -> str:
    """Return the first condition that is met in exactly those rows that support the claim.

    Args:
        agrees: Whether each row supports the claim; rows with None are left out.
        conditions: For each condition, in words, whether each row meets it.

    Returns:
        The condition's words, or "" if no condition separates the rows.
    """
    judged = [row for row, agree in enumerate(agrees) if agree is not None]
    for words, meets in conditions.items():
        if all(bool(agrees[row]) == bool(meets[row]) for row in judged):
            return words
    return ""


def supporting_row_names(
    rows: Iterable[Sequence[object]], agrees: Iterable[bool | None], separator: str = " or "
) -> str:
    """Return the first cells of the rows that support the claim, joined by the separator."""
    return separator.join(str(row[0]) for row in compress(rows, agrees))


def pixel_map(title: str, label: str, counts: Iterable[Iterable[float]]) -> Plot:
    """Return a map of an image with a number for each pixel; pixels with 0 are crossed out.

    Args:
        title: The heading.
        label: What is counted.
        counts: (H, W) numbers that are not negative.
    """
    array = np.array([list(row) for row in counts], dtype=np.float64)
    values = np.where(array == 0, np.nan, array)
    most = float(array.max()) or 1.0
    rows, columns = np.nonzero(array == 0)
    hover = [f"row {r}, column {c}: not read" for r, c in zip(rows, columns, strict=True)]
    crosses = Points(columns, rows, "not read", "unread", "x", 9, hover=hover)
    heat = Heat(values, Scale(label, 0.0, most), texts=cell_texts(values, 4), gaps=True)
    height, width = array.shape
    axes = pixel_axes((-0.5, height - 0.5), (-0.5, width - 0.5))
    alt = f"{title}: at most {number_text(most)}; {len(rows)} of {array.size} pixels are not read."
    return Plot(title, (Panel((heat, crosses), *axes, cell=1.0, size="medium"),), alt)


def square_size(n: int) -> str:
    """Return the size of a square image in words: ``6×6`` for 6."""
    return f"{n}×{n}"


def percent(share: float) -> str:
    """Return a share from 0 to 1 as a percentage with four significant digits: ``12.5 %``."""
    return f"{100 * share:.4g} %"
