"""The rows of the tables that compare blocks and stages, as text; imports no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from viz.page.tables import UNKNOWN, WAITING, TableRow, percent, with_metric_prefix
from viz.page.words import field_size_text, number_pair_text, times

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
    ("saved for backward", "counted by torch's hooks, without the weights"),
    ("receptive field", "pixels that one unit sees"),
    ("effective stride", "pixels between two units"),
    ("never read", "share of the input's pixels that no window reads"),
)
"""(name, explanation) of each row of the table of facts."""


def fact_rows(all_facts: Sequence[BlockFacts | None]) -> list[TableRow]:
    """The rows of the table of facts, a cell for each block; None stands for an invalid block."""
    first = next((facts for facts in all_facts if facts), None)
    columns = [
        _fact_cells(facts, first) if facts and first else [UNKNOWN] * len(FACTS)
        for facts in all_facts
    ]
    return _table_rows(FACTS, columns)


def _table_rows(
    rows: Sequence[tuple[str, str]], columns: Sequence[Sequence[str]]
) -> list[TableRow]:
    """Table rows from their (name, explanation) and from the columns' cells."""
    return [
        TableRow(name, explanation, tuple(column[row] for column in columns))
        for row, (name, explanation) in enumerate(rows)
    ]


def _fact_cells(facts: BlockFacts, first: BlockFacts) -> list[str]:
    """The cells of one block in the table of facts, with its costs relative to the first block."""
    same = facts.output_shape == facts.torch_shape
    shape = times(facts.output_shape)
    shape += " ✓" if same else f", torch {'×'.join(map(str, facts.torch_shape))}"
    macs = with_metric_prefix(facts.macs)
    macs += (
        " ✓"
        if facts.macs == facts.torch_macs
        else f", torch {with_metric_prefix(facts.torch_macs)}"
    )
    whole = all(axis.whole for axis in facts.field.axes)
    return [
        shape,
        f"{facts.parameters:,}",
        macs + _ratio_text(facts.macs, first.macs),
        with_metric_prefix(facts.forward_bytes, "B")
        + _ratio_text(facts.forward_bytes, first.forward_bytes),
        with_metric_prefix(facts.backward_bytes, "B")
        + _ratio_text(facts.backward_bytes, first.backward_bytes),
        field_size_text(facts.field) + ("" if whole else " px"),
        f"{number_pair_text(facts.field.effective_stride)} px",
        percent(facts.unread),
    ]


def comparison_sentence(titles: Sequence[str], all_facts: Sequence[BlockFacts | None]) -> str:
    """A sentence on how shapes, parameters and costs of the valid blocks compare, in Markdown.

    It is "" for fewer than two blocks.
    """
    named = [(title, facts) for title, facts in zip(titles, all_facts, strict=True) if facts]
    if len(named) < 2:
        return ""
    shapes = {facts.output_shape for _, facts in named}
    counts = {facts.parameters for _, facts in named}
    shape = times(min(shapes))
    sentence = f"All give **{shape}**" if len(shapes) == 1 else "Their outputs differ in **shape**"
    if len(counts) == 1:
        sentence += f" from **{min(counts):,}** parameters"
    least, low = min(named, key=lambda each: each[1].macs)
    most, high = max(named, key=lambda each: each[1].macs)
    if low.macs == high.macs:
        return f"{sentence}, for the same multiply–accumulates."
    if not low.macs:
        return f"{sentence}; {_block_in_sentence(least)} multiplies nothing."
    ratio = f"{high.macs / low.macs:.3g}"
    dear, cheap = _block_in_sentence(most), _block_in_sentence(least)
    return f"{sentence}; {dear} takes **{ratio} times** the multiply–accumulates of {cheap}."


def _block_in_sentence(title: str) -> str:
    """A block's title in quotation marks, for use in a sentence; ``block A`` for a block that the
    visitor has defined, whose title is one letter."""
    return f"block {title}" if len(title) == 1 else f"“{title}”"


def _ratio_text(amount: float, first: float) -> str:
    """`` (×1.5)``: the ratio to the first block's amount; "" where both are equal or one is 0."""
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
"""(name, explanation) of each row of the table of experiments."""


