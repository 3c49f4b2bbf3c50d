"""Questions on receptive fields: of a stack, of ResNet's bottlenecks, and of one unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.graph.axes.axis_map import Window, window_map
from core.layer.window import span_of
from core.networks import Conv, Layer, MaxPool, NetworkSpec, ResidualBlock
from core.receptive_field.reach import Reach, through
from viz.lessons.exercises.draw import Draw
from viz.lessons.exercises.question import Draft, Mistake, NetworkSubject, distinct_mistakes
from viz.lessons.exercises.words import square

INPUT_SIDE = 64
"""Pixels a side of the image on which a stack is shown."""


@dataclass(frozen=True)
class Step:
    """One window of a stack, along one axis.

    Attributes:
        kernel, stride, dilation: of the window.
        label: what the question calls it.
        pools: whether it is a max pooling.
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    label: str = ""
    pools: bool = False

    @property
    def span(self) -> int:
        """Pixels from the first tap to the last."""
        return span_of(self.kernel, self.dilation)

    @property
    def name(self) -> str:
        """``3×3 convolution, stride 2, dilation 2``."""
        if self.label:
            return self.label
        kind = "max pooling" if self.pools else "convolution"
        dilated = f", dilation {self.dilation}" if self.dilation > 1 else ""
        return f"{self.kernel}×{self.kernel} {kind}, stride {self.stride}{dilated}"

    @property
    def layer(self) -> Conv | MaxPool:
        """As a layer of a network, padded so that maps stay large."""
        if self.pools:
            return MaxPool(square(self.kernel), square(self.stride))
        pad = self.span // 2
        return Conv(
            square(self.kernel),
            4,
            square(self.stride),
            ((pad, pad), (pad, pad)),
            square(self.dilation),
        )


def field(steps: Sequence[Step]) -> tuple[int, int]:
    """(size, effective stride) of the receptive field after all steps."""
    reach = Reach()
    for step in steps:
        taps = Window(step.kernel, step.stride, (0, 0), step.dilation)
        reach = through(reach, window_map(1, 1, taps))
    return reach.sizes[0], reach.advance


def _lines(steps: Sequence[Step], size: int = 1, jump: int = 1) -> Iterator[str]:
    """The recurrence, one row of a table a step."""
    for step in steps:
        grown = size + (step.span - 1) * jump
        spans = f": spans {step.span}" if step.dilation > 1 else ""
        yield (
            f"| {step.name}{spans} | ${size} + ({step.span} - 1) \\cdot {jump} = {grown}$ "
            f"| ${jump} \\cdot {step.stride} = {jump * step.stride}$ |"
        )
        size, jump = grown, jump * step.stride


def recurrence_table(steps: Sequence[Step]) -> str:
    """The worked recurrence: ``r + (k − 1)·j`` and ``j·s``, line by line."""
    head = "| | receptive field $r + (k - 1) \\cdot j$ | jump $j \\cdot s$ |\n|---|---|---|\n"
    return head + "\n".join(_lines(steps))


def _stack(draw: Draw, level: int) -> list[Step]:
    if level == 1:
        return [Step(draw.of((2, 3, 4, 5, 7, 9, 11))) for _ in range(draw.between(2, 4))]
    steps = []
    for _ in range(draw.between(3, 4) if level == 2 else draw.between(3, 5)):
        if draw.below(3) == 0:
            steps.append(Step(draw.of((2, 3)), 2, pools=True))
        else:
            dilation = draw.of((1, 2, 3)) if level == 3 else 1
            steps.append(Step(draw.of((3, 3, 5, 7)), draw.of((1, 2)), dilation))
    return steps


