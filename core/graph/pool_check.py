"""Max pooling that torch cannot backpropagate through.

A window of a dilated, padded max pooling may lie in the padding alone. torch 2.13 then gives
an index behind the input as its winner, and the backward pass writes there: a wrong gradient
at best, a crash at worst.
"""

from __future__ import annotations

from torch import nn

from ..errors import SpecError
from .axes.axis_map import AxisMap
from .graph import InputSize, network_graph

_MAX_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)


def check_pools(module: nn.Module, input_size: InputSize) -> None:
    """Refuse a network with a max pooling whose backward pass is not safe on this input.

    Only modules are looked at, for that is what a visitor can write.

    Args:
        module: any nn.Module.
        input_size: as `core.graph.network_graph` takes it.

    Raises:
        SpecError: a window lies in the padding alone.
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
    settings = pool.dilation, pool.padding
    dilation, padding = (max(s) if isinstance(s, tuple) else int(s) for s in settings)  # type: ignore[arg-type]
    return dilation > 1 and padding > 0


def _reads_only_padding(axis: AxisMap) -> bool:
    """Whether an output reads nothing but padding."""
    return not axis.whole and bool((axis.table() == axis.n_in).all(axis=1).any())
