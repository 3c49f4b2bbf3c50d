"""Copies of a network with other activations, other pooling, or without skip connections.

Every function returns a deep copy with the mode and the weights of the original, which is not
modified. Only modules can be replaced: an activation or a pooling that ``forward`` calls as a
function (``F.relu(x)``, ``x.tanh()``) is not changed, and a network without such modules is
refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import SpecError
from ..graph.graph import InputSize, network_graph
from ..graph.plain_copy import deep_copy
from ..layer.kernels import box, gaussian
from ..layer.operations import apply_unsupported_padding
from ..layer.window import Pair, Window2d, pair
from ..torch_private import children_by_name
from . import Activation
from .modules import Residual, SqueezeExcite
from .rules import choice
from .torch_forms import FORMS
from .zoo.blocks import SqueezeExcitation
from .zoo.convnext import ConvNeXtBlock
from .zoo.mobile import InvertedResidual
from .zoo.resnet import BasicBlock, Bottleneck

ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {str(form.fixed["name"]): getattr(nn, form.name) for form in FORMS if form.make is Activation}
)
"""The class of each activation of `with_activation`; ``none`` makes the network linear."""

POOLINGS = ("max", "average", "strided", "blur")
"""The kinds of pooling of `with_pooling`."""

Replace = Callable[[str, nn.Module], nn.Module | None]
"""Function from (qualified name, submodule) to its replacement; None leaves the submodule."""


def with_replacements(module: nn.Module, replacement_for: Replace, refusal: str) -> nn.Module:
    """A deep copy in which ``make`` replaces submodules.

    Modules that occur several times stay shared.

    Args:
        module: the network.
        replacement_for: see `Replace`; it may also change the submodule of the copy and return it.
        refusal: rule of the SpecError that is raised when no submodule is replaced.
    """
    copied = deep_copy(module)
    paths = list(copied.named_modules())
    replacements = {
        id(old): new for path, old in paths if (new := replacement_for(path, old)) is not None
    }
    if not replacements:
        raise SpecError("module", refusal, type(module).__name__)
    for old in (part for _, part in paths if replacements.get(id(part), part) is not part):
        replacements[id(old)].train(old.training)
    for _, parent in paths:
        for name, child in children_by_name(parent).items():
            if id(child) in replacements:
                children_by_name(parent)[name] = replacements[id(child)]
    return replacements.get(id(copied), copied)


_ACTIVATION_MODULES = (
    *(nn.Threshold, nn.ReLU, nn.RReLU, nn.Hardtanh, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU),
    *(nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish, nn.Sigmoid, nn.Hardsigmoid, nn.Tanh),
    *(nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink, nn.LogSigmoid),
)
"""The classes of modules that `with_activation` replaces."""


def with_activation(module: nn.Module, name: str) -> nn.Module:
    """A copy with another activation in place of every activation module.

    The sigmoid of a squeeze-and-excitation gate does not count as an activation.

    Args:
        module: any nn.Module.
        name: one of `ACTIVATIONS`.

    Raises:
        SpecError: no such activation, or the network has no activation modules.
    """
    choice("activation", name, ACTIVATIONS)
    gates: set[str] = set()

    def replacement_for(path: str, old: nn.Module) -> nn.Module | None:
        if isinstance(old, SqueezeExcite):
            gates.add(f"{path}.gate.{len(old.gate) - 1}".lstrip("."))
        if isinstance(old, SqueezeExcitation):
            gates.add(f"{path}.gate".lstrip("."))
        is_activation = isinstance(old, _ACTIVATION_MODULES) and path not in gates
        return ACTIVATIONS[name]() if is_activation else None

    return with_replacements(
        module, replacement_for, "must have activation modules; functions cannot be swapped"
    )


class FixedWindow(nn.Module):
    """A depthwise convolution with fixed, separable weights, equal for every channel.

    Args:
        taps: weights along (height, width); a weight of the kernel is the product of two.
        window: kernel size, stride, padding, dilation; ``ceil_mode`` is ignored (see `Overhang`).
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
        x, padding = apply_unsupported_padding(x, self.window.padding, self.padding_mode)
        return F.conv2d(
            x, weight, None, self.window.stride, padding, self.window.dilation, channels
        )


class Overhang(nn.Module):
    """Pads zeros below and right of the image for the last window of ``ceil_mode``."""

    def __init__(self, window: Window2d) -> None:
        super().__init__()
        self.window = window

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2], x.shape[-1]
        down, right = (self._overhang_of(size, axis) for axis in (0, 1))
        return F.pad(x, (0, right, 0, down))

    def _overhang_of(self, size: Pair, axis: int) -> int:
        """Number of zeros that the last window needs after the image along one axis."""
        window, last = self.window, self.window.output_size(size)[axis] - 1
        end = last * window.stride[axis] + window.effective_kernel_size[axis]
        return max(0, end - size[axis] - sum(window.padding[axis]))


Pool = nn.MaxPool2d | nn.AvgPool2d | nn.LPPool2d | FixedWindow
_POOLS = (nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d, FixedWindow)


