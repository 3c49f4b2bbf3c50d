"""State of the pages that compare blocks: what is asked, from the URL's plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.blocks import COMPARISONS, BlockComparison
from core.networks import NetworkSpec
from core.networks.notation import parse
from viz.choices.layer import MAX_SEED, PICTURE_LABELS
from viz.choices.network import architectures, title
from viz.params import MAX_TEXT, Param, Values, choice, labelled, number

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
    "residual": "ResNet's block that halves",
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


def _line(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueError(f"must have at most {MAX_TEXT} characters")
    return text


_FIRST = [block.layers for block in COMPARISONS["blocks"].blocks[:2]]
_COMMON = [
    choice(
        *("picture", "china", PICTURE_LABELS, "picture"),
        help="Blocks of other than 3 input channels get random mixtures of red, green and blue.",
    ),
    number(
        *("block_seed", 0, 0, MAX_SEED, "seed of the weights"),
        help="Weights are random, as PyTorch draws them.",
    ),
]
PARAMS = [
    choice(
        *("compare", OFFERED[0]),
        {**{name: COMPARISONS[name].title for name in OFFERED}, OWN: "your own blocks…"},
        "compare",
    ),
    *(
        Param(
            *(slot, layers, _line),
            typed=True,
            kind="text",
            label=f"block {slot.upper()}{'' if layers else ' — empty for none'}",
        )
        for slot, layers in zip(SLOTS, [*_FIRST, "", ""], strict=True)
    ),
    number("in_channels", 0, 0, MAX_CHANNELS, "in_channels"),
    number("input_height", 0, 0, MAX_SIDE, "input height", unit="px"),
    number("input_width", 0, 0, MAX_SIDE, "input width", unit="px"),
    number("batch", 0, 0, MAX_BATCH, "batch", unit="images"),
    *_COMMON,
    labelled("tab", TABS),
]
"""A size of 0 stands for the comparison's own."""
ARCHITECTURES_PARAMS = [
    labelled("view", VIEWS),
    choice(
        *("network", "resnet50", lambda: {name: title(name) for name in architectures()}),
        "network",
        "an architecture of the list, such as resnet50",
    ),
    *_COMMON,
]


def comparison(values: Values) -> BlockComparison:
    """What the values compare; of one's own blocks the first comparison's title and sizes."""
    return COMPARISONS[OFFERED[0] if values["compare"] == OWN else values["compare"]]


def sizes_of(found: BlockComparison) -> dict[str, int]:
    """The sizes of a comparison, by the names of the parameters."""
    names = ("in_channels", "input_height", "input_width", "batch")
    return dict(zip(names, (*found.input_size, found.batch), strict=True))


def settle(values: dict[str, Any]) -> None:
    """Put the comparison's own sizes where the link says nothing."""
    for name, size in sizes_of(comparison(values)).items():
        values[name] = values[name] or size


def own_lines(found: BlockComparison) -> dict[str, str]:
    """A comparison's blocks as one's own, by the names of the parameters."""
    lines = [block.layers for block in found.blocks]
    return dict(zip(SLOTS, [*lines, *[""] * (len(SLOTS) - len(lines))], strict=True))


def asked(values: Values) -> tuple[Block, ...]:
    """The blocks that settled values ask for."""
    size = (values["in_channels"], values["input_height"], values["input_width"])
    if values["compare"] != OWN:
        return of_comparison(comparison(values), values, size, values["batch"])
    lines = [(slot.upper(), values[slot].strip()) for slot in SLOTS]
    common = (size, values["batch"], values["picture"], values["block_seed"])
    return tuple(Block(title, line, *common) for title, line in lines if line)


def of_comparison(
    found: BlockComparison,
    values: Values,
    input_size: tuple[int, int, int] | None = None,
    batch: int | None = None,
) -> tuple[Block, ...]:
    """The blocks of a comparison, by default on its own input."""
    common = (
        input_size or found.input_size,
        batch or found.batch,
        values["picture"],
        values["block_seed"],
    )
    return tuple(Block(block.title, block.layers, *common) for block in found.blocks)
