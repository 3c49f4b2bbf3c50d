"""Random values of the sweep page's parameters, whether or not they fit each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from core.data import PICTURES
from core.layer.kernels import PRESETS as KERNELS
from core.layer.operations import OPERATIONS
from core.layer.padding import CONVENTIONS, FILLS
from viz.choices import layer
from viz.features.claims.params import ClaimSettings
from viz.features.exercises.params import ExerciseSettings
from viz.features.sweep.params import COMPARE, SweepSettings
from viz.params import Param, Settings
from viz.slides.catalogue import SETTINGS, settings_of

WORDS = (
    *("number", "sides", layer.UPLOAD),
    *(*OPERATIONS, *CONVENTIONS, *FILLS, *PICTURES, *KERNELS, *COMPARE),
)
NUMBERS = (*range(-1, 131), 9999, 10_000, 30_000, 30_001)
DIMENSIONS = {"pixels": 3, "weights": 4}


def accepts(param: Param, text: str) -> bool:
    try:
        param.parse(text)
    except ValueError:
        return False
    return True


def allowed(param: Param) -> list[Any]:
    """The values of a parameter that is neither a decimal number nor a text of its own."""
    pools: dict[type, Sequence[Any]] = {bool: (False, True), int: NUMBERS, str: WORDS}
    pool = pools[type(param.default)]
    return [value for value in pool if accepts(param, param.format(value))]


@st.composite
def typed_cells(draw: st.DrawFn, dimensions: int) -> str:
    """Cells as they are typed, one after the other."""
    text = ""
    index = st.tuples(*[st.integers(0, 12)] * dimensions)
    for place in draw(st.lists(index, max_size=3)):
        text = layer.with_edited_cell(text, place, draw(st.floats(-1000, 1000)))
    return text


def any_value(param: Param) -> st.SearchStrategy[Any]:
    """What a widget, a click or a link can give this parameter."""
    if param.name in DIMENSIONS:
        return typed_cells(DIMENSIONS[param.name])
    if param.name == "pin":
        return st.just("") | st.from_regex(r"([0-9]:)?[iko][0-9]{1,3}\.[0-9]{1,3}", fullmatch=True)
    if isinstance(param.default, float):
        return st.just(param.default) | st.floats(-1000, 1000)
    return st.just(param.default) | st.sampled_from(allowed(param))


def all_values() -> st.SearchStrategy[SweepSettings]:
    """A value for every parameter, each drawn on its own: most layers cannot be run."""
    values = {param.name: any_value(param) for param in SweepSettings.params()}
    return st.fixed_dictionaries(values).map(SweepSettings.of)


def param(declared: Any, name: str = "n") -> Param:
    """The parameter that a maker of `viz.params` declares, by itself."""
    return replace(declared.metadata["param"], name=name)


def defaults(**changes: Any) -> SweepSettings:
    """The sweep page as it opens, with some values changed."""
    unknown = changes.keys() - SweepSettings.defaults().keys()
    assert not unknown, unknown
    return SweepSettings().updated(changes)


def page_settings() -> dict[str, type[Settings]]:
    """The class of the settings of every page, by the page's name; the tour has none."""
    classes = {name: settings_of(name) for name in SETTINGS}
    return classes | {"exercises": ExerciseSettings, "claims": ClaimSettings}
