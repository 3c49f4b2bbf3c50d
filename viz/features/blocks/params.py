"""Settings of the two pages that compare blocks, and the blocks that these settings choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.blocks import COMPARISONS, BlockComparison
from core.networks import NetworkSpec
from core.networks.notation import parse
from viz.choices.layer import MAX_SEED, PICTURE_LABELS
from viz.choices.network import architectures, network_title
from viz.params import MAX_TEXT, Settings, choice, labeled_choice, number, text

PAGE, ARCHITECTURES = "blocks", "architectures"
"""Names of the two pages in URLs."""
OWN = "own"
"""Value of `BlockSettings.compare` with which the visitor's own blocks are compared."""
OFFERED = ("blocks", "layers", "small", "seven")
"""Keys of `core.blocks.COMPARISONS` that the blocks page offers; architectures has the others."""
SLOTS = ("a", "b", "c", "d")
"""Parameters that hold the visitor's own blocks as text; an empty text stands for no block."""
MAX_SIDE, MAX_CHANNELS, MAX_BATCH = 256, 512, 128
"""Largest input of the blocks page: side in pixels, channels, images."""
TABS = {
    "pictures": "Pictures",
    "numbers": "Numbers",
    "cost": "Time and memory",
    "properties": "Properties",
}
"""The tabs of the blocks page: label on the page by name in the URL."""
VIEWS = {
    "stems": "Stems",
    "residual": "ResNet's downsampling block",
    "stages": "Stage by stage",
}
"""The views of the architectures page: label on the page by name in the URL."""


@dataclass(frozen=True)
class Block:
    """A block with its input: everything that its computations depend on. It is hashable.

    Attributes:
        title: The block's name on the page.
        layers: Layers in the notation or as PyTorch code, not parsed or checked yet.
        input_size: (C, H, W) of the input.
        batch: Number of images in the input.
        picture: Key of `core.data.PICTURES`.
        seed: Seed of the weights and of all random draws.
    """

    title: str
    layers: str
    input_size: tuple[int, int, int]
    batch: int
    picture: str
    seed: int

    @property
    def spec(self) -> NetworkSpec:
        """The parsed layers.

        Raises:
            SpecError: The text is not a list of layers.
        """
        return parse(self.layers)


def _checked_length(value: str) -> str:
    """The text itself; ValueError if it is too long for a link."""
    if len(value) > MAX_TEXT:
        raise ValueError(f"must have at most {MAX_TEXT} characters")
    return value


_FIRST = [block.layers for block in COMPARISONS["blocks"].blocks[:2]]
"""Layers of the first two blocks of one's own, until the visitor writes others."""


@dataclass(frozen=True)
class ProbeSettings(Settings):
    """The picture that blocks run on, and the seed of their weights."""

    picture: str = choice(
        "china",
        PICTURE_LABELS,
        "picture",
        help="Blocks of other than 3 input channels get random mixtures of red, green and blue.",
    )
    block_seed: int = number(
        0, 0, MAX_SEED, "seed of the weights", help="Weights are random, as PyTorch draws them."
    )


def _block_setting(name: str, default: str = "") -> Any:
    """The field of `BlockSettings` for one block of the visitor's own, typed as text."""
    label = f"block {name}{'' if default else ' — empty for none'}"
    return text(default, _checked_length, typed=True, kind="text", label=label)


@dataclass(frozen=True)
class BlockSettings(ProbeSettings):
    """All settings of the blocks page. A size of 0 stands for that of the comparison."""

    compare: str = choice(
        OFFERED[0],
        {**{name: COMPARISONS[name].title for name in OFFERED}, OWN: "your own blocks…"},
        "compare",
    )
    a: str = _block_setting("A", _FIRST[0])
    b: str = _block_setting("B", _FIRST[1])
    c: str = _block_setting("C")
    d: str = _block_setting("D")
    in_channels: int = number(0, 0, MAX_CHANNELS, "in_channels")
    input_height: int = number(0, 0, MAX_SIDE, "input height", unit="px")
    input_width: int = number(0, 0, MAX_SIDE, "input width", unit="px")
    batch: int = number(0, 0, MAX_BATCH, "batch", unit="images")
    tab: str = labeled_choice(TABS)


@dataclass(frozen=True)
class ArchitectureSettings(ProbeSettings):
    """All settings of the architectures page."""

    view: str = labeled_choice(VIEWS)
    network: str = choice(
        "resnet50",
        lambda: {name: network_title(name) for name in architectures()},
        "network",
        "an architecture of the list, such as resnet50",
    )


def comparison(values: BlockSettings) -> BlockComparison:
    """The chosen comparison; the first one, for its default sizes, if the blocks are one's own."""
    return COMPARISONS[OFFERED[0] if values.compare == OWN else values.compare]


def sizes_by_parameter(compared: BlockComparison) -> dict[str, int]:
    """Input size and batch of a comparison, by the names of the URL parameters."""
    names = ("in_channels", "input_height", "input_width", "batch")
    return dict(zip(names, (*compared.input_size, compared.batch), strict=True))


def with_comparison_sizes(values: BlockSettings) -> BlockSettings:
    """The settings with each size of 0 replaced by that of the comparison."""
    sizes = sizes_by_parameter(comparison(values))
    return values.updated({name: values[name] or size for name, size in sizes.items()})


def own_block_values(compared: BlockComparison) -> dict[str, str]:
    """Values of the parameters `SLOTS` that make a comparison's blocks the visitor's own."""
    lines = [block.layers for block in compared.blocks]
    return dict(zip(SLOTS, [*lines, *[""] * (len(SLOTS) - len(lines))], strict=True))


def blocks_of(values: BlockSettings) -> tuple[Block, ...]:
    """The chosen blocks, each with the input that it runs on.

    Args:
        values: Settings that `with_comparison_sizes` has returned.
    """
    size = (values.in_channels, values.input_height, values.input_width)
    if values.compare != OWN:
        return blocks_of_comparison(comparison(values), values, size, values.batch)
    lines = [(slot.upper(), values[slot].strip()) for slot in SLOTS]
    common = (size, values.batch, values.picture, values.block_seed)
    return tuple(Block(title, line, *common) for title, line in lines if line)


def blocks_of_comparison(
    compared: BlockComparison,
    values: ProbeSettings,
    input_size: tuple[int, int, int] | None = None,
    batch: int | None = None,
) -> tuple[Block, ...]:
    """The blocks of a comparison, on its own (C, H, W) and batch where these are None."""
    common = (
        input_size or compared.input_size,
        batch or compared.batch,
        values.picture,
        values.block_seed,
    )
    return tuple(Block(block.title, block.layers, *common) for block in compared.blocks)
