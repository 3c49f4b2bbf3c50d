"""Snippets run: PyTorch's as it stands, JAX's and Keras's on stand-ins written in numpy."""

from __future__ import annotations

import ast
import contextlib
import io
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.code import FRAMEWORKS, LITERAL_SIDE, snippet
from core.layer.code.text import FIXED, array_literal, float_text
from core.layer.operations import OPERATIONS, with_padding_convention
from core.layer.sweep import sweep
from core.layer.window import Pair
from tests.core.layer.code_reference import (
    conv_general_dilated,
    keras_conv_transpose,
    reduce_window,
    same_pads,
    stand_ins,
)
from tests.core.strategies import pairs, runs
from tests.examples import examples

Run = tuple[LayerSpec, np.ndarray, np.ndarray | None, np.ndarray | None]
OVERHANGS = [
    LayerSpec(name, (2, 2), (3, 3), ((0, 1), (0, 1)), ceil_mode=True, count_include_pad=counted)
    for name, counted in (
        ("max_pooling", True),
        ("average_pooling", True),
        ("average_pooling", False),
    )
]
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def execute(code: str) -> dict[str, Any]:
    """The names a snippet leaves behind; what it prints is checked to be something."""
    names: dict[str, Any] = {}
    with stand_ins(), contextlib.redirect_stdout(io.StringIO()) as printed:
        with warnings.catch_warnings():  # torch on even kernels with padding="same" and its kin
            warnings.simplefilter("ignore")
            exec(compile(code, "<snippet>", "exec"), names)
    assert printed.getvalue().strip()
    return names


