"""Questions on the backward pass: which pixels get a gradient, and how much of it."""

from __future__ import annotations

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import check
from viz.lessons.exercises.draw import Draw
from viz.lessons.exercises.question import Draft, LayerSubject, Mistake, distinct_mistakes, runs
from viz.lessons.exercises.words import described, square


def gradient(draw: Draw, level: int) -> Draft | None:
    """Who gets a gradient?"""
    if level == 1:
        return _reached(draw)
    return _winners(draw) if level == 2 else _upstream(draw)


def _reached(draw: Draw) -> Draft | None:
    """How many pixels get one at all: the winners of a maximum, all that a sum reads."""
    operation = draw.of(("max_pooling", "average_pooling", "convolution", "convolution"))
    stride = draw.between(2, 4)
    kernel = stride if operation != "convolution" else draw.between(1, 4)
    spec = LayerSpec(operation, square(kernel), square(stride))
    n = draw.between(6, 16)
    try:
        outputs = check(spec, (n, n))[0]
    except SpecError:
        return None
    reads = spec.window.axes((n, n))[0].reads
    read = int((reads > 0).sum())
    largest = operation == "max_pooling"
    answer = outputs * outputs if largest else read * read
    claims: list[Mistake] = [
        (n * n, "Not all of them: " + (
            "a maximum passes its gradient to the winner of the window alone."
            if largest else "pixels that no window reads get none.")),
        (read * read, "A maximum depends on its largest value alone: one pixel of each window."),
        (outputs * outputs, "This counts the outputs. A sum or a mean passes gradient to *every* "
                            "pixel of its window."),
        (n * n - answer, "These are the pixels that get none."),
        (outputs, f"There are {outputs} windows along *each* side."),
        (kernel * kernel, "This is one window alone."),
        (0, "Every output passes some gradient on."),
    ]  # fmt: skip
    weights = ", all of its weights positive," if operation == "convolution" else ""
    values = " All input values are different." if largest else ""
    why = (
        f"Windows do not overlap here, and each of the {outputs}·{outputs} has one winner."
        if largest
        else f"Along one axis {read} of the {n} pixels are read, and every pixel that is read "
        "gets its share."
    )
    side = outputs if largest else read
    return Draft(
        text=(
            f"A {described(spec)}{weights} gets an input of {n}×{n}.{values} The loss is the sum "
            f"of all outputs. How many of the {n * n} input pixels get a gradient other than 0?"
        ),
        form="number",
        quantity="pixels",
        answer=answer,
        solution=f"{why}\n\n$${side} \\cdot {side} = \\mathbf{{{answer}}}$$",
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (n, n)),
    )


def _row(values: tuple[int, ...]) -> str:
    """A row of numbers under its column numbers, as a table."""
    heads = " | ".join(map(str, range(len(values))))
    cells = " | ".join(str(v).replace("-", "−") for v in values)
    return f"| column | {heads} |\n|---|{'---|' * len(values)}\n| value | {cells} |"


