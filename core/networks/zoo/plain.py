"""Networks without branches: LeNet-5, AlexNet, VGG, All-CNN-C."""

from __future__ import annotations

from functools import partial

from torch import nn

from .blocks import named_sequential
from .entry import TORCHVISION, Architecture

VGG_LAYERS: dict[str, tuple[tuple[int, ...], ...]] = {
    "vgg11": ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    "vgg13": ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)),
    "vgg16": ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4),
}
"""Output channels of the convolutions of each network, in groups that end with a max-pool."""
VGG_PUBLISHED = {
    "vgg11": (132_863_336, 7.609, "A"),
    "vgg13": (133_047_848, 11.308, "B"),
    "vgg16": (138_357_544, 15.47, "D"),
    "vgg19": (143_667_240, 19.632, "E"),
}
"""(parameters, 10⁹ multiply–accumulates, letter of the configuration in the paper)."""


def lenet5() -> nn.Module:
    """LeNet-5 with the layers and names of the paper's section II.B.

    Unlike in the paper, every map of C3 is connected to every map of S2.
    """
    return named_sequential(
        c1=nn.Conv2d(1, 6, 5), act1=nn.Tanh(), s2=nn.AvgPool2d(2),
        c3=nn.Conv2d(6, 16, 5), act3=nn.Tanh(), s4=nn.AvgPool2d(2),
        c5=nn.Conv2d(16, 120, 5), act5=nn.Tanh(), flatten=nn.Flatten(),
        f6=nn.Linear(120, 84), act6=nn.Tanh(), output=nn.Linear(84, 10),
    )  # fmt: skip


def _conv_relu(
    inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int | None = None
) -> list[nn.Module]:
    """A convolution with bias and a ReLU; ``padding`` None means ``kernel // 2``."""
    pad = kernel // 2 if padding is None else padding
    return [nn.Conv2d(inputs, outputs, kernel, stride, pad), nn.ReLU()]


def _three_linear(inputs: int, dropout_first: bool) -> nn.Sequential:
    """The classifier of AlexNet and VGG: three linear layers, the last one with 1000 outputs.

    Dropout stands before the first two layers (AlexNet) or after them (VGG).
    """
    first = [nn.Linear(inputs, 4096), nn.ReLU()]
    second = [nn.Linear(4096, 4096), nn.ReLU()]
    last = nn.Linear(4096, 1000)
    if dropout_first:
        return nn.Sequential(nn.Dropout(), *first, nn.Dropout(), *second, last)
    return nn.Sequential(*first, nn.Dropout(), *second, nn.Dropout(), last)


def alexnet() -> nn.Module:
    """AlexNet in the one-tower version, without local response normalization."""
    features = nn.Sequential(
        *_conv_relu(3, 64, 11, stride=4, padding=2),
        nn.MaxPool2d(3, 2),
        *_conv_relu(64, 192, 5),
        nn.MaxPool2d(3, 2),
        *_conv_relu(192, 384, 3),
        *_conv_relu(384, 256, 3),
        *_conv_relu(256, 256, 3),
        nn.MaxPool2d(3, 2),
    )
    return named_sequential(
        features=features,
        avgpool=nn.AdaptiveAvgPool2d(6),
        flatten=nn.Flatten(),
        classifier=_three_linear(256 * 36, dropout_first=True),
    )


def vgg(name: str) -> nn.Module:
    """One of the networks of ``VGG_LAYERS``, as in Table 1 of the paper."""
    layers: list[nn.Module] = []
    channels = 3
    for group in VGG_LAYERS[name]:
        for width in group:
            layers += _conv_relu(channels, width, 3)
            channels = width
        layers.append(nn.MaxPool2d(2))
    return named_sequential(
        features=nn.Sequential(*layers),
        avgpool=nn.AdaptiveAvgPool2d(7),
        flatten=nn.Flatten(),
        classifier=_three_linear(512 * 49, dropout_first=False),
    )


def all_cnn_c() -> nn.Module:
    """All-CNN-C: model C of the paper's Table 1 with convolutions instead of pooling (Table 2).

    Dropout is as in section 3 of the paper.
    """
    return named_sequential(
        dropout0=nn.Dropout(0.2),
        group1=nn.Sequential(*_conv_relu(3, 96, 3), *_conv_relu(96, 96, 3)),
        down1=nn.Sequential(*_conv_relu(96, 96, 3, stride=2), nn.Dropout(0.5)),
        group2=nn.Sequential(*_conv_relu(96, 192, 3), *_conv_relu(192, 192, 3)),
        down2=nn.Sequential(*_conv_relu(192, 192, 3, stride=2), nn.Dropout(0.5)),
        group3=nn.Sequential(*_conv_relu(192, 192, 3, padding=0), *_conv_relu(192, 192, 1)),
        classifier=nn.Sequential(*_conv_relu(192, 10, 1)),
        avgpool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
    )


def _vgg_entry(name: str) -> Architecture:
    parameters, gmacs, letter = VGG_PUBLISHED[name]
    return Architecture(
        name=name,
        title=f"VGG-{name[3:]}",
        year=2014,
        paper="Simonyan & Zisserman, Very Deep Convolutional Networks, arXiv:1409.1556",
        family="plain",
        input_size=(3, 224, 224),
        parameters=parameters,
        source=TORCHVISION,
        sentence=f"Configuration {letter}: only 3×3 convolutions, and five 2×2 max-pools to shrink.",
        make=partial(vgg, name),
        gmacs=gmacs,
    )


ENTRIES = (
    Architecture(
        name="lenet5",
        title="LeNet-5",
        year=1998,
        paper="LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proc. IEEE",
        family="plain",
        input_size=(1, 32, 32),
        parameters=61_706,
        source="the usual variant: C3 sees all six maps, S2 and S4 are plain averages, the output "
        "is linear (the paper's sparse C3 and trainable subsampling give about 60,000)",
        sentence="Convolution and 2×2 average pooling in turn; C5 is a 5×5 convolution that sees "
        "the whole image.",
        make=lenet5,
    ),
    Architecture(
        name="alexnet",
        title="AlexNet",
        year=2014,
        paper="Krizhevsky, One Weird Trick for Parallelizing CNNs, arXiv:1404.5997",
        family="plain",
        input_size=(3, 224, 224),
        parameters=61_100_840,
        source=TORCHVISION,
        sentence="The one-tower version: an 11×11 convolution with stride 4, then pooling that "
        "overlaps (3×3, stride 2).",
        make=alexnet,
        gmacs=0.714,
    ),
    *map(_vgg_entry, VGG_LAYERS),
    Architecture(
        name="all_cnn_c",
        title="All-CNN-C",
        year=2014,
        paper="Springenberg et al., Striving for Simplicity, arXiv:1412.6806",
        family="plain",
        input_size=(3, 32, 32),
        parameters=1_369_738,
        source="layer by layer from the paper's Table 1, which rounds to 1.4 M; the same total in "
        "several public Keras summaries",
        sentence="Every max-pool is replaced by a 3×3 convolution with stride 2.",
        make=all_cnn_c,
    ),
)
