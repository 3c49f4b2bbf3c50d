"""Folding of batch norms in eval mode into the convolutions before them, for speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ..graph.graph import Graph
from ..torch_private import own_buffers, own_parameters

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def fold_batch_norms(copied: nn.Module, graph: Graph, nodes: Collection[str]) -> None:
    """Fold each batch norm into the convolution before it, if only the norm reads its output.

    In eval mode a batch norm scales and shifts channels by constants, which can be included in the
    convolution's weights; results differ only by rounding. The norm's module becomes the identity.

    Args:
        copied: a copy of the network in eval mode, which is modified.
        graph: graph of the network.
        nodes: names of the nodes that the measured unit depends on. A convolution in it whose norm
            is not in it is not changed.
    """
    modules = dict(copied.named_modules())
    runs = Counter(node.module for node in graph.values())
    reads = Counter(parent for node in graph.values() for parent in node.inputs)
    reads.update(graph.outputs)
    for name in nodes:
        norm = graph[name]
        if norm.operation != "batch_norm" or len(norm.inputs) != 1:
            continue
        parent = graph[norm.inputs[0]]
        used_once = reads[parent.name] == runs[parent.module] == runs[norm.module] == 1
        if used_once and parent.name in nodes:
            _fold_into_convolution(modules[parent.module], modules[norm.module])


def _fold_into_convolution(convolution: nn.Module, norm: nn.Module) -> None:
    """Fold a norm into a convolution; does nothing for modules of other or derived classes."""
    if not (isinstance(convolution, _CONVOLUTIONS) and isinstance(norm, _NORMS)):
        return
    if type(convolution) not in _CONVOLUTIONS or type(norm) not in _NORMS:
        return  # a derived class may compute something else
    kernel, statistics = own_parameters(convolution).get("weight"), own_buffers(norm)
    mean, variance = statistics.get("running_mean"), statistics.get("running_var")
    if kernel is None or mean is None or variance is None:
        return
    if any("forward" in vars(layer) for layer in (convolution, norm)):
        return
    scale, shift = own_parameters(norm).get("weight"), own_parameters(norm).get("bias")
    old = own_parameters(convolution).get("bias")
    weight, bias = fuse_conv_bn_weights(kernel, old, mean, variance, norm.eps, scale, shift)
    own_parameters(convolution)["weight"] = nn.Parameter(weight.detach(), requires_grad=False)
    own_parameters(convolution)["bias"] = nn.Parameter(bias.detach(), requires_grad=False)
    vars(norm)["forward"] = _return_input


def _return_input(image: torch.Tensor) -> torch.Tensor:
    return image
