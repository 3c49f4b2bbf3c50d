"""Claims 7 to 9: the parameters, multiply–accumulates (MACs), memory and time of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.blocks import COMPARISONS
from core.layer.operations import operation_of
from core.networks import NetworkSpec, build
from core.networks.notation import parse_notation
from core.plots.plot import Plot
from core.text import times
from viz.lessons.claims.chance import second_lies_below
from viz.lessons.claims.charts import Series, bar_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Rows,
    Setting,
    Values,
    combined_verdict,
    grid_block,
    outcome,
)
from viz.lessons.claims.parts import square_layer, supporting_row_names

if TYPE_CHECKING:
    from core.blocks.facts import BlockFacts
    from core.cost.timing import Quartiles

TOPIC = "Cost"
InputSize = tuple[int, int, int]
"""(channels, height, width) of an input."""


def block_facts_of(line: str | NetworkSpec, input_size: InputSize, batch: int = 1) -> BlockFacts:
    """Return sizes, receptive field and cost of layers on an input, in closed form and by torch.

    Args:
        line: The layers, in notation or parsed.
        input_size: (channels, height, width).
        batch: Number of images.
    """
    from core.blocks.facts import block_facts

    return block_facts(parse_notation(line) if isinstance(line, str) else line, input_size, batch)


def torch_parameters(spec: NetworkSpec, input_size: InputSize) -> int:
    """Return the number of trainable parameters in torch's modules for this network."""
    module = build(spec, input_size[0], input_size[1:], device="meta")
    return sum(parameter.numel() for parameter in module.parameters())


# --- 7: parameters --------------------------------------------------------------------------------

HEADS = {"none": "", "global average, then linear": ", gap, flatten, fc10"} | {
    "flattened, then linear": ", flatten, fc10"
}
"""The choices for what follows the convolution, each with its notation."""


def _parameters_chart(rows: Rows) -> Plot:
    """Return a bar chart of the number of parameters for strides 1 to 4."""
    return bar_plot(
        "Parameters by stride",
        "stride (px)",
        "parameters",
        (Series("torch", ("1", "2", "3", "4"), tuple(float(row[-1]) for row in rows[:4])),),
    )


def _parameters_row(line: str, size: InputSize, closed: int | None = None) -> tuple[Any, ...]:
    """Return the evidence row of a network.

    Args:
        line: The network in notation, which is the first cell.
        size: (channels, height, width) of the input, the second cell before the output's shape.
        closed: The number of parameters in closed form; None computes it with `block_facts_of`. The
            number by torch follows in the last cell.
    """
    block_facts = block_facts_of(line, size)
    closed_parameters = block_facts.parameters if closed is None else closed
    learned = torch_parameters(parse_notation(line), size)
    return (
        line,
        times(size),
        times(block_facts.torch_shape),
        closed_parameters,
        learned,
    )


def _parameters_by_stride(values: Values) -> Outcome:
    """Test claim 7: count the parameters for strides 1 to 4, and those of two small networks."""
    inputs, outputs = int(values["in_channels"]), int(values["out_channels"])
    kernel, head = int(values["kernel_size"]), HEADS[str(values["head"])]
    rows: list[tuple[Any, ...]] = []
    for stride in (1, 2, 3, 4):
        single_layer = square_layer(
            kernel, stride, in_channels=inputs, out_channels=outputs, bias=True
        )
        closed = None if head else operation_of(single_layer).parameters(single_layer)
        rows.append(
            _parameters_row(f"conv{kernel} s{stride} c{outputs}{head}", (inputs, 32, 32), closed)
        )
    agrees = [row[-1] == row[-2] == rows[0][-1] for row in rows]
    two = [
        _parameters_row(block.layers + head, (3, 32, 32)) for block in COMPARISONS["small"].blocks
    ]
    same = two[0][2] == two[1][2] and two[0][-1] == two[1][-1]
    rows += two
    agrees += [same and row[-1] == row[-2] for row in two]
    counts = sorted({row[-1] for row in rows[:4]})
    spread = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return outcome(
        f"{kernel}×{kernel}, {inputs} → {outputs} channels: {spread} parameters for strides 1 to "
        f"4. The strided and the pooled net give {rows[4][2]} and {rows[5][2]} with "
        f"{rows[4][-1]:,} and {rows[5][-1]:,}.",
        ("network", "input", "output", "parameters, formula", "parameters, torch"),
        rows,
        agrees,
        _parameters_chart(rows),
        "nothing after it is sized by the map's height and width",
    )


