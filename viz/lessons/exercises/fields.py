"""Questions on the receptive field after a stack of layers and after ResNet's bottlenecks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from core.graph.axes.axis_map import Window, window_map
from core.layer.window import span_of
from core.networks import Conv, Layer, MaxPool, NetworkSpec, ResidualBlock
from core.receptive_field.reach import Reach, reach_through
from viz.lessons.exercises.question import (
    Mistake,
    NetworkSubject,
    QuestionContent,
    distinct_mistakes,
)
from viz.lessons.exercises.seeded_random import SeededRandom
from viz.lessons.exercises.words import square

HEAD = (
    "| layer | receptive field $r + (k - 1) \\cdot j$ (px) | jump $j \\cdot s$ (px) |\n"
    "|---|--:|--:|\n"
)
"""First lines of the Markdown table of the recurrence."""
INPUT_SIDE = 64
"""Side in pixels of the image on which the page shows a stack of layers."""


@dataclass(frozen=True)
class WindowStep:
    """A layer of a stack, as far as receptive fields depend on it, along one axis.

    Attributes:
        kernel, stride, dilation: Of the layer's window, in units of its input.
        label: Name in the question; "" names kind, kernel, stride and dilation.
        pools: Whether it is a max pooling; otherwise it is a convolution.
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    label: str = ""
    pools: bool = False

    @property
    def span(self) -> int:
        """The number of input units from the first tap to the last, both included."""
        return span_of(self.kernel, self.dilation)

    @property
    def name(self) -> str:
        """The name in the question, such as ``3×3 convolution, stride 2, dilation 2``."""
        if self.label:
            return self.label
        kind = "max pooling" if self.pools else "convolution"
        dilated = f", dilation {self.dilation}" if self.dilation > 1 else ""
        return f"{self.kernel}×{self.kernel} {kind}, stride {self.stride}{dilated}"

    @property
    def layer(self) -> Conv | MaxPool:
        """The same window as a layer of a network, padded so that feature maps stay large."""
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


def field_after(steps: Sequence[WindowStep]) -> tuple[int, int]:
    """Return size and effective stride of the receptive field after all steps, in pixels."""
    reach = Reach()
    for step in steps:
        taps = Window(step.kernel, step.stride, (0, 0), step.dilation)
        reach = reach_through(reach, window_map(1, 1, taps))
    return reach.sizes[0], reach.advance


def _recurrence_rows(steps: Sequence[WindowStep], size: int = 1, jump: int = 1) -> Iterator[str]:
    """Yield a Markdown table row with the recurrence for each step.

    Args:
        steps: The layers.
        size, jump: Receptive field and effective stride before the first step, in pixels.
    """
    for step in steps:
        grown = size + (step.span - 1) * jump
        spans = f": spans {step.span}" if step.dilation > 1 else ""
        yield (
            f"| {step.name}{spans} | ${size} + ({step.span} - 1) \\cdot {jump} = {grown}$ "
            f"| ${jump} \\cdot {step.stride} = {jump * step.stride}$ |"
        )
        size, jump = grown, jump * step.stride


def recurrence_table(steps: Sequence[WindowStep]) -> str:
    """Return a Markdown table with the recurrence ``r + (k − 1)·j`` and ``j·s`` of each step."""
    return HEAD + "\n".join(_recurrence_rows(steps))


def _random_stack(rng: SeededRandom, level: int) -> list[WindowStep]:
    """Return random layers: with stride 1; with strides and pooling; with dilation, too."""
    if level == 1:
        return [WindowStep(rng.choice((2, 3, 4, 5, 7, 9, 11))) for _ in range(rng.between(2, 4))]
    steps = []
    for _ in range(rng.between(3, 4) if level == 2 else rng.between(3, 5)):
        if rng.below(3) == 0:
            steps.append(WindowStep(rng.choice((2, 3)), 2, pools=True))
        else:
            dilation = rng.choice((1, 2, 3)) if level == 3 else 1
            steps.append(WindowStep(rng.choice((3, 3, 5, 7)), rng.choice((1, 2)), dilation))
    return steps


