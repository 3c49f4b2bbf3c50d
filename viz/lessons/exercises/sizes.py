"""Questions on the output size, on the remainder, and on pixels that no window reads."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import check
from core.layer.sizes import AxisFormula, formula
from core.layer.window import Pair
from viz.lessons.exercises.question import LayerSubject, Mistake, QuestionContent, distinct_mistakes
from viz.lessons.exercises.seeded_random import SeededRandom
from viz.lessons.exercises.words import equal_pads, layer_text, square, times, with_article

Axes = tuple[AxisFormula, AxisFormula]
"""The size formula along the rows and along the columns."""
Rounding = Callable[[float], int]


def _random_layer(rng: SeededRandom, level: int) -> LayerSpec:
    """Return a layer that suits the level: plain; any; or dilated, with ceil_mode, transposed."""
    if level == 1:
        return LayerSpec(
            kernel_size=square(rng.choice((2, 3, 4, 5, 7))),
            stride=square(rng.choice((1, 2, 2, 3))),
            padding=equal_pads(rng.between(0, 3)),
        )
    if level == 2:
        operation = rng.choice(("convolution", "convolution", "max_pooling", "average_pooling"))
        kernel = rng.between(2, 7)
        most = kernel // 2 if operation != "convolution" else 3
        return LayerSpec(
            operation,
            square(kernel),
            square(rng.between(2, 4)),
            equal_pads(rng.between(0, most)),
        )
    return rng.choice((_random_dilated, _random_ceil_pooling, _random_transposed))(rng)


def _random_dilated(rng: SeededRandom) -> LayerSpec:
    """Return a dilated convolution."""
    return LayerSpec(
        kernel_size=square(rng.between(2, 5)),
        stride=square(rng.between(1, 3)),
        padding=equal_pads(rng.between(0, 4)),
        dilation=square(rng.between(2, 4)),
    )


def _random_ceil_pooling(rng: SeededRandom) -> LayerSpec:
    """Return a pooling with ``ceil_mode=True``."""
    kernel = rng.between(2, 5)
    padding = rng.between(0, kernel // 2)
    operation = rng.choice(("max_pooling", "average_pooling"))
    stride = square(rng.between(2, 4))
    return LayerSpec(operation, square(kernel), stride, equal_pads(padding), ceil_mode=True)


def _random_transposed(rng: SeededRandom) -> LayerSpec:
    """Return a transposed convolution."""
    stride = rng.between(2, 4)
    return LayerSpec(
        "transposed_convolution",
        square(rng.between(2, 5)),
        square(stride),
        equal_pads(rng.between(0, 2)),
        output_padding=square(rng.between(0, 1)),
    )


def output_size_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask for the output size of a layer; None if the random layer does not suit the level."""
    spec, height = _random_layer(rng, level), rng.between(6, 40)
    width = rng.between(6, 40) if level > 1 and rng.below(2) else height
    size = height, width
    try:
        answer = check(spec, size)
        axes = formula(spec, size)
    except SpecError:
        return None
    divides = all(axis.quotient.denominator == 1 for axis in axes)
    if (level == 1 and not divides) or (divides and (level == 2 or spec.ceil_mode)):
        return None  # level 1 leaves no remainder; level 2 and ceil_mode are about the rounding
    is_square = height == width
    text = (
        f"A {layer_text(spec)} gets {with_article(times(size))} input. How large is its output"
        f"{'' if is_square else ', as height×width'}?"
    )
    mistakes = (_transposed_mistakes if axes[0].transposed else _size_mistakes)(axes, answer)
    return QuestionContent(
        text=text,
        form="side" if is_square else "pair",
        answer=answer,
        solution=_size_solution(axes),
        mistakes=distinct_mistakes(answer, [each for each in mistakes if min(each[0]) > 0]),
        subject=LayerSubject(spec, size),
    )


def _size_solution(axes: Axes) -> str:
    """Return the worked formula; height and width apart if they differ."""
    rows, cols = axes
    same = rows.latex == cols.latex
    lines = [f"$${rows.rule}$$"]
    if rows.span > rows.kernel_size:
        lines.append(f"The kernel with its holes spans $k = {rows.span_text}$ pixels.")
    lines += [f"$${rows.latex}$$"] if same else [
        rf"$$\text{{height}} = {rows.latex}$$", rf"$$\text{{width}} = {cols.latex}$$"
    ]  # fmt: skip
    if rows.dropped or cols.dropped:
        lines.append(
            "One window less where the last one would start past the input and the padding "
            "before it: PyTorch leaves it out."
        )
    return "\n\n".join(lines)


def _for_both_axes(axes: Axes, size: Callable[[AxisFormula], int]) -> Pair:
    """Return (height, width) from a function that computes the size along one axis."""
    return size(axes[0]), size(axes[1])


