"""Claims 24 and 25: which convolution of a ResNet block has the stride, and network stems.

Claim 27, from `viz.lessons.claims.alternatives`, belongs to the same topic.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from core.blocks import COMPARISONS, NamedBlock
from core.data import picture
from core.networks.notation import parse_notation
from core.networks.zoo_lines import CLASSIFIER, NOTATIONS
from viz.lessons.claims.alternatives import ALTERNATIVES
from viz.lessons.claims.charts import Series, bar_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Setting,
    Values,
    grid_block,
    outcome,
)
from viz.lessons.claims.parts import percent, separating_condition, supporting_row_names

if TYPE_CHECKING:
    from core.blocks.facts import BlockFacts
    from core.networks import NetworkSpec

TOPIC = "Architectures"
PAGE = "architectures"
Row = tuple[str | int | float, ...]
"""A row of evidence; its columns are listed where the outcome is made."""


# --- 24: v1 and v1.5 --------------------------------------------------------------------------

PUBLISHED, AVERAGED = "as published", "averaged"
BLOCK_CHANNELS = 256
"""Number of input channels of the reducing block."""
PROBE_CHANNELS = 1
"""Channels of every layer while a receptive field is measured, which does not depend on them."""
RESNET_STRIDE = 32
"""Pixels between neighboring units of a ResNet's last stage."""
VERSIONS = (("v1", "_v1", 0.75, 483), ("v1.5", "", 0.0, 427))
"""For each ResNet version: its name, the suffix of its name in the zoo, the claimed unread share of
a block's input, and the claimed receptive field of ResNet-50 in pixels."""


def _downsampling_blocks(shortcut: str) -> tuple[NetworkSpec, ...]:
    """Return the downsampling blocks of v1 and v1.5, as published or with ResNet-D's shortcut."""
    v1, v1_5, d = COMPARISONS["residual"].blocks
    return tuple(_with_shortcut(each, d if shortcut == AVERAGED else each) for each in (v1, v1_5))


def _with_shortcut(block: NamedBlock, other: NamedBlock) -> NetworkSpec:
    """Return a network with the main branch of one block and the shortcut of another."""
    branch, _ = block.layers.split(" | ")
    _, shortcut = other.layers.split(" | ")
    return parse_notation(f"{branch} | {shortcut}")


def _facts_and_unread_share(spec: NetworkSpec, side: int) -> tuple[BlockFacts, float]:
    """Return a block's facts, and the share of its input that gets no gradient from torch."""
    from core.blocks.facts import block_facts
    from core.blocks.probe import gradient_spread, normalized_input
    from core.networks import build

    image = normalized_input(picture("china", (side, side), 3), BLOCK_CHANNELS)
    module = build(spec, BLOCK_CHANNELS, (side, side), seed=0)
    facts = block_facts(spec, (BLOCK_CHANNELS, side, side))
    return facts, gradient_spread(module, image).zero_pixels


