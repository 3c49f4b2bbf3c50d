"""Settings of the pages that compare blocks: what is asked, from the URL's plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.blocks import COMPARISONS, BlockComparison
from core.networks import NetworkSpec
from core.networks.notation import parse
from viz.choices.layer import MAX_SEED, PICTURE_LABELS
from viz.choices.network import architectures, title
from viz.params import MAX_TEXT, Settings, choice, labeled_choice, number, text

PAGE, ARCHITECTURES = "blocks", "architectures"
OWN = "own"
OFFERED = ("blocks", "layers", "small", "seven")
"""Comparisons of the first page; the others belong to the second."""
SLOTS = ("a", "b", "c", "d")
"""Names of one's own blocks; an empty one is left out."""
MAX_SIDE, MAX_CHANNELS, MAX_BATCH = 256, 512, 128
TABS = {
    "pictures": "Pictures",
    "cost": "Time and memory",
    "properties": "Properties",
}
"""Name in the URL: label on the page."""
VIEWS = {
    "stems": "Stems",
    "residual": "ResNet's downsampling block",
    "stages": "Stage by stage",
}
"""The same of the second page."""


@dataclass(frozen=True)
class Block:
    """One block as a visitor asks for it: hashable, and all there is to it.

    Attributes:
        title: what it is called on the page.
        layers: notation or PyTorch code; whether it is a block is not known yet.
        input_size: (C, H, W).
        batch: images.
        picture: of `core.data.PICTURES`.
        seed: of its weights and of all draws.
    """

    title: str
    layers: str
    input_size: tuple[int, int, int]
    batch: int
    picture: str
    seed: int

    @property
    def spec(self) -> NetworkSpec:
        """The block's layers; SpecError when they are none."""
        return parse(self.layers)


def _line(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise ValueError(f"must have at most {MAX_TEXT} characters")
    return value


_FIRST = [block.layers for block in COMPARISONS["blocks"].blocks[:2]]


@dataclass(frozen=True)
class ProbeSettings(Settings):
    """The picture that blocks are tried on, and the seed of their weights."""

    picture: str = choice(
        "china",
        PICTURE_LABELS,
        "picture",
        help="Blocks of other than 3 input channels get random mixtures of red, green and blue.",
    )
    block_seed: int = number(
        0, 0, MAX_SEED, "seed of the weights", help="Weights are random, as PyTorch draws them."
    )


def _block(name: str, default: str = "") -> Any:
    label = f"block {name}{'' if default else ' — empty for none'}"
    return text(default, _line, typed=True, kind="text", label=label)


@dataclass(frozen=True)
class BlockSettings(ProbeSettings):
    """Everything that decides the page of blocks. A size of 0 stands for the comparison's own."""

    compare: str = choice(
        OFFERED[0],
        {**{name: COMPARISONS[name].title for name in OFFERED}, OWN: "your own blocks…"},
        "compare",
    )
    a: str = _block("A", _FIRST[0])
    b: str = _block("B", _FIRST[1])
    c: str = _block("C")
    d: str = _block("D")
    in_channels: int = number(0, 0, MAX_CHANNELS, "in_channels")
    input_height: int = number(0, 0, MAX_SIDE, "input height", unit="px")
    input_width: int = number(0, 0, MAX_SIDE, "input width", unit="px")
    batch: int = number(0, 0, MAX_BATCH, "batch", unit="images")
    tab: str = labeled_choice(TABS)


@dataclass(frozen=True)
class ArchitectureSettings(ProbeSettings):
    """Everything that decides the page of architectures."""

    view: str = labeled_choice(VIEWS)
    network: str = choice(
        "resnet50",
        lambda: {name: title(name) for name in architectures()},
        "network",
        "an architecture of the list, such as resnet50",
    )


def comparison(values: BlockSettings) -> BlockComparison:
    """What the values compare; of one's own blocks the first comparison's title and sizes."""
    return COMPARISONS[OFFERED[0] if values.compare == OWN else values.compare]


def sizes_of(found: BlockComparison) -> dict[str, int]:
    """The sizes of a comparison, by the names of the parameters."""
    names = ("in_channels", "input_height", "input_width", "batch")
    return dict(zip(names, (*found.input_size, found.batch), strict=True))


def settled(values: BlockSettings) -> BlockSettings:
    """Settings with the comparison's own sizes where the link says nothing."""
    sizes = sizes_of(comparison(values))
    return values.updated({name: values[name] or size for name, size in sizes.items()})


def own_lines(found: BlockComparison) -> dict[str, str]:
    """A comparison's blocks as one's own, by the names of the parameters."""
    lines = [block.layers for block in found.blocks]
    return dict(zip(SLOTS, [*lines, *[""] * (len(SLOTS) - len(lines))], strict=True))


def asked(values: BlockSettings) -> tuple[Block, ...]:
    """The blocks that settled values ask for."""
    size = (values.in_channels, values.input_height, values.input_width)
    if values.compare != OWN:
        return of_comparison(comparison(values), values, size, values.batch)
    lines = [(slot.upper(), values[slot].strip()) for slot in SLOTS]
    common = (size, values.batch, values.picture, values.block_seed)
    return tuple(Block(title, line, *common) for title, line in lines if line)


def of_comparison(
    found: BlockComparison,
    values: ProbeSettings,
    input_size: tuple[int, int, int] | None = None,
    batch: int | None = None,
) -> tuple[Block, ...]:
    """The blocks of a comparison, by default on its own input."""
    common = (
        input_size or found.input_size,
        batch or found.batch,
        values.picture,
        values.block_seed,
    )
    return tuple(Block(block.title, block.layers, *common) for block in found.blocks)
