"""Tables of blocks: what stands in each cell, and the cells as HTML. No Streamlit here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from viz.page.tables import UNKNOWN, WAITING, TableRow, percent, scaled
from viz.page.words import field_size, pair, times

if TYPE_CHECKING:
    from core.blocks.facts import BlockFacts
    from core.blocks.stages import Stage
    from core.cost.timing import Quartiles, Timing
    from viz.features.blocks.compute import BlockProbe


FACTS = (
    ("output", "channels × height × width, by the formula; ✓ as torch"),
    ("parameters", "numbers the optimizer updates"),
    ("multiply–accumulates", "of the whole batch; ✓ as torch's own counter"),
    ("outputs of all layers", "what forward writes"),
    ("saved for backward", "found by torch's hooks, without the weights"),
    ("receptive field", "pixels that one unit sees"),
    ("effective stride", "pixels between two units"),
    ("never read", "share of the input's pixels that no window reads"),
)


def fact_lines(all_facts: Sequence[BlockFacts | None]) -> list[TableRow]:
    """What is known of some blocks before anything is computed; None for what is no block."""
    first = next((facts for facts in all_facts if facts), None)
    columns = [
        _facts(facts, first) if facts and first else [UNKNOWN] * len(FACTS) for facts in all_facts
    ]
    return _lines(FACTS, columns)


def _lines(rows: Sequence[tuple[str, str]], columns: Sequence[Sequence[str]]) -> list[TableRow]:
    return [
        TableRow(name, how, tuple(column[place] for column in columns))
        for place, (name, how) in enumerate(rows)
    ]


def _facts(facts: BlockFacts, first: BlockFacts) -> list[str]:
    same = facts.output_shape == facts.torch_shape
    shape = times(facts.output_shape)
    shape += " ✓" if same else f", torch {'×'.join(map(str, facts.torch_shape))}"
    macs = scaled(facts.macs)
    macs += " ✓" if facts.macs == facts.torch_macs else f", torch {scaled(facts.torch_macs)}"
    whole = all(axis.whole for axis in facts.field.axes)
    return [
        shape,
        f"{facts.parameters:,}",
        macs + _times(facts.macs, first.macs),
        scaled(facts.forward_bytes, "B") + _times(facts.forward_bytes, first.forward_bytes),
        scaled(facts.backward_bytes, "B") + _times(facts.backward_bytes, first.backward_bytes),
        field_size(facts.field) + ("" if whole else " px"),
        f"{pair(facts.field.effective_stride)} px",
        percent(facts.unread),
    ]


def verdict(titles: Sequence[str], all_facts: Sequence[BlockFacts | None]) -> str:
    """What two or more blocks have in common and what not, in Markdown; "" for fewer."""
    named = [(title, facts) for title, facts in zip(titles, all_facts, strict=True) if facts]
    if len(named) < 2:
        return ""
    shapes = {facts.output_shape for _, facts in named}
    counts = {facts.parameters for _, facts in named}
    shape = times(min(shapes))
    said = f"All give **{shape}**" if len(shapes) == 1 else "Their outputs differ in **shape**"
    if len(counts) == 1:
        said += f" from **{min(counts):,}** parameters"
    least, low = min(named, key=lambda each: each[1].macs)
    most, high = max(named, key=lambda each: each[1].macs)
    if low.macs == high.macs:
        return f"{said}, for the same multiply–accumulates."
    if not low.macs:
        return f"{said}; {_plain(least)} multiplies nothing."
    ratio = f"{high.macs / low.macs:.3g}"
    return f"{said}; {_plain(most)} takes **{ratio} times** the multiply–accumulates of {_plain(least)}."


def _plain(title: str) -> str:
    """A title inside a sentence; one's own blocks have letters."""
    return f"block {title}" if len(title) == 1 else f"“{title}”"


def _times(amount: float, first: float) -> str:
    """How many times the first block's; nothing where that is no comparison."""
    if not first or not amount or amount == first:
        return ""
    return f" (×{amount / first:.3g})"


PROPERTIES = (
    (
        "parameters that learn",
        "how many get a gradient other than 0 when a random one comes in at the output",
    ),
    (
        "linear",
        "f(a·x + b·y) against a·f(x) + b·f(y) on random x and y: the largest relative error",
    ),
    (
        "no gradient",
        "share of the input's numbers, and of its pixels, whose gradient is exactly 0",
    ),
    (
        "gradient's magnitude",
        "mean ± standard deviation of |g| over the input's numbers",
    ),
    (
        "gradient in / out",
        "norm of the gradient at the input over the norm of the one that came in",
    ),
    (
        "saved for backward",
        "by torch's hooks, without the weights",
    ),
    (
        "picture moves by 1 pixel",
        "how much the output changes, relative to its norm",
    ),
    (
        "picture moves by the stride",
        "whether the output moves by one unit and changes nothing else, away from the border",
    ),
)


