"""The rows of the tables that compare blocks and stages, as text; imports no Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

from viz.page.tables import (
    UNKNOWN,
    WAITING,
    TableRow,
    amounts_row,
    common_prefix,
    number_texts,
    percent,
    percent_number,
    percents_row,
    with_equal_decimals,
    with_metric_prefix,
)
from viz.page.words import field_size_text, number_pair_text, times

if TYPE_CHECKING:
    from core.blocks.facts import BlockFacts
    from core.blocks.stages import Stage
    from core.cost.timing import Timing
    from viz.features.blocks.compute import BlockProbe


FACTS = {
    "output": "channels × height × width, by the formula",
    "parameters": "numbers the optimizer updates",
    "multiply–accumulates": "of the whole batch",
    "outputs of all layers": "what forward writes",
    "saved for backward": "counted by torch's hooks, without the weights",
    "receptive field": "pixels that one unit sees",
    "effective stride": "pixels between two units",
    "never read": "share of the input's pixels that no window reads",
}
"""The explanation of each row of the table of facts, by name."""


def fact_rows(all_facts: Sequence[BlockFacts | None]) -> list[TableRow]:
    """The rows of the table of facts, a cell for each block; None stands for an invalid block."""

    def texts(value: Callable[[BlockFacts], str]) -> tuple[str, ...]:
        return tuple(UNKNOWN if facts is None else value(facts) for facts in all_facts)

    def numbers(value: Callable[[BlockFacts], float]) -> list[float | None]:
        return [None if facts is None else value(facts) for facts in all_facts]

    rows = [
        TableRow(
            "output", "", texts(lambda f: times(f.output_shape)), notes=_torch_shapes(all_facts)
        ),
        TableRow("parameters", "", texts(lambda f: f"{f.parameters:,}")),
        _cost_row("multiply–accumulates", numbers(lambda f: f.macs), "", _torch_macs(all_facts)),
        _cost_row("outputs of all layers", numbers(lambda f: f.forward_bytes), "B"),
        _cost_row("saved for backward", numbers(lambda f: f.backward_bytes), "B"),
        TableRow("receptive field", "", texts(lambda f: field_size_text(f.field)), "px"),
        TableRow(
            "effective stride",
            "",
            texts(lambda f: number_pair_text(f.field.effective_stride)),
            "px",
        ),
        percents_row("never read", "", numbers(lambda f: f.unread)),
    ]
    return [replace(row, method=FACTS[row.name]) for row in rows]


def _cost_row(
    name: str, amounts: Sequence[float | None], unit: str, notes: Sequence[str] = ()
) -> TableRow:
    """A row of costs; below each stands its ratio to the first block's, and its note if it has one."""
    first = next((amount for amount in amounts if amount is not None), 0)
    ratios = [_ratio_text(amount, first) if amount is not None else "" for amount in amounts]
    pairs = zip(ratios, notes or [""] * len(amounts), strict=True)
    return amounts_row(
        name, "", amounts, unit, tuple(", ".join(filter(None, pair)) for pair in pairs)
    )


def _torch_shapes(all_facts: Sequence[BlockFacts | None]) -> tuple[str, ...]:
    """The output's shape by torch, where it is another one than by the formula."""
    return tuple(
        f"torch: {times(f.torch_shape)}" if f and f.torch_shape != f.output_shape else ""
        for f in all_facts
    )


def _torch_macs(all_facts: Sequence[BlockFacts | None]) -> tuple[str, ...]:
    """The multiply–accumulates by torch, where they are others than by the formula."""
    return tuple(
        f"torch: {with_metric_prefix(f.torch_macs)}" if f and f.torch_macs != f.macs else ""
        for f in all_facts
    )


def torch_sentence(all_facts: Sequence[BlockFacts | None]) -> str:
    """A sentence on whether PyTorch finds the shapes and costs of the blocks."""
    if any((*_torch_shapes(all_facts), *_torch_macs(all_facts))):
        return "PyTorch finds other numbers where a cell says so."
    return (
        "PyTorch finds the same shapes by running the blocks, and the same multiply–accumulates by "
        "its own counter."
    )


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
    """``×1.5``: the ratio to the first block's amount; "" where both are equal or one is 0."""
    if not first or not amount or amount == first:
        return ""
    return f"×{amount / first:.3g}"


