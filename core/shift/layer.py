"""Downsampling layers, each with and without a blur before the stride.

Without a blur the operation has the stride s and computes every s-th output only. With a blur it
computes all outputs, a fixed binomial filter smooths them, and every s-th value is taken.
Both equal ``dense(x)[..., ::s, ::s]`` and differ in how smooth the dense map is. Source: Zhang,
"Making Convolutional Networks Shift-Invariant Again" (2019); its BlurPool, max-blur-pool and
blurred strided convolution are `DownsamplingLayer` with ``taps`` > 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError, whole
from ..layer.kernels import PRESETS, kernel
from ..layer.operations import blur_weight, operation_of
from ..layer.padding import FILLS, padding_limit
from ..layer.spec import LayerSpec
from ..layer.window import Pair

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ("convolution", "max_pooling", "average_pooling")
"""Operations of a `DownsamplingLayer`, as keys of `core.layer.operations.OPERATIONS`."""
TAPS = (1, 2, 3, 4, 5, 6, 7)
"""Possible sides of the blur kernel in pixels; 1 means no blur."""
MAX_KERNEL, MAX_STRIDE = 7, 4
"""Largest kernel size and stride of a `DownsamplingLayer`, in pixels."""


def same_padding(window: int) -> Pair:
    """Padding (before, after) with which a window of this size gives one output per pixel.

    At stride 1 an odd window is centered on its pixel, an even one half a pixel after it. With
    an even stride that is the center of the pixels that one output replaces.
    """
    return (window - 1) // 2, window // 2


def blur_weights(taps: int) -> NDArray[np.float32]:
    """(1, 1, taps, taps) binomial weights with sum 1, those of the operation ``blur_pooling``."""
    return blur_weight(LayerSpec("blur_pooling", (taps, taps)))


def padded(x: Tensor, window: int, padding_mode: str, fill: float = 0.0) -> Tensor:
    """Pad (N, C, H, W) as `same_padding` says for a window of this size.

    ``padding_mode`` is torch's; ``fill`` is the padding value in mode ``"zeros"``.
    """
    import torch.nn.functional as F

    before, after = same_padding(window)
    pads = [before, after, before, after]
    if padding_mode == "zeros":
        return F.pad(x, pads, value=fill)
    return F.pad(x, pads, mode=padding_mode)


def blur(x: Tensor, weight: Tensor, stride: int, padding_mode: str) -> Tensor:
    """Blur every channel and downsample it by ``stride``.

    Args:
        x: (N, C, H, W); the output has ceil(H / stride)×ceil(W / stride) pixels.
        weight: (1, 1, taps, taps) weights of the blur, from `blur_weights`.
        stride, padding_mode: as in a convolution.
    """
    import torch.nn.functional as F

    channels, taps = x.shape[1], weight.shape[-1]
    x = padded(x, taps, padding_mode)
    return F.conv2d(x, weight.expand(channels, 1, taps, taps), None, stride, groups=channels)


@dataclass(frozen=True)
class DownsamplingLayer:
    """A layer that downsamples n pixels a side to ceil(n / stride).

    Attributes:
        kind: one of `KINDS`.
        kernel_size, stride: side of the window and its step, in pixels.
        taps: side of the binomial blur before the stride; 1 for no blur.
        padding_mode: a key of `core.layer.padding.FILLS`. In max pooling ``"zeros"`` pads with
            −∞, as in torch.
        weights: a key of `core.layer.kernels.PRESETS`, the weights of the one filter of a
            convolution.
        seed: seed of random weights.
        relu: whether a ReLU follows a convolution, before the blur.

    Raises:
        SpecError: a setting out of range.
    """

    kind: str = "convolution"
    kernel_size: int = 3
    stride: int = 2
    taps: int = 1
    padding_mode: str = "circular"
    weights: str = "random"
    seed: int = 0
    relu: bool = False

    def __post_init__(self) -> None:
        limits = (("kernel_size", MAX_KERNEL), ("stride", MAX_STRIDE), ("taps", TAPS[-1]))
        for name, most in limits:
            if whole(name, getattr(self, name), 1) > most:
                raise SpecError(name, f"must be at most {most}", getattr(self, name))
        choices = {"kind": KINDS, "padding_mode": FILLS, "weights": PRESETS}
        for name, options in choices.items():
            if getattr(self, name) not in options:
                rule = f"must be one of {', '.join(options)}"
                raise SpecError(name, rule, getattr(self, name))

    def with_blur(self, taps: int) -> DownsamplingLayer:
        """The same layer with a blur of ``taps``; 1 for no blur."""
        return replace(self, taps=taps)

    def check(self, size: Pair) -> None:
        """Check that a picture of (height, width) is large enough for the layer's padding.

        Raises:
            SpecError: the picture is too small for this ``padding_mode``.
        """
        needed = max(same_padding(self.kernel_size)[1], same_padding(self.taps)[1])
        limit = padding_limit(min(size), self.padding_mode)
        if limit is not None and needed > limit:
            least = needed + min(size) - limit
            rule = f"must be at least {least} pixels a side for padding_mode '{self.padding_mode}'"
            raise SpecError("input", rule, "×".join(map(str, size)))

    def run(self, x: Tensor) -> Tensor:
        """Run the layer: (N, C, H, W) to (N, C or 1, ceil(H / stride), ceil(W / stride)).

        A convolution has one output channel, pooling has C.
        """
        if self.taps == 1:
            return self._run_operation(x, self.stride)
        return self._blur(self.before_blur(x), self.stride)

    def run_at_stride_1(self, x: Tensor) -> Tensor:
        """(N, C or 1, H, W) the map at stride 1, of which `run` has every ``stride``-th value."""
        return self.before_blur(x) if self.taps == 1 else self._blur(self.before_blur(x), 1)

    def before_blur(self, x: Tensor) -> Tensor:
        """(N, C or 1, H, W) the output of the operation at stride 1, before any blur."""
        return self._run_operation(x, 1)

    def macs(self, channels: int, size: Pair) -> int:
        """Multiply–accumulates of the layer on one picture; max and average pooling have none."""
        step = self.stride if self.taps == 1 else 1
        spec = self._layer_spec(channels, step)
        first = operation_of(spec).macs(spec, _padded_size(size, self.kernel_size))
        if self.taps == 1:
            return first
        maps = operation_of(spec).out_channels(spec)
        spec = LayerSpec("blur_pooling", (self.taps,) * 2, (self.stride,) * 2, in_channels=maps)
        return first + operation_of(spec).macs(spec, _padded_size(size, self.taps))

    def _layer_spec(self, channels: int, step: int) -> LayerSpec:
        """The operation as a layer with the stride ``step``, without padding."""
        kernel_size, stride = (self.kernel_size,) * 2, (step,) * 2
        return LayerSpec(self.kind, kernel_size, stride, in_channels=channels)

    def _run_operation(self, x: Tensor, step: int) -> Tensor:
        """Pad the input and run the operation with the stride ``step``."""
        import torch

        spec, operation = (
            self._layer_spec(x.shape[1], step),
            operation_of(self._layer_spec(1, step)),
        )
        weight = None
        if operation.learned:
            shape = (1, x.shape[1], self.kernel_size, self.kernel_size)
            weight = torch.from_numpy(kernel(self.weights, shape, self.seed)).to(x)
        fill = float("-inf") if operation.reduce == "max" else 0.0
        y = operation.run(spec, padded(x, self.kernel_size, self.padding_mode, fill), weight, None)
        return y.relu() if self.relu and operation.learned else y

    def _blur(self, y: Tensor, step: int) -> Tensor:
        """Blur a map and downsample it by ``step``."""
        import torch

        weight = torch.from_numpy(blur_weights(self.taps)).to(y)
        return blur(y, weight, step, self.padding_mode)


def _padded_size(size: Pair, window: int) -> Pair:
    """Size of a picture with `same_padding` for a window of this side."""
    return size[0] + window - 1, size[1] + window - 1
