"""Whole networks with circular padding or a blur before every stride, and their consistency.

The functions that change a network return a copy with the mode and weights of the original, which
is not modified.
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
from ..graph.run_to import output_of, spot_of
from ..graph.tracing.meta_copy import meta_copy
from ..layer.kernels import gaussian
from ..layer.window import Pair, Window2d, pair
from ..networks.swaps import FixedWindow, changed
from .consistency import Consistency, Progress, Shift, Stride, shift_consistency, stride_of
from .layer import TAPS, sides


class BlurPool(FixedWindow):
    """Every channel blurred with binomial weights, every ``stride``-th pixel kept.

    Source: Zhang, "Making Convolutional Networks Shift-Invariant Again" (2019). (N, C, H, W)
    to (N, C, ceil(H / stride), ceil(W / stride)); an even number of taps stands half a pixel
    after its pixel, the middle of the two for which it answers at stride 2.

    Args:
        taps: 2 to 7: 1 1, 1 2 1, 1 3 3 1, 1 4 6 4 1, … along each axis.
        stride: of both axes.
        padding_mode: as of a convolution.

    Raises:
        SpecError: taps or stride out of range.
    """

    def __init__(self, taps: int = 4, stride: int = 2, padding_mode: str = "reflect") -> None:
        if taps not in TAPS[1:]:
            raise SpecError("taps", f"must be from {TAPS[1]} to {TAPS[-1]}", taps)
        row = tuple(gaussian(1, taps)[0].tolist())
        window = Window2d((taps, taps), pair("stride", stride, 1), (sides(taps), sides(taps)))
        super().__init__((row, row), window, padding_mode)

    def extra_repr(self) -> str:
        size, stride = self.window.kernel_size[0], self.window.stride[0]
        return f"{size}, stride={stride}, padding_mode={self.padding_mode!r}"


class BlurredDownsampling(nn.Module):
    """A strided layer made anti-aliased: the layer at stride 1, then a blur with the stride.

    Args:
        layer: the layer, its stride set to 1.
        pool: the blur, with the layer's former stride.
    """

    def __init__(self, layer: nn.Module, pool: BlurPool) -> None:
        super().__init__()
        self.layer, self.pool = layer, pool
        self.wraps: Pair | None = None

    def wrap(self) -> None:
        """Make all padding circular, that of the layer included."""
        layer: Any = self.layer
        self.wraps, layer.padding = pair("padding", layer.padding, 0), (0, 0)
        self.pool.padding_mode = "circular"

    def forward(self, x: Tensor) -> Tensor:
        if self.wraps is not None:
            x = F.pad(x, self._pads(x), mode="circular")
        y: Tensor = self.pool(self.layer(x))
        return y

    def _pads(self, x: Tensor) -> list[int]:
        """Padding that gives the layer ``stride`` outputs for each output of the blur.

        With fewer, the circular map would end too early.
        """
        layer: Any = self.layer
        pads = []
        for axis in (1, 0):
            span = pair("kernel_size", layer.kernel_size, 1)[axis] - 1
            span *= pair("dilation", getattr(layer, "dilation", 1), 1)[axis]
            assert self.wraps is not None
            before = self.wraps[axis]
            dense = x.shape[2 + axis] + 2 * before - span
            pads += [before, before + -dense % self.pool.window.stride[axis]]
        return pads


Pool = nn.MaxPool2d | nn.AvgPool2d


def circular(module: nn.Module) -> nn.Module:
    """A copy in which all padding is circular, so that only strides break shift equivariance.

    Changed are modules of convolutions (not transposed ones), of max and average pooling, and
    those of `anti_aliased`. Pooling that rounds its size up still reads past the edge.

    Raises:
        SpecError: the module cannot be copied, or has none of them.
    """
    done: set[int] = set()

    def make(path: str, old: nn.Module) -> nn.Module | None:
        if isinstance(old, BlurredDownsampling):
            old.wrap()  # in the copy
            done.add(id(old.layer))
        elif id(old) not in done and isinstance(old, nn.Conv2d | BlurPool):
            old.padding_mode = "circular"
        elif id(old) not in done and isinstance(old, Pool):
            rows, cols = pair("padding", old.padding, 0)
            old.padding = 0
            if rows or cols:
                return nn.Sequential(nn.CircularPad2d((cols, cols, rows, rows)), old)
        else:
            return None
        return old

    return changed(module, make, "must have convolutions or pooling modules")


def anti_aliased(module: nn.Module, taps: int = 4, padding_mode: str = "reflect") -> nn.Module:
    """A copy in which every strided layer runs at stride 1, followed by a blur with the stride.

    Strided convolutions and max and average pooling become `Blurred`; sizes and weights stay. Not changed: layers with two different strides, and
    pooling that rounds its size up. Zhang puts the blur behind the activation that follows a
    convolution; here it stands right behind the convolution, which asks nothing of the
    network's code.

    Raises:
        SpecError: as `BlurPool`; the module cannot be copied, or has no strided layers.
    """
    BlurPool(taps, padding_mode=padding_mode)

    def make(path: str, old: nn.Module) -> nn.Module | None:
        stride = _downsampling_stride(old)
        if stride is None:
            return None
        assert isinstance(old, nn.Conv2d | Pool)
        old.stride = (1, 1)
        pool = BlurPool(taps, stride, padding_mode)
        like = next(old.parameters(), torch.empty(0))
        return BlurredDownsampling(old, pool.to(like.device, like.dtype))

    return changed(module, make, "must have strided layers, as modules")


def _downsampling_stride(layer: nn.Module) -> int | None:
    """The stride of a layer to which a blur can be added; None for any other."""
    if not isinstance(layer, nn.Conv2d | Pool) or getattr(layer, "ceil_mode", False):
        return None
    if getattr(layer, "return_indices", False) or isinstance(layer.padding, str):
        return None
    kernel = layer.kernel_size if layer.stride is None else layer.stride
    rows, cols = pair("stride", kernel, 1)
    return rows if rows == cols > 1 else None


def layer_of(graph: Graph, size: Pair, layer: str | None = None) -> Node:
    """A node by its name or its module's; by default the last one with units side by side
    whose grid meets that of an image of ``size``.

    Raises:
        SpecError: there is none, or its output is no image.
    """
    spread = [
        node
        for node in graph.values()
        if _is_map(node)
        and max(node.grid) > 1
        and node.kind not in ("input", "pad")
        and stride_of(size, node.grid)
    ]
    node = graph.find(layer) if layer else (spread or list(graph.values()))[-1]
    if not _is_map(node):
        raise SpecError("layer", "must have units side by side, as (C, H, W) or (C, L)", node.name)
    return node


def _is_map(node: Node) -> bool:
    """The output is (1, C, H, W), or (1, C, L) of a sequence."""
    return (node.dims, len(node.shape)) in (((2, 3), 4), ((None, 2), 3))


def total_stride(graph: Graph, node: Node, size: Pair) -> Stride:
    """Pixels of the image per unit of a node, down and right; a fraction where it enlarges.

    Raises:
        SpecError: sides of image and map of which none is a multiple of the other; says which
            sizes would do.
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

    Where a network upsamples a coarse map, only shifts by multiples of this stride can be followed
    exactly.
    """
    strides, todo, seen = [Fraction(1)], [node], {node.name}
    while todo:
        here = todo.pop()
        strides += stride_of(size, here.grid) or () if _is_map(here) else ()
        new = [name for name in here.inputs if name not in seen]
        seen.update(new)
        todo += [graph[name] for name in new]
    return max(strides)


def network_consistency(
    module: nn.Module,
    picture: ArrayLike,
    shifts: Sequence[Shift],
    layer: str | None = None,
    progress: Progress | None = None,
    graph: Graph | None = None,
) -> Consistency:
    """Measure how well the maps of one layer follow a shifted picture, all channels together.

    Args:
        module: any nn.Module that does not decide by values; a copy of it runs, in eval mode
            and no further than the layer.
        picture: (C, H, W), or (C, L) of a sequence.
        shifts: (down, right) in pixels; of a sequence (0, later).
        layer: a node's name, or a module's; by default the last one with units side by side.
        progress: see `core.shift.consistency.Progress`.
        graph: of `core.graph.network_graph` for this module and picture, if it exists already.

    Returns:
        with the maps of the strongest channel.

    Raises:
        SpecError: a network or a layer that does not fit; a picture that is none; grids of the
            picture and of the layer that do not meet (`total_stride`).
        Stopped: the progress callback returned False.
    """
    x = np.asarray(picture, dtype=np.float32)
    if x.ndim not in (2, 3):
        raise SpecError("picture", "must be (C, H, W), or (C, L) of a sequence", x.shape)
    sides = (1, x.shape[1]) if x.ndim == 2 else (x.shape[1], x.shape[2])
    graph = graph or network_graph(module, x.shape)
    node = layer_of(graph, sides, layer)
    total_stride(graph, node, sides)
    copied = private_copy(module, own_weights=True)
    spot = spot_of(meta_copy(copied), x.shape, node.name)

    def run(image: Tensor) -> Tensor:
        output = output_of(copied, image if x.ndim == 3 else image[:, :, 0], spot, torch.no_grad())
        return output[0] if x.ndim == 3 else output[0].unsqueeze(2)

    image = x if x.ndim == 3 else x[:, None]
    return shift_consistency(run, image, shifts, keep=True, progress=progress)
