"""Conversion of a network spec to a torch module. Importing this module does not import torch."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..errors import SpecError
from ..layer.window import Pair
from . import rules
from .blocks import LEAVES, NetworkSpec, Repeat, ResidualBlock
from .resolve import LayerError, ResolvedLayer, resolve
from .torch_forms import constructor_call

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
    """Build the network as a module in train mode, which torch.fx can trace.

    Submodules are named by kind and 0-based position: ``conv0``, ``residual3.body.bn1``,
    ``concat2.branches.0.conv0``, ``repeat4.1.relu0``.

    Args:
        spec: the network.
        in_channels: number of input channels.
        input_size: (height, width) of the input. It is required if the ``in_features`` of a
            linear layer depend on it; if given, every layer is checked against it.
        device: device of the weights; on ``"meta"`` none are allocated.
        seed: seed of the weights, which then do not depend on other threads; None draws them
            from torch's global generator (``torch.manual_seed``).

    Raises:
        LayerError: a layer does not fit; the error names it.
        SpecError: more than `MAX_PARAMETERS` weights on a real device, or an invalid seed.
    """
    import torch

    from ..seeded import seeded

    nodes = resolve(spec, in_channels, input_size)
    module = _build_sequence(nodes, "", "meta")
    if torch.device(device).type == "meta":
        return module
    parameters = sum(weight.numel() for weight in module.parameters())
    if parameters > rules.MAX_PARAMETERS:
        rule = f"must be at most {rules.MAX_PARAMETERS:,} in all; use fewer channels"
        raise SpecError("number of weights", rule, f"{parameters:,}")
    with nullcontext() if seed is None else seeded(seed):
        return _build_sequence(nodes, "", device)


def _build_sequence(
    nodes: tuple[ResolvedLayer, ...], prefix: str, device: str | torch.device
) -> nn.Sequential:
    from torch import nn

    modules = ((node.name, _build_module(node, prefix, device)) for node in nodes)
    return nn.Sequential(OrderedDict(modules))


def _build_module(node: ResolvedLayer, prefix: str, device: str | torch.device) -> nn.Module:
    """The module of one layer or block; ``prefix`` is the qualified name of its parent."""
    from torch import nn

    from . import modules as network_modules

    full_name = f"{prefix}{node.name}"
    if isinstance(node.layer, LEAVES):
        return _build_leaf(node, full_name, device)
    inner = [
        (name, _build_sequence(nodes, f"{full_name}.{name}.", device))
        for name, nodes in node.chains
    ]
    if isinstance(node.layer, Repeat):
        return nn.Sequential(OrderedDict(inner))
    make = (
        network_modules.Residual
        if isinstance(node.layer, ResidualBlock)
        else network_modules.Concat
    )
    return make(*(module for _, module in inner))


def _build_leaf(node: ResolvedLayer, full_name: str, device: str | torch.device) -> nn.Module:
    import torch
    from torch import nn

    from . import modules as network_modules

    assert isinstance(node.layer, LEAVES)
    try:
        constructor = constructor_call(node.layer, node.before)
    except SpecError as error:
        raise LayerError(full_name, node.path, error.parameter, error.rule, error.value) from error
    make = getattr(network_modules if constructor.custom else nn, constructor.name)
    named = dict(constructor.named) | ({"device": device} if constructor.takes_device else {})
    # Custom modules take no device argument.
    with torch.device(device) if constructor.custom else nullcontext():
        module: nn.Module = make(*constructor.positional, **named)
    return module
