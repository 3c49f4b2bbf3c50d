"""The tabs about blocks: pictures, the table of facts, times, properties."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import SpecError
from viz.features.blocks import compute, export, tables
from viz.features.blocks.params import PAGE, Block, BlockSettings
from viz.page import progress
from viz.page import tables as page_tables
from viz.page.plots import show_plot
from viz.page.save_menu import save_menu
from viz.page.words import error_sentence
from viz.server.queue import View, Work
from viz.slides.style import Picture, plot_picture

if TYPE_CHECKING:
    from core.blocks.facts import BlockFacts
    from core.cost.timing import Timing
    from viz.features.blocks.compute import BlockProbe

SAVED_BY_HOOKS = "What is saved for backward is counted by PyTorch's hooks, without the weights."
"""Caption below the table of facts."""
PROBES, TIMES = "blocks probes", "blocks times"
"""Slots of `viz.page.progress` for the experiments and for the times."""


@dataclass(frozen=True)
class CheckedBlocks:
    """The blocks to be compared, with their facts or the reasons why there are none.

    Attributes:
        blocks: All blocks, valid or not.
        facts: Facts of each block; None for a block that cannot be run.
        errors: A sentence for each block that cannot be run.
    """

    blocks: tuple[Block, ...]
    facts: tuple[BlockFacts | None, ...]
    errors: tuple[str, ...]

    @property
    def valid(self) -> tuple[Block, ...]:
        """The blocks that can be run."""
        pairs = zip(self.blocks, self.facts, strict=True)
        return tuple(block for block, facts in pairs if facts)

    @property
    def titles(self) -> list[str]:
        """Titles of all blocks, in order."""
        return [block.title for block in self.blocks]


def check_blocks(blocks: Sequence[Block]) -> CheckedBlocks:
    """Compute the facts of all blocks; invalid ones are reported, not raised."""
    facts: list[BlockFacts | None] = []
    errors = []
    for block in blocks:
        try:
            facts.append(compute.facts(block))
        except SpecError as error:
            facts.append(None)
            errors.append(f"{block.title}: {error_sentence(error)}")
    return CheckedBlocks(tuple(blocks), tuple(facts), tuple(errors))


def draw_save_menu(checked: CheckedBlocks, more: Sequence[Picture], values: BlockSettings) -> None:
    """Draw the menu of pictures as files: those of the open tab, then the table of facts."""
    title = export.heading(values)
    facts = export.picture_of_facts(checked.blocks, checked.facts, title)
    save_menu(PAGE, [*more, facts], export.settings_text(checked.valid[0], values))


def facts_tab(checked: CheckedBlocks) -> list[Picture]:
    """Draw the table of facts; its slide is on every tab's menu."""
    lines = tables.fact_rows(checked.facts)
    layers = [_shortened(block.layers) for block in checked.blocks]
    st.html(page_tables.comparison_table(checked.titles, lines, layers, "facts", compact=True))
    st.caption(f"{tables.torch_sentence(checked.facts)} {SAVED_BY_HOOKS}")
    return []


def _shortened(text: str) -> str:
    """The text, cut to 150 characters."""
    return text if len(text) <= 150 else text[:149] + "…"


def run_probes(
    checked: CheckedBlocks, draw: Callable[[dict[Block, BlockProbe]], None]
) -> dict[Block, BlockProbe]:
    """Run the experiments on all valid blocks, and call ``draw`` whenever one is finished.

    Returns:
        The finished experiments.
    """
    works: dict[Hashable, Work] = {block: compute.probe_work(block) for block in checked.valid}

    def redraw(views: Mapping[Hashable, View]) -> None:
        draw_progress(PROBES, views, "Running the block on the picture", "blocks")
        draw(_finished_probes(views))

    return _finished_probes(progress.request_and_draw(PROBES, works, redraw))


def _finished_probes(views: Mapping[Hashable, View]) -> dict[Block, BlockProbe]:
    """The finished experiments by block; other keys are left out."""
    return {b: v.result for b, v in views.items() if isinstance(b, Block) and v.result}


def run_times(
    checked: CheckedBlocks, draw: Callable[[dict[Block, Timing]], None]
) -> dict[Block, Timing]:
    """Time all valid blocks together, and call ``draw`` whenever there are new times.

    Returns:
        The times by block; {} until all of them are measured.
    """
    blocks = checked.valid
    key = ("times", blocks)

    def redraw(views: Mapping[Hashable, View]) -> None:
        draw_progress(TIMES, views, "Measuring", "runs")
        view = views[key]
        timings: Sequence[Timing] = view.result or view.partial or ()
        draw({b: t for b, t in zip(blocks, timings, strict=False) if t.repeats})

    view = progress.request_and_draw(TIMES, {key: compute.timing_work(blocks)}, redraw)[key]
    return dict(zip(blocks, view.result, strict=True)) if view.result else {}


def draw_progress(slot: str, views: Mapping[Hashable, View], what: str, unit: str) -> None:
    """Draw each failure, one line of progress for all unfinished work, or a button to go on.

    Args:
        slot: Slot of `viz.page.progress`.
        views: States of the works in the slot.
        what: What is running, for the line of progress.
        unit: What the progress counts.
    """
    unsettled = [key for key, view in views.items() if not progress.all_ended({key: view})]
    stopped = [key for key, view in views.items() if view.error == progress.STOPPED]
    for key in [*(k for k in views if k not in (*unsettled, *stopped)), *unsettled[:1]]:
        progress.status_line(slot, key, views[key], what, unit)
    if stopped and not unsettled:
        progress.resume_line(slot, "Stopped.", *stopped)


