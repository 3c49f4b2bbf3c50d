"""The window operations (convolution, pooling, …), one row of ``OPERATIONS`` each.

A row defines the settings of an operation, the positions of its windows, its call in torch and
its cost. Pages, tests and code snippets iterate over the table. torch is imported only when a
layer runs, so that the first page does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from .kernels import gaussian
from .padding import CONVENTIONS, padding_source
from .spec import LayerSpec
from .window import Axis, Pads, Pair, Window2d

if TYPE_CHECKING:
    from torch import Tensor

FloatArray = NDArray[np.float32]
Reduce = Literal["sum", "max", "mean"]

MAX_OUTPUT_SIDE = 160
"""Largest output side, in pixels, of a layer whose windows are drawn."""
_DEFAULT = LayerSpec()
_ALWAYS = {"operation", "kernel_size", "stride", "in_channels"}
"""Fields of LayerSpec that every operation has."""
_CONVOLUTION = {"padding", "dilation", "out_channels", "groups", "bias"}
"""Further fields of LayerSpec that a convolution and a transposed convolution share."""


@dataclass(frozen=True)
class Operation:
    """One operation, which computes every output from one window of the input.

    Attributes:
        label: name on screen.
        module: name of the torch.nn module, or the usual name where torch has none.
        summary: one sentence for a student.
        settings: fields of LayerSpec that the operation has, besides those in ``_ALWAYS``.
        reduce: how the values of a window are combined.
        learned: whether the weights are trainable parameters.
        fixed_weight: function from the spec to torch's weight, where it is not learned; None
            otherwise.
        run: function ``(spec, x (1, C, H, W), weight, bias) -> y (1, O, h, w)`` in torch.
        weight_shape: function from the spec to the shape of torch's weight; None without weights.
        window_weight: function that reorders torch's weight to (O, C / groups, kernel height,
            kernel width) in the order in which the window meets the grid.
        axes: function ``(spec, input size) -> (rows, columns)`` to the positions of the windows.
        channelwise: whether every channel is processed alone, as in pooling.
    """

    label: str
    module: str
    summary: str
    settings: frozenset[str]
    reduce: Reduce
    learned: bool
    run: Callable[[LayerSpec, Tensor, Tensor | None, Tensor | None], Tensor]
    weight_shape: Callable[[LayerSpec], tuple[int, int, int, int] | None]
    window_weight: Callable[[LayerSpec, FloatArray], FloatArray] = field(
        default=lambda spec, weight: weight
    )
    axes: Callable[[LayerSpec, Pair], tuple[Axis, Axis]] = field(
        default=lambda spec, size: spec.window.axes(size)
    )
    channelwise: bool = False
    fixed_weight: Callable[[LayerSpec], FloatArray] | None = None

    def has(self, setting: str) -> bool:
        """Whether the operation has this field of LayerSpec."""
        return setting in self.settings or setting in _ALWAYS

    def groups(self, spec: LayerSpec) -> int:
        """The effective number of groups: one per channel where channels do not mix."""
        return spec.in_channels if self.channelwise else spec.groups

    def out_channels(self, spec: LayerSpec) -> int:
        """The number of output channels of a layer of this operation."""
        return spec.in_channels if self.channelwise else spec.out_channels

    def parameters(self, spec: LayerSpec) -> int:
        """The number of trainable parameters: weights and biases."""
        shape = self.weight_shape(spec)
        if shape is None or not self.learned:
            return 0
        return int(np.prod(shape)) + (spec.out_channels if spec.bias else 0)

    def macs(self, spec: LayerSpec, size: Pair) -> int:
        """Multiply–accumulates of one forward pass on one image; 0 for max and average pooling.

        Products with padding count, as in torch's FLOP counter.
        """
        shape = self.weight_shape(spec)
        if shape is None:
            return 0
        # A transposed convolution multiplies every *input* by the kernel.
        positions = size if "output_padding" in self.settings else output_size(spec, size)
        return int(np.prod(shape)) * positions[0] * positions[1]


def apply_unsupported_padding(
    x: Tensor, padding: Pads, padding_mode: str, fill: float = 0.0
) -> tuple[Tensor, Pair]:
    """Apply the padding that torch's functions cannot apply themselves.

    They pad both sides of an axis equally, with zeros (max pooling with −∞). Such padding is not
    applied but returned.

    Args:
        x: (N, C, H, W).
        padding: ((top, bottom), (left, right)).
        padding_mode: a key of `core.layer.padding.FILLS`.
        fill: the padding value in mode ``"zeros"``.

    Returns:
        The tensor, and the (rows, columns) of padding to pass on to torch's function.
    """
    import torch.nn.functional as F

    (top, bottom), (left, right) = padding
    sides = [left, right, top, bottom]
    if padding_mode != "zeros":
        return F.pad(x, sides, mode=padding_mode), (0, 0)
    if top == bottom and left == right:
        return x, (top, left)
    return F.pad(x, sides, value=fill), (0, 0)


def _convolution(spec: LayerSpec, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    import torch.nn.functional as F

    assert w is not None
    x, padding = apply_unsupported_padding(x, spec.padding, spec.padding_mode)
    return F.conv2d(x, w, b, spec.stride, padding, spec.dilation, spec.groups)


def _transposed(spec: LayerSpec, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    """Run a transposed convolution; padding with unequal sides is a crop of its output."""
    import torch.nn.functional as F

    assert w is not None
    height, width = output_size(spec, (x.shape[2], x.shape[3]))
    (top, _), (left, _) = spec.padding
    if spec.symmetric:
        return F.conv_transpose2d(
            x, w, b, spec.stride, (top, left), spec.output_padding, spec.groups, spec.dilation
        )
    y = F.conv_transpose2d(x, w, b, spec.stride, 0, spec.output_padding, spec.groups, spec.dilation)
    return y[:, :, top : top + height, left : left + width]


def _max_pool(spec: LayerSpec, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    """Run max pooling."""
    return _max_and_winners(spec, x)[0]


def _max_and_winners(spec: LayerSpec, x: Tensor) -> tuple[Tensor, Tensor]:
    """Maxima, and flat positions of the first maximum of each window.

    The positions refer to ``x`` if the padding is symmetric, otherwise to the padded ``x``.
    """
    import torch.nn.functional as F

    height, width = output_size(spec, (x.shape[2], x.shape[3]))
    x, padding = apply_unsupported_padding(x, spec.padding, spec.padding_mode, float("-inf"))
    y, winners = F.max_pool2d(
        x,
        spec.kernel_size,
        spec.stride,
        padding,
        spec.dilation,
        spec.ceil_mode,
        return_indices=True,
    )
    return y[:, :, :height, :width], winners[:, :, :height, :width]


def winner_positions(spec: LayerSpec, x: Tensor) -> Tensor:
    """(1, C, h, w) flat position ``row * W + column`` in x of each window's maximum.

    The position is -1 where the maximum is in the padding.
    """
    import torch

    y, flat = _max_and_winners(spec, x)
    (top, _), (left, right) = spec.padding
    height, width = x.shape[2:]
    if spec.symmetric:
        rows, cols = flat // width, flat % width
    else:  # the positions refer to the padded picture
        padded = width + left + right
        rows, cols = flat // padded - top, flat % padded - left
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width) & torch.isfinite(y)
    return torch.where(inside, rows * width + cols, -1)


def _average_pool(spec: LayerSpec, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    """Run average pooling; explicit padding counts in the mean only with ``count_include_pad``."""
    import torch
    import torch.nn.functional as F

    size = (x.shape[2], x.shape[3])
    height, width = output_size(spec, size)
    if spec.symmetric:
        (top, _), (left, _) = spec.padding
        return F.avg_pool2d(
            x, spec.kernel_size, spec.stride, (top, left), spec.ceil_mode, spec.count_include_pad
        )
    padded, _ = apply_unsupported_padding(x, spec.padding, spec.padding_mode)
    y = F.avg_pool2d(padded, spec.kernel_size, spec.stride, 0, spec.ceil_mode)
    y = y[:, :, :height, :width]
    if spec.count_include_pad:
        return y
    ones, _ = apply_unsupported_padding(torch.ones_like(x), spec.padding, spec.padding_mode)
    share = F.avg_pool2d(ones, spec.kernel_size, spec.stride, 0, spec.ceil_mode)
    return y / share[:, :, :height, :width]


def blur_weight(spec: LayerSpec) -> FloatArray:
    """(C, 1, kernel height, kernel width) weights of a binomial blur with sum 1.

    Source: Zhang, "Making Convolutional Networks Shift-Invariant Again" (2019).
    """
    rows, cols = spec.kernel_size
    return np.broadcast_to(
        gaussian(rows, cols).astype(np.float32), (spec.in_channels, 1, rows, cols)
    ).copy()


def _fixed_convolution(spec: LayerSpec, x: Tensor, w: Tensor | None, b: Tensor | None) -> Tensor:
    """Run a depthwise convolution with the operation's fixed weights."""
    import torch
    import torch.nn.functional as F

    fixed_weight = operation_of(spec).fixed_weight
    assert fixed_weight is not None
    weight = torch.from_numpy(fixed_weight(spec))
    x, padding = apply_unsupported_padding(x, spec.padding, spec.padding_mode)
    return F.conv2d(x, weight, None, spec.stride, padding, 1, spec.in_channels)


