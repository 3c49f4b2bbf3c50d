"""Output sizes: the formula with its numbers, and torch's size for the same layer.

Only the function that measures imports torch, so that the first page does not wait for it.
``core.layer.size_tables`` covers many layers at once.

Source: torch.nn.Conv2d, ConvTranspose2d and MaxPool2d documentation, "Shape".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import SpecError
from .operations import check, operation_of, output_size
from .spec import LayerSpec
from .window import Pair

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class AxisFormula:
    """The output size along one axis, with every number that goes into it.

    Attributes:
        n: number of input pixels along this axis.
        before, after: padding on the two sides (cut from a transposed convolution's output).
        kernel_size, stride, dilation, output_padding: torch's arguments along this axis.
        span: pixels from the kernel's first tap to its last, ``dilation*(kernel_size-1) + 1``.
        quotient: the value that is rounded, ``(n + before + after - span) / stride``; for a
            transposed convolution, which has no quotient, the output size.
        rounded: the quotient rounded down, or up with ``ceil_mode``.
        outputs: the output size: ``rounded + 1``, one less where ``dropped``.
        remainder: number of pixels of the padded input past the last window.
        ceil_mode: whether the quotient is rounded up.
        transposed: whether the layer is a transposed convolution.
    """

    n: int
    before: int
    after: int
    kernel_size: int
    stride: int
    dilation: int
    output_padding: int
    span: int
    quotient: Fraction
    rounded: int
    outputs: int
    remainder: int
    ceil_mode: bool
    transposed: bool

    @property
    def dropped(self) -> bool:
        """Whether rounding up gives a last window that starts past the input.

        PyTorch leaves such a window out, so there is one output fewer.
        """
        return not self.transposed and self.rounded + 1 > self.outputs

    @property
    def rule(self) -> str:
        """The formula with symbols, as LaTeX."""
        if self.transposed:
            return r"(n - 1) \cdot s - p_0 - p_1 + k" + (
                r" + \textit{output padding}" if self.output_padding else ""
            )
        fraction = r"\frac{n + p_0 + p_1 - k}{s}"
        left, right = self._rounding_brackets
        return rf"\left{left} {fraction} \right{right} + 1"

    @property
    def _rounding_brackets(self) -> tuple[str, str]:
        """The LaTeX brackets that mean rounding down or up."""
        return (r"\lceil", r"\rceil") if self.ceil_mode else (r"\lfloor", r"\rfloor")

    @property
    def latex_steps(self) -> tuple[str, ...]:
        """The steps of the formula with numbers, each equal to the next, as LaTeX."""
        span = str(self.span)
        if self.dilation > 1 and self.kernel_size > 1:
            span = f"({self._span_sum})"
        if self.transposed:
            extra = f" + {self.output_padding}" if self.output_padding else ""
            cut = f"- {self.before} - {self.after}"
            steps = rf"({self.n} - 1) \cdot {self.stride} {cut} + {span}{extra}"
            return steps, str(self.outputs)
        left, right = self._rounding_brackets
        fraction = rf"\frac{{{self.n} + {self.before} + {self.after} - {span}}}{{{self.stride}}}"
        return (
            rf"\left{left} {fraction} \right{right} {self._last_term}",
            rf"{left} {_latex_number(self.quotient)} {right} {self._last_term}",
            str(self.outputs),
        )

    @property
    def latex(self) -> str:
        r"""The steps as one equation, e.g. ``\left\lfloor \frac{8 + 1 + 1 - 3}{2} … = 4``."""
        return " = ".join(self.latex_steps)

    @property
    def text_steps(self) -> tuple[str, ...]:
        """The steps of `latex_steps` as plain text, with true minus signs, instead of LaTeX."""
        return tuple(step.replace("-", "−") for step in self._plain_steps)

    @property
    def _plain_steps(self) -> tuple[str, ...]:
        """The steps as plain text with hyphens."""
        dilated = self.dilation > 1 and self.kernel_size > 1
        span = f"({self._span_sum})" if dilated else str(self.span)
        if self.transposed:
            extra = f" + {self.output_padding}" if self.output_padding else ""
            cut = f"- {self.before} - {self.after}"
            return f"({self.n} - 1)×{self.stride} {cut} + {span}{extra}", str(self.outputs)
        left, right = "⌈⌉" if self.ceil_mode else "⌊⌋"
        fraction = f"({self.n} + {self.before} + {self.after} - {span})/{self.stride}"
        return (
            f"{left}{fraction}{right} {self._last_term}",
            f"{left}{_text_number(self.quotient)}{right} {self._last_term}",
            str(self.outputs),
        )

    @property
    def text(self) -> str:
        """The steps as one equation, e.g. ``⌊(8 + 1 + 1 − 3)/2⌋ + 1 = ⌊3.5⌋ + 1 = 4``."""
        return " = ".join(self.text_steps)

    @property
    def span_text(self) -> str:
        """The span of the dilated kernel as an equation, e.g. ``2(3 - 1) + 1 = 5``."""
        return f"{self._span_sum} = {self.span}"

    @property
    def _span_sum(self) -> str:
        """The formula of the span with numbers."""
        return f"{self.dilation}({self.kernel_size} - 1) + 1"

    @property
    def _last_term(self) -> str:
        """The last term of the formula, ``+ 1``, with ``- 1`` if the last window is dropped."""
        return "+ 1 - 1" if self.dropped else "+ 1"


_DECIMAL_DENOMINATORS = (1, 2, 4, 5, 8, 10)
"""Denominators of the fractions that are written as an exact, short decimal."""


def _text_number(value: Fraction) -> str:
    """A fraction as a decimal where that is exact and short, otherwise as e.g. ``2 1/3``."""
    if value.denominator in _DECIMAL_DENOMINATORS:
        return f"{float(value):g}" if abs(value) < 10**5 else str(float(value))
    whole, part = divmod(abs(value), 1)
    sign = "-" if value < 0 else ""
    return sign + (f"{whole} {part}" if whole else str(part))


def _latex_number(value: Fraction) -> str:
    r"""As `_text_number`, with the fraction as LaTeX's ``\tfrac``."""
    if value.denominator in _DECIMAL_DENOMINATORS:
        return _text_number(value)
    whole, part = divmod(abs(value), 1)
    sign = "-" if value < 0 else ""
    fraction = rf"\tfrac{{{part.numerator}}}{{{part.denominator}}}"
    return f"{sign}{whole or ''}{fraction}"


def formula(spec: LayerSpec, size: Pair) -> tuple[AxisFormula, AxisFormula]:
    """The size formula with its numbers, for the height and for the width.

    Raises:
        SpecError: the layer does not fit the input.
    """
    outputs = output_size(spec, size)
    return _axis_formula(spec, size[0], outputs[0], 0), _axis_formula(spec, size[1], outputs[1], 1)


def _axis_formula(spec: LayerSpec, n: int, outputs: int, axis: int) -> AxisFormula:
    """The formula along one axis; ``n`` is the input size and ``outputs`` the output size."""
    before, after = spec.padding[axis]
    stride, span = spec.stride[axis], spec.window.effective_kernel_size[axis]
    transposed = operation_of(spec).has("output_padding")
    quotient = Fraction(outputs) if transposed else Fraction(n + before + after - span, stride)
    return AxisFormula(
        n=n,
        before=before,
        after=after,
        kernel_size=spec.kernel_size[axis],
        stride=stride,
        dilation=spec.dilation[axis],
        output_padding=spec.output_padding[axis],
        span=span,
        quotient=quotient,
        rounded=-(-quotient // 1) if spec.ceil_mode else quotient // 1,
        outputs=outputs,
        remainder=0 if transposed else _remainder(n + before + after, outputs, stride, span),
        ceil_mode=spec.ceil_mode,
        transposed=transposed,
    )


def _remainder(padded: int, outputs: int, stride: int, span: int) -> int:
    return max(0, padded - (outputs - 1) * stride - span)


def measured_size(spec: LayerSpec, size: Pair) -> Pair | None:
    """Output (height, width) that torch computes; None where torch raises an error.

    The layer runs on an empty batch: torch checks its settings and computes the size without
    computing values, even where the output would not fit into memory.
    """
    import torch

    with torch.inference_mode():
        try:
            if spec.output_padding != (0, 0):
                # torch does not check output_padding on an empty batch, but on one pixel it does.
                probe = replace(spec, kernel_size=(1, 1), padding=((0, 0), (0, 0)))
                _run_with_zero_weights(probe, torch.zeros(1, spec.in_channels, 1, 1))
            y = _run_with_zero_weights(spec, torch.empty(0, spec.in_channels, *size))
        except (RuntimeError, SpecError):
            return None
    return y.shape[2], y.shape[3]


def _run_with_zero_weights(spec: LayerSpec, x: Tensor) -> Tensor:
    import torch

    operation = operation_of(spec)
    shape = operation.weight_shape(spec)
    weight = torch.zeros(shape) if shape and operation.learned else None
    return operation.run(spec, x, weight, torch.zeros(spec.out_channels) if spec.bias else None)


def _layer_along_one_axis(spec: LayerSpec, axis: int) -> LayerSpec:
    """A layer with the settings of one axis along the height, and a kernel one pixel wide."""
    return LayerSpec(
        spec.operation,
        kernel_size=(spec.kernel_size[axis], 1),
        stride=(spec.stride[axis], 1),
        padding=(spec.padding[axis], (0, 0)),
        dilation=(spec.dilation[axis], 1),
        padding_mode=spec.padding_mode,
        ceil_mode=spec.ceil_mode,
        output_padding=(spec.output_padding[axis], 0),
    )


@lru_cache(maxsize=8192)
def _unread_row_count(one_axis: LayerSpec, n: int) -> int:
    """The number of input rows that no window reads, on an input of (n, 1) pixels."""
    rows, _ = operation_of(one_axis).axes(one_axis, (n, 1))
    return int((rows.reads == 0).sum())


def unread_pixels(spec: LayerSpec, size: Pair) -> int:
    """The number of input pixels that no window reads.

    Raises:
        SpecError: the layer does not fit the input.
    """
    read = [
        n - _unread_row_count(_layer_along_one_axis(spec, axis), n) for axis, n in enumerate(size)
    ]
    return size[0] * size[1] - read[0] * read[1]


def smaller_input_with_same_remainder(spec: LayerSpec, size: Pair, limit: int) -> Pair:
    """The largest input of at most ``limit`` pixels a side with the same remainder as ``size``.

    Each side is reduced by whole strides, which changes neither the remainder nor the padding
    of any convention, until the layer passes `check`. A side with no smaller value that passes
    is not changed.
    """
    height, width = (_smaller_side(spec, axis, n, limit) for axis, n in enumerate(size))
    return height, width


def _smaller_side(spec: LayerSpec, axis: int, n: int, limit: int) -> int:
    """The side along one axis for `smaller_input_with_same_remainder`, given the side ``n``."""
    first = n if n <= limit else limit - (limit - n) % spec.stride[axis]
    for smaller in range(first, 0, -spec.stride[axis]):
        try:
            check(_layer_along_one_axis(spec, axis), (smaller, 1))
        except SpecError:
            continue
        return smaller
    return n
