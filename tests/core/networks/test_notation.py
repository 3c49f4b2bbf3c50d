"""Networks as text: round trips, torch's own verdict, errors with a place."""

from __future__ import annotations

import pickle
import re
import string
from difflib import SequenceMatcher

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.errors import SpecError
from core.networks import (
    Activation,
    BatchNorm,
    ConcatBlock,
    Conv,
    Flatten,
    Linear,
    MaxPool,
    NetworkSpec,
    Repeat,
    ResidualBlock,
    build,
    explicit,
)
from core.networks.notation import (
    in_channels_of,
    is_source,
    layer_to_notation,
    parse,
    parse_notation,
    to_notation,
    to_source,
)
from core.networks.notation.words import ALIASES, BLOCK_WORDS, FLAGS, KEYS, WORDS
from tests.core.network_strategies import Case, leaves, networks, specs
from tests.core.notation_outcome import RESNET, SOURCE, refused

RELU = Activation("relu")


@given(specs())
def test_notation_gives_the_spec_back(spec: NetworkSpec) -> None:
    text = to_notation(spec)
    assert parse(text) == spec
    assert parse_notation(text.upper().replace(", ", "  ,\n # so \n ")) == spec
    assert to_notation(parse(text)) == text


@given(leaves())
def test_each_layer_alone_and_on_a_line_of_its_own(layer) -> None:
    text = layer_to_notation(layer)
    assert parse(f"{text}\n{text}\r\nrelu") == NetworkSpec((layer, layer, RELU))


@given(networks())
def test_source_gives_the_written_out_spec_back(case: Case) -> None:
    text = to_source(case.spec, case.in_channels, case.size)
    assert is_source(text)
    assert parse(text) == explicit(case.spec, case.in_channels, case.size)
    told = in_channels_of(text)
    assert told in (None, case.in_channels)


@given(networks())
def test_source_executed_is_what_build_builds(case: Case) -> None:
    ours = build(case.spec, case.in_channels, case.size).eval()
    scope: dict[str, object] = {}
    exec(to_source(case.spec, case.in_channels, case.size), scope)  # our own text
    theirs = scope["net"].eval()
    shapes = [[tuple(each.shape) for each in m.state_dict().values()] for m in (ours, theirs)]
    assert shapes[0] == shapes[1]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    x = torch.rand(1, case.in_channels, *case.size)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), equal_nan=True)


def test_source_computes_what_build_computes() -> None:
    spec = parse(
        "conv3 p0:1x2:0 c8 reflect, ln, residual[conv3 p1, se4], concat[ | conv1 c4], gap, fc3"
    )
    ours = build(spec, 3).eval()
    scope: dict[str, object] = {}
    exec(to_source(spec, 3), scope)
    theirs = scope["net"].eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    x = torch.rand(2, 3, 9, 9)
    torch.testing.assert_close(ours(x), theirs(x))


def test_the_notation_of_the_brief() -> None:
    spec = parse(RESNET)
    assert to_notation(spec) == RESNET
    block = ResidualBlock(
        (Conv(3, 64, padding=1), BatchNorm(), RELU, Conv(3, 64, padding=1), BatchNorm())
    )
    assert spec.layers[:5] == (
        Conv(7, 64, 2, 3),
        BatchNorm(),
        RELU,
        MaxPool(3, 2, 1),
        Repeat(3, (block, RELU)),
    )
    parts = parse("conv3x5 s2x1 p1:2x0:3 d2 g4 c8, conv3 DW same nobias, concat[|relu|bn]")
    assert parts.layers == (
        Conv((3, 5), 8, (2, 1), ((1, 2), (0, 3)), 2, 4),
        Conv(3, padding="same", groups="depthwise", bias=False),
        ConcatBlock(((), (RELU,), (BatchNorm(),))),
    )
    assert parse("2×[relu], conv3×3").layers == (Repeat(2, (RELU,)), Conv(3))


def test_the_source_of_the_brief() -> None:
    spec = parse(SOURCE)
    assert in_channels_of(SOURCE) == 3
    assert to_notation(spec) == (
        "conv7 s2 p3 c64 nobias, bn, relu, maxpool3 s2 p1, gelu, gap, flatten, fc10 i64"
    )


