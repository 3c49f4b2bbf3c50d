"""Claims 11 to 13: theoretical receptive fields."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from core.errors import SpecError
from core.networks import build
from core.networks.notation import parse_notation
from core.plots.plot import Plot
from viz.lessons.claims.charts import Series, bar_plot, line_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Rows,
    Setting,
    Values,
    grid_block,
    outcome,
)
from viz.lessons.claims.parts import supporting_row_names

if TYPE_CHECKING:
    from core.graph import Graph

TOPIC = "Receptive field"
MAX_REACH = 400
"""Largest receptive field that is measured, in pixels."""
TRIAL_WIDTH = 2**15
"""Width in pixels of the image on which a field is first derived in closed form, without running
the network."""


class Chain:
    """A sequence of one-channel layers with the receptive field of each, along the width.

    Attributes:
        line: The layers in notation.
        side: Width in pixels of the image on which the fields are derived and measured.
        graph: The network's graph on this image.
        fields: The receptive field of each node of the graph in closed form.
        names: The names of the layers, first to last.

    Raises:
        SpecError: A receptive field exceeds `MAX_REACH`.
    """

    def __init__(self, line: str) -> None:
        from core.receptive_field import fields_of

        self.line = line
        fields = fields_of(self._graph(TRIAL_WIDTH))
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
        """Return the network's graph on an image of one row of ``side`` pixels."""
        from core.graph import network_graph

        spec = parse_notation(self.line)
        module = build(spec, 1, (1, side), device="meta")
        return network_graph(module, (1, 1, side))

    @cached_property
    def closed_form(self) -> list[int]:
        """The width in pixels of each layer's receptive field, in closed form."""
        return [int(self.fields[name].size[1]) for name in self.names]

    @cached_property
    def measured(self) -> list[int]:
        """The width in pixels of each layer's receptive field, measured with torch's gradient."""
        from core.receptive_field.measured import measure_receptive_field

        module = build(parse_notation(self.line), 1, (1, self.side), device="meta")
        size = (1, 1, self.side)
        return [measure_receptive_field(module, size, n).size[1] or 0 for n in self.names]


def width_conv_notation(kernel: int, stride: int = 1, dilation: int = 1) -> str:
    """Return the notation of a one-channel convolution along the width."""
    return f"conv1x{kernel} s1x{stride} d1x{dilation} c1 nobias"


def _square_conv_notation(kernel: int, stride: int = 1, dilation: int = 1) -> str:
    """Return the notation of a convolution along both axes with 8 channels, for links to pages."""
    parts = f"conv{kernel}", f"s{stride}" * (stride > 1), f"d{dilation}" * (dilation > 1)
    return " ".join(filter(None, (*parts, "c8")))


def page_link(layers: Sequence[str], page: str = "fields", **more: str) -> Link:
    """Return a link to a page with these layers on a 512×512 image; ``more`` are parameters."""
    query = {"network": "own", "layers": ", ".join(layers)}
    query |= {"input_height": "512", "input_width": "512"}
    return Link(page, (*query.items(), *more.items()))


# --- 11: the recurrence ---------------------------------------------------------------------------


def _recurrence_chart(rows: Rows, kernel: int, stride: int, dilation: int) -> Plot:
    """Return a line chart of the receptive field of each layer, by the recurrence and by torch."""
    return line_plot(
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


def _field_recurrence(values: Values) -> Outcome:
    """Test claim 11: compare the recurrence with torch after each layer."""
    kernel, stride = int(values["kernel_size"]), int(values["stride"])
    dilation, count = int(values["dilation"]), int(values["layers"])
    chain = Chain(", ".join([width_conv_notation(kernel, stride, dilation)] * count))
    reach, jump, rows, agrees = 1, 1, [], []
    for layer, (closed, measured) in enumerate(
        zip(chain.closed_form, chain.measured, strict=True), start=1
    ):
        formula = f"{reach} + ({kernel} − 1)·{jump} = {reach + (kernel - 1) * jump}"
        reach, jump = reach + (kernel - 1) * jump, jump * stride
        rows.append((layer, formula, closed, measured, jump))
        agrees.append(reach == measured)
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
        f"the layer is {supporting_row_names(rows, agrees, ', ')}",
    )


# --- 12: the copied table -------------------------------------------------------------------------


