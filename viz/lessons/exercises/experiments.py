"""The experiments that answer the interview questions, one function for each question."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from math import prod

from core.data import picture
from core.errors import SpecError
from core.gradients.counts import reads_evenly, windows_per_phase
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, check, operation_of
from core.layer.padding import pytorch_int, tf_same
from core.layer.sizes import measured_size
from core.layer.window import Pair
from core.shift.consistency import layer_consistency
from core.shift.layer import KINDS, DownsamplingLayer
from viz.lessons.claims import claim
from viz.lessons.claims.claim import Rows, Value
from viz.lessons.claims.shift import EQUAL_COSINE, NAMES
from viz.lessons.exercises.fields import WindowStep, field_after
from viz.lessons.exercises.interview import INTERVIEWS
from viz.lessons.exercises.words import times

SHIFTED_PICTURE = ("china", (48, 48))
"""Name and (height, width) of the image whose shifts are measured."""


@dataclass(frozen=True)
class ExperimentResult:
    """The result of an experiment.

    Attributes:
        value: The value that the correct option of the question has.
        text: The explanation in Markdown.
        heads, rows: Headings and rows of the table of all numbers.
    """

    value: Hashable
    text: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def correct_option(name: str, finding: ExperimentResult) -> int:
    """Return the index of the option whose value equals the experiment's.

    Raises:
        SpecError: No option has this value, or several have.
    """
    matching = [
        i for i, (_, value) in enumerate(INTERVIEWS[name].options) if value == finding.value
    ]
    if len(matching) != 1:
        raise SpecError("options", f"must say what {name} finds exactly once", finding.value)
    return matching[0]


def run_experiment(name: str) -> ExperimentResult:
    """Run the experiment of an interview question; raises SpecError for an unknown name."""
    if name not in EXPERIMENTS:
        raise SpecError("interview", f"must be one of {', '.join(EXPERIMENTS)}", name)
    return EXPERIMENTS[name]()


def _convolution(kernel: int, stride: int = 1, padding: int = 0, **more: int) -> LayerSpec:
    """Return a convolution that is the same along both axes; ``more`` are `LayerSpec` fields."""
    sides = pytorch_int(padding)
    return LayerSpec(kernel_size=(kernel, kernel), stride=(stride, stride), padding=sides, **more)  # type: ignore[arg-type]


def _parameters_and_macs(spec: LayerSpec, size: Pair) -> tuple[int, int]:
    """Return the number of parameters and of MACs of a layer on a (height, width) input."""
    operation = operation_of(spec)
    return operation.parameters(spec), operation.macs(spec, size)


def stride_or_pool() -> ExperimentResult:
    """Compare a convolution followed by pooling with a strided convolution."""
    size, channels = (32, 32), {"in_channels": 32, "out_channels": 64}
    plain, strided = _convolution(3, 1, 1, **channels), _convolution(3, 2, 1, **channels)
    pool = LayerSpec("max_pooling", (2, 2), (2, 2), in_channels=64)
    macs = [_parameters_and_macs(spec, size)[1] for spec in (plain, strided)]
    saved = [prod(check(spec, size)) * 64 for spec in (plain, strided)]
    outputs = check(pool, check(plain, size)), check(strided, size)
    rows = (
        ("stride 1, then pooling", f"{macs[0]:,}", f"{saved[0]:,}", times(outputs[0])),
        ("stride 2", f"{macs[1]:,}", f"{saved[1]:,}", times(outputs[1])),
    )
    return ExperimentResult(
        macs[0] // macs[1],
        "The pair computes every output at full resolution and throws three of four away; the "
        "strided convolution computes only those that stay. Pooling itself multiplies nothing, "
        "so against the pooling layer *alone* the strided convolution is the dearer one.",
        ("on 32×32, 32→64 channels", "MACs", "activations saved for backward", "output"),
        rows,
    )


def parameters_and_stride() -> ExperimentResult:
    """Compare parameters and MACs of a convolution with stride 1 and with stride 2."""
    size, channels = (32, 32), {"in_channels": 32, "out_channels": 64, "bias": True}
    costs = [
        _parameters_and_macs(_convolution(3, stride, 1, **channels), size) for stride in (1, 2)
    ]
    rows = tuple(
        (f"stride {stride}", f"{parameters:,}", f"{macs:,}")
        for stride, (parameters, macs) in zip((1, 2), costs, strict=True)
    )
    return ExperimentResult(
        (costs[0][0] // costs[1][0], costs[0][1] // costs[1][1]),
        "The stride says where the kernel is put down, not how large it is. Fewer places, fewer "
        "multiply–accumulates.",
        ("3×3, 32→64, on 32×32", "parameters", "MACs"),
        rows,
    )


def stem_weights() -> ExperimentResult:
    """Compare one 7×7 with three 3×3 convolutions, for 3 and for 64 input channels."""
    rows, first = [], (0, 0)
    for inputs in (3, 64):
        one = _parameters_and_macs(_convolution(7, in_channels=inputs, out_channels=64), (7, 7))[0]
        chain = [(inputs, 64), (64, 64), (64, 64)]
        three = sum(
            _parameters_and_macs(_convolution(3, in_channels=i, out_channels=o), (7, 7))[0]
            for i, o in chain
        )
        first = first if inputs > 3 else (one, three)
        rows.append((f"{inputs}→64", f"{one:,}", f"{three:,}"))
    one, three = first
    views = field_after([WindowStep(7)])[0], field_after([WindowStep(3)] * 3)[0]
    return ExperimentResult(
        "same" if one == three else "one" if one < three else "three",
        f"Both see {views[0]} and {views[1]} pixels. The rule 27 against 49 holds where all "
        "channels are equal. A stem has three input channels: its 7×7 is cheap, and the second "
        "and third 3×3 work on 64. With stride 2 the 7×7 also spares the full-resolution maps.",
        ("weights without bias", "one 7×7", "three 3×3"),
        tuple(rows),
    )


def stem_field() -> ExperimentResult:
    """Compute the receptive field of ResNet's stem."""
    steps = [WindowStep(7, 2), WindowStep(3, 2, pools=True)]
    fields = [field_after(steps[:count]) for count in (1, 2)]
    names = ("7×7, stride 2", "3×3 max pooling, stride 2")
    rows = tuple(
        (name, str(size), str(jump)) for name, (size, jump) in zip(names, fields, strict=True)
    )
    return ExperimentResult(
        fields[-1][0],
        "The pooling adds (3 − 1)·2 = 4: its taps are 2 pixels apart, as the layer before it has "
        "stride 2. After the stem one unit stands for 4×4 pixels and sees 11×11.",
        ("after", "receptive field", "jump"),
        rows,
    )


