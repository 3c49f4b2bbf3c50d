"""What backward keeps: the meta device against real runs, and sums made by hand."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import assume, given
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from core.cost.saved_tensors import (
    KINDS,
    SavedTensor,
    backward_bytes,
    saved_bytes,
    saved_for_backward,
)
from core.errors import SpecError
from core.networks import build
from core.networks.notation import parse_notation
from core.networks.zoo import build as build_zoo
from tests.core.network_strategies import Case, networks
from tests.examples import examples


def saved(line: str, size: tuple[int, int, int]) -> tuple[SavedTensor, ...]:
    return saved_for_backward(build(parse_notation(line), size[0], size[1:]), size)


def really_kept(net: nn.Module, x: Tensor) -> int:
    """Bytes that a real run on the CPU keeps, by the addresses of its memory."""
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    own = {t.untyped_storage().data_ptr() for t in (*net.parameters(), *net.buffers())}
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        out = net(x.requires_grad_())
    found = sum(t.untyped_storage().nbytes() for name, t in kept.items() if name not in own)
    del out
    return found


def layouts(net: nn.Module, x: Tensor) -> list[tuple[int, ...]]:
    """The strides of what each layer gives."""
    strides: list[tuple[int, ...]] = []
    for part in net.modules():
        part.register_forward_hook(lambda module, args, out: strides.append(out.stride()))
    net(x)
    return strides


def laid_out_alike(net: nn.Module, x: Tensor) -> bool:
    """Whether the CPU orders the numbers in memory as the meta device does.

    Of maps with one channel it may put some with the channels last, where the meta device does not;
    a layer that needs rows then keeps a copy of its own.
    """
    on_meta = copy.deepcopy(net).to("meta")
    return layouts(copy.deepcopy(net), x) == layouts(on_meta, x.to("meta"))


@given(networks())
@examples(60, deadline=None)
def test_as_much_as_a_real_run(case: Case) -> None:
    net, size = build(case.spec, case.in_channels, case.size), (case.in_channels, *case.size)
    try:
        assume(laid_out_alike(net, torch.rand(3, *size)))
        expected = really_kept(net, torch.rand(3, *size))
    except (ValueError, RuntimeError):  # torch refuses to train on so few values
        with pytest.raises(SpecError):
            saved_for_backward(net, size, 3)
        return
    assert backward_bytes(saved_for_backward(net, size, 3)) == expected


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "convnext_tiny"])
def test_as_much_as_a_real_run_of_the_zoo(name: str) -> None:
    net, size = build_zoo(name), (3, 32, 32)
    expected = really_kept(net, torch.rand(2, *size))
    assert backward_bytes(saved_for_backward(net, size, 2)) == expected


def test_max_pool_keeps_input_and_indices() -> None:
    kept = saved_bytes(saved("maxpool2", (2, 8, 8)))
    assert kept == {"input": 4 * 2 * 8 * 8, "indices": 8 * 2 * 4 * 4}


def test_pooling_block_by_hand() -> None:
    image, full, half = 4 * 64 * 56 * 56, 4 * 128 * 56 * 56, 4 * 128 * 28 * 28
    strided = saved_bytes(saved("conv3 s2 p1 c128 nobias, bn, relu", (64, 56, 56)))
    pooled = saved_bytes(saved("conv3 p1 c128 nobias, bn, relu, maxpool2", (64, 56, 56)))
    assert (strided["input"], strided["activations"]) == (image, 2 * half)
    assert (pooled["input"], pooled["activations"]) == (image, 2 * full)
    assert pooled["indices"] == 2 * half
    assert "indices" not in strided
    assert strided["inside"] == pooled["inside"] == 4 * 2 * 128, "the batch's mean and deviation"


def test_one_memory_is_counted_once_and_knows_its_readers() -> None:
    rows = saved("conv3, relu, maxpool2", (1, 9, 9))
    shared = [row for row in rows if row.kind == "activations"]
    assert [row.layers for row in shared] == [("relu1", "maxpool2")]
    assert shared[0].bytes == 4 * 7 * 7
    assert shared[0].shape == (1, 1, 7, 7)


def test_weights_are_there_anyhow() -> None:
    rows = saved("conv3 c4 nobias", (2, 5, 5))
    assert saved_bytes(rows) == {"weights": 4 * 4 * 2 * 9, "input": 4 * 2 * 25}
    assert backward_bytes(rows) == 4 * 2 * 25


def test_the_module_stays_as_it_is() -> None:
    net = build(parse_notation("conv3, bn, relu"), 1, (8, 8)).eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    saved_for_backward(net, (1, 8, 8), 2)
    assert not net.training
    assert all(not module._forward_hooks for module in net.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


@pytest.mark.parametrize("line", ["conv3 nobias, relu, conv3", "bn, conv3 s2, maxpool2"])
def test_frozen_weights(line: str) -> None:
    net = build(parse_notation(line), 2, (9, 9))
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    expected = really_kept(net, torch.rand(3, 2, 9, 9))
    assert backward_bytes(saved_for_backward(net, (2, 9, 9), 3)) == expected


def test_a_wrong_input_is_refused() -> None:
    with pytest.raises(SpecError, match="does not fit"):
        saved_for_backward(nn.Conv2d(3, 4, 3), (2, 8, 8))


def test_every_kind_is_explained() -> None:
    assert all(text for text in KINDS.values())
