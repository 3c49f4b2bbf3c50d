"""Questions on connections: which columns an output reads, and which outputs read a column."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import check
from core.layer.window import span_of
from core.networks import Conv, NetworkSpec
from viz.lessons.exercises.question import (
    LayerSubject,
    Mistake,
    NetworkSubject,
    QuestionContent,
    distinct_mistakes,
    ranges_text,
)
from viz.lessons.exercises.seeded_random import SeededRandom
from viz.lessons.exercises.words import equal_pads, layer_text, square


def _sorted_indices(indices: Iterable[int]) -> tuple[int, ...]:
    """Return the distinct indices in ascending order, which is the form of an answer."""
    return tuple(sorted(set(indices)))


def _columns_read(spec: LayerSpec, output: int) -> list[int]:
    """Return the columns that an output column reads; below 0 or past the input are padding."""
    return [int(i) for i in spec.window.taps((output, output))[1]]


def reach_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask which columns reach an output, or which outputs a column reaches.

    Returns:
        The question; None if the random numbers do not suit the level.
    """
    dilated = level == 3 and rng.below(2) == 0
    spec = LayerSpec(
        kernel_size=square(rng.between(2, 5)),
        stride=square(rng.between(1, 3)),
        padding=equal_pads(0 if level == 1 else rng.between(1, 3)),
        dilation=square(rng.between(2, 3) if dilated else 1),
    )
    n = rng.between(7, 14)
    try:
        outputs = check(spec, (n, n))[1]
    except SpecError:
        return None
    if outputs < 2:
        return None
    if level == 3 and not dilated:
        return rng.choice((_outputs_reached_question, _two_layers_question))(rng, spec, n)
    return _columns_read_question(spec, n, rng.below(outputs), level)


