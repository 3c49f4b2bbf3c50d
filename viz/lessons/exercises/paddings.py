"""Questions on padding: which one keeps the size, divides it, or is TensorFlow's SAME."""

from __future__ import annotations

from core.layer import LayerSpec
from core.layer.padding import tf_same
from core.layer.sizes import formula
from core.layer.window import Window2d, span_of
from viz.lessons.exercises.draw import Draw
from viz.lessons.exercises.question import Draft, LayerSubject, Mistake, distinct_mistakes
from viz.lessons.exercises.words import article, pads, square, times


def padding(draw: Draw, level: int) -> Draft | None:
    """Which padding keeps the size, or divides it by the stride?"""
    if level < 3:
        return _keeping(draw, level)
    return draw.of((_dividing, _tensorflow))(draw)


def _keeping(draw: Draw, level: int) -> Draft | None:
    kernel, n = draw.of((3, 5, 7, 9, 11) if level == 1 else (3, 5, 7)), draw.between(12, 56)
    dilation = 1 if level == 1 else draw.between(2, 5)
    span = span_of(kernel, dilation)
    answer = (span - 1) // 2
    if answer > 10 or span > n:
        return None
    spec = LayerSpec(kernel_size=square(kernel), padding=pads(answer), dilation=square(dilation))
    claims: list[Mistake] = [
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
    return Draft(
        text=(
            f"Which padding, the same on every side, lets a {kernel}×{kernel} convolution with "
            f"stride 1{dilated} keep the size of {article(times((n, n)))} input?"
        ),
        form="number",
        quantity="padding",
        answer=answer,
        solution=(
            f"The kernel spans $k = {dilation}({kernel} - 1) + 1 = {span}$ pixels. At stride 1 the "
            f"output is $n + 2p - k + 1$, which is $n$ for\n\n"
            rf"$$p = \frac{{k - 1}}{{2}} = \frac{{{span} - 1}}{{2}} = \mathbf{{{answer}}}$$"
        ),
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (n, n)),
    )


def _dividing(draw: Draw) -> Draft | None:
    stride = draw.between(2, 4)
    kernel, n = draw.between(stride + 1, 11), stride * draw.between(4, 16)
    goal = n // stride
    fitting = [p for p in range(11) if _outputs(n, kernel, stride, p) == goal]
    if not fitting or n > 64:
        return None
    answer = fitting[0]
    spec = LayerSpec(kernel_size=square(kernel), stride=square(stride), padding=pads(answer))
    need = (goal - 1) * stride + kernel - n
    claims: list[Mistake] = [
        ((kernel - 1) // 2, f"This would keep the size at stride 1. At stride {stride} less is "
                            "enough, because the quotient is rounded down."),
        (need, f"{need} pixels are missing, but padding stands on both sides: half of it."),
        (kernel // 2, "Half the kernel works too, but it is not the smallest."),
        *((p, "This gives the size that is asked for, but a smaller padding does too.")
          for p in fitting[1:]),
        *((p, f"With padding {p} the output is {_outputs(n, kernel, stride, p)} wide.")
          for p in range(answer) if n + 2 * p >= kernel),
    ]  # fmt: skip
    return Draft(
        text=(
            f"A {kernel}×{kernel} convolution with stride {stride} shall turn {n}×{n} into "
            f"{goal}×{goal}. What is the smallest padding, the same on every side, that does it?"
        ),
        form="number",
        quantity="padding",
        answer=answer,
        solution=(
            f"{goal} windows need $({goal} - 1) \\cdot {stride} + {kernel} = {need + n}$ pixels; "
            f"there are {n}. Missing: {max(need, 0)}, half of it on each side, rounded up: "
            f"$p = \\mathbf{{{answer}}}$. Check:\n\n"
            f"$${formula(spec, (n, n))[1].latex}$$"
        ),
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (n, n)),
    )


def _outputs(n: int, kernel: int, stride: int, padding: int) -> int:
    room = n + 2 * padding - kernel
    return room // stride + 1 if room >= 0 else 0


def _tensorflow(draw: Draw) -> Draft | None:
    kernel, stride, n = draw.between(2, 7), draw.between(2, 4), draw.between(7, 60)
    window = Window2d(square(kernel), square(stride))
    sides = tf_same((n, n), window)
    before, after = sides[1]
    answer, goal = before + after, -(-n // stride)
    spec = LayerSpec(kernel_size=square(kernel), stride=square(stride), padding=sides)
    claims: list[Mistake] = [
        (kernel - 1, "This is the padding of stride 1. SAME pads only as much as "
                     f"{goal} windows need."),
        (before, "This stands before the first column. Asked is left and right together."),
        (after, "This stands after the last column. Asked is left and right together."),
        (2 * after, "SAME need not pad both sides alike: the odd column comes after."),
        (2 * (kernel // 2), f"PyTorch's padding {kernel // 2} would put that much. TensorFlow's "
                            "SAME looks at the input's size too."),
        (0, f"Without padding {_outputs(n, kernel, stride, 0)} windows fit; SAME gives "
            f"⌈{n}/{stride}⌉ = {goal}."),
    ]  # fmt: skip
    need = (goal - 1) * stride + kernel
    return Draft(
        text=(
            f"TensorFlow's `padding=\"same\"` on {article(times((n, n)))} input, {kernel}×{kernel} "
            f"kernel, stride {stride}: how many columns of padding does it add, left and right "
            "together?"
        ),
        form="number",
        quantity="columns",
        answer=answer,
        solution=(
            f"SAME gives $\\lceil {n} / {stride} \\rceil = {goal}$ outputs. They need "
            f"$({goal} - 1) \\cdot {stride} + {kernel} = {need}$ columns; there are {n}, so "
            f"$\\max(0, {need} - {n}) = \\mathbf{{{answer}}}$: {before} before, {after} after."
        ),
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (n, n)),
    )  # fmt: skip
