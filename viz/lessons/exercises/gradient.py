"""Questions on the backward pass: which pixels get a gradient, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import check
from viz.lessons.exercises.question import (
    LayerSubject,
    Mistake,
    QuestionContent,
    distinct_mistakes,
    ranges_text,
)
from viz.lessons.exercises.seeded_random import SeededRandom
from viz.lessons.exercises.words import layer_text, square


def gradient_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask about the gradient of a layer's input; None if the random numbers do not suit."""
    if level == 1:
        return _reached_pixels_question(rng)
    return _max_pool_winners_question(rng) if level == 2 else _backward_question(rng)


def _reached_pixels_question(rng: SeededRandom) -> QuestionContent | None:
    """Ask how many input pixels get a gradient that is not 0."""
    operation = rng.choice(("max_pooling", "average_pooling", "convolution", "convolution"))
    stride = rng.between(2, 4)
    kernel = stride if operation != "convolution" else rng.between(1, 4)
    spec = LayerSpec(operation, square(kernel), square(stride))
    n = rng.between(6, 16)
    try:
        outputs = check(spec, (n, n))[0]
    except SpecError:
        return None
    reads = spec.window.axes((n, n))[0].reads
    read = int((reads > 0).sum())
    is_maximum = operation == "max_pooling"
    answer = outputs * outputs if is_maximum else read * read
    mistakes: list[Mistake] = [
        (n * n, "Not all of them: " + (
            "a maximum passes its gradient to the winner of the window alone."
            if is_maximum else "pixels that no window reads get none.")),
        (read * read, "A maximum depends on its largest value alone: one pixel of each window."),
        (outputs * outputs, "This counts the outputs. A sum or a mean passes gradient to *every* "
                            "pixel of its window."),
        (n * n - answer, "These are the pixels that get none."),
        (outputs, f"There are {outputs} windows along *each* side."),
        (kernel * kernel, "This is one window alone."),
        (0, "Every output passes some gradient on."),
    ]  # fmt: skip
    weights = ", all of its weights positive," if operation == "convolution" else ""
    values = " All input values are different." if is_maximum else ""
    why = (
        f"Windows do not overlap here, and each of the {outputs}·{outputs} has one winner."
        if is_maximum
        else f"Along one axis {read} of the {n} pixels are read, and every pixel that is read "
        "gets its share."
    )
    side = outputs if is_maximum else read
    return QuestionContent(
        text=(
            f"A {layer_text(spec)}{weights} gets an input of {n}×{n}.{values} The loss is the sum "
            f"of all outputs. How many of the {n * n} input pixels get a gradient other than 0?"
        ),
        form="number",
        quantity="pixels",
        answer=answer,
        solution=f"{why}\n\n$${side} \\cdot {side} = \\mathbf{{{answer}}}$$",
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (n, n)),
    )


def _values_table(values: tuple[int, ...]) -> str:
    """Return a Markdown table of one row of numbers with their column indices above."""
    heads = " | ".join(map(str, range(len(values))))
    cells = " | ".join(str(v).replace("-", "−") for v in values)
    return f"| column | {heads} |\n|---|{'--:|' * len(values)}\n| value | {cells} |"


