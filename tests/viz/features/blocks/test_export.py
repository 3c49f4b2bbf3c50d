"""Slides of blocks side by side: what is drawn is what was measured, and it fits."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from core.errors import SpecError
from core.plots.plot import Bars, Heat
from tests.core.plots.reading import marks_of
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


def test_memory_is_that_of_the_saved_tensors() -> None:
    facts = [compute.facts(block) for block in blocks()]
    bars = marks_of(export.memory(blocks(), facts), Bars)
    sizes = sum(np.asarray(bar.length) for bar in bars)
    expected = [sum(compute.saved_bytes(block).values()) / 1e6 for block in blocks()]
    np.testing.assert_allclose(sizes, expected)


def test_maps_and_gradients_are_those_of_the_experiments() -> None:
    probes = export._run_probes(blocks())
    gradients = marks_of(export.input_gradients(probes), Heat)
    for heat, probe in zip(gradients, probes.values(), strict=True):
        np.testing.assert_array_equal(heat.values, probe.gradient.map)
    assert (gradients[-1].values == 0).mean() == 0.75
    tiles = marks_of(export.feature_maps(probes), Heat)
    height, width = probes[blocks()[0]].maps.shape[1:]
    np.testing.assert_array_equal(tiles[0].values[:height, :width], probes[blocks()[0]].maps[0])


def test_blocks_without_maps_cannot_be_drawn() -> None:
    probes = {
        block: replace(probe, maps=np.zeros((0, 0, 0), np.float32))
        for block, probe in export._run_probes(blocks()).items()
    }
    with pytest.raises(SpecError, match="height and width"):
        export.feature_maps(probes)


def test_the_table_says_what_the_page_says() -> None:
    words = [text.get_text() for text in fits.texts_of(fits.drawn(of()["facts"], WIDE))]
    facts = compute.facts(blocks()[0])
    assert f"{facts.parameters:,}" in words
    assert "8×8×8" in words


def test_no_block_at_all_is_refused() -> None:
    values, _ = BlockSettings.decoded({"compare": "own", "a": "", "b": ""})
    values = values.updated(dict.fromkeys(params.SLOTS, ""))
    with pytest.raises(SpecError, match="blocks"):
        export.pictures(values)