def stack(draw: Draw, level: int) -> Draft | None:
    """What does a unit after these layers see?"""
    steps = _stack(draw, level)
    size, jump = field(steps)
    strided = any(step.stride > 1 for step in steps[:-1])
    dilated = any(step.dilation > 1 for step in steps)
    if size > 200 or jump > 16 or strided != (level > 1) or dilated != (level == 3):
        return None
    listing = "\n".join(f"{i}. {step.name}" for i, step in enumerate(steps, 1))
    return Draft(
        text=(f"What is the receptive field of one unit after these layers?\n\n{listing}"),
        form="side",
        answer=square(size),
        solution=(
            f"Start with $r = 1$, $j = 1$ (one pixel sees itself).\n\n{recurrence_table(steps)}\n\n"
            f"A unit sees **{size}×{size}** pixels."
        ),
        mistakes=distinct_mistakes(square(size), _stack_claims(steps)),
        subject=NetworkSubject(
            NetworkSpec(tuple(step.layer for step in steps)), (3, INPUT_SIDE, INPUT_SIDE)
        ),
    )


def _sum(spans: Sequence[int], jumps: Sequence[int]) -> int:
    return 1 + sum((k - 1) * j for k, j in zip(spans, jumps, strict=True))


def _stack_claims(steps: Sequence[Step]) -> Iterator[Mistake]:
    spans, kernels = [s.span for s in steps], [s.kernel for s in steps]
    strides = [s.stride for s in steps]
    jumps, added = [1], [1]
    for stride in strides:
        jumps.append(jumps[-1] * stride)
        added.append(added[-1] + stride - 1)
    yield (
        square(_sum(spans, [1] * len(spans))),
        (
            "This forgets the jump: after a stride, one step of the kernel is several pixels wide. "
            "Multiply k − 1 by the strides of all layers *before*."
        ),
    )
    yield (
        square(_sum(kernels, jumps[:-1])),
        (
            "This takes the kernels without their holes: with dilation d a kernel spans d·(k − 1) + 1."
        ),
    )
    yield (
        square(_sum(spans, jumps[1:])),
        (
            "This multiplies by the layer's *own* stride too. The stride of a layer spreads the "
            "windows of the layers after it, not its own."
        ),
    )
    yield (
        square(_sum(spans, added[:-1])),
        (
            "This adds the strides up. Jumps multiply: stride 2 after stride 2 makes 4 pixels a step."
        ),
    )
    yield (
        square(_sum(spans, [1, *strides[:-1]])),
        (
            "This multiplies by the stride of the layer just before alone. The jump is the product of "
            "*all* strides before."
        ),
    )
    yield (
        square(_sum(spans, jumps[:-1]) - 1),
        ("The + 1 is missing: start with the one pixel that a pixel sees, r = 1."),
    )
    yield square(sum(spans)), "Kernels overlap: each layer adds k − 1, not k."
    product = 1
    for span in spans:
        product *= span
    yield square(product), "Kernel sizes do not multiply: each layer adds (k − 1)·jump."
    yield (
        square(sum(k * j for k, j in zip(spans, jumps[:-1], strict=True))),
        ("Each layer adds (k − 1)·jump, not k·jump: its first tap was there before."),
    )
    yield square(_sum(kernels, [1] * len(kernels))), ("This forgets the dilation and the jump.")
    yield square(max(spans)), "This is the largest kernel alone: the layers add up."


# --- ResNet's bottlenecks -----------------------------------------------------------------------


def _bottleneck(stride: int, version: str) -> list[Step]:
    first, second = (stride, 1) if version == "v1" else (1, stride)
    return [
        Step(1, first, label=f"1×1, stride {first}"),
        Step(3, second, label=f"3×3, stride {second}"),
        Step(1, label="1×1, stride 1"),
    ]


_STEM = (
    Step(7, 2, label="stem: 7×7, stride 2"),
    Step(3, 2, label="max pooling: 3×3, stride 2", pools=True),
)
_WHERE = {"v1": "in the first 1×1", "v1.5": "in the 3×3"}


