"""The zoo's architectures against facts counted by hand from their papers."""

from __future__ import annotations

import pytest
import torch
from torch import fx, nn

from core.cost import layer_costs, totals
from core.networks.zoo import NAMES, TABLE, build
from core.networks.zoo.blocks import LayerNorm2d, SqueezeExcitation

CLASSIFIERS = [n for n in NAMES if TABLE[n].family not in ("dense prediction", "stem", "teaching")]
BOTTLENECKS = [f"resnet{depth}{suffix}" for depth in (50, 101, 152) for suffix in ("", "_v1")]

CONVOLUTIONS = {  # transposed ones included
    "lenet5": 3,
    "alexnet": 5,
    "vgg11": 11 - 3,
    "vgg13": 13 - 3,
    "vgg16": 16 - 3,
    "vgg19": 19 - 3,
    "all_cnn_c": 9,
    "resnet18": 18 - 1 + 3,  # the depth, without fc, with the projections
    "resnet34": 34 - 1 + 3,
    "resnet50": 50 - 1 + 4,
    "resnet101": 101 - 1 + 4,
    "resnet152": 152 - 1 + 4,
    "resnet50_v1": 50 - 1 + 4,
    "resnet101_v1": 101 - 1 + 4,
    "resnet152_v1": 152 - 1 + 4,
    "resnet50_d": 50 - 1 + 4 + 2,  # two more in the stem
    "mobilenet_v1": 28 - 1,
    "mobilenet_v2": 53 - 1,
    "efficientnet_b0": 1 + 2 + 15 * 3 + 1 + 16 * 2,  # the last: squeeze and excite
    "googlenet": 3 + 9 * 6,
    "densenet121": 121 - 1,
    "convnext_tiny": 1 + 3 + 18 * 3,
    "unet": 23,
    "patchgan70": 5,
    "dilated_stack": 5,
    "vit_b_16_stem": 1,
    "resnet_stem": 1,
    "efficientnet_stem": 1,
    "convnext_stem": 1,
    "four_strided": 4,
    "four_conv_pool": 4,
    "three_3x3": 3,
    "one_7x7": 1,
}


def convolutions(net: nn.Module) -> dict[str, nn.Conv2d]:
    return {n: m for n, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))}


def map_before(net: nn.Module, name: str, last: str) -> tuple[int, ...]:
    """The height and width that the module called ``last`` gets."""
    seen: list[tuple[int, ...]] = []
    module = net.get_submodule(last)
    module.register_forward_pre_hook(lambda _, args: seen.append(tuple(args[0].shape[2:])))
    net.eval()(torch.empty(1, *TABLE[name].input_size, device="meta"))
    return seen[0]


