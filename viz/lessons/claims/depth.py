"""Claim 21: how the gradient's norm changes in the backward pass through a deep plain network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.gradients.recipe import DOWNSAMPLINGS, WEIGHTS, FlowSpec
from core.plots.plot import Plot
from viz.lessons.claims.charts import Series, line_plot
from viz.lessons.claims.claim import (
    Claim,
    Link,
    Outcome,
    Setting,
    Values,
    grid_block,
    outcome,
)
from viz.lessons.claims.parts import supporting_row_names

if TYPE_CHECKING:
    from core.gradients.flow import GradientFlow

LEVELS, DRAWS, BATCH = 3, 3, 2
"""Number of resolution levels, of random networks over which is averaged, and of images."""
ACTIVATIONS = ("relu", "gelu", "tanh", "sigmoid", "none")
VANISHED = 1e-3
"""Ratio of the gradient's norm to that at the last layer below which it counts as vanished."""
NAMES = {
    "none": "none",
    "stride": "strided convolution",
    "max": "max pooling",
    "average": "average pooling",
    "blur": "blur pooling",
}
"""Name of each downsampling in tables and charts, by its key in `FlowSpec`."""
REMEDIES = {
    "none": (False, False),
    "BatchNorm": (True, False),
    "skips": (False, True),
    "both": (True, True),
}
"""For each remedy against vanishing gradients: whether it uses BatchNorm, and skip connections."""
SCALED_VARIANCE = {"he": 2.0, "xavier": 1.0, "torch": 1 / 3}
"""Variance of a weight times fan-in for each initialization; fan-in and fan-out are equal here."""
ACTIVATION_ENERGY = {"relu": 0.5, "none": 1.0}
"""Factor by which an activation multiplies the gradient's mean energy in the backward pass."""
REDUCTION_ENERGY = {"none": 1.0, "stride": 1.0, "average": 1 / 4, "blur": (6 / 16) ** 2}
"""Factor by which a downsampling multiplies the gradient's mean energy in the backward pass: the
sum of its squared weights."""


def _flow_spec(values: Values, downsampling: str) -> FlowSpec:
    """Return the network of these settings with one kind of downsampling."""
    batch_norm, skips = REMEDIES[str(values["help"])]
    return FlowSpec(
        downsampling,  # type: ignore[arg-type]
        str(values["activation"]),
        str(values["weights"]),  # type: ignore[arg-type]
        batch_norm,
        skips,
        int(values["depth"]),
        LEVELS,
        draws=DRAWS,
        batch=BATCH,
    )


def expected_factor(spec: FlowSpec) -> float | None:
    """Return the mean factor by which one layer multiplies the gradient's norm, in closed form.

    In the backward pass a layer multiplies the gradient's energy by ``fan-in · Var(w)``, ReLU by
    one half (He et al., 2015), a stride by 1, and an average over 2×2 by a quarter. The small loss
    at the borders is neglected.

    Returns:
        The factor; None for networks without such a product, for example with max pooling, whose
        winners depend on each other.
    """
    plain = not (spec.batch_norm or spec.skips)
    covered = (
        spec.weights in SCALED_VARIANCE
        and spec.activation in ACTIVATION_ENERGY
        and spec.downsampling in REDUCTION_ENERGY
    )
    if not (plain and covered):
        return None
    layer = SCALED_VARIANCE[spec.weights] * ACTIVATION_ENERGY[spec.activation]
    reductions = len(spec.downsampling_layers) / spec.depth
    return float((layer * REDUCTION_ENERGY[spec.downsampling] ** reductions) ** 0.5)


def _vanishing_row(name: str, flow: GradientFlow) -> tuple[tuple[str | int, ...], bool]:
    """Return the evidence row of one downsampling, and whether its gradient vanishes."""
    remaining, vanishing_layer = (
        float(flow.median[0] / flow.median[-1]),
        flow.vanishing_layer(VANISHED),
    )
    factor = expected_factor(flow.spec)
    row = (
        NAMES[name],
        "–" if factor is None else f"{factor:.3f}",
        f"{flow.factor_per_layer:.3f}",
        f"{remaining:.2g}",
        "never" if vanishing_layer is None else vanishing_layer,
    )
    return row, remaining < VANISHED