def resnet(draw: Draw, level: int) -> Draft | None:
    """The receptive field through bottlenecks, v1 or v1.5."""
    version = draw.of(tuple(_WHERE))
    if level == 3:
        return _from_the_image(draw, version)
    blocks = 1 if level == 1 else draw.between(2, 5)
    size, jump = draw.between(3, 90), draw.of((1, 2, 4, 8))
    if size < jump or size % 2 == 0:
        return None
    strides = [2, *[1] * (blocks - 1)]
    steps = [step for stride in strides for step in _bottleneck(stride, version)]
    before = Step(size, jump, label="what came before")
    after, _ = field([before, *steps])
    what = "a bottleneck block" if blocks == 1 else f"{blocks} bottleneck blocks"
    text = (
        f"Units of a feature map see {size}×{size} pixels of the image and stand {jump} "
        f"{'pixel' if jump == 1 else 'pixels'} apart. Then {'comes' if blocks == 1 else 'come'} "
        f"{what} of ResNet **{version}** (1×1, 3×3, 1×1); {'it' if blocks == 1 else 'the first'} "
        f"halves the map, with its stride 2 {_WHERE[version]}{'' if blocks == 1 else ', the others have stride 1'}. What "
        "does a unit after it see?"
    )
    return Draft(
        text=text if blocks == 1 else text.replace("after it", "after them"),
        form="side",
        answer=square(after),
        solution=_resnet_solution(steps, size, jump, version),
        mistakes=distinct_mistakes(square(after), _resnet_claims(strides, size, jump, version)),
        subject=NetworkSubject(
            NetworkSpec((_before(size, jump), *_residuals(strides, version))),
            (3, 4 * INPUT_SIDE, 4 * INPUT_SIDE),
        ),
    )


