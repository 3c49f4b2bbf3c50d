"""Spot the wrong shape: a network in PyTorch whose comments, or whose layers, hold one mistake."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import SpecError
from core.layer.window import Window2d, span_of
from core.networks import Conv, Flatten, Linear, MaxPool, NetworkSpec, Shape
from core.networks.layers import Leaf
from core.networks.shapes import advance
from viz.lessons.exercises.draw import Draw
from viz.lessons.exercises.question import Draft, Mistake, NetworkSubject, distinct_mistakes, letter
from viz.lessons.exercises.words import square


@dataclass(frozen=True)
class Line:
    """One layer of the code.

    Attributes:
        layer: what it is.
        before, after: true shapes at its input and output.
        channels: as the code says they arrive; features for a linear layer.
    """

    layer: Leaf
    before: Shape
    after: Shape
    channels: int

    @property
    def code(self) -> str:
        """The constructor's call."""
        layer = self.layer
        if isinstance(layer, Conv):
            return f"nn.Conv2d({self.channels}, {layer.out_channels}, {_window(layer)})"
        if isinstance(layer, MaxPool):
            return f"nn.MaxPool2d({_window(layer)})"
        if isinstance(layer, Linear):
            return f"nn.Linear({self.channels}, {layer.out_features})"
        return "nn.Flatten()"


def _window(layer: Conv | MaxPool) -> str:
    parts = [str(layer.kernel_size[0])]
    pool = isinstance(layer, MaxPool)
    if layer.stride != (layer.kernel_size if pool else (1, 1)):
        parts.append(f"stride={layer.stride[0]}")
    if _padding(layer):
        parts.append(f"padding={_padding(layer)}")
    if layer.dilation != (1, 1):
        parts.append(f"dilation={layer.dilation[0]}")
    return ", ".join(parts)


def _padding(layer: Conv | MaxPool) -> int:
    """On every side: no layer here pads its sides apart."""
    rows = layer.padding[0]
    return rows[0] if isinstance(rows, tuple) else int(rows)