def _columns_read_question(
    spec: LayerSpec, n: int, output: int, level: int
) -> QuestionContent | None:
    """Ask which columns of an n×n input an output column reads."""
    taps = _columns_read(spec, output)
    answer = _sorted_indices(i for i in taps if 0 <= i < n)
    clipped = len(answer) < len(taps)
    if not answer or (level == 2 and not clipped and output % 2):
        return None
    s, p = spec.stride[1], spec.padding[1][0]
    first, last = taps[0], taps[-1]
    d = spec.dilation[1]
    inside = f" Negative columns, and those from {n} on, are padding." if clipped else ""
    step = f", every {'second' if d == 2 else 'third'} column" if d > 1 else ""
    shift = f" - {p}" if p else ""
    return QuestionContent(
        text=(
            f"A {layer_text(spec)} reads an input of {n}×{n} (columns 0 to {n - 1}). Which input "
            f"columns does output column **{output}** read?"
        ),
        form="cells",
        answer=answer,
        solution=(
            f"The window's first tap is at $o \\cdot s{' - p' if p else ''} = {output} \\cdot {s}"
            f"{shift} = {first}$, its last at ${first} + {d} \\cdot ({spec.kernel_size[1]} - 1) = "
            f"{last}$: {ranges_text(tuple(taps))}{step}.{inside}\n\nSo: **{ranges_text(answer)}**."
        ),
        mistakes=distinct_mistakes(answer, _columns_read_mistakes(spec, n, output, taps)),
        subject=LayerSubject(spec, (n, n), output=(check(spec, (n, n))[0] // 2, output)),
    )


def _columns_read_mistakes(spec: LayerSpec, n: int, output: int, taps: list[int]) -> list[Mistake]:
    """Return wrong sets of columns that an output reads, each with an explanation."""
    s, p, d = spec.stride[1], spec.padding[1][0], spec.dilation[1]
    k = spec.kernel_size[1]

    def inside(first: int, step: int = d, count: int = k) -> tuple[int, ...]:
        return _sorted_indices(i for i in range(first, first + step * count, step) if 0 <= i < n)

    mistakes: list[Mistake] = [
        (_sorted_indices(taps), f"These are all taps, but columns outside 0 to {n - 1} are padding, not "
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
        (_sorted_indices(i + 1 for i in taps if 0 <= i < n), "Columns are counted from 0, not from 1."),
        (inside(output * s + p), "The padding moves the window to the left, not to the right."),
        (inside(output * s - p, d, k + 1), "One tap too many."),
    ]  # fmt: skip
    return [(cells, why) for cells, why in mistakes if cells]


def _outputs_reached_question(rng: SeededRandom, spec: LayerSpec, n: int) -> QuestionContent | None:
    """Ask which output columns a random column of an n×n input reaches."""
    pixel = rng.below(n)
    outputs = check(spec, (n, n))[1]
    answer = _sorted_indices(o for o in range(outputs) if pixel in _columns_read(spec, o))
    s, p, k = spec.stride[1], spec.padding[1][0], spec.kernel_size[1]
    mistakes: list[Mistake] = [
        (_sorted_indices(i for i in _columns_read(spec, pixel) if 0 <= i < n),
         f"These are the input columns that output {pixel} reads. Asked is the other direction."),
        (_sorted_indices(o for o in range(outputs) if 0 <= pixel - o * s < k),
         f"The padding is missing: window o begins at o·{s} − {p}."),
        (_sorted_indices(o for o in range(outputs) if 0 <= pixel + p - o < k),
         f"The stride is missing: window o begins at o·{s} − {p}."),
        (_sorted_indices(o for o in range(outputs) if 0 <= pixel + p - o * s <= k),
         f"One too many: a window of {k} that begins at b ends at b + {k - 1}."),
        (_sorted_indices(o for o in range(-k, outputs + k) if 0 <= pixel + p - o * s < k),
         f"There are only the outputs 0 to {outputs - 1}."),
        ((pixel // s,), "This is one of them at most: windows overlap when the kernel is larger "
                        "than the stride."),
        (_sorted_indices(range(outputs)), "Most of them are too far away."),
        ((), "Some window does read it."),
    ]  # fmt: skip
    windows = ", ".join(
        f"{o}: {ranges_text(tuple(_columns_read(spec, o)))}" for o in range(outputs)
    )
    return QuestionContent(
        text=(
            f"A {layer_text(spec)} reads an input of {n}×{n} (columns 0 to {n - 1}). Which output "
            f"columns does input column **{pixel}** reach? (`none` if there is none)"
        ),
        form="cells",
        answer=answer,
        solution=(
            f"Output $o$ reads columns $o \\cdot {s} - {p}$ to $o \\cdot {s} - {p} + {k - 1}$. "
            f"Its gradient goes the same way back.\n\n{windows}\n\nColumn {pixel} is in: "
            f"**{ranges_text(answer)}**."
        ),
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (n, n), pixel=(n // 2, pixel)),
    )


def _two_layers_question(rng: SeededRandom, first: LayerSpec, n: int) -> QuestionContent | None:
    """Ask which columns of an n×n input reach a unit of a second, random layer."""
    second = LayerSpec(
        kernel_size=square(rng.between(2, 3)),
        stride=square(rng.between(1, 2)),
        padding=equal_pads(rng.between(0, 1)),
    )
    between = check(first, (n, n))[1]
    try:
        outputs = check(second, (between, between))[1]
    except SpecError:
        return None
    unit = rng.below(outputs)
    middle = [m for m in _columns_read(second, unit) if 0 <= m < between]
    answer = _sorted_indices(i for m in middle for i in _columns_read(first, m) if 0 <= i < n)
    if not answer:
        return None
    all_middle = _columns_read(second, unit)
    mistakes: list[Mistake] = [
        (_sorted_indices(middle), "These are the columns of the map in between. Go through the first layer "
                         "too."),
        (_sorted_indices(i for m in all_middle for i in _columns_read(first, m) if 0 <= i < n),
         "Columns of the padding *between* the layers do not read the input: leave them out "
         "before going further back."),
        (_sorted_indices(i for m in middle for i in _columns_read(first, m)),
         f"Columns outside 0 to {n - 1} are padding, not input."),
        (_sorted_indices(i for m in middle[:1] for i in _columns_read(first, m) if 0 <= i < n),
         f"This follows column {middle[0]} of the map in between alone."),
        (_sorted_indices(i for i in _columns_read(first, unit) if 0 <= i < n),
         "This goes through the first layer only."),
        (_sorted_indices(range(n)), "Not all of them: follow the outermost columns back."),
    ]  # fmt: skip
    parts = ", ".join(f"{m} ← {ranges_text(tuple(_columns_read(first, m)))}" for m in middle)
    return QuestionContent(
        text=(
            f"An input of {n}×{n} (columns 0 to {n - 1}) goes through\n\n1. a {layer_text(first)}\n"
            f"2. a {layer_text(second)}\n\nWhich input columns reach output column **{unit}** of "
            "the second?"
        ),
        form="cells",
        answer=answer,
        solution=(
            f"Backwards: unit {unit} reads columns {ranges_text(tuple(middle))} of the map in between "
            f"(of 0 to {between - 1}); these read {parts}. Inside the input: **{ranges_text(answer)}**."
        ),
        mistakes=distinct_mistakes(answer, [mistake for mistake in mistakes if mistake[0]]),
        subject=NetworkSubject(
            NetworkSpec(tuple(_network_layer(spec) for spec in (first, second))), (1, n, n), unit
        ),
    )


def _network_layer(spec: LayerSpec) -> Conv:
    """Return the same layer as part of a network with one channel."""
    return Conv(spec.kernel_size, 1, spec.stride, spec.padding, spec.dilation)
