"""The architectures page's pictures for slides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from core.blocks import COMPARISONS
from core.plots.growth import short_number
from core.plots.plot import Plot
from core.plots.table import Table, texts
from core.text import sentence_case, times
from viz.choices import network as network_state
from viz.features.blocks import compute, params, tables
from viz.features.blocks.export import input_gradients, word_table
from viz.features.blocks.params import VIEWS, ArchitectureSettings, Block
from viz.server.queue import run_now
from viz.slides.style import Picture, plot_picture

if TYPE_CHECKING:
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
        return [plot_picture("stages", label, partial(_stages, values.network))]
    blocks = params.blocks_of_comparison(COMPARISONS[name], values)
    facts = plot_picture(name, f"{VIEWS[name]}: facts", partial(_facts, name, blocks))
    make = partial(_gradients, blocks, probes)
    gradients = plot_picture(f"{name}_gradients", f"{VIEWS[name]}: gradients", make)
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


STAGE_COLUMNS = (
    *("output", "RF at its end (px)", "effective stride (px)", "operations", "parameters"),
    *("MACs (million)", "outputs (MB)", "begins with"),
)
"""Columns of `viz.features.blocks.tables.stage_columns`, the important ones first."""


def _stages(network: str) -> Table:
    """The table of a published network's stages."""
    stages = compute.stage_table(network)
    reductions = sum(before.grid > after.grid for before, after in pairwise(stages))
    columns = tables.stage_columns(stages)
    write = {
        "parameters": short_number,
        "MACs (million)": "{:,.1f}".format,
        "outputs (MB)": "{:.2f}".format,
    }
    rows = list(
        zip(*([write.get(n, str)(c) for c in columns[n]] for n in STAGE_COLUMNS), strict=True)
    )
    last = len(rows) - 1
    return Table(
        f"{_network_on_input(network)}: the size falls {reductions} times",
        STAGE_COLUMNS,
        texts(rows, strong=last),
        "A stage is all that runs on one size. Norms and activations count with the layer before them.",
        align="l" + "r" * 6 + "l",
        importance=tuple(float(index in (0, last)) for index in range(len(rows))),
        optional=1,
    )


def _facts(name: str, blocks: Sequence[Block]) -> Table:
    """The table of facts about a comparison's blocks."""
    facts = [compute.facts(block) for block in blocks]
    lines = tables.fact_rows(facts)
    comparison = COMPARISONS[name]
    size = times(comparison.input_size)
    subtitle = f"Input {size}, a batch of {blocks[0].batch}. {tables.torch_sentence(facts)}"
    return word_table(blocks, lines, sentence_case(comparison.title), subtitle)


def _gradients(blocks: Sequence[Block], probes: Mapping[Block, BlockProbe] | None) -> Plot:
    """The blocks' input gradients; where ``probes`` is None, the experiments run first."""
    if probes is None:
        probes = {block: run_now(compute.probe_work(block)) for block in blocks}
    return input_gradients(probes)
