"""Slides of the training lab: what is drawn is what the records say, and it fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from core.errors import SpecError
from core.training.text import to_text
from tests.viz.slides import fits
from viz.choices import lab_store
from viz.features.training import compute, export, params
from viz.features.training.params import TABS, Comparison, LabSettings
from viz.features.training.plot_parts import some_maps
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


@cache
def axes_of(name: str) -> list[Axes]:
    return fits.drawn(of()[name], WIDE).axes


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


def lines_of(axes: Axes) -> list[Any]:
    return [line for line in axes.get_lines() if len(np.atleast_1d(line.get_xdata())) > 2]


@pytest.mark.parametrize("name", ["test_accuracy", "train_accuracy", "loss"])
def test_lines_are_the_means_of_the_seeds(name: str) -> None:
    found, (axes,) = runs(), axes_of(name)
    for net, line in enumerate(lines_of(axes)):
        both = list(zip(found[net, 0], found[net, 1], strict=True))
        if name == "test_accuracy":
            rows = [
                [100 * r.snapshot.test_accuracy for r in two] for two in both if two[0].snapshot
            ]
        elif name == "loss":
            rows = [[r.loss for r in two] for two in both[1:]]
        else:
            rows = [[100 * r.train_accuracy for r in two] for two in both[1:]]
        np.testing.assert_allclose(line.get_ydata(), np.mean(rows, axis=1))
        (band, *_) = axes.collections[net].get_paths()
        assert band.vertices[:, 1].max() == pytest.approx(np.max(rows))
        assert band.vertices[:, 1].min() == pytest.approx(np.min(rows))


def test_every_seed_s_accuracy_is_a_mark() -> None:
    (axes,) = axes_of("accuracy")
    for net in (0, 1):
        dots, mean = axes.get_lines()[2 * net : 2 * net + 2]
        told = [100 * runs()[net, seed][-1].snapshot.test_accuracy for seed in (0, 1)]
        assert list(dots.get_xdata()) == told
        assert set(mean.get_xdata()) == {np.mean(told)}


def test_shifts_are_agreement_and_accuracy() -> None:
    for axes, what in zip(axes_of("shifts"), ("agreement", "accuracy"), strict=True):
        for net, line in enumerate(lines_of(axes)):
            rows = [getattr(runs()[net, s][-1].snapshot.shifted, what) for s in (0, 1)]
            np.testing.assert_allclose(line.get_ydata(), 100 * np.mean(rows, axis=0))


def cells(axes: Axes) -> Any:
    (mesh,) = [each for each in axes.collections if type(each).__name__ == "QuadMesh"]
    return np.ma.filled(mesh.get_array(), np.nan)


def test_a_layer_s_row_is_its_gradient() -> None:
    records = runs()[0, 0][1:]
    expected = np.log10([[each.gradient for each in record.flow] for record in records]).T
    shown = cells(axes_of("gradient")[0])
    np.testing.assert_allclose(shown, np.maximum(expected, shown.min()))
    names = [text.get_text() for text in axes_of("gradient")[0].get_yticklabels()]
    assert names == ["conv 1", "conv 2", "linear"]


def test_dead_channels_in_per_cent() -> None:
    records = runs()[0, 0][1:]
    expected = np.array([[100 * each.channels for each in record.dead] for record in records]).T
    np.testing.assert_allclose(cells(axes_of("dead")[0]), expected)


def test_the_film_shows_every_field_on_one_scale() -> None:
    picture = of()["film"]
    assert picture.film is not None
    fields = export.snapshot_fields(runs()[0, 0])
    with matplotlib_style(WIDE):
        film = picture.film(WIDE)
    assert film.frames == picture.frames == len(fields) == 6
    peak = max(erf.energy.max() for _, erf in fields)
    for frame, (step, erf) in enumerate(fields):
        artists = film.show(frame)
        (mesh,) = [a for a in artists[: len(fields)] if a.get_visible()]
        shown = 10.0 ** np.ma.filled(mesh.get_array(), -np.inf)
        np.testing.assert_allclose(
            shown, np.where(erf.energy, np.maximum(erf.energy / peak, 1e-4), 0)
        )
        assert f"step {step}:" in artists[-1].get_text()
        inner = min((a for a in artists if type(a).__name__ == "Ellipse"), key=lambda e: e.width)
        assert inner.width == pytest.approx(2 * erf.sigma[1])
        assert inner.center == pytest.approx(erf.centroid[::-1])


@pytest.mark.parametrize("name", ["film", "kernels"])
def test_films_are_the_same_every_time(name: str) -> None:
    first = file_bytes(of()[name], HALF, "gif")
    assert first == file_bytes(of()[name], HALF, "gif")
    assert Image.open(BytesIO(first)).n_frames == 6  # type: ignore[attr-defined]


def test_a_still_of_the_film_is_the_step_that_is_looked_at() -> None:
    figure = fits.drawn(of(at="2")["film"], WIDE)
    step, _ = export.snapshot_fields(runs()[0, 0])[2]
    assert any(f"step {step}:" in text.get_text() for text in fits.texts_of(figure))


@pytest.mark.parametrize("count", STRIPS)
def test_a_strip_holds_the_first_and_the_last_field(count: int) -> None:
    picture = of()["film"]
    assert picture.strip is not None
    with matplotlib_style(WIDE):
        figure = picture.strip(WIDE, count)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    steps = [step for step, _ in some_maps(export.snapshot_fields(runs()[0, 0]), count)]
    assert [title.split("\n")[0] for title in titles] == [f"step {step}" for step in steps]
    assert (steps[0], steps[-1]) == (0, 30)


def test_kernels_are_numbered_and_all_there() -> None:
    axes, kernels = axes_of("kernels")[0], runs()[0, 0][-1].snapshot.kernels
    shown = [each for each in axes.collections if each.get_visible()]
    board = np.ma.filled(shown[0].get_array(), np.nan)  # type: ignore[attr-defined]
    assert len(shown) == 1
    np.testing.assert_allclose(np.sort(board[~np.isnan(board)]), np.sort(kernels.ravel()))
    assert [text.get_text() for text in axes.texts] == [str(n) for n in range(len(kernels))]


def test_the_image_stands_under_its_field() -> None:
    images, labels = compute.test_images(asked(), 4)
    text = to_text(asked().run_spec(0, 0))
    erf = compute.predicted_class_erf(text, 3, "centre")
    assert erf is not None
    axes = axes_of("digit")[0]
    np.testing.assert_allclose(cells(axes), images[3, 0])
    (over,) = axes.get_images()
    np.testing.assert_allclose(np.asarray(over.get_array()), erf.energy / erf.energy.max())
    said = int(compute.classify(text, 3).argmax())
    told = [t.get_text() for t in fits.texts_of(fits.drawn(of()["digit"], WIDE))]
    verdict = "right" if said == labels[3] else "wrong"
    assert f"it is {labels[3]}; the net predicts {said}: {verdict}" in told


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
