"""Gradients for the page: caches, the boards of the backward pass, work for the queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.gradients.counts import reads_evenly, window_reads
from core.gradients.recipe import FlowSpec, UpstreamGradient
from core.layer import LayerSpec
from core.layer.board import BoardSpec, InputSpec
from core.layer.window import IntArray
from viz.choices import board as choices_board
from viz.server import torch_start
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work

if TYPE_CHECKING:
    from core.gradients.flow import DeadShare, FlowProgress, GradientFlow
    from core.gradients.pattern import InputGradient
    from core.gradients.rebuild import BackwardPass


@computed_once(256)
def gradient(board: BoardSpec, downstream: UpstreamGradient) -> InputGradient:
    """The gradient at the layer's input, by torch."""
    torch_start.warm()
    from core.gradients.pattern import input_gradient

    return input_gradient(
        board.layer, board.source.pixels(), board.weight(), board.bias(), downstream
    )


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each pixel is read, and by how many units it is sent a gradient.

    Attributes:
        reads: (H, W) windows that read it, in closed form.
        sent: (H, W) units that send it a gradient, measured by torch.
        even: whether pixels far from borders are read equally often, in closed form.
    """

    reads: IntArray
    sent: IntArray
    even: bool


@computed_once(128)
def counts(board: BoardSpec) -> Counts:
    """Read counts of one layer beside what torch's gradients show; over all its filters."""
    torch_start.warm()
    from core.gradients.pattern import contribution_counts

    spec = board.layer
    sent = contribution_counts(spec, board.source.pixels(), board.weight(), board.bias())
    filters = gradient(board, UpstreamGradient("all")).output.shape[0]
    return Counts(window_reads(spec, board.source.size) * filters, sent[0], reads_evenly(spec))


@computed_once(256)
def off_closed_form(board: BoardSpec, downstream: UpstreamGradient) -> float:
    """Largest difference between one unit's gradient by torch and the weights of its taps."""
    torch_start.warm()
    from core.gradients.pattern import expected_gradient

    expected = expected_gradient(choices_board.sweep(board), downstream.channel, *downstream.unit)
    return float(np.abs(gradient(board, downstream).gradient - expected).max())


@computed_once(64)
def backward(board: BoardSpec, downstream: UpstreamGradient) -> BackwardPass:
    """Every step of a convolution's backward pass by hand, beside torch's autograd."""
    torch_start.warm()
    from core.gradients.rebuild import rebuild

    weight = board.weight()
    assert weight is not None
    arriving = gradient(board, downstream).upstream
    return rebuild(board.layer, board.source.size, weight, arriving)


def backward_board(board: BoardSpec, downstream: UpstreamGradient) -> BoardSpec:
    """The backward pass of a convolution as a board: a transposed convolution of the upstream gradient.

    Its input is the upstream gradient, its kernel the convolution's own, its output the
    gradient at the convolution's input. Where the padding copies pixels, it is the gradient
    at the *padded* input.
    """
    spec, back = board.layer, backward(board, downstream)
    whole = spec.padding_mode == "zeros"
    layer = LayerSpec(
        "transposed_convolution",
        spec.kernel_size,
        spec.stride,
        spec.padding if whole else ((0, 0), (0, 0)),
        spec.dilation,
        in_channels=spec.out_channels,
        out_channels=spec.in_channels,
        groups=spec.groups,
        output_padding=back.remainder,
    )
    cells = tuple(
        ((channel, row, col), float(back.upstream[channel, row, col]))
        for channel, row, col in np.ndindex(back.upstream.shape)
    )
    rows, cols = back.upstream.shape[1:]
    source = InputSpec("impulse", (rows, cols), spec.out_channels, edits=cells)
    return BoardSpec(layer, source, replace(board.kernel, bias=0.0))


@dataclass(frozen=True)
class Claim:
    """What teaching material says of one layer, measured on the input.

    Attributes:
        interior, corner: pixels that a unit in the middle, and the first unit, reach.
        zeros: share of pixels whose gradient is exactly 0 when all units send 1.
        starved: share of pixels to which no unit sends anything.
        least, most: units that send a pixel a gradient, away from the border.
        even: whether the windows read all pixels away from the border equally often.
    """

    interior: int
    corner: int
    zeros: float
    starved: float
    least: int
    most: int
    even: bool


@computed_once(256)
def claim(board: BoardSpec) -> Claim:
    """The claims about one layer on its input."""
    reads, whole = counts(board), gradient(board, UpstreamGradient("all"))
    rows, cols = whole.output.shape[1:]
    middle = gradient(board, UpstreamGradient("unit", (rows // 2, cols // 2)))
    corner = gradient(board, UpstreamGradient("unit"))
    inner = reads.sent[1:-1, 1:-1]
    return Claim(
        middle.statistics.reached,
        corner.statistics.reached,
        whole.statistics.zeros,
        float((reads.sent == 0).mean()),
        int(inner.min()),
        int(inner.max()),
        reads.even,
    )


@computed_once(4)
def dead_shares(levels: int = 5) -> tuple[DeadShare, ...]:
    """Pixels without a gradient below stacked max-pools, beside 1 − 4^−L."""
    torch_start.warm()
    from core.gradients.flow import dead_shares as measure

    return measure(levels)


@queued
def flows(specs: tuple[FlowSpec, ...]) -> Work:
    """The gradient's way through some deep networks, one after the other, for the queue.

    Its result, and what there is before the end, is a dictionary from network to flow.
    """

    def run(report: Report) -> dict[FlowSpec, GradientFlow]:
        torch_start.warm()
        from core.gradients.flow import gradient_flow

        results: dict[FlowSpec, GradientFlow] = {}
        total = sum(spec.draws for spec in specs)
        for spec in specs:
            before, ready = sum(flow.draws for flow in results.values()), dict(results)

            def on_progress(
                progress: FlowProgress,
                before: int = before,
                ready: dict[FlowSpec, GradientFlow] = ready,
            ) -> bool:
                partial = ready | {progress.partial.spec: progress.partial}
                return report(before + progress.done, total, partial)

            results[spec] = gradient_flow(spec, on_progress)
            if results[spec].draws < spec.draws:
                break  # nobody waits for the others either
        return results

    return run
