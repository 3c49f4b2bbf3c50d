"""Costs against torch's own counter, numbers from the papers, and hand-made sums."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from core.cost import LayerCost, layer_costs, totals
from core.graph import network_graph
from core.networks.zoo import NAMES, TABLE, build
from tests.core.calls import Calls
from tests.examples import examples


def torch_macs(net: nn.Module, size: tuple[int, ...], device: str = "meta") -> int:
    """Half of the FLOPs that torch's counter finds, for a batch of one in eval mode."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net.eval()(torch.zeros(1, *size, device=device))
    flops = counter.get_total_flops()
    assert flops % 2 == 0
    return flops // 2


def by_name(rows: tuple[LayerCost, ...]) -> dict[str, LayerCost]:
    return {row.name: row for row in rows}


# --- Random networks --------------------------------------------------------------------------


class Branches(nn.Module):
    """Two layers on one input, added or concatenated; the second may be the first once more."""

    def __init__(self, left: nn.Module, right: nn.Module, concatenate: bool) -> None:
        super().__init__()
        self.left, self.right, self.concatenate = left, right, concatenate

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.left(x), self.right(x)
        return torch.cat([left, right], 1) if self.concatenate else left + right


def convolution(draw: st.DrawFn, channels: int, axes: int, same: bool = False) -> nn.Module:
    """Any convolution of 1 or 2 axes, transposed ones too; ``same`` keeps the size."""
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
    outputs = groups * draw(st.integers(1, 4))
    kernel, bias = draw(st.integers(1, 4)), draw(st.booleans())
    settings_: dict[str, Any] = {"groups": groups, "bias": bias}
    if same:
        kind = (nn.Conv1d, nn.Conv2d)[axes - 1]
        return kind(channels, outputs, 3, padding=1, **settings_)
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    if draw(st.booleans()):
        kind = (nn.ConvTranspose1d, nn.ConvTranspose2d)[axes - 1]
        return kind(channels, outputs, kernel, stride, dilation=dilation, **settings_)
    kind = (nn.Conv1d, nn.Conv2d)[axes - 1]
    padding = dilation * (kernel - 1)  # so that there always is an output
    return kind(channels, outputs, kernel, stride, padding, dilation, **settings_)


def free_layer(draw: st.DrawFn, channels: int, axes: int) -> nn.Module:
    """A layer that multiplies nothing by weights, or only elementwise."""
    norm = (nn.BatchNorm1d, nn.BatchNorm2d)[axes - 1]
    pool = (nn.MaxPool1d, nn.MaxPool2d)[axes - 1]
    choices = (
        nn.ReLU(),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        norm(channels),
        pool(1, 2),
        nn.PReLU(),
    )
    return draw(st.sampled_from(choices))


