"""Networks that read numbers of their own constants, against what poisoned inputs reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import SpecError
from core.receptive_field import receptive_fields
from tests.core.poisoned import check_every_unit

TABLE = torch.linspace(0.1, 1, 9, dtype=torch.float64)


class Settings(nn.Module):
    """A convolution, settings kept in buffers, and what to do with them."""

    def __init__(self, forward: Callable[[Settings, Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.register_buffer("size", torch.tensor(5))
        self.register_buffer("padding", torch.tensor([2, 2]))
        self.register_buffer("channels", torch.tensor([True, False, True]))
        self.what = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.what(self, x)


FOLLOWED: dict[str, Callable[[Settings, Tensor], Tensor]] = {
    "int": lambda s, x: F.avg_pool2d(s.conv(x), int(s.size), 1, int(s.size) // 2),
    "item and tolist": lambda s, x: F.avg_pool2d(x, s.size.item(), 1, s.padding.tolist()),
    "numpy": lambda s, x: F.avg_pool2d(x, int(s.size.numpy()), 1, 2),
    "computed": lambda s, x: F.avg_pool2d(x, int(s.size - 2), 1, int(s.padding.sum()) // 4),
    "decides": lambda s, x: s.conv(s.conv(x)) if s.size > 3 else x,
    "end of a slice": lambda s, x: s.conv(x)[:, :, : s.size],
    "channels by a mask": lambda s, x: s.conv(x)[:, s.channels],
    "columns by a mask": lambda s, x: x[..., torch.arange(9) > 4] + 0,
    "a table outside the module": lambda s, x: s.conv(s.conv(x) * TABLE),
    "rows by a mask of a table": lambda s, x: s.conv(x[:, :, TABLE > 0.5]),
    "a tensor on a named device": lambda s, x: s.conv(x + torch.ones(9, device="cpu")),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_numbers_of_constants_are_known(name: str) -> None:
    check_every_unit(Settings(FOLLOWED[name]), (3, 9, 9))


def test_numbers_of_the_input_are_not() -> None:
    for decides in (
        lambda s, x: s.conv(x) if x.mean() > 0 else x,
        lambda s, x: x[:, :, : int(x.amax())],
        lambda s, x: x[..., x[0, 0, 0] > 0],
    ):
        with pytest.raises(SpecError, match="cannot be traced"):
            receptive_fields(Settings(decides), (3, 9, 9))


def test_a_constant_is_as_it_was() -> None:
    module = Settings(FOLLOWED["int"])
    receptive_fields(module, (3, 9, 9))
    assert int(module.size) == 5
    assert not module.size.is_meta
