"""The crop against the whole image and against the plainest backpropagation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from torch import nn

from core.erf import effective_receptive_field
from core.errors import SpecError
from core.graph import network_graph
from core.networks import zoo
from core.receptive_field import ReceptiveField, receptive_fields
from tests.core.calls import Calls
from tests.core.erf_oracle import on_the_image, plain_gradient, stack
from tests.core.random_networks import CHANNELS, branching, chains, fits
from tests.examples import examples, others_slow

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
some = examples(30, suppress_health_check=list(HealthCheck), deadline=None)


def check(module: nn.Module, size: tuple[int, ...], unit: tuple[int, int], layer: str) -> bool:
    """One unit's gradient on the crop is that on the whole image; whether there was a crop."""
    torch.manual_seed(0)
    image = torch.randn(size)
    dims = network_graph(module, size).find(layer).dims
    wanted = plain_gradient(module, image, layer, unit, dims).sum(0).reshape(-1, size[-1])
    asked = {"layer": layer, "unit": unit, "inputs": image, "draws": 1, "aggregate": "signed"}
    if not wanted.any():
        with pytest.raises(SpecError, match=r"exactly 0|sees nothing"):
            effective_receptive_field(module, size, **asked)
        return False
    result = effective_receptive_field(module, size, **asked)
    got = on_the_image(result, result.map * np.abs(wanted).sum())
    # torch's weights of an interpolation are float32 numbers of the position in the image: a
    # crop has other positions, and rounds otherwise. All else is held to 1e-6.
    moved = any(node.kind == "resample" for node in network_graph(module, size).values())
    close = (1e-5 if moved else 1e-6) * max(1, np.abs(wanted).max())
    assert np.abs(got - wanted).max() <= close, result.run
    return result.run.cropped


def followed(field: ReceptiveField) -> bool:
    """The image's axes are known in the output: the engine asks for nothing else."""
    return field.kind != "unknown" and field.network.graph[field.name].dims != (None, None)


def units(grid: tuple[int, int]) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(*(st.integers(0, n - 1) for n in grid))


class Named(nn.Module):
    """A network under a name, so that a hook can find its output."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def grown(module: nn.Module, size: tuple[int, ...], most: int) -> tuple[int, ...]:
    """A larger image of the same network, so that there is something to leave out."""
    larger = (CHANNELS, *(n + 40 for n in size[1:]))
    return larger if fits(module, larger, most) else size


@some
@given(chains(2, longest=3), st.data())
def test_chains_in_two_dimensions(case, data):
    module, size = Named(case[0]), grown(*case, 20_000)
    assume(fits(module, size, 20_000))
    field = list(receptive_fields(module, size).values())[-1]
    assume(followed(field))
    check(module, size, data.draw(units(field.grid)), "net")


@some
@given(chains(1, longest=4), st.data())
def test_chains_in_one_dimension(case, data):
    module, size = Named(case[0]), grown(*case, 3000)
    assume(fits(module, size))
    field = list(receptive_fields(module, size).values())[-1]
    assume(followed(field))
    check(module, size, data.draw(units(field.grid)), "net")


@some
@given(branching(2), st.data())
def test_branching_graphs(case, data):
    module, size = Named(case[0]), grown(*case, 20_000)
    assume(fits(module, size, 20_000))
    field = list(receptive_fields(module, size).values())[-1]
    assume(followed(field))
    check(module, size, data.draw(units(field.grid)), "net")


def strided() -> Named:
    """A small ResNet's beginning, of weights with which no unit that is looked at is dead."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = (
            nn.Conv2d(3, 4, 7, 2, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(4, 4, 3, 1, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2, 1),
        )  # fmt: skip
    return Named(nn.Sequential(*layers))


STRIDED = strided()


@pytest.mark.parametrize("row", [0, 1, 2, 6, 12, 13])
@pytest.mark.parametrize("col", [0, 5, 13])
def test_interior_and_border_units_of_a_strided_network_are_cropped_exactly(row, col):
    assert check(STRIDED, (3, 112, 112), (row, col), "net")


