"""Right answers by running torch on what a question's *text* says, nothing of core.

One oracle a kind; each gets the question and returns the answer, having asserted that there
is only one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from viz.lessons.exercises import Question

Module = Callable[[Tensor], Tensor]
SETTING = r"(stride|padding|dilation|output_padding) (\d+)"


def numbers(pattern: str, text: str) -> list[int]:
    match = re.search(pattern, text)
    assert match, (pattern, text)
    return [int(group) for group in match.groups()]


def settings(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in re.findall(SETTING, text)}


def layer(text: str) -> Module:
    """``3×3 convolution with stride 2 and padding 1`` in torch, one plane, all weights 1."""
    match = re.search(r"(\d+)×(\d+) ([a-z ]+?) with (.*)", text)
    assert match, text
    kernel, same, name, rest = match.groups()
    assert kernel == same
    k, given = int(kernel), settings(rest)
    if name == "convolution":
        weight = torch.ones(1, 1, k, k, dtype=torch.float64)
        return lambda x: F.conv2d(x, weight, **given)
    if name == "transposed convolution":
        weight = torch.ones(1, 1, k, k, dtype=torch.float64)
        return lambda x: F.conv_transpose2d(x, weight, **given)
    given["ceil_mode"] = "ceil_mode=True" in rest
    pool = {"max pooling": F.max_pool2d, "average pooling": F.avg_pool2d}[name]
    return lambda x: pool(x, k, **given)


def image(height: int, width: int) -> Tensor:
    """Every value another one."""
    order = torch.randperm(height * width)
    return (order.double() + 1).reshape(1, 1, height, width).requires_grad_()


def gradient(module: Module, x: Tensor, row: int | None = None, col: int | None = None) -> Tensor:
    """Of all outputs' sum, or of one output."""
    y = module(x)[0, 0]
    target = y.sum() if row is None else y[row, col]
    return torch.autograd.grad(target, x)[0][0, 0]


def output_size(question: Question) -> tuple[int, int]:
    height, width = numbers(r"gets an? (\d+)×(\d+) input", question.text)
    return tuple(layer(question.text)(image(height, width)).shape[2:])


def remainder(question: Question) -> int:
    (n,) = numbers(r"an input of (\d+)×\d+", question.text)
    if "remainder" not in question.text:
        return int((gradient(layer(question.text), image(n, n)) == 0).sum())
    reached = gradient(layer(question.text), image(n, n)).sum(0).nonzero()
    return n - 1 - int(reached.max())