@st.composite
def networks(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """Chains with branches and shared layers, and perhaps a linear end, with an input size."""
    axes = draw(st.integers(1, 2))
    size = tuple(draw(st.integers(1, 4)) for _ in range(1 + axes))
    net, channels = nn.Sequential(), size[0]
    for _ in range(draw(st.integers(0, 6))):
        which = draw(st.integers(0, 2))
        if which == 0:
            net.append(free_layer(draw, channels, axes))
            continue
        layer = convolution(draw, channels, axes, same=which == 2)
        if which == 2:
            other = draw(st.sampled_from([layer, nn.Sequential(nn.Identity(), layer)]))
            layer = Branches(layer, other, draw(st.booleans()))
        net.append(layer)
        channels = net.eval()(torch.zeros(1, *size)).shape[1]
    if draw(st.booleans()):
        net.append(nn.Flatten())
        features = net.eval()(torch.zeros(1, *size)).shape[1]
        net.append(nn.Linear(features, draw(st.integers(1, 3)), bias=draw(st.booleans())))
    return net, size


@given(networks())
@examples(60)
def test_random_networks_as_torch_counts_them(case: tuple[nn.Module, tuple[int, ...]]) -> None:
    net, size = case
    rows = layer_costs(net, size)
    total = totals(rows)
    assert total.macs == torch_macs(net, size, "cpu")
    assert total.parameters == sum(p.numel() for p in net.parameters())
    assert total.activation_bytes == sum(row.activation_bytes for row in rows)
    out = net.eval()(torch.zeros(1, *size))
    assert not rows or rows[-1].output_shape == tuple(out.shape[1:])


@given(networks())
@examples(30)
def test_rows_are_the_nodes_of_the_graph(case: tuple[nn.Module, tuple[int, ...]]) -> None:
    net, size = case
    rows = {row.name: row for row in layer_costs(net, size)}
    graph = network_graph(net, size)
    assert {n for n in graph if graph[n].kind != "input"} == set(rows)
    assert all(graph[name].shape[1:] == row.output_shape for name, row in rows.items())


# --- The zoo ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_zoo_as_torch_counts_it(name: str) -> None:
    net, size = build(name, "meta"), TABLE[name].input_size
    rows = layer_costs(net, size)
    total = totals(rows)
    assert total.macs == torch_macs(net, size)
    assert total.parameters == sum(p.numel() for p in net.parameters())
    assert (total.parameters, total.macs, total.activation_bytes) == tuple(
        sum(getattr(row, field) for row in rows)
        for field in ("parameters", "macs", "activation_bytes")
    )


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "convnext_tiny", "unet"])
def test_each_layer_as_torch_counts_it(name: str) -> None:
    """Row by row, not only in total."""
    net, size = build(name, "meta").eval(), TABLE[name].input_size
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(torch.empty(1, *size, device="meta"))
    found = {key: sum(ops.values()) // 2 for key, ops in counter.get_flop_counts().items()}
    for row in layer_costs(net, size):
        if row.kind in ("Conv2d", "ConvTranspose2d", "Linear"):
            assert row.macs == found[f"{type(net).__name__}.{row.module}"]
        else:
            assert row.macs == 0


@pytest.mark.parametrize("name", ["resnet50", "convnext_tiny", "unet", "googlenet"])
def test_names_are_the_graphs_and_modules_the_networks(name: str) -> None:
    net = build(name, "meta")
    rows = layer_costs(net, TABLE[name].input_size)
    nodes = [
        n.name for n in fx.symbolic_trace(net).graph.nodes if n.op not in ("placeholder", "output")
    ]
    assert [row.name for row in rows] == nodes
    graph = network_graph(net, TABLE[name].input_size)
    assert [n for n in graph if graph[n].kind != "input"] == [
        row.name for row in rows if row.kind != "parameter"
    ]
    parts = dict(net.named_modules()) | dict(net.named_parameters())
    assert all(row.module in parts for row in rows if row.module)


# --- Numbers by hand --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer, size, parameters, macs, shape",
    [
        # claim 7: 3×3, 32 → 64 has 18,496 parameters at any stride
        (nn.Conv2d(32, 64, 3), (32, 32, 32), 18_496, 30 * 30 * 64 * 288, (64, 30, 30)),
        (nn.Conv2d(32, 64, 3, 2), (32, 32, 32), 18_496, 15 * 15 * 64 * 288, (64, 15, 15)),
        (nn.Conv2d(6, 4, (3, 5), groups=2), (6, 9, 9), 4 * 3 * 15 + 4, 7 * 5 * 4 * 45, (4, 7, 5)),
        (nn.Conv1d(2, 3, 3, dilation=2), (2, 9), 21, 5 * 3 * 6, (3, 5)),
        # padding's taps count: a 3×3 on one cell is nine multiplications
        (nn.Conv2d(1, 1, 3, padding=1), (1, 1, 1), 10, 9, (1, 1, 1)),
        # every input cell meets every tap
        (nn.ConvTranspose2d(4, 6, 3, 2), (4, 5, 7), 222, 5 * 7 * 4 * 6 * 9, (6, 11, 15)),
        (nn.ConvTranspose2d(4, 6, 2, groups=2), (4, 5, 7), 54, 5 * 7 * 4 * 3 * 4, (6, 6, 8)),
        (nn.Linear(7, 5), (7,), 40, 35, (5,)),
        (nn.Linear(7, 5, bias=False), (2, 3, 7), 35, 210, (2, 3, 5)),
        (nn.BatchNorm2d(4), (4, 5, 5), 8, 0, (4, 5, 5)),
        (nn.MaxPool2d(2), (4, 5, 5), 0, 0, (4, 2, 2)),
        (nn.AvgPool2d(3, 1), (4, 5, 5), 0, 0, (4, 3, 3)),
    ],
)
def test_one_layer(
    layer: nn.Module, size: tuple[int, ...], parameters: int, macs: int, shape: tuple[int, ...]
) -> None:
    (row,) = layer_costs(nn.Sequential(layer), size)
    assert row == LayerCost(
        "_0", type(layer).__name__, shape, parameters, macs, 4 * prod(shape), "0"
    )


