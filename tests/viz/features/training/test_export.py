"""Slides of the training lab: what is drawn is what the records say, and it fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from core.errors import SpecError
from core.plots.plot import Heat
from core.training.text import to_text
from tests.core.plots.reading import marks_of
from tests.viz.slides import fits
from viz.choices import lab_store
from viz.features.training import compute, export, params
from viz.features.training.params import TABS, Comparison, LabSettings
from viz.features.training.plots import score_plot, snapshot_kernels
from viz.slides.sheet import file_bytes, matplotlib_style
from viz.slides.style import STRIPS, Picture, Style

QUERY = {"variants": "max,extra_conv", "levels": "1", "width": "4", "steps": "30", "batch": "8",
         "warm_up": "2", "seeds": "2", "sample": "3"}  # fmt: skip
WIDE, HALF = Style("wide", 72), Style("half", 72, dark=True)


def values_of(**query: str) -> LabSettings:
    values, ignored = LabSettings.decoded(QUERY | query)
    assert not ignored
    return values


def asked() -> Comparison:
    return params.comparison(values_of())


@pytest.fixture(scope="module", autouse=True)
def _all_trained() -> Iterator[None]:
    """Once, by the pictures themselves: they ask for what is not there."""
    shelf, lab_store.STORE = (
        lab_store.STORE,
        lab_store.ByteLimitedLRU(10**8, lambda run: run.nbytes),
    )
    assert not compute.stored_records(asked())
    export.train_all(asked())
    yield
    lab_store.STORE = shelf


def of(**query: str) -> dict[str, Picture]:
    return {one.name: one for one in export.pictures(values_of(**query))}


def runs() -> Any:
    return compute.stored_records(asked())


@pytest.mark.slow
def test_a_link_trains_every_run_to_its_end() -> None:
    found = runs()
    assert sorted(found) == [(net, seed) for net in (0, 1) for seed in (0, 1)]
    assert all(records[-1].step == 30 for records in found.values())


@fits.on_every_slide
@pytest.mark.parametrize("name", ["test_accuracy", "accuracy", "gradient", "shifts", "digit"])
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of()[name], slide)


@pytest.mark.parametrize(
    "name", ["loss", "train_accuracy", "pace", "update", "dead", "erf", "film", "sigma", "kernels"]
)
def test_the_others_fit_a_whole_slide_and_half_of_one(name: str) -> None:
    for style in (WIDE, replace(HALF, **fits.CAPTION)):
        assert not fits.misfits(fits.drawn(of()[name], style), style)


@pytest.mark.parametrize("name", ["film", "kernels"])
def test_films_are_the_same_every_time(name: str) -> None:
    first = file_bytes(of()[name], HALF, "gif")
    assert first == file_bytes(of()[name], HALF, "gif")
    assert Image.open(BytesIO(first)).n_frames == 6  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["film", "kernels"])
def test_a_still_of_a_film_is_the_chosen_step(name: str) -> None:
    figure = fits.drawn(of(at="2")[name], WIDE)
    step, _ = snapshot_kernels(runs()[0, 0])[2]
    assert any(f"Step {step}" in text.get_text() for text in fits.texts_of(figure))


@pytest.mark.parametrize("style", [WIDE, HALF], ids=["wide", "half"])
@pytest.mark.parametrize("count", STRIPS)
def test_a_strip_fits_and_holds_the_first_and_the_last_field(count: int, style: Style) -> None:
    picture = of()["film"]
    assert picture.strip is not None
    with matplotlib_style(style):
        figure = picture.strip(style, count)
    assert not fits.misfits(figure, style)
    steps = [text for text in map(Text.get_text, fits.texts_of(figure)) if "Step" in text]
    headings = [text.split("\nσ")[0].replace("\n", " ") for text in steps]
    assert len(headings) == count
    assert (headings[0], headings[-1]) == ("Step 0", "Step 30")


def test_the_image_is_under_the_field_of_the_predicted_class() -> None:
    images, labels = compute.test_images(asked(), 4)
    text = to_text(asked().run_spec(0, 0))
    erf = compute.predicted_class_erf(text, 3, "centre")
    assert erf is not None
    plot = score_plot(asked(), values_of())
    gray, orange = marks_of(plot, Heat)
    np.testing.assert_array_equal(gray.values, images[3, 0])
    np.testing.assert_allclose(orange.values, erf.energy / erf.energy.max())
    predicted = int(compute.classify(text, 3).argmax())
    assert plot.title.startswith(f"It is {labels[3]}; the net predicts {predicted}")


@pytest.mark.parametrize(
    "tab, first",
    [("curves", "test_accuracy"), ("flow", "gradient"), ("shifts", "shifts"), ("erf", "erf"),
     ("kernels", "kernels"), ("click", "digit"), ("files", "test_accuracy")],
)  # fmt: skip
def test_the_open_tab_s_picture_is_first(tab: str, first: str) -> None:
    assert next(iter(of(tab=tab))) == first
    shown = export.page_pictures(asked(), runs(), values_of(tab=tab))
    assert shown[0].name == first
    assert {picture.name for picture in shown} == set(export.LABELS)
    assert all("30 steps" in picture.settings for picture in shown)


def test_the_page_offers_only_what_is_there_and_trains_nothing() -> None:
    early = {(0, 0): runs()[0, 0][:1], (1, 0): ()}
    elsewhere = values_of(variants="average,dilated")
    compared = params.comparison(elsewhere)
    shown = export.page_pictures(compared, early, replace(elsewhere, tab=TABS["flow"]))
    names = {"test_accuracy", "loss", "train_accuracy", "pace", "erf", "film", "sigma", "kernels"}
    assert {picture.name for picture in shown} == names
    for picture in shown:
        assert not fits.misfits(fits.drawn(picture, HALF), HALF)
    assert not compute.stored_records(compared)
    assert export.page_pictures(compared, {}, elsewhere) == []


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(SpecError):
        export.pictures(values_of(variants="max,max"))
    with pytest.raises(SpecError):
        export.pictures(values_of(task="own"))
