"""A network with one thing changed: its activations, its pooling, or its skip connections.

Every function returns a deep copy with the mode and the weights of the original, which is not
modified. Only modules can be replaced: an activation or a pooling that ``forward`` calls as a
function (``F.relu(x)``, ``x.tanh()``) stays as it is, and a network without such modules is
refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import SpecError
from ..graph.graph import InputSize, network_graph
from ..graph.plain_copy import deep_copy
from ..layer.kernels import box, gaussian
from ..layer.operations import native_padding
from ..layer.window import Pair, Window2d, pair
from ..torch_private import children_by_name
from . import Activation
from .modules import Residual, SqueezeExcite
from .torch_forms import FORMS
from .zoo.blocks import SqueezeExcitation
from .zoo.convnext import ConvNeXtBlock
from .zoo.mobile import InvertedResidual
from .zoo.resnet import BasicBlock, Bottleneck

ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {str(form.fixed["name"]): getattr(nn, form.name) for form in FORMS if form.make is Activation}
)
"""What `with_activation` puts in, by name; ``none`` makes the network linear."""

POOLINGS = ("max", "average", "strided", "blur")
"""What `with_pooling` puts in."""

Make = Callable[[str, nn.Module], nn.Module | None]


def changed(module: nn.Module, make: Make, nothing: str) -> nn.Module:
    """A deep copy in which each submodule is replaced by what ``make`` returns for it, unless None.

    Modules that are used in several places stay shared. ``nothing`` is the rule of the SpecError
    when no submodule is replaced.
    """
    copied = deep_copy(module)
    paths = list(copied.named_modules())
    replacements = {id(old): new for path, old in paths if (new := make(path, old)) is not None}
    if not replacements:
        raise SpecError("module", nothing, type(module).__name__)
    for old in (part for _, part in paths if replacements.get(id(part), part) is not part):
        replacements[id(old)].train(old.training)
    for _, parent in paths:
        for name, child in children_by_name(parent).items():
            if id(child) in replacements:
                children_by_name(parent)[name] = replacements[id(child)]
    return replacements.get(id(copied), copied)


def _check_choice(parameter: str, name: str, names: Mapping[str, Any] | tuple[str, ...]) -> None:
    if name not in names:
        raise SpecError(parameter, f"must be one of {', '.join(names)}", name)


_ACTIVATION_MODULES = (
    *(nn.Threshold, nn.ReLU, nn.RReLU, nn.Hardtanh, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU),
    *(nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Sigmoid, nn.Hardsigmoid, nn.Tanh),
    *(nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink, nn.LogSigmoid),
)


def with_activation(module: nn.Module, name: str) -> nn.Module:
    """A copy with every activation module replaced.

    The sigmoid of a squeeze-and-excitation gate is no activation and stays. Those called as
    functions stay too: see the module's text.

    Args:
        module: any nn.Module.
        name: one of `ACTIVATIONS`.

    Raises:
        SpecError: no such activation, or the network has no activation modules.
    """
    _check_choice("activation", name, ACTIVATIONS)
    gates: set[str] = set()

    def make(path: str, old: nn.Module) -> nn.Module | None:
        if isinstance(old, SqueezeExcite):
            gates.add(f"{path}.gate.{len(old.gate) - 1}".lstrip("."))
        if isinstance(old, SqueezeExcitation):
            gates.add(f"{path}.gate".lstrip("."))
        is_activation = isinstance(old, _ACTIVATION_MODULES) and path not in gates
        return ACTIVATIONS[name]() if is_activation else None

    return changed(module, make, "must have activation modules; functions cannot be swapped")


class FixedWindow(nn.Module):
    """The same separable weights for every channel: an average or a blur, without learning.

    Args:
        taps: weights along (height, width).
        window: kernel size, stride, padding, dilation; ``ceil_mode`` is not looked at (see
            `Overhang`).
        padding_mode: a key of `core.layer.padding.FILLS`.
    """

    def __init__(
        self,
        taps: tuple[tuple[float, ...], tuple[float, ...]],
        window: Window2d,
        padding_mode: str = "zeros",
    ) -> None:
        super().__init__()
        self.taps, self.window, self.padding_mode = taps, window, padding_mode
        rows, cols = (torch.tensor(axis) for axis in taps)
        self.register_buffer("weight", torch.outer(rows, cols)[None, None])

    def forward(self, x: Tensor) -> Tensor:
        channels, (height, width) = x.shape[-3], self.window.kernel_size
        weight = self.get_buffer("weight").to(x.dtype).expand(channels, 1, height, width)
        x, padding = native_padding(x, self.window.padding, self.padding_mode)
        return F.conv2d(
            x, weight, None, self.window.stride, padding, self.window.dilation, channels
        )


class Overhang(nn.Module):
    """Pads zeros after the image, as many as the last window of ``ceil_mode`` needs."""

    def __init__(self, window: Window2d) -> None:
        super().__init__()
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2], x.shape[-1]
        down, right = (self._missing(size, axis) for axis in (0, 1))
        return F.pad(x, (0, right, 0, down))

    def _missing(self, size: Pair, axis: int) -> int:
        window, last = self.window, self.window.output_size(size)[axis] - 1
        end = last * window.stride[axis] + window.effective_kernel_size[axis]
        return max(0, end - size[axis] - sum(window.padding[axis]))


Pool = nn.MaxPool2d | nn.AvgPool2d | nn.LPPool2d | FixedWindow
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d, FixedWindow)


def with_pooling(
    module: nn.Module, kind: str, input_size: InputSize | None = None, seed: int = 0
) -> nn.Module:
    """A copy with every 2-D pooling module replaced, sizes and windows kept.

    ``blur`` has binomial weights (1 1, 1 2 1, 1 3 3 1, … along each axis): of a 2×2 window
    that is the average. ``strided`` is a convolution without bias from all channels to as
    many, its weights drawn with variance 1/fan-in. Pooling to a fixed size (adaptive,
    global) stays.

    Args:
        module: any nn.Module.
        kind: one of `POOLINGS`.
        input_size: needed for ``strided``, which has to know the channels.
        seed: of the weights of ``strided``.

    Raises:
        SpecError: no such kind; no pooling modules; one that returns its indices; for
            ``strided``, one that is called with different numbers of channels.
    """
    _check_choice("pooling", kind, POOLINGS)
    channels = _channels(module, input_size) if kind == "strided" else {}
    generator = torch.Generator().manual_seed(seed)
    like = next((t for t in (*module.parameters(), *module.buffers())), torch.empty(0))

    def make(path: str, old: nn.Module) -> nn.Module | None:
        if not isinstance(old, _POOLS):
            return None
        if getattr(old, "return_indices", False):
            raise SpecError("pooling", "must not hand on its indices", path or "the module")
        window = _window(old)
        if kind == "strided":
            new: nn.Module = _strided(window, channels.get(path, set()), path, generator)
        else:
            new = _pool(kind, window, old)
        return new.to(like.device, like.dtype if like.is_floating_point() else None)

    return changed(module, make, "must have 2-D pooling modules; functions cannot be swapped")


def _window(pool: Pool) -> Window2d:
    if isinstance(pool, FixedWindow):
        return pool.window
    kernel = pair("kernel_size", pool.kernel_size, 1)
    stride = kernel if pool.stride is None else pair("stride", pool.stride, 1)
    padding = pair("padding", getattr(pool, "padding", 0), 0)
    dilation = pair("dilation", getattr(pool, "dilation", 1), 1)
    pads = ((padding[0], padding[0]), (padding[1], padding[1]))
    return Window2d(kernel, stride, pads, dilation, bool(pool.ceil_mode))


def _pool(kind: str, window: Window2d, old: Pool) -> nn.Module:
    """Maximum, average or blur over a window."""
    pads = (window.padding[0][0], window.padding[1][0])
    kernel, stride, ceil = window.kernel_size, window.stride, window.ceil_mode
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, pads, window.dilation, ceil_mode=ceil)
    if kind == "average" and window.dilation == (1, 1):
        counts = getattr(old, "count_include_pad", True)
        return nn.AvgPool2d(kernel, stride, pads, ceil, counts)
    plane = gaussian if kind == "blur" else box
    rows, cols = (tuple(plane(1, size)[0].tolist()) for size in kernel)
    return _whole(window, FixedWindow((rows, cols), window))


def _whole(window: Window2d, layer: nn.Module) -> nn.Module:
    """A layer that rounds sizes down, made to round up if the window does."""
    return nn.Sequential(Overhang(window), layer) if window.ceil_mode else layer


def _channels(module: nn.Module, input_size: InputSize | None) -> dict[str, set[int]]:
    """The channels that every module is called with, by its path."""
    if input_size is None:
        raise SpecError("input_size", "must be given for strided, as (C, H, W)", None)
    graph = network_graph(module, input_size)
    channels: dict[str, set[int]] = {}
    for node in graph.values():
        for parent in node.inputs:
            shape = graph[parent].shape
            if len(shape) == 4:
                channels.setdefault(node.module, set()).add(shape[1])
    return channels


def _strided(
    window: Window2d, channels: set[int], path: str, generator: torch.Generator
) -> nn.Module:
    """A convolution in place of a pool, in variance 1/fan-in."""
    if len(channels) != 1:
        counts = f"{path}: {', '.join(map(str, sorted(channels))) or 'never called'}"
        raise SpecError("pooling", "must be called with one number of channels", counts)
    (count,) = channels
    pads = (window.padding[0][0], window.padding[1][0])
    size, step, apart = window.kernel_size, window.stride, window.dilation
    bare = nn.Conv2d(count, count, size, step, pads, apart, bias=False, device="meta")
    layer = bare.to_empty(device="cpu")
    deviation = (count * size[0] * size[1]) ** -0.5
    with torch.no_grad():
        layer.weight.normal_(0, deviation, generator=generator)
    return _whole(window, layer)


class ZeroShortcut(nn.Module):
    """A replacement for a shortcut that returns a scalar 0."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(())