PROPERTIES = (
    (
        "parameters that learn",
        "",
        "how many get a gradient other than 0 when a random one comes in at the output",
    ),
    (
        "linear",
        "",
        "f(a·x + b·y) against a·f(x) + b·f(y) on random x and y, and the largest relative error",
    ),
    ("no gradient", "%", "share of the input's numbers whose gradient is exactly 0"),
    ("gradient's magnitude", "", "mean ± standard deviation of |g| over the input's numbers"),
    (
        "gradient in / out",
        "",
        "norm of the gradient at the input over the norm of the one that came in",
    ),
    ("saved for backward", "B", "by torch's hooks, without the weights"),
    ("picture moves by 1 pixel", "%", "how much the output changes, relative to its norm"),
    (
        "picture moves by the stride",
        "",
        "whether the output moves by one unit and changes nothing else, away from the border",
    ),
)
"""(name, unit, explanation) of each row of the table of experiments."""


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
    prefix = common_prefix(sum(own.values()) for own in saved)
    columns = [
        [(UNKNOWN if facts is None else WAITING, "")] * len(PROPERTIES)
        if facts is None or probe is None
        else _property_cells(facts, probe, own, prefix)
        for facts, probe, own in zip(all_facts, probes, saved, strict=True)
    ]
    rows = []
    for index, (name, unit, explanation) in enumerate(PROPERTIES):
        texts, notes = zip(*(column[index] for column in columns), strict=True)
        cells = with_equal_decimals(texts) if unit == "%" else texts
        unit = f"{prefix[1]}B" if unit == "B" else unit
        rows.append(TableRow(name, explanation, cells, unit, notes))
    return rows


def _property_cells(
    facts: BlockFacts,
    probe: BlockProbe,
    saved: Mapping[str, int],
    prefix: tuple[float, str],
) -> list[tuple[str, str]]:
    """The cells of one block in the table of experiments: text, and the note below it.

    Args:
        facts, probe: Facts and results of the block.
        saved: Bytes saved for the backward pass by kind.
        prefix: Metric prefix of these bytes, as `viz.page.tables.common_prefix` returns it.
    """
    gradient, shift, linear = probe.gradient, probe.shift, probe.linearity
    pixels = ""
    if gradient.zero_pixels != gradient.zero_entries:
        pixels = f"of pixels {percent(gradient.zero_pixels)}"
    verdict = {"linear": "yes", "affine": "but for a constant", "not linear": "no"}
    error = linear.mean_error if linear.verdict == "affine" else linear.sum_error
    parts = [f"{KINDS[kind]} {with_metric_prefix(size, 'B')}" for kind, size in saved.items()]
    moved, along = (UNKNOWN, ""), (UNKNOWN, "no unit is clear of the border")
    if shift:
        moved = percent_number(shift.by_one), f"the picture {percent(shift.input_by_one)}"
        exactly = "exactly" if not shift.by_stride else f"to {shift.by_stride:.0e}"
        along = f"moves along, {exactly}" if shift.follows_shift else "no", f"by {shift.stride} px"
    learning = f"{gradient.nonzero_gradients:,} of {facts.parameters:,}"
    return [
        (learning if facts.parameters else "none there", ""),
        (verdict[linear.verdict], f"error {error:.2g}"),
        (percent_number(gradient.zero_entries), pixels),
        (f"{gradient.mean:.3g} ± {gradient.std:.3g}", ""),
        (f"{gradient.ratio:.3g}", ""),
        (f"{sum(saved.values()) / prefix[0]:.4g}", ", ".join(parts)),
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
    unread = [probe.gradient.zero_pixels if probe else None for probe in probes]
    explained = "share whose gradient is exactly 0, measured"
    return [
        percents_row("pixels without a gradient", explained, unread, missing=WAITING),
        _times_row("forward", "median and quartiles on one thread of this server", timings),
        _times_row("backward", "the same, to the input and all parameters", timings),
    ]


def _times_row(part: str, explanation: str, timings: Sequence[Timing | None]) -> TableRow:
    """A row of median times, with the quartiles below them."""
    spreads = [each.spreads[part] if each and each.repeats else None for each in timings]
    medians = [spread.median if spread else None for spread in spreads]
    row = amounts_row(part, explanation, medians, "s", missing=WAITING)
    size, _ = common_prefix(medians)
    notes = []
    for spread in spreads:
        texts = number_texts([spread.low / size, spread.high / size]) if spread else []
        notes.append(" to ".join(texts))
    return replace(row, notes=tuple(notes))


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
        "effective stride (px)": [_stride_text(stage) for stage in stages] + [""],
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