# --- 8 and 9: time --------------------------------------------------------------------------------


def _compared_blocks(values: Values) -> tuple[tuple[str, str], ...]:
    """Return name and notation of the compared blocks.

    They are a strided convolution, a convolution followed by pooling, and pooling alone.
    """
    channels, kernel, stride = (int(values[n]) for n in ("channels", "kernel_size", "stride"))
    conv = f"conv{kernel}{f' p{kernel // 2}' if kernel > 1 else ''} c{channels}"
    return (
        ("strided convolution", conv.replace(" c", f" s{stride} c", 1)),
        ("convolution, then pooling", f"{conv}, maxpool{stride} s{stride}"),
        ("pooling alone", f"maxpool{stride} s{stride}"),
    )


def _measured_milliseconds(
    lines: Sequence[str], input_size: InputSize, batch: int
) -> tuple[Quartiles, ...]:
    """Measure forward and backward pass together: quartiles in milliseconds for each network."""
    from core.cost.timing import measure_times, quartiles

    specs = [parse_notation(line) for line in lines]
    modules = [build(spec, input_size[0], input_size[1:], seed=0) for spec in specs]
    timings = measure_times(modules, input_size, batch, repeats=7, seconds=4.0)
    return tuple(
        quartiles([1e3 * (f + b) for f, b in zip(t.forward, t.backward, strict=True)])
        for t in timings
    )


def _costs_more(one: Quartiles, other: Quartiles) -> bool | None:
    """Return whether the first costs more than the second; None if their quartiles overlap."""
    if one.low == one.high and other.low == other.high:  # counted, not measured
        return one.median > other.median
    return second_lies_below((one.low, one.high), (other.low, other.high))


def _pooled_against_strided_chart(
    channels: int,
    side: int,
    stride: int,
    ratio: float,
    memory: Sequence[int],
    medians: Sequence[float],
) -> Plot:
    """Return a bar chart of the cost of convolution and pooling relative to the strided one.

    Args:
        channels, side, stride: Settings of the blocks, for the title.
        ratio: Ratio of the multiply–accumulates.
        memory: Bytes saved for the backward pass by the strided and by the pooled block.
        medians: Median times of the strided and of the pooled block, in milliseconds.
    """
    return bar_plot(
        f"Pooled over strided: {channels} channels, {side}×{side}, stride {stride}",
        "what is compared",
        "convolution and pooling ÷ strided",
        (
            Series(
                "pooled ÷ strided",
                ("multiply–accumulates", "memory", "time"),
                (ratio, memory[1] / memory[0], medians[1] / medians[0]),
            ),
        ),
    )


