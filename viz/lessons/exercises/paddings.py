"""Questions on padding: to keep the size, to divide it by the stride, and TensorFlow's SAME."""

from __future__ import annotations

from core.layer import LayerSpec
from core.layer.padding import tf_same
from core.layer.sizes import formula
from core.layer.window import Window2d, span_of
from viz.lessons.exercises.question import LayerSubject, Mistake, QuestionContent, distinct_mistakes
from viz.lessons.exercises.seeded_random import SeededRandom
from viz.lessons.exercises.words import equal_pads, square, times, with_article


def padding_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask for a padding; None if the random numbers do not suit the level."""
    if level < 3:
        return _size_keeping_question(rng, level)
    return rng.choice((_size_dividing_question, _tensorflow_question))(rng)


def _size_keeping_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask for the padding that keeps the size at stride 1, with dilation at level 2."""
    kernel, n = rng.choice((3, 5, 7, 9, 11) if level == 1 else (3, 5, 7)), rng.between(12, 56)
    dilation = 1 if level == 1 else rng.between(2, 5)
    span = span_of(kernel, dilation)
    answer = (span - 1) // 2
    if answer > 10 or span > n:
        return None
    spec = LayerSpec(
        kernel_size=square(kernel), padding=equal_pads(answer), dilation=square(dilation)
    )
    mistakes: list[Mistake] = [
        (span - 1, f"This is the padding of both sides together: half of it, {answer}, stands on "
                   "each side."),
        ((kernel - 1) // 2, f"This is right without dilation. With dilation {dilation} the kernel "
                            f"spans {span} pixels, not {kernel}."),
        (dilation * kernel // 2, f"The span is {dilation}·({kernel} − 1) + 1 = {span}, not "
                                 f"{dilation}·{kernel}."),
        ((span + 1) // 2, "Half the span rounded up is one too many: the output grows by 2."),
        (span, "This is the whole span: the output would be larger than the input."),
        (1, "1 keeps the size of a 3×3 kernel without dilation only."),
        (0, "Without padding the output loses the kernel's span minus one."),
        (kernel - 1, "This belongs to both sides together, and forgets the dilation."),
    ]  # fmt: skip
    dilated = f", dilation {dilation}" if dilation > 1 else ""
    return QuestionContent(
        text=(
            f"Which padding, the same on every side, lets a {kernel}×{kernel} convolution with "
            f"stride 1{dilated} keep the size of {with_article(times((n, n)))} input?"
        ),
        form="number",
        quantity="padding",
        answer=answer,
        solution=(
            f"The kernel spans $k = {dilation}({kernel} - 1) + 1 = {span}$ pixels. At stride 1 the "
            f"output is $n + 2p - k + 1$, which is $n$ for\n\n"
            rf"$$p = \frac{{k - 1}}{{2}} = \frac{{{span} - 1}}{{2}} = \mathbf{{{answer}}}$$"
        ),
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (n, n)),
    )


def _size_dividing_question(rng: SeededRandom) -> QuestionContent | None:
    """Ask for the smallest padding that divides the size by the stride."""
    stride = rng.between(2, 4)
    kernel, n = rng.between(stride + 1, 11), stride * rng.between(4, 16)
    output_side = n // stride
    suitable = [p for p in range(11) if _output_size(n, kernel, stride, p) == output_side]
    if not suitable or n > 64:
        return None
    answer = suitable[0]
    spec = LayerSpec(kernel_size=square(kernel), stride=square(stride), padding=equal_pads(answer))
    missing = (output_side - 1) * stride + kernel - n
    mistakes: list[Mistake] = [
        ((kernel - 1) // 2, f"This would keep the size at stride 1. At stride {stride} less is "
                            "enough, because the quotient is rounded down."),
        (missing, f"{missing} pixels are missing, but padding stands on both sides: half of it."),
        (kernel // 2, "Half the kernel works too, but it is not the smallest."),
        *((p, "This gives the size that is asked for, but a smaller padding does too.")
          for p in suitable[1:]),
        *((p, f"With padding {p} the output is {_output_size(n, kernel, stride, p)} wide.")
          for p in range(answer) if n + 2 * p >= kernel),
    ]  # fmt: skip
    return QuestionContent(
        text=(
            f"A {kernel}×{kernel} convolution with stride {stride} shall turn {n}×{n} into "
            f"{output_side}×{output_side}. What is the smallest padding, the same on every side, that does it?"
        ),
        form="number",
        quantity="padding",
        answer=answer,
        solution=(
            f"{output_side} windows need $({output_side} - 1) \\cdot {stride} + {kernel} = {missing + n}$ pixels; "
            f"there are {n}. Missing: {max(missing, 0)}, half of it on each side, rounded up: "
            f"$p = \\mathbf{{{answer}}}$. Check:\n\n"
            f"$${formula(spec, (n, n))[1].latex}$$"
        ),
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (n, n)),
    )


def _output_size(n: int, kernel: int, stride: int, padding: int) -> int:
    """Return the output size along one axis; 0 if not even one window fits."""
    room = n + 2 * padding - kernel
    return room // stride + 1 if room >= 0 else 0


def _tensorflow_question(rng: SeededRandom) -> QuestionContent | None:
    """Ask how many columns TensorFlow's SAME pads in all."""
    kernel, stride, n = rng.between(2, 7), rng.between(2, 4), rng.between(7, 60)
    window = Window2d(square(kernel), square(stride))
    sides = tf_same((n, n), window)
    before, after = sides[1]
    answer, output_side = before + after, -(-n // stride)
    spec = LayerSpec(kernel_size=square(kernel), stride=square(stride), padding=sides)
    mistakes: list[Mistake] = [
        (kernel - 1, "This is the padding of stride 1. SAME pads only as much as "
                     f"{output_side} windows need."),
        (before, "This stands before the first column. Asked is left and right together."),
        (after, "This stands after the last column. Asked is left and right together."),
        (2 * after, "SAME need not pad both sides alike: the odd column comes after."),
        (2 * (kernel // 2), f"PyTorch's padding {kernel // 2} would put that much. TensorFlow's "
                            "SAME looks at the input's size too."),
        (0, f"Without padding {_output_size(n, kernel, stride, 0)} windows fit; SAME gives "
            f"⌈{n}/{stride}⌉ = {output_side}."),
    ]  # fmt: skip
    missing = (output_side - 1) * stride + kernel
    return QuestionContent(
        text=(
            f"TensorFlow's `padding=\"same\"` on {with_article(times((n, n)))} input, {kernel}×{kernel} "
            f"kernel, stride {stride}: how many columns of padding does it add, left and right "
            "together?"
        ),
        form="number",
        quantity="columns",
        answer=answer,
        solution=(
            f"SAME gives $\\lceil {n} / {stride} \\rceil = {output_side}$ outputs. They need "
            f"$({output_side} - 1) \\cdot {stride} + {kernel} = {missing}$ columns; there are {n}, so "
            f"$\\max(0, {missing} - {n}) = \\mathbf{{{answer}}}$: {before} before, {after} after."
        ),
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (n, n)),
    )  # fmt: skip