def padding_and_stride() -> ExperimentResult:
    """Determine which padding a 3×3 convolution with stride 2 reads, on even and odd sizes."""
    spec, rows, first_and_last = _convolution(3, 2, 1), [], (False, False)
    for n in (223, 224):
        axis = spec.window.axes((n, n))[1]
        reads = axis.grid_reads
        first_and_last = bool(reads[0]), bool(reads[-1])
        rows.append(
            (times((n, n)), times(check(spec, (n, n), None)), *map(_yes_or_no, first_and_last))
        )
    return ExperimentResult(
        first_and_last,
        "Windows start at −1, 1, 3, …: on an even size the last one ends at the last pixel, and "
        "the padding after it is the remainder. The picture is read from half a pixel left of its "
        "middle. On an odd size both sides are read.",
        ("input", "output", "padding before read", "padding after read"),
        tuple(rows),
    )


def _yes_or_no(value: bool) -> str:
    """Return "yes" or "no"."""
    return "yes" if value else "no"


def same_and_stride() -> ExperimentResult:
    """Compare where windows start under TensorFlow's SAME and under padding 1."""
    spec, size = _convolution(3, 2, 1), (224, 224)
    same = replace(spec, padding=tf_same(size, _convolution(3, 2).window))
    starts = [each.window.starts(size)[1] for each in (spec, same)]
    offsets = {int(step) for step in starts[1] - starts[0]}
    rows = tuple(
        (name, times(measured_size(each, size) or (0, 0)), str(each.padding[1]),
         ", ".join(map(str, first[:3].tolist())))
        for name, each, first in zip(("padding=1", "SAME"), (spec, same), starts, strict=True)
    )  # fmt: skip
    return ExperimentResult(
        offsets.pop() if len(offsets) == 1 else tuple(offsets),
        "SAME adds one column in all and puts it after the last one; `padding=1` puts one on each "
        "side, of which the last is not read. Weights taken from one framework to the other see "
        "every picture moved by a pixel.",
        ("3×3, stride 2, on 224×224", "output", "padding (before, after)", "windows start at"),
        rows,
    )


def even_kernel() -> ExperimentResult:
    """Try which symmetric paddings keep the size under a 4×4 kernel."""
    n = 16
    sizes = {p: check(_convolution(4, 1, p), (n, n))[0] for p in range(4)}
    rows = tuple((str(p), f"{side}×{side}") for p, side in sizes.items())
    return ExperimentResult(
        tuple(p for p, side in sizes.items() if side == n),
        "Three more columns are needed, and three cannot be halved. PyTorch's `padding='same'` puts "
        "one before and two after; the output then stands half a pixel off the input. That is why "
        "most kernels are odd.",
        ("padding", f"output on {n}×{n}"),
        rows,
    )