def test_convolution_counts_what_loops_count() -> None:
    """Multiplications of the plainest loop there is, one by one."""
    layer, side = nn.Conv2d(4, 6, 3, 2, 1, groups=2), 5
    x = F.pad(torch.zeros(4, side, side), (1, 1, 1, 1))
    count = 0
    for _output in range(6):
        for top in range(0, x.shape[1] - 2, 2):
            for left in range(0, x.shape[2] - 2, 2):
                count += x[:2, top : top + 3, left : left + 3].numel()
    assert totals(layer_costs(nn.Sequential(layer), (4, side, side))).macs == count


def test_claim_7_pool_and_stride_have_the_same_parameters_and_shape() -> None:
    conv = nn.Sequential(nn.Conv2d(3, 32, 3), nn.MaxPool2d(2))
    pooled, strided = (
        layer_costs(net, (3, 32, 32)) for net in (conv, nn.Sequential(nn.Conv2d(3, 32, 3, 2)))
    )
    assert pooled[-1].output_shape == strided[-1].output_shape == (32, 15, 15)
    assert totals(pooled).parameters == totals(strided).parameters == 896
    assert totals(pooled).macs == 4 * totals(strided).macs


def test_functions_and_methods_have_rows() -> None:
    weight = nn.Parameter(torch.zeros(5, 3, 2, 2))
    net = Calls(lambda m, x: F.relu(F.conv2d(x, m.weight)).mean(2), weight=weight)
    rows = by_name(layer_costs(net, (3, 4, 4)))
    assert {n: (r.kind, r.parameters, r.macs, r.module) for n, r in rows.items()} == {
        "weight": ("parameter", 60, 0, "weight"),
        "conv2d": ("conv2d", 0, 3 * 3 * 60, ""),
        "relu": ("relu", 0, 0, ""),
        "mean": ("mean", 0, 0, ""),
    }
    assert rows["weight"].output_shape == (5, 3, 2, 2)
    assert rows["weight"].activation_bytes == 0
    assert rows["mean"].output_shape == (5, 3)


def test_a_layer_that_makes_two_calls_has_one_row() -> None:
    """Reflected padding is a buffer inside: it is not in the layer's memory."""
    (row,) = layer_costs(
        nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")), (2, 4, 4)
    )
    assert row == LayerCost("_0", "Conv2d", (3, 4, 4), 57, 16 * 54, 4 * 48, "0")


def test_a_tensor_of_the_network_takes_no_name_from_the_graph() -> None:
    net = Calls(lambda m, x: x + m.add, add=nn.Parameter(torch.zeros(3, 4, 4)))
    assert [(row.name, row.kind) for row in layer_costs(net, (3, 4, 4))] == [
        ("add_1", "parameter"),
        ("add", "add"),
    ]
    assert "add" in network_graph(net, (3, 4, 4))


def test_products_that_no_node_has_are_counted() -> None:
    """A weight made of two others: its products go to the row that follows."""
    left, right = nn.Parameter(torch.zeros(5, 2)), nn.Parameter(torch.zeros(2, 3))
    net = Calls(lambda m, x: F.linear(x, m.left @ m.right), left=left, right=right)
    rows = by_name(layer_costs(net, (3,)))
    assert list(rows) == ["left", "right", "linear"]
    assert rows["linear"].macs == 5 * 2 * 3 + 15
    assert totals(rows.values()) == totals(layer_costs(net, (3,)))
    assert totals(rows.values()).parameters == 16


def test_what_is_decided_by_shapes_is_followed() -> None:
    net = Calls(lambda m, x: m.part(x) if x.shape[-1] > 4 else x, part=nn.Conv2d(3, 1, 1))
    assert totals(layer_costs(net, (3, 5, 5))).macs == 75
    assert totals(layer_costs(net, (3, 4, 4))).macs == 0


def test_parts_of_a_split_have_rows_that_cost_nothing() -> None:
    rows = layer_costs(Calls(lambda _, x: x.chunk(3, 1)[1]), (3, 4, 4))
    assert [(row.name, row.output_shape) for row in rows] == [
        ("chunk", (1, 4, 4)),
        ("getitem", (1, 4, 4)),
    ]
    assert totals(rows).activation_bytes == 0


def test_attention_counts_its_products() -> None:
    """Four projections of 10 · 16², and twice heads · 10² · 4."""
    part = nn.MultiheadAttention(16, 4, batch_first=True)
    net = Calls(lambda m, x: m.part(x, x, x)[0], part=part)
    rows = layer_costs(net, (10, 16))
    assert totals(rows).macs == 4 * 10 * 16**2 + 2 * 4 * 10**2 * 4
    assert totals(rows).parameters == sum(p.numel() for p in part.parameters())
    assert rows[0].output_shape == (10, 16)
    query = Calls(lambda _, x: F.scaled_dot_product_attention(x, x, x))
    assert totals(layer_costs(query, (4, 10, 4))).macs == 2 * 4 * 10**2 * 4


