"""One layer as a frozen, hashable value; its settings have the names of torch's arguments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..errors import SpecError, whole
from .window import Pads, Pair, Window2d, pair


@dataclass(frozen=True)
class LayerSpec:
    """The settings of one layer; ``core.layer.operations`` defines which an operation has.

    ``padding`` is always four-sided; ``core.layer.padding`` converts conventions to it.
    ``core.layer.operations.check`` tests whether the layer fits an input.

    Raises:
        SpecError: a setting out of range, or groups that do not divide the channels.
    """

    operation: str = "convolution"
    kernel_size: Pair = (3, 3)
    stride: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    in_channels: int = 1
    out_channels: int = 1
    groups: int = 1
    padding_mode: str = "zeros"
    ceil_mode: bool = False
    count_include_pad: bool = True
    output_padding: Pair = (0, 0)
    bias: bool = False

    def __post_init__(self) -> None:
        window = self.window  # checks and normalizes the four settings below
        for name in ("kernel_size", "stride", "padding", "dilation"):
            object.__setattr__(self, name, getattr(window, name))
        output_padding = pair("output_padding", self.output_padding, 0)
        object.__setattr__(self, "output_padding", output_padding)
        for name in ("in_channels", "out_channels", "groups"):
            whole(name, getattr(self, name), 1)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise SpecError(
                "groups",
                f"must divide both {self.in_channels} input and {self.out_channels} output "
                "channels",
                self.groups,
            )

    @cached_property
    def window(self) -> Window2d:
        """The sliding window of this layer."""
        return Window2d(self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    @property
    def symmetric(self) -> bool:
        """Whether torch's own ``padding=`` argument can express the padding."""
        return all(before == after for before, after in self.padding)
