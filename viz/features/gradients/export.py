"""The pictures of the gradient page."""

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
    LAYERS,
    OWN,
    TABS,
    GradientSettings,
    Shown,
    flow_labels,
)
from viz.server.queue import run_now
from viz.slides.style import NO_UPLOAD, Picture, Style, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from core.gradients.flow import GradientFlow
    from core.gradients.recipe import FlowSpec


def pictures(values: GradientSettings) -> list[Picture]:
    """All pictures of a link's values; each computes what it needs when it is drawn.

    Raises:
        SpecError: a layer that does not fit the input.
    """
    settled, changes = params.settled(values)
    refuse_unfit(changes)
    refuse_unfit([NO_UPLOAD] if values.picture == UPLOAD else [])
    layers = [params.layer(settled, name) for name in settled.shown]
    specs = params.flows(settled)
    offered = [
        *([picture_of_layers(layers, settled)] if layers else []),
        *([picture_of_counts(layers, settled)] if layers else []),
        picture_of_backward(back_layer(settled, layers), settled),
        Picture(
            "flow",
            "Through depth",
            lambda style: picture_of_flow(_flows(specs), settled).draw(style),
        ),
        picture_of_dead(),
    ]
    first = {TABS["counts"]: "counts", TABS["back"]: "backward", TABS["depth"]: "flow"}
    offered.sort(key=lambda picture: picture.name != first.get(settled.tab, "layers"))
    return [replace(picture, settings=settings(settled)) for picture in offered]


def settings(values: GradientSettings) -> str:
    """What the page shows in words, for a caption."""
    side = f"{values.input_height}×{values.input_width}"
    kind = KIND_LABELS[values.arriving]
    return f"Input {side}, {values.picture}; upstream gradient: {kind}; kernel {values.kernel}"


def picture_of_layers(panels: Sequence[Shown], values: GradientSettings) -> Picture:
    """The layers on show: the gradient at their input, and the upstream gradient."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import layers

        named = {
            each.title: compute.gradient(each.board, params.arriving(values, each))
            for each in panels
        }
        arrays = [a for each in named.values() for a in (each.gradient, each.upstream)]
        top = max(float(np.abs(array).max()) for array in arrays) or 1.0
        return layers(named, style, title=_heading(values), top=top)

    return Picture("layers", "Gradients side by side", draw)


def _heading(values: GradientSettings) -> str:
    size = f"{values.input_height}×{values.input_width}"
    return (
        f"Where does the gradient go? {size} px, upstream gradient: {KIND_LABELS[values.arriving]}"
    )


def picture_of_counts(panels: Sequence[Shown], values: GradientSettings) -> Picture:
    """How often the layers on show read each pixel."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import counts

        counted = {each.title: compute.counts(each.board) for each in panels}
        named = {name: (each.reads, each.sent, each.even) for name, each in counted.items()}
        size = f"{values.input_height}×{values.input_width}"
        return counts(named, style, title=f"How often is a pixel read? {size} px")

    return Picture("counts", "Read counts", draw)


def back_layer(values: GradientSettings, panels: Sequence[Shown]) -> Shown:
    """The convolution whose backward pass is rebuilt: the chosen one, or the first shown."""
    options = [name for name, spec in LAYERS.items() if spec.operation == "convolution"]
    if params.layer(values, OWN).board.layer.operation == "convolution":
        options.append(OWN)
    name = values.back_layer
    if name not in options:
        name = next((each.name for each in panels if each.name in options), "conv3")
    return params.layer(values, name)


def picture_of_backward(each: Shown, values: GradientSettings) -> Picture:
    """A convolution's backward pass, step by step."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import backward

        arriving = params.arriving(values, each)
        result = compute.backward(each.board, arriving)
        return backward(result, style, title=each.title)

    return Picture("backward", "Backward as a convolution", draw)


def picture_of_flow(flows: Mapping[str, GradientFlow], values: GradientSettings) -> Picture:
    """Gradient norms through depth, of what is there."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import flow

        title = f"Gradient norm per layer at initialisation, by {COMPARED[values.compare][0]}"
        notes = [flow_recipe(values, next(iter(flows.values())).spec)]
        return flow(flows, style, title=title, notes=notes, weights=values.weight_norms)

    return Picture("flow", "Through depth", draw)


def flow_recipe(values: GradientSettings, spec: FlowSpec) -> str:
    """What a flow was drawn from."""
    settings_text = ", ".join(
        f"{COMPARED[key][0]}: {flow_labels(key)[getattr(spec, key)]}"
        for key in COMPARED
        if key != values.compare
    )
    return (
        f"{spec.depth} 3×3 convolutions of {spec.width} channels, {spec.levels} downsampling layers (◀), "
        f"noise of {spec.side}×{spec.side}; {settings_text}. Median of {spec.draws} draws, band 10 % to 90 %."
    )


def picture_of_dead() -> Picture:
    """What stacked max pooling leaves without a gradient."""

    def draw(style: Style) -> Figure:
        from viz.features.gradients.slides import dead

        return dead(compute.dead_shares(), style)

    return Picture("dead", "Dead shares", draw)


def _flows(specs: Mapping[str, FlowSpec]) -> dict[str, GradientFlow]:
    flows_by_spec = _drawn(tuple(specs.values()))
    return {label: flows_by_spec[spec] for label, spec in specs.items()}


@lru_cache(maxsize=2)
def _drawn(specs: tuple[FlowSpec, ...]) -> dict[FlowSpec, GradientFlow]:
    results: dict[FlowSpec, GradientFlow] = run_now(compute.flows(specs))
    return results