def stack_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask for the receptive field of a stack; None if the random stack does not suit the level."""
    steps = _random_stack(rng, level)
    size, jump = field_after(steps)
    strided = any(step.stride > 1 for step in steps[:-1])
    dilated = any(step.dilation > 1 for step in steps)
    if size > 200 or jump > 16 or strided != (level > 1) or dilated != (level == 3):
        return None
    listing = "\n".join(f"{i}. {step.name}" for i, step in enumerate(steps, 1))
    return QuestionContent(
        text=(f"What is the receptive field of one unit after these layers?\n\n{listing}"),
        form="side",
        answer=square(size),
        solution=(
            f"Start with $r = 1$, $j = 1$ (one pixel sees itself).\n\n{recurrence_table(steps)}\n\n"
            f"A unit sees **{size}×{size}** pixels."
        ),
        mistakes=distinct_mistakes(square(size), _stack_mistakes(steps)),
        subject=NetworkSubject(
            NetworkSpec(tuple(step.layer for step in steps)), (3, INPUT_SIDE, INPUT_SIDE)
        ),
    )


def _field_size(spans: Sequence[int], jumps: Sequence[int]) -> int:
    """Return 1 + Σ (span − 1)·jump: the receptive field if the jumps are the correct ones."""
    return 1 + sum((k - 1) * j for k, j in zip(spans, jumps, strict=True))


def _stack_mistakes(steps: Sequence[WindowStep]) -> list[Mistake]:
    """Return the wrong receptive fields of a stack, each with an explanation of the mistake."""
    spans, kernels = [step.span for step in steps], [step.kernel for step in steps]
    strides = [step.stride for step in steps]
    jumps, summed_strides = [1], [1]
    for stride in strides:
        jumps.append(jumps[-1] * stride)
        summed_strides.append(summed_strides[-1] + stride - 1)
    ones = [1] * len(steps)
    mistakes = [
        (_field_size(spans, ones),
         "This forgets the jump: after a stride, one step of the kernel is several pixels wide. "
         "Multiply k − 1 by the strides of all layers *before*."),
        (_field_size(kernels, jumps[:-1]),
         "This takes the kernels without their holes: with dilation d a kernel spans "
         "d·(k − 1) + 1."),
        (_field_size(spans, jumps[1:]),
         "This multiplies by the layer's *own* stride too. The stride of a layer spreads the "
         "windows of the layers after it, not its own."),
        (_field_size(spans, summed_strides[:-1]),
         "This adds the strides up. Jumps multiply: stride 2 after stride 2 makes 4 pixels a step."),
        (_field_size(spans, [1, *strides[:-1]]),
         "This multiplies by the stride of the layer just before alone. The jump is the product "
         "of *all* strides before."),
        (_field_size(spans, jumps[:-1]) - 1,
         "The + 1 is missing: start with the one pixel that a pixel sees, r = 1."),
        (sum(spans), "Kernels overlap: each layer adds k − 1, not k."),
        (prod(spans), "Kernel sizes do not multiply: each layer adds (k − 1)·jump."),
        (sum(k * j for k, j in zip(spans, jumps[:-1], strict=True)),
         "Each layer adds (k − 1)·jump, not k·jump: its first tap was there before."),
        (_field_size(kernels, ones), "This forgets the dilation and the jump."),
        (max(spans), "This is the largest kernel alone: the layers add up."),
    ]  # fmt: skip
    return [(square(size), why) for size, why in mistakes]


# --- ResNet's bottlenecks -----------------------------------------------------------------------


def _bottleneck_steps(stride: int, version: str) -> list[WindowStep]:
    """Return the three convolutions of a bottleneck block of ResNet "v1" or "v1.5"."""
    first, second = (stride, 1) if version == "v1" else (1, stride)
    return [
        WindowStep(1, first, label=f"1×1, stride {first}"),
        WindowStep(3, second, label=f"3×3, stride {second}"),
        WindowStep(1, label="1×1, stride 1"),
    ]


_STEM_STEPS = (
    WindowStep(7, 2, label="stem: 7×7, stride 2"),
    WindowStep(3, 2, label="max pooling: 3×3, stride 2", pools=True),
)
_STRIDE_POSITION = {"v1": "in the first 1×1", "v1.5": "in the 3×3"}


def resnet_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask for the receptive field after bottleneck blocks of ResNet v1 or v1.5.

    Level 1 has one block, level 2 has several, and level 3 begins at the image.
    """
    version = rng.choice(tuple(_STRIDE_POSITION))
    if level == 3:
        return _whole_resnet_question(rng, version)
    blocks = 1 if level == 1 else rng.between(2, 5)
    size, jump = rng.between(3, 90), rng.choice((1, 2, 4, 8))
    if size < jump or size % 2 == 0:
        return None
    strides = [2, *[1] * (blocks - 1)]
    steps = [step for stride in strides for step in _bottleneck_steps(stride, version)]
    before = WindowStep(size, jump, label="what came before")
    after, _ = field_after([before, *steps])
    what = "a bottleneck block" if blocks == 1 else f"{blocks} bottleneck blocks"
    text = (
        f"Units of a feature map see {size}×{size} pixels of the image and stand {jump} "
        f"{'pixel' if jump == 1 else 'pixels'} apart. Then {'comes' if blocks == 1 else 'come'} "
        f"{what} of ResNet **{version}** (1×1, 3×3, 1×1); {'it' if blocks == 1 else 'the first'} "
        f"halves the map, with its stride 2 {_STRIDE_POSITION[version]}{'' if blocks == 1 else ', the others have stride 1'}. What "
        "does a unit after it see?"
    )
    return QuestionContent(
        text=text if blocks == 1 else text.replace("after it", "after them"),
        form="side",
        answer=square(after),
        solution=_resnet_solution(steps, size, jump, version),
        mistakes=distinct_mistakes(square(after), _resnet_mistakes(strides, size, jump, version)),
        subject=NetworkSubject(
            NetworkSpec((_preceding_layer(size, jump), *_residual_blocks(strides, version))),
            (3, 4 * INPUT_SIDE, 4 * INPUT_SIDE),
        ),
    )


