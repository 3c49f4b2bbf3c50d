"""The map of sizes and the picture of the conventions, tested by their data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from viz.features.sizes.cells import convention_table_html, size_table_html

from core.layer import LayerSpec
from core.layer.size_tables import (
    COMMON_LAYERS,
    common_layer_table,
    convention_results,
    kernel_stride_table,
    stride_padding_table,
)
from viz.features.sizes import convention_plots as convention_figure
from viz.features.sizes import plots as map_figure


def layer(k: int = 3, s: int = 2, p: int = 1, operation: str = "convolution") -> LayerSpec:
    return LayerSpec(operation, (k, k), (s, s), ((p, p), (p, p)))


def test_map_shows_every_cell_of_the_table() -> None:
    table = kernel_stride_table(layer(), (8, 8))
    figure = map_figure.size_map(table, "title", (3, 2))
    heat = figure.data[0]
    z = np.asarray(heat.z)
    assert z.dtype == np.float32
    assert np.isfinite(z).tolist() == table.fits.tolist()
    np.testing.assert_allclose(2 ** z[table.fits], table.output[table.fits][:, 0], rtol=1e-5)
    row, column = table.rows.index(3), table.columns.index(2)
    assert heat.text[row][column] == "<b>4</b>"
    unread = int(table.unread[0, 1])
    assert unread > 0
    assert heat.text[0][1].endswith(f"<br>{unread}")
    assert f"{unread} of 64 pixels unread" in heat.hovertext[0][1]
    assert figure.layout.title.text == "title"
    assert "stride" in figure.layout.xaxis.title.text
    assert "kernel_size" in figure.layout.yaxis.title.text


def test_map_hatches_unread_cells_and_dashes_misfits() -> None:
    table = kernel_stride_table(layer(), (8, 8))
    figure = map_figure.size_map(table, "t")
    named = {trace.name: trace for trace in figure.data if trace.name}
    hatched = named["pixels unread (how many)"]
    assert list(hatched.x).count(None) == int((table.unread > 0).sum())
    assert hatched.fillpattern.shape == "/"
    assert len(named["does not fit"].x) == int((~table.fits).sum())


def test_map_frames_the_chosen_layer_or_nothing() -> None:
    table = kernel_stride_table(layer(), (8, 8))
    names = [[t.name for t in map_figure.size_map(table, "t", c).data] for c in ((3, 2), (99, 2))]
    assert ["the layer as set" in n for n in names] == [True, False]


def test_conventions_draw_cells_padding_and_windows() -> None:
    results = convention_results(layer(), (8, 8), run=True)
    figure = convention_figure.conventions(results, "t")
    bars = {t.name: t for t in figure.data if t.type == "bar"}
    shown = [r.cols for r in results if r.cols is not None]
    reads = [n for axis in shown for n in axis.reads.tolist()]
    assert len(bars["input"].base) == sum(n > 0 for n in reads)
    assert len(bars["unread"].base) == sum(n == 0 for n in reads)
    assert len(bars["window"].base) == sum(len(a.starts) * len(a.offsets) for a in shown)
    padding = next(t for t in figure.data if t.name == "padding")
    assert padding.line.dash
    pads = sum(sum(r.pads[1]) for r in results if r.pads)
    assert list(padding.x).count(None) == pads


def test_windows_stand_where_the_taps_are() -> None:
    results = convention_results(layer(s=1, p=0), (5, 5), run=True)[:1]
    figure = convention_figure.conventions(results, "t")
    window = next(t for t in figure.data if t.name == "window")
    assert sorted((window.base + 0.5).tolist()) == [0, 1, 1, 2, 2, 2, 3, 3, 4]


def test_conventions_show_torchs_values_and_frame_what_differs() -> None:
    results = convention_results(layer(), (8, 8), run=True)
    figure = convention_figure.conventions(results, "t")
    heat = next(t for t in figure.data if t.type == "heatmap")
    values = np.concatenate([r.values.ravel() for r in results if r.values is not None])
    z = np.asarray(heat.z)
    np.testing.assert_allclose(np.sort(z[np.isfinite(z)]), np.sort(values))
    frames = [t for t in figure.data if t.type == "scatter" and t.xaxis == "x2"]
    frames = [t for t in frames if t.mode == "lines"]
    differ = sum(int(r.differs.sum()) for r in results if r.differs is not None)
    assert [list(t.x).count(None) for t in frames] == [differ, differ]
    texts = " ".join(a.text for a in figure.layout.annotations)
    assert "0 before, 1 after" in texts
    assert "refused by PyTorch" in texts


@pytest.mark.parametrize(
    "spec, size",
    [
        (layer(11, 8, 10), (8, 8)),
        (LayerSpec(kernel_size=(11, 11), dilation=(6, 6)), (80, 61)),
        (layer(2, 2, 1, "max_pooling"), (1, 1)),
        (layer(1, 1, 0), (1, 1)),
        (LayerSpec(kernel_size=(3, 2), stride=(1, 8), padding=((0, 3), (2, 0))), (9, 9)),
    ],
)
def test_extremes_can_be_drawn(spec: LayerSpec, size: tuple[int, int]) -> None:
    results = convention_results(spec, size, run=True)
    figure = convention_figure.conventions(results, "t")
    assert json.loads(figure.to_json())
    assert len(figure.layout.annotations) == len(results)
    assert json.loads(map_figure.size_map(kernel_stride_table(spec, size), "t").to_json())
    assert "<table>" in convention_table_html(results)


def test_html_table_says_size_unread_and_why_not() -> None:
    html = size_table_html(stride_padding_table(layer(p=0), (6, 6)), chosen=(2, 0))
    assert "11 unread" in html
    assert html.count("chosen'") == 1
    small = size_table_html(stride_padding_table(layer(7, 1, 0), (4, 4)))
    assert "class='misfit'" in small
    assert "spans 7 pixels" in small
    assert "wrong'" not in small


def test_html_table_of_common_layers_names_where_they_are_found() -> None:
    table = common_layer_table(((224, 224),))
    html = size_table_html(table, notes=tuple(c.used_in for c in COMMON_LAYERS))
    assert "ResNet&#x27;s first layer" in html
    assert html.count("<tr>") == len(COMMON_LAYERS) + 1


def test_convention_table_says_refused() -> None:
    html = convention_table_html(convention_results(layer(), (8, 8)))
    assert "refused by PyTorch" in html
    assert "0 before, 1 after" in html
