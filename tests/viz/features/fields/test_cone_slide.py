"""The slide of the cone: which lines it draws, what it writes beside them, and its colors."""

from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from core.receptive_field.folding import MAX_ROWS
from tests.viz.features.fields.test_export import of
from tests.viz.slides import fits
from viz.features.fields.cone_slide import FOCUS_WIDTH
from viz.slides.style import Style
from viz.theme import OUTPUT, WINDOW


def drawn(size: str = "wide", dark: bool = False, **query: str) -> Figure:
    return fits.drawn(of(**query)["cone"], Style(size, 72, dark))


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in fits.texts_of(figure)]


def boxes_of(figure: Figure, color: str) -> list[list[np.ndarray]]:
    """The boxes of units of a color, as corners in pixels of the figure, by their collection."""
    axes = figure.axes[0].child_axes[0]
    return [
        [axes.transData.transform(path.vertices) for path in each.get_paths()]
        for each in axes.collections
        if isinstance(each, PolyCollection)
        and len(each.get_facecolor())
        and to_hex(each.get_facecolor()[0]).upper() == color
    ]


def test_a_residual_network_looks_like_a_cone() -> None:
    figure = drawn(network="resnet50")
    words = texts_of(figure)
    for block in ("layer2.0", "layer3.0", "layer4.0"):
        assert f"{block}  conv 3×3, stride 2" in words
    assert "layer3.3  conv 3×3" in words
    assert any(re.fullmatch(r".*max_pool 3×3, stride 2", word) for word in words)
    assert "Folded: up to 4 layers are one line each." in " ".join(words)
    widths = [
        max(box[:, 0].max() for box in row) - min(box[:, 0].min() for box in row)
        for row in boxes_of(figure, WINDOW)
    ]
    upper = [widths[at] for at in range(len(widths) - 1, len(widths) - 5, -1)]
    assert upper == sorted(upper), "the cone widens from its unit down"


def test_a_1x1_layer_is_one_line_with_its_neighbor() -> None:
    words = texts_of(drawn(network="mobilenet_v1"))
    assert "Folded: up to 2 layers are one line each." in " ".join(words)
    assert "…12  conv 3×3, stride 2" in words


@pytest.mark.parametrize("network", ["vgg16", "four_conv_pool", "lenet5"])
def test_a_network_of_few_layers_is_drawn_whole(network: str) -> None:
    words = texts_of(drawn(network=network))
    assert "Folded" not in " ".join(words)
    if network == "vgg16":
        assert sum("max_pool 2×2, stride 2" in word for word in words) == 5
        assert sum("conv 3×3" in word for word in words) == 13


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("network, layer", [("unet", "head"), ("vgg16", "features.0")])
def test_the_unit_has_its_color_however_narrow_it_is(network: str, layer: str, dark: bool) -> None:
    """The outline is 1.5 points wide and must not hide what it encloses."""
    ((box,),) = boxes_of(drawn(network=network, layer=layer, dark=dark), OUTPUT)
    assert np.ptp(box[:, 0]) >= FOCUS_WIDTH * 72 - 1e-6
    assert np.ptp(box[:, 1]) > 2 * 1.5


def test_the_legend_names_what_is_drawn() -> None:
    assert "through branch 2" in texts_of(drawn(network="unet"))
    assert "through branch 2" not in texts_of(drawn(network="resnet50"))
    assert "padding" in texts_of(drawn(network="four_strided", layer="conv1", unit="0.0"))
    assert "padding" not in texts_of(drawn(network="four_strided", layer="conv1", unit="9.9"))


def test_a_unit_inside_a_block_is_drawn_on_its_own_line() -> None:
    words = texts_of(drawn(network="resnet50", layer="layer3_2_conv2"))
    assert "layer3.2.conv2  conv 3×3" in words
    assert "layer3.1  conv 3×3" in words


@pytest.mark.parametrize("network", ["resnet152", "densenet121"])
def test_several_blocks_of_a_very_deep_network_are_one_line(network: str) -> None:
    figure = drawn(network=network)
    assert figure.axes[0].child_axes[0].get_ylim()[1] < MAX_ROWS
    words = texts_of(figure)
    assert any(re.search("[34]× conv 3×3$", word) for word in words)
    assert sum(word.endswith(", stride 2") for word in words) >= 3


def test_labels_of_many_rows_do_not_overlap() -> None:
    style = Style("half", 72, dark=True, **fits.CAPTION)
    figure = fits.drawn(of(network="unet", layer="up_3_upsample", down="true")["cone"], style)
    assert figure.axes[0].child_axes[0].get_ylim()[1] > 20
    assert not fits.misfits(figure, style)
