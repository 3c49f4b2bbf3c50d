"""Claim 27: what there is besides pooling and strides."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from viz.lessons.claims.claim import (
    Chart,
    Claim,
    Link,
    Outcome,
    Setting,
    Values,
    block,
    outcome,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

KERNEL = 3
RATES = ("rate_1", "rate_2", "rate_3")
SIDE, WINDOW = 16, 2
"""Input of deformable convolution and attention pooling, and the latter's window."""
SAME = 1e-5
Row = tuple[str | int | float, ...]


def layers(rates: tuple[int, ...]) -> str:
    """A stack of dilated convolutions that keep the size, in notation."""
    return ", ".join(f"conv{KERNEL} p{rate} d{rate} c1 nobias" for rate in rates)


def covered(rates: tuple[int, ...]) -> NDArray[np.bool_]:
    """(field,) which pixels of its receptive field a unit of the stack reads, along an axis.

    A pixel is read when its distance is a sum of one tap's of each layer.
    """
    reach = np.ones(1)
    for rate in rates:
        taps = np.zeros(rate * (KERNEL - 1) + 1)
        taps[::rate] = 1
        reach = np.convolve(reach, taps)
    return np.asarray(reach > 0)


def _stack(rates: tuple[int, ...]) -> tuple[int, int, NDArray[np.float32]]:
    """Side of input and output, and (field, field) in how many ways pixels reach the middle."""
    import torch

    from core.networks import build
    from core.networks.notation import parse_notation

    field = len(covered(rates))
    net = build(parse_notation(layers(rates)), 1, (field, field), seed=0)
    with torch.no_grad():
        for weight in net.parameters():
            weight.fill_(1.0)
    with torch.enable_grad():
        x = torch.zeros(1, 1, field, field, requires_grad=True)
        out = net(x)
        (grad,) = torch.autograd.grad(out[0, 0, out.shape[2] // 2, out.shape[3] // 2], x)
    return field, int(out.shape[-1]), grad[0, 0].numpy()


def _gridding(rates: tuple[int, ...]) -> tuple[Row, bool, NDArray[np.float32]]:
    """Whether a stack leaves holes: said by the common factor, in closed form, by torch."""
    _, _, ways = _stack(rates)
    line = covered(rates)
    factor = gcd(*rates)
    said = f"holes: common factor {factor}" if factor > 1 else "no holes"
    holes = 1 - float(line.mean()) ** 2, float((ways == 0).mean())
    name = f"rates {', '.join(map(str, rates))}: unread share of the {len(line)} px field"
    row: Row = (name, said, *(f"{100 * share:.4g} %" for share in holes))
    return row, (factor > 1) == (holes[1] > 0), ways


def deformable(x: Tensor, weight: Tensor, offsets: Tensor) -> Tensor:
    """A 3×3 convolution that looks where it is told to, bilinear between pixels.

    Source: Dai et al., "Deformable Convolutional Networks" (2017).

    Args:
        x: (1, C, H, W); zeros around it.
        weight: (O, C, 3, 3).
        offsets: (9, H, W, 2) how far (right, down) of its own place each tap looks, in pixels.

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
    parts = []
    for tap, offset in enumerate(offsets):
        down, right = tap // 3 - 1, tap % 3 - 1
        place = torch.stack([cols + right, rows + down], dim=-1) + offset
        parts.append(F.grid_sample(x, (2 * place / last - 1)[None], align_corners=True))
    windows = torch.stack(parts, dim=2)  # (1, C, 9, H, W)
    return torch.einsum("nckhw,ock->nohw", windows, weight.flatten(2))


def _deformable_rows(rate: int) -> list[tuple[Row, bool]]:
    """Spread by fixed offsets it is a dilated convolution; the offsets can be learned."""
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, SIDE, SIDE, generator=generator)
    weight = torch.randn(1, 1, KERNEL, KERNEL, generator=generator)
    taps = torch.tensor([[i % 3 - 1, i // 3 - 1] for i in range(9)], dtype=x.dtype)
    spread = ((rate - 1) * taps)[:, None, None].expand(9, SIDE, SIDE, 2)
    dilated = F.conv2d(x, weight, padding=rate, dilation=rate)
    away = float((deformable(x, weight, spread) - dilated).abs().max() / dilated.abs().max())
    with torch.enable_grad():
        noise = torch.rand(9, SIDE, SIDE, 2, generator=generator) - 0.5
        offsets = noise.requires_grad_()
        (grad,) = torch.autograd.grad(deformable(x, weight, offsets).sum(), offsets)
    inner = float((grad[:, 1:-1, 1:-1] != 0).float().mean())
    name = f"deformable, spread by its offsets: difference to a convolution of rate {rate}"
    learns = "deformable: share of the inner offsets that learn"
    return [
        ((name, "0", "0", f"{away:.1e}"), away < SAME),
        ((learns, "100 %", "–", f"{100 * inner:.4g} %"), inner > 0.999),
    ]


def attention_pool(x: Tensor, sharpness: float) -> Tensor:
    """2×2 windows, stride 2, each pixel weighed by the softmax of its own value.

    Args:
        x: (1, 1, H, W), H and W even.
        sharpness: factor of the scores; 0 is average pooling.
    """
    import torch
    import torch.nn.functional as F

    windows = F.unfold(x, WINDOW, stride=WINDOW)  # (1, 4, windows)
    mean = (torch.softmax(sharpness * windows, dim=1) * windows).sum(1)
    return mean.view(1, 1, x.shape[2] // WINDOW, x.shape[3] // WINDOW)


def _attention_row(sharpness: int) -> tuple[Row, bool]:
    """Whether every pixel gets gradient, as none but the winner does from a maximum."""
    import torch

    with torch.enable_grad():
        x = torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
        x.requires_grad_()
        (grad,) = torch.autograd.grad(attention_pool(x, float(sharpness)).sum(), x)
    starved = float((grad == 0).float().mean())
    name = "attention pooling 2×2: pixels without gradient"
    return (name, "0 %", "0 %", f"{100 * starved:.4g} %"), starved == 0


def _others(values: Values) -> Outcome:
    rates = tuple(int(values[name]) for name in RATES)
    twice = tuple(2 * rate for rate in rates)
    side, out, _ = _stack(rates)
    plain: Row = (
        f"dilated, rates {', '.join(map(str, rates))}: output of {side} px",
        f"{side} px",
        f"{side + sum(2 * rate - rate * (KERNEL - 1) for rate in rates)} px",
        f"{out} px",
    )
    first, first_agrees, ways = _gridding(rates)
    second, second_agrees, _ = _gridding(twice)
    others = [*_deformable_rows(rates[-1]), _attention_row(int(values["sharpness"]))]
    rows = (plain, first, second, *(row for row, _ in others))
    agrees = (out == side, first_agrees, second_agrees, *(agree for _, agree in others))
    failed = " or ".join(str(row[0]) for row, agree in zip(rows, agrees, strict=True) if not agree)
    return outcome(
        f"The dilated stack keeps {out} of {side} px a side where {len(rates)} strides of 2 with "
        f"padding 1 leave {-(-side // 2 ** len(rates))}; its units leave {first[3]} of their field unread, and "
        f"{second[3]} with all rates doubled. Attention pooling leaves {rows[-1][3]} of its input "
        "without gradient.",
        ("quantity", "said", "closed form", "torch"),
        rows,
        agrees,
        Chart(
            "map",
            f"Ways from each pixel to a unit, rates {', '.join(map(str, rates))}",
            "column (px)",
            "row (px)",
            cells=tuple(
                tuple(float(way) if way else float("nan") for way in line) for line in ways
            ),
        ),
        f"it is not about {failed}",
    )


def _link(values: Values) -> Link:
    rates = tuple(int(values[name]) for name in RATES)
    side = str(len(covered(rates)))
    line = layers(rates)
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
            Setting(name, f"Rate of layer {place}", rate, 1, 6)
            for place, (name, rate) in enumerate(zip(RATES, (1, 2, 4), strict=True), start=1)
        ),
        Setting("sharpness", "Sharpness of the attention", 1, 0, 200),
    ),
    _others,
    _link,
    r"A unit reads the sums of one tap of each layer. If all rates share a factor $g$, so does "
    r"every sum, and of $g^2$ pixels one is read. No common factor is not enough: after rates "
    r"1 and 4 nothing lies two pixels away. Attention's weights $e^{a x_i}/\sum_j e^{a x_j}$ are "
    r"never 0, until a large $a$ makes them too small for single precision: then it is a maximum.",
    grid=(block(rate_1=(1, 2), rate_2=(1, 2, 4), rate_3=(1, 4), sharpness=(0, 1)),),
    rules=(
        (
            "the rates are not 1, 4, 4, which leave holes without a common factor",
            lambda v: tuple(v[name] for name in RATES) != (1, 4, 4),
        ),
    ),
)
