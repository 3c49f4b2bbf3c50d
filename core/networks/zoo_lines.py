"""The zoo's architectures as one line of notation each, so that layers can be edited.

Unlike ``core.networks.zoo``, this module does not import torch. The network of a line computes
the same function as the one that ``core.networks.zoo`` builds, with its weights in the same order.
``INEXPRESSIBLE`` lists the architectures that have no line, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType

__all__ = ["INEXPRESSIBLE", "NOTATIONS", "notation"]

DEEP_SIZES = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Number of bottleneck blocks in each stage, for each depth of ResNet."""
BASIC_SIZES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""Number of basic blocks in each stage, for each depth of ResNet."""
CLASSIFIER = "gap, flatten, fc1000"
STEM_POOL = "maxpool3 s2 p1"


def notation(name: str) -> str | None:
    """The notation of the zoo's architecture ``name``; None if it has none."""
    return NOTATIONS.get(name)


def _joined_layers(*parts: str) -> str:
    """The parts joined by commas, without empty ones."""
    return ", ".join(filter(None, parts))


def _repeat(times: int, body: str) -> str:
    """``body`` repeated ``times`` times; empty for 0."""
    if times < 2:
        return body * times
    return f"{times}x[{body}]"


def _conv(kernel: int, channels: int | None, stride: int = 1, rest: str = "") -> str:
    """A convolution with padding ``kernel // 2``; depthwise if ``channels`` is None.

    ``rest`` is appended to its settings.
    """
    step = f" s{stride}" if stride > 1 else ""
    pad = f" p{kernel // 2}" if kernel > 1 else ""
    outputs = " dw" if channels is None else f" c{channels}"
    return f"conv{kernel}{step}{pad}{outputs}{rest}"


def _conv_bn(
    kernel: int, channels: int | None, stride: int = 1, act: str = "relu", norm: str = "bn"
) -> str:
    """A convolution without bias, a norm, and the activation ``act`` unless it is empty."""
    return _joined_layers(_conv(kernel, channels, stride, " nobias"), norm, act)


def _conv_act(kernel: int, channels: int, stride: int = 1) -> str:
    """A convolution with bias, then a ReLU."""
    return _joined_layers(_conv(kernel, channels, stride), "relu")


# --- Networks without branches ---


def _lenet5() -> str:
    pairs = (f"conv5 c{channels}, tanh, avgpool2" for channels in (6, 16))
    return _joined_layers(*pairs, "conv5 c120, tanh, flatten, fc84, tanh, fc10")


def _alexnet() -> str:
    convs = _joined_layers(_conv_act(3, 384), _repeat(2, _conv_act(3, 256)))
    features = ("conv11 s4 p2 c64, relu", _conv_act(5, 192), convs)
    pooled = (f"{part}, maxpool3 s2" for part in features)
    head = _repeat(2, "dropout, fc4096, relu")
    return _joined_layers(*pooled, "adaptiveavgpool6, flatten", head, "fc1000")


def _vgg(depths: Iterable[int]) -> str:
    """A VGG with these numbers of 3×3 convolutions before each of its five max-pools."""
    groups = (
        _joined_layers(_repeat(depth, _conv_act(3, width)), "maxpool2")
        for depth, width in zip(depths, (64, 128, 256, 512, 512), strict=True)
    )
    head = _repeat(2, "fc4096, relu, dropout")
    return _joined_layers(*groups, "adaptiveavgpool7, flatten", head, "fc1000")


def _all_cnn_c() -> str:
    down = (
        _joined_layers(_repeat(2, _conv_act(3, width)), _conv_act(3, width, 2), "dropout")
        for width in (96, 192)
    )
    return _joined_layers("dropout0.2", *down, "conv3 c192, relu", _conv_act(1, 192), _conv_act(1, 10), "gap, flatten")  # fmt: skip


# --- Residual networks ---


def _resnet_stem(deep: bool = False) -> str:
    first = _conv_bn(7, 64, 2)
    if deep:
        first = _joined_layers(_conv_bn(3, 32, 2), _conv_bn(3, 32), _conv_bn(3, 64))
    return _joined_layers(first, STEM_POOL)


def _basic_block(width: int, stride: int) -> str:
    """The body of a basic residual block: two 3×3 convolutions."""
    return _joined_layers(_conv_bn(3, width, stride), _conv_bn(3, width, act=""))


