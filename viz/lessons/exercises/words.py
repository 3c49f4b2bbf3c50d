"""Sizes, layers and lists in the words of a question."""

from __future__ import annotations

from collections.abc import Sequence

from core.layer import LayerSpec
from core.layer.operations import OPERATIONS
from core.layer.window import Pair
from core.text import plural as plural
from core.text import times as times


def joined_with_and(parts: Sequence[str]) -> str:
    """Return the parts as an enumeration: ``a, b and c``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def pair_text(value: Pair) -> str:
    """Return (height, width) as text: ``2×3``, or ``2`` if both are 2."""
    return str(value[0]) if value[0] == value[1] else times(value)


def layer_text(spec: LayerSpec) -> str:
    """Return a layer in words, without defaults: ``3×3 convolution with stride 2``."""
    name = OPERATIONS[spec.operation].label.lower()
    settings = [f"stride {pair_text(spec.stride)}"]
    (top, bottom), (left, right) = spec.padding
    if (top, left) == (bottom, right):
        settings.append(f"padding {pair_text((top, left))}" if top or left else "no padding")
    if spec.dilation != (1, 1):
        settings.append(f"dilation {pair_text(spec.dilation)}")
    if spec.output_padding != (0, 0):
        settings.append(f"output_padding {pair_text(spec.output_padding)}")
    if spec.ceil_mode:
        settings.append("`ceil_mode=True`")
    return f"{times(spec.kernel_size)} {name} with {joined_with_and(settings)}"


def with_article(text: str) -> str:
    """Return a text that begins with a number after its article: ``an 8×8``, ``a 7×7``."""
    return f"{'an' if text[:1] == '8' or text[:2] in ('11', '18') else 'a'} {text}"


def square(value: int) -> Pair:
    """Return (value, value): the same number for height and width."""
    return value, value


def equal_pads(value: int) -> tuple[Pair, Pair]:
    """Return the same padding on all four sides, as ((top, bottom), (left, right))."""
    return (value, value), (value, value)
