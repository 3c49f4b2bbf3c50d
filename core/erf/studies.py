"""Studies of how the effective receptive field depends on depth, kernel size and other settings.

    study = depth_study((5, 10, 20, 40))
    study.fit("sigma").exponent  # about 0.5

Each study builds small stacks of convolutions that differ in one setting, and measures the middle
unit of the last layer. The image is large enough that no energy falls on padding, except in
`padding_study`. All studies raise the errors of `core.erf.study.run_study`.

Source of the laws: Luo et al., "Understanding the Effective Receptive Field in Deep
Convolutional Neural Networks" (2016), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from ..errors import SpecError, whole
from ..layer.window import Pair, span_of
from ..networks.layers import PADDING_MODES
from ..networks.modules import Residual
from ..networks.swaps import ACTIVATIONS, POOLINGS, with_pooling, without_skips
from ..receptive_field.fields import receptive_fields
from ..seeded import seeded
from .recipe import Weights
from .study import DEFAULT_SETTINGS, Case, Report, Study, StudySettings, run_study

MAX_LAYERS = 256
"""Largest number of layers of one network."""
MAX_WEIGHTS = 2 * 10**6
"""Largest number of weights of one network."""
MAX_REACH = 1023
"""Largest side of a theoretical receptive field, in pixels."""

POSITIONS = ("center", "border", "corner")
"""Positions of the unit in `padding_study`."""
REDUCTIONS = ("none", "stride", *POOLINGS)
"""Ways of downsampling in `reduction_study`: none, by stride, or by a 2×2 pooling of some kind."""


def depth_study(
    depths: Sequence[int] = (5, 10, 20, 40),
    kernel_size: int = 3,
    settings: StudySettings = DEFAULT_SETTINGS,
    progress: Report | None = None,
) -> Study:
    """Vary the number of layers n: σ and side grow like √n, and their share falls like 1/√n.

    The measured exponent of the share is a little above -0.5, because the theoretical field,
    n(k - 1) + 1, grows a little slower than n.

    Args:
        depths: number of layers of each network.
        kernel_size: kernel size of every layer.
        settings, progress: see `core.erf.study.run_study`.
    """
    cases = [
        _case_with_margin(
            str(n), n, _conv_stack(_equal_layers(n, kernel_size=kernel_size), settings), settings
        )
        for n in depths
    ]
    laws = {"sigma": 0.5, "side": 0.5, "share": -0.5}
    return run_study("depth", "layers", cases, laws, progress)


def kernel_study(
    kernel_sizes: Sequence[int] = (3, 5, 7, 9, 11),
    depth: int = 6,
    settings: StudySettings = DEFAULT_SETTINGS,
    progress: Report | None = None,
) -> Study:
    """Vary the kernel size k: σ = √(n(k² - 1)/12) grows like k, as the theoretical field does."""
    cases = [
        _case_with_margin(
            f"{k}×{k}", k, _conv_stack(_equal_layers(depth, kernel_size=k), settings), settings
        )
        for k in kernel_sizes
    ]
    return run_study("kernel size", "kernel size", cases, {"sigma": 1.0, "side": 1.0}, progress)


def activation_study(
    activations: Sequence[str] = ("none", "relu", "gelu", "tanh", "sigmoid"),
    depth: int = 10,
    settings: StudySettings = DEFAULT_SETTINGS,
    progress: Report | None = None,
) -> Study:
    """Vary the activation, which hardly changes the width while the weights have mean zero."""
    cases = []
    for index, name in enumerate(activations):
        varied = replace(settings, activation=name)
        cases.append(
            _case_with_margin(name, index, _conv_stack(_equal_layers(depth), varied), varied)
        )
    return run_study("activation", "activation", cases, progress=progress)


def initialisation_study(
    schemes: Sequence[Weights] = ("he", "xavier", "orthogonal", "uniform"),
    depth: int = 10,
    settings: StudySettings = DEFAULT_SETTINGS,
    progress: Report | None = None,
) -> Study:
    """Vary the initialization: those of mean zero agree; uniform weights are narrower by √2."""
    cases = []
    for index, name in enumerate(schemes):
        varied = replace(settings, weights=name)
        cases.append(
            _case_with_margin(name, index, _conv_stack(_equal_layers(depth), varied), varied)
        )
    return run_study("initialization", "initialization", cases, progress=progress)


def dilation_study(
    patterns: Sequence[Sequence[int]] = ((1,) * 5, (2, 2, 2), (1, 2, 4, 8, 16)),
    kernel_size: int = 3,
    settings: StudySettings = DEFAULT_SETTINGS,
    progress: Report | None = None,
) -> Study:
    """Vary the dilations of the layers; x is their sum, in proportion to which the field grows."""
    cases = []
    for pattern in patterns:
        layers = [{"kernel_size": kernel_size, "dilation": d} for d in pattern]
        label = " ".join(map(str, pattern))
        cases.append(
            _case_with_margin(label, sum(pattern), _conv_stack(layers, settings), settings)
        )
    return run_study("dilation", "sum of dilations", cases, progress=progress)


def reduction_study(
    reductions: Sequence[str] = REDUCTIONS,
    stages: int = 4,
    settings: StudySettings = DEFAULT_SETTINGS,
    progress: Report | None = None,
) -> Study:
    """Vary how 3×3 convolutions downsample by 2 in each of ``stages`` stages, over `REDUCTIONS`."""
    cases = []
    for index, how in enumerate(reductions):
        if how not in REDUCTIONS:
            raise SpecError("reductions", f"must be of {', '.join(REDUCTIONS)}", how)
        stride = 2 if how == "stride" else 1
        net: nn.Module = _conv_stack(
            _equal_layers(stages, stride=stride), settings, pooled=how in POOLINGS
        )
        if how in POOLINGS:
            probe = (settings.channels, 2**stages, 2**stages)
            net = with_pooling(net, how, probe, settings.seed)
        cases.append(_case_with_margin(how, index, net, settings))
    return run_study("reduction", "reduction", cases, progress=progress)


def skip_study(
    blocks: int = 8, settings: StudySettings = DEFAULT_SETTINGS, progress: Report | None = None
) -> Study:
    """Compare residual blocks of two 3×3 convolutions with and without their shortcuts."""
    count = _checked_count(blocks)
    parts: list[nn.Module] = []
    for _ in range(count):
        parts += [
            Residual(_conv_stack(_equal_layers(2), settings), nn.Identity()),
            _new_activation(settings),
        ]
    net = nn.Sequential(*parts[:-1])
    cases = [
        _case_with_margin("with skips", 0, net, settings),
        _case_with_margin("without skips", 1, without_skips(net), settings),
    ]
    return run_study("skip connections", "network", cases, progress=progress)


def padding_study(
    modes: Sequence[str] = PADDING_MODES,
    positions: Sequence[str] = POSITIONS,
    depth: int = 8,
    settings: StudySettings = DEFAULT_SETTINGS,
    progress: Report | None = None,
) -> Study:
    """Vary the padding mode and the position of the unit in the image.

    The image is as large as the receptive field of ``depth`` 3×3 layers. Half of the field of a
    unit at the border lies outside the image, and three quarters of that of a unit in a corner.
    """
    cases: list[Case] = []
    size = 2 * _checked_count(depth) + 1
    places = {"center": (depth, depth), "border": (0, depth), "corner": (0, 0)}
    for mode in modes:
        if mode not in PADDING_MODES:
            raise SpecError("padding_mode", f"must be one of {', '.join(PADDING_MODES)}", mode)
        net = _conv_stack(_equal_layers(depth, padding_mode=mode), settings)
        for position in positions:
            if position not in places:
                raise SpecError("positions", f"must be of {', '.join(POSITIONS)}", position)
            image, unit = (settings.channels, size, size), places[position]
            label = f"{mode}, {position}"
            cases.append(Case(label, len(cases), net, image, settings, unit=unit))
    return run_study("padding and position", "network", cases, progress=progress)


def _checked_count(count: object) -> int:
    """Check a number of layers and return it as an int."""
    number = whole("number of layers", count, 1)
    if number > MAX_LAYERS:
        raise SpecError("number of layers", f"must be at most {MAX_LAYERS}", count)
    return number


def _equal_layers(count: object, **options: Any) -> list[dict[str, Any]]:
    """The settings of ``count`` equal convolutions, for `_conv_stack`."""
    return [options] * _checked_count(count)


def _new_activation(settings: StudySettings) -> nn.Module:
    return ACTIVATIONS[settings.activation]()


def _conv_stack(
    layers: Sequence[dict[str, Any]], settings: StudySettings, pooled: bool = False
) -> nn.Sequential:
    """Convolutions without bias that preserve the size, with activations between them.

    A 2×2 max-pool follows each convolution if ``pooled``. The weights are drawn with the settings'
    seed; they matter only for ``"as_is"``.

    Args:
        layers: arguments of `_conv_arguments` for each convolution.
        settings: channels, activation and seed.
        pooled: whether to add the max-pools.
    """
    _checked_count(len(layers))
    parts: list[nn.Module] = []
    with seeded(settings.seed):
        for options in layers:
            parts += [nn.Conv2d(**_conv_arguments(settings.channels, len(layers), **options))]
            parts += [nn.MaxPool2d(2)] if pooled else []
            parts += [_new_activation(settings)]
    return nn.Sequential(*parts[:-1])


def _conv_arguments(
    channels: int, layers: int, kernel_size: int = 3, dilation: int = 1, **options: Any
) -> dict[str, Any]:
    """The arguments of an nn.Conv2d that preserves the size; ``layers`` is the number of layers."""
    k, d = whole("kernel_size", kernel_size, 1), whole("dilation", dilation, 1)
    if span_of(k, d) > MAX_REACH:
        raise SpecError("kernel_size", f"must reach at most {MAX_REACH} pixels", k)
    if layers * (channels * k) ** 2 > MAX_WEIGHTS:
        raise SpecError("kernel_size", f"must give at most {MAX_WEIGHTS} weights in all", k)
    if k % 2 == 0:
        raise SpecError("kernel_size", "must be odd, to keep the size", k)
    equal = {"in_channels": channels, "out_channels": channels, "bias": False}
    return {**equal, "kernel_size": k, "padding": span_of(k, d) // 2, "dilation": d, **options}


def _case_with_margin(label: str, x: float, module: nn.Module, settings: StudySettings) -> Case:
    """A case whose image has a margin around the middle unit's receptive field."""
    size = _image_size_with_margin(module, settings.channels)
    return Case(label, x, module, (settings.channels, *size), settings)


def _image_size_with_margin(module: nn.Module, channels: int) -> Pair:
    """Size of the receptive field plus two strides on every side, rounded up to whole strides."""
    probe = (channels, 2 * MAX_REACH, 2 * MAX_REACH)
    field = list(receptive_fields(module, probe).values())[-1]
    reach, stride = int(field.size[0]), int(field.effective_stride[0])
    if reach > MAX_REACH:
        raise SpecError("receptive field", f"must be at most {MAX_REACH} pixels", reach)
    side = -(-(reach + 4 * stride) // stride) * stride
    return side, side
