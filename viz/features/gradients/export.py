"""The pictures of the gradient page that can be saved for slides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

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
from viz.slides.style import NO_UPLOAD, Picture, Style, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from core.gradients.flow import GradientFlow
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
        Picture(
            "flow",
            "Through depth",
            lambda style: picture_of_flow(_flows_by_label(specs), valid).draw(style),
        ),
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


def picture_of_layers(panels: Sequence[PageLayer], values: GradientSettings) -> Picture:
    """The gradient at the input of several layers, and the upstream gradient."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import layers

        named = {
            each.title: compute.gradient(each.board, params.upstream_gradient(values, each))
            for each in panels
        }
        arrays = [a for each in named.values() for a in (each.gradient, each.upstream)]
        top = max(float(np.abs(array).max()) for array in arrays) or 1.0
        return layers(named, style, title=_heading(values), top=top)

    return Picture("layers", "Gradients side by side", draw)


def _heading(values: GradientSettings) -> str:
    """Title of the picture of the layers."""
    size = f"{values.input_height}×{values.input_width}"
    return (
        f"Where does the gradient go? {size} px, upstream gradient: {KIND_LABELS[values.arriving]}"
    )


def picture_of_counts(panels: Sequence[PageLayer], values: GradientSettings) -> Picture:
    """How often several layers read each pixel."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import counts

        counted = {each.title: compute.read_counts(each.board) for each in panels}
        named = {name: (each.reads, each.sent, each.even) for name, each in counted.items()}
        size = f"{values.input_height}×{values.input_width}"
        return counts(named, style, title=f"How often is a pixel read? {size} px")

    return Picture("counts", "Read counts", draw)


def picture_of_backward(each: PageLayer, values: GradientSettings) -> Picture:
    """The backward pass of a convolution, step by step."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import backward

        result = compute.backward(each.board, params.upstream_gradient(values, each))
        return backward(result, style, title=each.title)

    return Picture("backward", "Backward as a convolution", draw)


def picture_of_flow(flows: Mapping[str, GradientFlow], values: GradientSettings) -> Picture:
    """Gradient norms by layer, for the networks by label that are measured already."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import flow

        title = f"Gradient norm per layer at initialization, by {COMPARED[values.compare][0]}"
        notes = [flow_settings_text(values, next(iter(flows.values())).spec)]
        return flow(flows, style, title=title, notes=notes, weights=values.weight_norms)

    return Picture("flow", "Through depth", draw)


def flow_settings_text(values: GradientSettings, spec: FlowSpec) -> str:
    """The networks and draws of a flow in words, for a note below the picture."""
    return (
        f"{spec.depth} 3×3 convolutions of {spec.width} channels, {spec.levels} downsampling layers (◀), "
        f"noise of {spec.side}×{spec.side}; {params.common_settings(values, spec)}. Median of {spec.draws} draws, band 10 % to 90 %."
    )


def picture_of_dead_shares() -> Picture:
    """The share of pixels that stacked max pooling leaves without a gradient."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import dead

        return dead(compute.dead_shares(), style)

    return Picture("dead", "Dead shares", draw)


def _flows_by_label(specs: Mapping[str, FlowSpec]) -> dict[str, GradientFlow]:
    """The measured flows of networks by label."""
    flows_by_spec = _measured_flows(tuple(specs.values()))
    return {label: flows_by_spec[spec] for label, spec in specs.items()}


@lru_cache(maxsize=2)
def _measured_flows(specs: tuple[FlowSpec, ...]) -> dict[FlowSpec, GradientFlow]:
    """The flows of networks, measured in this process."""
    results: dict[FlowSpec, GradientFlow] = run_now(compute.flows_work(specs))
    return results
