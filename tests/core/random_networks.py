"""Random networks for the tests of receptive fields: chains and branching graphs, 1-D and 2-D."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import nn

CHANNELS = 4
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Call(nn.Module):
    """A function as a layer, so that functional forms can stand in chains."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], name: str) -> None:
        super().__init__()
        self.function = function
        self.name = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)

    def extra_repr(self) -> str:
        return self.name


def per_axis(draw: Draw, axes: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(draw(st.integers(low, high)) for _ in range(axes))


def _of(name: str, axes: int) -> Any:
    return getattr(nn, f"{name}{axes}d")


def convolution(draw: Draw, axes: int) -> nn.Module:
    kernel, dilation = per_axis(draw, axes, 1, 4), per_axis(draw, axes, 1, 3)
    mode = draw(st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"]))
    padding: Any = draw(st.sampled_from(["same", "valid", "numbers", "numbers"]))
    stride = (1,) * axes if padding == "same" else per_axis(draw, axes, 1, 3)
    if padding == "numbers":
        padding = per_axis(draw, axes, 0, 3)
    return _of("Conv", axes)(
        CHANNELS, CHANNELS, kernel, stride, padding, dilation, padding_mode=mode
    )


def transposed(draw: Draw, axes: int) -> nn.Module:
    kernel, stride = per_axis(draw, axes, 1, 4), per_axis(draw, axes, 1, 3)
    dilation, padding = per_axis(draw, axes, 1, 2), per_axis(draw, axes, 0, 2)
    more = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    layer = _of("ConvTranspose", axes)
    return layer(CHANNELS, CHANNELS, kernel, stride, padding, more, dilation=dilation)


def pool(draw: Draw, axes: int) -> nn.Module:
    kernel, stride = per_axis(draw, axes, 1, 4), per_axis(draw, axes, 1, 3)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    ceil = draw(st.booleans())
    match draw(st.sampled_from(["max", "avg", "lp", "function"])):
        case "max":
            holes = per_axis(draw, axes, 1, 2)
            return _of("MaxPool", axes)(kernel, stride, padding, holes, ceil_mode=ceil)
        case "avg":
            return _of("AvgPool", axes)(kernel, stride, padding, ceil_mode=ceil)
        case "lp":
            return _of("LPPool", axes)(2, kernel if axes == 2 else kernel[0], ceil_mode=ceil)
    run = getattr(F, f"max_pool{axes}d")
    return Call(
        lambda x: run(x, kernel, stride, padding), f"F.max_pool {kernel} {stride} {padding}"
    )


def adaptive(draw: Draw, axes: int) -> nn.Module:
    return _of(draw(st.sampled_from(["AdaptiveAvgPool", "AdaptiveMaxPool"])), axes)(
        per_axis(draw, axes, 2, 7)
    )


def padded(draw: Draw, axes: int) -> nn.Module:
    amounts = per_axis(draw, 2 * axes, 0, 3)
    names = ["ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad", "negative"]
    name = draw(st.sampled_from(names))
    if name != "negative":
        return _of(name, axes)(amounts)
    signed = per_axis(draw, 2 * axes, -2, 2)
    return Call(lambda x: F.pad(x, signed), f"F.pad {signed}")


def resized(draw: Draw, axes: int) -> nn.Module:
    modes = ["nearest", "nearest-exact", "area", "linear" if axes == 1 else "bilinear"]
    modes += ["bicubic"] if axes == 2 else []
    mode = draw(st.sampled_from(modes))
    if draw(st.booleans()) and mode != "area":
        factor = draw(st.sampled_from([2.0, 3.0, 1.5, 0.5]))
        return nn.Upsample(scale_factor=factor, mode=mode)
    size = per_axis(draw, axes, 3, 12)
    smooth = mode in ("linear", "bilinear", "bicubic")
    corners = draw(st.booleans()) if smooth else None
    text = f"interpolate {size} {mode} {corners}"
    return Call(lambda x: F.interpolate(x, size, mode=mode, align_corners=corners), text)


def sliced(draw: Draw, axes: int) -> nn.Module:
    start, step = per_axis(draw, axes, 0, 2), per_axis(draw, axes, 1, 2)
    end = per_axis(draw, axes, 0, 1)
    index = (..., *(slice(a, -b or None, c) for a, b, c in zip(start, end, step, strict=True)))
    return Call(lambda x: x[index], f"x[{index}]")


def _through_tokens(x: torch.Tensor) -> torch.Tensor:
    """Flattened and back; an axis of one unit is gone once it is flattened (see its rule)."""
    return x if 1 in x.shape[2:] else x.flatten(2).unflatten(2, x.shape[2:])


def moved(draw: Draw, axes: int) -> nn.Module:
    if axes == 2 and draw(st.booleans()):
        return draw(
            st.sampled_from(
                [
                    nn.Sequential(nn.PixelShuffle(2), nn.Conv2d(1, CHANNELS, 1)),
                    nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * CHANNELS, CHANNELS, 1)),
                    Call(lambda x: x.transpose(2, 3), "transpose"),
                    Call(_blocks, "blocks"),
                    Call(
                        lambda x: x + F.pixel_unshuffle(x.repeat(1, 1, 2, 2), 2).mean(1, True),
                        "blocks",
                    ),
                    Call(
                        lambda x: F.conv2d(x.permute(0, 1, 3, 2), ONES.to(x), stride=(2, 1)),
                        "permuted",
                    ),
                ]
            )
        )
    options = [
        Call(lambda x: x.flip(2), "flip"),
        Call(lambda x: torch.roll(x, 2, -1), "roll"),
        Call(lambda x: x.repeat_interleave(2, -1), "repeat_interleave"),
        Call(_through_tokens, "flatten, unflatten"),
        Call(lambda x: x.chunk(2, dim=-1)[0], "chunk"),
        Call(lambda x: x.narrow(2, 1, x.shape[2] - 1), "narrow"),
        Call(lambda x: x.transpose(1, -1).contiguous().transpose(1, -1) * 2, "channels last"),
    ]
    return draw(st.sampled_from(options))