def _bottleneck(width: int, stride: int, v1: bool) -> str:
    """The body of a bottleneck block; in ``v1`` its first 1×1 has the stride, else its 3×3."""
    first, second = (stride, 1) if v1 else (1, stride)
    reduce, middle = _conv_bn(1, width, first), _conv_bn(3, width, second)
    return _joined_layers(reduce, middle, _conv_bn(1, 4 * width, act=""))


def _shortcut(channels: int, stride: int, averaged: bool) -> str:
    """A 1×1 shortcut, which downsamples by its stride or (``averaged``) by a 2×2 average."""
    if averaged and stride > 1:
        return _joined_layers("avgpool2 ceil nopad", _conv_bn(1, channels, act=""))
    return _conv_bn(1, channels, stride, act="")


def _resnet(depth: int, v1: bool = False, resnet_d: bool = False) -> str:
    """The notation of a ResNet.

    Args:
        depth: number of layers in its name, e.g. 50.
        v1: whether the first 1×1 of a bottleneck has the stride, instead of its 3×3.
        resnet_d: whether it is a ResNet-D, with a stem of three 3×3 and shortcuts that average.
    """
    basic = depth in BASIC_SIZES
    block = _basic_block if basic else partial(_bottleneck, v1=v1)
    stages = []
    for index, blocks in enumerate((BASIC_SIZES if basic else DEEP_SIZES)[depth]):
        width, stride = 64 << index, 1 if index == 0 else 2
        projected = not basic or index > 0
        if projected:
            shortcut = _shortcut(width if basic else 4 * width, stride, resnet_d)
            stages.append(f"residual[{block(width, stride)} | {shortcut}], relu")
        stages.append(_repeat(blocks - projected, f"residual[{block(width, 1)}], relu"))
    return _joined_layers(_resnet_stem(deep=resnet_d), *stages, CLASSIFIER)


# --- Depthwise separable networks ---


def _separable_convolution(width: int, stride: int) -> str:
    return _joined_layers(_conv_bn(3, None, stride), _conv_bn(1, width))


def _mobilenet_v1() -> str:
    stages = [_separable_convolution(64, 1)]
    stages += [
        _joined_layers(_separable_convolution(width, 2), _separable_convolution(width, 1))
        for width in (128, 256)
    ]
    stages += [_separable_convolution(512, 2), _repeat(5, _separable_convolution(512, 1))]
    return _joined_layers(
        _conv_bn(3, 32, 2),
        *stages,
        _separable_convolution(1024, 2),
        _separable_convolution(1024, 1),
        CLASSIFIER,
    )


def _inverted_residual(inputs: int, outputs: int, stride: int) -> str:
    """The body of an inverted residual: 1×1 to six times the inputs, depthwise 3×3, 1×1."""
    wide = _conv_bn(1, 6 * inputs, act="relu6")
    return _joined_layers(
        wide, _conv_bn(3, None, stride, act="relu6"), _conv_bn(1, outputs, act="")
    )


def _mobilenet_v2() -> str:
    """MobileNetV2, from Table 2 of the paper."""
    parts = [_conv_bn(3, 32, 2, act="relu6"), _conv_bn(3, None, act="relu6")]
    parts.append(_conv_bn(1, 16, act=""))
    channels = 16
    for width, blocks, stride in (  # output channels, number of blocks, stride of the first
        (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1),
    ):  # fmt: skip
        parts.append(_inverted_residual(channels, width, stride))
        parts.append(_repeat(blocks - 1, f"residual[{_inverted_residual(width, width, 1)}]"))
        channels = width
    return _joined_layers(
        *parts, _conv_bn(1, 1280, act="relu6"), "gap, flatten, dropout0.2, fc1000"
    )


# --- Networks that concatenate ---


def _inception(one: int, reduce3: int, three: int, reduce5: int, five: int, pooled: int) -> str:
    """An Inception block; arguments as in ``core.networks.zoo.branching.INCEPTIONS``.

    As in torchvision, the third branch has a 3×3 convolution instead of the paper's 5×5.
    """
    cell = partial(_conv_bn, norm="bn eps0.001")
    branches = (
        cell(1, one),
        _joined_layers(cell(1, reduce3), cell(3, three)),
        _joined_layers(cell(1, reduce5), cell(3, five)),
        _joined_layers("maxpool3 s1 p1 ceil", cell(1, pooled)),
    )
    return f"concat[{' | '.join(branches)}]"