@pytest.mark.parametrize(
    "text, notation",
    [
        ("nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2)", "conv5 c6, tanh, avgpool2"),
        ("nn.Conv2d(1, 6, 5),\nnn.Tanh(),\n", "conv5 c6, tanh"),
        ("nn.Conv2d(1, 6, 5)\nnn.Tanh()", "conv5 c6, tanh"),
        ("    self.f = nn.Sequential(\n        nn.ReLU(),\n    )", "relu"),
        ("layers = [nn.ReLU(), nn.Tanh()]", "relu, tanh"),
        ("a = b = torch.nn.Sequential(nn.Sequential(nn.ReLU()), nn.Sequential())", "relu"),
        ("from torch.nn import ReLU\nReLU()", "relu"),
        ("import torch.nn as N; N.ReLU()", "relu"),
        ("import torch as t\nt.nn.ReLU()", "relu"),
        ("Conv2d(3, 8, (3, 5), padding=(1, 2))", "conv3x5 p1x2 c8"),
        ("nn.Conv2d(3, 2**0 if 0 else 1, 1)", None),
        ("nn.Conv2d(3, 4 * 2 + 8 // 2 - -4, 3, padding='valid')", "conv3 c16"),
        ("nn.Conv2d(3, 8, 3, padding='same', padding_mode=“reflect”)", "conv3 same c8 reflect"),
        ("nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False)", "convt4 s2 p1 c4 nobias"),
        ("nn.ZeroPad2d((1, 2, 3, 4))", "pad3:4x1:2"),
        ("nn.Upsample(scale_factor=2.0, mode='bilinear', align_corners=None)", "up2 bilinear"),
        ("nn.UpsamplingBilinear2d(scale_factor=2)", "up2 bilinear corners"),
        ("nn.Linear(784, 10), nn.BatchNorm1d(10)", "fc10 i784, bn"),
        (
            "nn.LPPool2d(2, 3), nn.Identity(), nn.LeakyReLU(0.2, True)",
            "lppool3, none, leaky_relu0.2",
        ),
        ("nn.Dropout2d(.2), nn.PixelShuffle(2)", "dropout0.2 spatial, shuffle2"),
    ],
)
def test_ways_to_write_source(text: str, notation: str | None) -> None:
    if notation is None:
        assert refused(text)
    else:
        assert to_notation(parse(text)) == notation


# Errors: the place, the word, the way out


@pytest.mark.parametrize(
    "text, line, column, said",
    [
        ("conv3, maxpol3", 1, 8, "did you mean maxpool3?"),
        ("conv3 c64,\n  rleu", 2, 3, "did you mean relu?"),
        ("conv3 k3", 1, 7, "conv takes s, p"),
        ("conv3 bia", 1, 7, "did you mean nobias?"),
        ("conv2d c3", 1, 1, "conv3 s2 p1 c64"),
        ("conv3 relu", 1, 7, "comma"),
        ("conv3 s0", 1, 7, "stride must be at least 1"),
        ("conv3 c8 g3", 1, 10, "groups must divide"),
        ("conv3 p1 same", 1, 10, "padding of conv twice"),
        ("conv3,,relu", 1, 7, "misses a layer"),
        ("gap3", 1, 1, "write gap"),
        ("relu, residual[bn", 1, 7, "misses ]"),
        ("relu]", 1, 5, "belongs to no block"),
        ("residual[relu|bn|bn]", 1, 17, "too many |"),
        ("concat[relu]", 1, 1, "number of branches must be at least 2"),
        ("residual[]", 1, 1, "body must have at least one layer"),
        ("9999999999x[relu]", 1, 1, "at most 2,000"),
        ("conv99999999999", 1, 1, "at most 9 digits"),
        ("conv3 c64 # (so)\n, fc", 2, 3, "misses the number after fc"),
        ("nn.Conv2d(3, 64, 3),\nnn.Conv2d(32, 64, 3)", 2, 11, "in_channels must be 64"),
        ("  a = nn.Conv2d(3, 8, 3, kernal_size=1)", 1, 26, "did you mean kernel_size?"),
        ("nn.Conv2D(3, 8, 3)", 1, 1, "did you mean nn.Conv2d?"),
        ("nn.Conv1d(3, 8, 3)", 1, 1, "write nn.Conv2d"),
        ("F.relu(x)", 1, 1, "no such layer"),
        ("nn.Sequential(*[nn.ReLU()])", 1, 15, "*[...]"),
        ("nn.Sequential(*layers)", 1, 15, "*[...]"),
        ("[nn.ReLU() for _ in range(2)]", 1, 12, "comprehensions cannot be read"),
        ("nn.Sequential([nn.ReLU()])", 1, 15, "leave its brackets out"),
        ("nn.ReLU(nonsense=1)", 1, 9, "it takes inplace"),
        ("nn.Conv2d(3, n, 3)", 1, 14, "names and calls are not read"),
        ("nn.MaxPool2d(2, return_indices=True)", 1, 32, "can only be False"),
        ("nn.Conv2d(3, 8, 1 / 0)", 1, 17, "divides by zero"),
        ("nn.Conv2d(3, 8, 3, groups='depthwise')", 1, 27, "must be no text"),
        ("nn.Flatten(), nn.Conv2d(3, 8, 3)", 1, 15, "put it before flatten"),
        ("nn.Conv2d(3, 8, 3), nn.Linear(8, 2)", 1, 21, "behind nn.Flatten()"),
        ("nn.Conv2d(3, 8, 3), nn.BatchNorm1d(8)", 1, 21, "write nn.BatchNorm2d"),
        ("a = nn.ReLU()\nb = nn.ReLU()", 2, 5, "one network"),
        ("net = nn.Sequential(net)", 1, 21, "names in the place of layers"),
        ("nn.Sequential(nn.ReLU()", 1, 14, "never closed"),
        ("class A:\n  pass\nnn.ReLU()", 1, 1, "classes and functions cannot be read"),
        ("def block():\n  return nn.ReLU()", 1, 1, "python -m core.receptive_field file:Class"),
        ("@dataclass\nclass A:\n  pass", 1, 1, "cannot have decorators"),
        ("k = 3\nnn.Sequential(nn.Conv2d(3, 8, 3))", 1, 5, "write the value itself"),
        ("net = nn.Sequential(nn.ReLU())\nwidth = 32", 2, 9, "write the value itself"),
        ("net = nn.Sequential(nn.ReLU())\nnet.append(nn.ReLU())", 2, 1, "inside one nn.Sequential"),
        ("config = {'width': 3}", 1, 10, "dictionaries cannot be read"),
        ("nn.ReLU(),\nnn.Conv2d(3 4, 5)", 2, 11, "no Python"),
        ("Sequential(\n  (0): ReLU()\n)", 2, 6, "print(net)"),
    ],
)
def test_errors_say_where_and_what_to_write(text: str, line: int, column: int, said: str) -> None:
    error = refused(text)
    assert (error.line, error.column) == (line, column), str(error)
    assert said in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@given(st.sampled_from(sorted(WORDS)), st.integers(0, 30), st.sampled_from(string.ascii_lowercase))
