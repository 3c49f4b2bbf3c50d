"""The blocks page's plots and tables, and its pictures for slides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from core.data import PICTURES
from core.errors import SpecError
from core.plots.blocks import feature_maps_plot, input_gradients_plot, memory_plot, times_plot
from core.plots.plot import Plot
from core.plots.table import Table, texts
from core.text import sentence_case, times
from viz.features.blocks import compute, params, tables
from viz.features.blocks.params import OWN, TABS, Block, BlockSettings
from viz.page import tables as page_tables
from viz.server.queue import run_now
from viz.slides.style import Picture, plot_picture

if TYPE_CHECKING:
    from core.blocks.facts import BlockFacts
    from core.cost.timing import Timing
    from viz.features.blocks.compute import BlockProbe
    from viz.page.tables import TableRow


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
        plot_picture("maps", "Feature maps", lambda: feature_maps(_run_probes(blocks))),
        plot_picture(
            "gradients", "Gradients on the picture", lambda: input_gradients(_run_probes(blocks))
        ),
        plot_picture("times", "Times", lambda: times_of(_measure_times(blocks))),
        picture_of_memory(blocks, facts),
        plot_picture(
            "properties",
            "Properties",
            lambda: _properties(blocks, facts, _run_probes(blocks)),
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
    return plot_picture(
        "facts",
        "Facts side by side",
        lambda: word_table(blocks, tables.fact_rows(facts), title, tables.torch_sentence(facts)),
    )


def word_table(
    blocks: Sequence[Block], lines: Sequence[TableRow], title: str, subtitle: str = ""
) -> Table:
    """A table with a column for each block."""
    columns = ("quantity", *(block.title for block in blocks))
    rows = texts([[line.heading, *line.lines] for line in lines])
    return Table(title, columns, rows, subtitle, sentences=True)


def picture_of_properties(
    blocks: Sequence[Block],
    facts: Sequence[BlockFacts | None],
    probes: Mapping[Block, BlockProbe],
) -> Picture:
    """The table of experiments as a slide."""
    return plot_picture("properties", "Properties", partial(_properties, blocks, facts, probes))


def _properties(
    blocks: Sequence[Block],
    facts: Sequence[BlockFacts | None],
    probes: Mapping[Block, BlockProbe],
) -> Table:
    """The table of experiments, without the rows that the table of facts has."""
    pairs = list(zip(blocks, facts, strict=True))
    saved = [compute.saved_bytes(block) if own_facts else {} for block, own_facts in pairs]
    lines = tables.property_rows(facts, [probes.get(block) for block in blocks], saved)
    rows = [line for line in lines if line.name not in tables.FACTS]
    return word_table(blocks, rows, "Every cell is an experiment")


def feature_maps(probes: Mapping[Block, BlockProbe]) -> Plot:
    """The feature maps of the photograph.

    Raises:
        SpecError: No block's output has a height and width.
    """
    named = {block.title: probe.maps for block, probe in probes.items()}
    first = next(iter(probes))
    if not any(maps.size for maps in named.values()):
        raise SpecError("output", "must have a height and width to be drawn", first.title)
    return feature_maps_plot(named, "Feature maps of the picture", [picture_and_seed_text(first)])


def input_gradients(probes: Mapping[Block, BlockProbe]) -> Plot:
    """The input gradients that a random upstream gradient causes."""
    named = {
        block.title: (
            probe.gradient.map,
            f"{page_tables.percent(probe.gradient.zero_entries)} exactly 0",
        )
        for block, probe in probes.items()
    }
    block, probe = next(iter(probes.items()))
    note = f"First of {block.input_size[0]} input channels. {picture_and_seed_text(block)}"
    title = "Gradient at the input, caused by a random upstream gradient at the output"
    return input_gradients_plot(probe.picture, named, title, [note])


def times_of(timings: Mapping[Block, Timing]) -> Plot:
    """The forward and backward times."""
    return times_plot({block.title: timing for block, timing in timings.items()})


def memory(blocks: Sequence[Block], facts: Sequence[BlockFacts | None]) -> Plot:
    """The bytes saved for the backward pass, of the blocks that can be run."""
    valid = {block: own_facts for block, own_facts in zip(blocks, facts, strict=True) if own_facts}
    first = next(iter(valid))
    named = {block.title: compute.saved_bytes(block) for block in valid}
    forward = {block.title: own_facts.forward_bytes for block, own_facts in valid.items()}
    size = times((first.batch, *first.input_size))
    note = f"Training mode, input {size}, float32; without the weights."
    return memory_plot(named, forward, notes=[note])


def picture_of_memory(blocks: Sequence[Block], facts: Sequence[BlockFacts | None]) -> Picture:
    """The bytes saved for the backward pass as a slide."""
    return plot_picture("memory", "Memory", partial(memory, blocks, facts))


@lru_cache(maxsize=2)
def _run_probes(blocks: tuple[Block, ...]) -> dict[Block, BlockProbe]:
    """Run the experiments in this process, once for all pictures and styles."""
    return {block: run_now(compute.probe_work(block)) for block in blocks}


@lru_cache(maxsize=2)
def _measure_times(blocks: tuple[Block, ...]) -> dict[Block, Timing]:
    """Measure the times in this process, once for all styles, so that these agree."""
    compute.check_times(blocks)
    return dict(zip(blocks, run_now(compute.timing_work(blocks)), strict=True))
