"""State of the pages that compare blocks: what is asked, from the URL's plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.blocks import COMPARISONS, BlockComparison
from core.data import PICTURES
from core.networks import NetworkSpec
from core.networks.notation import parse
from viz.choices.network import architectures
from viz.params import MAX_TEXT, Param, choice, number

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
Values = Mapping[str, Any]


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


def _architecture(text: str) -> str:
    if text not in architectures():
        raise ValueError("must be an architecture of the list, such as resnet50")
    return text


def _named(options: Mapping[str, str], name: str) -> Param:
    """A tab: its label on the page, its name in the URL."""
    first = next(iter(options))

    def parse_name(text: str) -> str:
        if text not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return options[text]

    names = {label: key for key, label in options.items()}
    return Param(name, options[first], parse_name, names.__getitem__)


_FIRST = COMPARISONS["blocks"].blocks
_COMMON = [choice("picture", "china", list(PICTURES)), number("block_seed", 0, 0, 9999)]
PARAMS = [
    choice("compare", OFFERED[0], [*OFFERED, OWN]),
    *(
        Param(slot, _FIRST[index].layers if index < 2 else "", _line, typed=True)
        for index, slot in enumerate(SLOTS)
    ),
    number("in_channels", 0, 0, MAX_CHANNELS),
    number("input_height", 0, 0, MAX_SIDE),
    number("input_width", 0, 0, MAX_SIDE),
    number("batch", 0, 0, MAX_BATCH),
    *_COMMON,
    _named(TABS, "tab"),
]
"""A size of 0 stands for the comparison's own."""
ARCHITECTURES_PARAMS = [
    _named(VIEWS, "view"),
    Param("network", "resnet50", _architecture),
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