def with_pooling(
    module: nn.Module, kind: str, input_size: InputSize | None = None, seed: int = 0
) -> nn.Module:
    """A copy with another pooling, of the same window, in place of every 2-D pooling module.

    ``blur`` has binomial weights (1 1, 1 2 1, 1 3 3 1, … along each axis), which for a 2×2
    window is the average. ``strided`` is a convolution without bias that preserves the number of
    channels; its weights are drawn with variance 1/fan-in. Pooling to a fixed output size
    (adaptive, global) is not replaced.

    Args:
        module: any nn.Module.
        kind: one of `POOLINGS`.
        input_size: (C, H, W); required for ``strided``, to infer the numbers of channels.
        seed: seed of the weights of ``strided``.

    Raises:
        SpecError: no such kind; no pooling modules; a pooling that returns its indices; for
            ``strided``, a pooling that is called with different numbers of channels.
    """
    choice("pooling", kind, POOLINGS)
    channels = _input_channel_counts(module, input_size) if kind == "strided" else {}
    generator = torch.Generator().manual_seed(seed)
    template = next((t for t in (*module.parameters(), *module.buffers())), torch.empty(0))

    def replacement_for(path: str, old: nn.Module) -> nn.Module | None:
        if not isinstance(old, _POOLS):
            return None
        if getattr(old, "return_indices", False):
            raise SpecError("pooling", "must not hand on its indices", path or "the module")
        window = _window_of_pool(old)
        if kind == "strided":
            new: nn.Module = _strided_convolution(
                window, channels.get(path, set()), path, generator
            )
        else:
            new = _replacement_pool(kind, window, old)
        return new.to(template.device, template.dtype if template.is_floating_point() else None)

    return with_replacements(
        module, replacement_for, "must have 2-D pooling modules; functions cannot be swapped"
    )


def _window_of_pool(pool: Pool) -> Window2d:
    """The window of a pooling module."""
    if isinstance(pool, FixedWindow):
        return pool.window
    kernel = pair("kernel_size", pool.kernel_size, 1)
    stride = kernel if pool.stride is None else pair("stride", pool.stride, 1)
    padding = pair("padding", getattr(pool, "padding", 0), 0)
    dilation = pair("dilation", getattr(pool, "dilation", 1), 1)
    pads = ((padding[0], padding[0]), (padding[1], padding[1]))
    return Window2d(kernel, stride, pads, dilation, bool(pool.ceil_mode))


def _replacement_pool(kind: str, window: Window2d, old: Pool) -> nn.Module:
    """A max, average or blur pooling over a window; ``old`` is the module it replaces."""
    pads = (window.padding[0][0], window.padding[1][0])
    kernel, stride, ceil = window.kernel_size, window.stride, window.ceil_mode
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, pads, window.dilation, ceil_mode=ceil)
    if kind == "average" and window.dilation == (1, 1):
        counts = getattr(old, "count_include_pad", True)
        return nn.AvgPool2d(kernel, stride, pads, ceil, counts)
    plane = gaussian if kind == "blur" else box
    rows, cols = (tuple(plane(1, size)[0].tolist()) for size in kernel)
    return _with_ceil_mode_padding(window, FixedWindow((rows, cols), window))


def _with_ceil_mode_padding(window: Window2d, layer: nn.Module) -> nn.Module:
    """The layer, preceded by the padding that rounds sizes up if the window has ``ceil_mode``."""
    return nn.Sequential(Overhang(window), layer) if window.ceil_mode else layer


def _input_channel_counts(module: nn.Module, input_size: InputSize | None) -> dict[str, set[int]]:
    """The numbers of input channels of each module, by its qualified name."""
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


def _strided_convolution(
    window: Window2d, channels: set[int], path: str, generator: torch.Generator
) -> nn.Module:
    """A convolution in place of a pooling, with weights of variance 1/fan-in.

    Args:
        window: window of the pooling.
        channels: numbers of channels that it is called with; must be one.
        path: qualified name of the pooling, for the error.
        generator: source of the weights.
    """
    if len(channels) != 1:
        counts = f"{path}: {', '.join(map(str, sorted(channels))) or 'never called'}"
        raise SpecError("pooling", "must be called with one number of channels", counts)
    (count,) = channels
    pads = (window.padding[0][0], window.padding[1][0])
    size, stride, dilation = window.kernel_size, window.stride, window.dilation
    on_meta = nn.Conv2d(count, count, size, stride, pads, dilation, bias=False, device="meta")
    layer = on_meta.to_empty(device="cpu")
    deviation = (count * size[0] * size[1]) ** -0.5
    with torch.no_grad():
        layer.weight.normal_(0, deviation, generator=generator)
    return _with_ceil_mode_padding(window, layer)


class ZeroShortcut(nn.Module):
    """Replaces a shortcut; it returns a scalar 0, so that the sum is the branch alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(())


class _PlainConvNeXt(ConvNeXtBlock):
    """ConvNeXt's block without its shortcut."""

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.project(self.act(self.expand(self.norm(self.depthwise(x)))))
        return self.layer_scale * branch


def without_skips(module: nn.Module) -> nn.Module:
    """A copy whose residual blocks have no shortcuts.

    It handles the Residual module of network specs and the zoo's blocks of ResNet (including
    shortcuts with a convolution), MobileNetV2, EfficientNet and ConvNeXt. ConvNeXt's layer scale
    becomes 1, because 10⁻⁶ without a shortcut would make the output vanish. Skips by
    concatenation (DenseNet, U-Net) are not removed, as the next layer needs their channels.

    Raises:
        SpecError: the network has none of these blocks.
    """

    def replacement_for(path: str, old: nn.Module) -> nn.Module | None:
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

    return with_replacements(
        module, replacement_for, "must have residual blocks that are known here"
    )