def _conv_weight_shape(spec: LayerSpec) -> tuple[int, int, int, int]:
    return (spec.out_channels, spec.in_channels // spec.groups, *spec.kernel_size)


def _transposed_weight_shape(spec: LayerSpec) -> tuple[int, int, int, int]:
    return (spec.in_channels, spec.out_channels // spec.groups, *spec.kernel_size)


def _as_convolution_weight(spec: LayerSpec, weight: FloatArray) -> FloatArray:
    """(C, O / groups, h, w) of a transposed convolution to (O, C / groups, h, w), flipped."""
    inputs, outputs, rows, cols = weight.shape
    grouped = weight.reshape(spec.groups, inputs // spec.groups, outputs, rows, cols)
    swapped = grouped.swapaxes(1, 2).reshape(-1, inputs // spec.groups, rows, cols)
    return np.ascontiguousarray(swapped[:, :, ::-1, ::-1])


OPERATIONS: dict[str, Operation] = {
    "convolution": Operation(
        label="Convolution",
        module="Conv2d",
        summary="Multiply the window by the kernel, cell by cell, and add up.",
        settings=frozenset(_CONVOLUTION | {"padding_mode"}),
        reduce="sum",
        learned=True,
        run=_convolution,
        weight_shape=_conv_weight_shape,
    ),
    "transposed_convolution": Operation(
        label="Transposed convolution",
        module="ConvTranspose2d",
        summary="Stretch the input with zeros, then slide the flipped kernel over it.",
        settings=frozenset(_CONVOLUTION | {"output_padding"}),
        reduce="sum",
        learned=True,
        run=_transposed,
        weight_shape=_transposed_weight_shape,
        window_weight=_as_convolution_weight,
        axes=lambda spec, size: spec.window.transposed_axes(size, spec.output_padding),
    ),
    "max_pooling": Operation(
        label="Max pooling",
        module="MaxPool2d",
        summary="Keep the largest value of the window; the first one if several are equal.",
        settings=frozenset({"padding", "dilation", "ceil_mode"}),
        reduce="max",
        learned=False,
        run=_max_pool,
        weight_shape=lambda spec: None,
        channelwise=True,
    ),
    "average_pooling": Operation(
        label="Average pooling",
        module="AvgPool2d",
        summary="Keep the mean of the window.",
        settings=frozenset({"padding", "ceil_mode", "count_include_pad"}),
        reduce="mean",
        learned=False,
        run=_average_pool,
        weight_shape=lambda spec: None,
        channelwise=True,
    ),
    "blur_pooling": Operation(
        label="Blur pooling",
        module="BlurPool2d",
        summary="Blur with fixed weights (1 2 1 and its kin) while stepping: less aliasing.",
        settings=frozenset({"padding", "padding_mode"}),
        reduce="sum",
        learned=False,
        run=_fixed_convolution,
        weight_shape=lambda spec: (spec.in_channels, 1, *spec.kernel_size),
        channelwise=True,
        fixed_weight=blur_weight,
    ),
}
"""Every operation of the app. A new row appears on the pages and in the tests."""


def operation_of(spec: LayerSpec) -> Operation:
    """The row of ``OPERATIONS`` that ``spec`` names.

    Raises:
        SpecError: there is no such operation.
    """
    if spec.operation not in OPERATIONS:
        raise SpecError("operation", f"must be one of {', '.join(OPERATIONS)}", spec.operation)
    return OPERATIONS[spec.operation]


def output_size(spec: LayerSpec, size: Pair) -> Pair:
    """Output (height, width) of the layer on an input of (height, width), in closed form.

    Raises:
        SpecError: the layer does not fit the input.
    """
    if operation_of(spec).has("output_padding"):
        return spec.window.transposed_output_size(size, spec.output_padding)
    return spec.window.output_size(size)


def with_padding_convention(spec: LayerSpec, size: Pair, convention: str) -> LayerSpec:
    """The layer with the padding that a convention implies for an input of (height, width).

    For a transposed convolution the convention also sets ``output_padding``.

    Args:
        spec: the layer.
        size: input (height, width).
        convention: a key of `core.layer.padding.CONVENTIONS`.

    Raises:
        SpecError: the frameworks refuse this convention for this layer.
    """
    operation, rule = operation_of(spec), CONVENTIONS[convention]
    if convention == "torch_same" and operation.module != "Conv2d":
        raise SpecError(
            "padding='same'",
            f"is PyTorch's for convolutions only; give the padding of {operation.module} "
            f"as a number, or use {CONVENTIONS['tf_same'].label}",
            "same",
        )
    window = Window2d(spec.kernel_size, spec.stride, dilation=spec.dilation)
    if operation.has("output_padding") and rule.transposed is not None:
        pads, output_padding = rule.transposed.cut(window)
        return replace(spec, padding=pads, output_padding=output_padding)
    return replace(spec, padding=rule.pads(size, window))


def check(spec: LayerSpec, size: Pair, limit: int | None = MAX_OUTPUT_SIDE) -> Pair:
    """Check that torch can run this layer on this input, and return the output size.

    Args:
        spec: the layer.
        size: input (height, width).
        limit: largest output side allowed, because it is drawn; None for no limit.

    Raises:
        SpecError: the layer cannot run; the message says what would work.
    """
    operation = operation_of(spec)
    _check_settings(spec, operation)
    if operation.reduce in ("max", "mean"):
        _check_pool_padding(spec)
    if operation.has("output_padding"):
        _check_output_padding(spec)
    if spec.padding_mode != "zeros":
        for n, (before, after) in zip(size, spec.padding, strict=True):
            padding_source(n, before, after, spec.padding_mode)
    height, width = output_size(spec, size)
    if limit is not None and max(height, width) > limit:
        raise SpecError(
            "stride",
            f"makes the output {height}×{width}; the board draws up to {limit}: "
            "use a smaller stride or input",
            spec.stride,
        )
    return height, width


def _check_settings(spec: LayerSpec, operation: Operation) -> None:
    """Refuse a setting that the operation does not have, unless it is at its default."""
    for name in LayerSpec.__dataclass_fields__:
        if name == "out_channels" and operation.channelwise:
            continue
        value, default = getattr(spec, name), getattr(_DEFAULT, name)
        if not operation.has(name) and value != default:
            raise SpecError(name, f"is no setting of {operation.label.lower()}; leave it", value)


def _check_pool_padding(spec: LayerSpec) -> None:
    for axis, length in enumerate(spec.kernel_size):
        if max(spec.padding[axis]) > length // 2:
            raise SpecError(
                "padding",
                f"of a pooling layer is at most half its kernel: {length // 2} for {length}",
                max(spec.padding[axis]),
            )


def _check_output_padding(spec: LayerSpec) -> None:
    for axis, extra in enumerate(spec.output_padding):
        limit = max(spec.stride[axis], spec.dilation[axis])
        if extra >= limit:
            raise SpecError(
                "output_padding",
                f"must be smaller than the stride or the dilation: at most {limit - 1} here",
                extra,
            )