@lru_cache(8)
def _closed_and_measured_field_width(name: str) -> tuple[int | float, int | str]:
    """Return the width in pixels of the receptive field of a unit in a ResNet's last stage.

    Returns:
        The width in closed form, and as torch measures it along the columns. To save time, torch
        runs the same layers with `PROBE_CHANNELS` channels, on an image of few rows.
    """
    from core.networks import build, zoo
    from core.receptive_field import receptive_fields
    from core.receptive_field.measured import LayerProbe

    whole = receptive_fields(zoo.build(name, device="meta"), zoo.entry(name).input_size)
    expected = [field for field in whole.values() if field.grid != (1, 1)][-1].size[1]
    line = re.sub(r"\bc\d+", f"c{PROBE_CHANNELS}", NOTATIONS[name].removesuffix(f", {CLASSIFIER}"))
    size = (RESNET_STRIDE, RESNET_STRIDE * (int(expected) // RESNET_STRIDE + 4))
    slim = build(parse_notation(line), 3, size, device="meta")
    probe = LayerProbe(slim, (3, *size), [name for name, _ in slim.named_children()][-1])
    seen = probe.unclipped_span((0, probe.grid[1] // 2), 1)
    return expected, seen[1] - seen[0] + 1 if seen else "not seen whole"


def _resnet_versions(values: Values) -> Outcome:
    """Test claim 24: what the blocks of both ResNet versions read, and their receptive fields."""
    depth, side = str(values["depth"]), int(values["side"])
    rows: list[Row] = []
    counts: list[Row] = []
    specs = _downsampling_blocks(str(values["shortcut"]))
    for (name, _, claimed, _), spec in zip(VERSIONS, specs, strict=True):
        facts, measured = _facts_and_unread_share(spec, side)
        shares = (percent(claimed), percent(facts.unread), percent(measured))
        rows.append((f"{name}: block's input unread", *shares))
        macs = (f"{facts.macs / 1e6:.1f}", f"{facts.torch_macs / 1e6:.1f}")
        counts.append((f"{name}: million multiply–accumulates of the block", "–", *macs))
    for name, ending, _, size in VERSIONS:
        fields = _closed_and_measured_field_width(f"resnet{depth}{ending}")
        rows.append((f"{name}: receptive field of ResNet-{depth} (px)", size, *fields))
    agrees = tuple(row[1] == row[2] == row[3] for row in rows)
    kinds = {
        "it is about the receptive fields": [False, False, True, True],
        "it is about what the blocks read": [True, True, False, False],
    }
    more = float(counts[1][2]) / float(counts[0][2])
    return outcome(
        f"On {side}×{side} the block of v1 leaves {rows[0][3]} of its input unread, that of v1.5 "
        f"{rows[1][3]}, for {more:.2f} times the multiply–accumulates. ResNet-{depth} sees "
        f"{rows[2][3]} px in v1 and {rows[3][3]} px in v1.5.",
        ("quantity", "said", "closed form", "torch"),
        (*rows, *counts),
        (*agrees, None, None),
        bar_plot(
            "Pixels of the block's input that get no gradient",
            "version",
            "share (%)",
            tuple(
                Series(
                    name,
                    tuple(version for version, *_ in VERSIONS),
                    tuple(float(str(row[column]).split()[0]) for row in rows[:2]),
                )
                for name, column in (("said", 1), ("torch", 3))
            ),
        ),
        separating_condition(agrees, kinds) or f"it is about {supporting_row_names(rows, agrees)}",
    )


# --- 25: stems ----------------------------------------------------------------------------------

CLAIMED_STEMS = {
    "ResNet": (4, 9408, 128),
    "EfficientNet": (2, 864, 64),
    "ConvNeXt": (4, 4704, 192),
    "ViT-B/16": (16, 590592, 0),
}
"""For each stem the claimed reduction factor, and parameters of its convolution and its norm."""


def _stem_row(block: NamedBlock, channels: int, side: int) -> tuple[Row, bool]:
    """Return a stem's evidence row, and whether it supports the claim.

    The cells are the stem's title, its reduction (as claimed, in closed form, by torch), its number
    of parameters (likewise), and its receptive field in pixels.
    """
    import torch

    from core.blocks.facts import block_facts
    from core.networks import build

    reduction, weights, norm = CLAIMED_STEMS[block.title]
    facts = block_facts(block.spec, (channels, side, side))
    module = build(block.spec, channels, (side, side), seed=0).eval()
    with torch.no_grad():
        out = module(torch.zeros(1, channels, side, side))
    reduction_of_torch = side / out.shape[-1]
    torch_parameters = sum(each.numel() for each in module.parameters())
    row = (
        block.title,
        f"{reduction}×",
        f"{facts.reduction[1]:.4g}×",
        f"{reduction_of_torch:.4g}×",
        f"{weights:,} + {norm}",
        f"{facts.parameters:,}",
        f"{torch_parameters:,}",
        facts.field.size[1],
    )
    agrees = reduction_of_torch == facts.reduction[1] == reduction
    return row, agrees and torch_parameters == facts.parameters == weights + norm


def _stem_sizes(values: Values) -> Outcome:
    """Test claim 25: the reduction and the number of parameters of each stem."""
    side, channels = int(values["side"]), int(values["in_channels"])
    parts = [_stem_row(block, channels, side) for block in COMPARISONS["stems"].blocks]
    rows, agrees = tuple(row for row, _ in parts), tuple(agree for _, agree in parts)
    divides = {
        f"{side} px is a multiple of the reduction": [
            side % CLAIMED_STEMS[str(r[0])][0] == 0 for r in rows
        ]
    }
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
        bar_plot(
            "Parameters of the stems",
            "stem",
            "parameters",
            (
                Series(
                    "said",
                    tuple(CLAIMED_STEMS),
                    tuple(float(w + n) for _, w, n in CLAIMED_STEMS.values()),
                ),
                Series(
                    "torch",
                    tuple(str(row[0]) for row in rows),
                    tuple(float(str(row[6]).replace(",", "")) for row in rows),
                ),
            ),
            log=True,
        ),
        separating_condition(agrees, divides)
        or f"the stem is {supporting_row_names(rows, agrees)}",
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
        _resnet_versions,
        lambda values: Link(PAGE, (("view", "residual"),)),
        r"A 1×1 with stride 2 looks at one pixel in four, and so does the shortcut. In v1 the 3×3 "
        r"comes after the stride, where neighbors are twice as far apart: it adds $2\cdot 2j$ to "
        r"the receptive field where v1.5 adds $2j$. At the first reducing block of each of three "
        r"stages $j$ is 4, 8 and 16: $2\,(4 + 8 + 16) = 56 = 483 - 427$.",
        heavy=True,
        grid=(grid_block(side=(28, 56, 57), shortcut=(PUBLISHED, AVERAGED)),),
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
        _stem_sizes,
        lambda values: Link(PAGE, (("view", "stems"),)),
        r"A convolution has $k^2 C_\text{in} C_\text{out}$ weights (and $C_\text{out}$ biases in "
        r"ConvNeXt and ViT), a norm two for each channel. The reduction is the product of the "
        r"strides when the sizes divide; otherwise padding or the unread remainder changes it.",
        grid=(grid_block(side=(112, 160, 200, 224, 225)),),
        rules=(
            (
                "the image's side is a multiple of every reduction, 16 px",
                lambda v: int(v["side"]) % 16 == 0,
            ),
        ),
    ),
    ALTERNATIVES,
)