def growth() -> ExperimentResult:
    """Compute the receptive field of up to ten 3×3 convolutions with stride 1 and with stride 2."""
    rows = [
        (
            str(count),
            str(field_after([WindowStep(3)] * count)[0]),
            f"{field_after([WindowStep(3, 2)] * count)[0]:,}",
        )
        for count in (1, 2, 3, 5, 10)
    ]
    return ExperimentResult(
        field_after([WindowStep(3, 2)] * 10)[0],
        "Each layer adds (3 − 1)·jump. With stride 1 the jump stays 1: the field grows evenly. "
        "With stride 2 it doubles every time: the field doubles too.",
        ("layers", "stride 1", "stride 2"),
        tuple(rows),
    )


def dilated_or_strided() -> ExperimentResult:
    """Compare the receptive field of dilations 1 to 16 with that of five strides of 2."""
    strided, dilated = [WindowStep(3, 2)] * 5, [WindowStep(3, 1, 2**i) for i in range(5)]
    (a, jump), (b, one) = field_after(strided), field_after(dilated)
    return ExperimentResult(
        (a > b) - (a < b),
        "In both the taps of layer l stand 2^l pixels apart: once because the map has been thinned "
        "out, once because the kernel has holes. The dilated chain keeps an output for every "
        "pixel, and pays for it.",
        ("chain", "receptive field", "pixels between outputs"),
        (
            ("stride 2, five times", str(a), str(jump)),
            ("dilation 1, 2, 4, 8, 16", str(b), str(one)),
        ),
    )


def _read_offsets(dilations: tuple[int, ...]) -> set[int]:
    """Return the offsets along one axis that a unit reads through dilated 3×3 kernels."""
    offsets = {0}
    for dilation in dilations:
        offsets = {at + tap for at in offsets for tap in (-dilation, 0, dilation)}
    return offsets


def gridding() -> ExperimentResult:
    """Compute the share of their receptive field that dilated convolutions do not read."""
    rows, shares = [], []
    for dilations in ((2, 2, 2), (1, 2, 3), (1, 2, 4)):
        read = _read_offsets(dilations)
        span = max(read) - min(read) + 1
        assert span == field_after([WindowStep(3, 1, d) for d in dilations])[0]
        shares.append(round(100 * (1 - (len(read) / span) ** 2)))
        rows.append((", ".join(map(str, dilations)), times((span, span)), f"{shares[-1]} %"))
    return ExperimentResult(
        shares[0],
        "With dilation 2 everywhere a unit reads even distances alone: 7 of 13 pixels along each "
        "axis. Rates without a common factor leave no holes.",
        ("dilations", "receptive field", "never read"),
        tuple(rows),
    )


def _resnet50_steps(version: str) -> list[WindowStep]:
    """Return the windows of ResNet-50, "v1" or "v1.5", from the stem to the last block."""
    steps = [WindowStep(7, 2), WindowStep(3, 2)]
    for stage, count in enumerate((3, 4, 6, 3)):
        for block in range(count):
            stride = 2 if stage and not block else 1
            first, second = (stride, 1) if version == "v1" else (1, stride)
            steps += [WindowStep(1, first), WindowStep(3, second), WindowStep(1)]
    return steps


def resnet_versions() -> ExperimentResult:
    """Compare the receptive field of ResNet-50's last feature map in v1 and in v1.5."""
    (a, jump), (b, other) = field_after(_resnet50_steps("v1")), field_after(_resnet50_steps("v1.5"))
    return ExperimentResult(
        "same" if a == b else "v1" if a > b else "v1.5",
        "In v1 the 3×3 comes after the stride and takes steps twice as wide, in three blocks: "
        "2·(4 + 8 + 16) pixels more. It pays with unread pixels: its strided 1×1 looks at a "
        "quarter of its input.",
        ("ResNet-50", "receptive field", "jump"),
        (("v1", str(a), str(jump)), ("v1.5", str(b), str(other))),
    )


def _result_of_claim(
    number: int, values: Mapping[str, Value], value: Callable[[Rows], Hashable], text: str
) -> ExperimentResult:
    """Run the experiment of a claim; its evidence becomes the table.

    Args:
        number: The number of the claim.
        values: The values of settings that differ from the claim's defaults.
        value: Function from the rows of the evidence to the result's ``value``.
        text: The explanation in Markdown.
    """
    evidence = claim(number).run(values).evidence
    rows = tuple(tuple(map(str, row)) for row in evidence.rows)
    return ExperimentResult(value(evidence.rows), text, evidence.columns, rows)


