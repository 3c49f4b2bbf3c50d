"""Layers in the words of a question."""

from __future__ import annotations

from collections.abc import Sequence

from core.layer import LayerSpec
from core.layer.operations import OPERATIONS
from core.layer.window import Pair
from core.text import times as times


def listed(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def both(value: Pair) -> str:
    """``2``, or ``2×3`` where height and width differ."""
    return str(value[0]) if value[0] == value[1] else times(value)


def described(spec: LayerSpec) -> str:
    """``3×3 convolution with stride 2 and padding 1``, what is usual left out."""
    name = OPERATIONS[spec.operation].label.lower()
    settings = [f"stride {both(spec.stride)}"]
    (top, bottom), (left, right) = spec.padding
    if (top, left) == (bottom, right):
        settings.append(f"padding {both((top, left))}" if top or left else "no padding")
    if spec.dilation != (1, 1):
        settings.append(f"dilation {both(spec.dilation)}")
    if spec.output_padding != (0, 0):
        settings.append(f"output_padding {both(spec.output_padding)}")
    if spec.ceil_mode:
        settings.append("`ceil_mode=True`")
    return f"{times(spec.kernel_size)} {name} with {listed(settings)}"


def article(text: str) -> str:
    """``an 8×8 input``, ``a 7×7 input``."""
    return f"{'an' if text[:1] == '8' or text[:2] in ('11', '18') else 'a'} {text}"


def square(value: int) -> Pair:
    """The same for height and width."""
    return value, value


def pads(value: int) -> tuple[Pair, Pair]:
    """The same padding on all four sides."""
    return (value, value), (value, value)


def counted(n: int, word: str) -> str:
    """``1 channel``, ``2 channels``."""
    return f"{n} {word}{'' if n == 1 else 's'}"