def property_rows(
    all_facts: Sequence[BlockFacts | None],
    probes: Sequence[BlockProbe | None],
    saved: Sequence[Mapping[str, int]],
) -> list[TableRow]:
    """The rows of the table of experiments, a cell for each block.

    Args:
        all_facts: Facts of each block; None for an invalid one.
        probes: Results of each block's experiments; None while they are not finished.
        saved: Bytes saved for the backward pass by kind, for each block.
    """
    columns = [
        [UNKNOWN if facts is None else WAITING] * len(PROPERTIES)
        if facts is None or probe is None
        else _property_cells(facts, probe, own)
        for facts, probe, own in zip(all_facts, probes, saved, strict=True)
    ]
    return _table_rows(PROPERTIES, columns)


def _property_cells(facts: BlockFacts, probe: BlockProbe, saved: Mapping[str, int]) -> list[str]:
    """The cells of one block in the table of experiments."""
    gradient, shift, linear = probe.gradient, probe.shift, probe.linearity
    share = percent(gradient.zero_entries)
    if gradient.zero_pixels != gradient.zero_entries:
        share += f", of pixels {percent(gradient.zero_pixels)}"
    verdict = {"linear": "yes", "affine": "but for a constant", "not linear": "no"}
    error = linear.mean_error if linear.verdict == "affine" else linear.sum_error
    parts = [f"{KINDS[kind]} {with_metric_prefix(size, 'B')}" for kind, size in saved.items()]
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
"""The word in a cell, by kind of saved tensor in `core.cost.saved_tensors`."""


def measurement_rows(
    probes: Sequence[BlockProbe | None], timings: Sequence[Timing | None]
) -> list[TableRow]:
    """The rows of gradient coverage and times; None stands for what is not measured yet."""
    columns = []
    for probe, timing in zip(probes, timings, strict=True):
        texts = [percent(probe.gradient.zero_pixels) if probe else WAITING]
        for part in ("forward", "backward"):
            texts.append(
                _duration_text(timing.spreads[part]) if timing and timing.repeats else WAITING
            )
        columns.append(texts)
    return _table_rows(MEASURED, columns)


def _duration_text(spread: Quartiles) -> str:
    """A median time with its quartiles, such as ``1.2 ms (1.1 ms to 1.4 ms)``."""
    low, high = with_metric_prefix(spread.low, "s"), with_metric_prefix(spread.high, "s")
    return f"{with_metric_prefix(spread.median, 's')} ({low} to {high})"


MEASURED = (
    ("pixels without a gradient", "share whose gradient is exactly 0, measured"),
    ("forward", "median and quartiles on one thread of this server"),
    ("backward", "the same, to the input and all parameters"),
)
"""(name, explanation) of each row that `measurement_rows` makes."""


def stage_columns(stages: Sequence[Stage]) -> dict[str, list[Any]]:
    """The columns of a table with a row for each stage and a last one for the whole network."""
    costs = [stage.cost for stage in stages]
    sums = [sum(part) for part in zip(*map(astuple, costs), strict=True)]
    numbers = [*map(astuple, costs), tuple(sums)]
    operations = [sum(line.node.kind != "input" for line in stage.lines) for stage in stages]
    return {
        "output": [f"{s.channels}×{s.grid[0]}×{s.grid[1]}" for s in stages] + ["in all"],
        "begins with": [_first_layer_text(stage) for stage in stages] + [""],
        "operations": [*operations, sum(operations)],
        "RF at its end (px)": [_field_text(stage) for stage in stages] + [""],
        "effective stride": [_stride_text(stage) for stage in stages] + [""],
        "parameters": [number[0] for number in numbers],
        "MACs (million)": [number[1] / 1e6 for number in numbers],
        "outputs (MB)": [number[2] / 1e6 for number in numbers],
    }


def _first_layer_text(stage: Stage) -> str:
    """The layer with which a stage begins, in words."""
    line = stage.first
    return "the image" if line.node.kind == "input" else f"{line.label}: {line.text}"


def _stride_text(stage: Stage) -> str:
    """The effective stride at a stage's end, or a dash where no axis has one."""
    stride = stage.last.field.effective_stride
    return number_pair_text(stride) if any(stride) else UNKNOWN


def _field_text(stage: Stage) -> str:
    """The receptive field at a stage's end as text."""
    return field_size_text(stage.last.field)