# --- Where torch's counter is silent ----------------------------------------------------------


@pytest.mark.parametrize(
    "net, size, macs",
    [
        (Calls(lambda m, x: (x[0] @ m.v)[None], v=nn.Parameter(torch.zeros(7))), (5, 7), 35),
        (Calls(lambda m, x: torch.addmv(m.b, x[0], m.v)[None], v=nn.Parameter(torch.zeros(7)),
               b=nn.Parameter(torch.zeros(5))), (5, 7), 35),
        (Calls(lambda m, x: torch.dot(x[0], m.v)[None], v=nn.Parameter(torch.zeros(7))), (7,), 7),
        (Calls(lambda m, x: m.part(x, x), part=nn.Bilinear(3, 3, 2)), (5, 3), 5 * 2 * 9),
    ],
)  # fmt: skip
def test_products_that_torch_does_not_count(
    net: nn.Module, size: tuple[int, ...], macs: int
) -> None:
    assert totals(layer_costs(net, size)).macs == macs
    assert torch_macs(net, size, "cpu") == 0


@pytest.mark.parametrize(
    "net, macs",
    [
        (Calls(lambda m, x: m.part(x)[0], part=nn.LSTM(16, 8, batch_first=True)), 7_680),
        (Calls(lambda m, x: m.part(x, x, x)[0], part=nn.MultiheadAttention(16, 4, batch_first=True)), 13_440),
        (Calls(lambda m, x: m.part(x), part=nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)), 23_680),
    ],
)  # fmt: skip
def test_fused_kernels_that_torch_does_not_count(net: nn.Module, macs: int) -> None:
    assert totals(layer_costs(net, (10, 16))).macs == macs
    assert torch_macs(net, (10, 16), "cpu") == 0
    assert torch_macs(net.to("meta"), (10, 16)) == macs


# --- Sharing ----------------------------------------------------------------------------------


def test_a_shared_module_has_its_parameters_once_and_its_macs_each_time() -> None:
    conv = nn.Conv2d(3, 3, 3, padding=1)
    rows = layer_costs(nn.Sequential(conv, nn.ReLU(), conv), (3, 5, 5))
    assert [row.parameters for row in rows] == [84, 0, 0]
    assert [row.macs for row in rows] == [25 * 81, 0, 25 * 81]
    assert len({row.name for row in rows}) == 3


def test_a_shared_weight_counts_once() -> None:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    rows = layer_costs(nn.Sequential(first, second), (4,))
    assert [row.parameters for row in rows] == [20, 4]


def test_parameters_that_nothing_uses_have_a_row() -> None:
    net = Calls(lambda m, x: m.used(x), used=nn.Linear(2, 2), spare=nn.Linear(3, 3, bias=False))
    rows = layer_costs(net, (2,))
    assert [(row.kind, row.parameters, row.module) for row in rows] == [
        ("Linear", 6, "used"),
        ("unused", 9, "spare.weight"),
    ]


def test_buffers_are_no_parameters() -> None:
    rows = by_name(layer_costs(Calls(lambda m, x: x + m.offset, offset=torch.ones(3)), (3,)))
    assert (rows["offset"].kind, rows["offset"].parameters) == ("buffer", 0)


# --- Memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer, expected",
    [
        (nn.Flatten(), 0),
        (nn.Dropout(), 0),
        (nn.Identity(), 0),
        (nn.ReLU(inplace=True), 0),
        (nn.ReLU(), 4 * 12),
        (Calls(lambda _, x: x.permute(0, 2, 3, 1)), 0),
        (Calls(lambda _, x: x.permute(0, 2, 3, 1).contiguous()), 4 * 12),
        (Calls(lambda _, x: torch.cat([x, x], 1)), 4 * 24),
        (Calls(lambda _, x: x.chunk(3, 1)[1]), 0),
    ],
)
def test_only_new_memory_costs(layer: nn.Module, expected: int) -> None:
    assert totals(layer_costs(nn.Sequential(layer), (3, 2, 2))).activation_bytes == expected


def test_memory_is_at_float32_whatever_the_weights_are() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    expected = layer_costs(net, (1, 3, 3))
    assert layer_costs(net.half(), (1, 3, 3)) == expected
    assert layer_costs(net.double(), (1, 3, 3)) == expected