def output(framework: str, names: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """(O, h, w) of the snippet's layer on (C, H, W)."""
    if framework == "pytorch":
        with torch.inference_mode():
            return names["layer"](torch.from_numpy(x)[None])[0].numpy()
    if framework == "keras":
        return np.moveaxis(names["layer"](np.moveaxis(x, 0, -1)[None])[0], -1, 0)
    return names["layer"](x[None])[0]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_operation_has_its_writer(framework: str) -> None:
    others = {name for name, row in OPERATIONS.items() if row.fixed_weight is None}
    assert set(FRAMEWORKS[framework].writers) == {*others, FIXED}


@pytest.mark.parametrize("operation", OPERATIONS)
@examples(40)
@given(data=st.data())
def test_pytorch_gives_the_numbers_on_screen(operation: str, data: st.DataObject) -> None:
    spec, x, weight, bias = data.draw(runs(operation))
    names = execute(snippet("pytorch", spec, x.shape[1:], weight, bias, x))
    expected = sweep(spec, x, weight, bias).output
    assert np.array_equal(output("pytorch", names, x), expected)
    if spec.in_channels == 1 and max(x.shape) <= LITERAL_SIDE:
        assert np.array_equal(names["y"][0].numpy(), expected)
    else:
        assert names["y"].shape[1:] == expected.shape


@pytest.mark.parametrize("framework", ["keras", "jax"])
@pytest.mark.parametrize("operation", OPERATIONS)
@examples(40)
@given(data=st.data())
def test_others_give_the_numbers_on_screen(
    framework: str, operation: str, data: st.DataObject
) -> None:
    spec, x, weight, bias = data.draw(runs(operation))
    names = execute(snippet(framework, spec, x.shape[1:], weight, bias, x))
    expected = sweep(spec, x, weight, bias).output
    got = output(framework, names, x)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    y = np.moveaxis(names["y"], -1, 1) if framework == "keras" else names["y"]
    assert y.shape[1:] == expected.shape
    if spec.in_channels == 1 and max(x.shape) <= LITERAL_SIDE:
        np.testing.assert_allclose(y[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("spec", OVERHANGS)
def test_a_window_that_would_start_in_padding_is_left_out(framework: str, spec: LayerSpec) -> None:
    """Padded by hand, the picture looks one window longer to a rounding-up pooling layer."""
    x = np.arange(-4, 5, dtype=np.float32).reshape(1, 3, 3)
    expected = sweep(spec, x).output
    assert expected.shape == (1, 1, 1)
    names = execute(snippet(framework, spec, (3, 3), x=x))
    np.testing.assert_allclose(output(framework, names, x), expected)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@given(run=runs())
def test_snippets_import_exactly_what_they_use(framework: str, run: Run) -> None:
    spec, x, weight, bias = run
    tree = ast.parse(snippet(framework, spec, x.shape[1:], weight, bias, x))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported <= read


@given(FLOATS)
def test_number_is_the_same_float32_again(value: float) -> None:
    assert np.float32(float(float_text(value))) == np.float32(value)
    assert torch.tensor(float(float_text(value))).item() == np.float32(value)


def test_number_is_short() -> None:
    assert [float_text(np.float32(v)) for v in (0.1, -0.0, 1.0, 1 / 3)] == [
        "0.1",
        "0.0",
        "1.0",
        "0.33333334",
    ]


@given(st.lists(FLOATS, min_size=12, max_size=12))
def test_plane_reads_back(values: list[float]) -> None:
    for shape in ((12,), (3, 4), (1, 2, 2, 3)):
        array = np.array(values, dtype=np.float32).reshape(shape)
        assert np.array_equal(
            np.array(ast.literal_eval(array_literal(array)), dtype=np.float32), array
        )


def weights(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def conv(framework: str, size: tuple[int, int] = (6, 6), **settings: Any) -> str:
    spec = LayerSpec(**settings)
    shape = OPERATIONS[spec.operation].weight_shape(spec)
    learned = OPERATIONS[spec.operation].learned and shape
    return snippet(framework, spec, size, weights(*shape) if learned and shape else None)


@pytest.mark.parametrize(
    "settings, line",
    [
        ({}, "layer = nn.Conv2d(1, 1, kernel_size=3, bias=False)"),
        (
            {"kernel_size": (3, 2), "stride": (2, 2), "padding": ((1, 1), (1, 1))},
            "layer = nn.Conv2d(1, 1, kernel_size=(3, 2), stride=2, padding=1, bias=False)",
        ),
        (
            {"padding": ((0, 1), (2, 1))},
            "layer = nn.Sequential(nn.ZeroPad2d((2, 1, 0, 1)), conv)",
        ),
        (
            {"operation": "max_pooling", "kernel_size": (2, 2), "stride": (2, 2)},
            "layer = nn.MaxPool2d(kernel_size=2)",
        ),
        (
            {"operation": "max_pooling", "padding": ((0, 1), (0, 0))},
            'nn.ConstantPad2d((0, 0, 0, 1), float("-inf"))',
        ),
        (
            {"operation": "average_pooling", "stride": (1, 1), "ceil_mode": True},
            "layer = nn.AvgPool2d(kernel_size=3, stride=1, ceil_mode=True)",
        ),
    ],
)
def test_pytorch_is_said_as_a_student_would(settings: dict, line: str) -> None:
    assert line in conv("pytorch", **settings)


def test_filled_padding_uses_torchs_own_argument_where_it_can() -> None:
    even, odd = ((1, 1), (1, 1)), ((0, 1), (1, 1))
    assert 'padding_mode="reflect"' in conv("pytorch", padding=even, padding_mode="reflect")
    assert "nn.ReflectionPad2d((1, 1, 0, 1))" in conv(
        "pytorch", padding=odd, padding_mode="reflect"
    )


def test_keras_says_same_only_when_it_is_the_same() -> None:
    around, after = ((1, 1), (1, 1)), ((0, 1), (0, 1))
    assert '"same"' in conv("keras", padding=around)
    assert '"same"' not in conv("keras", padding=around, stride=(2, 2)), "TF pads 0 and 1 here"
    assert '"same"' in conv("keras", padding=after, stride=(2, 2))
    assert '"same"' in conv("keras", (7, 7), padding=around, stride=(2, 2)), "but 1 and 1 here"
    assert "padding" not in conv("keras")
    assert "ZeroPadding2D(((1, 1), (1, 1)))" in conv("keras", padding=around, stride=(2, 2))


@pytest.mark.parametrize("framework", FRAMEWORKS)
@given(
    data=st.data(),
    name=st.sampled_from(["valid", "tf_same", "same_lower"]),
    kernel=pairs(1, 4),
    stride=pairs(1, 4),
    size=pairs(2, 4),
)
def test_named_paddings_of_a_transposed_convolution_run(
    framework: str, data: st.DataObject, name: str, kernel: Pair, stride: Pair, size: Pair
) -> None:
    dilation = data.draw(pairs(1, 2))
    spec = LayerSpec("transposed_convolution", kernel, stride, dilation=dilation)
    spec = with_padding_convention(spec, size, name)
    x, weight = weights(1, *size) - 3, weights(1, 1, *kernel) - 2
    names = execute(snippet(framework, spec, size, weight, x=x))
    got, expected = output(framework, names, x), sweep(spec, x, weight).output
    assert np.array_equal(got, expected)
    if name in ("tf_same", "same_lower"):
        assert got.shape[1:] == (size[0] * stride[0], size[1] * stride[1])


def test_keras_says_same_of_a_transposed_convolution() -> None:
    after = ((0, 1), (0, 1))
    told = {"operation": "transposed_convolution", "stride": (2, 2)}
    assert 'padding="same"' in conv("keras", padding=after, **told)
    assert "y[:" not in conv("keras", padding=after, **told)
    assert '"same"' not in conv("keras", padding=((1, 0), (1, 0)), **told)
    grouped = {"in_channels": 2, "out_channels": 2, "groups": 2}
    assert 'padding="same")' in conv("keras", padding=after, **told, **grouped)


def test_keras_comments_where_it_has_no_counterpart() -> None:
    around = ((1, 1), (1, 1))
    assert "# Keras has no dilation together" in conv("keras", dilation=(2, 2), stride=(2, 2))
    assert "# Keras has no 'circular'" in conv("keras", padding=around, padding_mode="circular")
    assert "# Conv2DTranspose takes no padding" in conv(
        "keras", operation="transposed_convolution", padding=around, stride=(2, 2)
    )
    assert "# Keras's pooling has no dilation" in conv(
        "keras", operation="max_pooling", dilation=(2, 2)
    )
    assert "# The zeros count" in conv(
        "keras", operation="average_pooling", padding=around, stride=(2, 2)
    )


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_large_or_coloured_pictures_are_left_to_the_reader(framework: str) -> None:
    for channels, side in ((1, LITERAL_SIDE + 1), (3, 5)):
        spec = LayerSpec("max_pooling", in_channels=channels)
        picture = np.zeros((channels, side, side), dtype=np.float32)
        assert "# your picture here" in snippet(framework, spec, (side, side), x=picture)
    small = np.zeros((1, LITERAL_SIDE, LITERAL_SIDE), dtype=np.float32)
    code = snippet(framework, LayerSpec("max_pooling"), small.shape[1:], x=small)
    assert "# your picture here" not in code


@pytest.mark.parametrize(
    "arguments, parameter",
    [
        ({"framework": "caffe"}, "framework"),
        ({"weight": None}, "weight"),
        ({"weight": weights(1, 1, 2, 3)}, "weight"),
        ({"weight": np.full((1, 1, 3, 3), np.nan)}, "weight"),
        ({"bias": np.zeros(1)}, "bias"),
        ({"x": np.zeros((1, 4, 5))}, "input"),
        ({"x": np.full((1, 5, 5), np.inf)}, "input"),
        ({"size": (2, 2)}, "kernel_size"),
        ({"spec": LayerSpec("max_pooling")}, "weight"),
    ],
)
def test_what_cannot_be_written_is_refused(arguments: dict, parameter: str) -> None:
    good: dict[str, Any] = {
        "framework": "pytorch",
        "spec": LayerSpec(),
        "size": (5, 5),
        "weight": weights(1, 1, 3, 3),
    }
    assert snippet(**good)
    with pytest.raises(SpecError) as caught:
        snippet(**(good | arguments))
    assert caught.value.parameter == parameter


# The stand-ins themselves, against torch.


@given(pairs(1, 3), pairs(1, 3), pairs(1, 3), pairs(0, 3), st.integers(1, 2))
def test_reference_convolution(
    kernel: Pair, stride: Pair, dilation: Pair, pads: Pair, groups: int
) -> None:
    x, weight = weights(2, groups * 2, 8, 9) % 7, weights(groups, 2, *kernel) % 5
    y = conv_general_dilated(
        x,
        weight,
        stride,
        [(p, p) for p in pads],
        rhs_dilation=dilation,
        feature_group_count=groups,
    )
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(x), torch.from_numpy(weight), None, stride, pads, dilation, groups
    )
    assert np.array_equal(y, expected.numpy())


def test_negative_padding_crops() -> None:
    x = weights(1, 1, 4, 4)
    y = conv_general_dilated(x, np.ones((1, 1, 1, 1)), (1, 1), ((-1, 0), (0, -2)))
    assert np.array_equal(y[0, 0], x[0, 0, 1:, :2])


def test_reference_transposed_convolution() -> None:
    x, kernel = weights(1, 4, 3, 2), weights(3, 2, 3, 2)
    y = keras_conv_transpose(x, kernel, (2, 1))
    expected = torch.nn.functional.conv_transpose2d(
        torch.from_numpy(x).permute(0, 3, 1, 2),
        torch.from_numpy(kernel).permute(3, 2, 0, 1),
        stride=(2, 1),
    )
    assert np.array_equal(np.moveaxis(y, -1, 1), expected.numpy())
    same = keras_conv_transpose(x, kernel, (2, 1), "same")
    assert same.shape == (1, 8, 3, 3)
    assert np.array_equal(same, y[:, :8, :3]), "of 3×2 by 2×1 the odd pixel goes at the end"


def test_reference_window() -> None:
    x = weights(1, 1, 5, 5)
    y = reduce_window(x, -np.inf, np.maximum, (1, 1, 2, 2), (1, 1, 2, 2), [(0, 0)] * 4)
    assert np.array_equal(y, torch.nn.functional.max_pool2d(torch.from_numpy(x), 2))


@pytest.mark.parametrize(
    "n, span, stride, pads",
    [(6, 3, 1, (1, 1)), (6, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (5, 1, 3, (0, 0)), (3, 5, 4, (1, 1))],
)
def test_reference_same(n: int, span: int, stride: int, pads: tuple[int, int]) -> None:
    """Worked out by hand from TensorFlow's rule."""
    assert same_pads(n, span, stride) == pads
