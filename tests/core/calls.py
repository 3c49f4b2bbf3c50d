"""A module made from a function, for tests that need an odd one."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


class Calls(nn.Module):
    """A module whose forward is the function given, with a few parts to call."""

    def __init__(self, forward: Any, **parts: nn.Module | nn.Parameter | Tensor) -> None:
        super().__init__()
        for name, part in parts.items():
            if isinstance(part, Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)
        self.function = forward

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.function(self, x)
        return out
