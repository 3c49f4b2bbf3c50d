"""Experiments on a block's module with real data, each with its own definition.

All of them run a copy in eval mode, in which a new batch norm is the identity. Every answer is
measured; none is derived from the kinds of layers.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..graph.pool_check import check_pools
from ..receptive_field.fields import ReceptiveField

FloatArray = NDArray[np.float32]
EXACT = 1e-9
"""Relative difference, in float64, below which two sums are taken as equal up to rounding."""


def channels_of(planes: FloatArray, channels: int, seed: int = 0) -> FloatArray:
    """A picture as a block's input, (channels, H, W) with mean 0 and variance 1.

    Args:
        planes: (C, H, W).
        channels: C gives the planes themselves; any other number random mixtures of them.
        seed: of the mixtures.
    """
    centered = planes - planes.mean()
    if channels != len(planes):
        mixture = np.random.default_rng(seed).standard_normal((channels, len(planes)))
        centered = np.einsum("oc,chw->ohw", mixture, centered)
    scaled: FloatArray = (centered / max(float(centered.std()), 1e-6)).astype(np.float32)
    return scaled


@dataclass(frozen=True)
class Linearity:
    """Largest relative error over random inputs x and y and numbers a and b.

    Attributes:
        sum_error: of f(a·x + b·y) = a·f(x) + b·f(y).
        mean_error: of f(a·x + (1−a)·y) = a·f(x) + (1−a)·f(y), which also holds with a constant.
    """

    sum_error: float
    mean_error: float

    @property
    def verdict(self) -> Literal["linear", "affine", "not linear"]:
        """The kind of function; ``"affine"`` is linear plus a constant."""
        if self.sum_error <= EXACT:
            return "linear"
        return "affine" if self.mean_error <= EXACT else "not linear"


def linearity(module: nn.Module, input_size: tuple[int, ...], seed: int = 0) -> Linearity:
    """Test whether a block is linear, on random numbers in float64."""
    double = copy.deepcopy(module).double().eval()
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, 1, *input_size, generator=generator, dtype=torch.float64)
    a, b = 0.7, -1.9
    with torch.no_grad():
        fx, fy = double(x), double(y)
        errors = [
            _difference(double(a * x + c * y), a * fx + c * fy, a * fx, c * fy) for c in (b, 1 - a)
        ]
    return Linearity(*errors)


def _difference(one: Tensor, other: Tensor, *parts: Tensor) -> float:
    """The largest difference, as a share of the largest of the parts."""
    scale = max(float(part.abs().max()) for part in (*parts, one, other))
    return float((one - other).abs().max()) / scale if scale else 0.0


@dataclass(frozen=True)
class GradientSpread:
    """The input gradient for a random upstream gradient, N(0, 1).

    Attributes:
        map: (H, W) its magnitude in the first channel.
        zero_entries: share of its numbers that are exactly 0.
        zero_pixels: share of the pixels where all channels are.
        mean, std: of the magnitudes.
        ratio: its norm over the norm of the upstream gradient.
        learning: number of parameter entries whose gradient is not 0.
    """

    map: FloatArray
    zero_entries: float
    zero_pixels: float
    mean: float
    std: float
    ratio: float
    learning: int


def gradient_spread(module: nn.Module, image: FloatArray, seed: int = 0) -> GradientSpread:
    """Backpropagate a random upstream gradient through a block to its input and parameters.

    Args:
        module: any block.
        image: (C, H, W) the input.
        seed: of the upstream gradient.

    Raises:
        SpecError: a max pooling that torch cannot backpropagate through.
    """
    check_pools(module, image.shape)
    copied = copy.deepcopy(module).eval()
    x = torch.from_numpy(image.copy())[None].requires_grad_()
    with torch.enable_grad():
        out = copied(x)
        upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(seed))
        wanted = [x, *(p for p in copied.parameters() if p.requires_grad)]
        of_input, *of_parameters = torch.autograd.grad(out, wanted, upstream, allow_unused=True)
    gradient: NDArray[Any] = np.zeros_like(image) if of_input is None else of_input[0].numpy()
    size = np.abs(gradient)
    return GradientSpread(
        map=size[0],
        zero_entries=float((gradient == 0).mean()),
        zero_pixels=float((gradient == 0).all(0).mean()),
        mean=float(size.mean()),
        std=float(size.std()),
        ratio=float(np.linalg.norm(gradient) / max(float(upstream.norm()), 1e-30)),
        learning=sum(int((g != 0).sum()) for g in of_parameters if g is not None),
    )


@dataclass(frozen=True)
class ShiftResponse:
    """How the units that read no padding change when the picture moves to the left.

    Attributes:
        stride: effective, along the columns.
        by_one: ‖f(moved by 1 pixel) − f‖ / ‖f‖ at the same units.
        by_stride: the largest |f(moved by the stride) at u − f at u + 1|, over the largest |f|.
        input_by_one: as ``by_one``, of the picture itself.
    """

    stride: int
    by_one: float
    by_stride: float
    input_by_one: float

    @property
    def moves_along(self) -> bool:
        """Whether a shift by the stride moves the output by one unit and changes nothing else."""
        return self.by_stride <= EXACT


def shift_response(
    module: nn.Module, image: FloatArray, field: ReceptiveField, width: int
) -> ShiftResponse | None:
    """Measure how the output follows a shifted picture, in float64.

    Args:
        module: any block.
        image: (C, H, wider than ``width``): the picture and the pixels that move in from the
            right.
        field: receptive field of the block's output on a picture of ``width`` columns.
        width: columns of the block's input.

    Returns:
        None where fewer than two columns of units lie clear of the border, units have no
        common stride, or the picture is not wide enough.
    """
    units, stride = _inner_units(field, image.shape[1], width), field.effective_stride[1]
    if units is None or image.shape[2] < width + max(1, stride):
        return None
    double = copy.deepcopy(module).double().eval()
    rows, cols = units
    whole = torch.from_numpy(image.astype(np.float64))[None]
    with torch.no_grad():
        here, one, step = (
            double(whole[..., moved : moved + width]) for moved in (0, 1, int(stride))
        )
    first, later = slice(cols.start, cols.stop - 1), slice(cols.start + 1, cols.stop)
    here_, one_ = here[..., rows, cols], one[..., rows, cols]
    follows = _difference(step[..., rows, first], here[..., rows, later])
    still, moved = whole[..., :width], whole[..., 1 : width + 1]
    return ShiftResponse(int(stride), _change(one_, here_), follows, _change(moved, still))


def _change(now: Tensor, before: Tensor) -> float:
    return float((now - before).norm() / max(float(before.norm()), 1e-30))


def _inner_units(field: ReceptiveField, height: int, width: int) -> tuple[slice, slice] | None:
    """The units whose whole receptive field lies inside the picture; None below two columns."""
    ranges = []
    for axis, pixels in enumerate((height, width)):
        size, step = field.size[axis], field.effective_stride[axis]
        paths = field.axes[axis].paths
        if field.axes[axis].whole or len(paths) != 1 or paths[0].period != 1 or not step:
            return None
        before = field.effective_padding[axis]
        first = max(0, ceil(before / step))
        last = min(field.grid[axis] - 1, floor((pixels - size + before) / step))
        ranges.append(slice(first, last + 1))
    rows, cols = ranges
    fits = rows.stop > rows.start and cols.stop > cols.start + 1
    return (rows, cols) if fits else None


def feature_maps(module: nn.Module, image: FloatArray, most: int = 4) -> FloatArray:
    """(maps, H, W) the first output channels of a picture; (0, 0, 0) where they have no extent."""
    with torch.no_grad():
        out = copy.deepcopy(module).eval()(torch.from_numpy(image.copy())[None])[0]
    maps = out[:most] if out.ndim == 3 else out.new_zeros(0, 0, 0)
    array: FloatArray = maps.numpy().astype(np.float32)
    return array