def _winners(draw: Draw) -> Draft | None:
    """Max pooling over a row of numbers: which columns win?"""
    kernel, stride = draw.between(2, 4), draw.between(1, 3)
    n = draw.between(6, 9)
    values = tuple(draw.shuffled(range(1, 10))[:n])
    spec = LayerSpec("max_pooling", (1, kernel), (1, stride))
    outputs = check(spec, (1, n))[1]
    if outputs < 2:
        return None
    windows = [[int(i) for i in spec.window.taps((0, o))[1]] for o in range(outputs)]
    won = [max(window, key=values.__getitem__) for window in windows]
    answer = tuple(sorted(set(won)))
    claims: list[Mistake] = [
        (tuple(sorted({i for window in windows for i in window})),
         "All of these are read, but a maximum passes its gradient to the winner alone."),
        ((max(range(n), key=values.__getitem__),),
         "This is the largest value of all. Every window has a winner of its own."),
        (tuple(sorted({window[0] for window in windows})),
         "These are the first columns of the windows: the *largest value* wins."),
        (tuple(range(outputs)), "These are the indices of the outputs. Asked are input columns."),
        (tuple(sorted({min(window, key=values.__getitem__) for window in windows})),
         "These are the smallest values of the windows."),
        (tuple(sorted({values[i] for i in won})),
         "These are the winning *values*. Asked are their columns."),
        (tuple(i for i in range(n) if i not in answer), "These are the columns that get nothing."),
        (tuple(sorted({max(range(o * kernel, min(n, (o + 1) * kernel)), key=values.__getitem__)
                       for o in range(-(-n // kernel))})),
         f"This moves on by the kernel's {kernel}. The windows stand {stride} apart."),
    ]  # fmt: skip
    parts = "; ".join(
        f"columns {runs(tuple(window))}: {values[w]} at {w}"
        for window, w in zip(windows, won, strict=True)
    )
    return Draft(
        text=(
            f"Max pooling with kernel 1×{kernel} and stride {stride}, no padding, gets one row:\n\n"
            f"{_row(values)}\n\nThe loss is the sum of all outputs. Which columns get a gradient?"
        ),
        form="cells",
        answer=answer,
        solution=f"The winner of each window, {parts}.\n\nSo: **{runs(answer)}**.",
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (1, n), values=values),
    )


def _upstream(draw: Draw) -> Draft | None:
    """The backward pass of a strided convolution, for one column of a row."""
    kernel, stride, padding = draw.between(2, 4), draw.between(1, 3), draw.between(0, 1)
    n = draw.between(6, 9)
    spec = LayerSpec(
        kernel_size=(1, kernel), stride=(1, stride), padding=((0, 0), (padding, padding))
    )
    outputs = check(spec, (1, n))[1]
    weights = tuple(draw.between(-4, 5) for _ in range(kernel))
    upstream = tuple(draw.between(-3, 4) for _ in range(outputs))
    pixel = draw.below(n)
    if 0 in weights or 0 in upstream or len(set(weights)) < kernel:
        return None

    def total(flip: bool, step: int, before: int) -> int:
        kernel_row = weights[::-1] if flip else weights
        return sum(
            g * kernel_row[pixel + before - o * step]
            for o, g in enumerate(upstream)
            if 0 <= pixel + before - o * step < kernel
        )

    hits = [o for o in range(outputs) if 0 <= pixel + padding - o * stride < kernel]
    answer = total(False, stride, padding)
    if len(hits) < 2 and draw.below(4):
        return None
    terms = [(upstream[o], weights[pixel + padding - o * stride]) for o in hits]
    claims: list[Mistake] = [
        (total(True, stride, padding), "This uses the kernel turned round. Column c gets weight "
                                       f"c − (o·{stride} − {padding}) of window o: the same weight "
                                       "that read it."),
        (total(False, stride, 0), f"The padding is missing: window o begins at o·{stride} − "
                                  f"{padding}."),
        (total(False, 1, padding), f"The stride is missing: window o begins at o·{stride} − "
                                   f"{padding}."),
        *((g * w, "More than one window reads this column: their shares add up.")
          for g, w in terms[:1]),
        (sum(w for _, w in terms), "This adds the weights alone: each is multiplied by the "
                                   "gradient that arrives at its output."),
        (sum(g for g, _ in terms), "This adds the upstream gradients, without the weights."),
        (0, "Some window reads this column, so it gets a share."),
    ]  # fmt: skip
    if not terms:
        claims = claims[:3]
    products = _products(terms)
    windows = ", ".join(f"output {o} (from column {o * stride - padding})" for o in hits) or "none"
    return Draft(
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
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (1, n), pixel=(0, pixel), weights=weights),
    )


def _products(terms: list[tuple[int, int]]) -> str:
    """``3 \\cdot (-2) + 1 \\cdot 4``; 0 where there are none."""

    def factor(value: int) -> str:
        return f"({value})" if value < 0 else str(value)

    return " + ".join(f"{factor(g)} \\cdot {factor(w)}" for g, w in terms) or "0"
