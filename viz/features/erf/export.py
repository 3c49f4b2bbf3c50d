"""The pictures for slides of the page on effective receptive fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from core import data
from core.errors import SpecError
from viz.choices import network, network_analysis
from viz.features.erf import compute as compute_erf
from viz.features.erf.params import COMPARISONS, STUDIES, TABS, ErfSettings, Request
from viz.server.queue import run_now
from viz.slides.style import Picture, Style, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf
    from core.erf.study import Study


def pictures(values: ErfSettings) -> list[Picture]:
    """All pictures of the page, the open tab's first; each computes its data when it is drawn.

    Raises:
        SpecError: The map of this network and layer cannot be measured.
    """
    valid = network.with_suitable_input(values)
    request = checked_request(valid)
    offered = [
        Picture(name, label, partial(_measure_and_draw, name, request, valid))
        for name, label in LABELS.items()
    ]
    if valid.compare:
        offered.append(Picture("variants", "Variants", partial(_draw_variants, valid)))
    if valid.study:
        offered.append(Picture("study", "Study", partial(_draw_study, valid.study)))
    first = {TABS["energy"]: "energy", TABS["compare"]: "variants", TABS["studies"]: "study"}
    offered.sort(key=lambda picture: picture.name != first.get(valid.tab, "map"))
    return [replace(picture, settings=settings_text(request)) for picture in offered]


LABELS = {
    "map": "The map",
    "sections": "Cross-sections",
    "energy": "Energy inside a square",
    "convergence": "Convergence",
}
"""Labels in the menu by a picture's name."""


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
    """A caption with the layer, the unit and all settings of the measurement."""
    return (
        f"{request_title(request)}; {request.draws} draws, input {request.inputs}, weights {request.weights}, "
        f"{request.aggregate}, seed {request.seed}"
    )


def page_pictures(
    request: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    values: ErfSettings,
) -> list[Picture]:
    """The pictures of a measured map; without a map the closed form's, if there is one."""
    if erf is None:
        if expected is None:
            return []
        return [
            Picture("expected", "Expected map", partial(_draw_expected, request, expected, values))
        ]
    return [
        Picture(name, label, partial(_draw_measured, name, request, erf, expected, values))
        for name, label in LABELS.items()
    ]


def picture_of_variants(
    named: Mapping[str, EffectiveReceptiveField], values: ErfSettings
) -> Picture:
    """The slide of some variants' maps side by side, by label."""

    def draw(style: Style) -> Figure:
        from viz.slides.effective_field import variants

        return variants(named, style, log=values.log)

    return Picture("variants", "Variants", draw)


def picture_of_study(result: Study) -> Picture:
    """The slide of a finished study."""

    def draw(style: Style) -> Figure:
        from viz.features.erf.study_slide import study

        return study(result, style)

    return Picture("study", "Study", draw)


def _draw_measured(
    name: str,
    request: Request,
    erf: EffectiveReceptiveField,
    expected: ExpectedErf | None,
    values: ErfSettings,
    style: Style,
) -> Figure:
    """Draw the picture with this key of `LABELS`."""
    if name == "map":
        from viz.features.erf.slides import erf_map

        options: dict[str, Any] = {"log": values.log, "expected": expected}
        return erf_map(
            erf,
            style,
            title=request_title(request),
            photo=_photo_below_map(request, values),
            **options,
        )
    from viz.features.erf import curve_slides

    if name == "sections":
        return curve_slides.sections(erf, style, title=request_title(request), expected=expected)
    draw = curve_slides.energy if name == "energy" else curve_slides.convergence
    return draw(erf, style, title=request_title(request))


def _photo_below_map(request: Request, values: ErfSettings) -> Any:
    """The picture below the map, (H, W, 3) of 0 to 255; None if the page does not draw it."""
    if not values.over:
        return None
    size = request.network.input_size[1:]
    return data.picture(values.picture, size, 3).transpose(1, 2, 0).astype("uint8")


def _draw_expected(
    request: Request, expected: ExpectedErf, values: ErfSettings, style: Style
) -> Figure:
    """Draw the closed form's map."""
    from viz.features.erf.slides import expected_map

    return expected_map(expected, style, title=request_title(request), log=values.log)


def _measure_and_draw(name: str, request: Request, values: ErfSettings, style: Style) -> Figure:
    """Measure the map, and draw the picture with this key of `LABELS`."""
    expected = compute_erf.expected(request)
    return _draw_measured(name, request, measure_now(request), expected, values, style)


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


def _draw_variants(values: ErfSettings, style: Style) -> Figure:
    """Measure and draw the variants of the chosen comparison; all of them must be possible."""
    requests, refused = possible_variants(values)
    if refused or len(requests) < 2:
        raise SpecError("compare", "must fit the network: " + " ".join(refused), values.compare)
    named = {label: measure_now(each) for label, each in requests.items()}
    return picture_of_variants(named, values).draw(style)


def _draw_study(name: str, style: Style) -> Figure:
    """Run and draw the study with this name in the URL."""
    result = run_now(compute_erf.study_work(STUDIES[name][1]))
    return picture_of_study(result).draw(style)
