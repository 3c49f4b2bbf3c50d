"""The architectures page's pictures for slides. Matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from core.blocks import COMPARISONS
from core.text import sentence_case, times
from viz.choices import network as network_state
from viz.features.blocks import compute, params, tables
from viz.features.blocks.params import VIEWS, ArchitectureSettings, Block
from viz.server.queue import run_now
from viz.slides.style import Picture, Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from viz.features.blocks.compute import BlockProbe


def pictures(values: ArchitectureSettings) -> list[Picture]:
    """All pictures of the page, the open view's first; each computes its data when it is drawn."""
    names = sorted(VIEWS, key=lambda name: VIEWS[name] != values.view)
    return [one for name in names for one in view_pictures(name, values)]


def view_pictures(
    name: str, values: ArchitectureSettings, probes: Mapping[Block, BlockProbe] | None = None
) -> list[Picture]:
    """The pictures of one view, by its name in the URL.

    Args:
        name: Key of `viz.features.blocks.params.VIEWS`.
        values: The page's settings.
        probes: Finished experiments by block; if None, they run when a picture is drawn.
    """
    if name == "stages":
        label = f"{network_state.network_title(values.network)}, stage by stage"
        return [Picture("stages", label, partial(_draw_stages, values.network))]
    blocks = params.blocks_of_comparison(COMPARISONS[name], values)
    facts = Picture(name, f"{VIEWS[name]}: facts", partial(_draw_facts, name, blocks))
    draw = partial(_draw_gradients, blocks, probes)
    gradients = Picture(f"{name}_gradients", f"{VIEWS[name]}: gradients", draw)
    return [facts, gradients] if probes is None or probes else [facts]


def settings_text(name: str, values: ArchitectureSettings) -> str:
    """The network, or the comparison and its input, that a view draws, in words."""
    if name == "stages":
        return _network_on_input(values.network)
    comparison = COMPARISONS[name]
    return f"{comparison.title}, input {'×'.join(map(str, comparison.input_size))}"


def _network_on_input(network: str) -> str:
    """``ResNet-50 on 3×224×224``: a published network and its own input size."""
    size = times(network_state.published_network(network).input_size)
    return f"{network_state.network_title(network)} on {size}"


def _draw_stages(network: str, style: Style) -> Figure:
    """Draw the table of a published network's stages."""
    from viz.features.architectures.slides import stages

    table = compute.stage_table(network)
    reductions = sum(before.grid > after.grid for before, after in pairwise(table))
    title = f"{_network_on_input(network)}: the size falls {reductions} times"
    return stages(table, style, title=title, subtitle="A stage is all that runs on one size.")


def _draw_facts(name: str, blocks: Sequence[Block], style: Style) -> Figure:
    """Draw the table of facts about a comparison's blocks."""
    from viz.slides.word_table import word_table

    lines = tables.fact_rows([compute.facts(block) for block in blocks])
    comparison = COMPARISONS[name]
    size = times(comparison.input_size)
    return word_table(
        ["", *(block.title for block in blocks)],
        [[line.name, *line.cells] for line in lines],
        style,
        title=sentence_case(comparison.title),
        subtitle=f"Input {size}, a batch of {blocks[0].batch}. ✓ PyTorch finds the same.",
    )


def _draw_gradients(
    blocks: Sequence[Block], probes: Mapping[Block, BlockProbe] | None, style: Style
) -> Figure:
    """Draw the blocks' input gradients; where ``probes`` is None, the experiments run first."""
    from viz.features.blocks.export import picture_of_gradients

    if probes is None:
        probes = {block: run_now(compute.probe_work(block)) for block in blocks}
    return picture_of_gradients(probes).draw(style)
