"""The slide pictures of the page of architectures."""

from __future__ import annotations

from functools import cache

import pytest

from core.blocks import COMPARISONS
from tests.viz.slides import fits
from viz.features.architectures import export
from viz.features.blocks import compute, params
from viz.features.blocks.params import VIEWS, ArchitectureSettings
from viz.slides.style import Picture, Style

ALL = ["stems", "stems_gradients", "residual", "residual_gradients", "stages"]


def of(**query: str) -> dict[str, Picture]:
    values, ignored = ArchitectureSettings.decoded(query)
    assert not ignored
    return {picture.name: picture for picture in export.pictures(values)}


@fits.on_every_slide
@pytest.mark.parametrize("name", ["stems", "residual", "stages"])
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of()[name], slide)


@cache
def gradients_of_residual_blocks() -> Picture:
    values, _ = ArchitectureSettings.decoded({})
    blocks = params.blocks_of_comparison(COMPARISONS["residual"], values)
    probes = {block: compute.probe_work(block)(lambda *_: True) for block in blocks}
    (picture,) = [
        picture
        for picture in export.view_pictures("residual", values, probes)
        if picture.name == "residual_gradients"
    ]
    return picture


@pytest.mark.slow
@fits.on_every_slide
def test_gradients_fit_every_slide(slide: fits.Slide) -> None:
    fits.check(gradients_of_residual_blocks(), slide)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["vgg16", "densenet121", "efficientnet_b0"])
def test_the_stages_of_other_networks_fit_too(network: str) -> None:
    picture = of(network=network)["stages"]
    for style in fits.STYLES[::2]:
        assert not fits.misfits(fits.drawn(picture, style), style)


def test_the_open_view_comes_first() -> None:
    assert list(of()) == ALL
    for view in VIEWS:
        assert next(iter(of(view=view))) == view


def test_without_experiments_there_are_no_gradients() -> None:
    values, _ = ArchitectureSettings.decoded({})
    assert [p.name for p in export.view_pictures("stems", values, {})] == ["stems"]


def test_stages_and_blocks_say_what_core_says() -> None:
    figure = fits.drawn(of(network="resnet18")["stages"], Style("wide", 72))
    shown = [text.get_text() for text in fits.texts_of(figure)]
    for stage in compute.stage_table("resnet18"):
        assert f"{stage.channels}×{stage.grid[0]}×{stage.grid[1]}" in shown
    assert "11.7 M" in shown
    values, _ = ArchitectureSettings.decoded({})
    figure = fits.drawn(of()["stems"], Style("wide", 72))
    shown = [text.get_text() for text in fits.texts_of(figure)]
    for block in params.blocks_of_comparison(COMPARISONS["stems"], values):
        assert f"{compute.facts(block).parameters:,}" in shown