def test_the_list_here_knows_every_architecture() -> None:
    assert set(CONVOLUTIONS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_number_of_convolutions(name: str) -> None:
    assert len(convolutions(build(name, "meta"))) == CONVOLUTIONS[name]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_total_stride_is_32(name: str) -> None:
    """224 / 32 = 7 before the average; LeNet, AlexNet and All-CNN-C are the exceptions."""
    side = {"alexnet": 6, "all_cnn_c": 6, "lenet5": 1}.get(name, 7)
    last = "flatten" if name == "lenet5" else "avgpool"
    assert map_before(build(name, "meta"), name, last) == (side, side)


@pytest.mark.parametrize("name", BOTTLENECKS)
def test_bottlenecks_reduce_where_their_version_puts_it(name: str) -> None:
    net = build(name, "meta")
    first, second = ((2, 2), (1, 1)) if name.endswith("_v1") else ((1, 1), (2, 2))
    for stage in (2, 3, 4):
        block = net.get_submodule(f"layer{stage}.0")
        assert block.get_submodule("conv1").stride == first
        assert block.get_submodule("conv2").stride == second
        assert block.get_submodule("downsample.0").stride == (2, 2)
    convs = convolutions(net)
    assert sum(conv.stride == (2, 2) for conv in convs.values()) == 1 + 3 * 2


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_versions_differ_in_strides_and_macs_only(depth: int) -> None:
    v1, v1_5 = build(f"resnet{depth}_v1", "meta"), build(f"resnet{depth}", "meta")
    assert {k: v.shape for k, v in v1.state_dict().items()} == {
        k: v.shape for k, v in v1_5.state_dict().items()
    }
    # v1.5 runs the first 1×1 of three blocks, and nothing else, at twice the height and width
    macs = [totals(layer_costs(net, (3, 224, 224))).macs for net in (v1, v1_5)]
    firsts = ((256, 128, 56), (512, 256, 28), (1024, 512, 14))  # inputs, width, input's side
    extra = sum(inputs * width * (side**2 - (side // 2) ** 2) for inputs, width, side in firsts)
    assert macs[1] - macs[0] == extra


def test_basic_blocks_reduce_in_their_first_3x3() -> None:
    net = build("resnet18", "meta")
    assert [net.get_submodule(f"layer{i}.0.conv1").stride[0] for i in range(1, 5)] == [1, 2, 2, 2]
    assert all(net.get_submodule(f"layer{i}.0.conv2").stride == (1, 1) for i in range(1, 5))


def test_resnet_d_throws_nothing_away() -> None:
    net = build("resnet50_d", "meta")
    strided = {n: c for n, c in convolutions(net).items() if c.stride != (1, 1)}
    assert all(conv.kernel_size == (3, 3) for conv in strided.values())
    assert len(strided) == 4
    shortcuts = [net.get_submodule(f"layer{i}.0.downsample.0") for i in (2, 3, 4)]
    assert all(isinstance(pool, nn.AvgPool2d) and pool.kernel_size == 2 for pool in shortcuts)


@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19"])
def test_vgg_has_only_3x3_and_five_pools(name: str) -> None:
    net = build(name, "meta")
    kinds = {(c.kernel_size, c.stride, c.padding) for c in convolutions(net).values()}
    assert kinds == {((3, 3), (1, 1), (1, 1))}
    pools = [m for m in net.modules() if isinstance(m, nn.MaxPool2d)]
    assert [(p.kernel_size, p.stride) for p in pools] == [(2, 2)] * 5


def test_all_cnn_c_has_no_pooling_but_the_last_average() -> None:
    net = build("all_cnn_c", "meta")
    assert not any(isinstance(m, (nn.MaxPool2d, nn.AvgPool2d)) for m in net.modules())
    assert [n for n, c in convolutions(net).items() if c.stride == (2, 2)] == ["down1.0", "down2.0"]


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "efficientnet_b0"])
def test_mobile_nets_reduce_in_the_stem_and_depthwise(name: str) -> None:
    strided = [c for c in convolutions(build(name, "meta")).values() if c.stride == (2, 2)]
    assert len(strided) == 5
    assert all(conv.groups == conv.in_channels for conv in strided[1:])


def test_mobilenet_v2_adds_where_shapes_agree() -> None:
    nodes = fx.symbolic_trace(build("mobilenet_v2", "meta")).graph.nodes
    assert sum(node.name.startswith("add") for node in nodes) == 10


def test_densenet_grows_by_32() -> None:
    net = build("densenet121", "meta")
    widths = [
        net.get_submodule(f"features.denseblock{i}.0.norm1").num_features for i in range(1, 5)
    ]
    assert widths == [64, 128, 256, 512]
    assert net.get_submodule("features.norm5").num_features == 1024


def test_googlenet_maps_are_those_of_the_table() -> None:
    net = build("googlenet", "meta")
    rows = layer_costs(net, (3, 224, 224))
    pools = {row.module: row.output_shape[1] for row in rows if row.module.startswith("maxpool")}
    assert pools == {"maxpool1": 56, "maxpool2": 28, "maxpool3": 14, "maxpool4": 7}
    cats = [row.output_shape[0] for row in rows if row.kind == "cat"]
    assert cats == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def test_unet_maps_are_those_of_figure_1() -> None:
    rows = layer_costs(build("unet", "meta"), (1, 572, 572))
    sides = [row.output_shape[1] for row in rows if row.kind in ("Conv2d", "ConvTranspose2d")]
    down = [570, 568, 282, 280, 138, 136, 66, 64, 30, 28]
    up = [56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388, 388]
    assert sides == down + up


def test_unet_skips_are_cropped_in_the_middle() -> None:
    """Crop and upsampled map lie on each other: by position, not only by size."""
    net = build("unet")
    crop = net.get_submodule("up.0.crop")
    skip = torch.arange(64.0).expand(1, 1, 64, 64)
    assert torch.equal(crop(skip), skip[..., 4:60, 4:60])


def test_convnext_windows_do_not_overlap() -> None:
    strided = [c for c in convolutions(build("convnext_tiny", "meta")).values() if c.stride[0] > 1]
    assert [(c.kernel_size[0], c.stride[0]) for c in strided] == [(4, 4), (2, 2), (2, 2), (2, 2)]


def test_patchgan_strides() -> None:
    convs = convolutions(build("patchgan70", "meta")).values()
    assert [c.stride[0] for c in convs] == [2, 2, 2, 1, 1]
    assert {c.kernel_size for c in convs} == {(4, 4)}


@pytest.mark.parametrize(
    "stem, whole, prefixes",
    [
        ("resnet_stem", "resnet50", ("conv1.", "bn1.")),
        ("efficientnet_stem", "efficientnet_b0", ("features.0.",)),
        ("convnext_stem", "convnext_tiny", ("stem.",)),
    ],
)
def test_stems_are_those_of_the_whole_networks(
    stem: str, whole: str, prefixes: tuple[str, ...]
) -> None:
    net = build(whole, "meta").state_dict()
    begin = [tuple(v.shape) for k, v in net.items() if k.startswith(prefixes)]
    assert [tuple(v.shape) for v in build(stem, "meta").state_dict().values()] == begin


@pytest.mark.parametrize("name", ["four_strided", "four_conv_pool", "three_3x3", "one_7x7"])
def test_compared_nets_keep_to_one_claim(name: str) -> None:
    """What is compared differs in nothing but what the comparison is about."""
    twin = {"four_strided": "four_conv_pool", "three_3x3": "one_7x7"}
    other = twin.get(name) or {v: k for k, v in twin.items()}[name]
    assert TABLE[name].input_size == TABLE[other].input_size
    x = torch.empty(1, *TABLE[name].input_size, device="meta")
    assert build(name, "meta")(x).shape == build(other, "meta")(x).shape


def test_dilated_stack_doubles_its_rate() -> None:
    convs = convolutions(build("dilated_stack", "meta")).values()
    assert [conv.dilation[0] for conv in convs] == [1, 2, 4, 8, 16]


# --- Blocks, by number ------------------------------------------------------------------------


def test_layer_norm_2d_is_layer_norm_of_each_pixel() -> None:
    norm = LayerNorm2d(5)
    nn.init.normal_(norm.weight)
    x = torch.randn(2, 5, 3, 4)
    mean = x.mean(1, keepdim=True)
    std = (x.var(1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    assert torch.allclose(norm(x), (x - mean) / std * norm.weight[:, None, None], atol=1e-6)


def test_squeeze_and_excitation_weighs_whole_channels() -> None:
    x = torch.randn(2, 6, 3, 4)
    gate = SqueezeExcitation(6, 2)(x) / x
    assert torch.allclose(gate, gate[..., :1, :1].expand_as(gate), atol=1e-5)
    assert ((gate > 0) & (gate < 1)).all()
