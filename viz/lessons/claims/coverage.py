"""Claims 4 to 6: which pixels are read, how evenly, and how frameworks pad."""

from __future__ import annotations

import numpy as np

from core.gradients.counts import reads_evenly, windows_per_phase, windows_per_pixel
from core.layer import LayerSpec
from core.layer.operations import FloatArray, check
from core.layer.size_tables import OWN, ConventionResult, convention_results
from core.layer.sizes import formula
from core.layer.window import IntArray
from core.plots.plot import Plot
from core.text import plural
from viz.lessons.claims.charts import Series, bar_plot, line_plot
from viz.lessons.claims.claim import (
    Claim,
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
    supporting_row_names,
    torch_read_counts,
)
from viz.lessons.claims.sizes import TOPIC

# --- 4: the last few pixels ---------------------------------------------------------------------


def _unread_last_row_count(counts: IntArray) -> int:
    """Return how many rows at the end of an image are read by no window.

    Args:
        counts: (n, n) number of windows that read each pixel.
    """
    read = np.flatnonzero(counts.sum(axis=1))
    return len(counts) - (int(read[-1]) + 1 if len(read) else 0)


def _last_pixels_chart(values: Values, rows: Rows, kernel: int, stride: int) -> Plot:
    """Return a bar chart of the unread rows for each input size and padding."""
    return bar_plot(
        f"Last rows that {kernel}×{kernel}, stride {stride} ignores",
        "input n (px)",
        "rows of the image without gradient",
        tuple(
            Series(
                f"padding {padding}",
                tuple(str(row[1]) for row in rows if row[0] == padding),
                tuple(float(row[4]) for row in rows if row[0] == padding),
            )
            for padding in range(int(values["padding"]) + 1)
        ),
    )


def _last_pixels_unread(values: Values) -> Outcome:
    """Test claim 4: whether the last pixels are unread if the division leaves a remainder."""
    kernel, stride = int(values["kernel_size"]), int(values["stride"])
    rows, agrees, exceeds_padding = [], [], []
    for padding in range(int(values["padding"]) + 1):
        spec = square_layer(kernel, stride, padding)
        check(spec, (kernel + stride, kernel + stride))
        for n in range(max(kernel, padding + 1), max(kernel, padding + 1) + stride + 1):
            remainder = formula(spec, (n, n))[0].remainder
            unread = _unread_last_row_count(windows_per_pixel(spec, (n, n)))
            measured = _unread_last_row_count(torch_read_counts(spec, n))
            rows.append((padding, n, remainder, unread, measured))
            agrees.append(measured > 0 if remainder else None)
            exceeds_padding.append(remainder > padding)
    judged = [row for row, each in zip(rows, agrees, strict=True) if each is not None]
    lossy = sum(row[4] > 0 for row in judged)
    names = {"the remainder is larger than the padding": exceeds_padding}
    condition = separating_condition(agrees, names) or "the remainder reaches into the image"
    return outcome(
        f"In {lossy} of {plural(len(judged), 'case')} with a remainder the last pixels of the "
        f"image are ignored"
        + (
            f"; in the other {len(judged) - lossy} only padding is never read."
            * (lossy < len(judged))
        )
        + "." * (lossy == len(judged)),
        (
            "padding (px)",
            "input n (px)",
            "remainder (px)",
            "last rows unread",
            "torch: last rows without gradient",
        ),
        rows,
        agrees,
        _last_pixels_chart(values, rows, kernel, stride),
        condition,
    )


# --- 5: even and odd kernels ----------------------------------------------------------------------

KERNELS = (2, 3, 4, 5, 6, 7)
"""Kernel sizes that claim 5 compares, in pixels."""


