"""Values to layers and back: whatever a link says, a layer that runs comes out of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.board import Upload
from core.layer.feasible import feasible_range
from core.layer.operations import OPERATIONS, check
from tests.core.strategies import cases
from tests.examples import examples
from tests.viz.values import accepts, all_values, defaults
from viz.choices import layer
from viz.choices.layer import BoardSettings, SizeSettings
from viz.features.sweep.params import SECOND, SweepSettings
from viz.features.sweep.params import make_valid as settled_page

BY_NAME = {param.name: param for param in SweepSettings.params()}
LAYER = [param.name for param in layer.LayerSettings.params()]


def runs(values: BoardSettings) -> bool:
    try:
        check(layer.layer_spec(values), layer.input_size(values))
    except SpecError:
        return False
    return True


@examples(150)
@given(values=all_values())
def test_settling_ends_in_a_layer_that_runs(values: SweepSettings) -> None:
    before, fine = values.flat, runs(values)
    settled, sentences = layer.make_runnable(values)
    assert runs(settled)
    assert (settled == values) == fine
    assert bool(sentences) != fine
    changed = [name for name, value in settled.flat.items() if value != before[name]]
    assert set(changed) <= set(LAYER), "only the layer's own settings change"
    said = " ".join(sentences)
    assert "at their defaults" in said or all(f"`{name}`" in said for name in changed)
    assert all(accepts(BY_NAME[name], BY_NAME[name].format(settled[name])) for name in changed)
    assert layer.make_runnable(settled) == (settled, [])


@examples(50)
@given(values=all_values())
def test_two_layers_are_settled_each_on_its_own(values: SweepSettings) -> None:
    values = values.updated(compare="second")
    settled, sentences = settled_page(values)
    assert all(runs(board) for board in settled.layers.values())
    boards = values.layers
    assert any("Layer B" in sentence for sentence in sentences) != runs(boards[SECOND])
    before = SizeSettings.of(boards[""].flat), boards[SECOND]
    if runs(boards[""]):
        assert SizeSettings.of(settled.flat) == before[0]
    if runs(before[1]):
        assert settled.second == values.second


@given(values=all_values())
def test_a_settled_page_is_a_board(values: SweepSettings) -> None:
    values, _ = layer.make_runnable(values)
    board = layer.board_spec(values)
    again = layer.board_spec(SweepSettings.of(values.flat))
    assert board == again
    assert hash(board) == hash(again)
    assert board.source.size == (values.input_height, values.input_width)
    assert board.layer.in_channels == values.in_channels
    assert board.layer.bias == (values.bias != 0 and OPERATIONS[values.operation].has("bias"))


@pytest.mark.parametrize(
    "changes, changed, said",
    [
        (
            {"kernel_size": 11, "padding": 0, "input_height": 4},
            {"kernel_size": 4},
            "Set `kernel_size` to 4.",
        ),
        (
            {"in_channels": 4, "groups": 3, "out_channels": 3},
            {"groups": 1},
            "Set `groups` to 1.",
        ),
        (
            {"operation": "max_pooling", "kernel_size": 2, "padding": 7},
            {"padding": 1},
            "Set `padding` to 1.",
        ),
        (
            {"convention": "torch_same", "stride": 2},
            {"convention": "number"},
            "Set `convention` to number.",
        ),
        (
            {"operation": "transposed_convolution", "convention": "torch_same"},
            {"convention": "number"},
            "Set `convention` to number.",
        ),
        (
            {"operation": "max_pooling", "convention": "torch_same", "stride": 1},
            {"convention": "number"},
            "Set `convention` to number.",
        ),
        (
            {"operation": "average_pooling", "convention": "torch_same", "stride": 1},
            {"convention": "number"},
            "Set `convention` to number.",
        ),
        (
            {"operation": "transposed_convolution", "output_padding": 5, "stride": 3},
            {"output_padding": 2},
            "Set `output_padding` to 2.",
        ),
        (
            {"padding_mode": "reflect", "padding": 9},
            {"padding": 7},
            "Set `padding` to 7.",
        ),
        (
            {
                "operation": "transposed_convolution",
                "stride": 8,
                "padding": 0,
                "input_height": 64,
                "input_width": 64,
            },
            {"stride": 2},
            "Set `stride` to 2.",
        ),
    ],
)
def test_the_setting_at_fault_goes_to_its_nearest_value(
    changes: dict[str, Any], changed: dict[str, Any], said: str
) -> None:
    values = defaults(**changes)
    settled, (sentence,) = layer.make_runnable(values)
    assert settled == defaults(**changes).updated(changed)
    assert sentence.endswith(said)


def test_a_named_convention_doubles_the_size_of_a_transposed_convolution() -> None:
    link = {"operation": "transposed_convolution", "input_height": 16, "input_width": 16}
    for name, pads in (("tf_same", (0, 1)), ("same_lower", (1, 0))):
        values = defaults(**link, convention=name)
        assert layer.make_runnable(values) == (values, [])
        spec = layer.layer_spec(values)
        assert (check(spec, (16, 16)), spec.padding) == ((32, 32), (pads, pads))
    values = defaults(**link, convention="tf_same", kernel_size=1, output_padding=0)
    assert check(layer.layer_spec(values), (16, 16)) == (32, 32)


@given(case=cases(), values=all_values())
def test_a_layer_comes_back_from_its_values(
    case: tuple[LayerSpec, tuple[int, int]], values: SweepSettings
) -> None:
    spec, size = case
    # What the values of a layer do not hold: the bias, and the channels of the input.
    values = values.updated(in_channels=spec.in_channels, bias=float(spec.bias))
    values = values.updated(layer.values_of(spec, size))
    assert layer.layer_spec(values) == spec
    assert layer.input_size(values) == size


@given(values=all_values())
def test_values_come_back_from_their_layer(values: SweepSettings) -> None:
    values, _ = layer.make_runnable(values)
    spec = layer.layer_spec(values)
    again = values.updated(layer.values_of(spec, layer.input_size(values)))
    assert layer.layer_spec(again) == spec
    if not layer.fits_controls(spec):
        assert values.convention not in ("number", "sides")
        return
    for name in layer.values_of(spec, layer.input_size(values)):
        assert accepts(BY_NAME[name], BY_NAME[name].format(again[name])), name


@pytest.mark.parametrize("operation", OPERATIONS)
def test_settings_an_operation_does_not_have_are_left_out(operation: str) -> None:
    values = defaults(
        operation=operation,
        dilation=2,
        padding_mode="replicate",
        ceil_mode=True,
        count_include_pad=False,
        output_padding=1,
        bias=3.0,
    )
    values, _ = layer.make_runnable(values)
    spec, plain = layer.layer_spec(values), LayerSpec()
    row = OPERATIONS[operation]
    for name in ("dilation", "padding_mode", "ceil_mode", "count_include_pad", "output_padding"):
        assert row.has(name) == (getattr(spec, name) != getattr(plain, name)), name
    assert row.has("bias") == spec.bias


def test_height_and_width_apart_start_where_they_were() -> None:
    values = defaults(kernel_size=5, stride=3, padding=2, kernel_width=1)
    together = layer.layer_spec(values)
    values = values.updated(layer.widths_equal_to_heights(values.flat), separate=True)
    assert layer.layer_spec(values) == together
    assert layer.layer_spec(values.updated(kernel_width=2)).kernel_size == (5, 2)


LIMITS = {
    "kernel_size": (1, layer.MAX_KERNEL),
    "stride": (1, layer.MAX_STRIDE),
    "padding": (0, layer.MAX_PADDING),
    "dilation": (1, layer.MAX_DILATION),
    "output_padding": (0, layer.MAX_STRIDE - 1),
    "pad_top": (0, layer.MAX_PADDING),
    "kernel_width": (1, layer.MAX_KERNEL),
    "input_height": (1, layer.MAX_SIDE),
    "input_width": (1, layer.MAX_SIDE),
}


def bounds_and_truth(values: SweepSettings, name: str) -> tuple[range, list[int]]:
    """What the slider offers, and every value that works."""

    def attempt(value: int) -> None:
        changed = values.updated({name: value})
        check(layer.layer_spec(changed), layer.input_size(changed))

    low, high = LIMITS[name]
    candidates = range(low, high + 1)
    return feasible_range(attempt, candidates, values[name]), [
        n for n in candidates if runs(values.updated({name: n}))
    ]


@pytest.mark.parametrize("name", LIMITS)
@examples(30)
@given(values=all_values())
def test_sliders_offer_exactly_what_works(name: str, values: SweepSettings) -> None:
    if values.convention not in ("number", "sides"):
        values = values.updated(convention="number")
    values, _ = layer.make_runnable(values)
    bounds, works = bounds_and_truth(values, name)
    assert list(bounds) == works


@pytest.mark.parametrize("name", LIMITS)
@examples(30)
@given(values=all_values())
def test_under_any_convention_the_ends_of_a_slider_work(name: str, values: SweepSettings) -> None:
    values, _ = layer.make_runnable(values)
    bounds, works = bounds_and_truth(values, name)
    assert {bounds[0], values[name], bounds[-1]} <= set(works)
    assert bounds[0] <= values[name] <= bounds[-1]


def test_an_upload_is_the_input_once_it_is_there() -> None:
    import numpy as np

    values = defaults(picture=layer.UPLOAD)
    upload = Upload(np.full((4, 4, 3), 7, dtype=np.uint8), "digest")
    assert layer.board_spec(values, upload).source.pixels().tolist() == [[[7.0] * 8] * 8]
    assert layer.board_spec(values).source.picture in BY_NAME["picture"].default


@pytest.mark.parametrize("kernel, counts", [("random", True), ("sobel_x", False)])
def test_a_seed_counts_only_where_something_is_drawn(kernel: str, counts: bool) -> None:
    boards = [layer.board_spec(defaults(kernel=kernel, kernel_seed=seed)) for seed in (1, 2)]
    assert (boards[0] != boards[1]) == counts


def test_typed_cells_are_kept_sorted_and_once() -> None:
    text = layer.with_edited_cell(layer.with_edited_cell("", (1, 2, 3), 4), (0, 0, 0), -0.5)
    assert text == "0.0.0:-0.5_1.2.3:4"
    assert layer.with_edited_cell(text, (1, 2, 3), 9.0) == "0.0.0:-0.5_1.2.3:9"


@given(st.dictionaries(st.tuples(*[st.integers(0, 63)] * 3), st.floats(-1000, 1000), max_size=5))
def test_typed_cells_read_back(cells: dict[tuple[int, int, int], float]) -> None:
    text = ""
    for index, value in cells.items():
        text = layer.with_edited_cell(text, index, value)
    assert dict(layer.parse_edited_cells(text, 3)) == cells
