"""Claims 11 to 14 and 16: receptive fields, theoretical and effective."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from core.errors import SpecError
from core.networks import build
from core.networks.notation import parse_notation
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
    outcome,
)

if TYPE_CHECKING:
    from core.graph import Graph

TOPIC = "Receptive field"
MAX_REACH = 400
"""Largest receptive field that is measured, in pixels."""
PROBE = 2**15
"""Pixels of an image on which a field is first worked out; nothing is computed for them."""


class Chain:
    """A line of layers of one channel: the field of each, in closed form and measured.

    Raises:
        SpecError: a receptive field that is too large to be measured.
    """

    def __init__(self, line: str) -> None:
        from core.receptive_field import fields_of

        self.line = line
        fields = fields_of(self._graph(PROBE))
        reach, jump = (
            max(getattr(each, name)[1] or 1 for each in fields.values())
            for name in ("size", "effective_stride")
        )
        if reach > MAX_REACH:
            rule = f"must be fewer: the receptive field would be {reach} px, above {MAX_REACH}"
            raise SpecError("layers", rule, line.count(",") + 1)
        self.side = reach + 4 * jump
        self.graph = self._graph(self.side)
        self.fields = fields_of(self.graph)
        self.names = [name for name in self.graph if name not in self.graph.inputs]

    def _graph(self, side: int) -> Graph:
        from core.graph import network_graph

        spec = parse_notation(self.line)
        module = build(spec, 1, (1, side), device="meta")
        return network_graph(module, (1, 1, side))

    @cached_property
    def closed(self) -> list[int]:
        """Size of each layer's field by the graph of windows, in pixels."""
        return [int(self.fields[name].size[1]) for name in self.names]

    @cached_property
    def measured(self) -> list[int]:
        """The same by torch: pixels that carry gradient to a unit."""
        from core.receptive_field.measured import measure_receptive_field

        module = build(parse_notation(self.line), 1, (1, self.side), device="meta")
        size = (1, 1, self.side)
        return [measure_receptive_field(module, size, n).size[1] or 0 for n in self.names]


def conv(kernel: int, stride: int = 1, dilation: int = 1) -> str:
    """A convolution along the width as notation."""
    return f"conv1x{kernel} s1x{stride} d1x{dilation} c1 nobias"


def _flat(kernel: int, stride: int = 1, dilation: int = 1) -> str:
    """The same along both axes, for the page that shows it."""
    parts = f"conv{kernel}", f"s{stride}" * (stride > 1), f"d{dilation}" * (dilation > 1)
    return " ".join(filter(None, (*parts, "c8")))


def page_link(layers: Sequence[str], page: str = "fields", **more: str) -> Link:
    """The page with these layers, on an image that is large enough."""
    query = {"network": "own", "layers": ", ".join(layers)}
    query |= {"input_height": "512", "input_width": "512"}
    return Link(page, (*query.items(), *more.items()))


# --- 11: the recurrence ---------------------------------------------------------------------------


def _recurrence_chart(rows: Rows, kernel: int, stride: int, dilation: int) -> Chart:
    """The picture."""
    return Chart(
        "lines",
        f"Receptive field: {kernel}×{kernel}, stride {stride}, dilation {dilation}",
        "layer",
        "receptive field (px)",
        (
            Series(
                "recurrence",
                tuple(row[0] for row in rows),
                tuple(float(row[1].rsplit(" ", 1)[1]) for row in rows),
            ),
            Series("torch", tuple(row[0] for row in rows), tuple(float(row[3]) for row in rows)),
        ),
    )


