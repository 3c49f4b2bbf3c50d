"""Claims 7 to 9: parameters, multiply–accumulates, memory and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.blocks import COMPARISONS
from core.layer.operations import operation_of
from core.networks import NetworkSpec, build
from core.networks.notation import parse_notation
from viz.lessons.claims.chance import below
from viz.lessons.claims.claim import (
    Chart,
    Claim,
    Link,
    Outcome,
    Rows,
    Series,
    Setting,
    Values,
    block,
    decided,
    outcome,
)
from viz.lessons.claims.parts import layer

if TYPE_CHECKING:
    from core.blocks.facts import BlockFacts
    from core.cost.timing import Quartiles

TOPIC = "Cost"
InputSize = tuple[int, int, int]


def facts(line: str | NetworkSpec, input_size: InputSize, batch: int = 1) -> BlockFacts:
    """What can be said of a line of layers on this input."""
    from core.blocks.facts import block_facts

    return block_facts(parse_notation(line) if isinstance(line, str) else line, input_size, batch)


def torch_parameters(spec: NetworkSpec, input_size: InputSize) -> int:
    """Numbers to learn, as torch's own modules have them."""
    module = build(spec, input_size[0], input_size[1:], device="meta")
    return sum(parameter.numel() for parameter in module.parameters())


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


# --- 7: parameters --------------------------------------------------------------------------------

HEADS = {"none": "", "global average, then linear": ", gap, flatten, fc10"} | {
    "flattened, then linear": ", flatten, fc10"
}


def _parameters_chart(rows: Rows) -> Chart:
    """The picture."""
    return Chart(
        "bars",
        "Parameters by stride",
        "stride (px)",
        "parameters",
        (Series("torch", ("1", "2", "3", "4"), tuple(float(row[-1]) for row in rows[:4])),),
    )


def _row(line: str, size: InputSize, closed: int | None = None) -> tuple[Any, ...]:
    """Network, input, output, parameters in closed form and by torch."""
    block_facts = facts(line, size)
    closed_parameters = block_facts.parameters if closed is None else closed
    learned = torch_parameters(parse_notation(line), size)
    return line, _shape(size), _shape(block_facts.torch_shape), closed_parameters, learned


def _parameters(values: Values) -> Outcome:
    inputs, outputs = int(values["in_channels"]), int(values["out_channels"])
    kernel, head = int(values["kernel_size"]), HEADS[str(values["head"])]
    rows: list[tuple[Any, ...]] = []
    for stride in (1, 2, 3, 4):
        alone = layer(kernel, stride, in_channels=inputs, out_channels=outputs, bias=True)
        closed = None if head else operation_of(alone).parameters(alone)
        rows.append(_row(f"conv{kernel} s{stride} c{outputs}{head}", (inputs, 32, 32), closed))
    agrees = [row[-1] == row[-2] == rows[0][-1] for row in rows]
    two = [_row(block.layers + head, (3, 32, 32)) for block in COMPARISONS["small"].blocks]
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


def _blocks(values: Values) -> tuple[tuple[str, str], ...]:
    """Name and line of: strided, pool after a convolution, the pool alone."""
    channels, kernel, stride = (int(values[n]) for n in ("channels", "kernel_size", "stride"))
    conv = f"conv{kernel}{f' p{kernel // 2}' if kernel > 1 else ''} c{channels}"
    return (
        ("strided convolution", conv.replace(" c", f" s{stride} c", 1)),
        ("convolution, then pooling", f"{conv}, maxpool{stride} s{stride}"),
        ("pooling alone", f"maxpool{stride} s{stride}"),
    )


def _milliseconds(lines: Sequence[str], input_size: InputSize, batch: int) -> tuple[Quartiles, ...]:
    """Forward and backward together, of each: median and quartiles in milliseconds."""
    from core.cost.timing import measure_times, spread

    specs = [parse_notation(line) for line in lines]
    modules = [build(spec, input_size[0], input_size[1:], seed=0) for spec in specs]
    timings = measure_times(modules, input_size, batch, repeats=7, seconds=4.0)
    return tuple(
        spread([1e3 * (f + b) for f, b in zip(t.forward, t.backward, strict=True)]) for t in timings
    )


def _dearer(one: Quartiles, other: Quartiles) -> bool | None:
    """Whether one costs more than the other; None where their quartiles overlap."""
    if one.low == one.high and other.low == other.high:  # counted, not measured
        return one.median > other.median
    return below((one.low, one.high), (other.low, other.high))


def _pool_or_stride_chart(
    channels: int,
    side: int,
    stride: int,
    ratio: float,
    memory: Sequence[int],
    times: Sequence[float],
) -> Chart:
    """The picture."""
    return Chart(
        "bars",
        f"Pooled over strided: {channels} channels, {side}×{side}, stride {stride}",
        "what is compared",
        "convolution and pooling ÷ strided",
        (
            Series(
                "pooled ÷ strided",
                ("multiply–accumulates", "memory", "time"),
                (ratio, memory[1] / memory[0], times[1] / times[0]),
            ),
        ),
    )