def property_lines(
    all_facts: Sequence[BlockFacts | None],
    probes: Sequence[BlockProbe | None],
    saved: Sequence[Mapping[str, int]],
) -> list[TableRow]:
    """What experiments have found; a None probe is not there yet, None facts are no block's."""
    columns = [
        [UNKNOWN if facts is None else WAITING] * len(PROPERTIES)
        if facts is None or probe is None
        else _properties(facts, probe, own)
        for facts, probe, own in zip(all_facts, probes, saved, strict=True)
    ]
    return _lines(PROPERTIES, columns)


def _properties(facts: BlockFacts, probe: BlockProbe, saved: Mapping[str, int]) -> list[str]:
    gradient, shift, linear = probe.gradient, probe.shift, probe.linearity
    share = percent(gradient.zero_entries)
    if gradient.zero_pixels != gradient.zero_entries:
        share += f", of pixels {percent(gradient.zero_pixels)}"
    verdict = {"linear": "yes", "affine": "but for a constant", "not linear": "no"}
    error = linear.mean_error if linear.verdict == "affine" else linear.sum_error
    parts = [f"{KINDS[kind]} {scaled(size, 'B')}" for kind, size in saved.items()]
    moved, along = UNKNOWN, "no unit is clear of the border"
    if shift:
        moved = f"{percent(shift.by_one)} (the picture {percent(shift.input_by_one)})"
        along = "exactly" if not shift.by_stride else f"to {shift.by_stride:.0e}"
        along = f"{shift.stride} px: " + ("moves along, " + along if shift.follows_shift else "no")
    return [
        f"{gradient.nonzero_gradients:,} of {facts.parameters:,}"
        if facts.parameters
        else "none there",
        f"{verdict[linear.verdict]} ({error:.2g})",
        share,
        f"{gradient.mean:.3g} ± {gradient.std:.3g}",
        f"{gradient.ratio:.3g}",
        ", ".join(parts) or "nothing",
        moved,
        along,
    ]


KINDS = {
    "input": "input",
    "activations": "outputs",
    "indices": "indices",
    "masks": "masks",
    "inside": "inside",
}
"""Kind of `core.cost.saved_tensors`: the word in a cell."""


def measured_lines(
    probes: Sequence[BlockProbe | None], timings: Sequence[Timing | None]
) -> list[TableRow]:
    """Gradient coverage and times, as far as they are there."""
    columns = []
    for probe, timing in zip(probes, timings, strict=True):
        texts = [percent(probe.gradient.zero_pixels) if probe else WAITING]
        for part in ("forward", "backward"):
            texts.append(_duration(timing.spreads[part]) if timing and timing.repeats else WAITING)
        columns.append(texts)
    return _lines(MEASURED, columns)


def _duration(spread: Quartiles) -> str:
    low, high = scaled(spread.low, "s"), scaled(spread.high, "s")
    return f"{scaled(spread.median, 's')} ({low} to {high})"


MEASURED = (
    ("pixels without a gradient", "share whose gradient is exactly 0, measured"),
    ("forward", "median and quartiles on one thread of this server"),
    ("backward", "the same, to the input and all parameters"),
)


def stage_columns(stages: Sequence[Stage]) -> dict[str, list[Any]]:
    """A network stage by stage, as columns of a table; the last row is the whole."""
    costs = [stage.cost for stage in stages]
    sums = [sum(part) for part in zip(*map(astuple, costs), strict=True)]
    numbers = [*map(astuple, costs), tuple(sums)]
    return {
        "output": [f"{s.channels}×{s.grid[0]}×{s.grid[1]}" for s in stages] + ["in all"],
        "begins with": [_begins(stage) for stage in stages] + [""],
        "layers": [len(stage.lines) for stage in stages] + [sum(len(s.lines) for s in stages)],
        "RF at its end (px)": [_field(stage) for stage in stages] + [""],
        "effective stride": [_stride(stage) for stage in stages] + [""],
        "parameters": [number[0] for number in numbers],
        "MACs (million)": [number[1] / 1e6 for number in numbers],
        "outputs (MB)": [number[2] / 1e6 for number in numbers],
    }


def _begins(stage: Stage) -> str:
    line = stage.first
    return "the image" if line.node.kind == "input" else f"{line.label}: {line.text}"


def _stride(stage: Stage) -> str:
    stride = stage.last.field.effective_stride
    return pair(stride) if any(stride) else UNKNOWN


def _field(stage: Stage) -> str:
    field = stage.last.field
    return field_size(field)