def _recurrence(values: Values) -> Outcome:
    kernel, stride = int(values["kernel_size"]), int(values["stride"])
    dilation, count = int(values["dilation"]), int(values["layers"])
    chain = Chain(", ".join([conv(kernel, stride, dilation)] * count))
    reach, jump, rows, agrees = 1, 1, [], []
    for place, (closed, measured) in enumerate(
        zip(chain.closed, chain.measured, strict=True), start=1
    ):
        formula = f"{reach} + ({kernel} − 1)·{jump} = {reach + (kernel - 1) * jump}"
        reach, jump = reach + (kernel - 1) * jump, jump * stride
        rows.append((place, formula, closed, measured, jump))
        agrees.append(reach == measured)
    held = ", ".join(str(row[0]) for row, each in zip(rows, agrees, strict=True) if each)
    return outcome(
        f"After {count} layers the recurrence gives {reach} px, torch {rows[-1][3]} px"
        + ("." if dilation == 1 else f"; with {dilation}(k − 1) + 1 for k it is {rows[-1][2]}."),
        (
            "layer",
            "recurrence with k (px)",
            "closed form with d(k − 1) + 1 (px)",
            "torch (px)",
            "jump (px)",
        ),
        rows,
        agrees,
        _recurrence_chart(rows, kernel, stride, dilation),
        f"the layer is {held}",
    )


# --- 12: the copied table -------------------------------------------------------------------------


def _copied_table_chart(rows: Rows, kernel: int, pool: int, blocks: tuple[int, ...]) -> Chart:
    """The picture."""
    return Chart(
        "lines",
        f"Receptive field after each block: {kernel}×{kernel}, by {pool}",
        "block",
        "receptive field (px)",
        tuple(
            Series(name, blocks, tuple(float(row[column]) for row in rows))
            for name, column in (
                ("pooled, the copied table", 2),
                ("pooled, torch", 4),
                ("strided, torch", 1),
            )
        ),
    )


def _copied_table(values: Values) -> Outcome:
    kernel, pool, count = (int(values[n]) for n in ("kernel_size", "pool", "blocks"))
    strided = Chain(", ".join([conv(kernel, pool)] * count))
    pooled = Chain(", ".join([conv(kernel), f"maxpool1x{pool} s1x{pool}"] * count))
    one, both, closed = strided.measured, pooled.measured, pooled.closed
    rows, agrees = [], []
    for place in range(count):
        predicted = pool * strided.closed[place]
        before, after = both[2 * place : 2 * place + 2]
        rows.append((place + 1, one[place], predicted, before, after, closed[2 * place + 1]))
        agrees.append(predicted == after)
    blocks = tuple(row[0] for row in rows)
    return outcome(
        f"By the table's rule, {pool} times the strided field, it is {_listed(rows, 2)} after each "
        f"pool. Torch finds {_listed(rows, 4)} "
        f"({_listed(rows, 3)} before each pool), and {_listed(rows, 1)} with strides instead.",
        (
            "block",
            "strided, torch (px)",
            "pooled, the copied table (px)",
            "before the pool, torch (px)",
            "after the pool, torch (px)",
            "after the pool, closed form (px)",
        ),
        rows,
        agrees,
        _copied_table_chart(rows, kernel, pool, blocks),
        "the block is " + ", ".join(str(b) for b, each in zip(blocks, agrees, strict=True) if each),
    )


def _listed(rows: Sequence[Sequence[object]], column: int) -> str:
    return ", ".join(str(row[column]) for row in rows)


# --- 13: strides early ----------------------------------------------------------------------------


def _early_chart(rows: Rows, count: int, kernel: int, stride: int, places: Sequence[int]) -> Chart:
    """The picture."""
    return Chart(
        "bars",
        f"Receptive field of {count} {kernel}×{kernel} layers, one with stride {stride}",
        "layer with the stride",
        "receptive field (px)",
        (Series("torch", tuple(map(str, places)), tuple(float(r[2]) for r in rows)),),
    )


