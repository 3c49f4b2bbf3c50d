"""Questions about PyTorch code with one mistake: a wrong shape comment or channel count."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import SpecError
from core.layer.window import Window2d, span_of
from core.networks import Conv, Flatten, Linear, MaxPool, NetworkSpec, Shape
from core.networks.layers import Leaf
from core.networks.shapes import output_shape
from viz.lessons.exercises.question import (
    Mistake,
    NetworkSubject,
    QuestionContent,
    distinct_mistakes,
    letter,
)
from viz.lessons.exercises.seeded_random import SeededRandom
from viz.lessons.exercises.words import square


@dataclass(frozen=True)
class CodeLine:
    """One layer of the code.

    Attributes:
        layer: The layer.
        before, after: The correct shapes of its input and its output.
        channels: Input channels in the code, or input features of a linear layer; they may be
            wrong on purpose.
    """

    layer: Leaf
    before: Shape
    after: Shape
    channels: int

    @property
    def code(self) -> str:
        """The call of the layer's constructor, such as ``nn.Conv2d(3, 8, 3, padding=1)``."""
        layer = self.layer
        if isinstance(layer, Conv):
            return f"nn.Conv2d({self.channels}, {layer.out_channels}, {_window_arguments(layer)})"
        if isinstance(layer, MaxPool):
            return f"nn.MaxPool2d({_window_arguments(layer)})"
        if isinstance(layer, Linear):
            return f"nn.Linear({self.channels}, {layer.out_features})"
        return "nn.Flatten()"


def _window_arguments(layer: Conv | MaxPool) -> str:
    """Return the arguments of the window without defaults: ``3, stride=2, padding=1``."""
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
    """Return the padding of a layer, which is the same on every side here."""
    rows = layer.padding[0]
    return rows[0] if isinstance(rows, tuple) else int(rows)


