"""The numbers of a receptive field along one axis, and the caveats about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from ..graph.graph import Node
from ..graph.rules.windows import GLOBAL
from .reach import Field

Number = int | float
AXES = ("height", "width")
MAX_NOTES = 4
"""Most caveats of one node."""


def number(value: Fraction) -> Number:
    """An int where it is whole, a float otherwise."""
    return int(value) if value.denominator == 1 else float(value)


def measures(axis: Field, units: int) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Size, effective stride, effective padding and center of unit 0, along one axis."""
    if len(axis.paths) == 1:
        path = axis.paths[0]
        stride, sizes = path.stride, _sizes(axis, units) if axis.grows else list(path.sizes)
        unit = next((u for u in range(path.period) if path.spans[u]), 0)
    else:
        stride, sizes = _mean_stride(axis, units), _sizes(axis, units)
        unit = 0
    first, last = axis.span(unit) or (0, -1)
    shift = unit * stride
    return Fraction(max(sizes, default=0)), stride, shift - first, Fraction(first + last, 2) - shift


def _ends_of(axis: Field, units: int) -> list[tuple[int, int]]:
    """The spans of the first and the last units, where fields of several strides are extreme."""
    few = max(path.period for path in axis.paths)
    chosen = dict.fromkeys((*range(min(few, units)), *range(max(0, units - few), units)))
    return [span for span in map(axis.span, chosen) if span]


def _sizes(axis: Field, units: int) -> list[int]:
    return [last - first + 1 for first, last in _ends_of(axis, units)]


def _mean_stride(axis: Field, units: int) -> Fraction:
    a, b = axis.span(0), axis.span(units - 1)
    if units < 2 or not a or not b:
        return Fraction(0)
    return Fraction(sum(b) - sum(a), 2 * (units - 1))


def facts(
    node: Node,
    parents: Sequence[str],
    axis_fields: Mapping[str, tuple[Field, Field]],
    caveats: Mapping[str, tuple[str, ...]],
) -> tuple[str, ...]:
    """The caveats about a node's numbers: those of its inputs, and its own."""
    facts = dict.fromkeys(fact for parent in parents for fact in caveats[parent])
    if node.note:
        facts[f"{node.note} (at {node.name})"] = None
    for axis, label in enumerate(AXES):
        here = axis_fields[node.name][axis]
        if not here.aligned and all(axis_fields[parent][axis].aligned for parent in parents):
            facts[f"branches not aligned along the {label} at {node.name}: {_apart(here)}"] = None
    return tuple(facts)[:MAX_NOTES]


def first_bound(node: Node, parents: Iterable[str], bounds: Mapping[str, str]) -> str:
    """Why a node's numbers are only upper bounds, from the first node where they became so.

    Args:
        node: the operation.
        parents: its inputs that depend on the image.
        bounds: the same of every earlier node; "" where the numbers are exact.
    """
    before = next((bounds[parent] for parent in parents if bounds[parent]), "")
    return before or (f"{node.bound} (at {node.name})" if node.bound else "")


def at_most(text: str, bound: str) -> str:
    """A number in words: itself where it is exact, ``at most 37×37`` where it is a bound."""
    return f"at most {text}" if bound else text


def sizes_differ(axis: Field, units: int) -> bool:
    """Whether some unit's windows cover more pixels than another's."""
    spans = map(axis.span, range(min(units, 2 * max(path.period for path in axis.paths))))
    seen = {span and span[1] - span[0] + 1 for span in spans}
    if len(axis.paths) > 1:
        seen |= set(_sizes(axis, units))
    return len(seen) > 1


def uneven(axis: Field, units: int) -> bool:
    """Whether neighboring units are not all equally far apart in the image."""
    few = range(min(units, 2 * max(path.period for path in axis.paths) + 1))
    spans = [span for span in map(axis.span, few) if span]
    steps = {sum(b) - sum(a) for a, b in pairwise(spans)}
    return len(steps) > 1 or len(axis.paths) > 1


def _apart(here: Field) -> str:
    if len(here.paths) > 1:
        strides = " and ".join(str(number(path.stride)) for path in here.paths)
        return f"effective strides {strides}"
    return f"centers up to {number(here.gap)} px apart"


def note(axes: tuple[Field, Field], caveats: Iterable[str]) -> str:
    """All caveats about a node's numbers, in one line."""
    sentences = [fact for fact in caveats if fact]
    if axes[0].whole and axes[1].whole:
        sentences = [fact for fact in sentences if GLOBAL in fact]
    for axis, label in zip(axes, AXES, strict=True):
        if axis.grows:
            continue
        sizes = {size for path in axis.paths for size in path.sizes}
        empty = any(span is None for path in axis.paths for span in path.spans)
        if not axis.whole and any(path.period > 1 for path in axis.paths):
            low, high = 0 if empty else min(sizes, default=0), max(sizes, default=0)
            among = f"{low} to {high} px" if low != high else f"always {high} px, moving unevenly"
            sentences.append(f"{label} depends on the output phase: {among}")
        elif empty:
            sentences.append(f"{label}: units read nothing")
    return "; ".join(sentences)
