"""What stands below the facts of some blocks: pictures, times, properties."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import SpecError
from viz import blocks_table, compute_blocks, waiting
from viz.blocks_state import Block
from viz.jobs import View, Work
from viz.network_picker import sentence

if TYPE_CHECKING:
    from core.block_facts import BlockFacts
    from core.timing import Timing
    from viz.compute_blocks import BlockProbe

SAID = (
    "✓ PyTorch finds the same: the shape by running the block, the multiply–accumulates by its own "
    "counter. What is kept for backward is told by PyTorch's hooks, and is without the weights."
)
PROBES, TIMES = "blocks probes", "blocks times"
"""Places in the queue."""


@dataclass(frozen=True)
class Found:
    """Some blocks, with what is known of them.

    Attributes:
        blocks: as asked.
        facts: of each; None for what is no block that could be run.
        errors: why not, one sentence each.
    """

    blocks: tuple[Block, ...]
    facts: tuple[BlockFacts | None, ...]
    errors: tuple[str, ...]

    @property
    def sound(self) -> tuple[Block, ...]:
        """The blocks that can be run."""
        pairs = zip(self.blocks, self.facts, strict=True)
        return tuple(block for block, facts in pairs if facts)

    @property
    def titles(self) -> list[str]:
        return [block.title for block in self.blocks]


def known(blocks: Sequence[Block]) -> Found:
    """The facts of blocks; what is none of them says why."""
    facts: list[BlockFacts | None] = []
    errors = []
    for block in blocks:
        try:
            facts.append(compute_blocks.facts(block))
        except SpecError as error:
            facts.append(None)
            errors.append(f"{block.title}: {sentence(error)}")
    return Found(tuple(blocks), tuple(facts), tuple(errors))


def facts_table(found: Found) -> None:
    """What is known before anything is computed."""
    lines = blocks_table.fact_lines(found.facts)
    layers = [_short(block.layers) for block in found.blocks]
    st.html(blocks_table.html(found.titles, lines, layers, "facts", compact=True))
    st.caption(SAID)


def _short(text: str) -> str:
    return text if len(text) <= 150 else text[:149] + "…"


def probes(found: Found, draw: Callable[[dict[Block, BlockProbe]], None]) -> None:
    """Experiments on all sound blocks; drawn again as they come in."""
    works: dict[Hashable, Work] = {block: compute_blocks.probe(block) for block in found.sound}

    def look(views: Mapping[Hashable, View]) -> None:
        state(PROBES, views, "Running the block on the picture", "blocks")
        draw({b: v.result for b, v in views.items() if isinstance(b, Block) and v.result})

    waiting.show(PROBES, works, look)


def times(found: Found, draw: Callable[[dict[Block, Timing]], None]) -> None:
    """Times of all sound blocks, one computation; drawn again as they come in."""
    blocks = found.sound
    key = ("times", blocks)

    def look(views: Mapping[Hashable, View]) -> None:
        state(TIMES, views, "Measuring", "runs")
        view = views[key]
        got: Sequence[Timing] = view.result or view.partial or ()
        draw({b: t for b, t in zip(blocks, got, strict=False) if t.repeats})

    waiting.show(TIMES, {key: compute_blocks.times(blocks)}, look)


def state(slot: str, views: Mapping[Hashable, View], what: str, unit: str) -> None:
    """One line for what is not there: progress, what was stopped, what failed."""
    running = {key: view for key, view in views.items() if view.state in ("waiting", "running")}
    stopped = [key for key, view in views.items() if view.error == waiting.STOPPED]
    for view in views.values():
        if view.error and view.error != waiting.STOPPED:
            st.warning(f"{view.error[:1].upper()}{view.error[1:]}.")
    if running:
        key, view = next(iter(running.items()))
        waiting.progress(slot, key, view, what, unit)
    elif stopped:
        text, button = st.columns([5, 1], vertical_alignment="center")
        text.info("Stopped.")
        button.button(
            "Go on", on_click=waiting.resume, args=stopped, key=f"go on {slot}", width="stretch"
        )


def pictures_tab(found: Found) -> None:
    """Feature maps and gradients of the picture."""

    def draw(ready: dict[Block, BlockProbe]) -> None:
        if not ready:
            st.skeleton(height=420)
            return
        gradients(ready)
        maps(ready)

    probes(found, draw)


def gradients(ready: Mapping[Block, BlockProbe]) -> None:
    """Where a random gradient goes."""
    from viz.figures.blocks import gradients_figure

    first = next(iter(ready))
    named = {block.title: (probe.gradient.map, _zeros(probe)) for block, probe in ready.items()}
    figure = gradients_figure(
        next(iter(ready.values())).picture,
        named,
        "Gradient on the input when a random one comes in at the output",
        [f"First of {first.input_size[0]} input channels. {recipe(first)}"],
    )
    st.plotly_chart(figure, theme="streamlit", key="blocks_gradients")


def _zeros(probe: BlockProbe) -> str:
    return f"{blocks_table.percent(probe.gradient.zero_entries)} exactly 0"


def maps(ready: Mapping[Block, BlockProbe]) -> None:
    """What the blocks make of the picture."""
    from viz.figures.blocks import maps_figure

    named = {block.title: probe.maps for block, probe in ready.items() if probe.maps.size}
    if not named:
        st.caption("The outputs of these blocks have no height and width to be drawn.")
        return
    figure = maps_figure(named, "Feature maps of the picture", [recipe(next(iter(ready)))])
    st.plotly_chart(figure, theme="streamlit", key="blocks_maps")


def recipe(block: Block) -> str:
    """What a picture was made with, for whoever makes it again."""
    channels, height, width = block.input_size
    mixed = "" if channels == 3 else f", {channels} random mixtures of its colours"
    return (
        f"Picture {block.picture}, {height}×{width}{mixed}; random weights, seed {block.seed}; "
        "evaluation mode."
    )


def cost_tab(found: Found) -> None:
    """Measured times, and what backward makes necessary."""
    from viz.figures.blocks import memory_figure, times_figure

    left, right = st.columns(2)
    sound = {
        block.title: facts for block, facts in zip(found.blocks, found.facts, strict=True) if facts
    }
    kept = {block.title: compute_blocks.kept(block) for block in found.sound}
    forward = {title: facts.forward_bytes for title, facts in sound.items()}
    first = found.sound[0]
    size = "×".join(map(str, (first.batch, *first.input_size)))
    with right:
        figure = memory_figure(
            kept, forward, notes=[f"Training mode, input {size}, float32; without the weights."]
        )
        st.plotly_chart(figure, theme="streamlit", key="blocks_memory")

    def draw(ready: dict[Block, Timing]) -> None:
        if len(ready) < len(found.sound):
            st.skeleton(height=320)
            return
        named = {block.title: timing for block, timing in ready.items()}
        st.plotly_chart(times_figure(named), theme="streamlit", key="blocks_times")

    with left:
        try:
            compute_blocks.check_times(found.sound)
        except SpecError as error:
            waiting.leave(TIMES)
            st.warning(f"Not timed. {sentence(error)}")
            return
        times(found, draw)


def properties_tab(found: Found) -> None:
    """What experiments say about each block."""
    kept = [
        compute_blocks.kept(block) if facts else {}
        for block, facts in zip(found.blocks, found.facts, strict=True)
    ]

    def draw(ready: dict[Block, BlockProbe]) -> None:
        got = [ready.get(block) for block in found.blocks]
        lines = blocks_table.property_lines(found.facts, got, kept)
        st.html(blocks_table.html(found.titles, lines, name="properties"))
        st.caption(f"Every cell is an experiment. {recipe(found.sound[0])}")

    probes(found, draw)


def measured(slot: str, found: Found) -> None:
    """One table of facts, gradient coverage and times, and the gradients below it."""
    blocks = found.sound
    key = ("times", blocks)
    works: dict[Hashable, Work] = {block: compute_blocks.probe(block) for block in blocks}
    works[key] = compute_blocks.times(blocks)
    layers = [_short(block.layers) for block in found.blocks]

    def draw(views: Mapping[Hashable, View]) -> None:
        state(slot, views, "Measuring", "runs")
        ready = {block: views[block].result for block in blocks if views[block].result}
        got: Sequence[Timing] = views[key].result or views[key].partial or ()
        timings = dict(zip(blocks, got, strict=False))
        lines = blocks_table.fact_lines(found.facts) + blocks_table.measured_lines(
            [ready.get(block) for block in found.blocks],
            [timings.get(block) for block in found.blocks],
        )
        name = "facts and measurements"
        st.html(blocks_table.html(found.titles, lines, layers, name, compact=True))
        st.caption(f"{SAID} Times: median and quartiles, on one thread of this server.")
        if ready:
            gradients(ready)

    waiting.show(slot, works, draw)


DRAW: dict[str, Callable[[Found], Any]] = {
    "pictures": pictures_tab,
    "cost": cost_tab,
    "properties": properties_tab,
}
"""One function a tab, by its name in the URL."""
SLOTS_OF = {"pictures": PROBES, "cost": TIMES, "properties": PROBES}
"""Which place in the queue a tab uses."""
