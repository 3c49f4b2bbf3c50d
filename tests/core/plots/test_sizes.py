"""The map and the tables of output sizes, tested by their description."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.layer import LayerSpec
from core.layer.size_tables import (
    COMMON_LAYERS,
    SizeTable,
    common_layer_table,
    kernel_stride_table,
    stride_padding_table,
)
from core.layer.solver import solutions
from core.plots.axes import ticks
from core.plots.legend import entries
from core.plots.plot import Boxes, Heat, Plot, Points
from core.plots.sizes import size_map, size_table, solutions_table
from tests.core.plots.reading import marks_of, named

UNREAD = "unread pixels (a second number counts them)"


def layer(kernel: int = 3, stride: int = 2, padding: int = 1, **settings: object) -> LayerSpec:
    sides = ((padding, padding), (padding, padding))
    return replace(LayerSpec("convolution", (kernel, kernel), (stride, stride), sides), **settings)  # type: ignore[arg-type]


TABLE = kernel_stride_table(layer(), (8, 8))


def heat(plot: Plot) -> Heat:
    (only,) = marks_of(plot, Heat)
    return only


def test_the_map_has_cores_sizes_on_a_logarithmic_scale() -> None:
    plot = size_map(TABLE, "title", (3, 2))
    drawn = heat(plot)
    for kernel in range(1, 12):
        for stride in range(1, 9):
            side = (8 + 2 - kernel) // stride + 1 if kernel <= 10 else np.nan
            np.testing.assert_equal(drawn.values[kernel - 1, stride - 1], side)
            text = drawn.texts[kernel - 1][stride - 1].split("\n")[0]
            assert text == ("" if kernel > 10 else str(side))
    assert drawn.scale.log
    shares = drawn.scale.shares(np.array([2.0, 4.0, 8.0]))
    assert np.diff(shares)[0] == pytest.approx(np.diff(shares)[1])
    assert (drawn.box, plot.title) == ((0.5, 8.5, 0.5, 11.5), "title")
    assert "Outputs from 1 to 10 px" in plot.alt
    assert "PyTorch agrees in all 88 cells." in plot.subtitle


def test_axes_say_in_words_what_they_measure() -> None:
    (panel,) = size_map(TABLE, "title").panels
    assert (panel.x.name, panel.y.name) == ("stride (px)", "kernel size (px)")
    assert [name for _, name in ticks(panel.x, (0.5, 8.5))] == list("12345678")
    assert panel.y.low == 11.5  # downwards


def test_unread_cells_are_hatched_and_counted() -> None:
    plot = size_map(TABLE, "title")
    hatched = named(plot, Boxes, UNREAD)
    assert hatched.hatch
    cells = {(round(y), round(x + 0.4)) for x, _, top, bottom in hatched.boxes
             for y in [(top + bottom) / 2]}  # fmt: skip
    assert cells == {(r + 1, c + 1) for r, c in np.argwhere(TABLE.unread > 0).tolist()}
    assert heat(plot).texts[0][1] == "5\n48"
    assert "48 of 64 pixels unread (0.75 of the input)" in heat(plot).hover[0][1]
    assert "\n" not in heat(plot).texts[0][0]


def test_layers_that_do_not_fit_have_a_dash_and_the_reason() -> None:
    plot = size_map(TABLE, "title")
    dashes = named(plot, Points, "does not fit")
    assert (list(dashes.x), set(dashes.y)) == ([float(s) for s in range(1, 9)], {11.0})
    assert dashes.hover
    assert "spans 11 pixels" in dashes.hover[0]
    assert np.isnan(heat(plot).values[10]).all()


@pytest.mark.parametrize("chosen, framed", [((3, 2), 1), ((99, 2), 0), (None, 0)])
def test_the_layer_as_set_is_framed(chosen: tuple[int, int] | None, framed: int) -> None:
    plot = size_map(TABLE, "title", chosen)
    boxes = named(plot, Boxes, "the layer as set").boxes
    assert boxes == [(1.5, 2.5, 2.5, 3.5)] * framed
    assert ("the layer as set" in [entry.name for entry in entries(plot)]) == bool(framed)


def test_outputs_that_are_not_square_have_both_sides_and_a_table_on_half_a_slide() -> None:
    plot = size_map(kernel_stride_table(layer(), (113, 224)), "title", (3, 2))
    assert heat(plot).texts[2][1].split("\n")[0] == f"{(113 + 2 - 3) // 2 + 1}×{(224 - 1) // 2 + 1}"
    assert "geometric mean" in heat(plot).scale.label
    assert "height×width" in plot.subtitle
    assert plot.half_table is not None
    texts = [cell.text for cell in plot.half_table.rows[2]]
    assert texts[:3] == ["3", "113×224", "57×112"]
    assert "chosen" in plot.half_table.rows[2][2].look
    assert size_map(TABLE, "title").half_table is None


@pytest.mark.parametrize(
    "spec, size",
    [
        (layer(11, 8, 10), (8, 8)),
        (LayerSpec(kernel_size=(11, 11), dilation=(6, 6)), (80, 61)),
        (layer(2, 2, 1, operation="max_pooling"), (1, 1)),
        (layer(1, 1, 0), (1, 1)),
        (layer(1, 1, 0), (4096, 4096)),
        (LayerSpec(dilation=(6, 6)), (1, 4096)),
    ],
)
def test_maps_at_the_extremes(spec: LayerSpec, size: tuple[int, int]) -> None:
    sizes = kernel_stride_table(spec, size)
    plot = size_map(sizes, "title")
    shares = heat(plot).scale.shares(heat(plot).values)
    assert np.isfinite(shares).tolist() == sizes.fits.tolist()
    assert len(heat(plot).scale.names) == len(heat(plot).scale.ticks) <= 8
    assert all(name.isdigit() for name in heat(plot).scale.names)


def test_the_table_has_cores_numbers() -> None:
    sizes = stride_padding_table(layer(padding=0), (6, 6))
    table = size_table(sizes, "title", chosen=(2, 0))
    assert table.columns == ("stride ↓ padding →", "0", "1", "2", "3", "4", "5")
    for row, cells in enumerate(table.rows):
        for column, cell in enumerate(cells[1:]):
            unread = int(sizes.unread[row, column])
            counted = f" ({unread})" if unread else ""
            assert cell.text == f"{sizes.output[row, column, 0]}{counted}"
            assert ("unread" in cell.look) == (unread > 0)
            assert ("chosen" in cell.look) == ((row, column) == (1, 0))
    assert table.rows[1][1].text == "2 (11)"
    assert "remainder 1 row, 1 column" in table.rows[1][1].hover
    assert "Framed" in table.subtitle
    assert "Framed" not in size_table(sizes, "title", chosen=(99, 0)).subtitle


def test_what_does_not_fit_has_a_dash_and_what_torch_denies_is_marked() -> None:
    sizes = stride_padding_table(layer(7, 1, 0), (4, 4))
    cell = size_table(sizes, "title").rows[0][1]
    assert (cell.text, cell.look) == ("–", "faint")
    assert "spans 7 pixels" in cell.hover
    measured = sizes.measured.copy()
    measured[0, 2] = (9, 8)
    wrong: SizeTable = replace(sizes, measured=measured)
    table = size_table(wrong, "title")
    assert "PyTorch 9×8" in table.rows[0][3].text
    assert "wrong" in table.rows[0][3].look
    assert "PyTorch differs in 1 of 48 cells." in table.subtitle


def test_common_layers_name_where_they_are_used_in_a_column_that_may_go() -> None:
    notes = "used in", [common.used_in for common in COMMON_LAYERS]
    table = size_table(
        common_layer_table(((224, 224),)), "title", heads=("224 (yours)",), notes=notes
    )
    assert (table.columns, table.optional) == (("layer ↓ input →", "224 (yours)", "used in"), 1)
    assert [row[-1].text for row in table.rows] == notes[1]
    assert [row[0].text for row in table.rows] == [common.label for common in COMMON_LAYERS]


def test_solutions_are_all_there_and_the_chosen_one_is_never_left_out() -> None:
    layers = solutions((8, 8), (4, 4))
    table = solutions_table(layers, "title", layers[-1])
    assert "kernel_size" not in " ".join(table.columns)
    for row, each in zip(table.rows, layers, strict=True):
        expected = each.kernel_size, each.stride, each.padding, each.dilation
        assert [cell.text for cell in row[:4]] == [str(number) for number in expected]
        assert ("unread" in row[4].look) == (each.unread > 0)
    assert table.importance.index(1.0) == len(layers) - 1
    assert all("strong" in cell.look for cell in table.rows[-1])
    assert sum("chosen" in row[0].look for row in table.rows) == 1
    assert table.subtitle.startswith(f"{len(layers)} layers give it")