def _pooled_against_strided(values: Values) -> Outcome:
    """Test claim 8: compare convolution and pooling with a strided convolution."""
    side, channels, stride = (int(values[n]) for n in ("side", "channels", "stride"))
    size, batch = (channels, side, side), 4
    (_, one), (_, two), _ = _compared_blocks(values)
    strided, pooled = block_facts_of(one, size, batch), block_facts_of(two, size, batch)
    strided_time, pooled_time = _measured_milliseconds((one, two), size, batch)
    medians = strided_time.median, pooled_time.median
    slower = _costs_more(pooled_time, strided_time)
    macs = strided.torch_macs, pooled.torch_macs
    ratio_of_macs = pooled.macs / strided.macs
    ratio = macs[1] / macs[0]
    memory = strided.backward_bytes, pooled.backward_bytes
    rows = (
        (
            "output shape",
            times(strided.torch_shape),
            times(pooled.torch_shape),
            "the same",
        ),
        ("multiply–accumulates, formula", strided.macs, pooled.macs, f"{ratio_of_macs:.4g} times"),
        ("multiply–accumulates, torch", *macs, f"{ratio:.4g} times, s² = {stride**2}"),
        ("bytes saved for backward", *memory, f"{memory[1] / memory[0]:.3g} times"),
        (
            "time, median (ms)",
            *(f"{t:.3g}" for t in medians),
            f"{medians[1] / medians[0]:.3g} times",
        ),
    )
    agrees = (
        strided.torch_shape == pooled.torch_shape,
        strided.agrees and pooled.agrees,
        abs(ratio / stride**2 - 1) < 0.05,
        memory[1] > memory[0],
        slower,
    )
    verdict = combined_verdict(agrees)
    return outcome(
        f"The pooled block multiplies {ratio:.3g} times as often, keeps "
        f"{memory[1] / memory[0]:.2g} times the memory and takes {medians[1] / medians[0]:.2g} times "
        f"the time here; outputs {rows[0][1]} (strided) and {rows[0][2]} (pooled)."
        + (" The quartiles of the two times overlap: time is not decided." * (slower is None)),
        ("", "strided", "convolution, then pooling", "pooled over strided"),
        rows,
        agrees,
        _pooled_against_strided_chart(channels, side, stride, ratio, memory, medians),
        f"only these parts are meant: {supporting_row_names(rows, agrees, '; ')}",
        verdict=verdict,
    )


QUANTITIES = ("time", "multiply–accumulates", "memory kept for backward")
"""The choices for the cost that claim 9 compares."""


def _cost_quartiles(values: Values) -> tuple[Quartiles, ...]:
    """Return the chosen cost of the three `_compared_blocks`, in ms, MACs or bytes.

    MACs and bytes are counted, so all their quartiles are equal.
    """
    from core.cost.timing import quartiles

    side, channels = int(values["side"]), int(values["channels"])
    size, batch, lines = (channels, side, side), 4, [line for _, line in _compared_blocks(values)]
    if values["quantity"] == QUANTITIES[0]:
        return _measured_milliseconds(lines, size, batch)
    all_facts = [block_facts_of(line, size, batch) for line in lines]
    if values["quantity"] == QUANTITIES[1]:
        return tuple(quartiles([float(each.torch_macs)]) for each in all_facts)
    return tuple(quartiles([float(each.backward_bytes)]) for each in all_facts)


def _strided_or_pooling_chart(
    values: Values, unit: str, strided: float, pooled: float, pooling_alone: float
) -> Plot:
    """Return a bar chart of the chosen cost of the three `_compared_blocks`."""
    return bar_plot(
        f"{str(values['quantity']).capitalize()}: {values['channels']} channels, "
        f"{values['side']}×{values['side']}, stride {values['stride']}, batch 4",
        "block",
        f"{values['quantity']} ({unit})",
        (
            Series(
                "measured",
                tuple(name for name, _ in _compared_blocks(values)),
                (strided, pooled, pooling_alone),
            ),
        ),
    )


def _strided_or_pooling_cost(values: Values) -> Outcome:
    """Test claim 9: compare a strided convolution with pooling alone and behind a convolution."""
    measured = _cost_quartiles(values)
    strided, pooled, pooling_alone = (each.median for each in measured)
    unit = {"time": "ms", "multiply–accumulates": "MACs"}.get(str(values["quantity"]), "bytes")
    rows: list[tuple[Any, ...]] = []
    agrees: list[bool | None] = []
    for claim, more in (("more expensive", True), ("cheaper", False)):
        for against, other in (("pooling alone", 2), ("convolution, then pooling", 1)):
            pair = measured[0], measured[other]
            rows.append(
                (
                    f"strided is {claim} than {against}",
                    f"{strided:.4g}",
                    f"{measured[other].median:.4g}",
                )
            )
            agrees.append(_costs_more(*(pair if more else pair[::-1])))
    verdict = combined_verdict(agrees)
    return outcome(
        f"{str(values['quantity']).capitalize()}: strided {strided:.3g} {unit}, convolution and "
        f"pooling {pooled:.3g} {unit}, the pooling layer alone {pooling_alone:.3g} {unit}. Each sentence "
        "needs to say which comparison it means.",
        ("what is said", f"strided ({unit})", f"the other ({unit})"),
        rows,
        agrees,
        _strided_or_pooling_chart(values, unit, strided, pooled, pooling_alone),
        "the comparison is said: " + supporting_row_names(rows, agrees, "; "),
        verdict=verdict,
    )


