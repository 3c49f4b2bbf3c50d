"""Computations on blocks: facts in closed form, experiments and times as work for the queue."""

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
from viz.choices.network import published_network
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
"""Largest number of layers of a block; whole networks belong on other pages."""
MAX_MACS = 5 * 10**9
"""Most multiply–accumulates of one image through one block."""
MAX_BYTES = 60 * 10**6
"""Most bytes of one image and all layer outputs; the experiments hold several copies of these."""
MAX_WEIGHTS = 100 * 10**6
"""Most bytes of a block's parameters."""
TIMING_REPEATS = 10
"""How often each block is timed."""
MAX_TIMING_SECONDS = 12.0
"""After this many seconds no further repetition of the timing starts."""


@dataclass(frozen=True)
class BlockProbe:
    """Results of the experiments on one block.

    Attributes:
        picture: (H, W) luminance of the input picture, 0 to 255.
        maps: (maps, H, W) the first output channels.
        linearity, gradient: Results of the functions in `core.blocks.probe`.
        shift: Result of `core.blocks.probe.shift_response`; None where it cannot be measured.
    """

    picture: NDArray[np.float32]
    maps: NDArray[np.float32]
    linearity: Linearity
    gradient: GradientSpread
    shift: ShiftResponse | None


@computed_once(128, outside=True)
def facts(block: Block) -> BlockFacts:
    """Shapes, costs and receptive field of a block, computed without running it on data.

    Raises:
        SpecError: The text is no block, the block does not fit the input, or is too large.
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
    """The block as a module; blocks that begin with equal layers get equal weights there."""
    warm()
    return build(block.spec, block.input_size[0], block.input_size[1:], seed=block.seed)


@queued
def probe_work(block: Block) -> Work:
    """Work for the queue that runs all experiments on one block; `facts` must accept it."""

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
    """Check that timing these blocks takes neither too long nor too much memory.

    Raises:
        SpecError: The batch is too large; the message names one that is allowed.
    """
    from core.cost.timing import check_work

    modules = [
        build(block.spec, block.input_size[0], block.input_size[1:], device="meta")
        for block in blocks
    ]
    check_work(modules, blocks[0].input_size, blocks[0].batch)


@queued
def timing_work(blocks: Sequence[Block]) -> Work:
    """Work for the queue that times forward and backward of all blocks in turn on one input."""

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
            repeats=TIMING_REPEATS,
            seconds=MAX_TIMING_SECONDS,
            seed=first.seed,
            progress=on_progress,
        )

    return run


@computed_once(64, outside=True)
def stage_table(name: str) -> tuple[Stage, ...]:
    """The stages (runs of layers on one map size) of a published network on its own input."""
    from core.blocks.stages import stages

    published_analysis = analysis(published_network(name))
    return stages(published_analysis.lines, published_analysis.costs.values())


@computed_once(64, outside=True)
def saved_bytes(block: Block) -> Mapping[str, int]:
    """Bytes that autograd saves for the backward pass, by kind, without the weights."""
    from core.cost.saved_tensors import saved_bytes

    return {
        kind: size for kind, size in saved_bytes(facts(block).saved).items() if kind != "weights"
    }
