"""Claim 27: alternatives to pooling and strides: dilated and deformable convolution, attention."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Setting,
    Values,
    grid_block,
    outcome,
)
from viz.lessons.claims.parts import percent, pixel_map, supporting_row_names

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

KERNEL = 3
"""Kernel size of the dilated convolutions, in pixels."""
RATES = ("rate_1", "rate_2", "rate_3")
"""Names of the settings for the dilation rates of the three layers."""
SIDE, WINDOW = 16, 2
"""Side of the input of deformable convolution and attention pooling, and the pooling's window."""
TOLERANCE = 1e-5
"""Relative difference below which two convolutions are equal in single precision."""
Row = tuple[str | int | float, ...]
"""A row of evidence; its columns are listed where the outcome is made."""


def dilated_stack(rates: tuple[int, ...]) -> str:
    """Return the notation of a stack of dilated convolutions that keep the image's size."""
    return ", ".join(f"conv{KERNEL} p{rate} d{rate} c1 nobias" for rate in rates)


def read_pixel_mask(rates: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which pixels of its receptive field a unit of the stack reads, along one axis.

    A pixel is read if its offset from the unit is a sum of one tap offset of each layer.

    Returns:
        (width of the receptive field,) array.
    """
    reach = np.ones(1)
    for rate in rates:
        taps = np.zeros(rate * (KERNEL - 1) + 1)
        taps[::rate] = 1
        reach = np.convolve(reach, taps)
    return np.asarray(reach > 0)


def _sides_and_path_counts(rates: tuple[int, ...]) -> tuple[int, int, NDArray[np.float32]]:
    """Count with torch the paths from each pixel to the middle unit of a dilated stack.

    Returns:
        The side of the input, which is the width of the receptive field; the side of the output;
        and the number of paths from each input pixel, as an array of the input's size.
    """
    import torch

    from core.networks import build
    from core.networks.notation import parse_notation

    field = len(read_pixel_mask(rates))
    net = build(parse_notation(dilated_stack(rates)), 1, (field, field), seed=0)
    with torch.no_grad():
        for weight in net.parameters():
            weight.fill_(1.0)
    with torch.enable_grad():
        x = torch.zeros(1, 1, field, field, requires_grad=True)
        out = net(x)
        (grad,) = torch.autograd.grad(out[0, 0, out.shape[2] // 2, out.shape[3] // 2], x)
    return field, int(out.shape[-1]), grad[0, 0].numpy()


def _gridding_row(rates: tuple[int, ...]) -> tuple[Row, bool, NDArray[np.float32]]:
    """Test which share of its receptive field a unit of a dilated stack leaves unread.

    Returns:
        The evidence row (the claim from the rates' common factor, the share in closed form and by
        torch), whether it supports the claim, and the paths from each pixel.
    """
    _, _, path_counts = _sides_and_path_counts(rates)
    reads = read_pixel_mask(rates)
    factor = gcd(*rates)
    claimed = f"holes: common factor {factor}" if factor > 1 else "no holes"
    holes = 1 - float(reads.mean()) ** 2, float((path_counts == 0).mean())
    name = f"rates {', '.join(map(str, rates))}: unread share of the {len(reads)} px field"
    row: Row = (name, claimed, *map(percent, holes))
    return row, (factor > 1) == (holes[1] > 0), path_counts


def deformable(x: Tensor, weight: Tensor, offsets: Tensor) -> Tensor:
    """Apply a 3×3 convolution whose taps are moved by offsets, with bilinear interpolation.

    Source: Dai et al., "Deformable Convolutional Networks" (2017).

    Args:
        x: (1, C, H, W) input; it is continued with zeros.
        weight: (O, C, 3, 3).
        offsets: (9, H, W, 2) displacement (right, down) in pixels of each tap from its regular
            position, for each output.

    Returns:
        (1, O, H, W)
    """
    import torch
    import torch.nn.functional as F

    height, width = x.shape[2:]
    rows, cols = torch.meshgrid(
        torch.arange(height, dtype=x.dtype), torch.arange(width, dtype=x.dtype), indexing="ij"
    )
    last = torch.tensor([width - 1, height - 1], dtype=x.dtype)
    samples = []
    for tap, offset in enumerate(offsets):
        down, right = tap // 3 - 1, tap % 3 - 1
        positions = torch.stack([cols + right, rows + down], dim=-1) + offset
        samples.append(F.grid_sample(x, (2 * positions / last - 1)[None], align_corners=True))
    windows = torch.stack(samples, dim=2)  # (1, C, 9, H, W)
    return torch.einsum("nckhw,ock->nohw", windows, weight.flatten(2))


def _deformable_rows(rate: int) -> list[tuple[Row, bool]]:
    """Test deformable convolution; returns evidence rows and whether each supports the claim.

    The first row compares it with a dilated convolution, which it becomes for suitable offsets. The
    second gives the share of offsets that get gradient, so that they can be learned.
    """
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, SIDE, SIDE, generator=generator)
    weight = torch.randn(1, 1, KERNEL, KERNEL, generator=generator)
    taps = torch.tensor([[i % 3 - 1, i // 3 - 1] for i in range(9)], dtype=x.dtype)
    spread_offsets = ((rate - 1) * taps)[:, None, None].expand(9, SIDE, SIDE, 2)
    dilated = F.conv2d(x, weight, padding=rate, dilation=rate)
    difference = float(
        (deformable(x, weight, spread_offsets) - dilated).abs().max() / dilated.abs().max()
    )
    with torch.enable_grad():
        noise = torch.rand(9, SIDE, SIDE, 2, generator=generator) - 0.5
        offsets = noise.requires_grad_()
        (grad,) = torch.autograd.grad(deformable(x, weight, offsets).sum(), offsets)
    inner = float((grad[:, 1:-1, 1:-1] != 0).float().mean())
    name = f"deformable, spread by its offsets: difference to a convolution of rate {rate}"
    learned_name = "deformable: share of the inner offsets that learn"
    return [
        ((name, "0", "0", f"{difference:.1e}"), difference < TOLERANCE),
        ((learned_name, "100 %", "–", percent(inner)), inner > 0.999),
    ]


def attention_pool(x: Tensor, sharpness: float) -> Tensor:
    """Average 2×2 windows with stride 2, each pixel weighted by the softmax of its own value.

    Args:
        x: (1, 1, H, W) input with even H and W.
        sharpness: Factor of the values inside the softmax; 0 makes it average pooling.

    Returns:
        (1, 1, H / 2, W / 2)
    """
    import torch
    import torch.nn.functional as F

    windows = F.unfold(x, WINDOW, stride=WINDOW)  # (1, 4, windows)
    mean = (torch.softmax(sharpness * windows, dim=1) * windows).sum(1)
    return mean.view(1, 1, x.shape[2] // WINDOW, x.shape[3] // WINDOW)


def _attention_row(sharpness: int) -> tuple[Row, bool]:
    """Return the evidence row with the share of pixels without gradient from attention pooling.

    The second value is whether every pixel gets gradient, as the claim says.
    """
    import torch

    with torch.enable_grad():
        x = torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
        x.requires_grad_()
        (grad,) = torch.autograd.grad(attention_pool(x, float(sharpness)).sum(), x)
    zero_share = float((grad == 0).float().mean())
    name = "attention pooling 2×2: pixels without gradient"
    return (name, "0 %", "0 %", percent(zero_share)), zero_share == 0


def _pooling_alternatives(values: Values) -> Outcome:
    """Test claim 27 with a dilated stack, deformable convolution and attention pooling."""
    rates = tuple(int(values[name]) for name in RATES)
    twice = tuple(2 * rate for rate in rates)
    side, out, _ = _sides_and_path_counts(rates)
    size_row: Row = (
        f"dilated, rates {', '.join(map(str, rates))}: output of {side} px",
        f"{side} px",
        f"{side + sum(2 * rate - rate * (KERNEL - 1) for rate in rates)} px",
        f"{out} px",
    )
    first, first_agrees, path_counts = _gridding_row(rates)
    second, second_agrees, _ = _gridding_row(twice)
    others = [*_deformable_rows(rates[-1]), _attention_row(int(values["sharpness"]))]
    rows = (size_row, first, second, *(row for row, _ in others))
    agrees = (out == side, first_agrees, second_agrees, *(agree for _, agree in others))
    contradicted = supporting_row_names(rows, [not agree for agree in agrees])
    return outcome(
        f"The dilated stack keeps {out} of {side} px a side where {len(rates)} strides of 2 with "
        f"padding 1 leave {-(-side // 2 ** len(rates))}; its units leave {first[3]} of their field unread, and "
        f"{second[3]} with all rates doubled. Attention pooling leaves {rows[-1][3]} of its input "
        "without gradient.",
        ("quantity", "said", "closed form", "torch"),
        rows,
        agrees,
        pixel_map(
            f"Ways from each pixel to a unit, rates {', '.join(map(str, rates))}",
            "ways",
            path_counts,
        ),
        f"it is not about {contradicted}",
    )


def _link(values: Values) -> Link:
    """Return a link to the fields page with the dilated stack."""
    rates = tuple(int(values[name]) for name in RATES)
    side = str(len(read_pixel_mask(rates)))
    line = dilated_stack(rates)
    query = {"network": "own", "layers": line, "input_height": side, "input_width": side}
    return Link("fields", tuple(query.items()))


ALTERNATIVES = Claim(
    27,
    "Architectures",
    "There is more than pooling and strides: dilated convolution keeps the resolution (with "
    "holes, gridding, when the rates share a factor), deformable convolution learns where to "
    "look, attention pooling weighs every pixel.",
    (
        *(
            Setting(name, f"Rate of layer {number}", rate, 1, 6)
            for number, (name, rate) in enumerate(zip(RATES, (1, 2, 4), strict=True), start=1)
        ),
        Setting("sharpness", "Sharpness of the attention", 1, 0, 200),
    ),
    _pooling_alternatives,
    _link,
    r"A unit reads the sums of one tap of each layer. If all rates share a factor $g$, so does "
    r"every sum, and of $g^2$ pixels one is read. No common factor is not enough: after rates "
    r"1 and 4 nothing lies two pixels away. Attention's weights $e^{a x_i}/\sum_j e^{a x_j}$ are "
    r"never 0, until a large $a$ makes them too small for single precision: then it is a maximum.",
    grid=(grid_block(rate_1=(1, 2), rate_2=(1, 2, 4), rate_3=(1, 4), sharpness=(0, 1)),),
    rules=(
        (
            "the rates are not 1, 4, 4, which leave holes without a common factor",
            lambda v: tuple(v[name] for name in RATES) != (1, 4, 4),
        ),
    ),
)