def _cost_link(values: Values) -> Link:
    """Return a link to the blocks page with the three `_compared_blocks`."""
    side, channels = str(values["side"]), str(values["channels"])
    named = zip("abc", (line for _, line in _compared_blocks(values)), strict=True)
    query = {"compare": "own", "in_channels": channels, "input_height": side, "input_width": side}
    return Link("blocks", (*query.items(), *named, ("tab", "cost")))


def _block_settings(side: int, channels: int) -> tuple[Setting, ...]:
    """Return the settings of `_compared_blocks` with the given default side and channels."""
    return (
        Setting("stride", "stride — step, and side of the pool (px)", 2, 1, 4),
        Setting("kernel_size", "kernel_size — window (px)", 3, 1, 7),
        Setting("channels", "channels in and out", channels, 1, 64),
        Setting("side", "input — height and width (px)", side, 8, 64),
    )


COST: tuple[Claim, ...] = (
    Claim(
        7,
        TOPIC,
        "The number of parameters does not depend on the stride: 3×3, 32 → 64 channels has 18,496. "
        "On 32×32×3 a 3×3 with stride 2 and a 3×3 followed by a 2×2 pool both give 15×15×32 with "
        "896 parameters.",
        (
            Setting("in_channels", "in_channels", 32, 1, 64),
            Setting("out_channels", "out_channels", 64, 1, 128),
            Setting("kernel_size", "kernel_size — window (px)", 3, 1, 7),
            Setting("head", "what follows", "none", options=tuple(HEADS)),
        ),
        _parameters_by_stride,
        lambda v: Link("blocks", (("compare", "small"), ("tab", "cost"))),
        "A convolution has $k^2 C_{in} C_{out}$ weights and $C_{out}$ biases wherever its windows "
        "stand. A linear layer on the flattened map has a weight for each of its pixels, and "
        "their number does depend on the stride.",
        grid=(grid_block(kernel_size=(3, 5), head=tuple(HEADS)),),
        rules=(
            (
                "nothing after the convolution is sized by its map's height and width",
                lambda v: "flattened" not in str(v["head"]),
            ),
        ),
    ),
    Claim(
        8,
        TOPIC,
        "Convolution and pooling against a strided convolution: the same output shape, about s² "
        "times the multiply–accumulates, a full-resolution map to keep, and more time.",
        _block_settings(56, 32),
        _pooled_against_strided,
        _cost_link,
        "At stride 1 the convolution computes $s^2$ values for each that the pool keeps. Its map "
        "has $s^2$ times the pixels and is saved for the backward pass. Sizes that $s$ does not "
        "divide round differently: $\\lfloor n/s \\rfloor$ after the pool, often "
        "$\\lceil n/s \\rceil$ with padding and stride.",
        heavy=True,
        grid=(grid_block(stride=(2, 4), kernel_size=(3, 5), side=(48, 57)),),
        rules=(
            (
                "the input is a multiple of the stride",
                lambda v: int(v["side"]) % int(v["stride"]) == 0,
            ),
        ),
    ),
    Claim(
        9,
        TOPIC,
        "“Strided convolution is more expensive than pooling.” “Strided convolution is cheaper "
        "than pooling.”",
        (
            Setting("quantity", "what is counted", "time", options=QUANTITIES),
            *_block_settings(56, 32),
        ),
        _strided_or_pooling_cost,
        _cost_link,
        "A pooling layer multiplies nothing, so a convolution costs more than *it*. But a pool is "
        "put behind a convolution at full resolution, and the strided convolution replaces both.",
        heavy=True,
        grid=(grid_block(quantity=QUANTITIES, stride=(2, 3)),),
    ),
)
"""The claims about the cost of layers, in the order of their numbers."""
