"""Claim 10: one large kernel against several small ones with the same receptive field."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import SpecError
from core.networks import build
from core.networks.notation import parse_notation
from core.plots.plot import Plot
from viz.lessons.claims.charts import Series, bar_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Setting,
    Values,
    grid_block,
    outcome,
    verdict_of_rows,
)
from viz.lessons.claims.cost import TOPIC, block_facts_of, torch_parameters


def _large_and_stacked_notation(values: Values) -> tuple[str, str]:
    """Return the notation of one large convolution and of the stack of small ones."""
    channels, kernel, layers = (int(values[n]) for n in ("channels", "kernel_size", "layers"))
    large, stride = layers * (kernel - 1) + 1, int(values["stride"])
    step = f" s{stride}" if stride > 1 else ""
    small = ", ".join([f"conv{kernel}{step} c{channels} nobias"] * layers)
    return f"conv{large}{step} c{channels} nobias", small


def _measured_field_size(line: str, side: int) -> int:
    """Measure, in pixels along one axis, the receptive field of a unit of the last layer."""
    from core.graph import network_graph
    from core.receptive_field.measured import measure_receptive_field

    module = build(parse_notation(line), 1, (side, side), device="meta")
    end = network_graph(module, (1, side, side)).outputs[0]
    return measure_receptive_field(module, (1, side, side), end).size[0] or 0


def _weights_chart(channels: int, names: tuple[str, ...], weights: Sequence[int]) -> Plot:
    """Return a bar chart of the number of weights of both networks."""
    return bar_plot(
        f"Weights at {channels} channels",
        "network",
        "weights",
        (Series("torch", names, tuple(map(float, weights))),),
    )


def _large_or_stacked(values: Values) -> Outcome:
    """Test claim 10: compare receptive field and weights of both networks."""
    channels, kernel, layers = (int(values[n]) for n in ("channels", "kernel_size", "layers"))
    large = layers * (kernel - 1) + 1
    lines, side = _large_and_stacked_notation(values), 4 * large * int(values["stride"]) ** layers
    reach = [_measured_field_size(line.replace(f"c{channels}", "c1"), side) for line in lines]
    size = (channels, side, side)
    closed = [int(block_facts_of(line, size).field.size[0]) for line in lines]
    weights = [torch_parameters(parse_notation(line), size) for line in lines]
    claimed = [large**2 * channels**2, layers * kernel**2 * channels**2]
    rows = (
        ("receptive field, torch (px)", reach[0], reach[1]),
        ("receptive field, closed form (px)", closed[0], closed[1]),
        ("weights, torch", weights[0], weights[1]),
        ("weights claimed", claimed[0], claimed[1]),
    )
    agrees = (reach[0] == reach[1], closed == reach, weights[1] < weights[0], claimed == weights)
    verdict = verdict_of_rows(agrees if reach[0] == reach[1] else (False, None, agrees[2], None))
    names = f"one {large}×{large}", f"{layers} of {kernel}×{kernel}"
    agreeing_part = "the second has fewer weights" if agrees[2] else "both see the same"
    return outcome(
        f"One {large}×{large} sees {reach[0]} px with {weights[0]:,} weights, {names[1]} see "
        f"{reach[1]} px with {weights[1]:,}.",
        ("", *names),
        rows,
        agrees,
        _weights_chart(channels, names, weights),
        f"only this part is meant: {agreeing_part}",
        verdict=verdict,
    )


def _large_or_stacked_within_limit(values: Values) -> Outcome:
    """Test claim 10 as `_large_or_stacked`; raise SpecError if the stack exceeds `MAX_STACK`."""
    large = int(values["layers"]) * (int(values["kernel_size"]) - 1) + 1
    if large * int(values["stride"]) ** int(values["layers"]) > MAX_STACK:
        rule = f"must be fewer: kernel times total stride is at most {MAX_STACK} here"
        raise SpecError("layers", rule, values["layers"])
    return _large_or_stacked(values)


MAX_STACK = 128
"""Upper limit, in pixels, for the large kernel times the total stride of the stack."""


STACKS: tuple[Claim, ...] = (
    Claim(
        10,
        TOPIC,
        "One 7×7 sees what three stacked 3×3 see, 7 pixels, with 49C² against 27C² weights.",
        (
            Setting("layers", "layers of the stack", 3, 1, 6),
            Setting("kernel_size", "kernel_size of the stack (px)", 3, 2, 5),
            Setting("channels", "channels C", 64, 1, 128),
            Setting("stride", "stride of every layer (px)", 1, 1, 2),
        ),
        _large_or_stacked_within_limit,
        lambda v: Link("blocks", (("compare", "seven"), ("tab", "cost"))),
        "Stacked at stride 1, $L$ kernels see $L(k - 1) + 1$ pixels and have $L k^2 C^2$ weights; "
        "one kernel of that size has $(L(k-1)+1)^2 C^2$. With a stride the stack sees further. "
        "ResNet's 7×7 with stride 2 takes the place of such a stack.",
        grid=(grid_block(layers=(2, 3), kernel_size=(3, 5), stride=(1, 2)),),
        rules=(("every layer of the stack has stride 1", lambda v: v["stride"] == 1),),
    ),
)
"""The claims about stacks of layers."""
