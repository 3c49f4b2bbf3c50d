"""One unit picked out of a tensor, however the image's axes lie in its dimensions."""

from __future__ import annotations

from math import prod
from typing import Any

import torch

from .layout import Layout, lanes


def unit_of(output: torch.Tensor, layout: Layout, unit: tuple[int, int]) -> torch.Tensor:
    """All channels of one unit, of every sample.

    Args:
        output: a node's, its first dimension longer by the number of samples in a batch.
        layout: of the node, as `core.graph.Node` has it.
        unit: (row, column).
    """
    wide = lanes(layout)
    sizes: list[int] = []
    index: list[Any] = []
    for n, parts in zip(output.shape, layout, strict=True):
        if len(parts) == 1 and parts[0].stride == 1 == wide[parts[0].axis or 0]:
            sizes.append(n)  # also of a part of the image, whose maps are smaller
            index.append(unit[parts[0].axis or 0])
            continue
        count = prod(part.size for part in parts)
        if not parts or n != count:
            sizes.append(n // count)
            index.append(slice(None))
        for part in parts:
            sizes.append(part.size)
            inside = part.axis is None or part.stride < wide[part.axis]
            place = 0 if inside else unit[part.axis or 0] * wide[part.axis or 0] // part.stride
            index.append(slice(None) if inside else place % part.size)
    return output.reshape(sizes)[tuple(index)]
