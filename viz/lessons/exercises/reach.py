"""Questions on single units: which input pixels reach an output, and which outputs a pixel."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import check
from core.layer.window import span_of
from core.networks import Conv, NetworkSpec
from viz.lessons.exercises.draw import Draw
from viz.lessons.exercises.question import (
    Draft,
    LayerSubject,
    Mistake,
    NetworkSubject,
    distinct_mistakes,
    runs,
)
from viz.lessons.exercises.words import described, pads, square


def _cells(indices: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(indices)))


def _taps(spec: LayerSpec, output: int) -> list[int]:
    """Columns of the padded input's coordinates that an output column reads."""
    return [int(i) for i in spec.window.taps((output, output))[1]]


def reach(draw: Draw, level: int) -> Draft | None:
    """Which columns does an output read? Or, the other way, which outputs read a column?"""
    dilated = level == 3 and draw.below(2) == 0
    spec = LayerSpec(
        kernel_size=square(draw.between(2, 5)),
        stride=square(draw.between(1, 3)),
        padding=pads(0 if level == 1 else draw.between(1, 3)),
        dilation=square(draw.between(2, 3) if dilated else 1),
    )
    n = draw.between(7, 14)
    try:
        outputs = check(spec, (n, n))[1]
    except SpecError:
        return None
    if outputs < 2:
        return None
    if level == 3 and not dilated:
        return draw.of((_backwards, _two_layers))(draw, spec, n)
    return _forwards(spec, n, draw.below(outputs), level)


