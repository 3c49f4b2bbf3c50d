"""The closed form against backpropagation, for every architecture of the zoo.

On images smaller than the published ones, height and width different; the weights never exist:
what is measured has weights of its own.
"""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import nn

from core.errors import SpecError
from core.networks.zoo import NAMES, TABLE, build
from core.receptive_field import ReceptiveField, measure_receptive_field, receptive_fields
from core.receptive_field.measured import LayerProbe
from core.receptive_field.positive import PositiveMode, positive_copy
from tests.architectures import DISTINCT, others_slow
from tests.core.calls import Calls

SIZES = {
    "lenet5": (32, 32),  # its F6 takes no other
    "unet": (188, 204),  # its pools divide these evenly
    "alexnet": (95, 127),
    "patchgan70": (96, 128),
    "four_conv_pool": (72, 88),
}
USUAL = (64, 80)
DEEPEST = (96, 112)  # where one layer is asked for its size, stride and padding


@cache
def fields(name: str, size: tuple[int, int]) -> dict[str, ReceptiveField]:
    return receptive_fields(build(name, "meta"), (TABLE[name].input_size[0], *size))


def layers(name: str, size: tuple[int, int]) -> list[str]:
    """One in the middle and the last of those that gather or merge, and the output."""
    found = fields(name, size)
    mixing = [n for n, f in found.items() if f.kind in ("window", "transposed", "merge")]
    return list(dict.fromkeys((mixing[len(mixing) // 3], mixing[-1], list(found)[-1])))


def units(grid: tuple[int, int]) -> set[tuple[int, int]]:
    """A corner, the middle, and one at another border."""
    rows, cols = grid
    return {(0, 0), (rows // 2, cols // 2), (rows - 1, cols // 3)}


@pytest.mark.parametrize("name", others_slow(DISTINCT))
def test_boxes_are_those_of_the_gradient(name: str) -> None:
    size = SIZES.get(name, USUAL)
    net = build(name, "meta")
    for layer in layers(name, size):
        field = fields(name, size)[layer]
        probe = LayerProbe(net, (TABLE[name].input_size[0], *size), layer)
        assert probe.grid == field.grid
        for unit in units(field.grid):
            assert probe.box(unit) == field.interval(unit).clipped, (layer, unit, field.note)


def is_uncut(field: ReceptiveField, size: tuple[int, int]) -> bool:
    """One number holds for all units, and the units in the middle see no border."""
    exact = field.aligned and all(p.period == 1 for axis in field.axes for p in axis.paths)
    rows, cols = (n // 2 for n in field.grid)
    near = [(rows + step, cols + step) for step in (-1, 0, 1)]
    if not exact or any(
        not 0 <= u < n for unit in near for u, n in zip(unit, field.grid, strict=True)
    ):
        return False
    boxes = [field.interval(unit).unclipped for unit in near]
    ends = [(span, n) for box in boxes if box for span, n in zip(box, size, strict=True)]
    return bool(ends) and all(first > 0 and last < n - 1 for (first, last), n in ends)


@pytest.mark.parametrize("name", others_slow(NAMES))
def test_size_stride_and_padding_of_the_deepest_layer_that_no_border_cuts(name: str) -> None:
    size = SIZES.get(name, DEEPEST)
    layer = [
        n
        for n, f in fields(name, size).items()
        if f.kind in ("window", "transposed") and is_uncut(f, size)
    ][-1]
    field = fields(name, size)[layer]
    channels = TABLE[name].input_size[0]
    found = measure_receptive_field(build(name, "meta"), (channels, *size), layer)
    assert found.size == field.size
    assert found.effective_stride == field.effective_stride
    assert found.effective_padding == field.effective_padding


def test_resnet50_measures_the_427_that_is_published() -> None:
    """On images where no border cuts it, tall and wide: 544 is the first multiple of 32."""
    tall = measure_receptive_field(build("resnet50", "meta"), (3, 544, 32), "layer4")
    wide = measure_receptive_field(build("resnet50", "meta"), (3, 32, 544), "layer4")
    assert (tall.size, wide.size) == ((427, None), (None, 427))
    assert (tall.effective_stride, wide.effective_stride) == ((32, None), (None, 32))


# --- The oracle itself ------------------------------------------------------------------------


CONVOLUTIONS = {
    "grouped": nn.Conv2d(4, 6, 3, 2, 1, groups=2),
    "depthwise": nn.Conv2d(4, 8, (3, 2), (1, 2), (0, 1), groups=4),
    "dilated": nn.Conv2d(4, 2, 3, padding="same", dilation=2),
    "transposed": nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2),
    "linear": nn.Linear(6, 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_one_channel_stands_for_all(name: str) -> None:
    """Support of every input channel, for each output channel alone: as with all the weights."""
    layer, image = CONVOLUTIONS[name], torch.rand(1, 4, 5, 6, dtype=torch.float64)
    full, thin = positive_copy(layer), positive_copy(layer)
    expected = supports(full, image)
    with PositiveMode():
        found = supports(thin, image)
    assert expected.shape == found.shape
    assert torch.equal(expected, found)


def supports(layer: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """For every output element, the input elements that carry gradient to it."""
    leaf = image.clone().requires_grad_()
    out = layer(leaf).flatten()
    rows = [torch.autograd.grad(value, leaf, retain_graph=True)[0] != 0 for value in out]
    return torch.stack(rows)


def test_where_the_phase_decides_there_is_no_one_stride() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Upsample(scale_factor=4))
    found = measure_receptive_field(net, (1, 16, 16), "1", (20, 21))
    assert found.box == ((4, 6), (4, 6))
    assert found.size == (3, 3)
    assert found.effective_stride == found.effective_padding == (None, None)


def test_zeros_that_the_code_itself_writes_are_respected() -> None:
    """Weights and masks made in forward are the network's structure, not what it learns."""
    holes = torch.tensor([[[1.0, 0.0, 1.0, 0.0]]], dtype=torch.float64)
    kernel = Calls(lambda _, x: nn.functional.conv1d(x, holes))
    assert measure_receptive_field(kernel, (1, 16), "conv1d").size == (None, 3)
    mask = (torch.arange(16) > 4).double()
    masked = Calls(lambda m, x: m.conv(x * mask), conv=nn.Conv1d(1, 1, 3))
    assert measure_receptive_field(masked, (1, 16), "conv", 3).box == ((0, 0), (5, 5))


def test_products_of_products_stay_within_the_range_of_numbers() -> None:
    """x → x² sixty times over: 10^(-10^17) is no number, but every unit sees its pixel."""
    net = Calls(lambda m, x: _squared(m.conv(x), 60), conv=nn.Conv1d(1, 1, 3))
    assert LayerProbe(net, (1, 9), "mul_59").box((0, 2)) == ((0, 0), (2, 4))


def _squared(x: torch.Tensor, times: int) -> torch.Tensor:
    for _ in range(times):
        x = x * x
    return x


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(5, 3, 3), nn.ConvTranspose2d(5, 3, 3), nn.Linear(5, 3)]
)
def test_channels_that_do_not_fit_are_still_refused(layer: nn.Module) -> None:
    with pytest.raises(SpecError, match="fails on an input of this size"):
        measure_receptive_field(nn.Sequential(layer), (4, 9, 9), "0")
