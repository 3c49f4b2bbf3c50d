"""Questions on sizes: of the output, of what is left over, of what is never read."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import check
from core.layer.sizes import AxisFormula, formula
from core.layer.window import Pair
from viz.lessons.exercises.draw import Draw
from viz.lessons.exercises.question import Draft, LayerSubject, Mistake, distinct_mistakes
from viz.lessons.exercises.words import article, described, pads, square, times


def _layer(draw: Draw, level: int) -> LayerSpec:
    """A layer of the level: plain; with a remainder; dilated, rounded up or transposed."""
    if level == 1:
        return LayerSpec(
            kernel_size=square(draw.of((2, 3, 4, 5, 7))),
            stride=square(draw.of((1, 2, 2, 3))),
            padding=pads(draw.between(0, 3)),
        )
    if level == 2:
        operation = draw.of(("convolution", "convolution", "max_pooling", "average_pooling"))
        kernel = draw.between(2, 7)
        most = kernel // 2 if operation != "convolution" else 3
        return LayerSpec(
            operation,
            square(kernel),
            square(draw.between(2, 4)),
            pads(draw.between(0, most)),
        )
    return draw.of((_dilated, _rounded_up, _transposed))(draw)


def _dilated(draw: Draw) -> LayerSpec:
    return LayerSpec(
        kernel_size=square(draw.between(2, 5)),
        stride=square(draw.between(1, 3)),
        padding=pads(draw.between(0, 4)),
        dilation=square(draw.between(2, 4)),
    )


def _rounded_up(draw: Draw) -> LayerSpec:
    kernel = draw.between(2, 5)
    padding = draw.between(0, kernel // 2)
    operation = draw.of(("max_pooling", "average_pooling"))
    stride = square(draw.between(2, 4))
    return LayerSpec(operation, square(kernel), stride, pads(padding), ceil_mode=True)


def _transposed(draw: Draw) -> LayerSpec:
    stride = draw.between(2, 4)
    return LayerSpec(
        "transposed_convolution",
        square(draw.between(2, 5)),
        square(stride),
        pads(draw.between(0, 2)),
        output_padding=square(draw.between(0, 1)),
    )


def output_size(draw: Draw, level: int) -> Draft | None:
    """How large is the output?"""
    spec, height = _layer(draw, level), draw.between(6, 40)
    width = draw.between(6, 40) if level > 1 and draw.below(2) else height
    size = height, width
    try:
        answer = check(spec, size)
        axes = formula(spec, size)
    except SpecError:
        return None
    whole = all(axis.quotient.denominator == 1 for axis in axes)
    if (level == 1 and not whole) or (whole and (level == 2 or spec.ceil_mode)):
        return None  # what a level is about: the plain formula, the rounding, the rest
    is_square = height == width
    text = (
        f"A {described(spec)} gets {article(times(size))} input. How large is its output"
        f"{'' if is_square else ', as height×width'}?"
    )
    claims = _transposed_claims if axes[0].transposed else _size_claims
    return Draft(
        text=text,
        form="side" if is_square else "pair",
        answer=answer,
        solution=_size_solution(axes),
        mistakes=distinct_mistakes(
            answer, (claim for claim in claims(axes, answer) if _is_size(claim))
        ),
        subject=LayerSubject(spec, size),
    )


def _size_solution(axes: tuple[AxisFormula, AxisFormula]) -> str:
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


def _is_size(claim: Mistake) -> bool:
    sides, _ = claim
    return isinstance(sides, tuple) and min(sides) > 0


def _pair(values: Iterator[int]) -> Pair:
    height, width = values
    return height, width


def _size_claims(axes: tuple[AxisFormula, AxisFormula], answer: Pair) -> Iterator[Mistake]:
    a = axes[0]
    p, s, k = a.before, a.stride, a.kernel_size
    rounding = ceil if a.ceil_mode else floor

    def outputs(before: int, after: int, span: int, stride: int, one: int = 1) -> Pair:
        return _pair(rounding((x.n + before + after - span) / stride) + one for x in axes)

    yield (
        outputs(p, 0, a.span, s),
        (
            f"This counts the padding on one side only. It stands on both: add 2·{p} = {2 * p}, not {p}."
        ),
    )
    yield (
        outputs(p, p, a.span, s, 0),
        (
            "The + 1 is missing: the division counts the steps *after* the first window, and the "
            "first window makes an output too."
        ),
    )
    other, name = (floor, "down") if a.ceil_mode else (ceil, "up")
    yield _pair(other((x.n + 2 * p - a.span) / s) + 1 for x in axes), (
        f"This rounds {name}. " + (
            "With `ceil_mode=True` a last, incomplete window counts: round up."
            if a.ceil_mode else "A window must fit as a whole, so the quotient is rounded down."
        )
    )  # fmt: skip
    if any(x.dropped for x in axes):
        yield (
            outputs(p, p, a.span, s),
            (
                "With `ceil_mode=True` a window that would *start* past the input (and the padding "
                "before it) is left out: one less."
            ),
        )
    if a.span > k:
        yield (
            outputs(p, p, k, s),
            (
                f"This takes the kernel for {k} pixels wide. With dilation {a.dilation} it spans "
                f"{a.dilation}·({k} − 1) + 1 = {a.span}."
            ),
        )
        yield (
            outputs(p, p, a.dilation * k, s),
            (
                f"A kernel of {k} has {k - 1} gaps, not {k}: with dilation {a.dilation} it spans "
                f"{a.dilation}·({k} − 1) + 1 = {a.span}, not {a.dilation * k}."
            ),
        )
    yield (
        outputs(0, 0, a.span, s),
        (f"The padding is missing: {p} on both sides make the input {2 * p} wider."),
    )
    yield (
        outputs(p, p, a.span, 1),
        (f"The stride is missing: of these positions only every {_ordinal(s)} makes an output."),
    )
    yield _pair(iter((answer[1], answer[0]))), "Height and width are swapped: height comes first."
    yield (
        _pair(x.n // s for x in axes),
        (
            f"This divides the input by the stride. That is right for some kernels and paddings only; "
            f"the kernel of {a.span} needs room too."
        ),
    )
    yield _pair(x.n for x in axes), "This is the size of the input."
    yield _pair(x.n + 2 * p for x in axes), "This is the size of the padded input."


def _ordinal(n: int) -> str:
    return {2: "second", 3: "third"}.get(n, f"{n}th")


def _transposed_claims(axes: tuple[AxisFormula, AxisFormula], answer: Pair) -> Iterator[Mistake]:
    a = axes[0]
    p, s, k, extra = a.before, a.stride, a.span, a.output_padding

    def outputs(first: int, cut: int, more: int, span: int) -> Pair:
        return _pair((x.n - first) * s - cut + span + more for x in axes)

    yield (
        outputs(1, p, extra, k),
        (
            f"The padding of a transposed convolution cuts off *both* ends: take away 2·{p}, not {p}."
        ),
    )
    yield outputs(1, 2 * p, 0, k), f"The output_padding is missing: it adds {extra} at one end."
    yield (
        outputs(1, 2 * p, 2 * extra, k),
        ("The output_padding is added at one end only, so it counts once."),
    )
    yield (
        outputs(0, 2 * p, extra, k),
        ("n inputs have n − 1 steps between them: (n − 1)·stride, then one whole kernel."),
    )
    yield (
        outputs(1, -2 * p, extra, k),
        ("The padding of a transposed convolution makes the output smaller, not larger."),
    )
    yield outputs(1, 0, extra, k), f"The padding is missing: it cuts {p} off both ends."
    yield (
        _pair((x.n + 2 * p - k) // s + 1 for x in axes),
        (
            "This is the formula of the ordinary convolution. A transposed one goes the other way: "
            "each input spreads over a whole kernel, a stride apart."
        ),
    )
    yield (
        _pair(x.n * s for x in axes),
        ("Input times stride: right for some kernels and paddings only."),
    )
    yield _pair(iter((answer[1], answer[0]))), "Height and width are swapped: height comes first."


def remainder(draw: Draw, level: int) -> Draft | None:
    """What is left over, and what is never read?"""
    dilation = draw.between(2, 3) if level == 3 and draw.below(2) else 1
    stride = draw.between(2, 4) + (level == 3)
    kernel = draw.between(2, 5)
    padding = 0 if level == 1 else draw.between(0, 2)
    spec = LayerSpec(
        kernel_size=square(kernel),
        stride=square(stride),
        padding=pads(padding),
        dilation=square(dilation),
    )
    n = draw.between(7, 24) if level == 1 else draw.between(6, 14)
    try:
        check(spec, (n, n))
    except SpecError:
        return None
    if level == 1:
        return _left_over(spec, n)
    unread = int(spec.window.unread((n, n)).mask.sum())
    holes = kernel < stride or dilation > 1
    if holes != (level == 3) or (not unread and draw.below(4)):
        return None
    return _never_read(spec, n, unread)


def _left_over(spec: LayerSpec, n: int) -> Draft:
    axis = formula(spec, (n, n))[1]
    k, s, rest = axis.span, axis.stride, axis.remainder
    end = (axis.outputs - 1) * s + k
    claims: list[Mistake] = [
        (n % s, f"This is what {n} ÷ {s} leaves. The first window takes {k} columns; only the "
                f"other {n} − {k} = {n - k} are divided by the stride."),
        ((n - k) // s, "This is the quotient: how often the window steps. Asked is what the "
                       "division leaves over."),
        (s - rest, f"This is how many columns are missing for one more window: {s} − {rest}."),
        (axis.outputs, "This is the width of the output."),
        (rest + 1, "One too many: the last column the last window reads is not left over."),
        (n - k, f"This is all that lies past the *first* window. It steps on {axis.outputs - 1} "
                "times."),
    ]  # fmt: skip
    return Draft(
        text=(
            f"A {described(spec)} slides over an input of {n}×{n}. How many columns lie past the "
            "end of the last window (the *remainder*)?"
        ),
        form="number",
        quantity="columns",
        answer=rest,
        solution=(
            f"$${n} - {k} = {n - k} = {axis.outputs - 1} \\cdot {s} + \\mathbf{{{rest}}}$$\n\n"
            f"The window steps {axis.outputs - 1} times; the last one covers columns "
            f"{end - k} to {end - 1} of 0 to {n - 1}."
        ),
        mistakes=distinct_mistakes(rest, claims),
        subject=LayerSubject(spec, (n, n)),
    )


def _never_read(spec: LayerSpec, n: int, unread: int) -> Draft:
    axis = spec.window.axes((n, n))[1]
    read, rest = int((axis.reads > 0).sum()), axis.remainder
    unread_columns = n - read
    past = max(0, rest - spec.padding[1][1])  # the input's share of the remainder
    claims: list[Mistake] = [
        (unread_columns, f"This counts columns. In each of the {n} rows those columns are lost, and as many "
               "rows are lost as a whole."),
        (unread_columns * n, f"{unread_columns}·{n} are the pixels of the columns. Rows are lost as well."),
        (2 * unread_columns * n, "Rows and columns cross: the pixels where they do are counted twice here."),
        (unread_columns * unread_columns, "This counts only the pixels where a lost row crosses a lost column."),
        (n * n - (n - past) ** 2, "This counts the rows and columns past the last window. The "
                                  "windows also leave gaps between the pixels they read."),
        (n * n - (n - rest) ** 2, "The remainder is counted on the *padded* input: what of it is "
                                  "padding loses no pixel."),
        (read * read, f"These are the pixels that *are* read: {read}·{read}."),
        (0, "Some are: look at the end of the last window, and between the windows."),
    ]  # fmt: skip
    cells = ", ".join(str(i) for i in range(n) if not axis.reads[i]) or "none"
    return Draft(
        text=(
            f"A {described(spec)} slides over an input of {n}×{n}. How many of its {n * n} pixels "
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
        mistakes=distinct_mistakes(unread, claims),
        subject=LayerSubject(spec, (n, n)),
    )
