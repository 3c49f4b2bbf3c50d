"""Computations of the gradient page: cached results, boards of the backward pass, queue work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.gradients.counts import ReadCounts, reads_evenly, windows_per_pixel
from core.gradients.recipe import FlowSpec, UpstreamGradient
from core.layer import LayerSpec
from core.layer.board import BoardSpec, InputSpec
from viz.choices import board as choices_board
from viz.server import torch_start
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work

if TYPE_CHECKING:
    from core.gradients.flow import FlowProgress, GradientFlow, ZeroGradientShare
    from core.gradients.pattern import InputGradient
    from core.gradients.rebuild import BackwardPass


@computed_once(256)
def gradient(board: BoardSpec, upstream: UpstreamGradient) -> InputGradient:
    """The gradient at the input of a board's layer, by torch's autograd."""
    torch_start.warm()
    from core.gradients.pattern import input_gradient

    return input_gradient(
        board.layer, board.source.pixels(), board.weight(), board.bias(), upstream
    )


@computed_once(128)
def read_counts(board: BoardSpec) -> ReadCounts:
    """Read counts of a layer in closed form and by torch's gradients, over all its filters."""
    torch_start.warm()
    from core.gradients.pattern import contribution_counts

    spec = board.layer
    sent = contribution_counts(spec, board.source.pixels(), board.weight(), board.bias())
    filters = gradient(board, UpstreamGradient("all")).output.shape[0]
    return ReadCounts(
        windows_per_pixel(spec, board.source.size) * filters, sent[0], reads_evenly(spec)
    )


@computed_once(256)
def closed_form_error(board: BoardSpec, upstream: UpstreamGradient) -> float:
    """Largest difference between the gradient of a single unit by torch and its closed form.

    The closed form is the weights of the unit's taps: the derivatives of the unit by its pixels.
    """
    torch_start.warm()
    from core.gradients.pattern import expected_gradient

    expected = expected_gradient(choices_board.sweep(board), upstream.channel, *upstream.unit)
    return float(np.abs(gradient(board, upstream).gradient - expected).max())


@computed_once(64)
def backward(board: BoardSpec, upstream: UpstreamGradient) -> BackwardPass:
    """Each step of a convolution's backward pass by hand, and its difference from torch's result."""
    torch_start.warm()
    from core.gradients.rebuild import backward_by_hand_and_autograd

    weight = board.weight()
    assert weight is not None
    values = gradient(board, upstream).upstream
    return backward_by_hand_and_autograd(board.layer, board.source.size, weight, values)


def backward_board(board: BoardSpec, upstream: UpstreamGradient) -> BoardSpec:
    """The backward pass of a convolution as a board with a transposed convolution.

    Its input is the upstream gradient, its kernel that of the convolution, and its output the
    gradient at the convolution's input. If the padding copies pixels, the output is the gradient
    at the *padded* input.
    """
    spec, back = board.layer, backward(board, upstream)
    pads_zeros = spec.padding_mode == "zeros"
    layer = LayerSpec(
        "transposed_convolution",
        spec.kernel_size,
        spec.stride,
        spec.padding if pads_zeros else ((0, 0), (0, 0)),
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
class LayerClaims:
    """Quantities that textbooks make claims about, measured for one layer on its input.

    Attributes:
        interior, corner: Number of pixels that get a gradient from a unit in the middle, and from
            the first unit.
        zeros: Share of pixels whose gradient is exactly 0 when the upstream gradient is 1 everywhere.
        starved: Share of pixels to which no unit sends a gradient.
        least, most: Smallest and largest number of units that send a pixel away from the border a
            gradient.
        even: Whether the windows read all pixels away from the border equally often.
    """

    interior: int
    corner: int
    zeros: float
    starved: float
    least: int
    most: int
    even: bool


@computed_once(256)
def layer_claims(board: BoardSpec) -> LayerClaims:
    """The quantities of `LayerClaims` for a board's layer."""
    reads, whole = read_counts(board), gradient(board, UpstreamGradient("all"))
    rows, cols = whole.output.shape[1:]
    middle = gradient(board, UpstreamGradient("unit", (rows // 2, cols // 2)))
    corner = gradient(board, UpstreamGradient("unit"))
    inner = reads.sent[1:-1, 1:-1]
    return LayerClaims(
        middle.statistics.reached,
        corner.statistics.reached,
        whole.statistics.zeros,
        float((reads.sent == 0).mean()),
        int(inner.min()),
        int(inner.max()),
        reads.even,
    )


@computed_once(4)
def dead_shares(levels: int = 5) -> tuple[ZeroGradientShare, ...]:
    """Shares of pixels without a gradient below 1 to ``levels`` 2×2 max-pools, and 1 − 4^−L."""
    torch_start.warm()
    from core.gradients.flow import zero_gradient_shares as measure

    return measure(levels)


@queued
def flows_work(specs: tuple[FlowSpec, ...]) -> Work:
    """Queue work that measures the gradient norms in several deep networks, one after the other.

    Its result, and its partial result meanwhile, is a dictionary from network to flow.
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
                break  # the work was canceled
        return results

    return run
