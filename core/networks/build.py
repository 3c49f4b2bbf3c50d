"""A network as a torch module. torch is loaded when the first one is built."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..errors import SpecError
from ..layer.window import Pair
from . import rules
from .blocks import LEAVES, NetworkSpec, Repeat, ResidualBlock
from .resolve import LayerError, ResolvedLayer, resolve
from .torch_forms import call

if TYPE_CHECKING:
    import torch
    from torch import nn


def build(
    spec: NetworkSpec,
    in_channels: int = 3,
    input_size: Pair | None = None,
    *,
    device: str | torch.device = "cpu",
    seed: int | None = None,
) -> nn.Module:
    """The network as a module that torch.fx can trace, in train mode as torch makes it.

    Submodules are named by kind and 0-based position: ``conv0``, ``residual3.body.bn1``,
    ``concat2.branches.0.conv0``, ``repeat4.1.relu0``.

    Args:
        spec: the network.
        in_channels: of the input.
        input_size: (height, width). Only needed where a linear layer's ``in_features`` hang
            on it; where given, every layer is checked against it.
        device: of the weights; ``"meta"`` allocates none.
        seed: decides the weights, whatever other threads do; without one torch's global
            generator draws them, and ``torch.manual_seed`` decides.

    Raises:
        LayerError: a SpecError that names the layer which does not fit.
        SpecError: too many weights for a device that really holds them; no such seed.
    """
    import torch

    from ..seeded import seeded

    nodes = resolve(spec, in_channels, input_size)
    module = _sequence(nodes, "", "meta")
    if torch.device(device).type == "meta":
        return module
    parameters = sum(weight.numel() for weight in module.parameters())
    if parameters > rules.MAX_PARAMETERS:
        rule = f"must be at most {rules.MAX_PARAMETERS:,} in all; use fewer channels"
        raise SpecError("number of weights", rule, f"{parameters:,}")
    with nullcontext() if seed is None else seeded(seed):
        return _sequence(nodes, "", device)


def _sequence(
    nodes: tuple[ResolvedLayer, ...], prefix: str, device: str | torch.device
) -> nn.Sequential:
    from torch import nn

    modules = ((node.name, _module(node, prefix, device)) for node in nodes)
    return nn.Sequential(OrderedDict(modules))


def _module(node: ResolvedLayer, prefix: str, device: str | torch.device) -> nn.Module:
    from torch import nn

    from . import modules as ours

    full = f"{prefix}{node.name}"
    if isinstance(node.layer, LEAVES):
        return _leaf(node, full, device)
    inner = [(name, _sequence(nodes, f"{full}.{name}.", device)) for name, nodes in node.chains]
    if isinstance(node.layer, Repeat):
        return nn.Sequential(OrderedDict(inner))
    make = ours.Residual if isinstance(node.layer, ResidualBlock) else ours.Concat
    return make(*(module for _, module in inner))


def _leaf(node: ResolvedLayer, full: str, device: str | torch.device) -> nn.Module:
    import torch
    from torch import nn

    from . import modules as network_modules

    assert isinstance(node.layer, LEAVES)
    try:
        constructor = call(node.layer, node.before)
    except SpecError as error:
        raise LayerError(full, node.path, error.parameter, error.rule, error.value) from error
    make = getattr(network_modules if constructor.ours else nn, constructor.name)
    named = dict(constructor.named) | ({"device": device} if constructor.weighted else {})
    with torch.device(device) if constructor.ours else nullcontext():  # ours take no device
        module: nn.Module = make(*constructor.positional, **named)
    return module
