"""Questions on cost: parameters and multiply–accumulates."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import check, operation_of
from viz.lessons.exercises.draw import Draw
from viz.lessons.exercises.question import Draft, LayerSubject, Mistake, distinct_mistakes
from viz.lessons.exercises.words import counted, described, pads, square, times

CHANNELS = (4, 8, 12, 16, 24, 32, 48, 64)


def cost(draw: Draw, level: int) -> Draft | None:
    """How many numbers does a layer learn, how many multiply–accumulates does it need?"""
    if level == 1:
        return _parameters(draw)
    makers = {2: (_grouped, _macs), 3: (_grouped_macs, _separable, _transposed)}
    return draw.of(makers[level])(draw)


def _conv(draw: Draw, **settings: object) -> LayerSpec:
    kernel = draw.of((1, 3, 3, 5, 7))
    return LayerSpec(
        **{  # type: ignore[arg-type]
            "kernel_size": square(kernel),
            "stride": square(draw.between(1, 2)),
            "padding": pads(kernel // 2),
            "in_channels": draw.of((1, 3, *CHANNELS)),
            "out_channels": draw.of(CHANNELS),
        }
        | settings
    )


def _product(*factors: int) -> str:
    return r" \cdot ".join(map(str, factors))


def _number(value: int) -> str:
    """Thousands set apart, for LaTeX."""
    return f"{value:,}".replace(",", r"\,")


def _parameters(draw: Draw) -> Draft:
    spec, n = _conv(draw, bias=True), draw.of((16, 28, 32, 56, 64))
    k, ins, outs = spec.kernel_size[0], spec.in_channels, spec.out_channels
    answer = operation_of(spec).parameters(spec)
    weights = k * k * ins * outs
    height, width = check(spec, (n, n))
    claims: list[Mistake] = [
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
    return Draft(
        text=(
            f"A {times(spec.kernel_size)} convolution with bias, stride {spec.stride[0]}, turns "
            f"{counted(ins, 'channel')} of {n}×{n} into {outs} channels. How many parameters does it learn?"
        ),
        form="number",
        quantity="parameters",
        answer=answer,
        solution=(
            f"$${_product(k, k, ins, outs)} + {outs} = {_number(weights)} + {outs} = "
            rf"\mathbf{{{_number(answer)}}}$$"
            f"\n\n{outs} filters of {k}×{k}×{ins} weights and one bias each. The stride and the "
            "size of the picture play no part."
        ),
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (n, n)),
    )


def _grouped(draw: Draw) -> Draft | None:
    groups = draw.of((2, 4, 0))
    ins = draw.of(CHANNELS)
    outs = draw.of(CHANNELS) if groups else ins
    groups = groups or ins
    kernel = draw.of((3, 5, 7))
    try:
        spec = _conv(draw, kernel_size=square(kernel), padding=pads(kernel // 2), in_channels=ins,
                     out_channels=outs, groups=groups)  # fmt: skip
    except SpecError:
        return None
    answer = operation_of(spec).parameters(spec)
    k, share = kernel, ins // groups
    claims: list[Mistake] = [
        (k * k * ins * outs, f"This is the convolution without groups. With {groups} groups each "
                             f"filter sees {ins}/{groups} = {counted(share, 'channel')}."),
        (k * k * share * (outs // groups), f"This is one group. There are {groups}."),
        (answer * groups, f"Each filter sees only {share} of the {ins} channels."),
        (answer + outs, "This counts biases: the question leaves them out."),
        (k * share * outs, f"A {k}×{k} plane has {k * k} weights, not {k}."),
        (k * k, f"This is one plane of one filter; there are {outs} filters."),
        (k * k * outs, f"Each filter has {share} planes, one for each channel of its group."),
    ]  # fmt: skip
    depthwise = groups == ins == outs
    name = f"depthwise (`groups={groups}`)" if depthwise else f"`groups={groups}`"
    return Draft(
        text=(
            f"A {kernel}×{kernel} convolution turns {ins} channels into {outs}, {name}, without "
            "bias. How many parameters does it learn?"
        ),
        form="number",
        quantity="parameters",
        answer=answer,
        solution=(
            rf"$${k} \cdot {k} \cdot \frac{{{ins}}}{{{groups}}} \cdot {outs} = "
            rf"\mathbf{{{_number(answer)}}}$$"
            f"\n\nEach of the {outs} filters sees the {counted(share, 'channel')} of its group."
        ),
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (16, 16)),
    )


def _mac_claims(spec: LayerSpec, n: int, answer: int) -> Sequence[Mistake]:
    (height, width), k, s = check(spec, (n, n)), spec.kernel_size[0], spec.stride[0]
    share, outs = spec.in_channels // spec.groups, spec.out_channels
    weights = k * k * share * outs
    return [
        (weights, f"These are its parameters. Each is used at all {height}·{width} output places."),
        (weights * n * n, f"This multiplies at all {n}·{n} input places. With stride {s} there are "
                          f"{height}·{width} output places."),
        (weights * height, "The output has two sides: multiply by height *and* width."),
        (2 * answer, "A multiplication and an addition together are *one* MAC. (FLOPs count two.)"),
        (k * k * outs * height * width, f"Each output sums over {share} input channels too."),
        (k * k * share * height * width, f"This is one output channel of {outs}."),
        (k * share * outs * height * width, f"A {k}×{k} plane has {k * k} taps, not {k}."),
        (k * k * spec.in_channels * outs * height * width,
         f"Each filter sees {counted(share, 'channel')}, those of its group."),
        (answer + outs * height * width, "Adding the bias is no multiply–accumulate."),
    ]  # fmt: skip


def _mac_solution(spec: LayerSpec, n: int, answer: int) -> str:
    height, width = check(spec, (n, n))
    k, share, outs = spec.kernel_size[0], spec.in_channels // spec.groups, spec.out_channels
    return (
        f"The output is {outs}×{height}×{width}; each of its numbers sums over {k}·{k}·{share} "
        "products.\n\n"
        f"$${_product(height, width, outs)} \\cdot ({_product(k, k, share)}) = "
        rf"\mathbf{{{_number(answer)}}}$$"
    )


def _macs(draw: Draw) -> Draft:
    spec = _conv(draw, in_channels=draw.of((1, 3, 4, 8)), out_channels=draw.of((2, 4, 8, 16)))
    return _mac_draft(spec, draw.of((8, 10, 12, 14, 16, 20, 28, 32)))


def _grouped_macs(draw: Draw) -> Draft:
    ins, groups = draw.of((4, 8, 16)), draw.of((2, 4))
    spec = _conv(draw, in_channels=ins, out_channels=draw.of((4, 8, 16)), groups=groups)
    return _mac_draft(spec, draw.of((7, 8, 9, 10, 12, 14, 15, 20)))


def _mac_draft(spec: LayerSpec, n: int) -> Draft:
    answer = operation_of(spec).macs(spec, (n, n))
    groups = f", `groups={spec.groups}`" if spec.groups > 1 else ""
    return Draft(
        text=(
            f"A {described(spec)}{groups} turns "
            f"{counted(spec.in_channels, 'channel')} of {n}×{n} into "
            f"{spec.out_channels} channels. How many multiply–accumulates (MACs) does one picture "
            "need? (Taps on padding count.)"
        ),
        form="number",
        quantity="macs",
        answer=answer,
        solution=_mac_solution(spec, n, answer),
        mistakes=distinct_mistakes(answer, _mac_claims(spec, n, answer)),
        subject=LayerSubject(spec, (n, n)),
    )


def _separable(draw: Draw) -> Draft:
    ins, outs, kernel = draw.of(CHANNELS), draw.of(CHANNELS), draw.of((3, 5, 7))
    deep = LayerSpec(kernel_size=square(kernel), padding=pads(kernel // 2), in_channels=ins,
                     out_channels=ins, groups=ins)  # fmt: skip
    point = LayerSpec(kernel_size=(1, 1), in_channels=ins, out_channels=outs)
    first, second = (operation_of(spec).parameters(spec) for spec in (deep, point))
    k, answer = kernel, first + second
    claims: list[Mistake] = [
        (k * k * ins * outs, "This is the ordinary convolution, which the pair replaces."),
        (k * k * ins * ins + second, "Depthwise: each filter sees one channel only."),
        (first, "The 1×1 convolution, which mixes the channels, is missing."),
        (second, "The depthwise convolution is missing."),
        (first * second, "Two layers after each other: their parameters add up."),
        (k * k * outs + second, f"The depthwise part works on the {ins} channels that arrive."),
        (first + outs, f"The 1×1 sees all {ins} channels: {ins}·{outs} weights."),
        (answer + ins + outs, "This counts biases: the question leaves them out."),
    ]  # fmt: skip
    return Draft(
        text=(
            f"A depthwise {kernel}×{kernel} convolution on {ins} channels is followed by a 1×1 "
            f"convolution to {outs} channels, both without bias. How many parameters do they learn "
            "together?"
        ),
        form="number",
        quantity="parameters",
        answer=answer,
        solution=(
            f"$${_product(k, k, ins)} + {_product(ins, outs)} = {_number(first)} + "
            rf"{_number(second)} = \mathbf{{{_number(answer)}}}$$"
            f"\n\nAn ordinary {kernel}×{kernel} convolution would learn {k * k * ins * outs:,}."
        ),
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(deep, (16, 16)),
    )


def _transposed(draw: Draw) -> Draft:
    kernel, stride, n = draw.between(2, 5), draw.between(2, 3), draw.between(5, 16)
    ins, outs = draw.of((2, 4, 8)), draw.of((1, 3, 4, 8))
    spec = LayerSpec("transposed_convolution", square(kernel), square(stride), in_channels=ins,
                     out_channels=outs)  # fmt: skip
    answer = operation_of(spec).macs(spec, (n, n))
    side, k, weights = check(spec, (n, n), None)[0], kernel, kernel * kernel * ins * outs
    claims: list[Mistake] = [
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
    return Draft(
        text=(
            f"A {described(spec)} turns {ins} channels of {n}×{n} into "
            f"{counted(outs, 'channel')}. How many multiply–accumulates (MACs) does "
            "it need, the zeros between the inputs left out?"
        ),
        form="number",
        quantity="macs",
        answer=answer,
        solution=(
            f"Each of the {n}·{n}·{ins} inputs is multiplied by {k}·{k}·{outs} weights:\n\n"
            f"$${_product(n, n, ins)} \\cdot ({_product(k, k, outs)}) = "
            rf"\mathbf{{{_number(answer)}}}$$"
        ),
        mistakes=distinct_mistakes(answer, claims),
        subject=LayerSubject(spec, (n, n)),
    )
