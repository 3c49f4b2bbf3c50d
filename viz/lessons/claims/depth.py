"""Claim 21: how the gradient fares in the backward pass through a deep plain network."""

from __future__ import annotations

from core.gradients.recipe import DOWNSAMPLINGS, WEIGHTS, FlowSpec
from viz.lessons.claims.claim import (
    Chart,
    Claim,
    Link,
    Outcome,
    Series,
    Setting,
    Values,
    block,
    outcome,
)

LEVELS, DRAWS, BATCH = 3, 3, 2
OFFERED = ("relu", "gelu", "tanh", "sigmoid", "none")
DEAD = 1e-3
"""Share of the gradient's norm below which it is called dead."""
NAMES = {
    "none": "none",
    "stride": "strided convolution",
    "max": "max pooling",
    "average": "average pooling",
    "blur": "blur pooling",
}
HELP = {
    "none": (False, False),
    "BatchNorm": (True, False),
    "skips": (False, True),
    "both": (True, True),
}
"""What is put in against it: BatchNorm, skips."""
VARIANCE = {"he": 2.0, "xavier": 1.0, "torch": 1 / 3}
"""fan-in · variance of a weight; as many channels go in as come out."""
PASSED = {"relu": 0.5, "none": 1.0}
"""Share of the energy that an activation hands back."""
HALVED = {"none": 1.0, "stride": 1.0, "average": 1 / 4, "blur": (6 / 16) ** 2}
"""Share of the energy that a reduction hands back: the sum of its squared weights."""


def _spec(values: Values, downsampling: str) -> FlowSpec:
    batch_norm, skips = HELP[str(values["help"])]
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
    """Factor of the gradient's norm per layer, in closed form; None where there is none here.

    A layer hands back ``fan-in · Var(w)`` of the energy, ReLU half of it (He et al., 2015),
    a stride all of it, an average over 2×2 a quarter. Borders, which lose a little, are left
    out; a maximum and its neighbours depend on each other, and have no such product.
    """
    plain = not (spec.batch_norm or spec.skips)
    covered = spec.weights in VARIANCE and spec.activation in PASSED and spec.downsampling in HALVED
    if not (plain and covered):
        return None
    layer = VARIANCE[spec.weights] * PASSED[spec.activation]
    reductions = len(spec.downsampling_layers) / spec.depth
    return float((layer * HALVED[spec.downsampling] ** reductions) ** 0.5)


def _dies(values: Values) -> Outcome:
    from core.gradients.flow import gradient_flow

    flows = {name: gradient_flow(_spec(values, name)) for name in DOWNSAMPLINGS}
    rows, agrees = [], []
    for name, flow in flows.items():
        left, at = float(flow.median[0] / flow.median[-1]), flow.vanishing_layer(DEAD)
        factor = expected_factor(flow.spec)
        rows.append(
            (
                NAMES[name],
                "–" if factor is None else f"{factor:.3f}",
                f"{flow.per_layer:.3f}",
                f"{left:.2g}",
                "never" if at is None else at,
            )
        )
        agrees.append(left < DEAD)
    places = {NAMES[name]: flow.vanishing_layer(DEAD) for name, flow in flows.items()}
    dead = {name: at for name, at in places.items() if at is not None}
    dying = [str(row[0]) for row, agree in zip(rows, agrees, strict=True) if agree]
    first = [name for name, at in dead.items() if at == max(dead.values())]
    where = (
        f" In the backward pass it vanishes first with {' and '.join(first)}, at layer "
        f"{max(dead.values())} of {values['depth']}."
        if dead
        else ""
    )
    return outcome(
        f"Of a gradient of norm 1 at the last of {values['depth']} layers, {rows[0][3]} arrives at "
        f"the image without reduction, {rows[1][3]} with strides, {rows[2][3]} with max pooling "
        f"and {rows[3][3]} with average pooling.{where}",
        (
            "reduction",
            "factor a layer: closed form",
            "factor a layer: torch",
            "norm at the image",
            f"layer where it falls below {DEAD:g}",
        ),
        rows,
        agrees,
        Chart(
            "lines",
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
        ),
        "the reduction is " + " or ".join(dying),
    )


def _link(values: Values) -> Link:
    batch_norm, skips = HELP[str(values["help"])]
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
        Setting("weights", "Initialisation", "torch", options=WEIGHTS),
        Setting("activation", "Activation", "relu", options=OFFERED),
        Setting("depth", "Layers", "20", options=("5", "10", "20", "40")),
        Setting("help", "Put in against it", "none", options=tuple(HELP)),
    ),
    _dies,
    _link,
    r"In the backward pass through a layer the gradient's energy is multiplied by "
    r"$\text{fan-in}\cdot\mathrm{Var}(w)$ and by what the activation lets through, one half for "
    r"ReLU. PyTorch's own $\mathrm{Var}(w) = 1/(3\,\text{fan-in})$ leaves $1/6$ of it at every "
    r"layer; He's $2/\text{fan-in}$ makes the factor 1. A stride changes nothing of that, an "
    r"average over 2×2 leaves a quarter.",
    grid=(block(weights=WEIGHTS, depth=("10", "20")),),
    rules=(
        (
            "the first weights are PyTorch's own, or Xavier's in a net of 20 layers",
            lambda v: v["weights"] == "torch" or (v["weights"] == "xavier" and v["depth"] == "20"),
        ),
    ),
)
