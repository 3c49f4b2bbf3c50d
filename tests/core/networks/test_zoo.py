"""The zoo's architectures against the numbers and the facts of their papers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.utils._python_dispatch import TorchDispatchMode

from core.cost import layer_costs, totals
from core.errors import SpecError
from core.networks.zoo import NAMES, TABLE, build, entry
from tests.architectures import others_slow

SMALL = [name for name in NAMES if TABLE[name].parameters < 3_000_000]

# What the issue, the papers and torchvision's documentation say: typed here once more, so that
# a number in the table cannot follow a mistake in the code.
PUBLISHED = {
    "lenet5": 61_706,
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "all_cnn_c": 1_369_738,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnet50_v1": 25_557_032,
    "resnet101_v1": 44_549_160,
    "resnet152_v1": 60_192_808,
    "resnet50_d": 25_576_264,
    "mobilenet_v1": 4_231_976,
    "mobilenet_v2": 3_504_872,
    "efficientnet_b0": 5_288_548,
    "googlenet": 6_624_904,
    "densenet121": 7_978_856,
    "convnext_tiny": 28_589_128,
    "unet": 31_030_658,
    "patchgan70": 2_768_705 - 3 * 64 * 4**2,  # one image instead of two stacked
    "vit_b_16_stem": 590_592,
    "resnet_stem": 9_408 + 128,
    "efficientnet_stem": 864 + 64,
    "convnext_stem": 4_704 + 192,
    "dilated_stack": 896 + 4 * 9_248,
    "four_strided": 896 + 3 * 9_248,
    "four_conv_pool": 896 + 3 * 9_248,
    "three_3x3": 27 * 64**2,
    "one_7x7": 49 * 64**2,
}
GMACS = {
    "alexnet": 0.71,
    "vgg16": 15.47,
    "resnet50": 4.09,
    "mobilenet_v2": 0.30,
    "efficientnet_b0": 0.39,
    "densenet121": 2.83,
    "convnext_tiny": 4.46,
}
OUTPUTS = {
    "lenet5": (10,),
    "all_cnn_c": (10,),
    "unet": (2, 388, 388),
    "patchgan70": (1, 30, 30),
    "dilated_stack": (32, 64, 64),
    "vit_b_16_stem": (768, 14, 14),
    "resnet_stem": (64, 56, 56),
    "efficientnet_stem": (32, 112, 112),
    "convnext_stem": (96, 56, 56),
    "four_strided": (32, 4, 4),
    "four_conv_pool": (32, 4, 4),
    "three_3x3": (64, 32, 32),
    "one_7x7": (64, 32, 32),
}


def meta_input(name: str) -> Tensor:
    return torch.empty(1, *TABLE[name].input_size, device="meta")


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


# --- The table --------------------------------------------------------------------------------


def test_the_lists_here_know_every_architecture() -> None:
    assert set(PUBLISHED) == set(NAMES)


def test_names_and_titles_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({row.title for row in TABLE.values()}) == len(NAMES)
    assert all(TABLE[name].name == name for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_says_where_it_comes_from(name: str) -> None:
    row = TABLE[name]
    assert 1980 < row.year < 2100
    assert len(row.paper) > 20
    assert len(row.source) > 20
    assert row.sentence.endswith(".")
    assert row.gmacs is None or row.gmacs_source


def test_no_two_families_have_a_name_twice() -> None:
    from core.networks import zoo

    rows = [row.name for family in zoo._FAMILIES for row in family.ENTRIES]
    assert [name for name, count in Counter(rows).items() if count > 1] == []


def test_the_table_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        TABLE["mine"] = TABLE["lenet5"]  # type: ignore[index]


@pytest.mark.parametrize(
    "typed, meant", [("resnet5O", "resnet50"), ("VGG16", "vgg16"), ("mobilenetv2", "mobilenet_v2")]
)
def test_a_slip_is_answered_with_the_nearest_name(typed: str, meant: str) -> None:
    with pytest.raises(SpecError, match=f"did you mean {meant}") as caught:
        build(typed)
    assert caught.value.parameter == "name"


@pytest.mark.parametrize("typed", ["", "qqqqqq", "x" * 10_000, None, 7])
def test_nonsense_is_a_sentence(typed: Any) -> None:
    with pytest.raises(SpecError, match="must be one of"):
        entry(typed)


# --- Every architecture -----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_as_published(name: str) -> None:
    assert parameters(build(name, "meta")) == TABLE[name].parameters == PUBLISHED[name]


@pytest.mark.parametrize("name", [name for name in NAMES if TABLE[name].gmacs is not None])
def test_macs_are_as_published(name: str) -> None:
    row = TABLE[name]
    measured = totals(layer_costs(build(name, "meta"), row.input_size)).macs / 1e9
    if "torchvision" in row.gmacs_source:
        assert row.gmacs == round(measured, 3)
    else:  # papers cut or round to two digits, and some leave out the projections
        assert row.gmacs == pytest.approx(measured, rel=0.02)
    assert round(measured, 2) == GMACS.get(name, round(measured, 2))


@pytest.mark.parametrize("name", others_slow(NAMES))
def test_output_has_the_published_shape(name: str) -> None:
    net = build(name, "meta").eval()
    assert tuple(net(meta_input(name)).shape) == (1, *OUTPUTS.get(name, (1000,)))


@pytest.mark.parametrize("name", others_slow(NAMES))
def test_is_traceable_with_the_same_output(name: str) -> None:
    net = build(name, "meta").eval()
    graph = fx.symbolic_trace(net)
    x = meta_input(name)
    assert graph(x).shape == net(x).shape


@pytest.mark.parametrize("name", [name for name in NAMES if name != "lenet5"])  # F6 is linear
def test_depends_on_no_particular_size(name: str) -> None:
    """Height and width differ, and differ from the published ones: no shape is written in."""
    channels, height, width = TABLE[name].input_size
    net = build(name, "meta").eval()
    out = net(torch.empty(2, channels, height + 64, width + 32, device="meta"))
    assert out.shape[0] == 2
    assert out.shape[1] == OUTPUTS.get(name, (1000,))[0]


class InPlace(TorchDispatchMode):
    """Notes operations that change one of their inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.is_mutable:
            self.found.add(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_works_in_place(name: str) -> None:
    net = build(name, "meta")
    assert not any(getattr(module, "inplace", False) for module in net.modules())
    with InPlace() as mode:
        net.eval()(meta_input(name))
    assert mode.found == set()


def test_in_place_would_be_found() -> None:
    with InPlace() as mode:
        nn.ReLU(inplace=True)(torch.empty(3, device="meta"))
    assert mode.found == {"aten.relu_.default"}


@pytest.mark.parametrize("name", NAMES)
def test_module_names_can_be_read(name: str) -> None:
    """Every part of a name is a word or a position in a sequence, and no module runs twice."""
    nodes = fx.symbolic_trace(build(name, "meta")).graph.nodes
    calls = Counter(node.target for node in nodes if node.op == "call_module")
    assert set(calls.values()) == {1}
    assert all(part.isidentifier() or part.isdigit() for n in calls for part in str(n).split("."))


@pytest.mark.parametrize("name", others_slow(NAMES))
def test_every_parameter_is_used(name: str) -> None:
    rows = layer_costs(build(name, "meta"), TABLE[name].input_size)
    assert [row.module for row in rows if row.kind == "unused"] == []


@pytest.mark.parametrize("name", NAMES)
def test_construction_is_deterministic(name: str) -> None:
    first, second = build(name, "meta"), build(name, "meta")
    assert repr(first) == repr(second)
    shapes = [{k: tuple(v.shape) for k, v in n.state_dict().items()} for n in (first, second)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("name", SMALL)
def test_the_seed_decides_the_weights(name: str) -> None:
    nets = []
    for _ in range(2):
        torch.manual_seed(3)
        nets.append(build(name).state_dict())
    assert list(nets[0]) == list(build(name, "meta").state_dict())
    assert all(torch.equal(value, nets[1][key]) for key, value in nets[0].items())


def test_meta_leaves_no_device_behind() -> None:
    build("lenet5", "meta")
    assert torch.empty(1).device.type == "cpu"
    assert {p.device.type for p in build("lenet5").parameters()} == {"cpu"}


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "mobilenet_v2", *SMALL])
def test_gradients_reach_a_leaf_input(name: str) -> None:
    channels, height, width = TABLE[name].input_size
    size = (height, width) if name == "lenet5" else (min(height, 64), min(width, 64))
    x = torch.randn(1, channels, *size, requires_grad=True)
    build(name).eval()(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad.any()
