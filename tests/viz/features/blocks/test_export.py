"""Slides of blocks side by side: what is drawn is what was measured, and it fits."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib.container import BarContainer

from core.errors import SpecError
from tests.viz.slides import fits
from viz.features.blocks import compute, export, params
from viz.features.blocks.params import Block, BlockSettings
from viz.slides.style import Picture, Style

OWN = {
    "compare": "own",
    "a": "conv3 s2 p1 c8, relu",
    "b": "conv3 p1 c8, relu, maxpool2",
    "c": "conv1 s2 c8",
    "in_channels": "3",
    "input_height": "16",
    "input_width": "16",
    "batch": "2",
}
WIDE = Style("wide", 72)


@cache
def of(compare: str = "own") -> dict[str, Picture]:
    values, ignored = BlockSettings.decoded(OWN | {"compare": compare})
    assert not ignored
    return {one.name: one for one in export.pictures(values)}


def blocks() -> tuple[Block, ...]:
    values, _ = BlockSettings.decoded(OWN)
    return params.blocks_of(params.with_comparison_sizes(values))


@fits.on_every_slide
@pytest.mark.parametrize("name", ["facts", "maps", "gradients", "times", "memory", "properties"])
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of()[name], slide)


@pytest.mark.parametrize("compare", params.OFFERED)
def test_every_comparison_fits(compare: str) -> None:
    """Their own sizes take long: facts and memory are known without running them."""
    for name in ("facts", "memory"):
        assert not fits.misfits(fits.drawn(of(compare)[name], fits.STYLES[-1]), fits.STYLES[-1])


def bars(picture: Picture) -> list[BarContainer]:
    axes = fits.drawn(picture, WIDE).axes[0]
    return [each for each in axes.containers if isinstance(each, BarContainer)]


def test_the_memory_s_bars_add_up_to_what_is_kept() -> None:
    ends = np.zeros(len(blocks()))
    for container in bars(of()["memory"]):
        ends += [bar.get_width() for bar in container]
    expected = [sum(compute.saved_bytes(block).values()) / 1e6 for block in blocks()]
    np.testing.assert_allclose(ends, expected)


def test_the_times_bars_are_the_medians() -> None:
    timings = export._measure_times(blocks())
    for part, container in zip(("forward", "backward"), bars(of()["times"]), strict=True):
        medians = [1000 * timings[block].spreads[part].median for block in blocks()]
        np.testing.assert_allclose([bar.get_width() for bar in container], medians)


def test_pixels_without_a_gradient_are_left_empty() -> None:
    figure = fits.drawn(of()["gradients"], WIDE)
    probes = export._run_probes(blocks())
    panels = figure.axes[1 : 1 + len(probes)]
    for axes, probe in zip(panels, probes.values(), strict=True):
        (mesh,) = axes.collections
        masked = np.ma.getmaskarray(mesh.get_array()).reshape(probe.gradient.map.shape)  # type: ignore[arg-type]
        assert (masked == (probe.gradient.map == 0)).all()
    assert (next(reversed(probes.values())).gradient.map == 0).mean() == 0.75


def test_feature_maps_share_one_scale() -> None:
    figure = fits.drawn(of()["maps"], WIDE)
    found = [mesh for axes in figure.axes for mesh in axes.collections if axes.get_title() or mesh]
    spans: set[Any] = {mesh.get_clim() for mesh in found if hasattr(mesh, "get_clim")}
    assert len(spans - {(None, None)}) == 1


def test_the_table_says_what_the_page_says() -> None:
    words = [text.get_text() for text in fits.texts_of(fits.drawn(of()["facts"], WIDE))]
    facts = compute.facts(blocks()[0])
    assert f"{facts.parameters:,}" in words
    assert "8×8×8 ✓" in words


def test_no_block_at_all_is_refused() -> None:
    values, _ = BlockSettings.decoded({"compare": "own", "a": "", "b": ""})
    values = values.updated(dict.fromkeys(params.SLOTS, ""))
    with pytest.raises(SpecError, match="blocks"):
        export.pictures(values)