def _pool_or_stride(values: Values) -> Outcome:
    side, channels, stride = (int(values[n]) for n in ("side", "channels", "stride"))
    size, batch = (channels, side, side), 4
    (_, one), (_, two), _ = _blocks(values)
    strided, pooled = facts(one, size, batch), facts(two, size, batch)
    strided_time, pooled_time = _milliseconds((one, two), size, batch)
    times = strided_time.median, pooled_time.median
    slower = _dearer(pooled_time, strided_time)
    macs = strided.torch_macs, pooled.torch_macs
    ratio_of_macs = pooled.macs / strided.macs
    ratio = macs[1] / macs[0]
    memory = strided.backward_bytes, pooled.backward_bytes
    rows = (
        ("output shape", _shape(strided.torch_shape), _shape(pooled.torch_shape), "the same"),
        ("multiply–accumulates, formula", strided.macs, pooled.macs, f"{ratio_of_macs:.4g} times"),
        ("multiply–accumulates, torch", *macs, f"{ratio:.4g} times, s² = {stride**2}"),
        ("bytes saved for backward", *memory, f"{memory[1] / memory[0]:.3g} times"),
        ("time, median (ms)", *(f"{t:.3g}" for t in times), f"{times[1] / times[0]:.3g} times"),
    )
    agrees = (
        strided.torch_shape == pooled.torch_shape,
        strided.agrees and pooled.agrees,
        abs(ratio / stride**2 - 1) < 0.05,
        memory[1] > memory[0],
        slower,
    )
    verdict = decided(agrees)
    parts = "; ".join(str(row[0]) for row, each in zip(rows, agrees, strict=True) if each)
    return outcome(
        f"The pooled block multiplies {ratio:.3g} times as often, keeps "
        f"{memory[1] / memory[0]:.2g} times the memory and takes {times[1] / times[0]:.2g} times "
        f"the time here; outputs {rows[0][1]} (strided) and {rows[0][2]} (pooled)."
        + (" The quartiles of the two times overlap: time is not decided." * (slower is None)),
        ("", "strided", "convolution, then pooling", "pooled over strided"),
        rows,
        agrees,
        _pool_or_stride_chart(channels, side, stride, ratio, memory, times),
        f"only these parts are meant: {parts}",
        verdict=verdict,
    )


QUANTITIES = ("time", "multiply–accumulates", "memory kept for backward")


def _quantities(values: Values) -> tuple[Quartiles, ...]:
    """Of the strided block, of convolution and pooling, and of pooling alone."""
    from core.cost.timing import spread

    side, channels = int(values["side"]), int(values["channels"])
    size, batch, lines = (channels, side, side), 4, [line for _, line in _blocks(values)]
    if values["quantity"] == QUANTITIES[0]:
        return _milliseconds(lines, size, batch)
    all_facts = [facts(line, size, batch) for line in lines]
    if values["quantity"] == QUANTITIES[1]:
        return tuple(spread([float(each.torch_macs)]) for each in all_facts)
    return tuple(spread([float(each.backward_bytes)]) for each in all_facts)


def _dearer_or_cheaper_chart(
    values: Values, unit: str, strided: float, pooled: float, alone: float
) -> Chart:
    """The picture."""
    return Chart(
        "bars",
        f"{str(values['quantity']).capitalize()}: {values['channels']} channels, "
        f"{values['side']}×{values['side']}, stride {values['stride']}, batch 4",
        "block",
        f"{values['quantity']} ({unit})",
        (
            Series(
                "measured",
                tuple(name for name, _ in _blocks(values)),
                (strided, pooled, alone),
            ),
        ),
    )


def _dearer_or_cheaper(values: Values) -> Outcome:
    measured = _quantities(values)
    strided, pooled, alone = (each.median for each in measured)
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
            agrees.append(_dearer(*(pair if more else pair[::-1])))
    verdict = decided(agrees)
    held = [str(row[0]) for row, each in zip(rows, agrees, strict=True) if each]
    return outcome(
        f"{str(values['quantity']).capitalize()}: strided {strided:.3g} {unit}, convolution and "
        f"pooling {pooled:.3g} {unit}, the pooling layer alone {alone:.3g} {unit}. Each sentence "
        "needs to say which comparison it means.",
        ("what is said", f"strided ({unit})", f"the other ({unit})"),
        rows,
        agrees,
        _dearer_or_cheaper_chart(values, unit, strided, pooled, alone),
        "the comparison is said: " + "; ".join(held),
        verdict=verdict,
    )


def _blocks_link(values: Values) -> Link:
    side, channels = str(values["side"]), str(values["channels"])
    named = zip("abc", (line for _, line in _blocks(values)), strict=True)
    query = {"compare": "own", "in_channels": channels, "input_height": side, "input_width": side}
    return Link("blocks", (*query.items(), *named, ("tab", "cost")))


def _sized(side: int, channels: int) -> tuple[Setting, ...]:
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
        _parameters,
        lambda v: Link("blocks", (("compare", "small"), ("tab", "cost"))),
        "A convolution has $k^2 C_{in} C_{out}$ weights and $C_{out}$ biases wherever its windows "
        "stand. A linear layer on the flattened map has a weight for each of its pixels, and "
        "their number does depend on the stride.",
        grid=(block(kernel_size=(3, 5), head=tuple(HEADS)),),
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
        _sized(56, 32),
        _pool_or_stride,
        _blocks_link,
        "At stride 1 the convolution computes $s^2$ values for each that the pool keeps. Its map "
        "has $s^2$ times the pixels and is saved for the backward pass. Sizes that $s$ does not "
        "divide round differently: $\\lfloor n/s \\rfloor$ after the pool, often "
        "$\\lceil n/s \\rceil$ with padding and stride.",
        heavy=True,
        grid=(block(stride=(2, 4), kernel_size=(3, 5), side=(48, 57)),),
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
            *_sized(56, 32),
        ),
        _dearer_or_cheaper,
        _blocks_link,
        "A pooling layer multiplies nothing, so a convolution costs more than *it*. But a pool is "
        "put behind a convolution at full resolution, and the strided convolution replaces both.",
        heavy=True,
        grid=(block(quantity=QUANTITIES, stride=(2, 3)),),
    ),
)
"""Of what layers cost, in the order of their numbers."""