def _preceding_layer(size: int, jump: int) -> Conv:
    """Return one convolution that stands for all layers before the blocks.

    Its units see ``size`` pixels and stand ``jump`` pixels apart.
    """
    return Conv(square(size), 4, square(jump), ((size // 2, size // 2),) * 2)


def _residual_blocks(strides: Sequence[int], version: str) -> tuple[ResidualBlock, ...]:
    """Return a bottleneck block for each stride; a strided one has a 1×1 shortcut."""
    blocks = []
    for stride in strides:
        body = tuple(
            Conv(square(step.kernel), 4, square(step.stride), ((step.kernel // 2,) * 2,) * 2)
            for step in _bottleneck_steps(stride, version)
        )
        shortcut = (Conv(square(1), 4, square(stride)),) if stride > 1 else ()
        blocks.append(ResidualBlock(body, shortcut))
    return tuple(blocks)


def _resnet_solution(steps: Sequence[WindowStep], size: int, jump: int, version: str) -> str:
    """Return the worked recurrence for blocks whose input units see ``size`` pixels."""
    selected = [step for step in steps if step.span > 1 or step.stride > 1]
    rows = "\n".join(_recurrence_rows(selected, size, jump))
    stride = (
        "In v1 the stride stands before the 3×3, which therefore takes wider steps."
        if version == "v1"
        else "In v1.5 the 3×3 has the stride itself, so it still takes the old steps."
    )
    return (
        f"Only the 3×3 widens the view; the shortcut sees less than the body. {stride}\n\n"
        f"{HEAD}{rows}"
    )


def _field_after_blocks(strides: Sequence[int], size: int, jump: int, version: str) -> int:
    """Return the receptive field in pixels after bottleneck blocks with these strides."""
    for stride in strides:
        size += 2 * jump * (stride if version == "v1" else 1)
        jump *= stride
    return size


def _resnet_mistakes(strides: Sequence[int], size: int, jump: int, version: str) -> list[Mistake]:
    """Return the wrong receptive fields after bottleneck blocks, each with an explanation.

    Args:
        strides: The stride of each block.
        size, jump: Receptive field and effective stride before the first block, in pixels.
        version: "v1" or "v1.5".
    """
    other = "v1.5" if version == "v1" else "v1"
    blocks, correct = len(strides), _field_after_blocks(strides, size, jump, version)
    mistakes = [
        (_field_after_blocks(strides, size, jump, other),
         f"This is {other}, where the stride stands {_STRIDE_POSITION[other]}. Here it stands "
         f"{_STRIDE_POSITION[version]}."),
        (size + 2 * blocks,
         f"This forgets the jump: neighboring units stand {jump} px apart, so a 3×3 adds "
         f"2·{jump} at least."),
        (size + 2 * jump * blocks,
         "This keeps the old jump in every block. After the stride, units stand twice as far "
         "apart."),
        (size + 2 * jump * 2 * blocks,
         "This counts the doubled jump in every block, the first included. In v1.5 the first 3×3 "
         "still reads the map before the stride."),
        (correct * 2, "A stride does not double the field."),
        (size * 2, "A stride does not double the field: it doubles the jump."),
        (size + 3 * jump * blocks,
         "A 3×3 adds (3 − 1)·jump: its middle was there before."),
        (size, "The 3×3 in each block widens the view; only the 1×1 do not."),
        (correct + 1, "One too many: r + (k − 1)·j, no + 1."),
    ]  # fmt: skip
    return [(square(wrong), why) for wrong, why in mistakes]


def _whole_resnet_question(rng: SeededRandom, version: str) -> QuestionContent | None:
    """Ask for the receptive field after all blocks of a ResNet with random numbers of blocks."""
    counts = [rng.between(1, 6) for _ in range(rng.between(2, 4))]
    strides = [
        2 if stage and not block else 1
        for stage, count in enumerate(counts)
        for block in range(count)
    ]
    steps = [*_STEM_STEPS, *(s for stride in strides for s in _bottleneck_steps(stride, version))]
    size, _ = field_after(steps)
    stages = ", ".join(map(str, counts))
    padded: list[Layer] = [
        Conv(square(7), 4, square(2), ((3, 3), (3, 3))),
        MaxPool(square(3), square(2), (1, 1)),
    ]
    return QuestionContent(
        text=(
            f"A ResNet **{version}** of bottlenecks has the usual stem (7×7 stride 2, then 3×3 max "
            f"pooling stride 2) and stages of {stages} blocks; every stage but the first begins "
            f"with stride 2, {_STRIDE_POSITION[version]}. What is the receptive field after the last block?"
        ),
        form="side",
        answer=square(size),
        solution=_whole_resnet_solution(counts, version, size),
        mistakes=distinct_mistakes(square(size), _whole_resnet_mistakes(strides, version)),
        subject=NetworkSubject(
            NetworkSpec((*padded, *_residual_blocks(strides, version))),
            (3, 4 * INPUT_SIDE, 4 * INPUT_SIDE),
        ),
    )


def _whole_resnet_solution(counts: Sequence[int], version: str, size: int) -> str:
    """Return a table with a row for each stage, whose 3×3 convolutions each add twice the jump.

    Args:
        counts: Number of blocks in each stage.
        version: "v1" or "v1.5".
        size: The receptive field after the last block, in pixels.
    """
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
        f"of a stage reads at {where} jump, as its stride stands {_STRIDE_POSITION[version]}.\n\n"
        "| layers | receptive field (px) | jump (px) |\n|---|--:|--:|\n" + "\n".join(rows)
        + f"\n\nA unit sees **{size}×{size}** pixels."
    )  # fmt: skip


def _whole_resnet_mistakes(strides: Sequence[int], version: str) -> list[Mistake]:
    """Return the wrong receptive fields of a whole ResNet, each with an explanation."""
    stems = [
        (7, 2, "The stem's max pooling is missing: it adds (3 − 1)·2 and doubles the jump."),
        (9, 4, "The stem's pooling has a 3×3 window, not 2×2: it adds (3 − 1)·2 = 4."),
        (1, 1, "The stem is missing: 7×7 and max pooling."),
    ]
    return [
        *((square(_field_after_blocks(strides, size, jump, version)), why)
          for size, jump, why in stems),
        *_resnet_mistakes(strides, 11, 4, version),
    ]  # fmt: skip