def _random_convolution(rng: SeededRandom, level: int) -> Conv:
    """Return a random convolution; it may be dilated at level 2."""
    kernel = rng.choice((3, 3, 5, 7))
    stride = rng.between(1, 2) if level > 1 or rng.below(2) else 1
    dilation = 2 if level == 2 and rng.below(3) == 0 else 1
    padding = rng.between(0, dilation * (kernel // 2))
    return Conv(square(kernel), rng.choice((8, 16, 24, 32)), square(stride), ((padding,) * 2,) * 2,
                square(dilation))  # fmt: skip


def _random_pooling(rng: SeededRandom) -> MaxPool:
    """Return a random max pooling."""
    return rng.choice((MaxPool((2, 2)), MaxPool((3, 3), (2, 2)), MaxPool((3, 3), (2, 2), (1, 1))))


def _random_layers(rng: SeededRandom, level: int) -> list[Leaf]:
    """Return random layers: convolutions; pooling, too; and a linear layer at level 3."""
    if level == 1:
        return [_random_convolution(rng, 1) for _ in range(3)]
    layers: list[Leaf] = [
        _random_convolution(rng, level),
        _random_pooling(rng),
        _random_convolution(rng, level),
    ]
    if level == 2:
        return [*layers, _random_pooling(rng) if rng.below(2) else _random_convolution(rng, 2)]
    return [*layers, Flatten(), Linear(rng.choice((10, 20, 100)))]


def _lines_with_shapes(layers: list[Leaf], shape: Shape) -> list[CodeLine]:
    """Return the correct code lines of layers whose input has this shape."""
    lines = []
    for layer in layers:
        after = output_shape(layer, shape)
        input_channels = shape.features if shape.flat else shape.channels
        assert input_channels
        lines.append(CodeLine(layer, shape, after, input_channels))
        shape = after
    return lines


def wrong_shape_question(rng: SeededRandom, level: int) -> QuestionContent | None:
    """Ask which shape comment is wrong or, at level 3, at which line PyTorch raises an error."""
    side = rng.choice((24, 28, 32, 40, 48))
    channels = rng.choice((1, 3))
    try:
        lines = _lines_with_shapes(_random_layers(rng, level), Shape(channels, (side, side)))
    except SpecError:
        return None
    if min(line.after.size[0] for line in lines if line.after.size) < 3:
        return None
    return (
        _channel_error_question(rng, lines) if level == 3 else _wrong_comment_question(rng, lines)
    )


def _shape_text(shape: Shape) -> str:
    """Return a shape as it stands in the code's comments."""
    return str(shape).replace(" features", "")


def _code_text(lines: list[CodeLine], comments: list[str]) -> str:
    """Return the code with a lettered comment for each line.

    A comment with a shape stands below its layer; an empty one, a letter only, stands above it.
    """
    rows = [f"    # input: {_shape_text(lines[0].before)}"]
    for i, (line, comment) in enumerate(zip(lines, comments, strict=True)):
        pair = [f"    {line.code},", f"    # {letter(i)}{comment}"]
        rows += pair if comment else pair[::-1]
    return "\n".join(["net = nn.Sequential(", *rows, ")"])


def _plausible_wrong_sides(line: CodeLine) -> list[tuple[int, str]]:
    """Return wrong output sides, each with a clause such as "forgets the padding"."""
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


def _wrong_comment_question(rng: SeededRandom, lines: list[CodeLine]) -> QuestionContent | None:
    """Ask which of the shape comments is wrong; all others are correct."""
    index = rng.below(len(lines))
    line = lines[index]
    correct = line.after.size
    assert correct
    errors = [
        (side, why) for side, why in _plausible_wrong_sides(line) if side > 0 and side != correct[0]
    ]
    if not errors:
        return None
    side, why = rng.choice(errors)
    comments = [f": {_shape_text(each.after)}" for each in lines]
    comments[index] = f": {_shape_text(replace(line.after, size=(side, side)))}"
    mistakes: list[Mistake] = [
        (i, f"Line {letter(i)} is right: {_size_latex(each)}. Each line starts from the true size "
            "of the one before.")
        for i, each in enumerate(lines) if i != index
    ]  # fmt: skip
    return _question_content(
        lines,
        index,
        text=(
            "Each comment names the shape after the layer above it. One is wrong, the others are right. "
            "Which one?"
        ),
        code=_code_text(lines, comments),
        solution=(f"Line {letter(index)}: {_size_latex(line)}, not {side}. The comment {why}."),
        mistakes=mistakes,
    )


def _size_latex(line: CodeLine) -> str:
    """Return the formula of a line's output side with its numbers, in LaTeX."""
    layer = line.layer
    assert isinstance(layer, Conv | MaxPool)
    assert line.before.size
    p = _padding(layer)
    window = Window2d(layer.kernel_size, layer.stride, ((p, p), (p, p)), layer.dilation)
    n, span = line.before.size[0], window.effective_kernel_size[0]
    outputs = window.output_size(line.before.size)[0]
    return rf"$\lfloor ({n} + 2 \cdot {p} - {span}) / {layer.stride[0]} \rfloor + 1 = {outputs}$"


def _channel_error_question(rng: SeededRandom, lines: list[CodeLine]) -> QuestionContent | None:
    """Ask which layer has a wrong number of input channels or features, so that PyTorch stops."""
    index = rng.choice([i for i, line in enumerate(lines) if i and _names_input_channels(line)])
    line, before = lines[index], lines[index - 1]
    if isinstance(line.layer, Linear):
        feature_map = lines[index - 2].after
        assert feature_map.size
        rows, cols = feature_map.size
        assert feature_map.channels
        count = feature_map.channels
        options = [(count * (rows + 1) * (cols + 1), "A map one larger would have that many."),
                   (count * rows, "That counts one side of the map only."),
                   (count * (rows - 1) * (cols - 1), "A map one smaller would have that many."),
                   (rows * cols, "That forgets the channels.")]  # fmt: skip
        needs = f"{feature_map.channels}·{rows}·{cols} = {line.channels}"
    else:
        input_channels = [each.after.channels for each in lines[:index]]
        correct = line.channels
        options = [(n, "") for n in (correct * 2, correct // 2)]
        options += [(n, "That many arrived further up.") for n in input_channels if n]
        needs = str(correct)
    wrong, why = rng.choice(options)
    if wrong == line.channels:
        return None
    changed = [*lines[:index], replace(line, channels=wrong), *lines[index + 1 :]]
    what = "features" if isinstance(line.layer, Linear) else "channels"
    mistakes: list[Mistake] = [
        (i, _why_line_is_right(each)) for i, each in enumerate(lines) if i != index
    ]
    return _question_content(
        lines,
        index,
        text="Shapes do not fit at one line, and PyTorch stops there with an error. At which?",
        code=_code_text(changed, [""] * len(lines)),
        solution=(
            f"Line {letter(index)} expects {wrong} {what}. Line {letter(index - 1)} "
            f"hands over {_shape_text(before.after)}: it should be {needs}. {why}".strip()
        ),
        mistakes=mistakes,
    )


def _names_input_channels(line: CodeLine) -> bool:
    """Return whether the code of this layer names its input channels or features."""
    return isinstance(line.layer, Conv | Linear)


def _why_line_is_right(line: CodeLine) -> str:
    """Return the explanation why PyTorch does not stop at this line."""
    if isinstance(line.layer, Conv):
        some = f"{line.channels} {'channel' if line.channels == 1 else 'channels'}"
        return f"Here {_shape_text(line.before)} arrive, and the layer expects {some}."
    if isinstance(line.layer, Linear):
        return f"Here {line.channels} features arrive, and the layer expects {line.channels}."
    return f"This layer takes what comes: {_shape_text(line.before)} becomes {_shape_text(line.after)}."


def _question_content(
    lines: list[CodeLine],
    wrong_line: int,
    *,
    text: str,
    code: str,
    solution: str,
    mistakes: list[Mistake],
) -> QuestionContent:
    """Return the question whose answer is the line with this wrong_line.

    Args:
        lines: The correct code lines.
        wrong_line: Index of the line with the mistake.
        text: The question.
        code: The code with the mistake.
        solution: The first sentences of the solution; a table of all shapes follows.
        mistakes: Explanations for the choice of another line.
    """
    shapes = "\n".join(
        f"| {letter(i)} | `{line.code}` | {_shape_text(line.after)} |"
        for i, line in enumerate(lines)
    )
    first = lines[0].before
    assert first.size
    assert first.channels
    maps = tuple(line.layer for line in lines if isinstance(line.layer, Conv | MaxPool))
    return QuestionContent(
        text=text,
        form="choice",
        answer=wrong_line,
        solution=f"{solution}\n\n| line | layer | true output |\n|---|---|--:|\n{shapes}",
        mistakes=distinct_mistakes(wrong_line, mistakes),
        subject=NetworkSubject(NetworkSpec(maps), (first.channels, *first.size)),
        code=code,
        options=tuple(f"line {letter(i)}" for i in range(len(lines))),
    )
