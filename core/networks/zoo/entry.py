"""The description of one architecture of the zoo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

TORCHVISION = "torchvision's model documentation (num_params)"
"""``Architecture.source`` of networks that torchvision has."""
BY_HAND = "counted by hand from the layers; nobody publishes it"
"""``Architecture.source`` of networks without a published number of parameters."""


@dataclass(frozen=True)
class Architecture:
    """One published network, stem or teaching net.

    Attributes:
        name: identifier in lower case, as torchvision spells it where it has the network.
        title: usual name, for the screen.
        year: year of the paper.
        paper: authors, title and arXiv number or journal of the paper.
        family: group of similar networks that it is listed with, e.g. ``"residual"``.
        input_size: (channels, height, width) for which it was published.
        parameters: published number of trainable parameters.
        source: where this number is published.
        sentence: one sentence on how the network downsamples, for the screen.
        make: function that builds the network in train mode, with torch's default initialization.
        gmacs: published number of multiply–accumulates on ``input_size``, divided by 10⁹; None
            where none is published.
        gmacs_source: where this number is published.
    """

    name: str
    title: str
    year: int
    paper: str
    family: str
    input_size: tuple[int, int, int]
    parameters: int
    source: str
    sentence: str
    make: Callable[[], nn.Module] = field(repr=False)
    gmacs: float | None = None
    gmacs_source: str = "torchvision's model documentation (GFLOPS, which are MACs)"
