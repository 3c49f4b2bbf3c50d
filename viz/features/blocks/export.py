"""The blocks page's pictures for slides. Matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from core.data import PICTURES
from core.errors import SpecError
from core.text import sentence_case, times
from viz.features.blocks import compute, params, tables
from viz.features.blocks.params import OWN, TABS, Block, BlockSettings
from viz.page import tables as page_tables
from viz.server.queue import run_now
from viz.slides.style import Picture, Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from core.blocks.facts import BlockFacts
    from core.cost.timing import Timing
    from viz.features.blocks.compute import BlockProbe
    from viz.page.tables import TableRow

FACTS = {name for name, _ in tables.FACTS}
"""Names of the rows in the table of facts."""


def pictures(values: BlockSettings) -> list[Picture]:
    """All pictures of the page, the open tab's first; each computes its data when it is drawn.

    Raises:
        SpecError: There is no block, or one that cannot be run.
    """
    valid = params.with_comparison_sizes(values)
    blocks = params.blocks_of(valid)
    if not blocks:
        raise SpecError("compare", "must be of blocks: write one, such as a=conv3 s2 p1 c64", "")
    facts = [compute.facts(block) for block in blocks]
    offered = [
        picture_of_facts(blocks, facts, heading(valid)),
        Picture(
            "maps", "Feature maps", lambda style: picture_of_maps(_run_probes(blocks)).draw(style)
        ),
        Picture(
            "gradients",
            "Gradients on the picture",
            lambda style: picture_of_gradients(_run_probes(blocks)).draw(style),
        ),
        Picture(
            "times", "Times", lambda style: picture_of_times(_measure_times(blocks)).draw(style)
        ),
        picture_of_memory(blocks, facts),
        Picture(
            "properties",
            "Properties",
            lambda style: picture_of_properties(blocks, facts, _run_probes(blocks)).draw(style),
        ),
    ]
    first = {TABS["cost"]: "times", TABS["properties"]: "properties"}.get(valid.tab, "facts")
    offered.sort(key=lambda picture: picture.name != first)
    caption = settings_text(blocks[0], valid)
    return [replace(picture, settings=caption) for picture in offered]


def heading(values: BlockSettings) -> str:
    """The comparison and its input size in one line.

    Args:
        values: Settings that `params.with_comparison_sizes` has returned.
    """
    title = "your own blocks" if values.compare == OWN else params.comparison(values).title
    names = ("batch", "in_channels", "input_height", "input_width")
    return f"{sentence_case(title)}, input {times(values[name] for name in names)}"


def settings_text(block: Block, values: BlockSettings) -> str:
    """A caption with the comparison, the picture and the seed."""
    return f"{heading(values)}; {picture_and_seed_text(block)}"


def picture_and_seed_text(block: Block) -> str:
    """A sentence with the picture, its size, the seed and the mode, enough to repeat a figure."""
    channels, height, width = block.input_size
    mixed = "" if channels == 3 else f", {channels} random mixtures of its colors"
    return (
        f"Picture: {PICTURES[block.picture].label}, {height}×{width}{mixed}; random weights, seed {block.seed}; "
        "evaluation mode."
    )


def picture_of_facts(
    blocks: Sequence[Block], facts: Sequence[BlockFacts | None], title: str
) -> Picture:
    """The table of facts as a slide; None stands for a block that cannot be run."""

    def draw(style: Style) -> Figure:
        from viz.slides.word_table import word_table

        columns, rows = _heads_and_rows(blocks, tables.fact_rows(facts))
        return word_table(columns, rows, style, title=title, subtitle="✓ PyTorch finds the same")

    return Picture("facts", "Facts side by side", draw)


def _heads_and_rows(
    blocks: Sequence[Block], lines: Sequence[TableRow]
) -> tuple[list[str], list[list[str]]]:
    """Column headings (one for each block) and the rows of a table."""
    return ["", *(block.title for block in blocks)], [[line.name, *line.cells] for line in lines]


def picture_of_properties(
    blocks: Sequence[Block],
    facts: Sequence[BlockFacts | None],
    probes: Mapping[Block, BlockProbe],
) -> Picture:
    """The table of experiments as a slide, without the rows that the table of facts has."""

    def draw(style: Style) -> Figure:
        from viz.slides.word_table import word_table

        pairs = list(zip(blocks, facts, strict=True))
        saved = [compute.saved_bytes(block) if own_facts else {} for block, own_facts in pairs]
        lines = tables.property_rows(facts, [probes.get(block) for block in blocks], saved)
        columns, rows = _heads_and_rows(blocks, [line for line in lines if line.name not in FACTS])
        return word_table(columns, rows, style, title="Every cell is an experiment")

    return Picture("properties", "Properties", draw)


def picture_of_maps(probes: Mapping[Block, BlockProbe]) -> Picture:
    """The feature maps of the photograph as a slide."""

    def draw(style: Style) -> Figure:
        from viz.features.blocks.slides import maps

        named = {block.title: probe.maps for block, probe in probes.items() if probe.maps.size}
        if not named:
            rule = "must have a height and width to be drawn"
            raise SpecError("output", rule, next(iter(probes)).title)
        notes = [picture_and_seed_text(next(iter(probes)))]
        return maps(named, style, title="Feature maps of the picture", notes=notes)

    return Picture("maps", "Feature maps", draw)


def picture_of_gradients(probes: Mapping[Block, BlockProbe]) -> Picture:
    """The input gradients that a random upstream gradient causes, as a slide."""

    def draw(style: Style) -> Figure:
        from viz.features.blocks.slides import gradients

        named = {
            block.title: (
                probe.gradient.map,
                f"{page_tables.percent(probe.gradient.zero_entries)} exactly 0",
            )
            for block, probe in probes.items()
        }
        block, probe = next(iter(probes.items()))
        notes = [f"First of {block.input_size[0]} input channels. {picture_and_seed_text(block)}"]
        title = "Gradient on the input when a random one comes in at the output"
        return gradients(probe.picture, named, style, title=title, notes=notes)

    return Picture("gradients", "Gradients on the picture", draw)


def picture_of_times(timings: Mapping[Block, Timing]) -> Picture:
    """The forward and backward times as a slide."""

    def draw(style: Style) -> Figure:
        from viz.features.blocks.slides import times

        return times({block.title: timing for block, timing in timings.items()}, style)

    return Picture("times", "Times", draw)


def picture_of_memory(blocks: Sequence[Block], facts: Sequence[BlockFacts | None]) -> Picture:
    """The bytes saved for the backward pass as a slide."""
    valid = {block: own_facts for block, own_facts in zip(blocks, facts, strict=True) if own_facts}

    def draw(style: Style) -> Figure:
        from viz.features.blocks.slides import memory

        first = next(iter(valid))
        size = times((first.batch, *first.input_size))
        named = {block.title: compute.saved_bytes(block) for block in valid}
        forward = {block.title: own_facts.forward_bytes for block, own_facts in valid.items()}
        notes = [f"Training mode, input {size}, float32; without the weights."]
        return memory(named, forward, style, notes=notes)

    return Picture("memory", "Memory", draw)


@lru_cache(maxsize=2)
def _run_probes(blocks: tuple[Block, ...]) -> dict[Block, BlockProbe]:
    """Run the experiments in this process, once for all pictures and styles."""
    return {block: run_now(compute.probe_work(block)) for block in blocks}


@lru_cache(maxsize=2)
def _measure_times(blocks: tuple[Block, ...]) -> dict[Block, Timing]:
    """Measure the times in this process, once for all styles, so that these agree."""
    compute.check_times(blocks)
    return dict(zip(blocks, run_now(compute.timing_work(blocks)), strict=True))
