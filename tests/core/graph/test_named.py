"""What a network runs, looked up by the name of a node or of a module."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from core.errors import SpecError
from core.graph import input_sizes, network_graph
from core.receptive_field import receptive_fields
from core.receptive_field.measured import LayerProbe, measure_receptive_field
from tests.core.random_networks import Call


def blocks() -> nn.Sequential:
    def pair() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())

    return nn.Sequential(pair(), nn.Sequential(pair(), nn.Conv2d(3, 3, 5)))


def test_a_field_is_known_by_its_modules_name_and_by_its_nodes():
    fields = receptive_fields(blocks(), (3, 12, 12))
    assert fields["1.0.0"] is fields["_1_0_0"]
    assert fields["1"] is fields["_1_1"]
    assert fields["0"] is fields["_0_1"]
    assert list(fields) == [field.name for field in fields.values()]
    assert list(pickle.loads(pickle.dumps(fields)))[1:] == list(fields)[1:]


@pytest.mark.parametrize("name, near", [("1.0.O", "1.0.0"), ("_1_0_7", "_1_0_1"), ("", "")])
def test_a_miss_says_what_is_near(name: str, near: str):
    fields = receptive_fields(blocks(), (3, 12, 12))
    graph = network_graph(blocks(), (3, 12, 12))
    for look in (lambda: fields[name], lambda: graph.find(name)):
        with pytest.raises(KeyError, match="must be the name of a node or a module") as caught:
            look()
        assert isinstance(caught.value, SpecError)
        assert near in str(caught.value)
    with pytest.raises(KeyError):
        fields[7]  # type: ignore[index]
    assert fields.get("nobody") is None


class Permute(nn.Module):
    """As in torchvision: a module of the name of the function that it calls."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.permute(x, (0, 2, 3, 1))


class Swapped(nn.Module):
    """The function runs before the module that has its name; so does ``relu``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.permute, self.relu = nn.Conv2d(3, 3, 3), Permute(), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(torch.permute(x, (0, 1, 3, 2)))
        return self.relu(self.permute(self.conv(x)))


def test_a_modules_name_means_the_module_whatever_functions_are_called():
    fields = receptive_fields(Swapped(), (3, 9, 9))
    assert (fields["permute"].module, fields["permute"].size) == ("permute", (3, 3))
    assert (fields["relu"].module, fields["relu"].size) == ("relu", (3, 3))
    assert network_graph(Swapped(), (3, 9, 9)).find("permute").module == "permute"
    assert LayerProbe(Swapped(), (3, 9, 9), "permute").grid == (7, 7)
    assert LayerProbe(Swapped(), (3, 9, 9), "relu").grid == (7, 7)


@pytest.mark.parametrize("unit", [(3.0, 3), "33", None, (1, 2, 3), (-1, 0), ([1], 2)])
def test_a_unit_that_is_no_pair_of_whole_numbers_is_refused(unit: object):
    field = receptive_fields(blocks(), (3, 12, 12))["0"]
    with pytest.raises(SpecError, match="unit must"):
        field.interval(unit)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="unit must"):
        measure_receptive_field(blocks(), (3, 12, 12), "0", unit or (1.5, 2))  # type: ignore[arg-type]


def test_whole_numbers_of_numpy_and_torch_are_units():
    field = receptive_fields(Call(torch.relu, "relu"), (3, 5))["relu"]
    assert field.interval(torch.tensor(3)) == field.interval(3)  # type: ignore[arg-type]


def test_a_tensor_given_as_a_size_is_not_printed():
    with pytest.raises(SpecError, match=r"got a tensor of shape \(1, 3, 64, 64\)"):
        input_sizes(torch.zeros(1, 3, 64, 64))
    with pytest.raises(SpecError) as caught:
        input_sizes([[0] * 1000])
    assert len(str(caught.value)) < 400