def _percent_with_gradient(rows: Rows, layer: str) -> int:
    """Return the measured percentage of the input that gets gradient from a layer of claim 17."""
    (share,) = (row[4] for row in rows if row[0].startswith(layer))
    return 100 - round(float(share.removesuffix(" %")))


def unread_by_1x1() -> ExperimentResult:
    """Measure the share of pixels that a 1×1 convolution with stride 2 does not read."""
    return _result_of_claim(
        17,
        {"kernel_size": 1},
        lambda rows: 100 - _percent_with_gradient(rows, "1×1 convolution"),
        "A kernel smaller than the stride leaves gaps: of every 2×2 pixels it reads one. v1.5 "
        "moves the stride into the 3×3, which reads them all. The shortcut's 1×1 still leaves gaps.",
    )


def max_gradient() -> ExperimentResult:
    """Measure the share of pixels that get gradient from poolings and from a convolution."""
    layers = ("2×2 max pooling", "2×2 average pooling", "3×3 convolution")
    return _result_of_claim(
        17,
        {"kernel_size": 1},
        lambda rows: tuple(_percent_with_gradient(rows, layer) for layer in layers),
        "A maximum depends on its winner alone. A mean depends on all its pixels, a convolution on "
        "all that its windows cover: with a 3×3 kernel and stride 2 that is every pixel. A 1×1 with "
        "stride 2 would starve three quarters, too.",
    )


def checkerboard() -> ExperimentResult:
    """Count the inputs that reach each output pixel of a transposed convolution with stride 2."""
    rows, even = [], []
    for kernel in (3, 4, 5):
        if reads_evenly(_convolution(kernel, 2)):
            even.append(kernel)
        along = windows_per_phase(kernel, 2).tolist()
        products = sorted({a * b for a in along for b in along})
        rows.append(
            (f"{kernel}×{kernel}", ", ".join(map(str, products)), _yes_or_no(kernel in even))
        )
    return ExperimentResult(
        tuple(even),
        "Neighboring inputs spread their kernels 2 pixels apart. Where 2 divides the kernel every "
        "output gets equally many shares; otherwise some get more, in a checkerboard that training "
        "has to undo (Odena et al., 2016).",
        ("kernel, stride 2", "inputs that reach an output", "even"),
        tuple(rows),
    )


def _lowest_cosines(taps: int, shifts: list[Pair]) -> dict[str, float]:
    """Return the lowest cosine over the shifts for each kind of layer, with a blur of ``taps``."""
    name, size = SHIFTED_PICTURE
    x = picture(name, size)
    values = (x - x.mean()) / x.std()
    lowest = {}
    for kind in KINDS:
        layer = DownsamplingLayer(kind, 3, 2, taps, "circular", "sobel_x")
        lowest[kind] = layer_consistency(layer, values, shifts).worst
    return lowest


def shift() -> ExperimentResult:
    """Measure which layers with stride 2 give the shifted output when the image shifts by 1 px."""
    return _result_of_claim(
        22,
        {"kernel_size": 3},
        lambda rows: tuple(
            kind
            for kind in KINDS
            if any(row[:2] == (NAMES[kind], 1) and row[3] >= EQUAL_COSINE for row in rows)
        ),
        "Each keeps every second value of a map that does move. Moved by one pixel, it reads the "
        "other values. Pooling makes the map smoother, so the difference is smaller, but it is "
        "there. Moved by two pixels all three follow exactly.",
    )


def blur() -> ExperimentResult:
    """Count the layers with stride 2 whose shift consistency improves with a blur of three taps."""
    plain, blurred = (_lowest_cosines(taps, [(0, 1)]) for taps in (1, 3))
    return ExperimentResult(
        sum(blurred[kind] > plain[kind] for kind in KINDS),
        "The blur takes away the fine detail that the stride would fold into something else. What "
        "is left can be told from every second value, so the output moves (almost) with the "
        "picture (Zhang, 2019). The price: the layer runs at full resolution first.",
        ("stride 2, moved by 1 px: cosine", "as it is", "with blur 1 2 1"),
        tuple((OPERATIONS[k].label.lower(), f"{plain[k]:.4f}", f"{blurred[k]:.4f}") for k in KINDS),
    )


EXPERIMENTS: dict[str, Callable[[], ExperimentResult]] = {
    each.__name__: each
    for each in (
        stride_or_pool, parameters_and_stride, stem_weights, stem_field, padding_and_stride,
        same_and_stride, even_kernel, growth, dilated_or_strided, gridding, resnet_versions,
        unread_by_1x1, max_gradient, checkerboard, shift, blur,
    )
}  # fmt: skip
