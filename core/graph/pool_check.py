"""Refuses max pooling that torch cannot backpropagate through.

A window of a dilated and padded max pooling may lie entirely in the padding. torch 2.13 then
returns an index beyond the input as that of the maximum, and the backward pass writes there: the
gradient is wrong, or the process crashes.
"""

from __future__ import annotations

from torch import nn

from ..errors import SpecError
from .axes.axis_map import AxisMap
from .graph import InputSize, network_graph

_MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)


def check_pools(module: nn.Module, input_size: InputSize) -> None:
    """Raises an error for a network with a max pooling whose backward pass is unsafe.

    Only pooling modules are checked, not calls of functions, because networks written in the
    app's notation have only modules.

    Args:
        module: any nn.Module.
        input_size: the input size, as in `core.graph.network_graph`.

    Raises:
        SpecError: a window of a max pooling lies entirely in the padding.
    """
    if not any(
        isinstance(part, _MAX_POOLS) and _is_dilated_and_padded(part) for part in module.modules()
    ):
        return
    for node in network_graph(module, input_size).values():
        if "max_pool" in node.operation and any(map(_reads_only_padding, node.maps[0])):
            rule = "of a padded max pooling must leave every window a pixel; use less of either"
            raise SpecError("dilation", rule, f"{node.name} on {node.shape}")


def _is_dilated_and_padded(pool: nn.Module) -> bool:
    """Whether a max pooling has dilation and padding, so that a window may miss the input."""
    settings = pool.dilation, pool.padding
    dilation, padding = (max(s) if isinstance(s, tuple) else int(s) for s in settings)  # type: ignore[arg-type]
    return dilation > 1 and padding > 0


def _reads_only_padding(axis: AxisMap) -> bool:
    """Whether some output reads nothing but padding."""
    return not axis.whole and bool((axis.table() == axis.n_in).all(axis=1).any())
