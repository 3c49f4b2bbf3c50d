"""Padding conventions side by side, tested by their description."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from core.layer import LayerSpec
from core.layer.size_tables import ConventionResult, convention_results
from core.plots.conventions import DIFFERS, conventions_plot, conventions_table
from core.plots.legend import color_bars, entries
from core.plots.plot import Boxes, Heat, Panel, Plot, Points
from tests.core.plots.reading import marks_of, named


@cache
def results_of(spec: LayerSpec, side: int) -> tuple[ConventionResult, ...]:
    return convention_results(spec, (side, side), run=True)


def square(operation: str = "convolution", stride: int = 2, dilation: int = 1) -> LayerSpec:
    return LayerSpec(
        operation, (3, 3), (stride, stride), ((1, 1), (1, 1)), (dilation, dilation)
    )  # fmt: skip


RESULTS = results_of(square(), 8)
DRAWN = [result for result in RESULTS if result.values is not None]
PLOT = conventions_plot(RESULTS, "title")


def boxes(panel: Panel, name: str) -> list[tuple[float, float]]:
    """Left and right edges of the boxes with a name; [] for none."""
    return [box[:2] for mark in marks_of(panel, Boxes) if mark.name == name for box in mark.boxes]


def output(panel: Panel) -> Heat:
    return next(heat for heat in marks_of(panel, Heat) if np.isfinite(heat.values).any())


def legend(plot: Plot) -> list[str]:
    return [entry.name for entry in entries(plot)]


def test_every_convention_that_is_not_refused_has_a_panel() -> None:
    assert [panel.title for panel in PLOT.panels] == [
        "as set → 4×4", "valid → 3×3", "TF / Keras / JAX SAME → 4×4", "ONNX SAME_LOWER → 4×4",
        "half → 4×4", "full → 5×5",
    ]  # fmt: skip
    assert [panel.note for panel in PLOT.panels][:3] == [
        "1 on every side", "0 on every side", "0 before, 1 after",
    ]  # fmt: skip
    assert PLOT.notes == (
        "PyTorch 'same': padding='same' is refused by PyTorch unless stride is 1.",
    )


def test_columns_are_read_unread_or_padding() -> None:
    for result, panel in zip(DRAWN, PLOT.panels, strict=True):
        assert result.pads is not None
        before, after = result.pads[1]
        padding = [round((left + right) / 2) for left, right in boxes(panel, "padding")]
        assert padding == [*range(-before, 0), *range(8, 8 + after)]
        read = {round((left + right) / 2) for left, right in boxes(panel, "input")}
        unread = {round((left + right) / 2) for left, right in boxes(panel, "unread")}
        assert result.cols is not None
        assert read == set(np.flatnonzero(result.cols.reads).tolist())
        assert read | unread == set(range(8))
        assert not read & unread


def test_windows_stand_where_torch_reads() -> None:
    for result, panel in zip(DRAWN, PLOT.panels, strict=True):
        assert result.pads is not None
        assert result.output is not None
        starts = [2 * o - result.pads[1][0] for o in range(result.output[1])]
        assert boxes(panel, "window") == [(s - 0.5, s + 2.5) for s in starts]


def test_windows_with_holes_show_each_tap_and_their_span() -> None:
    plot = conventions_plot(results_of(square(stride=1, dilation=2), 8)[:1], "title")
    (panel,) = plot.panels
    taps, spans = boxes(panel, "window"), boxes(panel, "window, holes included")
    assert len(taps) == 3 * len(spans)
    assert taps[:3] == [(-1.5, -0.5), (0.5, 1.5), (2.5, 3.5)]
    assert spans[0] == (-1.5, 3.5)
    assert "window, holes included" not in legend(PLOT)


def test_windows_of_one_row_do_not_overlap() -> None:
    for panel in conventions_plot(results_of(square(stride=1), 8), "title").panels:
        rows: dict[float, float] = {}
        for left, right, top, _ in named(panel, Boxes, "window").boxes:
            assert rows.get(top, -9.0) <= left
            rows[top] = right


def test_values_are_torchs_and_have_true_minus_signs() -> None:
    for result, panel in zip(DRAWN, PLOT.panels, strict=True):
        assert result.values is not None
        np.testing.assert_array_equal(output(panel).values, result.values)
    texts = [text for panel in PLOT.panels for row in output(panel).texts for text in row]
    assert "−943" in texts
    assert not any("-" in text for text in texts)
    assert "output row 0, column 1: −35" in output(PLOT.panels[0]).hover[0][1]


def test_panels_share_one_scale_and_their_ends() -> None:
    (scale,) = color_bars(PLOT)
    assert (scale.colors, scale.low) == ("signed", -scale.high)
    assert scale.high == max(float(np.abs(r.values).max()) for r in DRAWN if r.values is not None)
    ends = {(p.x.low, p.x.high, p.y.low, p.y.high) for p in PLOT.panels}
    assert len(ends) == 1
    assert len({output(panel).width for panel in PLOT.panels}) == 1
    (unsigned,) = color_bars(conventions_plot(results_of(square("max_pooling"), 8), "title"))
    assert unsigned.colors == "magnitude"


def test_values_that_differ_are_framed() -> None:
    for result, panel in zip(DRAWN, PLOT.panels, strict=True):
        assert result.differs is not None
        frames = named(panel, Boxes, DIFFERS).boxes
        heat = output(panel)
        places = [
            [
                round((top + bottom) / 2 - 0.5),
                round(((left + right) / 2 - heat.left) / heat.width - 0.5),
            ]
            for left, right, top, bottom in frames
        ]
        assert places == np.argwhere(result.differs).tolist()
    assert "valid: 3×3, 9 of 9 values differ" in PLOT.alt
    large = conventions_plot(results_of(square(stride=1), 16), "title")
    dots = named(large.panels[1], Points, DIFFERS)
    assert len(dots.x) == results_of(square(stride=1), 16)[1].differs.sum()  # type: ignore[union-attr]


def test_legends_name_what_is_drawn() -> None:
    assert legend(PLOT) == ["input", "padding", "window", "unread", DIFFERS]
    grown = conventions_plot(results_of(square("transposed_convolution"), 4), "title")
    assert "inserted zero" in legend(grown)
    assert "inserted zeros" in grown.subtitle
    ceil = LayerSpec("max_pooling", (2, 2), (2, 2), ceil_mode=True)
    assert "past the padding (ceil_mode)" in legend(conventions_plot(results_of(ceil, 5), "title"))


@pytest.mark.parametrize("side", [5, 8, 30])
def test_columns_have_their_numbers_at_their_places(side: int) -> None:
    panel = conventions_plot(results_of(square("transposed_convolution"), side), "title").panels[0]
    numbers = next(heat for heat in marks_of(panel, Heat) if np.isnan(heat.values).all())
    assert 1 < len(numbers.texts[0]) <= 15
    for place, text in enumerate(numbers.texts[0]):
        middle = numbers.left + numbers.width * (place + 0.5)
        if text:
            assert middle == 2 * int(text)  # a stride of 2 inserts one zero after each input


@pytest.mark.parametrize(
    "spec, side",
    [
        (LayerSpec(kernel_size=(11, 11), stride=(8, 8), padding=((10, 10), (10, 10))), 8),
        (LayerSpec(kernel_size=(11, 11), dilation=(6, 6)), 80),
        (LayerSpec("max_pooling", (2, 2), (2, 2), ((1, 1), (1, 1))), 1),
        (LayerSpec(kernel_size=(1, 1)), 1),
        (LayerSpec(kernel_size=(3, 2), stride=(1, 8), padding=((0, 3), (2, 0))), 9),
    ],
)
def test_extremes_have_a_panel_for_each_convention(spec: LayerSpec, side: int) -> None:
    results = results_of(spec, side)
    plot = conventions_plot(results, "title")
    assert len(plot.panels) + len(plot.notes) == len(results)
    for panel in plot.panels:
        assert panel.y.low is not None
        bottoms = [box[3] for mark in marks_of(panel, Boxes) for box in mark.boxes]
        assert max(bottoms) <= panel.y.low


def test_the_table_has_output_unread_pixels_and_padding() -> None:
    table = conventions_table(RESULTS, "title")
    named_rows = {row[0].text: [cell.text for cell in row[1:5]] for row in table.rows}
    assert named_rows["valid"] == ["3×3", "15", "0 on every side", "3×3"]
    assert named_rows["TF / Keras / JAX SAME"] == ["4×4", "0", "0 before, 1 after", "4×4"]
    assert named_rows["PyTorch 'same'"] == ["–", "–", "–", "refused"]
    assert "refused by PyTorch" in table.rows[2][-1].text
    assert table.rows[1][2].look == "unread"
    assert table.optional == 1
