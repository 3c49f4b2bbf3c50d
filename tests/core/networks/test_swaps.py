"""Networks with one thing changed: same sizes, same receptive fields, original untouched."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.errors import SpecError
from core.networks import NetworkSpec, ResidualBlock, build
from core.networks.layers import Activation as ActivationSpec
from core.networks.layers import BatchNorm, Conv
from core.networks.modules import Residual, SqueezeExcite
from core.networks.swaps import (
    ACTIVATIONS,
    POOLINGS,
    FixedWindow,
    with_activation,
    with_pooling,
    without_skips,
)
from core.networks.zoo import build as zoo_build
from core.networks.zoo import entry
from core.receptive_field import receptive_fields
from tests.core.calls import Calls
from tests.examples import examples

MAKERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "activation": lambda module: with_activation(module, "tanh"),
    "pooling": lambda module: with_pooling(module, "blur"),
    "strided": lambda module: with_pooling(module, "strided", (3, 64, 64)),
    "skips": without_skips,
}


def activations(module: nn.Module) -> Iterator[nn.Module]:
    """The modules that `with_activation` puts in."""
    return (m for m in module.modules() if type(m) in set(ACTIVATIONS.values()))


def state(module: nn.Module) -> list[Any]:
    """All that a swap could touch: layers, weights, modes, flags, hooks."""
    return [
        (path, type(m), m.training, len(m._forward_hooks), repr(m))
        for path, m in module.named_modules()
    ] + [
        (name, t.clone(), t.requires_grad) for name, t in module.state_dict(keep_vars=True).items()
    ]


def same(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(
        torch.equal(x[1], y[1]) and x[2] == y[2] if isinstance(x[1], Tensor) else x == y
        for x, y in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("swap", MAKERS)
def test_the_original_is_untouched(swap: str) -> None:
    module = zoo_build("resnet18")
    module.layer2.eval()  # a mixed mode, as with frozen norms
    module.conv1.weight.requires_grad_(False)
    module.layer1.register_forward_hook(lambda *_: None)
    before = state(module)
    changed = MAKERS[swap](module)
    assert same(state(module), before)
    assert not same(state(changed), before)
    shared = {id(p) for p in module.parameters()} & {id(p) for p in changed.parameters()}
    assert not shared
    kept = dict(changed.named_modules())
    for path, part in module.named_modules():
        if path in kept:
            assert kept[path].training == part.training
    with torch.no_grad():
        for parameter in changed.parameters():
            parameter.zero_()
    assert same(state(module), before)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_module_is_replaced(name: str) -> None:
    mixed = nn.Sequential(
        nn.ReLU(inplace=True), nn.Conv2d(3, 3, 1), nn.PReLU(3), nn.Sequential(nn.GELU(), nn.ELU())
    )
    changed = with_activation(mixed, name)
    assert [type(m) for m in activations(changed)] == [ACTIVATIONS[name]] * 4
    assert type(changed[1]) is nn.Conv2d
    assert isinstance(with_activation(nn.ReLU(), name), ACTIVATIONS[name])


def test_a_network_without_activations_is_linear() -> None:
    module = with_activation(zoo_build("resnet18").eval(), "none")
    a, b = torch.randn(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    maxima = with_pooling(module, "average")
    with torch.no_grad():
        both, zero = maxima(a + b), maxima(torch.zeros_like(a))
        torch.testing.assert_close(both + zero, maxima(a) + maxima(b), rtol=1e-3, atol=1e-3)


def test_gates_are_no_activations() -> None:
    module = nn.Sequential(nn.Sigmoid(), SqueezeExcite(32))
    changed = with_activation(module, "relu")
    assert [type(m) for m in activations(changed)] == [nn.ReLU, nn.ReLU, nn.Sigmoid]
    net = with_activation(zoo_build("efficientnet_b0", device="meta"), "relu")
    assert {type(m) for m in activations(net)} == {nn.ReLU, nn.Sigmoid}


def test_shared_modules_stay_shared() -> None:
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    module = nn.Sequential(relu, pool, nn.Sequential(relu, pool))
    changed = with_pooling(with_activation(module, "gelu"), "average")
    assert changed[0] is changed[2][0]
    assert changed[1] is changed[2][1]


sizes = st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)


@examples(60, deadline=None)
@given(
    *(st.tuples(each, each) for each in sizes),
    st.booleans(),
    st.tuples(st.integers(5, 14), st.integers(5, 14)),
    st.sampled_from(POOLINGS),
)
def test_pooling_keeps_sizes_and_receptive_fields(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    ceil: bool,
    size: tuple[int, int],
    kind: str,
) -> None:
    assume(all(p <= k // 2 for p, k in zip(padding, kernel, strict=True)))
    module = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil),
    )
    image = torch.randn(2, 2, *size)
    try:
        out = module(image)
    except RuntimeError:
        assume(False)
    changed = with_pooling(module, kind, (2, *size))
    assert changed(image).shape == out.shape
    before, after = (list(receptive_fields(m, (2, *size)).values())[-1] for m in (module, changed))
    for number in ("size", "effective_stride", "effective_padding"):
        assert getattr(after, number) == getattr(before, number)


def test_what_the_poolings_compute() -> None:
    image = torch.randn(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    pool = nn.MaxPool2d(3, 2, 1)
    average = F.avg_pool2d(image, 3, 2, 1)
    torch.testing.assert_close(with_pooling(pool, "average")(image), average)
    torch.testing.assert_close(with_pooling(nn.AvgPool2d(3, 2, 1), "max")(image), pool(image))
    binomial = torch.tensor([1.0, 2, 1]) / 4
    weight = torch.outer(binomial, binomial).expand(3, 1, 3, 3)
    blur = F.conv2d(image, weight, stride=2, padding=1, groups=3)
    torch.testing.assert_close(with_pooling(pool, "blur")(image), blur)
    two = with_pooling(nn.AvgPool2d(2), "blur")
    torch.testing.assert_close(two(image), F.avg_pool2d(image, 2))
    back = with_pooling(with_pooling(pool, "blur"), "max")
    torch.testing.assert_close(back(image), pool(image))
    holes = with_pooling(nn.MaxPool2d(2, 1, dilation=3), "average")
    mean = F.conv2d(image, torch.full((3, 1, 2, 2), 0.25), dilation=3, groups=3)
    torch.testing.assert_close(holes(image), mean)
    assert not list(with_pooling(pool, "blur").parameters())


def test_averages_keep_what_they_divide_by() -> None:
    pool = with_pooling(nn.AvgPool2d(3, 2, 1, count_include_pad=False), "average")
    assert pool(torch.ones(1, 1, 9, 9)).min() == 1


def test_strided_convolutions_mix_all_channels_and_keep_the_energy() -> None:
    module = nn.Sequential(nn.Conv2d(3, 64, 1), nn.MaxPool2d(2), nn.Conv2d(64, 8, 1))
    first, again, other = (with_pooling(module, "strided", (3, 8, 8), seed=s) for s in (1, 1, 2))
    conv = first[1]
    assert (conv.in_channels, conv.out_channels, conv.bias) == (64, 64, None)
    assert torch.equal(conv.weight, again[1].weight)
    assert not torch.equal(conv.weight, other[1].weight)
    assert conv.weight.var().item() == pytest.approx(1 / 256, rel=0.05)


def test_one_pool_for_different_channels_cannot_become_one_convolution() -> None:
    shared = Calls(
        lambda s, x: s.pool(s.conv(s.pool(x))), pool=nn.MaxPool2d(2), conv=nn.Conv2d(2, 4, 1)
    )
    assert with_pooling(shared, "blur")(torch.ones(1, 2, 8, 8)).shape == (1, 4, 2, 2)
    with pytest.raises(SpecError, match=r"one number of channels \(got pool: 2, 4\)"):
        with_pooling(shared, "strided", (2, 8, 8))


def test_new_layers_have_the_type_of_the_network() -> None:
    module = nn.Sequential(nn.Conv2d(2, 2, 1), nn.MaxPool2d(2)).double()
    image = torch.randn(1, 2, 6, 6, dtype=torch.float64)
    for kind in POOLINGS:
        assert with_pooling(module, kind, (2, 6, 6))(image).dtype == torch.float64


@pytest.mark.parametrize("name", ["vgg11", "resnet50_d", "googlenet", "unet"])
@pytest.mark.parametrize("kind", POOLINGS)
def test_published_networks_keep_their_output_size(name: str, kind: str) -> None:
    module, size = zoo_build(name, device="meta"), entry(name).input_size
    changed = with_pooling(module, kind, size)
    image = torch.empty(1, *size, device="meta")
    assert changed.eval()(image).shape == module.eval()(image).shape


def test_a_residual_network_without_skips_is_its_branches() -> None:
    body = (Conv(3, padding=1), BatchNorm(), ActivationSpec("relu"))
    module = build(NetworkSpec((ResidualBlock(body),) * 3), in_channels=4).eval()
    plain = without_skips(module)
    image = torch.randn(1, 4, 9, 9, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = image
        for block in module.children():
            assert isinstance(block, Residual)
            expected = block.body(expected)
        torch.testing.assert_close(plain(image), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet18", "resnet50", "resnet50_d", "mobilenet_v2", "efficientnet_b0"]
)
def test_published_residual_networks_keep_size_and_receptive_field(name: str) -> None:
    module, size = zoo_build(name, device="meta"), entry(name).input_size
    plain = without_skips(module)
    image = torch.empty(1, *size, device="meta")
    assert plain.eval()(image).shape == module.eval()(image).shape
    before, after = receptive_fields(module, size), receptive_fields(plain, size)
    assert max(f.size for f in before.values()) == max(f.size for f in after.values())
    graph = next(iter(after.values())).network.graph
    assert all(len(node.inputs) == 1 for node in graph.values() if node.operation == "add")


def test_convnext_without_skips_still_has_a_gradient() -> None:
    torch.manual_seed(0)
    block = zoo_build("convnext_tiny").stage1
    image = torch.randn(1, 96, 9, 9, requires_grad=True)
    out = without_skips(block)(image)
    out.sum().backward()
    assert image.grad is not None
    assert image.grad.abs().max() > 1e-6
    inner = copy.deepcopy(block)
    with torch.no_grad():
        for part in inner:
            part.layer_scale.fill_(1)
        expected = image
        for part in inner:
            expected = part(expected) - expected
        torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)


functional = Calls(lambda _, x: F.max_pool2d(F.relu(x), 2))


@pytest.mark.parametrize(
    "call, parameter",
    [
        (lambda: with_activation(nn.ReLU(), "Relu"), "activation"),
        (lambda: with_activation(functional, "tanh"), "module"),
        (lambda: with_pooling(functional, "average"), "module"),
        (lambda: with_pooling(nn.MaxPool2d(2), "mean"), "pooling"),
        (lambda: with_pooling(nn.MaxPool2d(2), "strided"), "input_size"),
        (lambda: with_pooling(nn.MaxPool2d(2, return_indices=True), "average"), "pooling"),
        (lambda: with_pooling(nn.MaxPool1d(2), "average"), "module"),
        (lambda: without_skips(nn.Conv2d(1, 1, 1)), "module"),
    ],
)
def test_what_cannot_be_swapped_is_refused(call: Any, parameter: str) -> None:
    with pytest.raises(SpecError) as refused:
        call()
    assert refused.value.parameter == parameter


def test_a_blur_has_no_weights_to_learn_and_shows_its_window() -> None:
    blur = with_pooling(nn.MaxPool2d((3, 1), (2, 1)), "blur")
    assert isinstance(blur, FixedWindow)
    assert blur.taps == ((0.25, 0.5, 0.25), (1.0,))