def _half_padded_layer(kernel: int, stride: int) -> LayerSpec:
    """Return a layer with padding (k − 1) // 2, which keeps the size at stride 1 if k is odd."""
    return square_layer(kernel, stride, (kernel - 1) // 2)


def _window_grid_offset(spec: LayerSpec, n: int) -> float:
    """Return by how many pixels the mean center of all windows lies past the image's center."""
    starts, _ = spec.window.starts((n, n))
    centers = starts + (spec.window.effective_kernel_size[0] - 1) / 2
    return float(centers.mean() - (n - 1) / 2)


def _inner_read_counts(kernel: int, stride: int) -> set[int]:
    """Return the different numbers of windows that read pixels far from the borders, by torch."""
    n = 2 * kernel + 4 * stride
    counts = torch_read_counts(square_layer(kernel, stride), n)[
        kernel:-kernel, n // 2 // stride * stride
    ]
    return set(counts[: n - 2 * kernel - stride].tolist())


def _symmetry_chart(stride: int, n: int, chart_spec: LayerSpec, read: IntArray) -> Plot:
    """Return a map of the number of windows that read each pixel."""
    return pixel_map(
        f"Windows that read each pixel: {chart_spec.kernel_size[0]}×{chart_spec.kernel_size[1]}, "
        f"stride {stride}, padding {chart_spec.padding[0][0]}, on {square_size(n)}",
        "windows",
        read,
    )


def _symmetry_row(kernel: int, stride: int, n: int) -> tuple[tuple[str, ...], bool]:
    """Return the evidence row of one kernel size, and whether it supports the claim."""
    spec = _half_padded_layer(kernel, stride)
    counts = torch_read_counts(spec, n)
    mirrored = bool((counts == counts[::-1, ::-1]).all())
    uniform = len(_inner_read_counts(kernel, stride)) == 1
    row = (
        f"{kernel}×{kernel} p{spec.padding[0][0]}",
        f"{_window_grid_offset(spec, n):+.3g}",
        "yes" if mirrored else "no",
        " ".join(map(str, sorted(set(windows_per_phase(kernel, stride).tolist())))),
        "uniform" if uniform else "not uniform",
    )
    closed = (abs(_window_grid_offset(spec, n)) < 1e-9) == mirrored and reads_evenly(
        spec
    ) == uniform
    as_claimed = mirrored == (kernel % 2 == 0) and uniform == (kernel % stride == 0)
    return row, closed and as_claimed


def _symmetric_coverage(values: Values) -> Outcome:
    """Test claim 5: whether even and odd `KERNELS` read the image symmetrically and evenly."""
    n, stride = int(values["n"]), int(values["stride"])
    parts = [_symmetry_row(kernel, stride, n) for kernel in KERNELS]
    rows, agrees = [row for row, _ in parts], [row_agrees for _, row_agrees in parts]
    chart_spec = _half_padded_layer(int(values["kernel_size"]), stride)
    read = torch_read_counts(chart_spec, n)
    even = [row[2] for row, kernel in zip(rows, KERNELS, strict=True) if kernel % 2 == 0]
    odd = [row[2] for row, kernel in zip(rows, KERNELS, strict=True) if kernel % 2]
    return outcome(
        f"On {square_size(n)} at stride {stride}, {even.count('yes')} of {len(even)} even kernels and "
        f"{odd.count('yes')} of {len(odd)} odd ones are read symmetrically. Reads are uniform, "
        "far from the borders, for "
        + (", ".join(str(row[0])[:3] for row in rows if row[4] == "uniform") or "none of them")
        + ".",
        (
            "kernel, padding",
            "grid's center − image's center (px)",
            "torch: reads mirrored",
            "windows a pixel, along an axis",
            "torch: reads inside",
        ),
        rows,
        agrees,
        _symmetry_chart(stride, n, chart_spec, read),
        f"the kernel is {supporting_row_names(rows, agrees, ', ')}",
    )


# --- 6: padding by name ---------------------------------------------------------------------------


def _torch_accepts_same(kernel: int, stride: int) -> bool:
    """Return whether torch builds a convolution with ``padding='same'`` and this stride."""
    import torch

    try:
        torch.nn.Conv2d(1, 1, kernel, stride, padding="same", device="meta")
    except ValueError:
        return False
    return True


def _pads_in_words(result: ConventionResult) -> str:
    """Return how many rows a convention pads before and after the image, or "refused"."""
    return "refused" if result.pads is None else "{} before, {} after".format(*result.pads[0])


def _frameworks_chart(
    kernel: int, stride: int, n: int, tf_same: FloatArray, torch_own: FloatArray
) -> Plot:
    """Return a line chart of the middle row of outputs under both paddings."""
    named = (("TF / Keras 'same'", tf_same), (f"PyTorch padding={(kernel - 1) // 2}", torch_own))
    return line_plot(
        f"One row of outputs of {kernel}×{kernel}, stride {stride}, on {square_size(n)}",
        "output column",
        "value",
        tuple(
            Series(name, tuple(range(values.shape[1])), tuple(values[len(values) // 2].tolist()))
            for name, values in named
        ),
    )


def _framework_paddings(values: Values) -> Outcome:
    """Test claim 6: compare TensorFlow's "same" with PyTorch's paddings."""
    n, kernel, stride = int(values["n"]), int(values["kernel_size"]), int(values["stride"])
    own = square_layer(kernel, stride, (kernel - 1) // 2)
    by_name = {each.name: each for each in convention_results(own, (n, n), run=True)}
    tf_same, torch_own = by_name["tf_same"], by_name[OWN]
    assert tf_same.pads is not None
    assert tf_same.differs is not None
    before, after = tf_same.pads[0]
    differing, total = int(tf_same.differs.sum()), int(tf_same.differs.size)
    accepted = _torch_accepts_same(kernel, stride)
    rows = (
        ("TF / Keras 'same' pads more after than before", _pads_in_words(tf_same)),
        (f"PyTorch padding={(kernel - 1) // 2} pads alike", _pads_in_words(torch_own)),
        ("PyTorch padding='same' is refused", "taken" if accepted else "refused"),
        ("the same layer, other numbers", f"{differing} of {total} outputs differ"),
    )
    refused = by_name["torch_same"].pads is None
    agrees = (before < after, None, not accepted and refused, differing > 0)
    assert tf_same.values is not None
    assert torch_own.values is not None
    return outcome(
        f"On {square_size(n)} TF's 'same' pads {_pads_in_words(tf_same)}; {differing} of its {total} outputs are "
        f"not those of PyTorch's padding={(kernel - 1) // 2}. PyTorch's own 'same' is "
        f"{'taken' if accepted else 'refused'} at stride {stride}.",
        ("what is said", "what is found"),
        rows,
        agrees,
        _frameworks_chart(kernel, stride, n, tf_same.values, torch_own.values),
        "only these parts are meant: " + supporting_row_names(rows, agrees, "; "),
    )


COVERAGE: tuple[Claim, ...] = (
    Claim(
        4,
        TOPIC,
        "When the division is not whole, the last few pixels of the image are ignored.",
        (
            Setting("kernel_size", "kernel_size — window (px)", 3, 1, 7),
            Setting("stride", "stride — step (px)", 3, 2, 6),
            Setting("padding", "padding — border, from 0 to so many px", 1, 0, 3),
        ),
        _last_pixels_unread,
        lambda v: layer_link(
            square_layer(int(v["kernel_size"]), int(v["stride"]), int(v["padding"])),
            max(8, int(v["kernel_size"])),
        ),
        "The remainder $r = (n + 2p - k) \\bmod s$ counts pixels of the *padded* input. The last "
        "$p$ of these are padding, so $\\max(0, r - p)$ rows of the image are lost.",
        grid=(grid_block(kernel_size=(1, 2, 3, 5), stride=(2, 3, 4), padding=(0, 1, 2)),),
        rules=(("the remainder is larger than the padding", lambda v: v["padding"] == 0),),
    ),
    Claim(
        5,
        TOPIC,
        "An even kernel at stride 2 covers the image symmetrically, an odd one slightly "
        "asymmetrically. Every pixel inside is read equally often when the kernel is a multiple "
        "of the stride.",
        (
            Setting("n", "input — height and width (px)", 8, 7, 33),
            Setting("stride", "stride — step (px)", 2, 1, 4),
            Setting("kernel_size", "kernel_size of the chart below (px)", 3, 2, 7),
        ),
        _symmetric_coverage,
        lambda v: layer_link(
            _half_padded_layer(int(v["kernel_size"]), int(v["stride"])), int(v["n"]), reads="true"
        ),
        "Windows stand at $s i - p + (k-1)/2$. On an even input with $p = \\lfloor (k-1)/2 \\rfloor$ "
        "the remainder of an odd kernel is 1 and shifts the grid by half a pixel; on an odd input "
        "it is the even kernel's. A pixel of phase $a$ is met by the taps with $i \\equiv a \\pmod s$: "
        "equally many for all phases when $s$ divides $k$.",
        grid=(grid_block(n=(7, 8, 9, 10, 11, 12)),),
        rules=(("the input is even", lambda v: int(v["n"]) % 2 == 0),),
    ),
    Claim(
        6,
        TOPIC,
        "At stride 2 TensorFlow's 'same' pads asymmetrically, PyTorch's padding does not, and "
        "PyTorch refuses 'same' altogether: the same layer gives different numbers.",
        (
            Setting("n", "input — height and width (px)", 8, 7, 32),
            Setting("kernel_size", "kernel_size — window (px)", 3, 1, 7),
            Setting("stride", "stride — step (px)", 2, 1, 4),
        ),
        _framework_paddings,
        lambda v: layer_link(
            square_layer(int(v["kernel_size"]), int(v["stride"]), (int(v["kernel_size"]) - 1) // 2),
            int(v["n"]),
            "sizes",
            tab="conventions",
        ),
        "TensorFlow pads $\\max(0, (\\lceil n/s \\rceil - 1)s + k - n)$ pixels in all and puts the "
        "odd one after the image. PyTorch's number goes on both sides. Weights trained with one "
        "and run with the other then read the image off by a pixel or more.",
        grid=(grid_block(n=(7, 8, 9, 10), kernel_size=(2, 3, 5)),),
        rules=(
            (
                "of input and kernel one is even and the other odd",
                lambda v: (int(v["n"]) - int(v["kernel_size"])) % 2 == 1,
            ),
        ),
    ),
)
"""The claims about which pixels are read and about padding, in the order of their numbers."""
