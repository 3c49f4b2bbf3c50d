"""Interview questions about strides: the visitor predicts first, then sees core's numbers.

No correct option is written down. It is the one whose value equals the result of the experiment
with the question's name in ``viz.lessons.exercises.experiments``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

Option = tuple[str, Hashable]
"""An option's text, and the value of the experiment for which it is correct."""


@dataclass(frozen=True)
class Interview:
    """An interview question.

    Attributes:
        title: A short title for the list of questions.
        ask: The question in Markdown.
        options: The answers to choose from.
    """

    title: str
    ask: str
    options: tuple[Option, ...]


INTERVIEWS: dict[str, Interview] = {
    "stride_or_pool": Interview(
        "Stride or pool?",
        "A 3×3 convolution with stride 1 and then 2×2 pooling, or the same convolution with "
        "stride 2: both halve the map. How many multiply–accumulates does the strided one need, "
        "compared with the pair?",
        (("the same", 1), ("half", 2), ("a quarter", 4), ("a ninth", 9)),
    ),
    "parameters_and_stride": Interview(
        "Parameters and stride",
        "A convolution goes from stride 1 to stride 2. What becomes of its parameters and of its "
        "multiply–accumulates?",
        (
            ("both a quarter", (4, 4)),
            ("parameters a quarter, MACs the same", (4, 1)),
            ("parameters the same, MACs a quarter", (1, 4)),
            ("both the same", (1, 1)),
        ),
    ),
    "stem_weights": Interview(
        "Why is the stem one 7×7?",
        "Three 3×3 see what one 7×7 sees, with 27 weights a channel pair against 49. For a stem "
        "that turns 3 colors into 64 channels: which one learns fewer weights?",
        (
            ("three 3×3 (3→64→64→64)", "three"),
            ("one 7×7 (3→64)", "one"),
            ("the same", "same"),
        ),
    ),
    "stem_field": Interview(
        "What the stem sees",
        "ResNet's stem: 7×7 with stride 2, then 3×3 max pooling with stride 2. How many pixels "
        "wide is the receptive field after it?",
        (("9", 9), ("10", 10), ("11", 11), ("13", 13), ("21", 21)),
    ),
    "padding_and_stride": Interview(
        "How padding meets stride",
        "A 3×3 convolution with stride 2 and padding 1 halves a 224×224 picture. Which of its "
        "padding do the windows read?",
        (
            ("all four sides", (True, True)),
            ("top and left alone", (True, False)),
            ("bottom and right alone", (False, True)),
            ("none", (False, False)),
        ),
    ),
    "same_and_stride": Interview(
        "TensorFlow's SAME against padding 1",
        "3×3, stride 2, on 224×224: TensorFlow's SAME and PyTorch's `padding=1` both give "
        "112×112. How far apart do their windows stand?",
        (("they are the same", 0), ("half a pixel", 0.5), ("one pixel", 1), ("two pixels", 2)),
    ),
    "even_kernel": Interview(
        "Even kernels",
        "Which padding, the same on both sides, lets a 4×4 convolution with stride 1 keep the "
        "size?",
        (("1", (1,)), ("2", (2,)), ("1 or 2", (1, 2)), ("none does", ())),
    ),
    "growth": Interview(
        "How the receptive field grows",
        "Ten 3×3 convolutions with stride 1 see 21 pixels. How many do ten with stride 2 see?",
        (("21", 21), ("41", 41), ("1,024", 1024), ("2,047", 2047)),
    ),
    "dilated_or_strided": Interview(
        "Dilation instead of stride",
        "Five 3×3 convolutions with stride 2, or five with dilation 1, 2, 4, 8, 16 and stride 1: "
        "which chain sees more?",
        (("the strided one", 1), ("the dilated one", -1), ("both the same", 0)),
    ),
    "gridding": Interview(
        "Gridding",
        "Three 3×3 convolutions with dilation 2 each have a receptive field of 13×13. What share "
        "of these pixels does a unit not read at all?",
        (("none", 0), ("29 %", 29), ("50 %", 50), ("71 %", 71)),
    ),
    "resnet_versions": Interview(
        "ResNet v1 and v1.5",
        "ResNet-50 v1 has the stride in the first 1×1 of a block, v1.5 in the 3×3. Which has the "
        "larger receptive field at the end?",
        (("v1", "v1"), ("v1.5", "v1.5"), ("they are the same", "same")),
    ),
    "unread_by_1x1": Interview(
        "What a 1×1 with stride 2 reads",
        "v1's first 1×1 has stride 2. What share of its input does it never read?",
        (("none", 0), ("a quarter", 25), ("half", 50), ("three quarters", 75)),
    ),
    "max_gradient": Interview(
        "The gradient of a maximum",
        "2×2 max pooling with stride 2, average pooling, a 3×3 convolution with stride 2. "
        "Which share of the input gets a gradient, in this order?",
        (
            ("100 %, 100 %, 100 %", (100, 100, 100)),
            ("25 %, 100 %, 100 %", (25, 100, 100)),
            ("25 %, 100 %, 25 %", (25, 100, 25)),
            ("25 %, 25 %, 25 %", (25, 25, 25)),
        ),
    ),
    "checkerboard": Interview(
        "Checkerboards of transposed convolutions",
        "A transposed convolution with stride 2 shall treat all output pixels alike. Which kernel "
        "sizes do?",
        (("3", (3,)), ("4", (4,)), ("3 and 5", (3, 5)), ("3, 4 and 5", (3, 4, 5))),
    ),
    "shift": Interview(
        "Does it move with the picture?",
        "A picture moves by one pixel. Whose output is the moved output: a 3×3 convolution, max "
        "pooling or average pooling, each with stride 2?",
        (
            ("all of them", ("convolution", "max_pooling", "average_pooling")),
            ("max and average pooling", ("max_pooling", "average_pooling")),
            ("max pooling alone", ("max_pooling",)),
            ("none of them", ()),
        ),
    ),
    "blur": Interview(
        "A blur before the stride",
        "A blur 1 2 1 before each stride of 2, for the same three layers. How many of them follow "
        "a moving picture more closely then?",
        (("none: it only blurs", 0), ("the convolution alone", 1), ("all three", 3)),
    ),
}
"""All interview questions; each has an experiment with its name in ``experiments``."""
