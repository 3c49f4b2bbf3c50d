"""Weights that hooks of torch.nn.utils compute, against torch's own run of the untouched module."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune, spectral_norm, weight_norm

from core.erf import effective_receptive_field
from core.erf.copies import private_copy
from core.errors import SpecError
from core.graph.plain_copy import plain_copy
from core.graph.run_to import output_location, output_of
from core.graph.tracing.meta_copy import meta_copy
from core.receptive_field.measured import measure_receptive_field
from core.shift.network import anti_aliased, network_consistency

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")

Net = Callable[[], nn.Module]
SIDE = 24


def convolutions(hook: Callable[[nn.Module], nn.Module], count: int) -> nn.Module:
    """The net in which the layer called _11 was taken for an earlier one."""
    layers = [
        layer
        for i in range(count)
        for layer in (
            hook(nn.Conv2d(2 if i else 1, 2, 3, padding=1, bias=False)),
            nn.LeakyReLU(0.5),
        )
    ]
    return nn.Sequential(*layers)


def pruned_twice(layer: nn.Module) -> nn.Module:
    prune.l1_unstructured(layer, "weight", 3)
    prune.random_unstructured(layer, "weight", 2)
    return layer


def pruned_by_mask(layer: nn.Module) -> nn.Module:
    mask = torch.ones_like(layer.weight)
    mask[:, :, 2:] = 0
    return prune.custom_from_mask(layer, "weight", mask)


def pruned_direction(layer: nn.Module) -> nn.Module:
    return prune.l1_unstructured(weight_norm(layer), "weight_v", 4)


def removed(layer: nn.Module) -> nn.Module:
    return nn.utils.remove_weight_norm(weight_norm(layer))


def pruned_for_good(layer: nn.Module) -> nn.Module:
    return prune.remove(prune.l1_unstructured(layer, "weight", 3), "weight")


class Tokens(nn.Module):
    """Linear layers on every pixel's channels, the last one shared by two calls."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = weight_norm(nn.Conv2d(1, 4, 3, padding=1))
        self.one = prune.l1_unstructured(spectral_norm(nn.Linear(4, 4)), "bias", 1)
        self.last = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x).permute(0, 2, 3, 1)
        y = self.one(self.one(y)).permute(0, 3, 1, 2)
        return self.last(y)


NETS: dict[str, Net] = {
    "weight norm": lambda: convolutions(weight_norm, 6),
    "spectral norm": lambda: convolutions(spectral_norm, 3),
    "pruned twice": lambda: convolutions(pruned_twice, 3),
    "pruned by a mask": lambda: convolutions(pruned_by_mask, 2),
    "pruned direction": lambda: convolutions(pruned_direction, 2),
    "removed": lambda: convolutions(removed, 2),
    "pruned for good": lambda: convolutions(pruned_for_good, 2),
    "first of three": lambda: nn.Sequential(
        weight_norm(nn.Conv2d(1, 8, 3, padding=1)),
        nn.Conv2d(8, 8, 9, padding=4),
        nn.Conv2d(8, 1, 3, padding=1),
    ),
    "transposed": lambda: nn.Sequential(
        weight_norm(nn.ConvTranspose2d(1, 2, 4, 2, 1)), spectral_norm(nn.ConvTranspose2d(2, 2, 3))
    ),
    "linear layers": Tokens,
}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETS[name]()


@pytest.mark.parametrize("name", NETS)
def test_the_effective_field_is_torchs_gradient_of_the_untouched_module(name: str) -> None:
    net = made(name)
    state = {key: value.clone() for key, value in net.state_dict().items()}
    image = torch.randn(1, 1, SIDE, SIDE)
    found = effective_receptive_field(
        net, (1, SIDE, SIDE), inputs=image[0], aggregate="signed", draws=1
    )
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in state.items())
    assert net.training
    image.requires_grad_()
    output = net.eval()(image)
    assert output.shape[2:] == found.grid
    (gradient,) = torch.autograd.grad(output[0, :, found.unit[0], found.unit[1]].sum(), image)
    expected = gradient[0, 0].double().numpy()
    (top, left), (rows, cols) = found.origin, found.map.shape
    whole = np.zeros((SIDE, SIDE))
    whole[top : top + rows, left : left + cols] = found.map
    assert whole == pytest.approx(expected / np.abs(expected).sum(), abs=1e-6)


