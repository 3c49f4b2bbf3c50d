"""The graph of windows: every operation, names, limits, and the caller's module untouched."""

from __future__ import annotations

import copy
import time

import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn

from core.errors import SpecError
from core.graph import KINDS, network_graph, recorder
from core.receptive_field import receptive_fields
from tests.core.random_networks import Call


class Block(nn.Module):
    """A residual block with functional forms, in-place ReLU and a reused layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(True))
        self.conv = nn.Conv2d(4, 4, 3, padding="same")
        self.drop = nn.Dropout()
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        y = F.relu(self.conv(self.drop(x)))
        y = self.conv(y) + x
        return self.head(F.max_pool2d(y, 2).mean((2, 3)))


def test_nodes_are_named_and_ordered_as_fx_names_them():
    theirs = [node.name for node in fx.symbolic_trace(Block()).graph.nodes]
    assert [*network_graph(Block(), (3, 16, 16)), "output"] == theirs


def test_a_node_knows_its_module_its_window_and_its_inputs():
    graph = network_graph(Block(), (3, 17, 16))
    assert graph["stem_0"].module == "stem.0"
    assert graph["stem_0"].window[0].stride == 2
    assert graph["stem_0"].shape == (1, 4, 8, 7)
    assert graph["add"].inputs == ("conv_1", "stem_2")
    assert graph["conv_1"].module == graph["conv"].module == "conv"
    assert (graph.inputs, graph.outputs) == (("x",), ("head",))
    assert graph.find("stem").name == "stem_2"
    assert {node.kind for node in graph.values()} <= set(KINDS)


def state_of(module: nn.Module) -> list[object]:
    return [
        {name: (tensor, tensor._version) for name, tensor in module.state_dict().items()},
        [m.training for m in module.modules()],
        [sorted(m.__dict__) for m in module.modules()],
        [[*m._forward_hooks, *m._backward_hooks] for m in module.modules()],
        [p.requires_grad for p in module.parameters()],
    ]


class Fails(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv, self.how, self.calls = nn.Conv2d(3, 4, 3), how, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append(1)
        x = self.conv(x)
        if self.how == "values" and x.mean() > 0:
            return x
        if self.how == "item":
            return x * x.max().item()
        if self.how == "mask":
            return x[x > 0]
        if self.how == "numpy":
            return torch.from_numpy(x.numpy())
        if self.how == "shape":
            return x.view(1, 5, -1)
        return x


@pytest.mark.parametrize("how", ["values", "item", "mask", "numpy", "shape", "fine"])
def test_the_module_is_untouched_also_after_errors(how: str):
    module, called = Fails(how), []
    module.conv.register_forward_hook(lambda *_: called.append(1))
    module.train()
    before = copy.copy(state_of(module))
    try:
        receptive_fields(module, (3, 8, 8))
    except SpecError:
        assert how != "fine"
    assert str(state_of(module)) == str(before)
    assert not called
    assert not module.calls
    assert type(module).forward is Fails.forward


@pytest.mark.parametrize("how", ["values", "item", "mask", "numpy"])
def test_deciding_by_values_is_refused_with_a_way_out(how: str):
    with pytest.raises(SpecError, match=r"decides by the values.*measure_receptive_field"):
        network_graph(Fails(how), (3, 8, 8))


def test_deciding_by_sizes_is_followed():
    def crop(x: torch.Tensor) -> torch.Tensor:
        return x[:, :, 1:] if x.shape[2] % 2 and len(x) == 1 and isinstance(x, torch.Tensor) else x

    assert network_graph(Call(crop, "crop"), (3, 7, 8))["getitem"].grid == (6, 8)
    assert "getitem" not in network_graph(Call(crop, "crop"), (3, 8, 8))


@pytest.mark.parametrize(
    "size, module",
    [
        ((3,), nn.ReLU()),
        ("3,4,5", nn.ReLU()),
        ((3, -1, 8), nn.ReLU()),
        ((3, 8, 1 << 21), nn.ReLU()),
        ((3, 4, 4), nn.Conv2d(3, 4, 7)),
        ((5, 9, 9), nn.Conv2d(3, 4, 3)),
        ((3, 9, 9), nn.LazyConv2d(4, 3)),
        ((3, 9, 9), nn.Bilinear(2, 2, 2)),
        ((3, 9, 9), torch.jit.trace(nn.Conv2d(3, 4, 3), torch.zeros(1, 3, 9, 9))),
        (((3, 9, 9), (3, 9, 9)), nn.ReLU()),
    ],
)
def test_what_does_not_fit_is_a_sentence(size: object, module: nn.Module):
    with pytest.raises(SpecError):
        network_graph(module, size)


def test_a_million_layers_are_refused_quickly(monkeypatch: pytest.MonkeyPatch):
    layer = nn.ReLU()
    module = nn.Sequential()
    module._modules.update({str(i): layer for i in range(10**6)})
    start = time.process_time()
    with pytest.raises(SpecError, match="at most"):
        network_graph(module, (1, 8, 8))
    assert time.process_time() - start < 5

    def forever(x: torch.Tensor) -> torch.Tensor:
        while True:
            x = x + 1

    monkeypatch.setattr(recorder, "MAX_NODES", 500)
    with pytest.raises(SpecError, match="at most 500 operations"):
        network_graph(Call(forever, "forever"), (1, 2, 2))


def test_modules_nested_too_deep_are_refused():
    module: nn.Module = nn.ReLU()
    for _ in range(3000):
        module = nn.Sequential(module)
    with pytest.raises(SpecError):
        network_graph(module, (1, 8, 8))


FUNCTIONS = {
    "grid_sample": lambda x: F.grid_sample(x, x[:, :2].movedim(1, 3), align_corners=True),
    "take_along_dim": lambda x: x.take_along_dim((x > 0).to(torch.int64), 2),
    "masked_scatter": lambda x: x.masked_scatter(x > 0.5, x),
    "bernoulli": torch.bernoulli,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_unknown_operation_is_named_here_and_in_what_follows(name: str):
    module = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), Call(FUNCTIONS[name], name), nn.ReLU())
    fields = receptive_fields(module, (3, 8, 8))
    unknown = [field for field in fields.values() if field.kind == "unknown"]
    assert [name in field.operation for field in unknown] == [True]
    assert all(
        f"unknown operation {unknown[0].operation}" in f.note for f in (*unknown, fields["_2"])
    )
    assert fields["_2"].size == (8, 8)


class TwoInOut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(1, 4, 5, padding=2)

    def forward(self, image, depth, scale=None, *, double=False):
        a, b = self.left(image), self.right(depth)
        return {"sum": a + b, "parts": [a, (b, 3)]}


def test_several_inputs_and_outputs():
    sizes = ((3, 9, 9), (1, 9, 9))
    graph = network_graph(TwoInOut(), sizes)
    assert graph.inputs == ("image", "depth")
    assert graph.outputs == ("add", "left", "right")
    assert receptive_fields(TwoInOut(), sizes)["add"].size == (3, 3)
    assert receptive_fields(TwoInOut(), sizes, source="depth")["add"].size == (5, 5)
    assert "right" not in receptive_fields(TwoInOut(), sizes)
    with pytest.raises(SpecError, match="one size for each of image, depth"):
        network_graph(TwoInOut(), (3, 9, 9))
    with pytest.raises(SpecError, match="must be one of image, depth"):
        receptive_fields(TwoInOut(), sizes, source="x")


def test_weights_are_never_read_and_types_are_kept():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, dtype=torch.bfloat16), nn.Linear(6, 2, dtype=torch.bfloat16)
    )
    assert network_graph(module, (3, 8, 8))["_1"].kind == "global"
    with torch.device("meta"):
        hollow = nn.Conv2d(3, 4, 3)
    assert network_graph(hollow, (3, 8, 8))["conv2d"].shape == (1, 4, 6, 6)


def test_plain_data_for_the_browser():
    first, second = network_graph(nn.ConvTranspose1d(2, 2, 3, stride=2), (2, 5)).as_data()
    assert (first["kind"], second["inputs"], second["grid"]) == ("input", [first["name"]], [1, 11])
    width = second["maps"][0][1]
    assert (width["advance"], width["taps"]) == (1, [[-1, 2, 1], [0, 1, 1]])
