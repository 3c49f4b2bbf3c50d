"""Networks with circular padding or a blur before every stride, and their shift consistency.

`with_circular_padding` and `anti_aliased` return a changed copy with the mode and weights of the original,
which is not modified.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ..erf.copies import private_copy
from ..errors import SpecError
from ..graph.graph import Graph, Node, network_graph
from ..graph.run_to import output_location, output_of
from ..graph.tracing.meta_copy import meta_copy
from ..layer.kernels import gaussian
from ..layer.window import Pair, Window2d, pair
from ..networks.swaps import FixedWindow, with_replacements
from .consistency import Consistency, Progress, Shift, Stride, shift_consistency, stride_of
from .layer import TAPS, same_padding


class BlurPool(FixedWindow):
    """Blurs every channel with binomial weights and downsamples it by ``stride``.

    It turns (N, C, H, W) into (N, C, ceil(H / stride), ceil(W / stride)). With an even number of
    taps a window is centered half a pixel after its pixel, which at stride 2 is the middle of the
    two pixels that it replaces. Source: Zhang, "Making Convolutional Networks Shift-Invariant
    Again" (2019).

    Args:
        taps: side of the blur kernel, 2 to 7; the weights are 1 1, 1 2 1, 1 3 3 1, … along each
            axis, divided by their sum.
        stride: stride along both axes.
        padding_mode: as in a convolution.

    Raises:
        SpecError: taps or stride out of range.
    """

    def __init__(self, taps: int = 4, stride: int = 2, padding_mode: str = "reflect") -> None:
        if taps not in TAPS[1:]:
            raise SpecError("taps", f"must be from {TAPS[1]} to {TAPS[-1]}", taps)
        row = tuple(gaussian(1, taps)[0].tolist())
        window = Window2d(
            (taps, taps), pair("stride", stride, 1), (same_padding(taps), same_padding(taps))
        )
        super().__init__((row, row), window, padding_mode)

    def extra_repr(self) -> str:
        size, stride = self.window.kernel_size[0], self.window.stride[0]
        return f"{size}, stride={stride}, padding_mode={self.padding_mode!r}"


class BlurredDownsampling(nn.Module):
    """An anti-aliased strided layer: the layer at stride 1, then a blur with the stride.

    Args:
        layer: a convolution or pooling layer whose stride is set to 1.
        pool: the blur, with the layer's original stride.
    """

    def __init__(self, layer: nn.Module, pool: BlurPool) -> None:
        super().__init__()
        self.layer, self.pool = layer, pool
        self.circular_padding: Pair | None = None

    def make_circular(self) -> None:
        """Make the padding of the layer and of the blur circular."""
        layer: Any = self.layer
        self.circular_padding, layer.padding = pair("padding", layer.padding, 0), (0, 0)
        self.pool.padding_mode = "circular"

    def forward(self, x: Tensor) -> Tensor:
        if self.circular_padding is not None:
            x = F.pad(x, self._circular_pads(x), mode="circular")
        y: Tensor = self.pool(self.layer(x))
        return y

    def _circular_pads(self, x: Tensor) -> list[int]:
        """Circular padding for the layer, as `torch.nn.functional.pad` takes it.

        It makes the number of the layer's outputs a multiple of the blur's stride, so that the
        circular map spans a whole number of strides.
        """
        layer: Any = self.layer
        pads = []
        for axis in (1, 0):
            span = pair("kernel_size", layer.kernel_size, 1)[axis] - 1
            span *= pair("dilation", getattr(layer, "dilation", 1), 1)[axis]
            assert self.circular_padding is not None
            before = self.circular_padding[axis]
            dense = x.shape[2 + axis] + 2 * before - span
            pads += [before, before + -dense % self.pool.window.stride[axis]]
        return pads


Pool = nn.MaxPool2d | nn.AvgPool2d


def with_circular_padding(module: nn.Module) -> nn.Module:
    """A copy with circular padding, in which only strides break shift equivariance.

    It changes convolutions (except transposed ones), max and average pooling, and the modules of
    `anti_aliased`. Pooling with ``ceil_mode`` still reads past the edge.

    Raises:
        SpecError: the module cannot be copied, or contains none of these layers.
    """
    inside_blurred: set[int] = set()

    def replacement_for(path: str, old: nn.Module) -> nn.Module | None:
        if isinstance(old, BlurredDownsampling):
            old.make_circular()  # in the copy
            inside_blurred.add(id(old.layer))
        elif id(old) not in inside_blurred and isinstance(old, nn.Conv2d | BlurPool):
            old.padding_mode = "circular"
        elif id(old) not in inside_blurred and isinstance(old, Pool):
            rows, cols = pair("padding", old.padding, 0)
            old.padding = 0
            if rows or cols:
                return nn.Sequential(nn.CircularPad2d((cols, cols, rows, rows)), old)
        else:
            return None
        return old

    return with_replacements(module, replacement_for, "must have convolutions or pooling modules")


def anti_aliased(module: nn.Module, taps: int = 4, padding_mode: str = "reflect") -> nn.Module:
    """A copy in which every strided layer runs at stride 1, followed by a blur with the stride.

    Strided convolutions and max and average pooling become `BlurredDownsampling`; output sizes
    and weights do not change. Layers with two different strides and pooling with ``ceil_mode``
    stay as they are. Zhang blurs after the activation that follows a convolution; here the blur
    directly follows the convolution, because any module can be replaced like this.

    Args:
        module: any module.
        taps, padding_mode: arguments of `BlurPool`.

    Raises:
        SpecError: as `BlurPool`; the module cannot be copied, or has no strided layers.
    """
    BlurPool(taps, padding_mode=padding_mode)

    def replacement_for(path: str, old: nn.Module) -> nn.Module | None:
        stride = _downsampling_stride(old)
        if stride is None:
            return None
        assert isinstance(old, nn.Conv2d | Pool)
        old.stride = (1, 1)
        pool = BlurPool(taps, stride, padding_mode)
        template = next(old.parameters(), torch.empty(0))
        return BlurredDownsampling(old, pool.to(template.device, template.dtype))

    return with_replacements(module, replacement_for, "must have strided layers, as modules")


def _downsampling_stride(layer: nn.Module) -> int | None:
    """The stride of a layer that `anti_aliased` can change; None for any other layer."""
    if not isinstance(layer, nn.Conv2d | Pool) or getattr(layer, "ceil_mode", False):
        return None
    if getattr(layer, "return_indices", False) or isinstance(layer.padding, str):
        return None
    kernel = layer.kernel_size if layer.stride is None else layer.stride
    rows, cols = pair("stride", kernel, 1)
    return rows if rows == cols > 1 else None


def compared_node(graph: Graph, size: Pair, layer: str | None = None) -> Node:
    """The node whose output is compared under shifts.

    Args:
        graph: the network.
        size: (height, width) of the image.
        layer: name of a node or of a module; None for the last node whose output is a map of
            more than one unit with a common stride (`stride_of`).

    Raises:
        SpecError: there is no such node, or its output is no map.
    """
    maps = [
        node
        for node in graph.values()
        if _is_map(node)
        and max(node.grid) > 1
        and node.kind not in ("input", "pad")
        and stride_of(size, node.grid)
    ]
    node = graph.find(layer) if layer else (maps or list(graph.values()))[-1]
    if not _is_map(node):
        raise SpecError("layer", "must have units side by side, as (C, H, W) or (C, L)", node.name)
    return node


def _is_map(node: Node) -> bool:
    """Whether the output of a node is (1, C, H, W), or (1, C, L) of a sequence."""
    return (node.dims, len(node.shape)) in (((2, 3), 4), ((None, 2), 3))


def total_stride(graph: Graph, node: Node, size: Pair) -> Stride:
    """Image pixels per unit of a node, down and right; a fraction where the network enlarges.

    Raises:
        SpecError: along some axis neither the image's nor the map's side is a multiple of the
            other; the message says what would work.
    """
    stride = stride_of(size, node.grid)
    if stride is None:
        rule = (
            f"must be a multiple of the layer's stride, or the layer enlarge it by a whole number: "
            f"{node.name} makes {node.grid[0]}×{node.grid[1]} units of it; choose a power of two, "
            "or another layer"
        )
        raise SpecError("input_size", rule, "×".join(map(str, size)))
    return stride


def coarsest_stride(graph: Graph, node: Node, size: Pair) -> Fraction:
    """The largest stride, in pixels, of all maps that a node depends on.

    Where a network upsamples a coarse map, its output can follow only shifts by multiples of this
    stride exactly.
    """
    strides, stack, visited = [Fraction(1)], [node], {node.name}
    while stack:
        ancestor = stack.pop()
        strides += stride_of(size, ancestor.grid) or () if _is_map(ancestor) else ()
        new = [name for name in ancestor.inputs if name not in visited]
        visited.update(new)
        stack += [graph[name] for name in new]
    return max(strides)


def network_consistency(
    module: nn.Module,
    picture: ArrayLike,
    shifts: Sequence[Shift],
    layer: str | None = None,
    progress: Progress | None = None,
    graph: Graph | None = None,
) -> Consistency:
    """Measure how well the output of one layer, over all channels, follows a shifted picture.

    Args:
        module: a module whose control flow does not depend on values. A copy of it runs in eval
            mode, up to the layer.
        picture: (C, H, W), or (C, L) of a sequence.
        shifts: (down, right) in pixels; (0, later) for a sequence.
        layer: name of a node or a module; see `compared_node` for the default.
        progress: see `core.shift.consistency.Progress`.
        graph: result of `core.graph.network_graph` for this module and picture, if it exists.

    Returns:
        The consistency, with the maps of the channel of largest mean square.

    Raises:
        SpecError: the module cannot be traced; no such layer, or its output is no map; the
            picture has a wrong shape; picture and layer have no common stride (`total_stride`).
        ShiftStopped: the progress callback returned False.
    """
    x = np.asarray(picture, dtype=np.float32)
    if x.ndim not in (2, 3):
        raise SpecError("picture", "must be (C, H, W), or (C, L) of a sequence", x.shape)
    sides = (1, x.shape[1]) if x.ndim == 2 else (x.shape[1], x.shape[2])
    graph = graph or network_graph(module, x.shape)
    node = compared_node(graph, sides, layer)
    total_stride(graph, node, sides)
    copied = private_copy(module, own_weights=True)
    location = output_location(meta_copy(copied), x.shape, node.name)

    def run(image: Tensor) -> Tensor:
        output = output_of(
            copied, image if x.ndim == 3 else image[:, :, 0], location, torch.no_grad()
        )
        return output[0] if x.ndim == 3 else output[0].unsqueeze(2)

    image = x if x.ndim == 3 else x[:, None]
    return shift_consistency(run, image, shifts, keep_maps=True, progress=progress)
