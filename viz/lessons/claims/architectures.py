"""Claims 24 and 25: where ResNet's stride stands, and stems. Claim 27 comes with them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from core.blocks import COMPARISONS, NamedBlock
from core.data import picture
from core.networks.notation import parse_notation
from core.networks.zoo_lines import CLASSIFIER, NOTATIONS
from viz.lessons.claims.alternatives import ALTERNATIVES
from viz.lessons.claims.claim import (
    Chart,
    Claim,
    Link,
    Outcome,
    Series,
    Setting,
    Values,
    block,
    outcome,
)
from viz.lessons.claims.parts import named_condition

if TYPE_CHECKING:
    from core.blocks.facts import BlockFacts
    from core.networks import NetworkSpec

TOPIC = "Architectures"
PAGE = "architectures"
Row = tuple[str | int | float, ...]


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


# --- 24: v1 and v1.5 --------------------------------------------------------------------------

PUBLISHED, AVERAGED = "as published", "averaged"
CHANNELS = 256
WIDTH = 1
"""Channels of every layer while a receptive field is measured: it does not depend on them."""
STEP = 32
"""Pixels between neighbouring units at the end of a ResNet."""
VERSIONS = (("v1", "_v1", 0.75, 483), ("v1.5", "", 0.0, 427))
"""Name, the zoo's ending, share of a block's input said to be unread, receptive field said."""


def _blocks(shortcut: str) -> tuple[NetworkSpec, ...]:
    """The reducing blocks of v1 and v1.5, with their own shortcut or that of ResNet-D."""
    v1, v1_5, d = COMPARISONS["residual"].blocks
    return tuple(_with_shortcut(each, d if shortcut == AVERAGED else each) for each in (v1, v1_5))


def _with_shortcut(block: NamedBlock, other: NamedBlock) -> NetworkSpec:
    branch, _ = block.layers.split(" | ")
    _, shortcut = other.layers.split(" | ")
    return parse_notation(f"{branch} | {shortcut}")


def _unread(spec: NetworkSpec, side: int) -> tuple[BlockFacts, float]:
    """What is known of a block, and the share of its input without gradient by torch."""
    from core.blocks.facts import block_facts
    from core.blocks.probe import gradient_spread, normalized_input
    from core.networks import build

    image = normalized_input(picture("china", (side, side), 3), CHANNELS)
    module = build(spec, CHANNELS, (side, side), seed=0)
    facts = block_facts(spec, (CHANNELS, side, side))
    return facts, gradient_spread(module, image).zero_pixels


@lru_cache(8)
def _fields(name: str) -> tuple[int | float, int | str]:
    """The receptive field at a ResNet's end: by its graph, and measured with torch.

    It is measured along the columns, on a network of `WIDTH` channels and an image of few
    rows, whose windows are the same.
    """
    from core.networks import build, zoo
    from core.receptive_field import receptive_fields
    from core.receptive_field.measured import Probe

    whole = receptive_fields(zoo.build(name, device="meta"), zoo.entry(name).input_size)
    expected = [field for field in whole.values() if field.grid != (1, 1)][-1].size[1]
    line = re.sub(r"\bc\d+", f"c{WIDTH}", NOTATIONS[name].removesuffix(f", {CLASSIFIER}"))
    size = (STEP, STEP * (int(expected) // STEP + 4))
    slim = build(parse_notation(line), 3, size, device="meta")
    probe = Probe(slim, (3, *size), [name for name, _ in slim.named_children()][-1])
    seen = probe.inner_span((0, probe.grid[1] // 2), 1)
    return expected, seen[1] - seen[0] + 1 if seen else "not seen whole"


def _versions(values: Values) -> Outcome:
    depth, side = str(values["depth"]), int(values["side"])
    rows: list[Row] = []
    counts: list[Row] = []
    specs = _blocks(str(values["shortcut"]))
    for (name, _, claimed, _), spec in zip(VERSIONS, specs, strict=True):
        facts, measured = _unread(spec, side)
        shares = (_percent(claimed), _percent(facts.unread), _percent(measured))
        rows.append((f"{name}: block's input unread", *shares))
        macs = (f"{facts.macs / 1e6:.1f}", f"{facts.torch_macs / 1e6:.1f}")
        counts.append((f"{name}: million multiply–accumulates of the block", "–", *macs))
    for name, ending, _, size in VERSIONS:
        fields = _fields(f"resnet{depth}{ending}")
        rows.append((f"{name}: receptive field of ResNet-{depth} (px)", size, *fields))
    agrees = tuple(row[1] == row[2] == row[3] for row in rows)
    kinds = {
        "it is about the receptive fields": [False, False, True, True],
        "it is about what the blocks read": [True, True, False, False],
    }
    good = " or ".join(str(row[0]) for row, agree in zip(rows, agrees, strict=True) if agree)
    more = float(counts[1][2]) / float(counts[0][2])
    return outcome(
        f"On {side}×{side} the block of v1 leaves {rows[0][3]} of its input unread, that of v1.5 "
        f"{rows[1][3]}, for {more:.2f} times the multiply–accumulates. ResNet-{depth} sees "
        f"{rows[2][3]} px in v1 and {rows[3][3]} px in v1.5.",
        ("quantity", "said", "closed form", "torch"),
        (*rows, *counts),
        (*agrees, None, None),
        Chart(
            "bars",
            "Pixels of the block's input that get no gradient",
            "version",
            "share (%)",
            tuple(
                Series(
                    name,
                    tuple(version for version, *_ in VERSIONS),
                    tuple(float(str(row[place]).split()[0]) for row in rows[:2]),
                )
                for name, place in (("said", 1), ("torch", 3))
            ),
        ),
        named_condition(agrees, kinds) or f"it is about {good}",
    )


# --- 25: stems ----------------------------------------------------------------------------------

SAID = {
    "ResNet": (4, 9408, 128),
    "EfficientNet": (2, 864, 64),
    "ConvNeXt": (4, 4704, 192),
    "ViT-B/16": (16, 590592, 0),
}
"""Stem: how much smaller it makes the image, parameters of its convolution and of its norm."""


def _stem(block: NamedBlock, channels: int, side: int) -> tuple[Row, bool]:
    """Title; reduction said, by the sizes, by torch; parameters in the same way; field."""
    import torch

    from core.blocks.facts import block_facts
    from core.networks import build

    reduction, weights, norm = SAID[block.title]
    facts = block_facts(block.spec, (channels, side, side))
    module = build(block.spec, channels, (side, side), seed=0).eval()
    with torch.no_grad():
        out = module(torch.zeros(1, channels, side, side))
    reduction_of_torch = side / out.shape[-1]
    numbers = sum(each.numel() for each in module.parameters())
    row = (
        block.title,
        f"{reduction}×",
        f"{facts.reduction[1]:.4g}×",
        f"{reduction_of_torch:.4g}×",
        f"{weights:,} + {norm}",
        f"{facts.parameters:,}",
        f"{numbers:,}",
        facts.field.size[1],
    )
    agrees = reduction_of_torch == facts.reduction[1] == reduction
    return row, agrees and numbers == facts.parameters == weights + norm


def _stems(values: Values) -> Outcome:
    side, channels = int(values["side"]), int(values["in_channels"])
    parts = [_stem(block, channels, side) for block in COMPARISONS["stems"].blocks]
    rows, agrees = tuple(row for row, _ in parts), tuple(agree for _, agree in parts)
    divides = {
        f"{side} px is a multiple of the reduction": [side % SAID[str(r[0])][0] == 0 for r in rows]
    }
    good = " or ".join(str(row[0]) for row, agree in zip(rows, agrees, strict=True) if agree)
    return outcome(
        f"On {side}×{side} with {channels} channels: "
        + "; ".join(f"{row[0]} {row[3]} smaller with {row[6]} parameters" for row in rows)
        + ".",
        (
            "stem",
            "said to reduce",
            "closed form",
            "torch",
            "parameters said: weights + norm",
            "parameters: closed form",
            "parameters: torch",
            "receptive field (px)",
        ),
        rows,
        agrees,
        Chart(
            "bars",
            "Parameters of the stems",
            "stem",
            "parameters",
            (
                Series("said", tuple(SAID), tuple(float(w + n) for _, w, n in SAID.values())),
                Series(
                    "torch",
                    tuple(str(row[0]) for row in rows),
                    tuple(float(str(row[6]).replace(",", "")) for row in rows),
                ),
            ),
            log=True,
        ),
        named_condition(agrees, divides) or f"the stem is {good}",
    )


ARCHITECTURES: tuple[Claim, ...] = (
    Claim(
        24,
        TOPIC,
        "ResNet v1 puts the stride in the 1×1, which leaves 3/4 of its input unread; v1.5 puts it "
        "in the 3×3 and reads all. A unit of ResNet-50 sees 483 px in v1 and 427 px in v1.5.",
        (
            Setting("depth", "Layers of the ResNet", "50", options=("50", "101", "152")),
            Setting("side", "Input of the block (px)", 56, 8, 64),
            Setting(
                "shortcut",
                "Shortcut (averaged: ResNet-D)",
                PUBLISHED,
                options=(PUBLISHED, AVERAGED),
            ),
        ),
        _versions,
        lambda values: Link(PAGE, (("view", "residual"),)),
        r"A 1×1 with stride 2 looks at one pixel in four, and so does the shortcut. In v1 the 3×3 "
        r"comes after the stride, where neighbours are twice as far apart: it adds $2\cdot 2j$ to "
        r"the receptive field where v1.5 adds $2j$. At the first reducing block of each of three "
        r"stages $j$ is 4, 8 and 16: $2\,(4 + 8 + 16) = 56 = 483 - 427$.",
        heavy=True,
        grid=(block(side=(28, 56, 57), shortcut=(PUBLISHED, AVERAGED)),),
        rules=(
            (
                "the shortcut is the published one and the block's input is even",
                lambda v: v["shortcut"] == PUBLISHED and int(v["side"]) % 2 == 0,
            ),
        ),
    ),
    Claim(
        25,
        TOPIC,
        "Stems make the image smaller at once: ResNet 4× (9,408 + 128 parameters), EfficientNet "
        "2× (864 + 64), ConvNeXt 4× (4,704 + 192), ViT-B/16 16× (590,592).",
        (
            Setting("side", "Image (px)", 224, 16, 256),
            Setting("in_channels", "Channels of the image", 3, 1, 4),
        ),
        _stems,
        lambda values: Link(PAGE, (("view", "stems"),)),
        r"A convolution has $k^2 C_\text{in} C_\text{out}$ weights (and $C_\text{out}$ biases in "
        r"ConvNeXt and ViT), a norm two for each channel. The reduction is the product of the "
        r"strides when the sizes divide; otherwise padding or the unread remainder changes it.",
        grid=(block(side=(112, 160, 200, 224, 225)),),
        rules=(
            (
                "the image's side is a multiple of every reduction, 16 px",
                lambda v: int(v["side"]) % 16 == 0,
            ),
        ),
    ),
    ALTERNATIVES,
)