def line(kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Module:
    weight = torch.ones(1, 1, kernel, dtype=torch.float64)
    return lambda x: F.conv1d(x, weight / kernel, None, stride, padding, dilation)


def field(modules: list[Module], length: int) -> int:
    """Pixels from the first to the last that reach the unit in the middle."""
    x = torch.ones(1, 1, length, dtype=torch.float64, requires_grad=True)
    y = x
    for module in modules:
        y = module(y)
    assert y.shape[-1] > 2
    (g,) = torch.autograd.grad(y[0, 0, y.shape[-1] // 2], x)
    reached = g[0, 0].nonzero()
    first, last = int(reached.min()), int(reached.max())
    assert first > 0
    assert last < length - 1
    return last - first + 1


def stack(question: Question) -> tuple[int, int]:
    modules = []
    for text in re.findall(r"^\d+\. (.*)$", question.text, re.MULTILINE):
        (kernel,) = numbers(r"^(\d+)×\d+", text)
        modules.append(line(kernel, **settings(text)))
    size = field(modules, 1500)
    return size, size


def bottleneck(stride: int, version: str) -> Module:
    first, second = (stride, 1) if version == "v1" else (1, stride)
    body = [line(1, first), line(3, second, 1), line(1)]

    def run(x: Tensor) -> Tensor:
        y = x
        for module in body:
            y = module(y)
        return y + line(1, stride)(x)

    return run


def resnet(question: Question) -> tuple[int, int]:
    text = question.text
    version = re.search(r"\*\*(v1|v1\.5)\*\*", text)[1]
    assert ("in the first 1×1" in text) == (version == "v1")
    if "stages of" in text:
        counts = map(int, re.search(r"stages of ([\d, ]+) blocks", text)[1].split(", "))
        modules = [line(7, 2, 3), line(3, 2, 1)]
        for stage, count in enumerate(counts):
            strides = [2 if stage else 1, *[1] * (count - 1)]
            modules += [bottleneck(stride, version) for stride in strides]
        size = field(modules, 2048)
        return size, size
    size, jump = numbers(r"see (\d+)×\d+ pixels of the image and stand (\d+) pixel", text)
    blocks = 1 if "a bottleneck block" in text else numbers(r"come (\d+) bottleneck", text)[0]
    modules = [line(size, jump), *(bottleneck(2 if not i else 1, version) for i in range(blocks))]
    grown = field(modules, 2048)
    return grown, grown


def reach(question: Question) -> tuple[int, ...]:
    text = question.text
    (n,) = numbers(r"input of (\d+)×\d+", text)
    layers = re.findall(r"\d+×\d+ convolution with [^.\n]*?(?= reads|$|\n)", text, re.MULTILINE)
    modules = [layer(each) for each in layers]

    def run(x: Tensor) -> Tensor:
        for module in modules:
            x = module(x)
        return x

    if "does input column" in text:
        (column,) = numbers(r"input column \*\*(\d+)\*\*", text)
        width = run(image(n, n)).shape[-1]
        rows = range(run(image(n, n)).shape[-2])
        return tuple(
            o
            for o in range(width)
            if any(gradient(run, image(n, n), row, o)[:, column].any() for row in rows)
        )
    (unit,) = numbers(r"output column \*\*(\d+)\*\*", text)
    y = run(image(n, n))
    seen = sum(gradient(run, image(n, n), row, unit).sum(0) for row in range(y.shape[-2]))
    return tuple(seen.nonzero().flatten().tolist())


def padding(question: Question) -> int:
    text = question.text
    if "TensorFlow" in text:
        n, kernel, stride = numbers(r"an? (\d+)×\d+ input, (\d+)×\d+ kernel, stride (\d+)", text)
        goal = -(-n // stride)
        widths = {
            total: line(kernel, stride)(torch.zeros(1, 1, n + total).double()).shape[-1]
            for total in range(kernel + stride)
            if n + total >= kernel
        }
        return min(total for total, width in widths.items() if width == goal)
    kernel, *_ = numbers(r"(\d+)×\d+ convolution", text)
    given = settings(text)
    n, goal = numbers(r"turn (\d+)×\d+ into (\d+)", text) if "turn" in text else [
        *numbers(r"of an? (\d+)×\d+ input", text) * 2
    ]  # fmt: skip
    fitting = [
        p
        for p in range(30)
        if n + 2 * p >= given.get("dilation", 1) * (kernel - 1) + 1
        and line(kernel, padding=p, **given)(torch.zeros(1, 1, n).double()).shape[-1] == goal
    ]
    assert "smallest" in text or len(fitting) == 1
    return fitting[0]


def macs(module: nn.Module, channels: int, side: int) -> int:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        module(torch.empty(1, channels, side, side))
    return counter.get_total_flops() // 2


def learned(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def cost(question: Question) -> int:
    text = question.text
    (kernel,) = numbers(r"(\d+)×\d+ (?:transposed )?convolution", text)
    groups = numbers(r"`groups=(\d+)`", text)[0] if "`groups=" in text else 1
    with torch.device("meta"):
        if "followed by" in text:
            ins, outs = numbers(r"on (\d+) channels .* to (\d+) channels", text)
            deep = nn.Conv2d(ins, ins, kernel, groups=ins, bias=False)
            return learned(nn.Sequential(deep, nn.Conv2d(ins, outs, 1, bias=False)))
        if "parameters" in text:
            bias = "with bias" in text
            ins, outs = numbers(r"turns (\d+) channels? .*?into (\d+)", text)
            return learned(nn.Conv2d(ins, outs, kernel, groups=groups, bias=bias))
        ins, side, outs = numbers(r"turns (\d+) channels? of (\d+)×\d+ into (\d+)", text)
        kind = nn.ConvTranspose2d if "transposed" in text else nn.Conv2d
        module = kind(ins, outs, kernel, groups=groups, bias=False, **settings(text))
    return macs(module, ins, side)


def who_gets_gradient(question: Question) -> int | tuple[int, ...]:
    text = question.text
    if "Max pooling with kernel" in text:
        kernel, stride = numbers(r"kernel 1×(\d+) and stride (\d+)", text)
        row = re.search(r"\| value \| (.*) \|", text)[1]
        x = torch.tensor([[[float(v) for v in row.split(" | ")]]], requires_grad=True)
        (g,) = torch.autograd.grad(F.max_pool1d(x, kernel, stride).sum(), x)
        return tuple(g[0, 0].nonzero().flatten().tolist())
    if "convolution of one row" in text:
        weights, arriving = (
            torch.tensor([[[float(v) for v in found.split(", ")]]])
            for found in re.findall(r"`\[(.*?)\]`", text)
        )
        stride, pad, n, pixel = numbers(
            r"stride (\d+), padding (\d+), (\d+) input columns.*column \*\*(\d+)\*\*", text
        )
        x = torch.zeros(1, 1, n, requires_grad=True)
        y = F.conv1d(x, weights, None, stride, pad)
        return int(torch.autograd.grad(y, x, arriving)[0][0, 0, pixel])
    (n,) = numbers(r"an input of (\d+)×\d+", text)
    module = layer(text.replace(", all of its weights positive,", ""))
    return int((gradient(module, image(n, n)) != 0).sum())


def wrong_shape(question: Question) -> int:
    """The only line whose comment torch contradicts, or the line at which it stops."""
    with torch.device("meta"):
        net = eval(question.code.removeprefix("net = "), {"nn": nn})
    shape = re.search(r"input: (\d+)×(\d+)×(\d+)", question.code)
    x = torch.zeros(1, *map(int, shape.groups()), device="meta")
    comments = re.findall(r"# [A-H](?:: ([\d×]+))?$", question.code, re.MULTILINE)
    assert len(comments) == len(net) == len(question.options)
    wrong = []
    with torch.no_grad():
        for index, (module, comment) in enumerate(zip(net, comments, strict=True)):
            try:
                x = module(x)
            except RuntimeError:
                return index
            if comment and tuple(map(int, comment.split("×"))) != tuple(x.shape[1:]):
                wrong.append(index)
    assert len(wrong) == 1, question.code
    return wrong[0]


ORACLES: dict[str, Callable[[Question], object]] = {
    "output_size": output_size,
    "remainder": remainder,
    "stack": stack,
    "reach": reach,
    "padding": padding,
    "cost": cost,
    "gradient": who_gets_gradient,
    "resnet": resnet,
    "wrong_shape": wrong_shape,
}
