"""Image axes that views cut into blocks: every unit against what poisoned inputs reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.receptive_field import receptive_fields
from tests.core.poisoned import check_every_unit
from tests.core.random_networks import Call
from tests.examples import examples

Function = Callable[[Tensor], Tensor]
C, SIDE = 2, 12
SIZE = (C, SIDE, SIDE)


def conv(x: Tensor) -> Tensor:
    weight = torch.full((C, x.shape[1], 3, 3), 0.1, dtype=x.dtype)
    return F.conv2d(x, weight, padding=1)


def windows(inside: Function, side: int = 4) -> Function:
    """Cut into windows of tokens, an operation in each, and put together again."""

    def run(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        cut = x.permute(0, 2, 3, 1).view(n, h // side, side, w // side, side, c)
        tokens = inside(cut.permute(0, 1, 3, 2, 4, 5).reshape(-1, side * side, c))
        back = tokens.view(n, h // side, w // side, side, side, c).permute(0, 1, 3, 2, 4, 5)
        return back.reshape(n, h, w, c).permute(0, 3, 1, 2)

    return run


def grid(inside: Function, side: int = 4) -> Function:
    """As `windows`, but a window is every ``h // side``-th row and column (MaxViT's grid)."""

    def run(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        cut = x.permute(0, 2, 3, 1).view(n, side, h // side, side, w // side, c)
        tokens = inside(cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, side * side, c))
        back = tokens.view(n, h // side, w // side, side, side, c).permute(0, 3, 1, 4, 2, 5)
        return back.reshape(n, h, w, c).permute(0, 3, 1, 2)

    return run


def to_depth(x: Tensor, r: int = 2) -> Tensor:
    n, c, h, w = x.shape
    cut = x.view(n, c, h // r, r, w // r, r).permute(0, 1, 3, 5, 2, 4)
    return cut.reshape(n, c * r * r, h // r, w // r)


def to_space(x: Tensor, r: int = 2) -> Tensor:
    n, c, h, w = x.shape
    cut = x.view(n, c // r**2, r, r, h, w).permute(0, 1, 4, 2, 5, 3)
    return cut.reshape(n, c // r**2, h * r, w * r)


def attend(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x)


def attend_by_hand(x: Tensor) -> Tensor:
    heads = x.view(x.shape[0], x.shape[1], 2, -1).transpose(1, 2)
    mixed = (heads @ heads.transpose(-2, -1)).softmax(-1) @ heads
    return mixed.transpose(1, 2).reshape(x.shape)


def attend_by_einsum(x: Tensor) -> Tensor:
    weights = torch.einsum("bid,bjd->bij", x, x).softmax(-1)
    return torch.einsum("bij,bjd->bid", weights, x)


def shifted(inside: Function) -> Function:
    return lambda x: inside(x.roll((-2, -2), (2, 3))).roll((2, 2), (2, 3))


def patches(x: Tensor) -> Tensor:
    return F.fold(F.unfold(x, 3, padding=1), x.shape[2:], 3, padding=1)


def strided_patches(x: Tensor) -> Tensor:
    return F.fold(F.unfold(x, 4, stride=2, padding=1).relu(), x.shape[2:], 4, stride=2, padding=1)


def mixed_patches(x: Tensor) -> Tensor:
    taps = F.unfold(x, 3, padding=1)
    return F.fold(taps + taps.mean(1, keepdim=True), x.shape[2:], 3, padding=1)


def rows_cut(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, c, h // 2, 2, w)


EXACT: dict[str, Function] = {
    "every second pixel": lambda x: x.view(1, C, 6, 2, 6, 2)[:, :, :, 0, :, 0],
    "every third pixel, then conv": lambda x: conv(x.view(1, C, 4, 3, 4, 3)[:, :, :, 1, :, 2]),
    "rows cut and joined": lambda x: conv(rows_cut(x).view(x.shape)),
    "rows cut and one taken": lambda x: conv(rows_cut(x)[:, :, :, 0]),
    "rows cut and pooled": lambda x: conv(rows_cut(x).mean(3)),
    "rows cut, less their mean": lambda x: (rows_cut(x) - rows_cut(x).mean(3, True)).view(x.shape),
    "outer mean": lambda x: conv(rows_cut(x).amax(2)),
    "inner flipped": lambda x: rows_cut(x).flip(3).reshape(x.shape),
    "outer moved": lambda x: rows_cut(x).roll(1, 2).reshape(x.shape),
    "inner cut": lambda x: conv(x.view(1, C, 3, 4, 12)[:, :, :, 1:3].reshape(1, C, 6, 12)),
    "inner padded": lambda x: F.pad(rows_cut(x), (0, 0, 1, 1)).reshape(1, C, 24, 12),
    "windows": lambda x: conv(windows(lambda y: y)(conv(x))),
    "windows, pointwise": windows(lambda y: F.linear(y, torch.ones(C, C, dtype=y.dtype)).relu()),
    "windows, attention": windows(attend),
    "windows, attention by hand": lambda x: conv(windows(attend_by_hand)(x)),
    "windows, attention by einsum": windows(attend_by_einsum),
    "windows, means": windows(lambda y: y + y.mean(1, keepdim=True), 3),
    "windows, norm": windows(lambda y: F.layer_norm(y, (C,))),
    "windows of two sizes": lambda x: windows(attend, 2)(x) + windows(attend, 3)(x),
    "shifted windows": lambda x: shifted(windows(attend))(windows(attend)(x)),
    "grid": lambda x: conv(grid(lambda y: y)(conv(x))),
    "grid, attention": grid(attend),
    "grid, attention, conv": lambda x: conv(grid(attend_by_hand, 3)(x)),
    "windows and grid": lambda x: windows(attend, 3)(grid(lambda y: y.relu(), 3)(x)),
    "space to depth": lambda x: to_depth(x),
    "space to depth, conv": lambda x: conv(to_depth(x)),
    "space to depth and back": lambda x: conv(to_space(to_depth(conv(x)).relu())),
    "depth to space": lambda x: conv(to_space(x.repeat(1, 2, 1, 1))),
    "space to depth, depthwise, back": lambda x: to_space(
        F.conv2d(to_depth(x), torch.ones(4 * C, 1, 3, 3, dtype=x.dtype), padding=1, groups=4 * C)
    ),
    "patch merging": lambda x: F.linear(
        x.permute(0, 2, 3, 1).reshape(1, 6, 2, 6, 2, C).permute(0, 1, 3, 4, 2, 5).flatten(3),
        torch.ones(C, 4 * C, dtype=x.dtype),
    ).permute(0, 3, 1, 2),
    "patches": patches,
    "patches, conv": lambda x: conv(patches(conv(x))),
    "strided patches": strided_patches,
    "mixed patches": mixed_patches,
    "flattened and back": lambda x: conv(x.flatten(1).relu().view(x.shape)),
    "channels and rows": lambda x: x.reshape(1, C * SIDE, SIDE).relu().view(x.shape),
    "convolution in windows": lambda x: (
        conv(x.view(1, C, 3, 4, 3, 4).permute(0, 2, 4, 1, 3, 5).reshape(9, C, 4, 4))
        .view(1, 3, 3, C, 4, 4)
        .permute(0, 3, 1, 4, 2, 5)
        .reshape(x.shape)
    ),
    "cross attention": lambda x: F.scaled_dot_product_attention(
        x[:, :, 0].mT, conv(x)[:, :, 5, :6].mT, x[:, :, 5, :6].mT
    ).mT[:, :, None],
    "one row at a time": lambda x: attend(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
}


@pytest.mark.parametrize("name", EXACT)
def test_every_unit_reads_what_its_field_says(name: str):
    check_every_unit(Call(EXACT[name], name), SIZE)


def test_what_a_unit_is_while_places_lie_among_channels():
    """All channels of one position are one unit, in unfold, space-to-depth and flatten alike."""
    sizes = {
        "unfold": (Call(lambda x: F.unfold(x, 3, padding=1), "unfold"), (12, 12), (3, 3)),
        "depth": (Call(to_depth, "depth"), (6, 6), (2, 2)),
        "flat": (nn.Flatten(), (1, 1), (12, 12)),
    }
    for module, wanted, size in sizes.values():
        field = list(receptive_fields(module, SIZE).values())[-1]
        assert (field.grid, field.size) == (wanted, size)


def test_a_convolution_over_tokens_reads_all_of_them():
    mixer = Call(lambda x: nn.Conv1d(SIDE, 5, 1)(x[:, :, 0].mT), "mixer")
    field = list(receptive_fields(mixer, SIZE).values())[-1]
    assert (field.size[1], field.grid, field.exact) == (SIDE, (1, 1), True)


def test_a_view_that_no_layout_says_is_a_bound():
    odd = Call(lambda x: x.reshape(1, C, 9, 16), "odd")
    field = list(receptive_fields(odd, SIZE).values())[-1]
    assert not field.exact
    crossed = list(receptive_fields(Call(lambda x: x + x.mT, "crossed"), SIZE).values())[-1]
    assert (crossed.grid, crossed.exact, crossed.size) == ((12, 12), False, (12, 12))


STEPS = ("cut", "join", "swap", "mean", "attend", "conv", "roll", "flip", "take", "relu")


@st.composite
def cuttings(draw: Callable) -> Function:
    """A row of steps on one axis, cut into (outer, inner) and joined again, in some order."""
    inner = draw(st.sampled_from([2, 3, 4]))
    steps = draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6))
    place = draw(st.integers(0, 1))

    def run(x: Tensor) -> Tensor:
        for step in steps:
            x = _step(x, step, inner, place)
        return x.reshape(1, C, -1)

    return run


def _step(x: Tensor, step: str, inner: int, place: int) -> Tensor:
    cut = x.ndim == 4
    match step:
        case "cut" if not cut and x.shape[2] % inner == 0:
            return x.unflatten(2, (-1, inner))
        case "join" if cut:
            return x.reshape(1, C, -1)
        case "swap" if cut:
            return x.transpose(2, 3)
        case "mean" if cut:
            return x - x.mean(2 + place, keepdim=True)
        case "attend" if cut and place:
            return attend(x.permute(0, 3, 2, 1)).permute(0, 3, 2, 1)
        case "attend" if cut:
            return attend(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        case "conv" if not cut:
            return F.conv1d(x, torch.full((C, C, 3), 0.1, dtype=x.dtype), padding=1)
        case "roll":
            return x.roll(1, 2)
        case "flip":
            return x.flip(-1)
        case "take" if cut and min(x.shape[2:]) > 1:
            return x[:, :, 1:] if place else x[..., :-1]
        case _:
            return x.relu()


@examples(60, suppress_health_check=list(HealthCheck), deadline=None)
@given(cuttings())
def test_random_cuts_of_one_axis_equal_what_poison_reaches(function: Function):
    module = Call(function, "cut")
    assume(list(receptive_fields(module, (C, 24)).values())[-1].exact)
    check_every_unit(module, (C, 24))
