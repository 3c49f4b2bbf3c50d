"""Which rows or columns of an input a unit reads, seen by poisoning: no gradient, no closed form.

All rows (or columns) up to one, or from one on, become NaN, and the untouched network runs. A
unit that turns NaN reads at least one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


class _LayerReachedError(Exception):
    """The layer has its output."""


def output_of(network: nn.Module, layer: str, images: torch.Tensor) -> torch.Tensor:
    """What a module returns; the network runs no further."""
    captured: list[torch.Tensor] = []

    def capture(module: nn.Module, args: object, out: torch.Tensor) -> None:
        captured.append(out)
        raise _LayerReachedError

    handle = network.get_submodule(layer).register_forward_hook(capture)
    try:
        with torch.no_grad():
            network(images)
    except _LayerReachedError:
        pass
    finally:
        handle.remove()
    return captured[0]


def poisoned(image: torch.Tensor, axis: int, first: int, last: int) -> list[torch.Tensor]:
    """Four images, with NaN up to `first`, before `first`, from `last` on, and after `last`.

    Args:
        image: (C, H, W).
        axis: 0 poisons rows, 1 columns.
        first, last: places along the axis.
    """
    length = image.shape[1 + axis]
    ranges = [(0, first + 1), (0, first), (last, length), (last + 1, length)]
    images = []
    for start, end in ranges:
        sick = image.clone()
        sick.narrow(1 + axis, start, end - start).fill_(float("nan"))
        images.append(sick)
    return images


def extent_is_exact(
    network: nn.Module,
    image: torch.Tensor,
    layer: str,
    dims: Sequence[int],
    unit: tuple[int, int],
    axis: int,
    extent: tuple[int, int],
) -> bool:
    """Whether a unit reads the first and the last place of an extent and nothing beyond them.

    Args:
        dims: the dimensions of the layer's output that run along rows and columns.
    """
    sick = [output_of(network, layer, each[None]) for each in poisoned(image, axis, *extent)]
    seen = [
        bool(out.select(dims[1], unit[1]).select(dims[0], unit[0]).isnan().any()) for out in sick
    ]
    return seen == [True, False, True, False]
