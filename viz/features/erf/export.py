"""The pictures for slides of the page on effective receptive fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from core import data
from core.errors import SpecError
from core.plots.effective_curves import convergence_plot, energy_plot, sections_plot
from core.plots.effective_field import expected_plot, field_plot, variants_plot
from core.plots.effective_study import study_plot
from core.plots.plot import Plot
from core.text import plural
from viz.choices import network, network_analysis
from viz.choices.layer import PICTURE_LABELS
from viz.features.erf import compute as compute_erf
from viz.features.erf.params import (
    ACTIVATIONS,
    AGGREGATES,
    COMPARISONS,
    INPUTS,
    POOLINGS,
    STUDIES,
    TABS,
    WEIGHTS,
    ErfSettings,
    Request,
)
from viz.server.queue import run_now
from viz.slides.style import Picture, plot_picture, refuse_unfit

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf


Draw = Callable[[Request, "EffectiveReceptiveField", "ExpectedErf | None", ErfSettings], Plot]
"""A function that describes a plot of a measured map."""


def map_plot(
    request: Request,
    erf: EffectiveReceptiveField,
    expected: ExpectedErf | None,
    values: ErfSettings,
) -> Plot:
    """The map with its outlines, over the picture if the page draws it so."""
    photo = None
    if values.over:
        size = request.network.input_size[1:]
        photo = data.picture(values.picture, size, 3).transpose(1, 2, 0).astype("uint8")
    title = request_title(request)
    return field_plot(erf, title, log=values.log, expected=expected, photo=photo)


PLOTS: dict[str, tuple[str, Draw]] = {
    "map": ("The map", map_plot),
    "sections": ("Cross-sections", lambda _, erf, expected, __: sections_plot(erf, expected)),
    "energy": ("Energy inside a square", lambda _, erf, *__: energy_plot(erf)),
    "convergence": ("Convergence", lambda _, erf, *__: convergence_plot(erf)),
}
"""(label in the menu, plot) of a measured map's pictures by name."""


def pictures(values: ErfSettings) -> list[Picture]:
    """All pictures of the page, the open tab's first; each computes its data when it is drawn.

    Raises:
        SpecError: The map of this network and layer cannot be measured.
    """
    valid = network.with_suitable_input(values)
    request = checked_request(valid)
    offered = [
        plot_picture(name, label, partial(_measured_plot, name, request, valid))
        for name, (label, _) in PLOTS.items()
    ]
    if valid.compare:
        offered.append(plot_picture("variants", "Variants", partial(_variants_now, valid)))
    if valid.study:
        offered.append(plot_picture("study", "Study", partial(_study_now, valid.study)))
    first = {TABS["energy"]: "energy", TABS["compare"]: "variants", TABS["studies"]: "study"}
    offered.sort(key=lambda picture: picture.name != first.get(valid.tab, "map"))
    return [replace(picture, settings=settings_text(request)) for picture in offered]


def checked_request(values: ErfSettings) -> Request:
    """The measurement that the settings describe, with the checks that the page makes.

    Raises:
        SpecError: It cannot be computed.
    """
    analysis = network_analysis.analysis(network.network(values))
    _, request, clauses = compute_erf.fitted_settings_and_request(analysis, values)
    refuse_unfit(clauses)
    compute_erf.check_request(request, analysis)
    return request


def request_title(request: Request) -> str:
    """A title that names network, layer and unit, the layer by its name on the page."""
    line = network_analysis.analysis(request.network).line(request.layer)
    layer = line.label if line else request.layer
    return f"{request.network.title}, {layer}, unit ({request.unit[0]}, {request.unit[1]})"


def settings_text(request: Request) -> str:
    """A caption with the layer, the unit and all settings of the measurement, as the page has them."""
    picture = PICTURE_LABELS.get(request.inputs)
    parts = (
        request_title(request),
        plural(request.draws, "draw"),
        f"input: {INPUTS['noise'] if picture is None else picture}",
        f"weights: {WEIGHTS[request.weights].replace(': ', ', ')}",
        AGGREGATES[request.aggregate],
        f"activation: {ACTIVATIONS[request.activation]}" * (request.activation != "kept"),
        f"pooling: {POOLINGS[request.pooling]}" * (request.pooling != "kept"),
        "" if request.skips else "without skips",
        "bfloat16" if request.bf16 else "",
        f"seed {request.seed}",
    )
    return "; ".join(filter(None, parts))


def page_pictures(
    request: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    values: ErfSettings,
) -> list[Picture]:
    """The pictures of a measured map; without a map the closed form's, if there is one."""
    if erf is not None:
        return [
            plot_picture(name, label, partial(_titled_plot, name, request, erf, expected, values))
            for name, (label, _) in PLOTS.items()
        ]
    if expected is None:
        return []
    make = partial(expected_plot, expected, request_title(request), log=values.log)
    return [plot_picture("expected", "Expected map", make)]


def _titled_plot(
    name: str,
    request: Request,
    erf: EffectiveReceptiveField,
    expected: ExpectedErf | None,
    values: ErfSettings,
) -> Plot:
    """The plot with this key of `PLOTS`, whose title names network, layer and unit."""
    plot = PLOTS[name][1](request, erf, expected, values)
    unit = request_title(request)
    if plot.title == unit:
        return plot
    return replace(plot, title=f"{unit}: {plot.title[:1].lower()}{plot.title[1:]}")


def _measured_plot(name: str, request: Request, values: ErfSettings) -> Plot:
    """Measure the map, and describe the plot with this key of `PLOTS`."""
    expected = compute_erf.expected(request)
    return _titled_plot(name, request, measure_now(request), expected, values)


@lru_cache(maxsize=4)
def measure_now(request: Request) -> EffectiveReceptiveField:
    """Measure the map in this process; several pictures of one link share the result."""
    erf: EffectiveReceptiveField = run_now(compute_erf.work(request))
    return erf


def possible_variants(values: ErfSettings) -> tuple[dict[str, Request], list[str]]:
    """A comparison's possible measurements by label, and a sentence for each impossible one."""
    requests, refused = {}, []
    for label, changes in COMPARISONS[values.compare][1]:
        try:
            requests[label] = checked_request(values.updated(changes))
        except SpecError as error:
            refused.append(f"{label}: {error}.")
    return requests, refused


def _variants_now(values: ErfSettings) -> Plot:
    """Measure the variants of the chosen comparison; all of them must be possible."""
    requests, refused = possible_variants(values)
    if refused or len(requests) < 2:
        raise SpecError("compare", "must fit the network: " + " ".join(refused), values.compare)
    named = {label: measure_now(each) for label, each in requests.items()}
    return variants_plot(named, log=values.log)


def _study_now(name: str) -> Plot:
    """Run the study with this name in the URL."""
    return study_plot(run_now(compute_erf.study_work(STUDIES[name][1])))
