"""Tables of sizes and padding conventions: every cell against torch."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given

from core.layer import LayerSpec
from core.layer.board import BoardSpec, InputSpec
from core.layer.operations import OPERATIONS, output_size
from core.layer.padding import CONVENTIONS
from core.layer.size_tables import (
    COMMON_LAYERS,
    OWN,
    USUAL_SIZES,
    SizeTable,
    common_layer_table,
    convention_results,
    kernel_stride_table,
    stride_padding_table,
)
from core.layer.sizes import unread_pixels
from core.layer.window import Pair
from tests.core.strategies import cases


def layer(k: int, s: int, p: int, operation: str = "convolution") -> LayerSpec:
    return LayerSpec(operation, (k, k), (s, s), ((p, p), (p, p)))


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@pytest.mark.parametrize("size", [(8, 8), (7, 12), (224, 224), (1, 1)])
def test_torch_agrees_in_every_cell(operation: str, size: Pair) -> None:
    spec = layer(3, 2, 1, operation)
    for table in (stride_padding_table(spec, size), kernel_stride_table(spec, size)):
        assert table.agrees.all()
        assert (table.output[table.fits] > 0).all()
        assert ((table.output[..., 1] > 0) == table.fits).all()


@given(cases())
def test_a_cell_is_the_layer_with_its_two_settings(case: tuple[LayerSpec, Pair]) -> None:
    spec, size = case
    table = kernel_stride_table(spec, size, (1, 3), (1, 2, 4))
    assert table.output.shape == (2, 3, 2)
    assert table.agrees.all()
    for row, k in enumerate(table.rows):
        for column, s in enumerate(table.columns):
            assert isinstance(k, int)
            assert isinstance(s, int)
            one = replace(spec, kernel_size=(k, k), stride=(s, s))
            if table.fits[row, column]:
                assert tuple(table.output[row, column]) == output_size(one, size)
                assert table.unread[row, column] == unread_pixels(one, size)
                assert table.refusals[row][column] == ""
            else:
                assert table.refusals[row][column]


def test_what_does_not_fit_says_why() -> None:
    table = kernel_stride_table(LayerSpec(), (4, 4), (3, 5), (1,))
    assert table.fits.tolist() == [[True], [False]]
    assert "spans 5 pixels" in table.refusals[1][0]


def test_a_convention_pads_cell_by_cell() -> None:
    table = kernel_stride_table(LayerSpec(), (224, 200), convention="tf_same")
    for column, stride in enumerate(table.columns):
        assert isinstance(stride, int)
        assert (table.output[:, column] == [-(-224 // stride), -(-200 // stride)]).all()
    same = kernel_stride_table(LayerSpec(), (8, 8), convention="torch_same")
    assert same.fits[:, 0].all()
    assert not same.fits[:, 1:].any()
    assert same.agrees.all()


def test_common_layers_on_the_usual_sizes() -> None:
    """The textbook's claims: what halves, what keeps, what quarters, and where they fail."""
    table = common_layer_table((*USUAL_SIZES, (9, 6)))
    assert table.columns == ("224", "112", "32", "28", "7", "9×6")
    assert table.agrees.all()

    def outputs(label: str) -> list[int]:
        return table.output[table.rows.index(label), :5, 0].tolist()

    assert outputs("3×3 s1 p1") == [224, 112, 32, 28, 7]
    assert outputs("7×7 s2 p3") == [112, 56, 16, 14, 4]
    assert outputs("3×3 s2 p1") == [112, 56, 16, 14, 4]
    assert outputs("4×4 s2 p1") == [112, 56, 16, 14, 3]  # odd inputs differ from k=3
    assert outputs("4×4 s4 p0") == [56, 28, 8, 7, 1]
    assert len({common.label for common in COMMON_LAYERS}) == len(COMMON_LAYERS)


