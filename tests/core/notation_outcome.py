"""Texts that are networks, and what any text gives: a network, or an error with a place."""

from __future__ import annotations

import re
import time

from core.networks import NetworkSpec
from core.networks.notation import NotationError, parse

RESNET = (
    "conv7 s2 p3 c64, bn, relu, maxpool3 s2 p1, "
    "3x[residual[conv3 p1 c64, bn, relu, conv3 p1 c64, bn], relu], gap, fc1000"
)
SOURCE = """import torch.nn as nn
from collections import OrderedDict

net = nn.Sequential(
    nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False),
    nn.BatchNorm2d(64),
    nn.ReLU(inplace=True),  # in place or not
    nn.Sequential(OrderedDict([("pool", nn.MaxPool2d(3, 2, 1)), ("act", torch.nn.GELU())])),
    nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(64, 5 * 2),
)
"""


def outcome(text: str, most: float = 5.0) -> NetworkSpec | NotationError:
    """What a text gives: a network, or an error with a place inside the text; soon."""
    start = time.process_time()
    found: NetworkSpec | NotationError
    try:
        found = parse(text)
    except NotationError as error:
        found = error
    assert time.process_time() - start < most
    if isinstance(found, NotationError):
        check_error(found, text)
    return found


def check_error(error: NotationError, text: str) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    assert re.match(r"line \d+, column \d+: .*\(got .*\)", str(error), re.DOTALL)
    assert len(str(error)) < 700


def refused(text: str) -> NotationError:
    found = outcome(text)
    assert isinstance(found, NotationError), found
    return found
