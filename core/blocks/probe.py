"""Measurements of a block on data: linearity, gradients, shift response and feature maps.

Each one runs a copy of the block's module in eval mode, in which a new batch norm is the
identity. No result is derived from the kinds of layers.
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
ROUNDING_ERROR = 1e-9
"""Relative difference up to which two float64 results count as equal, as it may be rounding."""


def normalized_input(planes: FloatArray, channels: int, seed: int = 0) -> FloatArray:
    """Turn a picture into a block's input, (channels, H, W) with mean 0 and variance 1.

    Args:
        planes: (C, H, W) the picture.
        channels: number of channels of the result. If it is not C, each channel is a random
            linear combination of the planes.
        seed: seed of the random combinations.
    """
    centered = planes - planes.mean()
    if channels != len(planes):
        mixture = np.random.default_rng(seed).standard_normal((channels, len(planes)))
        centered = np.einsum("oc,chw->ohw", mixture, centered)
    scaled: FloatArray = (centered / max(float(centered.std()), 1e-6)).astype(np.float32)
    return scaled


@dataclass(frozen=True)
class Linearity:
    """How far a function f is from being linear, for random inputs x and y and numbers a and b.

    Attributes:
        sum_error: largest relative difference of f(a·x + b·y) and a·f(x) + b·f(y), which are
            equal for a linear function.
        mean_error: largest relative difference of f(a·x + (1−a)·y) and a·f(x) + (1−a)·f(y),
            which are equal for an affine function.
    """

    sum_error: float
    mean_error: float

    @property
    def verdict(self) -> Literal["linear", "affine", "not linear"]:
        """The kind of function; an ``"affine"`` one is linear plus a constant."""
        if self.sum_error <= ROUNDING_ERROR:
            return "linear"
        return "affine" if self.mean_error <= ROUNDING_ERROR else "not linear"


def linearity(module: nn.Module, input_size: tuple[int, ...], seed: int = 0) -> Linearity:
    """Measure how far a block is from being linear, on random inputs in float64."""
    double = copy.deepcopy(module).double().eval()
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, 1, *input_size, generator=generator, dtype=torch.float64)
    a, b = 0.7, -1.9
    with torch.no_grad():
        fx, fy = double(x), double(y)
        errors = [
            _relative_difference(double(a * x + c * y), a * fx + c * fy, a * fx, c * fy)
            for c in (b, 1 - a)
        ]
    return Linearity(*errors)


def _relative_difference(one: Tensor, other: Tensor, *parts: Tensor) -> float:
    """The largest absolute difference, divided by the largest magnitude in all tensors."""
    scale = max(float(part.abs().max()) for part in (*parts, one, other))
    return float((one - other).abs().max()) / scale if scale else 0.0


@dataclass(frozen=True)
class GradientSpread:
    """Statistics of the input gradient for a random upstream gradient from N(0, 1).

    Attributes:
        map: (H, W) magnitude of the input gradient in the first channel.
        zero_entries: share of the input gradient's entries that are exactly 0.
        zero_pixels: share of the pixels whose gradient is 0 in all channels.
        mean, std: mean and standard deviation of the magnitudes.
        ratio: norm of the input gradient divided by the norm of the upstream gradient.
        nonzero_gradients: number of parameter entries whose gradient is not 0.
    """

    map: FloatArray
    zero_entries: float
    zero_pixels: float
    mean: float
    std: float
    ratio: float
    nonzero_gradients: int


def gradient_spread(module: nn.Module, image: FloatArray, seed: int = 0) -> GradientSpread:
    """Backpropagate a random upstream gradient through a block to its input and parameters.

    Args:
        module: any block.
        image: (C, H, W) the input.
        seed: seed of the upstream gradient.

    Raises:
        SpecError: a max pooling that torch cannot backpropagate through.
    """
    check_pools(module, image.shape)
    copied = copy.deepcopy(module).eval()
    x = torch.from_numpy(image.copy())[None].requires_grad_()
    with torch.enable_grad():
        out = copied(x)
        upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(seed))
        variables = [x, *(p for p in copied.parameters() if p.requires_grad)]
        of_input, *of_parameters = torch.autograd.grad(out, variables, upstream, allow_unused=True)
    gradient: NDArray[Any] = np.zeros_like(image) if of_input is None else of_input[0].numpy()
    magnitude = np.abs(gradient)
    return GradientSpread(
        map=magnitude[0],
        zero_entries=float((gradient == 0).mean()),
        zero_pixels=float((gradient == 0).all(0).mean()),
        mean=float(magnitude.mean()),
        std=float(magnitude.std()),
        ratio=float(np.linalg.norm(gradient) / max(float(upstream.norm()), 1e-30)),
        nonzero_gradients=sum(int((g != 0).sum()) for g in of_parameters if g is not None),
    )


@dataclass(frozen=True)
class ShiftResponse:
    """How a block's output f changes when the picture moves left, at units that read no padding.

    Attributes:
        stride: effective stride along the columns, in pixels.
        by_one: ‖f(picture moved by 1 pixel) − f(picture)‖ / ‖f(picture)‖.
        by_stride: largest difference of f(picture moved by the stride) at a unit and f(picture)
            at the unit to its right, divided by the largest |f|.
        input_by_one: ‖picture moved by 1 pixel − picture‖ / ‖picture‖.
    """

    stride: int
    by_one: float
    by_stride: float
    input_by_one: float

    @property
    def follows_shift(self) -> bool:
        """Whether a shift by the stride moves the output by one unit without other changes."""
        return self.by_stride <= ROUNDING_ERROR


def shift_response(
    module: nn.Module, image: FloatArray, field: ReceptiveField, width: int
) -> ShiftResponse | None:
    """Measure how the output follows a shifted picture, in float64.

    Args:
        module: any block.
        image: (C, H, W) the picture, with additional columns that move in from the right; W must
            be at least ``width`` plus the stride.
        field: receptive field of the block's output on a picture of ``width`` columns.
        width: number of columns of the block's input.

    Returns:
        The response, or None if fewer than two columns of units read no padding, the units have
        no common stride, or the picture is not wide enough.
    """
    units, stride = (
        _units_with_field_inside_image(field, image.shape[1], width),
        field.effective_stride[1],
    )
    if units is None or image.shape[2] < width + max(1, stride):
        return None
    double = copy.deepcopy(module).double().eval()
    rows, cols = units
    wide = torch.from_numpy(image.astype(np.float64))[None]
    with torch.no_grad():
        still, by_one, by_stride = (
            double(wide[..., shift : shift + width]) for shift in (0, 1, int(stride))
        )
    first, later = slice(cols.start, cols.stop - 1), slice(cols.start + 1, cols.stop)
    return ShiftResponse(
        stride=int(stride),
        by_one=_relative_change(by_one[..., rows, cols], still[..., rows, cols]),
        by_stride=_relative_difference(by_stride[..., rows, first], still[..., rows, later]),
        input_by_one=_relative_change(wide[..., 1 : width + 1], wide[..., :width]),
    )


def _relative_change(now: Tensor, before: Tensor) -> float:
    """The norm of the difference, divided by the norm of ``before``."""
    return float((now - before).norm() / max(float(before.norm()), 1e-30))


def _units_with_field_inside_image(
    field: ReceptiveField, height: int, width: int
) -> tuple[slice, slice] | None:
    """The rows and columns of the units whose receptive field lies inside the picture.

    None if there are fewer than two such columns or no such row, or units have no common stride.
    """
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


def feature_maps(module: nn.Module, image: FloatArray, max_maps: int = 4) -> FloatArray:
    """(maps, H, W) the first ``max_maps`` output channels; (0, 0, 0) for an output without maps."""
    with torch.no_grad():
        out = copy.deepcopy(module).eval()(torch.from_numpy(image.copy())[None])[0]
    maps = out[:max_maps] if out.ndim == 3 else out.new_zeros(0, 0, 0)
    array: FloatArray = maps.numpy().astype(np.float32)
    return array
