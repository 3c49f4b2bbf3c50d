"""Blocks for the pages: facts at once, experiments and times by the queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core import data
from core.errors import SpecError
from core.networks import build
from viz.choices.network import published
from viz.choices.network_analysis import analysis
from viz.features.blocks.params import Block
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work
from viz.server.torch_start import warm

if TYPE_CHECKING:
    from torch import nn

    from core.blocks.facts import BlockFacts
    from core.blocks.probe import GradientSpread, Linearity, ShiftResponse
    from core.blocks.stages import Stage
    from core.cost.timing import Timing

MOST_LAYERS = 60
"""Of one block; whole networks have pages of their own."""
MAX_MACS = 5 * 10**9
"""Most multiply–accumulates of one image through one block."""
MAX_BYTES = 60 * 10**6
"""Most bytes of one input and all that a block makes of it; the experiments hold several such."""
MAX_WEIGHTS = 100 * 10**6
"""Most bytes of a block's parameters."""
REPEATS = 10
SECONDS = 12.0
"""No further turn of the blocks that are timed is begun after so long."""


@dataclass(frozen=True)
class BlockProbe:
    """What the experiments found of one block.

    Attributes:
        picture: (H, W) luminance of what was shown, 0 to 255.
        maps: (maps, H, W) its first output channels.
        linearity, gradient, shift: of `core.blocks.probe`.
    """

    picture: NDArray[np.float32]
    maps: NDArray[np.float32]
    linearity: Linearity
    gradient: GradientSpread
    shift: ShiftResponse | None


@computed_once(128, outside=True)
def facts(block: Block) -> BlockFacts:
    """Everything closed-form about a block.

    Raises:
        SpecError: no block, one that does not fit the input, or too much work.
    """
    spec = block.spec
    if spec.size > MOST_LAYERS:
        rule = f"must have at most {MOST_LAYERS} layers; networks have pages of their own"
        raise SpecError("a block", rule, spec.size)
    warm()
    from core.blocks.facts import block_facts

    result = block_facts(spec, block.input_size, block.batch)
    for what, amount, most in (
        ("multiply–accumulates", result.macs // block.batch, MAX_MACS),
        ("bytes", result.forward_bytes // block.batch + 4 * prod(block.input_size), MAX_BYTES),
        ("bytes of weights", 4 * result.parameters, MAX_WEIGHTS),
    ):
        if amount > most:
            rule = f"must be smaller or have fewer channels: one image takes {amount:,} {what}, "
            raise SpecError("the block", f"{rule}and {most:,} are the most", block.title)
    return result


def network(block: Block) -> nn.Module:
    """The block with weights; layers of one shape in one place have the same in every block."""
    warm()
    return build(block.spec, block.input_size[0], block.input_size[1:], seed=block.seed)


@queued
def probe(block: Block) -> Work:
    """The experiments on one block that has facts, for the queue."""

    def run(report: Report) -> BlockProbe:
        from core.blocks import probe as block_probe

        net, properties = network(block), facts(block)
        channels, height, width = block.input_size
        step = int(properties.field.effective_stride[1])
        wide = min(width + max(1, step), data.MAX_SIDE)
        planes = data.picture(block.picture, (height, wide), 3)
        image = block_probe.normalized_input(planes, channels, block.seed)
        image_part = np.ascontiguousarray(image[..., :width])
        return BlockProbe(
            planes.mean(0)[:, :width],
            block_probe.feature_maps(net, image_part),
            block_probe.linearity(net, block.input_size, block.seed),
            block_probe.gradient_spread(net, image_part, block.seed),
            block_probe.shift_response(net, image, properties.field, width),
        )

    return run


@computed_once(64, outside=True)
def check_times(blocks: tuple[Block, ...]) -> None:
    """Refuse to time what would take too long or too much memory.

    Raises:
        SpecError: says which batch would do.
    """
    from core.cost.timing import check_work

    modules = [
        build(block.spec, block.input_size[0], block.input_size[1:], device="meta")
        for block in blocks
    ]
    check_work(modules, blocks[0].input_size, blocks[0].batch)


@queued
def times(blocks: Sequence[Block]) -> Work:
    """Forward and backward times of blocks on one input, in turns, for the queue."""

    def run(report: Report) -> tuple[Timing, ...]:
        from core.cost.timing import measure_times

        def on_progress(done: int, total: int, partial: tuple[Timing, ...]) -> bool:
            return report(done, total, partial)

        first = blocks[0]
        modules = [network(block) for block in blocks]
        size, batch = first.input_size, first.batch
        return measure_times(
            modules,
            size,
            batch,
            repeats=REPEATS,
            seconds=SECONDS,
            seed=first.seed,
            progress=on_progress,
        )

    return run


@computed_once(64, outside=True)
def stage_table(name: str) -> tuple[Stage, ...]:
    """An architecture of the zoo stage by stage, on the input it was published for."""
    from core.blocks.stages import stages

    published_analysis = analysis(published(name))
    return stages(published_analysis.lines, published_analysis.costs.values())


@computed_once(64, outside=True)
def saved_bytes(block: Block) -> Mapping[str, int]:
    """Bytes that backward must keep, by kind, without the weights."""
    from core.cost.saved_tensors import saved_bytes

    return {
        kind: size for kind, size in saved_bytes(facts(block).saved).items() if kind != "weights"
    }
