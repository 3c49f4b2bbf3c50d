"""Operations that have a rule of their own: every unit against what poisoned inputs reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.receptive_field import receptive_fields
from tests.core.poisoned import check_by_gradient, check_every_unit
from tests.core.random_networks import Call

C = 4
SIZE = (C, 8, 8)


def ones(x: Tensor, *shape: int) -> Tensor:
    return torch.full(shape, 0.1, dtype=x.dtype)


def conv(x: Tensor) -> Tensor:
    return F.conv2d(x, ones(x, C, x.shape[1], 3, 3), padding=1)


def over_channels(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A function of (positions, channels) on an image."""
    return lambda x: (
        function(conv(x).permute(0, 2, 3, 1).reshape(64, C)).view(1, 8, 8, -1).permute(0, 3, 1, 2)
    )


IDX = torch.tensor([3, 0, 1])

EXACT: dict[str, Callable[[Tensor], Tensor]] = {
    "list of channels": lambda x: conv(conv(x)[:, [2, 0]]),
    "tensor of channels": lambda x: conv(x)[:, IDX],
    "list of columns": lambda x: conv(conv(x)[..., [0, 2, 4, 6]]),
    "odd list of columns": lambda x: conv(x)[..., [5, 0, 0, 7, 2]],
    "list of rows": lambda x: conv(x)[:, :, [6, 1]],
    "index_select": lambda x: conv(x).index_select(1, IDX),
    "index_select of columns": lambda x: conv(conv(x).index_select(3, torch.arange(7, -1, -1))),
    "gather over channels": lambda x: conv(x).gather(1, torch.zeros(1, 2, 8, 8).long()),
    "take_along_dim": lambda x: conv(x).take_along_dim(torch.zeros(1, 1, 8, 8).long(), 1),
    "topk over channels": lambda x: conv(x.topk(2, 1)[0]),
    "sort over channels": lambda x: conv(x).sort(1)[0],
    "var_mean": lambda x: conv(x - torch.var_mean(x, 1, keepdim=True)[1]),
    "std_mean": lambda x: torch.std_mean(conv(x), 1, keepdim=True)[0],
    "vector_norm": lambda x: conv(x) / torch.linalg.vector_norm(conv(x), dim=1, keepdim=True),
    "linalg.norm": lambda x: torch.linalg.norm(conv(x), dim=1, keepdim=True),
    "aminmax": lambda x: torch.aminmax(conv(x), dim=1, keepdim=True)[0],
    "quantile": lambda x: conv(x).quantile(0.5, 1, keepdim=True),
    "cosine_similarity": lambda x: F.cosine_similarity(conv(x), x, 1)[:, None],
    "cosine_similarity by name": lambda x: F.cosine_similarity(x, conv(x), dim=1)[:, None],
    "cross": lambda x: torch.linalg.cross(conv(x)[:, :3], x[:, :3], dim=1),
    "as_tensor": lambda x: conv(torch.as_tensor(conv(x))),
    "dropout3d": lambda x: conv(F.dropout3d(x, training=False)),
    "special.expit": lambda x: conv(torch.special.expit(x)),
    "arctan2": lambda x: conv(torch.arctan2(x, x)),
    "polar": lambda x: conv(torch.polar(x, x).angle()),
    "rot90": lambda x: x.rot90(2, (2, 3)),
    "aten relu": lambda x: conv(torch.ops.aten.relu.default(conv(x))),
    "aten convolution": lambda x: torch.ops.aten.convolution(
        x, ones(x, C, C, 3, 3), None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1
    ),
    "torch.convolution, transposed": lambda x: torch.convolution(
        x, ones(x, C, C, 4, 4), None, [2, 2], [1, 1], [1, 1], True, [0, 0], 1
    ),
    "aten mean": lambda x: torch.ops.aten.mean.dim(conv(x), [1], True),
    "aten pad": lambda x: conv(torch.ops.aten.constant_pad_nd.default(x, [1, 0, 2, 1])),
    "tensordot": lambda x: torch.tensordot(conv(x).permute(0, 2, 3, 1), ones(x, C, 3), 1).permute(
        0, 3, 1, 2
    ),
    "tensordot, channels first": lambda x: torch.tensordot(
        ones(x, 3, C), conv(x), [[1], [1]]
    ).transpose(0, 1),
    "addmm": over_channels(lambda y: torch.addmm(y, y, ones(y, C, C))),
    "baddbmm": lambda x: torch.baddbmm(x.flatten(2), ones(x, 1, C, C), conv(x).flatten(2)).view(
        x.shape
    ),
    "bilinear": over_channels(lambda y: F.bilinear(y, y, ones(y, 3, C, C))),
    "broadcast_tensors": lambda x: torch.broadcast_tensors(x[:, :1], conv(x[:, :1]))[1],
    "conv3d over channels": lambda x: F.conv3d(x[:, None], ones(x, 2, 1, 3, 3, 3), padding=1)[:, 0],
    "max_pool3d over channels": lambda x: conv(F.max_pool3d(x, (2, 2, 2))),
    "avg_pool3d": lambda x: F.avg_pool3d(conv(x)[:, None], 3, 1, 1)[:, 0],
}


@pytest.mark.parametrize("name", EXACT)
def test_every_unit_reads_what_its_field_says(name: str):
    check_every_unit(Call(EXACT[name], name), SIZE)


def test_resizing_a_volume_along_height_and_width():
    function = lambda x: F.interpolate(x[:, None], scale_factor=2, mode="trilinear")[:, 0]  # noqa: E731
    check_by_gradient(Call(function, "trilinear"), SIZE)


def test_a_quarter_turn_moves_axes_to_other_dimensions():
    """A unit is named by its place along the image's axes, wherever these lie."""
    turned = list(receptive_fields(Call(lambda x: x.rot90(1, (2, 3)), "turned"), SIZE).values())[-1]
    assert (turned.size, turned.exact) == ((1, 1), True)
    assert turned.interval((2, 7)).clipped == ((2, 2), (0, 0))


class Segmenter(nn.Module):
    """SegNet's way: unpooling with the places that pooling found, and dropout of a volume."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(C, C, 3, padding=1), nn.BatchNorm2d(C))
        self.pool, self.unpool = nn.MaxPool2d(3, 2, return_indices=True), nn.MaxUnpool2d(3, 2)
        self.up = nn.Sequential(nn.Dropout3d(), nn.Conv2d(C, C, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        values, places = self.pool(self.down(x))
        return self.up(self.unpool(values, places))


def test_unpooling_reads_its_windows_and_what_dropout_of_volumes_passes():
    fields = receptive_fields(Segmenter(), (C, 33, 33))
    last = list(fields.values())[-1]
    assert last.exact
    assert (last.grid, max(last.size)) == ((33, 33), 9)


BOUNDS: dict[str, Callable[[Tensor], Tensor]] = {
    "places from the input": lambda x: x.gather(3, (x > 0).long()),
    "index from the input": lambda x: x.index_select(3, (x[0, 0, 0] > 0).long()),
    "hidden scores": lambda x: (
        (x.flatten(2).mT @ x.flatten(2))
        .masked_fill(~torch.ones(64, 64).tril().bool(), -1e9)
        .softmax(-1)
        @ x.flatten(2).mT
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_what_hangs_on_values_is_a_bound(name: str):
    field = list(receptive_fields(Call(BOUNDS[name], name), SIZE).values())[-1]
    assert not field.exact