def _max_pool_winners_question(rng: SeededRandom) -> QuestionContent | None:
    """Ask which columns of a row of numbers get gradient from max pooling."""
    kernel, stride = rng.between(2, 4), rng.between(1, 3)
    n = rng.between(6, 9)
    values = tuple(rng.shuffled(range(1, 10))[:n])
    spec = LayerSpec("max_pooling", (1, kernel), (1, stride))
    outputs = check(spec, (1, n))[1]
    if outputs < 2:
        return None
    windows = [[int(i) for i in spec.window.taps((0, o))[1]] for o in range(outputs)]
    winners = [max(window, key=values.__getitem__) for window in windows]
    answer = tuple(sorted(set(winners)))
    mistakes: list[Mistake] = [
        (tuple(sorted({i for window in windows for i in window})),
         "All of these are read, but a maximum passes its gradient to the winner alone."),
        ((max(range(n), key=values.__getitem__),),
         "This is the largest value of all. Every window has a winner of its own."),
        (tuple(sorted({window[0] for window in windows})),
         "These are the first columns of the windows: the *largest value* wins."),
        (tuple(range(outputs)), "These are the indices of the outputs. Asked are input columns."),
        (tuple(sorted({min(window, key=values.__getitem__) for window in windows})),
         "These are the smallest values of the windows."),
        (tuple(sorted({values[i] for i in winners})),
         "These are the winning *values*. Asked are their columns."),
        (tuple(i for i in range(n) if i not in answer), "These are the columns that get nothing."),
        (tuple(sorted({max(range(o * kernel, min(n, (o + 1) * kernel)), key=values.__getitem__)
                       for o in range(-(-n // kernel))})),
         f"This moves on by the kernel's {kernel}. The windows stand {stride} apart."),
    ]  # fmt: skip
    parts = "; ".join(
        f"columns {ranges_text(tuple(window))}: {values[w]} at {w}"
        for window, w in zip(windows, winners, strict=True)
    )
    return QuestionContent(
        text=(
            f"Max pooling with kernel 1×{kernel} and stride {stride}, no padding, gets one row:\n\n"
            f"{_values_table(values)}\n\nThe loss is the sum of all outputs. Which columns get a gradient?"
        ),
        form="cells",
        answer=answer,
        solution=f"The winner of each window, {parts}.\n\nSo: **{ranges_text(answer)}**.",
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (1, n), values=values),
    )


@dataclass(frozen=True)
class _RowConvolution:
    """A convolution along one row, with the gradient of its outputs.

    Attributes:
        weights: The kernel's weights.
        upstream: The gradient of each output.
        stride, padding: Of the convolution, in columns.
        pixel: The input column whose gradient is wanted.
    """

    weights: tuple[int, ...]
    upstream: tuple[int, ...]
    stride: int
    padding: int
    pixel: int

    def terms(self) -> dict[int, tuple[int, int]]:
        """Return, for each output that reads the pixel, its gradient and the weight it uses."""
        taps = {
            output: self.pixel + self.padding - output * self.stride
            for output in range(len(self.upstream))
        }
        return {
            output: (self.upstream[output], self.weights[tap])
            for output, tap in taps.items()
            if 0 <= tap < len(self.weights)
        }

    def gradient(self) -> int:
        """Return the gradient of the input at the pixel."""
        return sum(g * w for g, w in self.terms().values())


def _backward_question(rng: SeededRandom) -> QuestionContent | None:
    """Ask for the gradient at one input column of a strided convolution along a row."""
    kernel, stride, padding = rng.between(2, 4), rng.between(1, 3), rng.between(0, 1)
    n = rng.between(6, 9)
    spec = LayerSpec(
        kernel_size=(1, kernel), stride=(1, stride), padding=((0, 0), (padding, padding))
    )
    outputs = check(spec, (1, n))[1]
    weights = tuple(rng.between(-4, 5) for _ in range(kernel))
    upstream = tuple(rng.between(-3, 4) for _ in range(outputs))
    pixel = rng.below(n)
    if 0 in weights or 0 in upstream or len(set(weights)) < kernel:
        return None
    row = _RowConvolution(weights, upstream, stride, padding, pixel)
    terms, answer = row.terms(), row.gradient()
    if len(terms) < 2 and rng.below(4):
        return None
    windows = ", ".join(f"output {o} (from column {o * stride - padding})" for o in terms) or "none"
    products = _latex_products(list(terms.values()))
    return QuestionContent(
        text=(
            f"A convolution of one row: kernel `{list(weights)}`, stride {stride}, padding "
            f"{padding}, {n} input columns, {outputs} outputs. From above the outputs get the "
            f"gradients `{list(upstream)}`. Which gradient reaches input column **{pixel}**?"
        ),
        form="number",
        quantity="gradient",
        answer=answer,
        solution=(
            f"Windows that read column {pixel}: {windows}. Each sends back its gradient times the "
            f"weight that reads this column:\n\n$${products} = \\mathbf{{{answer}}}$$"
        ),
        mistakes=distinct_mistakes(answer, _backward_mistakes(row)),
        subject=LayerSubject(spec, (1, n), pixel=(0, pixel), weights=weights),
    )


def _backward_mistakes(row: _RowConvolution) -> list[Mistake]:
    """Return the wrong gradients at the row's pixel, each with an explanation."""
    terms, stride, padding = list(row.terms().values()), row.stride, row.padding
    formulas: list[Mistake] = [
        (replace(row, weights=row.weights[::-1]).gradient(),
         f"This uses the kernel turned round. Column c gets weight c − (o·{stride} − {padding}) of "
         "window o: the same weight that read it."),
        (replace(row, padding=0).gradient(),
         f"The padding is missing: window o begins at o·{stride} − {padding}."),
        (replace(row, stride=1).gradient(),
         f"The stride is missing: window o begins at o·{stride} − {padding}."),
    ]  # fmt: skip
    if not terms:
        return formulas
    return [
        *formulas,
        (terms[0][0] * terms[0][1],
         "More than one window reads this column: their shares add up."),
        (sum(w for _, w in terms),
         "This adds the weights alone: each is multiplied by the gradient that arrives at its "
         "output."),
        (sum(g for g, _ in terms), "This adds the upstream gradients, without the weights."),
        (0, "Some window reads this column, so it gets a share."),
    ]  # fmt: skip


def _latex_products(terms: list[tuple[int, int]]) -> str:
    """Return a sum of products in LaTeX: ``3 \\cdot (-2) + 1 \\cdot 4``, or ``0`` for none."""

    def factor(value: int) -> str:
        """Return a factor, in brackets if it is negative."""
        return f"({value})" if value < 0 else str(value)

    return " + ".join(f"{factor(g)} \\cdot {factor(w)}" for g, w in terms) or "0"