def test_an_interior_unit_runs_the_smallest_crop_of_the_same_phase():
    result = effective_receptive_field(STRIDED, (3, 112, 112), "net", (6, 6), draws=1)
    size, stride, padding = (
        int(pair[0])
        for pair in (
            result.theory.size, result.theory.effective_stride, result.theory.effective_padding
        )
    )  # fmt: skip
    first = math.ceil(padding / stride)
    assert result.run.crop.unit == (first, first)
    assert result.run.crop.size == (first * stride - padding + size,) * 2
    assert result.run.crop.origin == ((6 - first) * stride,) * 2
    assert result.map.shape == (size, size)


def test_a_border_unit_keeps_its_border_and_leaves_out_the_rest():
    crop = effective_receptive_field(stack(4), (3, 60, 60), unit=(0, 30), draws=1).run.crop
    assert crop.origin == (0, 26)
    assert crop.size == (5, 9)
    assert crop.unit == (0, 4)


def test_an_input_smaller_than_the_field_is_run_whole():
    result = effective_receptive_field(stack(10), (3, 9, 80), draws=1)
    assert result.run.crop.size == (9, 21)
    assert result.is_cut


def same(x: torch.Tensor) -> torch.Tensor:
    """TF SAME: what is padded depends on the input's size."""
    odd = x.shape[-1] % 2
    return F.avg_pool2d(F.pad(x, (odd, 1, odd, 1)), 3, 2)


WHOLE = {
    "global pooling": Calls(lambda self, x: x * x.mean((2, 3), keepdim=True)),
    "adaptive pooling": Calls(lambda self, x: F.adaptive_avg_pool2d(x, 7)),
    "resizing to a size": Calls(lambda self, x: F.interpolate(x, (37, 37), mode="bilinear")),
    "aligned corners": Calls(
        lambda self, x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    ),
    "a flip": Calls(lambda self, x: x.flip(2, 3)),
    "two strides": Calls(lambda self, x: x[..., :20, :20] + F.avg_pool2d(x, 2)),
    "zeros inside": Calls(lambda self, x: F.pad(x[..., 5:, 5:], (1, 0, 1, 0))),
    "size decides": Calls(lambda self, x: x.tanh() if x.shape[-1] == 40 else x.exp()),
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("unit", [(0, 0), (3, 4), (6, 6)])
def test_what_depends_on_the_whole_image_is_right_too(name, unit):
    module = Named(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), WHOLE[name]))
    check(module, (3, 40, 40), unit, "net")


def test_what_changes_with_the_size_is_never_cropped():
    for name in ("global pooling", "adaptive pooling", "aligned corners", "a flip", "size decides"):
        module = Named(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), WHOLE[name]))
        assert not check(module, (3, 40, 40), (3, 4), "net"), name


def test_padding_made_to_fit_is_exact_at_every_size():
    module = Named(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), Calls(lambda self, x: same(x))))
    for side in (40, 41):
        for unit in ((0, 0), (9, 10), (19, 19)):
            check(module, (3, side, side), unit, "net")


@pytest.mark.parametrize(
    "name, layer, side",
    others_slow(
        [("resnet18", "layer2", 160), ("googlenet", "inception4a", 160), ("mobilenet_v2", "", 64)]
    ),
)
def test_published_networks_equal_the_plain_way(name, layer, side):
    torch.manual_seed(0)
    module = zoo.build(name)
    layer = layer or next(path for path, _ in module.named_children())
    grid = network_graph(module, (3, side, side)).find(layer).grid
    check(module, (3, side, side), (grid[0] // 2, grid[1] // 2), layer)


def test_the_crop_and_the_whole_image_give_one_map():
    image = np.random.default_rng(0).normal(size=(3, 112, 112))
    asked = {"layer": "net", "unit": (6, 7), "inputs": image, "draws": 4}
    part, whole = (
        effective_receptive_field(STRIDED, (3, 112, 112), crop=crop, **asked)
        for crop in (True, False)
    )
    assert part.run.cropped
    assert not whole.run.cropped
    assert part.origin == whole.origin
    assert np.abs(part.map - whole.map).max() <= 1e-6 * whole.map.max()