def _size_mistakes(axes: Axes, answer: Pair) -> list[tuple[Pair, str]]:
    """Return the wrong output sizes of a convolution or pooling, each with an explanation."""
    axis = axes[0]
    p, s, k, span = axis.before, axis.stride, axis.kernel_size, axis.span

    def outputs(padding: int, span: int, stride: int = s, rounding: Rounding | None = None) -> Pair:
        """Return the output size by a formula with another padding, span, stride or rounding."""
        rounded = rounding or (ceil if axis.ceil_mode else floor)
        return _for_both_axes(axes, lambda a: rounded((a.n + padding - span) / stride) + 1)

    height, width = outputs(2 * p, span)
    mistakes = [
        (outputs(p, span),
         f"This counts the padding on one side only. It stands on both: add 2·{p} = {2 * p}, not "
         f"{p}."),
        ((height - 1, width - 1),
         "The + 1 is missing: the division counts the steps *after* the first window, and the "
         "first window makes an output too."),
        (outputs(2 * p, span, rounding=floor if axis.ceil_mode else ceil),
         "This rounds down. With `ceil_mode=True` a last, incomplete window counts: round up."
         if axis.ceil_mode else
         "This rounds up. A window must fit as a whole, so the quotient is rounded down."),
    ]  # fmt: skip
    if any(a.dropped for a in axes):
        mistakes.append((
            (height, width),
            "With `ceil_mode=True` a window that would *start* past the input (and the padding "
            "before it) is left out: one less.",
        ))  # fmt: skip
    if span > k:
        mistakes += _dilation_mistakes(axis, outputs)
    mistakes += [
        (outputs(0, span),
         f"The padding is missing: {p} on both sides make the input {2 * p} wider."),
        (outputs(2 * p, span, 1),
         f"The stride is missing: of these positions only every {_ordinal(s)} makes an output."),
        ((answer[1], answer[0]), "Height and width are swapped: height comes first."),
        (_for_both_axes(axes, lambda a: a.n // s),
         "This divides the input by the stride. That is right for some kernels and paddings only; "
         f"the kernel of {span} needs room too."),
        (_for_both_axes(axes, lambda a: a.n), "This is the size of the input."),
        (_for_both_axes(axes, lambda a: a.n + 2 * p), "This is the size of the padded input."),
    ]  # fmt: skip
    return mistakes


def _dilation_mistakes(
    axis: AxisFormula, outputs: Callable[[int, int], Pair]
) -> list[tuple[Pair, str]]:
    """Return the mistakes about a dilated kernel; ``outputs`` takes padding and span in pixels."""
    p, k, d, span = axis.before, axis.kernel_size, axis.dilation, axis.span
    return [
        (outputs(2 * p, k),
         f"This takes the kernel for {k} pixels wide. With dilation {d} it spans "
         f"{d}·({k} − 1) + 1 = {span}."),
        (outputs(2 * p, d * k),
         f"A kernel of {k} has {k - 1} gaps, not {k}: with dilation {d} it spans "
         f"{d}·({k} − 1) + 1 = {span}, not {d * k}."),
    ]  # fmt: skip


def _ordinal(n: int) -> str:
    """Return a number from 2 on as an ordinal: ``second``, ``third``, ``4th``."""
    return {2: "second", 3: "third"}.get(n, f"{n}th")


def _transposed_mistakes(axes: Axes, answer: Pair) -> list[tuple[Pair, str]]:
    """Return the wrong output sizes of a transposed convolution, each with an explanation."""
    axis = axes[0]
    p, s, k, extra = axis.before, axis.stride, axis.span, axis.output_padding

    def outputs(cut: int, added: int = extra, fewer_steps: int = 1) -> Pair:
        """Return the output size by a formula with another cut, addition or number of steps."""
        return _for_both_axes(axes, lambda a: (a.n - fewer_steps) * s - cut + k + added)

    return [
        (outputs(p),
         f"The padding of a transposed convolution cuts off *both* ends: take away 2·{p}, not "
         f"{p}."),
        (outputs(2 * p, 0), f"The output_padding is missing: it adds {extra} at one end."),
        (outputs(2 * p, 2 * extra),
         "The output_padding is added at one end only, so it counts once."),
        (outputs(2 * p, fewer_steps=0),
         "n inputs have n − 1 steps between them: (n − 1)·stride, then one whole kernel."),
        (outputs(-2 * p),
         "The padding of a transposed convolution makes the output smaller, not larger."),
        (outputs(0), f"The padding is missing: it cuts {p} off both ends."),
        (_for_both_axes(axes, lambda a: (a.n + 2 * p - k) // s + 1),
         "This is the formula of the ordinary convolution. A transposed one goes the other way: "
         "each input spreads over a whole kernel, a stride apart."),
        (_for_both_axes(axes, lambda a: a.n * s),
         "Input times stride: right for some kernels and paddings only."),
        ((answer[1], answer[0]), "Height and width are swapped: height comes first."),
    ]  # fmt: skip


def remainder_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask for the remainder (level 1) or the number of unread pixels (levels 2 and 3)."""
    dilation = rng.between(2, 3) if level == 3 and rng.below(2) else 1
    stride = rng.between(2, 4) + (level == 3)
    kernel = rng.between(2, 5)
    padding = 0 if level == 1 else rng.between(0, 2)
    spec = LayerSpec(
        kernel_size=square(kernel),
        stride=square(stride),
        padding=equal_pads(padding),
        dilation=square(dilation),
    )
    n = rng.between(7, 24) if level == 1 else rng.between(6, 14)
    try:
        check(spec, (n, n))
    except SpecError:
        return None
    if level == 1:
        return _remainder_columns_question(spec, n)
    unread = int(spec.window.unread((n, n)).mask.sum())
    holes = kernel < stride or dilation > 1
    if holes != (level == 3) or (not unread and rng.below(4)):
        return None
    return _unread_pixels_question(spec, n, unread)


def _remainder_columns_question(spec: LayerSpec, n: int) -> QuestionContent:
    """Ask how many columns of an n×n input lie past the last window."""
    axis = formula(spec, (n, n))[1]
    k, s, remainder = axis.span, axis.stride, axis.remainder
    end = (axis.outputs - 1) * s + k
    mistakes: list[Mistake] = [
        (n % s, f"This is what {n} ÷ {s} leaves. The first window takes {k} columns; only the "
                f"other {n} − {k} = {n - k} are divided by the stride."),
        ((n - k) // s, "This is the quotient: how often the window steps. Asked is what the "
                       "division leaves over."),
        (s - remainder, f"This is how many columns are missing for one more window: {s} − {remainder}."),
        (axis.outputs, "This is the width of the output."),
        (remainder + 1, "One too many: the last column the last window reads is not left over."),
        (n - k, f"This is all that lies past the *first* window. It steps on {axis.outputs - 1} "
                "times."),
    ]  # fmt: skip
    return QuestionContent(
        text=(
            f"A {layer_text(spec)} slides over an input of {n}×{n}. How many columns lie past the "
            "end of the last window (the *remainder*)?"
        ),
        form="number",
        quantity="columns",
        answer=remainder,
        solution=(
            f"$${n} - {k} = {n - k} = {axis.outputs - 1} \\cdot {s} + \\mathbf{{{remainder}}}$$\n\n"
            f"The window steps {axis.outputs - 1} times; the last one covers columns "
            f"{end - k} to {end - 1} of 0 to {n - 1}."
        ),
        mistakes=distinct_mistakes(remainder, mistakes),
        subject=LayerSubject(spec, (n, n)),
    )


def _unread_pixels_question(spec: LayerSpec, n: int, unread: int) -> QuestionContent:
    """Ask how many pixels of an n×n input no window reads; ``unread`` is the answer."""
    axis = spec.window.axes((n, n))[1]
    read, remainder = int((axis.reads > 0).sum()), axis.remainder
    unread_columns = n - read
    unread_at_end = max(0, remainder - spec.padding[1][1])  # without the padding's columns
    mistakes: list[Mistake] = [
        (unread_columns, f"This counts columns. In each of the {n} rows those columns are lost, and as many "
               "rows are lost as a whole."),
        (unread_columns * n, f"{unread_columns}·{n} are the pixels of the columns. Rows are lost as well."),
        (2 * unread_columns * n, "Rows and columns cross: the pixels where they do are counted twice here."),
        (unread_columns * unread_columns, "This counts only the pixels where a lost row crosses a lost column."),
        (n * n - (n - unread_at_end) ** 2, "This counts the rows and columns past the last window. The "
                                  "windows also leave gaps between the pixels they read."),
        (n * n - (n - remainder) ** 2, "The remainder is counted on the *padded* input: what of it is "
                                  "padding loses no pixel."),
        (read * read, f"These are the pixels that *are* read: {read}·{read}."),
        (0, "Some are: look at the end of the last window, and between the windows."),
    ]  # fmt: skip
    cells = ", ".join(str(i) for i in range(n) if not axis.reads[i]) or "none"
    return QuestionContent(
        text=(
            f"A {layer_text(spec)} slides over an input of {n}×{n}. How many of its {n * n} pixels "
            "does no window read?"
        ),
        form="number",
        quantity="pixels",
        answer=unread,
        solution=(
            f"Along one axis the windows read {read} of the {n} pixels; unread: {cells}. "
            "A pixel is read when its row *and* its column are:\n\n"
            f"$${n}^2 - {read}^2 = {n * n} - {read * read} = \\mathbf{{{unread}}}$$"
        ),
        mistakes=distinct_mistakes(unread, mistakes),
        subject=LayerSubject(spec, (n, n)),
    )
