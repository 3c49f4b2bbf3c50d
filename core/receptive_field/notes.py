"""Computes the numbers of a receptive field along one axis, and the caveats about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from ..graph.graph import Node
from ..graph.rules.windows import GLOBAL_NOTE
from .reach import AxisField

Number = int | float
"""A whole number as an int, any other number as a float."""
AXIS_NAMES = ("height", "width")
"""The names of the axes in notes."""
MAX_NOTES = 4
"""The most caveats that a node accumulates."""


def plain_number(value: Fraction) -> Number:
    """A fraction as an int if it is a whole number, as a float otherwise."""
    return int(value) if value.denominator == 1 else float(value)


def size_stride_padding_center(
    axis: AxisField, units: int
) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """The size, effective stride, effective padding and center of unit 0, in pixels.

    Args:
        axis: the field along one axis.
        units: the number of units along the axis.
    """
    if len(axis.paths) == 1:
        path = axis.paths[0]
        stride, sizes = (
            path.stride,
            _sizes_at_both_ends(axis, units) if axis.grows else list(path.sizes),
        )
        unit = next((u for u in range(path.period) if path.spans[u]), 0)
    else:
        stride, sizes = _mean_stride(axis, units), _sizes_at_both_ends(axis, units)
        unit = 0
    first, last = axis.span(unit) or (0, -1)
    shift = unit * stride
    return Fraction(max(sizes, default=0)), stride, shift - first, Fraction(first + last, 2) - shift


def _spans_at_both_ends(axis: AxisField, units: int) -> list[tuple[int, int]]:
    """The spans of the first and the last units, among which the smallest and the largest are."""
    count = max(path.period for path in axis.paths)
    chosen = dict.fromkeys((*range(min(count, units)), *range(max(0, units - count), units)))
    return [span for span in map(axis.span, chosen) if span]


def _sizes_at_both_ends(axis: AxisField, units: int) -> list[int]:
    """The sizes of the receptive fields of the first and the last units, in pixels."""
    return [last - first + 1 for first, last in _spans_at_both_ends(axis, units)]


def _mean_stride(axis: AxisField, units: int) -> Fraction:
    """The mean distance between the centers of neighboring units, in pixels."""
    a, b = axis.span(0), axis.span(units - 1)
    if units < 2 or not a or not b:
        return Fraction(0)
    return Fraction(sum(b) - sum(a), 2 * (units - 1))


def accumulated_caveats(
    node: Node,
    parents: Sequence[str],
    axis_fields: Mapping[str, tuple[AxisField, AxisField]],
    caveats: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
    """The caveats about a node's numbers: those of its inputs and its own, `MAX_NOTES` at most.

    Args:
        node: the node.
        parents: its inputs that depend on the image.
        axis_fields: the fields along both axes of the node and of all earlier nodes.
        caveats: the caveats of all earlier nodes.
    """
    accumulated = dict.fromkeys(text for parent in parents for text in caveats[parent])
    if node.note:
        accumulated[f"{node.note} (at {node.name})"] = None
    for axis, label in enumerate(AXIS_NAMES):
        own = axis_fields[node.name][axis]
        if not own.aligned and all(axis_fields[parent][axis].aligned for parent in parents):
            text = (
                f"branches not aligned along the {label} at {node.name}: {_misalignment_text(own)}"
            )
            accumulated[text] = None
    return tuple(accumulated)[:MAX_NOTES]


def first_bound_reason(node: Node, parents: Iterable[str], bounds: Mapping[str, str]) -> str:
    """The reason why a node's numbers are only upper bounds, with the node that caused it.

    Args:
        node: the node.
        parents: its inputs that depend on the image.
        bounds: the reasons of all earlier nodes; "" for exact numbers.

    Returns:
        The reason of the first input that has one, else the node's own; "" if there is none.
    """
    before = next((bounds[parent] for parent in parents if bounds[parent]), "")
    return before or (f"{node.bound} (at {node.name})" if node.bound else "")


def at_most_if_bounded(text: str, bound_reason: str) -> str:
    """The text of a number, preceded by "at most" if it has a reason to be an upper bound."""
    return f"at most {text}" if bound_reason else text


def sizes_differ(axis: AxisField, units: int) -> bool:
    """Whether the unclipped receptive fields of some units along an axis differ in size."""
    spans = map(axis.span, range(min(units, 2 * max(path.period for path in axis.paths))))
    sizes = {span and span[1] - span[0] + 1 for span in spans}
    if len(axis.paths) > 1:
        sizes |= set(_sizes_at_both_ends(axis, units))
    return len(sizes) > 1


def is_unevenly_spaced(axis: AxisField, units: int) -> bool:
    """Whether the distances between neighboring units along an axis differ in the image."""
    two_periods = range(min(units, 2 * max(path.period for path in axis.paths) + 1))
    spans = [span for span in map(axis.span, two_periods) if span]
    steps = {sum(b) - sum(a) for a, b in pairwise(spans)}
    return len(steps) > 1 or len(axis.paths) > 1


def _misalignment_text(field: AxisField) -> str:
    """The text that says how the branches of a field differ: in stride or in center."""
    if len(field.paths) > 1:
        strides = " and ".join(str(plain_number(path.stride)) for path in field.paths)
        return f"effective strides {strides}"
    return f"centers up to {plain_number(field.gap)} px apart"


def note_text(axes: tuple[AxisField, AxisField], caveats: Iterable[str]) -> str:
    """All caveats about a node's numbers in one line, with those about its output phases."""
    sentences = [text for text in caveats if text]
    if axes[0].whole and axes[1].whole:
        sentences = [text for text in sentences if GLOBAL_NOTE in text]
    for axis, label in zip(axes, AXIS_NAMES, strict=True):
        if axis.grows:
            continue
        sizes = {size for path in axis.paths for size in path.sizes}
        empty = any(span is None for path in axis.paths for span in path.spans)
        if not axis.whole and any(path.period > 1 for path in axis.paths):
            low, high = 0 if empty else min(sizes, default=0), max(sizes, default=0)
            text = f"{low} to {high} px" if low != high else f"always {high} px, moving unevenly"
            sentences.append(f"{label} depends on the output phase: {text}")
        elif empty:
            sentences.append(f"{label}: units read nothing")
    return "; ".join(sentences)
