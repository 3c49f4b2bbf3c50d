"""Weights that are zero by construction, against exact float64 gradients of the untouched module."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune

from core.erf import effective_receptive_field
from core.receptive_field import ReceptiveField, receptive_fields
from core.receptive_field.measured import measure_receptive_field
from tests.examples import examples

SIDE = 16
Box = tuple[tuple[int, int], tuple[int, int]]


def mask_of(rows: int, cols: int, *missing: tuple[int, int]) -> Tensor:
    mask = torch.ones(rows, cols)
    for place in missing:
        mask[place] = 0
    return mask


ONE_SIDED = mask_of(3, 3, *((row, col) for row in (1, 2) for col in range(3)))
TYPE_A = mask_of(3, 3, (1, 1), (1, 2), (2, 0), (2, 1), (2, 2))
TYPE_B = mask_of(3, 3, (1, 2), (2, 0), (2, 1), (2, 2))
ONE_HOT = 1 - mask_of(3, 3, (0, 2))
SOBEL = torch.tensor([[1.0, 0, 0], [2, 0, 0], [1, 0, 0]])


class Times(nn.Conv2d):
    """mask × weight, the mask a buffer."""

    def __init__(self, mask: Tensor, inside: int = 1, out: int = 1, **settings: int) -> None:
        super().__init__(inside, out, tuple(mask.shape), **settings)
        self.register_buffer("mask", mask.expand(self.weight.shape).clone())

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight * self.mask, self.bias)


class InPlace(Times):
    """As in PixelCNN: the weight's own numbers are set to zero in every forward pass."""

    def forward(self, x: Tensor) -> Tensor:
        self.weight.data *= self.mask
        return nn.Conv2d.forward(self, x)


class Causal(nn.Conv1d):
    def __init__(self) -> None:
        super().__init__(1, 1, 5, padding=2)
        self.register_buffer("mask", torch.tensor([1.0, 1, 1, 0, 0]))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.weight * self.mask, self.bias, padding=2)


class Fixed(nn.Module):
    """A kernel that is not trained, one for each of two channels."""

    def __init__(self, kernel: Tensor, held: str) -> None:
        super().__init__()
        kernel = kernel.expand(2, 1, 3, 3).clone()
        if held == "buffer":
            self.register_buffer("kernel", kernel)
        elif held == "parameter":
            self.kernel = nn.Parameter(kernel, requires_grad=False)
        else:
            self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(torch.cat([x, x], 1), self.kernel.to(x), padding=1, groups=2)


class Built(nn.Module):
    """Kernels made in forward: from nothing, and from a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        kernel = torch.zeros(1, 1, 3, 3, dtype=x.dtype)
        kernel[..., 0] = 1
        return F.conv2d(F.conv2d(x, kernel, padding=1), torch.tril(self.weight), padding=1)


class Transposed(nn.ConvTranspose2d):
    def __init__(self) -> None:
        super().__init__(1, 1, 5, 2, 2)
        mask = torch.ones(5, 5)
        mask[:2], mask[:, 4] = 0, 0
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.weight * self.mask, None, 2, 2)


class Standardized(nn.Conv2d):
    """A weight that is computed, of parameters alone: none of it is zero."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        weight = (weight - weight.mean()) / weight.std()
        return self._conv_forward(x, weight, None)


class ByNumbers(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight * (self.weight > 0), None)


def pruned() -> nn.Module:
    layer = nn.Conv2d(1, 1, 3, padding=1)
    return prune.custom_from_mask(layer, "weight", TYPE_B.expand(1, 1, 3, 3))


def set_once(mask: Tensor) -> nn.Module:
    layer = nn.Conv2d(1, 1, 3, padding=1)
    layer.weight.data *= mask
    return layer.requires_grad_(False)


NETS: dict[str, Callable[[], nn.Module]] = {
    "mask times weight": lambda: Times(ONE_SIDED, padding=1),
    "weight masked in place": lambda: InPlace(ONE_SIDED, padding=1),
    "PixelCNN": lambda: nn.Sequential(
        InPlace(TYPE_A, 1, 3, padding=1), nn.ReLU(), InPlace(TYPE_B, 3, 2, padding=1)
    ),
    "dilated and strided": lambda: nn.Sequential(
        Times(TYPE_A, 1, 2, padding=2, dilation=2), Times(ONE_SIDED, 2, 2, stride=2, padding=1)
    ),
    "causal": Causal,
    "one hot, buffer": lambda: Fixed(ONE_HOT, "buffer"),
    "one hot, plain attribute": lambda: Fixed(ONE_HOT, "attribute"),
    "Sobel, frozen parameter": lambda: Fixed(SOBEL, "parameter"),
    "built in forward": Built,
    "transposed": lambda: nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), Transposed()),
    "standardized": lambda: Standardized(1, 1, 3, padding=1),
    "pruned by a mask": pruned,
    "frozen with zeros": lambda: set_once(TYPE_B),
}