ONES = torch.ones(CHANNELS, CHANNELS, 3, 2)


def _even(x: torch.Tensor) -> tuple[int, ...]:
    return (0, x.shape[3] % 2, 0, x.shape[2] % 2)


def _blocks(x: torch.Tensor) -> torch.Tensor:
    """PixelUnshuffle and its inverse by hand, with the average of each block in between."""
    x = F.pad(x, _even(x))
    n, c, h, w = x.shape
    cut = x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 2, 4, 3, 5)
    mixed = cut.mean((-1, -2), keepdim=True) + cut
    return mixed.permute(0, 1, 2, 4, 3, 5).reshape(n, c, h, w)


LAYERS = (convolution, convolution, transposed, pool, adaptive, padded, resized, sliced, moved)


@st.composite
def chains(draw: Draw, axes: int, longest: int = 5) -> tuple[nn.Module, tuple[int, ...]]:
    """A chain of layers and the size of its input; it may not fit (see `fits`)."""
    size = per_axis(draw, axes, 6, 18)
    chosen = draw(st.lists(st.sampled_from(LAYERS), min_size=1, max_size=longest))
    layers: list[nn.Module] = []
    for make in chosen:
        layers.append(make(draw, axes))
        if draw(st.booleans()):
            layers.append(draw(st.sampled_from([nn.ReLU(), _of("BatchNorm", axes)(CHANNELS)])))
    return nn.Sequential(*layers), (CHANNELS, *size)


class Branching(nn.Module):
    """Branches over a common stem, cut to one size and merged, then a tail."""

    def __init__(
        self, stem: nn.Module, branches: list[nn.Module], tail: nn.Module, way: str
    ) -> None:
        super().__init__()
        self.stem, self.branches, self.tail = stem, nn.ModuleList(branches), tail
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        parts = [branch(x) for branch in self.branches]
        smallest = [min(sizes) for sizes in zip(*(p.shape[2:] for p in parts), strict=True)]
        parts = [p[(..., *map(slice, smallest))] for p in parts]
        if self.way == "add":
            return self.tail(sum(parts))
        return self.tail(torch.cat(parts, 1).unflatten(1, (len(parts), CHANNELS)).mean(1))


@st.composite
def branching(draw: Draw, axes: int) -> tuple[nn.Module, tuple[int, ...]]:
    """Two or three branches with a stem and a tail."""
    size = per_axis(draw, axes, 8, 18)

    def part(longest: int) -> nn.Module:
        made = draw(st.lists(st.sampled_from(LAYERS), max_size=longest))
        return nn.Sequential(*(make(draw, axes) for make in made))

    branches = [part(2) for _ in range(draw(st.integers(2, 3)))]
    way = draw(st.sampled_from(["add", "cat"]))
    return Branching(part(1), branches, part(1), way), (CHANNELS, *size)


@st.composite
def two_branches(draw: Draw) -> nn.Module:
    """A sum of two plain branches in 1-D."""

    def part() -> nn.Module:
        made = draw(st.lists(st.sampled_from([convolution, pool, transposed]), max_size=2))
        return nn.Sequential(*(make(draw, 1) for make in made))

    first, second = part(), part()

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = first, second

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = self.first(x), self.second(x)
            n = min(a.shape[2], b.shape[2])
            return torch.add(a[..., :n], b[..., :n])

    return Two()


def fits(module: nn.Module, size: tuple[int, ...], most: int = 3000) -> bool:
    """The network runs on such an input and its output is neither empty nor huge."""
    try:
        with torch.no_grad():
            out = module.eval()(torch.zeros(1, *size))
    except (RuntimeError, ValueError, IndexError):
        return False
    return 0 < out.numel() <= most * CHANNELS