def _before(size: int, jump: int) -> Conv:
    """One convolution whose units see what the question says."""
    return Conv(square(size), 4, square(jump), ((size // 2, size // 2),) * 2)


def _residuals(strides: Sequence[int], version: str) -> tuple[ResidualBlock, ...]:
    blocks = []
    for stride in strides:
        body = tuple(
            Conv(square(step.kernel), 4, square(step.stride), ((step.kernel // 2,) * 2,) * 2)
            for step in _bottleneck(stride, version)
        )
        shortcut = (Conv(square(1), 4, square(stride)),) if stride > 1 else ()
        blocks.append(ResidualBlock(body, shortcut))
    return tuple(blocks)


def _resnet_solution(steps: Sequence[Step], size: int, jump: int, version: str) -> str:
    selected = [step for step in steps if step.span > 1 or step.stride > 1]
    head = "| | receptive field $r + (k - 1) \\cdot j$ | jump $j \\cdot s$ |\n|---|---|---|\n"
    rows = "\n".join(_lines(selected, size, jump))
    stride = (
        "In v1 the stride stands before the 3×3, which therefore takes wider steps."
        if version == "v1"
        else "In v1.5 the 3×3 has the stride itself, so it still takes the old steps."
    )
    return (
        f"Only the 3×3 widens the view; the shortcut sees less than the body. {stride}\n\n"
        f"{head}{rows}"
    )


def _grown(strides: Sequence[int], size: int, jump: int, version: str) -> int:
    for stride in strides:
        size += 2 * jump * (stride if version == "v1" else 1)
        jump *= stride
    return size


def _resnet_claims(strides: Sequence[int], size: int, jump: int, version: str) -> Iterator[Mistake]:
    other = "v1.5" if version == "v1" else "v1"
    steps = len(strides)
    yield (
        square(_grown(strides, size, jump, other)),
        (
            f"This is {other}, where the stride stands {_WHERE[other]}. Here it stands "
            f"{_WHERE[version]}."
        ),
    )
    yield (
        square(size + 2 * steps),
        (
            f"This forgets the jump: neighbouring units stand {jump} px apart, so a 3×3 adds "
            f"2·{jump} at least."
        ),
    )
    yield (
        square(size + 2 * jump * steps),
        (
            "This keeps the old jump in every block. After the stride, units stand twice as far apart."
        ),
    )
    yield (
        square(size + 2 * jump * 2 * steps),
        (
            "This counts the doubled jump in every block, the first included. In v1.5 the first 3×3 "
            "still reads the map before the stride."
        ),
    )
    yield square(_grown(strides, size, jump, version) * 2), "A stride does not double the field."
    yield square(size * 2), "A stride does not double the field: it doubles the jump."
    yield square(size + 3 * jump * steps), "A 3×3 adds (3 − 1)·jump: its middle was there before."
    yield square(size), "The 3×3 in each block widens the view; only the 1×1 do not."
    yield square(_grown(strides, size, jump, version) + 1), "One too many: r + (k − 1)·j, no + 1."


def _from_the_image(draw: Draw, version: str) -> Draft | None:
    counts = [draw.between(1, 6) for _ in range(draw.between(2, 4))]
    strides = [
        2 if stage and not block else 1
        for stage, count in enumerate(counts)
        for block in range(count)
    ]
    steps = [*_STEM, *(s for stride in strides for s in _bottleneck(stride, version))]
    size, _ = field(steps)
    stages = ", ".join(map(str, counts))
    padded: list[Layer] = [
        Conv(square(7), 4, square(2), ((3, 3), (3, 3))),
        MaxPool(square(3), square(2), (1, 1)),
    ]
    return Draft(
        text=(
            f"A ResNet **{version}** of bottlenecks has the usual stem (7×7 stride 2, then 3×3 max "
            f"pooling stride 2) and stages of {stages} blocks; every stage but the first begins "
            f"with stride 2, {_WHERE[version]}. What is the receptive field after the last block?"
        ),
        form="side",
        answer=square(size),
        solution=_stage_solution(counts, version, size),
        mistakes=distinct_mistakes(square(size), _image_claims(strides, version)),
        subject=NetworkSubject(
            NetworkSpec((*padded, *_residuals(strides, version))),
            (3, 4 * INPUT_SIDE, 4 * INPUT_SIDE),
        ),
    )


def _stage_solution(counts: Sequence[int], version: str, size: int) -> str:
    """A row a stage: all its 3×3 add twice their jump."""
    rows, grown, jump = [], 11, 4
    rows.append("| stem | $1 + 6 \\cdot 1 + 2 \\cdot 2 = 11$ | 4 |")
    for stage, count in enumerate(counts, 1):
        first = jump if stage == 1 or version == "v1.5" else 2 * jump
        jump = jump if stage == 1 else 2 * jump
        total = grown + 2 * first + 2 * jump * (count - 1)
        rows.append(
            f"| stage {stage} | ${grown} + 2 \\cdot {first} + {count - 1} \\cdot 2 \\cdot {jump} "
            f"= {total}$ | {jump} |"
        )
        grown = total
    where = "the new" if version == "v1" else "the old"
    return (
        "Every block's 3×3 adds twice the jump at which it reads; 1×1 add nothing. The first block "
        f"of a stage reads at {where} jump, as its stride stands {_WHERE[version]}.\n\n"
        "| | receptive field | jump |\n|---|---|---|\n" + "\n".join(rows)
        + f"\n\nA unit sees **{size}×{size}** pixels."
    )  # fmt: skip


def _image_claims(strides: Sequence[int], version: str) -> Iterator[Mistake]:
    yield (
        square(_grown(strides, 7, 2, version)),
        ("The stem's max pooling is missing: it adds (3 − 1)·2 and doubles the jump."),
    )
    yield (
        square(_grown(strides, 9, 4, version)),
        ("The stem's pooling has a 3×3 window, not 2×2: it adds (3 − 1)·2 = 4."),
    )
    yield square(_grown(strides, 1, 1, version)), "The stem is missing: 7×7 and max pooling."
    yield from _resnet_claims(strides, 11, 4, version)
