"""Networks as values against torch: shapes, names, weights, bounds."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import time
from dataclasses import FrozenInstanceError
from typing import get_args

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from core.errors import SpecError
from core.networks import (
    Activation,
    AdaptivePool,
    AvgPool,
    BatchNorm,
    ConcatBlock,
    Conv,
    ConvTranspose,
    Dropout,
    Flatten,
    GroupNorm,
    InstanceNorm,
    LayerError,
    Leaf,
    Linear,
    LpPool,
    MaxPool,
    NetworkSpec,
    Pad,
    PixelShuffle,
    PixelUnshuffle,
    Repeat,
    ResidualBlock,
    SqueezeExciteLayer,
    Upsample,
    build,
    explicit,
    modules,
    resolve,
    rows,
)
from core.networks import rules as bounds
from core.networks.torch_forms import FORMS
from tests.core.network_strategies import SETTINGS, Case, leaves, networks, specs

RELU = Activation("relu")


def net(*layers: object) -> NetworkSpec:
    return NetworkSpec(layers)  # type: ignore[arg-type]


def shapes_of(module: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(each.shape) for each in module.state_dict().values()]


# What torch does


@given(networks())
def test_what_leaves_the_network_is_what_torch_says(case: Case) -> None:
    module = build(case.spec, case.in_channels, case.size).eval()
    with torch.no_grad():
        y = module(torch.rand(1, case.in_channels, *case.size))
    after = case.after
    assert tuple(y.shape[1:]) == (
        (after.channels,) if after.flat else (after.channels, *after.size)
    )
    meta = build(case.spec, case.in_channels, case.size, device="meta")
    assert shapes_of(module) == shapes_of(meta)
    assert all(each.is_meta for each in meta.parameters())


@given(networks())
def test_fx_traces_every_network_and_finds_its_modules(case: Case) -> None:
    module = build(case.spec, case.in_channels, case.size, device="meta")
    graph = torch.fx.symbolic_trace(module).graph
    called = {node.target for node in graph.nodes if node.op == "call_module"}
    assert called <= set(dict(module.named_modules()))


@given(networks())
def test_written_out_it_is_the_same_network_and_stays_so(case: Case) -> None:
    plain = explicit(case.spec, case.in_channels, case.size)
    assert explicit(plain, case.in_channels, case.size) == plain
    assert explicit(plain, case.in_channels) == plain  # every in_features is written
    ours = build(case.spec, case.in_channels, case.size, device="meta")
    again = build(plain, case.in_channels, case.size, device="meta")
    assert shapes_of(again) == shapes_of(ours)


@given(leaves(), st.integers(1, 6), st.integers(1, 9), st.integers(1, 9))
def test_a_layer_that_fits_runs_in_torch(layer: Leaf, channels: int, rows: int, cols: int) -> None:
    spec = net(layer)
    try:
        after = resolve(spec, channels, (rows, cols))[-1].after
    except LayerError:
        assume(False)
    y = build(spec, channels, (rows, cols)).eval()(torch.rand(2, channels, rows, cols))
    assert tuple(y.shape[1:]) == (
        (after.channels,) if after.flat else (after.channels, *after.size)
    )


@pytest.mark.parametrize(
    "layer, torchs, shape",
    [
        (Conv(5), lambda: nn.Conv2d(3, 3, 5), (3, 4, 4)),
        (Conv(3, 4, groups=2), lambda: nn.Conv2d(3, 4, 3, groups=2), (3, 8, 8)),
        (ConvTranspose(1, padding=3), lambda: nn.ConvTranspose2d(3, 3, 1, padding=3), (3, 4, 4)),
        (MaxPool(5), lambda: nn.MaxPool2d(5), (3, 4, 4)),
        (AvgPool(5), lambda: nn.AvgPool2d(5), (3, 4, 4)),
        (GroupNorm(2), lambda: nn.GroupNorm(2, 3), (3, 4, 4)),
        (InstanceNorm(), lambda: nn.InstanceNorm2d(3), (3, 1, 1)),
        (PixelShuffle(2), lambda: nn.PixelShuffle(2), (3, 4, 4)),
        (PixelUnshuffle(2), lambda: nn.PixelUnshuffle(2), (3, 3, 4)),
        (Pad(4, "reflect"), lambda: nn.ReflectionPad2d(4), (3, 4, 4)),
        (Pad(5, "circular"), lambda: nn.CircularPad2d(5), (3, 4, 4)),
        (
            Conv(9, padding="same", padding_mode="reflect"),
            lambda: nn.Conv2d(3, 3, 9, padding="same", padding_mode="reflect"),
            (3, 4, 4),
        ),
    ],
)
def test_what_torch_refuses_is_refused(layer: Leaf, torchs, shape: tuple[int, int, int]) -> None:
    x = torch.rand(1, *shape)
    with pytest.raises((RuntimeError, ValueError)):
        torchs()(x)
    with pytest.raises(LayerError):
        resolve(net(layer), shape[0], shape[1:])


def test_every_leaf_is_drawn_and_has_a_torch_form() -> None:
    assert set(SETTINGS) == set(get_args(Leaf)) == {form.make for form in FORMS}


def test_every_torch_form_exists_in_torch_with_these_arguments() -> None:
    import inspect

    for form in FORMS:
        make = getattr(modules if form.custom else nn, form.name)
        known = list(inspect.signature(make).parameters)
        if {"args", "kwargs"} & set(known):  # Identity takes anything, Flatten nothing odd
            continue
        assert known[: len(form.arguments)] == list(form.arguments), form.name


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_four_sided_padding_is_that_padding(mode: str) -> None:
    x = torch.rand(1, 2, 6, 7)
    module = build(net(Conv(3, 2, padding=((1, 0), (2, 3)), padding_mode=mode)), 2)
    kind = {"zeros": "constant"}.get(mode, mode)
    padded = nn.functional.pad(x, (2, 3, 1, 0), mode=kind)
    torch.testing.assert_close(module(x), module.conv0(padded))


def test_blocks_do_what_they_say() -> None:
    x = torch.rand(2, 4, 5, 5)
    body, shortcut = (Conv(3, 8, padding=1), RELU), (Conv(1, 8),)
    residual = build(net(ResidualBlock(body, shortcut)), 4)
    inner = residual.residual0
    torch.testing.assert_close(residual(x), inner.body(x) + inner.shortcut(x))
    concat = build(net(ConcatBlock((body, ()))), 4)
    torch.testing.assert_close(concat(x), torch.cat([concat.concat0.branches[0](x), x], 1))
    assert len({id(each) for each in build(net(Repeat(3, body[:1])), 4).parameters()}) == 6


def test_channel_norm_and_squeeze_excite() -> None:
    x = torch.rand(2, 8, 3, 4)
    normed = modules.ChannelNorm(8)(x)
    torch.testing.assert_close(normed.mean(1), torch.zeros(2, 3, 4), atol=1e-5, rtol=0)
    gated = modules.SqueezeExcite(8, 4)
    torch.testing.assert_close(gated(x) / x, gated.gate(x).expand_as(x))
    assert gated.gate[1].out_channels == 2


def test_names_are_readable() -> None:
    body = (Conv(3, 4, padding=((0, 1), (1, 1))), BatchNorm())
    module = build(
        net(Repeat(2, (ResidualBlock(body, (Conv(1, 4),)), RELU)), AdaptivePool(), Linear(2))
    )
    names = [name for name, each in module.named_modules() if not list(each.children())]
    assert names[:5] == [
        "repeat0.0.residual0.body.pad0",
        "repeat0.0.residual0.body.conv0",
        "repeat0.0.residual0.body.bn1",
        "repeat0.0.residual0.shortcut.conv0",
        "repeat0.0.relu1",
    ]
    assert names[-3:] == ["gap1", "flatten2", "fc2"]


# What does not fit


@pytest.mark.parametrize(
    "spec, name, parameter",
    [
        (net(Conv(3, 4), Conv(3, 6, groups=3)), "conv1", "groups"),
        (net(RELU, GroupNorm(2)), "gn1", "num_groups"),
        (net(Flatten(), Conv(3, 4)), "conv1", "conv"),
        (net(Flatten(), Linear(4)), "fc1", "in_features"),
        (net(AdaptivePool(2), Linear(4, in_features=11)), "fc1", "in_features"),
        (net(ResidualBlock((Conv(3, 4),))), "residual0", "body"),
        (net(ConcatBlock(((), (Flatten(),)))), "concat0", "branch"),
        (
            net(Repeat(2, (ResidualBlock((Conv(1), PixelShuffle(2))),))),
            "repeat0.0.residual0.body.shuffle1",
            "upscale_factor",
        ),
        (net(ConcatBlock(((), (RELU, GroupNorm(5))))), "concat0.branches.1.gn1", "num_groups"),
        (net(*[ConcatBlock(((), ()))] * 20), "concat11", "channels"),
        (net(Flatten(), BatchNorm()), "bn1", "features"),
    ],
)
def test_a_mismatch_names_the_layer(spec: NetworkSpec, name: str, parameter: str) -> None:
    with pytest.raises(LayerError) as caught:
        build(spec, 3, device="meta")
    assert (caught.value.layer, caught.value.parameter) == (name, parameter)
    assert str(caught.value).startswith(f"{name}: ")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


def test_with_an_input_size_an_empty_output_and_a_merge_of_two_sizes_are_seen() -> None:
    with pytest.raises(LayerError, match="conv1: kernel_size spans 5"):
        resolve(net(MaxPool(2), Conv(5, 4)), 3, (8, 8))
    merged = net(ResidualBlock((Conv(3, 3),)))
    assert build(merged, device="meta")  # without a size nobody can know
    with pytest.raises(LayerError, match="shortcut's size"):
        resolve(merged, 3, (8, 8))
    with pytest.raises(LayerError, match="pixels a side"):
        resolve(net(*[Upsample(64)] * 4), 3, (8, 8))


def test_too_many_weights_are_refused_before_they_are_allocated() -> None:
    spec = net(Conv(512, 8192), Conv(512, 8192))
    assert build(spec, device="meta").conv1.weight.shape == (8192, 8192, 512, 512)
    with pytest.raises(SpecError, match="number of weights"):
        build(spec)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Conv(0),
        lambda: Conv(513),
        lambda: Conv(3, 8193),
        lambda: Conv(3, 0),
        lambda: Conv(3, True),
        lambda: Conv(3, 6, groups=4),
        lambda: Conv(3, 6, groups="all"),
        lambda: Conv(3, padding="valid"),
        lambda: Conv(3, stride=2, padding="same"),
        lambda: Conv(3, padding=-1),
        lambda: Conv(3, padding_mode="wrap"),
        lambda: Conv(3, bias=1),
        lambda: Conv((1, 2, 3)),
        lambda: ConvTranspose(3, output_padding=1),
        lambda: MaxPool(3, padding=2),
        lambda: MaxPool(3, padding=2, dilation=2),
        lambda: MaxPool(3, stride=0),
        lambda: AvgPool(3, padding=2),
        lambda: LpPool(3, norm_type=0),
        lambda: LpPool(3, norm_type=float("nan")),
        lambda: AdaptivePool(0),
        lambda: AdaptivePool(1, "sum"),
        lambda: BatchNorm(eps=-1),
        lambda: Activation("rely"),
        lambda: Activation("relu", 0.2),
        lambda: Dropout(1.5),
        lambda: Dropout("x"),
        lambda: Upsample(1.5),
        lambda: Upsample(2, align_corners=True),
        lambda: Linear(0),
        lambda: SqueezeExciteLayer(0),
        lambda: ResidualBlock(()),
        lambda: ResidualBlock([Conv]),
        lambda: ResidualBlock(3),
        lambda: ConcatBlock(((),)),
        lambda: ConcatBlock(((),) * 65),
        lambda: ConcatBlock(7),
        lambda: Repeat(0, (RELU,)),
        lambda: Repeat(2, ()),
        lambda: Repeat(2001, (RELU,)),
        lambda: Repeat(2000, (Repeat(2, (RELU,)),)),
        lambda: NetworkSpec(()),
        lambda: NetworkSpec((RELU,) * 2001),
        lambda: NetworkSpec("relu"),
    ],
)
def test_settings_that_cannot_work_are_refused(make) -> None:
    with pytest.raises(SpecError):
        make()


def test_nesting_is_bounded_where_it_is_built() -> None:
    inner = RELU
    for _ in range(bounds.MAX_NESTING):
        inner = ResidualBlock((inner,))
    assert NetworkSpec((inner,)).nesting == bounds.MAX_NESTING
    with pytest.raises(SpecError, match="nesting"):
        ResidualBlock((inner,))


def test_the_largest_network_is_built_in_moments() -> None:
    spec = net(Repeat(1000, (Conv(3, 64, padding=1), BatchNorm())))
    assert spec.size == bounds.MAX_LAYERS
    build(net(RELU), device="meta")  # torch is loaded
    start = time.perf_counter()
    build(spec, device="meta")
    assert time.perf_counter() - start < 5


@given(specs())
def test_specs_are_values(spec: NetworkSpec) -> None:
    for twin in (copy.deepcopy(spec), pickle.loads(pickle.dumps(spec))):
        assert twin == spec
        assert hash(twin) == hash(spec)
        assert (twin.size, twin.nesting) == (spec.size, spec.nesting)
    with pytest.raises(FrozenInstanceError):
        spec.layers = ()


@given(specs())
def test_size_counts_every_layer_once_for_each_run(spec: NetworkSpec) -> None:
    def counted(layers) -> int:
        return sum(
            layer.times * counted(layer.body)
            if isinstance(layer, Repeat)
            else 1 + sum(map(counted, getattr(layer, "branches", ())))
            for layer in layers
        )

    assert spec.size == counted(spec.layers)
    assert spec.nesting == max(row.depth + bool(row.branches) for row in rows(spec))


@pytest.mark.parametrize("name", ["core.networks", "core.networks.notation"])
def test_specs_do_not_bring_torch(name: str) -> None:
    code = f"import sys, {name}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=".").returncode == 0
