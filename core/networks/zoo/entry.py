"""What the zoo knows about one architecture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

TORCHVISION = "torchvision's model documentation (num_params)"
BY_HAND = "counted by hand from the layers; nobody publishes it"


@dataclass(frozen=True)
class Architecture:
    """One published network, stem or teaching net.

    Attributes:
        name: as torchvision spells it, where it has it.
        title: what people call it.
        year: of the paper.
        paper: authors, title and where to find it.
        family: what it is shown next to.
        input_size: (channels, height, width) it was published for.
        parameters: trainable parameters, as published.
        source: where that number is published.
        sentence: what is worth knowing about it here.
        make: builds it, with torch's default initialization, in train mode.
        gmacs: 10⁹ multiply–accumulates on ``input_size``, as published; None where
            nobody publishes it.
        gmacs_source: where that number is published.
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
