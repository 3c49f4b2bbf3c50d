"""Questions on the cost of layers: parameters and multiply–accumulates (MACs)."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import check, operation_of
from viz.lessons.exercises.question import LayerSubject, Mistake, QuestionContent, distinct_mistakes
from viz.lessons.exercises.seeded_random import SeededRandom
from viz.lessons.exercises.words import equal_pads, layer_text, plural, square, times

CHANNELS = (4, 8, 12, 16, 24, 32, 48, 64)
"""Numbers of channels that occur in questions."""


def cost_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask for the parameters or the MACs of a layer; None if the random numbers do not suit."""
    if level == 1:
        return _parameters_question(rng)
    questions = {
        2: (_grouped_question, _mac_question),
        3: (_grouped_mac_question, _separable_question, _transposed_question),
    }
    return rng.choice(questions[level])(rng)


def _random_convolution(rng: SeededRandom, **settings: object) -> LayerSpec:
    """Return a random convolution; ``settings`` replace fields of its `LayerSpec`."""
    kernel = rng.choice((1, 3, 3, 5, 7))
    return LayerSpec(
        **{  # type: ignore[arg-type]
            "kernel_size": square(kernel),
            "stride": square(rng.between(1, 2)),
            "padding": equal_pads(kernel // 2),
            "in_channels": rng.choice((1, 3, *CHANNELS)),
            "out_channels": rng.choice(CHANNELS),
        }
        | settings
    )


def _latex_product(*factors: int) -> str:
    """Return the factors in LaTeX with multiplication dots between them."""
    return r" \cdot ".join(map(str, factors))


def _latex_number(value: int) -> str:
    """Return a number in LaTeX with thin spaces between groups of three digits."""
    return f"{value:,}".replace(",", r"\,")


def _parameters_question(rng: SeededRandom) -> QuestionContent:
    """Ask for the parameters of a convolution with bias."""
    spec, n = _random_convolution(rng, bias=True), rng.choice((16, 28, 32, 56, 64))
    k, ins, outs = spec.kernel_size[0], spec.in_channels, spec.out_channels
    answer = operation_of(spec).parameters(spec)
    weights = k * k * ins * outs
    height, width = check(spec, (n, n))
    mistakes: list[Mistake] = [
        (weights, f"The biases are missing: one for each of the {outs} output channels."),
        (weights + ins, f"There is one bias for each *output* channel: {outs}, not {ins}."),
        (k * k * outs + outs, f"Each filter has a {k}×{k} plane for *each* of the {ins} input "
                              "channels."),
        (k * k * outs, f"Each filter has a plane for each of the {ins} input channels, and there "
                       "is a bias for each filter."),
        (k * k * ins + outs, f"There is one such filter for each of the {outs} output channels."),
        (k * ins * outs + outs, f"A {k}×{k} plane has {k}·{k} = {k * k} weights."),
        (weights * height * width, "The same weights are used at every place: parameters do not "
                                   "depend on the size of the picture. These are its MACs."),
        ((weights + outs) * height * width, "The same weights are used at every place: parameters "
                                            "do not depend on the size of the picture."),
        (weights + 1, f"There is one bias for each of the {outs} output channels, not one in all."),
        (k * k * (ins + outs) + outs, "Input and output channels multiply: every filter sees every "
                                      "input channel."),
    ]  # fmt: skip
    return QuestionContent(
        text=(
            f"A {times(spec.kernel_size)} convolution with bias, stride {spec.stride[0]}, turns "
            f"{plural(ins, 'channel')} of {n}×{n} into {outs} channels. How many parameters does it learn?"
        ),
        form="number",
        quantity="parameters",
        answer=answer,
        solution=(
            f"$${_latex_product(k, k, ins, outs)} + {outs} = {_latex_number(weights)} + {outs} = "
            rf"\mathbf{{{_latex_number(answer)}}}$$"
            f"\n\n{outs} filters of {k}×{k}×{ins} weights and one bias each. The stride and the "
            "size of the picture play no part."
        ),
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (n, n)),
    )


