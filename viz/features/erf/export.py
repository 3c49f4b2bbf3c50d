"""The pictures of the page on effective receptive fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from core import data
from core.errors import SpecError
from viz.choices import network, network_analysis
from viz.choices import unit as choices_unit
from viz.choices.unit import UNITS
from viz.features.erf import compute as compute_erf
from viz.features.erf import params
from viz.features.erf.params import COMPARISONS, STUDIES, TABS, Request
from viz.slides.style import Picture, Style, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf
    from core.erf.study import Study

Values = Mapping[str, Any]


def pictures(values: Values) -> list[Picture]:
    """All pictures of a link's values; each computes what it needs when it is drawn.

    Raises:
        SpecError: the network or its layer cannot be looked at.
    """
    settled = dict(values)
    network.settle(settled)
    asked = request(settled)
    found = [
        Picture(name, label, partial(_measured, name, asked, settled))
        for name, label in LABELS.items()
    ]
    if settled["compare"]:
        found.append(Picture("variants", "Variants", partial(_compared, settled)))
    if settled["study"]:
        found.append(Picture("study", "Study", partial(_studied, settled["study"])))
    first = {TABS["energy"]: "energy", TABS["compare"]: "variants", TABS["studies"]: "study"}
    found.sort(key=lambda picture: picture.name != first.get(settled["tab"], "map"))
    return [replace(picture, settings=settings(asked)) for picture in found]


LABELS = {
    "map": "The map",
    "sections": "Cross-sections",
    "energy": "Energy inside a square",
    "convergence": "Convergence",
}


def request(values: Values) -> Request:
    """What settled values ask for, checked as the page checks it.

    Raises:
        SpecError: it cannot be computed.
    """
    found = network_analysis.analysis(network.network(values))
    line = found.line(values["layer"])
    if line is None or line.node.kind == "input":
        if values["layer"]:
            refuse_unfit([f"this network has no layer {values['layer'][:80]}"])
        line = found.deepest
    unit, grid = values["unit"], line.node.grid
    if unit not in UNITS and choices_unit.unit_of(unit, grid) != tuple(map(int, unit.split("."))):
        refuse_unfit([f"{line.label} has no unit {unit}, only {grid[0]}×{grid[1]}"])
    if line.node.kind == "input":
        rule = "must have units side by side; this network has none like that"
        raise SpecError("layer", rule, found.network.title)
    asked = params.request(values, line.node.name, line.node.grid)
    compute_erf.check(asked, found)
    return asked


def title(asked: Request) -> str:
    """What is looked at, the layer by the name that the page has for it."""
    line = network_analysis.analysis(asked.network).line(asked.layer)
    layer = line.label if line else asked.layer
    return f"{asked.network.title}, {layer}, unit ({asked.unit[0]}, {asked.unit[1]})"


def settings(asked: Request) -> str:
    """What is asked for in words, for a caption."""
    return (
        f"{title(asked)}; {asked.draws} draws, input {asked.inputs}, weights {asked.weights}, "
        f"{asked.aggregate}, seed {asked.seed}"
    )


def on_show(
    asked: Request,
    erf: EffectiveReceptiveField | None,
    expected: ExpectedErf | None,
    values: Values,
) -> list[Picture]:
    """The pictures of a map that is there; of the closed form alone while there is none."""
    if erf is None:
        if expected is None:
            return []
        return [Picture("expected", "Expected map", partial(_expected, asked, expected, values))]
    return [
        Picture(name, label, partial(_drawn, name, asked, erf, expected, values))
        for name, label in LABELS.items()
    ]


def picture_of_variants(named: Mapping[str, EffectiveReceptiveField], values: Values) -> Picture:
    """Variants that are there, side by side."""

    def draw(style: Style) -> Figure:
        from viz.slides.effective_field import variants

        return variants(named, style, log=values["log"])

    return Picture("variants", "Variants", draw)


def picture_of_study(found: Study) -> Picture:
    """A study that is there."""

    def draw(style: Style) -> Figure:
        from viz.features.erf.study_slide import study

        return study(found, style)

    return Picture("study", "Study", draw)


def _drawn(
    name: str,
    asked: Request,
    erf: EffectiveReceptiveField,
    expected: ExpectedErf | None,
    values: Values,
    style: Style,
) -> Figure:
    if name == "map":
        from viz.features.erf.slides import erf_map

        shown: dict[str, Any] = {"log": values["log"], "expected": expected}
        return erf_map(erf, style, title=title(asked), photo=_photo(asked, values), **shown)
    from viz.features.erf import curve_slides

    if name == "sections":
        return curve_slides.sections(erf, style, title=title(asked), expected=expected)
    draw = curve_slides.energy if name == "energy" else curve_slides.convergence
    return draw(erf, style, title=title(asked))


def _photo(asked: Request, values: Values) -> Any:
    """(H, W, 3) the picture that lies under the map; None where there is none."""
    if not values["over"]:
        return None
    size = asked.network.input_size[1:]
    return data.picture(values["picture"], size, 3).transpose(1, 2, 0).astype("uint8")


def _expected(asked: Request, expected: ExpectedErf, values: Values, style: Style) -> Figure:
    from viz.features.erf.slides import expected_map

    return expected_map(expected, style, title=title(asked), log=values["log"])


def _measured(name: str, asked: Request, values: Values, style: Style) -> Figure:
    expected = compute_erf.expected(asked)
    return _drawn(name, asked, compute(asked), expected, values, style)


@lru_cache(maxsize=4)
def compute(asked: Request) -> EffectiveReceptiveField:
    """The map, here and now; for several pictures of one link once."""
    found: EffectiveReceptiveField = compute_erf.work(asked)(_on)
    return found


def _on(done: int, total: int, partial: object) -> bool:
    """Nobody stops a command line's work."""
    return True


def variants_of(values: Values) -> tuple[dict[str, Request], list[str]]:
    """The requests of a comparison that can be made of this network; why others cannot."""
    found, refused = {}, []
    for label, changes in COMPARISONS[values["compare"]][1]:
        try:
            found[label] = request({**values, **changes})
        except SpecError as error:
            refused.append(f"{label}: {error}.")
    return found, refused


def _compared(values: Values, style: Style) -> Figure:
    requests, refused = variants_of(values)
    if refused or len(requests) < 2:
        raise SpecError("compare", "must fit the network: " + " ".join(refused), values["compare"])
    named = {label: compute(each) for label, each in requests.items()}
    return picture_of_variants(named, values).draw(style)


def _studied(name: str, style: Style) -> Figure:
    found = compute_erf.study(STUDIES[name][1])(_on)
    return picture_of_study(found).draw(style)