def _copied_field_chart(rows: Rows, kernel: int, pool: int, blocks: tuple[int, ...]) -> Plot:
    """Return a line chart of the field after each block: by the table, and measured by torch."""
    return line_plot(
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


def _copied_field_table(values: Values) -> Outcome:
    """Test claim 12: compare the table's fields of pooled blocks with torch."""
    kernel, pool, count = (int(values[n]) for n in ("kernel_size", "pool", "blocks"))
    strided = Chain(", ".join([width_conv_notation(kernel, pool)] * count))
    pooled = Chain(", ".join([width_conv_notation(kernel), f"maxpool1x{pool} s1x{pool}"] * count))
    strided_sizes, pooled_sizes, pooled_closed_form = (
        strided.measured,
        pooled.measured,
        pooled.closed_form,
    )
    rows, agrees = [], []
    for index in range(count):
        predicted = pool * strided.closed_form[index]
        before, after = pooled_sizes[2 * index : 2 * index + 2]
        rows.append(
            (
                index + 1,
                strided_sizes[index],
                predicted,
                before,
                after,
                pooled_closed_form[2 * index + 1],
            )
        )
        agrees.append(predicted == after)
    blocks = tuple(row[0] for row in rows)
    return outcome(
        f"By the table's rule, {pool} times the strided field, it is {_joined_column(rows, 2)} after each "
        f"pool. Torch finds {_joined_column(rows, 4)} "
        f"({_joined_column(rows, 3)} before each pool), and {_joined_column(rows, 1)} with strides instead.",
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
        _copied_field_chart(rows, kernel, pool, blocks),
        "the block is " + supporting_row_names(rows, agrees, ", "),
    )


def _joined_column(rows: Sequence[Sequence[object]], column: int) -> str:
    """Return one column of the rows as a comma-separated list."""
    return ", ".join(str(row[column]) for row in rows)


# --- 13: strides early ----------------------------------------------------------------------------


def _early_stride_chart(
    rows: Rows, count: int, kernel: int, stride: int, stride_layers: Sequence[int]
) -> Plot:
    """Return a bar chart of the whole field for each position of the strided layer."""
    return bar_plot(
        f"Receptive field of {count} {kernel}×{kernel} layers, one with stride {stride}",
        "layer with the stride",
        "receptive field (px)",
        (Series("torch", tuple(map(str, stride_layers)), tuple(float(r[2]) for r in rows)),),
    )


def _early_stride(values: Values) -> Outcome:
    """Test claim 13: put the stride into each layer in turn."""
    count, kernel, stride = (int(values[n]) for n in ("layers", "kernel_size", "stride"))
    plain = Chain(", ".join([width_conv_notation(kernel)] * count)).measured
    rows: list[tuple[Any, ...]] = []
    agrees: list[bool | None] = []
    for strided_layer in range(1, count + 1):
        lines = [
            width_conv_notation(kernel, stride if layer == strided_layer else 1)
            for layer in range(1, count + 1)
        ]
        chain = Chain(", ".join(lines))
        fields = chain.measured
        later = count - strided_layer
        adds = (fields[-1] - fields[strided_layer - 1]) / later if later else 0.0
        rows.append(
            (strided_layer, chain.closed_form[-1], fields[-1], later, f"{adds:g}", kernel - 1)
        )
        more = adds == stride * (kernel - 1) and fields[-1] > plain[-1]
        agrees.append(more if later else None)
    stride_layers = tuple(row[0] for row in rows)
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
        _early_stride_chart(rows, count, kernel, stride, stride_layers),
        "the stride is in layer " + supporting_row_names(rows, agrees, ", "),
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
        _field_recurrence,
        lambda v: page_link(
            [_square_conv_notation(int(v["kernel_size"]), int(v["stride"]), int(v["dilation"]))]
            * int(v["layers"])
        ),
        "A unit of layer $l$ reads $k_l$ units of the layer below, which stand $j_{l-1}$ pixels "
        "apart: each further tap adds that much. With dilation the taps stand further apart, and "
        "$k$ has to be $d(k-1)+1$.",
        grid=(grid_block(kernel_size=(2, 3, 5), stride=(1, 2), dilation=(1, 2)),),
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
        _copied_field_table,
        lambda v: page_link(
            [_square_conv_notation(int(v["kernel_size"])), f"maxpool{v['pool']} s{v['pool']}"]
            * int(v["blocks"]),
            tab="layers",
        ),
        "The pool of a block adds $(2 - 1)\\,j$ pixels, it does not double the field: "
        "$r = 1 + \\sum_l (2 + 1)\\,2^{l-1} = 3 \\cdot 2^n - 2$, so 4, 10, 22, 46.",
        grid=(grid_block(kernel_size=(2, 3, 5), pool=(2, 3)),),
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
        _early_stride,
        lambda v: page_link(
            [_square_conv_notation(int(v["kernel_size"]), int(v["stride"]))]
            + [_square_conv_notation(int(v["kernel_size"]))] * (int(v["layers"]) - 1),
            tab="depth",
        ),
        "Behind a stride $s$ neighboring units stand $s$ times as far apart in the image, so each "
        "later $k \\times k$ adds $(k-1)\\,s$ pixels instead of $k-1$. Layers before it gain nothing.",
        grid=(grid_block(layers=(4,), kernel_size=(1, 3), stride=(2, 3)),),
        rules=(("the kernels are larger than one pixel", lambda v: int(v["kernel_size"]) > 1),),
    ),
)
"""The claims about theoretical receptive fields, in the order of their numbers."""