def pictures_tab(checked: CheckedBlocks) -> list[Picture]:
    """Draw the feature maps and the gradients of the picture; returns their slides."""

    def draw(ready: dict[Block, BlockProbe]) -> None:
        if not ready:
            st.skeleton(height=420)
            return
        draw_gradients(ready)
        draw_maps(ready)

    ready = run_probes(checked, draw)
    saved = [
        plot_picture(
            "gradients", "Gradients on the picture", partial(export.input_gradients, ready)
        )
    ]
    saved += [plot_picture("maps", "Feature maps", partial(export.feature_maps, ready))]
    seen = any(probe.maps.size for probe in ready.values())
    return saved[: bool(ready) + seen]


def draw_gradients(ready: Mapping[Block, BlockProbe]) -> None:
    """Draw the input gradients that a random upstream gradient causes."""
    show_plot(export.input_gradients(ready), "blocks_gradients")


def draw_maps(ready: Mapping[Block, BlockProbe]) -> None:
    """Draw the feature maps of the picture."""
    if not any(probe.maps.size for probe in ready.values()):
        st.caption("The outputs of these blocks have no height and width to be drawn.")
        return
    show_plot(export.feature_maps(ready), "blocks_maps")


def cost_tab(checked: CheckedBlocks) -> list[Picture]:
    """Draw the measured times and the bytes saved for the backward pass; returns their slides."""
    saved = export.picture_of_memory(checked.blocks, checked.facts)
    left, right = st.columns(2)
    with right:
        show_plot(export.memory(checked.blocks, checked.facts), "blocks_memory")

    def draw(ready: dict[Block, Timing]) -> None:
        if len(ready) < len(checked.valid):
            st.skeleton(height=320)
            return
        show_plot(export.times_of(ready), "blocks_times")

    with left:
        try:
            compute.check_times(checked.valid)
        except SpecError as error:
            progress.withdraw_requests(TIMES)
            st.warning(f"Not timed. {error_sentence(error)}")
            return [saved]
        ready = run_times(checked, draw)
    timed = plot_picture("times", "Times", partial(export.times_of, ready))
    return [timed, saved] if ready else [saved]


def properties_tab(checked: CheckedBlocks) -> list[Picture]:
    """Draw the table of experiments; returns its slide."""
    saved_bytes = [
        compute.saved_bytes(block) if facts else {}
        for block, facts in zip(checked.blocks, checked.facts, strict=True)
    ]

    def draw(ready: dict[Block, BlockProbe]) -> None:
        results = [ready.get(block) for block in checked.blocks]
        lines = tables.property_rows(checked.facts, results, saved_bytes)
        st.html(page_tables.comparison_table(checked.titles, lines, name="properties"))
        st.caption(f"Every cell is an experiment. {export.picture_and_seed_text(checked.valid[0])}")

    ready = run_probes(checked, draw)
    return [export.picture_of_properties(checked.blocks, checked.facts, ready)] if ready else []


def draw_measurements(slot: str, checked: CheckedBlocks) -> dict[Block, BlockProbe]:
    """Draw the gradients, and below them one table of facts, gradient coverage and times.

    Returns:
        The finished experiments by block.
    """
    blocks = checked.valid
    key = ("times", blocks)
    works: dict[Hashable, Work] = {block: compute.probe_work(block) for block in blocks}
    works[key] = compute.timing_work(blocks)
    layers = [_shortened(block.layers) for block in checked.blocks]

    def draw(views: Mapping[Hashable, View]) -> None:
        draw_progress(slot, views, "Measuring", "runs")
        ready = {block: views[block].result for block in blocks if views[block].result}
        results: Sequence[Timing] = views[key].result or views[key].partial or ()
        timings = dict(zip(blocks, results, strict=False))
        lines = tables.fact_rows(checked.facts) + tables.measurement_rows(
            [ready.get(block) for block in checked.blocks],
            [timings.get(block) for block in checked.blocks],
        )
        if ready:
            draw_gradients(ready)
        else:
            st.skeleton(height=420)
        name = "facts and measurements"
        st.html(page_tables.comparison_table(checked.titles, lines, layers, name, compact=True))
        st.caption(
            f"{tables.torch_sentence(checked.facts)} {SAVED_BY_HOOKS} Times: median and quartiles, "
            "on one thread of this server."
        )

    return _finished_probes(progress.request_and_draw(slot, works, draw))


DRAW: dict[str, Callable[[CheckedBlocks], list[Picture]]] = {
    "pictures": pictures_tab,
    "numbers": facts_tab,
    "cost": cost_tab,
    "properties": properties_tab,
}
"""Functions by a tab's name in the URL; each draws its tab and returns its pictures for slides."""
SLOTS_OF = {"pictures": PROBES, "cost": TIMES, "properties": PROBES}
"""Slots of `viz.page.progress` that tabs use, by a tab's name in the URL."""
