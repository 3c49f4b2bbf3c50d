"""Receptive field against depth: order, sizes, strides, branches and gates."""

from __future__ import annotations

from itertools import accumulate

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.errors import SpecError
from core.networks.zoo import build, entry
from core.receptive_field import receptive_fields
from core.receptive_field.growth import growth_curve


def fields_of(name: str):
    return receptive_fields(build(name, "meta"), entry(name).input_size)


WINDOWS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=6
)


@given(WINDOWS)
def test_a_chain_follows_the_textbook(windows: list[tuple[int, int, int]]):
    net = nn.Sequential()
    for k, s, d in windows:
        net.append(nn.Conv2d(1, 1, k, s, padding=d * (k - 1), dilation=d))
        net.append(nn.ReLU())
    found = growth_curve("net", receptive_fields(net, (1, 40, 50)))
    sizes, strides = [1], [1]
    for k, s, d in windows:
        sizes.append(sizes[-1] + d * (k - 1) * strides[-1])
        strides.append(strides[-1] * s)
    assert found.layers == tuple(str(2 * i) for i in range(len(windows)))
    assert (found.sizes, found.strides) == (tuple(sizes[1:]), tuple(strides[1:]))
    assert found.strided == tuple(s > 1 for _, s, _ in windows)
    assert not any(found.finer + found.whole)
    assert found.image == 50
    assert growth_curve("net", receptive_fields(net, (1, 40, 50)), axis=0).image == 40


def test_known_networks_end_where_they_should():
    assert growth_curve("VGG-16", fields_of("vgg16")).sizes[17] == 212
    resnet = growth_curve("ResNet-50", fields_of("resnet50"))
    assert resnet.sizes[-1] == resnet.widest[-1] == 427
    assert resnet.layers[0] == "conv1"
    assert len(resnet.layers) == 1 + 1 + 16 * 3 + 4  # stem, pool, blocks, shortcuts


def test_branches_that_see_less_do_not_pull_the_line_down():
    found = growth_curve("GoogLeNet", fields_of("googlenet"))
    assert list(found.sizes) != sorted(found.sizes)
    assert found.widest == tuple(accumulate(found.sizes, max))


def test_layers_that_come_closer_are_told_from_those_that_move_apart():
    found = growth_curve("U-Net", fields_of("unet"))
    marks = dict(zip(found.layers, zip(found.strided, found.finer, strict=True), strict=True))
    assert [name for name, (coarse, _) in marks.items() if coarse] == [
        f"pool.{i}" for i in range(4)
    ]
    assert [name for name, (_, fine) in marks.items() if fine] == [
        f"up.{i}.upsample" for i in range(4)
    ]


def test_gates_are_no_layers_and_what_follows_them_sees_the_image():
    found = growth_curve("EfficientNet-B0", fields_of("efficientnet_b0"))
    assert not [name for name in found.layers if ".squeeze." in name]
    first = found.whole.index(True)
    assert not any(found.whole[:first])
    assert all(found.whole[first:])
    assert set(found.sizes[first:]) == {224}


def test_only_what_sees_the_chosen_image_counts():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 5, padding=2)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return self.left(a) + self.right(b)

    sizes = ((1, 9, 9), (1, 9, 9))
    assert growth_curve("a", receptive_fields(Two(), sizes, "a")).layers == ("left",)
    assert growth_curve("b", receptive_fields(Two(), sizes, "b")).layers == ("right",)


def test_what_has_no_curve_is_refused():
    with pytest.raises(SpecError, match="must be those of a network"):
        growth_curve("none", {})
    with pytest.raises(SpecError, match="0 for height or 1 for width"):
        growth_curve("third", receptive_fields(nn.ReLU(), (1, 4, 4)), axis=2)