def _googlenet() -> str:
    """GoogLeNet, from Table 1 of the paper."""
    cell, pool = partial(_conv_bn, norm="bn eps0.001"), "maxpool3 s2 ceil"
    cells = (
        _joined_layers(
            _inception(64, 96, 128, 16, 32, 32), _inception(128, 128, 192, 32, 96, 64), pool
        ),
        _joined_layers(_inception(192, 96, 208, 16, 48, 64), _inception(160, 112, 224, 24, 64, 64)),
        _joined_layers(
            _inception(128, 128, 256, 24, 64, 64), _inception(112, 144, 288, 32, 64, 64)
        ),
        _joined_layers(_inception(256, 160, 320, 32, 128, 128), "maxpool2 ceil"),
        _joined_layers(
            _inception(256, 160, 320, 32, 128, 128), _inception(384, 192, 384, 48, 128, 128)
        ),
    )
    stem = _joined_layers(cell(7, 64, 2), pool, cell(1, 64), cell(3, 192), pool)
    return _joined_layers(stem, *cells, "gap, flatten, dropout0.2, fc1000")


def _densenet121() -> str:
    """DenseNet-121: blocks of layers that add 32 channels each; transitions halve the channels."""
    layer = "bn, relu, conv1 c128 nobias, bn, relu, conv3 p1 c32 nobias"
    parts, channels = [_resnet_stem()], 64
    for index, depth in enumerate((6, 12, 24, 16)):
        parts.append(_repeat(depth, f"concat[ | {layer}]"))
        channels = (channels + 32 * depth) // 2
        if index < 3:
            parts.append(f"bn, relu, conv1 c{channels} nobias, avgpool2")
    return _joined_layers(*parts, "bn, relu", CLASSIFIER)


# --- Networks with map output, stems and small networks ---


def _patchgan70() -> str:
    middle = (
        f"conv4 {window} c{width} nobias, bn, leaky_relu0.2"
        for width, window in ((128, "s2 p1"), (256, "s2 p1"), (512, "p1"))
    )
    return _joined_layers("conv4 s2 p1 c64, leaky_relu0.2", *middle, "conv4 p1 c1")


def _dilated_stack() -> str:
    others = (f"conv3 p{rate} d{rate} c32, relu" for rate in (2, 4, 8, 16))
    return _joined_layers("conv3 p1 c32, relu", *others)


def _table() -> dict[str, str]:
    """The line of every architecture, by its name."""
    vggs = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2,) * 5, "vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # fmt: skip
    return {
        "lenet5": _lenet5(),
        "alexnet": _alexnet(),
        **{name: _vgg(depths) for name, depths in vggs.items()},
        "all_cnn_c": _all_cnn_c(),
        **{f"resnet{depth}": _resnet(depth) for depth in (*BASIC_SIZES, *DEEP_SIZES)},
        **{f"resnet{depth}_v1": _resnet(depth, v1=True) for depth in DEEP_SIZES},
        "resnet50_d": _resnet(50, resnet_d=True),
        "mobilenet_v1": _mobilenet_v1(),
        "mobilenet_v2": _mobilenet_v2(),
        "googlenet": _googlenet(),
        "densenet121": _densenet121(),
        "patchgan70": _patchgan70(),
        "dilated_stack": _dilated_stack(),
        "vit_b_16_stem": "conv16 s16 c768",
        "resnet_stem": _resnet_stem(),
        "efficientnet_stem": _conv_bn(3, 32, 2, act="silu"),
        "convnext_stem": "conv4 s4 c96, ln eps1e-06",
        "four_strided": _repeat(4, _conv_act(3, 32, 2)),
        "four_conv_pool": _repeat(4, _joined_layers(_conv_act(3, 32), "maxpool2")),
        "three_3x3": _repeat(3, _conv(3, 64, rest=" nobias") + ", relu"),
        "one_7x7": _conv(7, 64, rest=" nobias") + ", relu",
    }


NOTATIONS: Mapping[str, str] = MappingProxyType(_table())
"""The line of each architecture of the zoo that has one, by its name."""

INEXPRESSIBLE: Mapping[str, str] = MappingProxyType(
    {
        "efficientnet_b0": "its squeeze-and-excitation has SiLU where se has ReLU",
        "convnext_tiny": "its blocks scale each channel by a weight of its own",
        "unet": "its skips are cropped, and padding here is never negative",
    }
)
"""For each architecture without a line, the part that notation cannot express, by its name."""