def _forwards(spec: LayerSpec, n: int, output: int, level: int) -> Draft | None:
    taps = _taps(spec, output)
    answer = _cells(i for i in taps if 0 <= i < n)
    clipped = len(answer) < len(taps)
    if not answer or (level == 2 and not clipped and output % 2):
        return None
    s, p = spec.stride[1], spec.padding[1][0]
    first, last = taps[0], taps[-1]
    d = spec.dilation[1]
    inside = f" Negative columns, and those from {n} on, are padding." if clipped else ""
    step = f", every {'second' if d == 2 else 'third'} column" if d > 1 else ""
    shift = f" - {p}" if p else ""
    return Draft(
        text=(
            f"A {described(spec)} reads an input of {n}×{n} (columns 0 to {n - 1}). Which input "
            f"columns does output column **{output}** read?"
        ),
        form="cells",
        answer=answer,
        solution=(
            f"The window's first tap is at $o \\cdot s{' - p' if p else ''} = {output} \\cdot {s}"
            f"{shift} = {first}$, its last at ${first} + {d} \\cdot ({spec.kernel_size[1]} - 1) = "
            f"{last}$: {runs(tuple(taps))}{step}.{inside}\n\nSo: **{runs(answer)}**."
        ),
        mistakes=distinct_mistakes(answer, _reach_claims(spec, n, output, taps)),
        subject=LayerSubject(spec, (n, n), output=(check(spec, (n, n))[0] // 2, output)),
    )


def _reach_claims(spec: LayerSpec, n: int, output: int, taps: list[int]) -> list[Mistake]:
    s, p, d = spec.stride[1], spec.padding[1][0], spec.dilation[1]
    k = spec.kernel_size[1]

    def inside(first: int, step: int = d, count: int = k) -> tuple[int, ...]:
        return _cells(i for i in range(first, first + step * count, step) if 0 <= i < n)

    claims: list[Mistake] = [
        (_cells(taps), f"These are all taps, but columns outside 0 to {n - 1} are padding, not "
                       "input."),
        (inside(output * s), f"The padding is missing: it moves every window {p} to the left."),
        (inside(output - p), f"The stride is missing: output {output} stands at {output}·{s}, "
                             f"minus the padding."),
        (inside(output * s - p, 1), f"The kernel has holes: with dilation {d} its taps are {d} "
                                    "columns apart."),
        (inside(output * s - p, 1, span_of(k, d)), "This is all that the kernel spans. Between "
                                                     f"its taps, {d} apart, it reads nothing."),
        (inside((output - 1) * s - p), "One window too early: outputs are counted from 0."),
        (inside((output + 1) * s - p), "One window too late: outputs are counted from 0."),
        (_cells(i + 1 for i in taps if 0 <= i < n), "Columns are counted from 0, not from 1."),
        (inside(output * s + p), "The padding moves the window to the left, not to the right."),
        (inside(output * s - p, d, k + 1), "One tap too many."),
    ]  # fmt: skip
    return [(cells, why) for cells, why in claims if cells]


def _backwards(draw: Draw, spec: LayerSpec, n: int) -> Draft | None:
    pixel = draw.below(n)
    outputs = check(spec, (n, n))[1]
    answer = _cells(o for o in range(outputs) if pixel in _taps(spec, o))
    s, p, k = spec.stride[1], spec.padding[1][0], spec.kernel_size[1]
    claims: list[Mistake] = [
        (_cells(i for i in _taps(spec, pixel) if 0 <= i < n),
         f"These are the input columns that output {pixel} reads. Asked is the other direction."),
        (_cells(o for o in range(outputs) if 0 <= pixel - o * s < k),
         f"The padding is missing: window o begins at o·{s} − {p}."),
        (_cells(o for o in range(outputs) if 0 <= pixel + p - o < k),
         f"The stride is missing: window o begins at o·{s} − {p}."),
        (_cells(o for o in range(outputs) if 0 <= pixel + p - o * s <= k),
         f"One too many: a window of {k} that begins at b ends at b + {k - 1}."),
        (_cells(o for o in range(-k, outputs + k) if 0 <= pixel + p - o * s < k),
         f"There are only the outputs 0 to {outputs - 1}."),
        ((pixel // s,), "This is one of them at most: windows overlap when the kernel is larger "
                        "than the stride."),
        (_cells(range(outputs)), "Most of them are too far away."),
        ((), "Some window does read it."),
    ]  # fmt: skip
    windows = ", ".join(f"{o}: {runs(tuple(_taps(spec, o)))}" for o in range(outputs))
    return Draft(
        text=(
            f"A {described(spec)} reads an input of {n}×{n} (columns 0 to {n - 1}). Which output "
            f"columns does input column **{pixel}** reach? (`none` if there is none)"
        ),
        form="cells",
        answer=answer,
        solution=(
            f"Output $o$ reads columns $o \\cdot {s} - {p}$ to $o \\cdot {s} - {p} + {k - 1}$. "
            f"Its gradient goes the same way back.\n\n{windows}\n\nColumn {pixel} is in: "
            f"**{runs(answer)}**."
        ),
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (n, n), pixel=(n // 2, pixel)),
    )


def _two_layers(draw: Draw, first: LayerSpec, n: int) -> Draft | None:
    """One unit of the second layer, through both: taps of taps, clipped at both borders."""
    second = LayerSpec(
        kernel_size=square(draw.between(2, 3)),
        stride=square(draw.between(1, 2)),
        padding=pads(draw.between(0, 1)),
    )
    between = check(first, (n, n))[1]
    try:
        outputs = check(second, (between, between))[1]
    except SpecError:
        return None
    unit = draw.below(outputs)
    middle = [m for m in _taps(second, unit) if 0 <= m < between]
    answer = _cells(i for m in middle for i in _taps(first, m) if 0 <= i < n)
    if not answer:
        return None
    all_middle = _taps(second, unit)
    claims: list[Mistake] = [
        (_cells(middle), "These are the columns of the map in between. Go through the first layer "
                         "too."),
        (_cells(i for m in all_middle for i in _taps(first, m) if 0 <= i < n),
         "Columns of the padding *between* the layers do not read the input: leave them out "
         "before going further back."),
        (_cells(i for m in middle for i in _taps(first, m)),
         f"Columns outside 0 to {n - 1} are padding, not input."),
        (_cells(i for m in middle[:1] for i in _taps(first, m) if 0 <= i < n),
         f"This follows column {middle[0]} of the map in between alone."),
        (_cells(i for i in _taps(first, unit) if 0 <= i < n),
         "This goes through the first layer only."),
        (_cells(range(n)), "Not all of them: follow the outermost columns back."),
    ]  # fmt: skip
    parts = ", ".join(f"{m} ← {runs(tuple(_taps(first, m)))}" for m in middle)
    return Draft(
        text=(
            f"An input of {n}×{n} (columns 0 to {n - 1}) goes through\n\n1. a {described(first)}\n"
            f"2. a {described(second)}\n\nWhich input columns reach output column **{unit}** of "
            "the second?"
        ),
        form="cells",
        answer=answer,
        solution=(
            f"Backwards: unit {unit} reads columns {runs(tuple(middle))} of the map in between "
            f"(of 0 to {between - 1}); these read {parts}. Inside the input: **{runs(answer)}**."
        ),
        mistakes=distinct_mistakes(answer, [claim for claim in claims if claim[0]]),
        subject=NetworkSubject(
            NetworkSpec(tuple(_conv(spec) for spec in (first, second))), (1, n, n), unit
        ),
    )


def _conv(spec: LayerSpec) -> Conv:
    return Conv(spec.kernel_size, 1, spec.stride, spec.padding, spec.dilation)