def _conv(draw: Draw, level: int) -> Conv:
    kernel = draw.of((3, 3, 5, 7))
    stride = draw.between(1, 2) if level > 1 or draw.below(2) else 1
    dilation = 2 if level == 2 and draw.below(3) == 0 else 1
    padding = draw.between(0, dilation * (kernel // 2))
    return Conv(square(kernel), draw.of((8, 16, 24, 32)), square(stride), ((padding,) * 2,) * 2,
                square(dilation))  # fmt: skip


def _pool(draw: Draw) -> MaxPool:
    return draw.of((MaxPool((2, 2)), MaxPool((3, 3), (2, 2)), MaxPool((3, 3), (2, 2), (1, 1))))


def _layers(draw: Draw, level: int) -> list[Leaf]:
    if level == 1:
        return [_conv(draw, 1) for _ in range(3)]
    layers: list[Leaf] = [_conv(draw, level), _pool(draw), _conv(draw, level)]
    if level == 2:
        return [*layers, _pool(draw) if draw.below(2) else _conv(draw, 2)]
    return [*layers, Flatten(), Linear(draw.of((10, 20, 100)))]


def _followed(layers: list[Leaf], shape: Shape) -> list[Line]:
    lines = []
    for layer in layers:
        after = advance(layer, shape)
        arriving = shape.features if shape.flat else shape.channels
        assert arriving
        lines.append(Line(layer, shape, after, arriving))
        shape = after
    return lines


def wrong_shape(draw: Draw, level: int) -> Draft | None:
    """Which comment is wrong? At the last level: at which line does torch stop?"""
    side = draw.of((24, 28, 32, 40, 48))
    channels = draw.of((1, 3))
    try:
        lines = _followed(_layers(draw, level), Shape(channels, (side, side)))
    except SpecError:
        return None
    if min(line.after.size[0] for line in lines if line.after.size) < 3:
        return None
    return _stops(draw, lines) if level == 3 else _commented(draw, lines)


def _text(shape: Shape) -> str:
    return str(shape).replace(" features", "")


def _block(lines: list[Line], comments: list[str]) -> str:
    """The code: a shape stands below the layer that makes it, a bare letter above its layer."""
    rows = [f"    # input: {_text(lines[0].before)}"]
    for i, (line, comment) in enumerate(zip(lines, comments, strict=True)):
        pair = [f"    {line.code},", f"    # {letter(i)}{comment}"]
        rows += pair if comment else pair[::-1]
    return "\n".join(["net = nn.Sequential(", *rows, ")"])


def _slips(line: Line) -> list[tuple[int, str]]:
    """Wrong sides that people write, each with the mistake behind it."""
    layer = line.layer
    assert isinstance(layer, Conv | MaxPool)
    assert line.before.size
    n, k, s, d = line.before.size[0], layer.kernel_size[0], layer.stride[0], layer.dilation[0]
    p = _padding(layer)
    span = span_of(k, d)
    return [
        ((n + p - span) // s + 1, "counts the padding on one side only"),
        ((n + 2 * p - span) // s, "forgets the + 1"),
        (-(-(n + 2 * p - span) // s) + 1, "rounds up instead of down"),
        ((n + 2 * p - k) // s + 1, "forgets the dilation"),
        (n // s, "only divides by the stride"),
        ((n - span) // s + 1, "forgets the padding"),
    ]


def _commented(draw: Draw, lines: list[Line]) -> Draft | None:
    """All comments are true but one: the shape at its line alone is wrong."""
    index = draw.below(len(lines))
    line = lines[index]
    true = line.after.size
    assert true
    slips = [(side, why) for side, why in _slips(line) if side > 0 and side != true[0]]
    if not slips:
        return None
    side, why = draw.of(slips)
    comments = [f": {_text(each.after)}" for each in lines]
    comments[index] = f": {_text(replace(line.after, size=(side, side)))}"
    claims: list[Mistake] = [
        (i, f"Line {letter(i)} is right: {_formula(each)}. Each line starts from the true size "
            "of the one before.")
        for i, each in enumerate(lines) if i != index
    ]  # fmt: skip
    return _draft(
        lines,
        index,
        text=(
            "Each comment names the shape after the layer above it. One is wrong, the others are right. "
            "Which one?"
        ),
        code=_block(lines, comments),
        solution=(f"Line {letter(index)}: {_formula(line)}, not {side}. The comment {why}."),
        claims=claims,
    )


def _formula(line: Line) -> str:
    layer = line.layer
    assert isinstance(layer, Conv | MaxPool)
    assert line.before.size
    p = _padding(layer)
    window = Window2d(layer.kernel_size, layer.stride, ((p, p), (p, p)), layer.dilation)
    n, span = line.before.size[0], window.effective_kernel_size[0]
    outputs = window.output_size(line.before.size)[0]
    return rf"$\lfloor ({n} + 2 \cdot {p} - {span}) / {layer.stride[0]} \rfloor + 1 = {outputs}$"


def _stops(draw: Draw, lines: list[Line]) -> Draft | None:
    """One layer is told the wrong number of channels or features: torch stops there."""
    index = draw.of([i for i, line in enumerate(lines) if i and _states_input(line)])
    line, before = lines[index], lines[index - 1]
    if isinstance(line.layer, Linear):
        map_ = lines[index - 2].after
        assert map_.size
        rows, cols = map_.size
        assert map_.channels
        count = map_.channels
        options = [(count * (rows + 1) * (cols + 1), "A map one larger would have that many."),
                   (count * rows, "That counts one side of the map only."),
                   (count * (rows - 1) * (cols - 1), "A map one smaller would have that many."),
                   (rows * cols, "That forgets the channels.")]  # fmt: skip
        needs = f"{map_.channels}·{rows}·{cols} = {line.channels}"
    else:
        arriving = [each.after.channels for each in lines[:index]]
        true = line.channels
        options = [(n, "") for n in (true * 2, true // 2)]
        options += [(n, "That many arrived further up.") for n in arriving if n]
        needs = str(true)
    wrong, why = draw.of(options)
    if wrong == line.channels:
        return None
    changed = [*lines[:index], replace(line, channels=wrong), *lines[index + 1 :]]
    what = "features" if isinstance(line.layer, Linear) else "channels"
    claims: list[Mistake] = [(i, _fits(each)) for i, each in enumerate(lines) if i != index]
    return _draft(
        lines,
        index,
        text="Shapes do not fit at one line, and PyTorch stops there with an error. At which?",
        code=_block(changed, [""] * len(lines)),
        solution=(
            f"Line {letter(index)} expects {wrong} {what}. Line {letter(index - 1)} "
            f"hands over {_text(before.after)}: it should be {needs}. {why}".strip()
        ),
        claims=claims,
    )


def _states_input(line: Line) -> bool:
    """Whether the code of this layer says what arrives."""
    return isinstance(line.layer, Conv | Linear)


def _fits(line: Line) -> str:
    if isinstance(line.layer, Conv):
        some = f"{line.channels} {'channel' if line.channels == 1 else 'channels'}"
        return f"Here {_text(line.before)} arrive, and the layer expects {some}."
    if isinstance(line.layer, Linear):
        return f"Here {line.channels} features arrive, and the layer expects {line.channels}."
    return f"This layer takes what comes: {_text(line.before)} becomes {_text(line.after)}."


def _draft(
    lines: list[Line], index: int, *, text: str, code: str, solution: str, claims: list[Mistake]
) -> Draft:
    shapes = "\n".join(
        f"| {letter(i)} | `{line.code}` | {_text(line.after)} |" for i, line in enumerate(lines)
    )
    first = lines[0].before
    assert first.size
    assert first.channels
    maps = tuple(line.layer for line in lines if isinstance(line.layer, Conv | MaxPool))
    return Draft(
        text=text,
        form="choice",
        answer=index,
        solution=f"{solution}\n\n| | layer | true output |\n|---|---|---|\n{shapes}",
        mistakes=distinct_mistakes(index, claims),
        subject=NetworkSubject(NetworkSpec(maps), (first.channels, *first.size)),
        code=code,
        options=tuple(f"line {letter(i)}" for i in range(len(lines))),
    )