def _first_to_vanish_sentence(flows: Mapping[str, GradientFlow]) -> str:
    """Return the sentence, after a space, on which gradient vanishes first; "" if none does."""
    layers = {NAMES[name]: flow.vanishing_layer(VANISHED) for name, flow in flows.items()}
    first = max((layer for layer in layers.values() if layer is not None), default=None)
    if first is None:
        return ""
    names = " and ".join(name for name, layer in layers.items() if layer == first)
    depth = next(iter(flows.values())).spec.depth
    return f" In the backward pass it vanishes first with {names}, at layer {first} of {depth}."


def _flow_chart(flows: Mapping[str, GradientFlow]) -> Plot:
    """Return a line chart of the gradient's norm at each layer, relative to the last layer."""
    return line_plot(
        "Norm of the gradient in the backward pass",
        "layer (0: the image)",
        "norm, 1 at the last layer",
        tuple(
            Series(
                NAMES[name],
                tuple(range(len(flow.median))),
                tuple((flow.median / flow.median[-1]).tolist()),
            )
            for name, flow in flows.items()
        ),
        log=True,
    )


def _vanishing_gradient(values: Values) -> Outcome:
    """Test claim 21: whether the gradient vanishes, for each kind of downsampling."""
    from core.gradients.flow import gradient_flow

    flows: dict[str, GradientFlow] = {
        name: gradient_flow(_flow_spec(values, name)) for name in DOWNSAMPLINGS
    }
    rows, agrees = zip(*(_vanishing_row(*item) for item in flows.items()), strict=True)
    return outcome(
        f"Of a gradient of norm 1 at the last of {values['depth']} layers, {rows[0][3]} arrives at "
        f"the image without reduction, {rows[1][3]} with strides, {rows[2][3]} with max pooling "
        f"and {rows[3][3]} with average pooling.{_first_to_vanish_sentence(flows)}",
        (
            "reduction",
            "factor a layer: closed form",
            "factor a layer: torch",
            "norm at the image",
            f"layer where it falls below {VANISHED:g}",
        ),
        rows,
        agrees,
        _flow_chart(flows),
        "the reduction is " + supporting_row_names(rows, agrees),
    )


def _link(values: Values) -> Link:
    """Return a link to the gradients page with these networks."""
    batch_norm, skips = REMEDIES[str(values["help"])]
    query = {
        "tab": "depth",
        "compare": "downsampling",
        "flow_activation": str(values["activation"]),
        "flow_weights": str(values["weights"]),
        "flow_batch_norm": str(batch_norm).lower(),
        "flow_skips": str(skips).lower(),
        "depth": str(values["depth"]),
        "levels": str(LEVELS),
    }
    return Link("gradients", tuple(query.items()))


DEPTH = Claim(
    21,
    "Gradients",
    "In deep plain networks the gradient vanishes before it reaches the image.",
    (
        Setting("weights", "Initialization", "torch", options=WEIGHTS),
        Setting("activation", "Activation", "relu", options=ACTIVATIONS),
        Setting("depth", "Layers", "20", options=("5", "10", "20", "40")),
        Setting("help", "Remedy in every layer", "none", options=tuple(REMEDIES)),
    ),
    _vanishing_gradient,
    _link,
    r"In the backward pass through a layer the gradient's energy is multiplied by "
    r"$\text{fan-in}\cdot\mathrm{Var}(w)$ and by what the activation lets through, one half for "
    r"ReLU. PyTorch's own $\mathrm{Var}(w) = 1/(3\,\text{fan-in})$ leaves $1/6$ of it at every "
    r"layer; He's $2/\text{fan-in}$ makes the factor 1. A stride changes nothing of that, an "
    r"average over 2×2 leaves a quarter.",
    grid=(grid_block(weights=WEIGHTS, depth=("10", "20")),),
    rules=(
        (
            "the first weights are PyTorch's own, or Xavier's in a net of 20 layers",
            lambda v: v["weights"] == "torch" or (v["weights"] == "xavier" and v["depth"] == "20"),
        ),
    ),
)