@pytest.mark.parametrize("name", ["weight norm", "pruned twice", "pruned direction", "transposed"])
def test_a_measured_field_is_that_of_the_same_layers_without_hooks(name: str) -> None:
    net = made(name)
    last = f"{len(list(net.children())) - 1}"
    middle = net.eval()(torch.zeros(1, 1, SIDE, SIDE)).shape[2] // 2
    found = measure_receptive_field(net, (1, SIDE, SIDE), last, (middle, middle))
    dense = made(name)
    for layer in dense.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            shape = getattr(layer, "weight").shape  # noqa: B009
            for holder in (layer._forward_pre_hooks, vars(layer), layer._parameters):
                for key in [key for key in holder if str(key).startswith("weight")]:
                    del holder[key]
            layer._forward_pre_hooks.clear()
            layer.weight = nn.Parameter(torch.rand(shape) + 0.5)
    image = torch.rand(1, 1, SIDE, SIDE, requires_grad=True)
    (gradient,) = torch.autograd.grad(dense(image)[0, :, middle, middle].sum(), image)
    rows, cols = gradient[0, 0].nonzero(as_tuple=True)
    box = ((int(rows.min()), int(rows.max())), (int(cols.min()), int(cols.max())))
    assert found.box == box


def test_shift_consistency_runs_the_layer_that_was_named() -> None:
    for hook in (weight_norm, spectral_norm, pruned_twice):
        torch.manual_seed(0)
        net = convolutions(hook, 3).eval()
        image = np.random.default_rng(0).normal(size=(1, 16, 16)).astype(np.float32)
        found = network_consistency(net, image, [(0, 0)], layer="4")
        with torch.no_grad():
            output = net[:5](torch.from_numpy(image)[None])[0].numpy()
        assert found.maps is not None
        assert found.maps[0] == pytest.approx(output[found.channel], abs=1e-5)
    strided = nn.Sequential(weight_norm(nn.Conv2d(1, 2, 3, 2, 1)), nn.ReLU())
    assert isinstance(anti_aliased(strided), nn.Sequential)


def test_a_copy_has_parameters_where_the_module_has_hooks() -> None:
    net = made("pruned direction")
    copied = plain_copy(net)
    assert all(not layer._forward_pre_hooks for layer in copied.modules())
    assert {name for name, _ in copied.named_parameters()} == {"0.weight", "2.weight"}
    net(torch.zeros(1, 1, 8, 8))  # torch computes the weight here
    assert torch.equal(copied[0].weight, net[0].weight)
    assert net[0]._forward_pre_hooks


def test_weights_drawn_anew_leave_pruned_ones_at_zero() -> None:
    net = convolutions(pruned_by_mask, 2)
    found = effective_receptive_field(net, (1, SIDE, SIDE), weights="he", draws=4)
    low = found.origin[0] + np.nonzero(found.map.sum(axis=1))[0].max()
    assert low == SIDE // 2


def test_a_tensor_of_another_shape_than_the_layers_is_never_taken_for_it() -> None:
    net = made("first of three")
    copied = private_copy(net, own_weights=False)
    spot = output_location(meta_copy(copied), (1, SIDE, SIDE), "_0")
    image = torch.zeros(2, 1, SIDE, SIDE)
    assert output_of(copied, image, spot)[0].shape == (2, 8, SIDE, SIDE)
    wrong = spot._replace(shape=(1, 8, SIDE, SIDE - 1))
    with pytest.raises(SpecError, match="other operations on real data"):
        output_of(copied, image, wrong)


class Split(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(1, 4, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, second = self.a(x).chunk(2, 1)
        return first * 2 + second


def test_a_call_that_splits_stands_for_all_of_its_parts() -> None:
    torch.manual_seed(0)
    net = Split()
    asked = {"aggregate": "signed", "draws": 1}
    maps = [effective_receptive_field(net, (1, 9, 9), layer=n, **asked).map for n in ("a", "chunk")]
    assert np.array_equal(*maps)


def test_statistics_of_a_new_network_are_named() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 3))
    words = "batch norm with the statistics of a new network"

    def recipe(**settings: object) -> str:
        return str(effective_receptive_field(net, (1, 12, 12), draws=1, **settings).recipe)

    assert words in recipe()
    assert words not in recipe(layer="0")
    assert words not in recipe(weights="he")
    net(torch.randn(4, 1, 12, 12))
    assert words not in recipe()
    assert words not in str(effective_receptive_field(net[:1], (1, 12, 12), draws=1).recipe)