def test_csv_holds_every_cell() -> None:
    table = stride_padding_table(layer(3, 2, 0), (6, 6), (1, 2), (0,))
    rows = list(csv.DictReader(io.StringIO(table.csv())))
    assert len(rows) == 2
    assert rows[1] == {
        "stride": "2",
        "padding": "0",
        "input_height": "6",
        "input_width": "6",
        "output_height": "2",
        "output_width": "2",
        "torch_height": "2",
        "torch_width": "2",
        "remainder_height": "1",
        "remainder_width": "1",
        "unread_pixels": "11",
        "note": "",
    }


def test_a_disagreement_is_seen() -> None:
    """The guard itself: a table that differs from torch says where."""
    table = stride_padding_table(layer(3, 2, 1), (8, 8), (1, 2), (0, 1))
    wrong = table.measured.copy()
    wrong[1, 0, 1] += 1
    other: SizeTable = replace(table, measured=wrong)
    assert other.agrees.tolist() == [[True, True], [False, True]]


def test_conventions_at_stride_two() -> None:
    results = {r.name: r for r in convention_results(layer(3, 2, 1), (8, 8), run=True)}
    assert list(results) == [OWN, *CONVENTIONS]
    assert results["tf_same"].pads == ((0, 1), (0, 1))
    assert results["same_lower"].pads == ((1, 0), (1, 0))
    assert results["valid"].unread == 15
    for result in results.values():
        assert result.measured == result.output
    own, same = results[OWN], results["tf_same"]
    assert own.differs is not None
    assert not own.differs.any()
    assert same.differs is not None
    assert same.differs.any()
    assert results["half"].differs is not None
    assert not results["half"].differs.any()


def test_torch_same_is_refused_where_torch_refuses_it() -> None:
    refused = {r.name: r for r in convention_results(layer(3, 2, 1), (8, 8))}["torch_same"]
    assert refused.output is None
    assert "refused by PyTorch" in refused.refusal
    with pytest.raises(ValueError, match="not supported for strided"):
        torch.nn.Conv2d(1, 1, 3, stride=2, padding="same")
    pooled = {r.name: r for r in convention_results(layer(3, 1, 1, "max_pooling"), (8, 8))}[
        "torch_same"
    ]
    assert "MaxPool2d" in pooled.refusal


def test_conventions_of_a_transposed_convolution() -> None:
    """16 pixels by stride 2: TensorFlow and ONNX give 32, a number on both sides 31 or 33."""
    spec = layer(3, 2, 1, "transposed_convolution")
    results = {r.name: r for r in convention_results(spec, (16, 16))}
    assert results[OWN].output == (31, 31)
    assert results["valid"].output == (33, 33)
    for name, pads in (("tf_same", ((0, 1), (0, 1))), ("same_lower", ((1, 0), (1, 0)))):
        assert (results[name].output, results[name].pads) == ((32, 32), pads)
    assert "ConvTranspose2d" in results["torch_same"].refusal
    table = kernel_stride_table(spec, (16, 16), (1, 2, 3, 4), convention="tf_same")
    assert table.agrees.all()
    assert (table.output[..., 0] == 16 * np.array(table.columns)).all()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dilation", [1, 2])
def test_torch_same_is_what_torch_pads(kernel: int, dilation: int) -> None:
    """Through torch's own ``padding='same'``, with the kernel and picture of the board."""
    spec = replace(layer(kernel, 1, 0), dilation=(dilation, dilation))
    size = (17, 16)
    result = {r.name: r for r in convention_results(spec, size, run=True)}["torch_same"]
    board = BoardSpec(spec, InputSpec(size=size))
    weight = board.weight()
    assert weight is not None
    x = torch.from_numpy(board.source.pixels())[None]
    y = torch.nn.functional.conv2d(x, torch.from_numpy(weight), padding="same", dilation=dilation)
    assert result.values is not None
    np.testing.assert_allclose(result.values, y[0, 0].numpy(), rtol=1e-4, atol=1e-3)


@given(cases())
def test_every_convention_that_runs_is_measured(case: tuple[LayerSpec, Pair]) -> None:
    spec, size = case
    for result in convention_results(spec, size):
        assert (result.output is None) == bool(result.refusal)
        assert result.measured == result.output
