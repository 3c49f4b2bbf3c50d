"""The zoo's lines of notation against the modules of the zoo itself."""

from __future__ import annotations

import subprocess
import sys
from math import prod
from typing import Any

import pytest
import torch
from torch import nn

from core.networks import build as network
from core.networks.notation import parse, parse_notation, to_notation
from core.networks.zoo import NAMES, TABLE, build
from core.networks.zoo_lines import INEXPRESSIBLE, NOTATIONS, notation
from core.receptive_field import ReceptiveField, receptive_fields

MODERATE = 26_000_000  # parameters: ResNet-50 still runs with weights here


def written(name: str) -> nn.Module:
    """What the line makes, on the meta device."""
    channels, rows, cols = TABLE[name].input_size
    return network(parse(NOTATIONS[name]), channels, (rows, cols), device="meta")


def steps(module: nn.Module, size: tuple[int, ...]) -> list[tuple[Any, ...]]:
    """What every node computes and sees; an identity, which computes nothing, left out."""
    fields = receptive_fields(module, size).values()
    return [(f.operation, f.output_shape, *numbers(f)) for f in fields if f.operation != "identity"]


def numbers(f: ReceptiveField) -> tuple[Any, ...]:
    return f.size, f.effective_stride, f.effective_padding, f.aligned


def weights(module: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(tensor.shape) for tensor in module.state_dict().values()]


def test_every_architecture_has_a_line_or_a_reason() -> None:
    assert set(NOTATIONS) | set(INEXPRESSIBLE) == set(NAMES)
    assert not set(NOTATIONS) & set(INEXPRESSIBLE)
    assert all(notation(name) == line for name, line in NOTATIONS.items())
    assert all(notation(name) is None for name in (*INEXPRESSIBLE, "nobody"))


@pytest.mark.parametrize("name", NOTATIONS)
def test_a_line_is_short_and_as_it_would_be_written(name: str) -> None:
    line = NOTATIONS[name]
    assert len(line) < 4_000
    assert "\n" not in line
    assert to_notation(parse_notation(line)) == line


@pytest.mark.parametrize("name", NOTATIONS)
def test_a_line_makes_the_network_of_the_zoo(name: str) -> None:
    mine, theirs, size = written(name), build(name, "meta"), TABLE[name].input_size
    assert sum(p.numel() for p in mine.parameters()) == TABLE[name].parameters
    assert weights(mine) == weights(theirs)
    assert steps(mine, size) == steps(theirs, size)


def test_windows_one_pixel_off_would_be_seen() -> None:
    size, right = (3, 64, 64), NOTATIONS["four_strided"]
    other = network(parse(right.replace("p1", "p0")), 3, size[1:], device="meta")
    assert steps(other, size) != steps(build("four_strided", "meta"), size)


def filled(module: nn.Module) -> nn.Module:
    """The module in eval mode with random weights that keep the numbers near one."""
    module = module.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            tensor.zero_()
            continue
        tensor.uniform_(-1, 1, generator=generator)
        if tensor.ndim > 1:
            tensor *= (6 / prod(tensor.shape[1:])) ** 0.5
        elif "var" in name:
            tensor.abs_().add_(1e-3)
    return module


@pytest.mark.parametrize("name", [n for n in NOTATIONS if TABLE[n].parameters < MODERATE])
def test_with_the_same_weights_the_same_numbers_come_out(name: str) -> None:
    """Activations, eps, the order of the branches: what no shape shows."""
    channels, *size = TABLE[name].input_size
    image = torch.rand(1, channels, *(min(side, 64) for side in size)) - 0.5
    theirs = filled(build(name, "meta"))
    mine = written(name)
    values = zip(mine.state_dict(), theirs.state_dict().values(), strict=True)
    mine.load_state_dict(dict(values), assign=True)
    with torch.no_grad():
        expected, found = theirs(image), mine.eval()(image)
    assert expected.isfinite().all()
    assert expected.std() > 0
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_the_lines_load_without_torch() -> None:
    code = "import sys, core.networks.zoo_lines; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