class _PlainConvNeXt(ConvNeXtBlock):
    """The block without its shortcut."""

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.project(self.act(self.expand(self.norm(self.depthwise(x)))))
        return self.layer_scale * branch


def without_skips(module: nn.Module) -> nn.Module:
    """A copy whose residual blocks consist of their branches alone.

    It handles the blocks of core: Residual of a network spec; of the zoo those of ResNet
    (projections go too), MobileNetV2, EfficientNet and ConvNeXt, whose layer scale becomes
    1, as 10⁻⁶ would leave nothing of the branch. Skips by concatenation (DenseNet, U-Net)
    are part of what the next layer is made for, and stay.

    Raises:
        SpecError: there is no such block.
    """

    def make(path: str, old: nn.Module) -> nn.Module | None:
        if isinstance(old, Residual):
            old.shortcut = ZeroShortcut().train(old.training)
        elif isinstance(old, BasicBlock | Bottleneck):
            old.downsample = ZeroShortcut().train(old.training)
        elif isinstance(old, InvertedResidual) and old.residual:
            old.residual = False
        elif isinstance(old, ConvNeXtBlock):
            old.__class__ = _PlainConvNeXt
            nn.init.ones_(old.layer_scale)
        else:
            return None
        return old  # modified in place, in the copy

    return changed(module, make, "must have residual blocks that are known here")