def made(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    torch.manual_seed(0)
    return NETS[name]().double().eval(), (1, SIDE) if name == "causal" else (1, SIDE, SIDE)


def gradient_box(net: nn.Module, size: tuple[int, ...], unit: tuple[int, int]) -> Box:
    """The pixels with a gradient that is not zero, at two inputs: no ReLU hides one in both."""
    touched = torch.zeros(1, size[-1]) if len(size) == 2 else torch.zeros(*size[1:])
    for seed in range(8):
        image = torch.randn(1, *size, generator=torch.Generator().manual_seed(seed)).double()
        image.requires_grad_()
        output = net(image)
        cell = output[..., unit[1]] if len(size) == 2 else output[..., unit[0], unit[1]]
        (gradient,) = torch.autograd.grad(cell.sum(), image)
        touched += (gradient[0, 0] != 0).reshape(touched.shape)
    rows, cols = touched.nonzero(as_tuple=True)
    return (int(rows.min()), int(rows.max())), (int(cols.min()), int(cols.max()))


def last(net: nn.Module, size: tuple[int, ...]) -> ReceptiveField:
    return list(receptive_fields(net, size).values())[-1]


@pytest.mark.parametrize("name", NETS)
def test_the_taps_that_are_there_count_in_closed_form_and_measured(name: str) -> None:
    net, size = made(name)
    field = last(net, size)
    for step in (0, 1):
        unit = (field.grid[0] // 2, field.grid[1] // 2 + step)
        expected = gradient_box(net, size, unit)
        assert tuple(field.interval(unit).clipped or ()) == expected
        assert measure_receptive_field(net, size, field.name, unit).box == expected
    assert field.exact


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("mask times weight", "3 of the kernel's 9 taps are not zero by construction; its own"),
        ("one hot, buffer", "1 of the kernel's 9 taps is not zero by construction; its own"),
        ("PixelCNN", "they fill no rectangle, so units at the border may read less"),
    ],
)
def test_what_is_missing_is_noted(name: str, note: str) -> None:
    assert note in last(*made(name)).note


def test_a_weight_that_decides_by_its_numbers_is_a_bound() -> None:
    field = last(ByNumbers(1, 1, 3), (1, 9, 9))
    assert field.size == (3, 3)
    assert "weight computed in forward: the whole window is taken" in field.bound


def test_zeros_that_training_may_fill_are_taps() -> None:
    trained, unset = set_once(TYPE_A).requires_grad_(True), nn.Conv2d(1, 1, 3, padding=1)
    nn.init.zeros_(unset.weight)
    for net in (trained, unset.requires_grad_(False)):
        field = last(net, (1, 9, 9))
        assert (field.size, field.note, field.exact) == ((3, 3), "", True)
        assert measure_receptive_field(net, (1, 9, 9), field.name).size == (3, 3)


def test_taps_that_differ_between_channels_are_a_bound() -> None:
    shifts = torch.zeros(2, 1, 1, 3)
    shifts[0, 0, 0, 0] = shifts[1, 0, 0, 2] = 1

    class Shift(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("there", shifts)
            self.register_buffer("back", shifts.flip(0))

        def forward(self, x: Tensor) -> Tensor:
            moved = F.conv2d(x, self.there, padding=(0, 1), groups=2)
            return F.conv2d(moved, self.back, padding=(0, 1), groups=2)

    field = last(Shift(), (2, 9, 9))
    assert field.size == (1, 5)
    assert "differ from channel to channel" in field.bound


def test_the_callers_weight_is_not_masked() -> None:
    net = InPlace(TYPE_A, padding=1)
    before = net.weight.detach().clone()
    effective_receptive_field(net, (1, 9, 9), draws=1)
    measure_receptive_field(net, (1, 9, 9), "conv2d")
    receptive_fields(net, (1, 9, 9))
    assert torch.equal(net.weight, before)
    assert before.count_nonzero() == 9


def test_statistics_and_biases_of_zero_hide_nothing_from_the_measurement() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 1, 3))
    net.requires_grad_(False)
    assert net[1].running_mean is not None
    net[1].running_mean[0] = 3
    net[1].bias[1] = -2
    assert measure_receptive_field(net, (1, 12, 12), "3").size == (5, 5)


@st.composite
def masks(draw: st.DrawFn) -> Tensor:
    rows, cols = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    taps = draw(st.lists(st.booleans(), min_size=rows * cols, max_size=rows * cols).filter(any))
    return torch.tensor(taps, dtype=torch.float32).reshape(rows, cols)


@examples(25)
@given(st.lists(masks(), min_size=1, max_size=3), st.integers(1, 2), st.integers(1, 2))
def test_random_masks_have_the_box_of_their_gradient(
    drawn: list[Tensor], stride: int, dilation: int
) -> None:
    net = nn.Sequential(
        *(
            Times(mask, stride=stride if i == 0 else 1, dilation=dilation)
            for i, mask in enumerate(drawn)
        )
    ).double()
    for layer in net:
        nn.init.uniform_(layer.weight, 0.5, 1)  # positive: no two paths cancel
    field = last(net, (1, 48, 48))
    unit = (field.grid[0] // 2, field.grid[1] // 2)
    expected = gradient_box(net, (1, 48, 48), unit)
    assert tuple(field.interval(unit).clipped or ()) == expected
    assert measure_receptive_field(net, (1, 48, 48), field.name, unit).box == expected