def _grouped_question(rng: SeededRandom) -> QuestionContent | None:
    """Ask for the parameters of a grouped convolution; None if the groups do not fit."""
    groups = rng.choice((2, 4, 0))
    ins = rng.choice(CHANNELS)
    outs = rng.choice(CHANNELS) if groups else ins
    groups = groups or ins
    kernel = rng.choice((3, 5, 7))
    try:
        spec = _random_convolution(
            rng,
            kernel_size=square(kernel),
            padding=equal_pads(kernel // 2),
            in_channels=ins,
            out_channels=outs,
            groups=groups,
        )
    except SpecError:
        return None
    answer = operation_of(spec).parameters(spec)
    k, per_group = kernel, ins // groups
    mistakes: list[Mistake] = [
        (k * k * ins * outs, f"This is the convolution without groups. With {groups} groups each "
                             f"filter sees {ins}/{groups} = {plural(per_group, 'channel')}."),
        (k * k * per_group * (outs // groups), f"This is one group. There are {groups}."),
        (answer * groups, f"Each filter sees only {per_group} of the {ins} channels."),
        (answer + outs, "This counts biases: the question leaves them out."),
        (k * per_group * outs, f"A {k}×{k} plane has {k * k} weights, not {k}."),
        (k * k, f"This is one plane of one filter; there are {outs} filters."),
        (k * k * outs, f"Each filter has {per_group} planes, one for each channel of its group."),
    ]  # fmt: skip
    depthwise = groups == ins == outs
    name = f"depthwise (`groups={groups}`)" if depthwise else f"`groups={groups}`"
    return QuestionContent(
        text=(
            f"A {kernel}×{kernel} convolution turns {ins} channels into {outs}, {name}, without "
            "bias. How many parameters does it learn?"
        ),
        form="number",
        quantity="parameters",
        answer=answer,
        solution=(
            rf"$${k} \cdot {k} \cdot \frac{{{ins}}}{{{groups}}} \cdot {outs} = "
            rf"\mathbf{{{_latex_number(answer)}}}$$"
            f"\n\nEach of the {outs} filters sees the {plural(per_group, 'channel')} of its group."
        ),
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (16, 16)),
    )


def _mac_mistakes(spec: LayerSpec, n: int, answer: int) -> Sequence[Mistake]:
    """Return the wrong MACs of a convolution on n×n pixels, each with an explanation."""
    (height, width), k, s = check(spec, (n, n)), spec.kernel_size[0], spec.stride[0]
    per_group, outs = spec.in_channels // spec.groups, spec.out_channels
    weights = k * k * per_group * outs
    return [
        (weights, f"These are its parameters. Each is used at all {height}·{width} output places."),
        (weights * n * n, f"This multiplies at all {n}·{n} input places. With stride {s} there are "
                          f"{height}·{width} output places."),
        (weights * height, "The output has two sides: multiply by height *and* width."),
        (2 * answer, "A multiplication and an addition together are *one* MAC. (FLOPs count two.)"),
        (k * k * outs * height * width, f"Each output sums over {per_group} input channels too."),
        (k * k * per_group * height * width, f"This is one output channel of {outs}."),
        (k * per_group * outs * height * width, f"A {k}×{k} plane has {k * k} taps, not {k}."),
        (k * k * spec.in_channels * outs * height * width,
         f"Each filter sees {plural(per_group, 'channel')}, those of its group."),
        (answer + outs * height * width, "Adding the bias is no multiply–accumulate."),
    ]  # fmt: skip


def _mac_solution(spec: LayerSpec, n: int, answer: int) -> str:
    """Return the worked number of MACs of a convolution on n×n pixels."""
    height, width = check(spec, (n, n))
    k, per_group, outs = (
        spec.kernel_size[0],
        spec.in_channels // spec.groups,
        spec.out_channels,
    )
    return (
        f"The output is {outs}×{height}×{width}; each of its numbers sums over {k}·{k}·{per_group} "
        "products.\n\n"
        f"$${_latex_product(height, width, outs)} \\cdot ({_latex_product(k, k, per_group)}) = "
        rf"\mathbf{{{_latex_number(answer)}}}$$"
    )


def _mac_question(rng: SeededRandom) -> QuestionContent:
    """Ask for the MACs of a convolution."""
    spec = _random_convolution(
        rng, in_channels=rng.choice((1, 3, 4, 8)), out_channels=rng.choice((2, 4, 8, 16))
    )
    return _mac_question_for(spec, rng.choice((8, 10, 12, 14, 16, 20, 28, 32)))


def _grouped_mac_question(rng: SeededRandom) -> QuestionContent:
    """Ask for the MACs of a grouped convolution."""
    ins, groups = rng.choice((4, 8, 16)), rng.choice((2, 4))
    spec = _random_convolution(
        rng, in_channels=ins, out_channels=rng.choice((4, 8, 16)), groups=groups
    )
    return _mac_question_for(spec, rng.choice((7, 8, 9, 10, 12, 14, 15, 20)))


def _mac_question_for(spec: LayerSpec, n: int) -> QuestionContent:
    """Return the question for the MACs of this convolution on n×n pixels."""
    answer = operation_of(spec).macs(spec, (n, n))
    groups = f", `groups={spec.groups}`" if spec.groups > 1 else ""
    return QuestionContent(
        text=(
            f"A {layer_text(spec)}{groups} turns "
            f"{plural(spec.in_channels, 'channel')} of {n}×{n} into "
            f"{spec.out_channels} channels. How many multiply–accumulates (MACs) does one picture "
            "need? (Taps on padding count.)"
        ),
        form="number",
        quantity="macs",
        answer=answer,
        solution=_mac_solution(spec, n, answer),
        mistakes=distinct_mistakes(answer, _mac_mistakes(spec, n, answer)),
        subject=LayerSubject(spec, (n, n)),
    )


def _separable_question(rng: SeededRandom) -> QuestionContent:
    """Ask for the parameters of a depthwise separable convolution."""
    ins, outs, kernel = rng.choice(CHANNELS), rng.choice(CHANNELS), rng.choice((3, 5, 7))
    depthwise = LayerSpec(
        kernel_size=square(kernel),
        padding=equal_pads(kernel // 2),
        in_channels=ins,
        out_channels=ins,
        groups=ins,
    )
    pointwise = LayerSpec(kernel_size=(1, 1), in_channels=ins, out_channels=outs)
    first, second = (operation_of(spec).parameters(spec) for spec in (depthwise, pointwise))
    k, answer = kernel, first + second
    mistakes: list[Mistake] = [
        (k * k * ins * outs, "This is the ordinary convolution, which the pair replaces."),
        (k * k * ins * ins + second, "Depthwise: each filter sees one channel only."),
        (first, "The 1×1 convolution, which mixes the channels, is missing."),
        (second, "The depthwise convolution is missing."),
        (first * second, "Two layers after each other: their parameters add up."),
        (k * k * outs + second, f"The depthwise part works on the {ins} channels that arrive."),
        (first + outs, f"The 1×1 sees all {ins} channels: {ins}·{outs} weights."),
        (answer + ins + outs, "This counts biases: the question leaves them out."),
    ]  # fmt: skip
    return QuestionContent(
        text=(
            f"A depthwise {kernel}×{kernel} convolution on {ins} channels is followed by a 1×1 "
            f"convolution to {outs} channels, both without bias. How many parameters do they learn "
            "together?"
        ),
        form="number",
        quantity="parameters",
        answer=answer,
        solution=(
            f"$${_latex_product(k, k, ins)} + {_latex_product(ins, outs)} = {_latex_number(first)} + "
            rf"{_latex_number(second)} = \mathbf{{{_latex_number(answer)}}}$$"
            f"\n\nAn ordinary {kernel}×{kernel} convolution would learn {k * k * ins * outs:,}."
        ),
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(depthwise, (16, 16)),
    )


def _transposed_question(rng: SeededRandom) -> QuestionContent:
    """Ask for the MACs of a transposed convolution."""
    kernel, stride, n = rng.between(2, 5), rng.between(2, 3), rng.between(5, 16)
    ins, outs = rng.choice((2, 4, 8)), rng.choice((1, 3, 4, 8))
    spec = LayerSpec("transposed_convolution", square(kernel), square(stride), in_channels=ins,
                     out_channels=outs)  # fmt: skip
    answer = operation_of(spec).macs(spec, (n, n))
    side, k, weights = check(spec, (n, n), None)[0], kernel, kernel * kernel * ins * outs
    mistakes: list[Mistake] = [
        (weights * side * side, f"This multiplies at all {side}·{side} *output* places. A "
                                "transposed convolution spreads each *input* over a kernel; the "
                                "zeros in between cost nothing."),
        (weights, f"These are its parameters. Each is used at all {n}·{n} input places."),
        (weights * n, "The input has two sides: multiply by height *and* width."),
        (2 * answer, "A multiplication and an addition together are *one* MAC."),
        (k * k * ins * n * n, f"This is one output channel of {outs}."),
        (k * k * outs * n * n, f"This is one input channel. There are {ins}."),
        (answer * stride * stride, "The stride makes the output larger, not the work."),
    ]  # fmt: skip
    return QuestionContent(
        text=(
            f"A {layer_text(spec)} turns {ins} channels of {n}×{n} into "
            f"{plural(outs, 'channel')}. How many multiply–accumulates (MACs) does "
            "it need, the zeros between the inputs left out?"
        ),
        form="number",
        quantity="macs",
        answer=answer,
        solution=(
            f"Each of the {n}·{n}·{ins} inputs is multiplied by {k}·{k}·{outs} weights:\n\n"
            f"$${_latex_product(n, n, ins)} \\cdot ({_latex_product(k, k, outs)}) = "
            rf"\mathbf{{{_latex_number(answer)}}}$$"
        ),
        mistakes=distinct_mistakes(answer, mistakes),
        subject=LayerSubject(spec, (n, n)),
    )