def test_one_wrong_letter_is_suggested_away(word: str, at: int, letter: str) -> None:
    wrong = word[: at % len(word)] + letter + word[at % len(word) + 1 :]
    if len(word) < 4 or wrong in {*WORDS, *ALIASES, *BLOCK_WORDS, *KEYS, *FLAGS}:
        return
    error = refused(f"relu, {wrong}")
    assert error.column == 7
    # "write" where the word is right and only takes no number: gelu6.
    meant = re.fullmatch(r"(?:did you mean|write) (\w+)\??", error.suggestion)
    assert meant is not None, error
    assert meant[1] in {*WORDS, *ALIASES, *BLOCK_WORDS}
    assert (
        SequenceMatcher(None, meant[1], wrong).ratio() >= SequenceMatcher(None, word, wrong).ratio()
    )


def test_a_setting_is_never_a_layer() -> None:
    assert not {*KEYS, *FLAGS} & {*WORDS, *ALIASES, *BLOCK_WORDS}


@pytest.mark.parametrize(
    "before, after, message",
    [
        (nn.Conv2d(3, 8, 1), nn.Conv2d(4, 2, 1), "to have 4 channels, but got 8 channels instead"),
        (nn.Conv2d(3, 8, 1), nn.ConvTranspose2d(4, 2, 1), "to have 4 channels, but got 8 channels"),
        (nn.Conv2d(3, 8, 1), nn.BatchNorm2d(4), "running_mean should contain 8 elements not 4"),
        (nn.Conv2d(3, 8, 1), nn.GroupNorm(1, 4), "Expected weight to be a vector of size equal"),
    ],
)
def test_a_wrong_number_of_channels_is_reported_as_torch_does(before, after, message) -> None:
    with pytest.raises(RuntimeError, match=re.escape(message)):
        nn.Sequential(before, after).eval()(torch.rand(1, 3, 4, 4))
    source = ", ".join(f"nn.{each!r}" for each in (before, after))
    source = re.sub(r", track_running_stats=True|, bias=True", "", source)
    assert message in str(refused(source))


def test_source_that_needs_the_input_size_says_so() -> None:
    for spec in (NetworkSpec((Flatten(), BatchNorm())), NetworkSpec((Linear(3),))):
        assert to_source(spec, 2, (3, 4))
        with pytest.raises(SpecError, match="input's size"):
            to_source(spec, 2)