def _early(values: Values) -> Outcome:
    count, kernel, stride = (int(values[n]) for n in ("layers", "kernel_size", "stride"))
    plain = Chain(", ".join([conv(kernel)] * count)).measured
    rows: list[tuple[Any, ...]] = []
    agrees: list[bool | None] = []
    for place in range(1, count + 1):
        lines = [conv(kernel, stride if layer == place else 1) for layer in range(1, count + 1)]
        chain = Chain(", ".join(lines))
        fields = chain.measured
        later = count - place
        adds = (fields[-1] - fields[place - 1]) / later if later else 0.0
        rows.append((place, chain.closed[-1], fields[-1], later, f"{adds:g}", kernel - 1))
        more = adds == stride * (kernel - 1) and fields[-1] > plain[-1]
        agrees.append(more if later else None)
    places = tuple(row[0] for row in rows)
    return outcome(
        f"The stride {stride} in the first of {count} layers gives {rows[0][2]} px, in the last "
        f"{rows[-1][2]} px; without any it is {plain[-1]} px. Behind it each layer adds "
        f"{rows[0][4]} px instead of {kernel - 1}.",
        (
            "layer with the stride",
            "receptive field, closed form (px)",
            "torch (px)",
            "layers behind it",
            "each of them adds, torch (px)",
            "without a stride (px)",
        ),
        rows,
        agrees,
        _early_chart(rows, count, kernel, stride, places),
        "the stride is in layer "
        + ", ".join(str(p) for p, each in zip(places, agrees, strict=True) if each),
    )


FIELDS: tuple[Claim, ...] = (
    Claim(
        11,
        TOPIC,
        "The receptive field of layer l is r_l = r_(l−1) + (k_l − 1)·j_(l−1), and its jump is "
        "j_l = j_(l−1)·s_l.",
        (
            Setting("layers", "layers", 4, 1, 6),
            Setting("kernel_size", "kernel_size — window (px)", 3, 1, 7),
            Setting("stride", "stride — step (px)", 2, 1, 3),
            Setting("dilation", "dilation — tap spacing (px)", 1, 1, 3),
        ),
        _recurrence,
        lambda v: page_link(
            [_flat(int(v["kernel_size"]), int(v["stride"]), int(v["dilation"]))] * int(v["layers"])
        ),
        "A unit of layer $l$ reads $k_l$ units of the layer below, which stand $j_{l-1}$ pixels "
        "apart: each further tap adds that much. With dilation the taps stand further apart, and "
        "$k$ has to be $d(k-1)+1$.",
        grid=(block(kernel_size=(2, 3, 5), stride=(1, 2), dilation=(1, 2)),),
    ),
    Claim(
        12,
        TOPIC,
        "Four 3×3 convolutions with stride 2 see 3, 7, 15, 31 pixels; four times a 3×3 and a 2×2 "
        "pool see 6, 14, 30, 62 (a widely copied table: twice as much).",
        (
            Setting("blocks", "blocks", 4, 1, 5),
            Setting("kernel_size", "kernel_size — window (px)", 3, 1, 5),
            Setting("pool", "stride, and side of the pool (px)", 2, 1, 3),
        ),
        _copied_table,
        lambda v: page_link(
            [_flat(int(v["kernel_size"])), f"maxpool{v['pool']} s{v['pool']}"] * int(v["blocks"]),
            tab="layers",
        ),
        "The pool of a block adds $(2 - 1)\\,j$ pixels, it does not double the field: "
        "$r = 1 + \\sum_l (2 + 1)\\,2^{l-1} = 3 \\cdot 2^n - 2$, so 4, 10, 22, 46.",
        grid=(block(kernel_size=(2, 3, 5), pool=(2, 3)),),
    ),
    Claim(
        13,
        TOPIC,
        "A strided layer early in a network multiplies the reach of all later ones.",
        (
            Setting("layers", "layers", 6, 2, 8),
            Setting("kernel_size", "kernel_size — window (px)", 3, 1, 7),
            Setting("stride", "stride of one layer (px)", 2, 1, 4),
        ),
        _early,
        lambda v: page_link(
            [_flat(int(v["kernel_size"]), int(v["stride"]))]
            + [_flat(int(v["kernel_size"]))] * (int(v["layers"]) - 1),
            tab="depth",
        ),
        "Behind a stride $s$ neighbouring units stand $s$ times as far apart in the image, so each "
        "later $k \\times k$ adds $(k-1)\\,s$ pixels instead of $k-1$. Layers before it gain nothing.",
        grid=(block(layers=(4,), kernel_size=(1, 3), stride=(2, 3)),),
        rules=(("the kernels are larger than one pixel", lambda v: int(v["kernel_size"]) > 1),),
    ),
)
"""Of theoretical receptive fields, in the order of their numbers."""
