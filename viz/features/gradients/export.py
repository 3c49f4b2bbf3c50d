"""The gradient page's plots, and its pictures for slides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from core.gradients.counts import ReadCounts
from core.plots.gradients import (
    backward_plot,
    flow_plot,
    gradients_plot,
    read_counts_plot,
    zero_gradients_plot,
)
from core.plots.plot import Plot
from core.text import times
from viz.choices.layer import UPLOAD
from viz.features.gradients import compute, params
from viz.features.gradients.params import (
    COMPARED,
    KIND_LABELS,
    TABS,
    GradientSettings,
    PageLayer,
)
from viz.server.queue import run_now
from viz.slides.style import NO_UPLOAD, Picture, plot_picture, refuse_unfit

if TYPE_CHECKING:
    from core.gradients.flow import GradientFlow
    from core.gradients.pattern import InputGradient
    from core.gradients.recipe import FlowSpec


def pictures(values: GradientSettings) -> list[Picture]:
    """All pictures of a link to the page; each computes what it needs when it is drawn.

    Raises:
        SpecError: A layer does not fit the input, or the link names the visitor's own picture.
    """
    valid, changes = params.make_valid(values)
    refuse_unfit(changes)
    refuse_unfit([NO_UPLOAD] if values.picture == UPLOAD else [])
    layers = [params.layer(valid, name) for name in valid.shown]
    specs = params.flow_specs(valid)
    offered = [
        *([picture_of_layers(layers, valid)] if layers else []),
        *([picture_of_counts(layers, valid)] if layers else []),
        picture_of_backward(params.layer(valid, params.backward_layer_name(valid, layers)), valid),
        plot_picture("flow", "Through depth", lambda: flow(_flows_by_label(specs), valid)),
        picture_of_dead_shares(),
    ]
    first = {TABS["counts"]: "counts", TABS["back"]: "backward", TABS["depth"]: "flow"}
    offered.sort(key=lambda picture: picture.name != first.get(valid.tab, "layers"))
    return [replace(picture, settings=settings_text(valid)) for picture in offered]


def settings_text(values: GradientSettings) -> str:
    """The settings of the page in words, for a caption."""
    side = f"{values.input_height}×{values.input_width}"
    kind = KIND_LABELS[values.arriving]
    return f"Input {side}, {values.picture}; upstream gradient: {kind}; kernel {values.kernel}"


def gradients(layers: Sequence[PageLayer], values: GradientSettings) -> dict[str, InputGradient]:
    """The gradients at the input and output of layers, by title."""
    return {
        each.title: compute.gradient(each.board, params.upstream_gradient(values, each))
        for each in layers
    }


def read_counts(layers: Sequence[PageLayer]) -> dict[str, ReadCounts]:
    """The read counts of layers, by title."""
    return {each.title: compute.read_counts(each.board) for each in layers}


def flow(flows: Mapping[str, GradientFlow], values: GradientSettings) -> Plot:
    """Gradient norms by layer, for the networks by label that are measured already."""
    spec = next(iter(flows.values())).spec
    draws = {flow.draws for flow in flows.values()}
    seeds = f"{min(draws)} seeds" if len(draws) == 1 else "seeds"
    note = (
        f"{spec.depth} 3×3 convolutions of {spec.width} channels, {spec.levels} downsampling "
        f"layers, noise of {spec.side}×{spec.side}, batch {spec.batch}; "
        f"{params.common_settings(values, spec)}. The upstream gradient of the last layer is "
        f"random, of norm 1. Line: median over the {seeds} from {spec.seed} on; band: 10 % to "
        "90 % of them."
    )
    title = f"Gradient norm per layer at initialization, by {COMPARED[values.compare][0]}"
    return flow_plot(flows, title, [note], weights=values.weight_norms)


def picture_of_layers(layers: Sequence[PageLayer], values: GradientSettings) -> Picture:
    """The gradients at the input and output of layers."""
    size, kind = times((values.input_height, values.input_width)), KIND_LABELS[values.arriving]
    title = f"Where does the gradient go? {size} px, upstream gradient: {kind}"
    return plot_picture(
        "layers",
        "Gradients side by side",
        lambda: gradients_plot(gradients(layers, values), title),
    )


def picture_of_counts(layers: Sequence[PageLayer], values: GradientSettings) -> Picture:
    """How often layers read each pixel."""
    title = f"How often is a pixel read? {times((values.input_height, values.input_width))} px"
    return plot_picture(
        "counts", "Read counts", lambda: read_counts_plot(read_counts(layers), title)
    )


def picture_of_backward(each: PageLayer, values: GradientSettings) -> Picture:
    """The backward pass of a convolution, step by step."""

    def make() -> Plot:
        result = compute.backward(each.board, params.upstream_gradient(values, each))
        return backward_plot(result, f"{each.title}: its backward pass")

    return plot_picture("backward", "Backward as a convolution", make)


def picture_of_flow(flows: Mapping[str, GradientFlow], values: GradientSettings) -> Picture:
    """Gradient norms by layer."""
    return plot_picture("flow", "Through depth", partial(flow, flows, values))


def picture_of_dead_shares() -> Picture:
    """The share of pixels that stacked max pooling leaves without a gradient."""
    return plot_picture("dead", "Dead shares", lambda: zero_gradients_plot(compute.dead_shares()))


def _flows_by_label(specs: Mapping[str, FlowSpec]) -> dict[str, GradientFlow]:
    """The measured flows of networks by label."""
    flows_by_spec = _measured_flows(tuple(specs.values()))
    return {label: flows_by_spec[spec] for label, spec in specs.items()}


@lru_cache(maxsize=2)
def _measured_flows(specs: tuple[FlowSpec, ...]) -> dict[FlowSpec, GradientFlow]:
    """The flows of networks, measured in this process."""
    results: dict[FlowSpec, GradientFlow] = run_now(compute.flows_work(specs))
    return results
