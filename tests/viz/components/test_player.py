"""What the player is sent: exactly torch's numbers, small, for every operation."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.layer.board import BoardSpec
from core.layer.operations import OPERATIONS
from core.layer.window import Axis
from tests.examples import examples
from tests.viz.values import all_values, defaults
from tests.viz.visit import again, sent, visit
from viz.choices import board as choices_board
from viz.choices import layer
from viz.components.player import player as mount
from viz.features.sweep.params import SweepSettings
from viz.theme import MEANINGS


def decoded(packed: dict[str, Any]) -> np.ndarray:
    """The array as the JavaScript reads it."""
    flat = np.frombuffer(b64decode(packed["data"]), dtype="<" + packed["kind"])
    return flat.reshape(packed["shape"]).astype(np.float64)


NUMBERS = st.one_of(
    st.integers(0, 255).map(float),
    st.integers(-(2**15), 2**15 - 1).map(float),
    st.integers(-(2**16), 2**16).map(float),
    st.floats(width=32, allow_nan=False),
)


@given(st.data())
def test_arrays_arrive_as_they_are(data: st.DataObject) -> None:
    shape = data.draw(arrays.array_shapes(max_dims=4, max_side=4))
    numbers = data.draw(
        st.sampled_from(
            [st.integers(0, 255).map(float), st.integers(-300, 300).map(float), NUMBERS]
        )
    )
    array = data.draw(arrays.arrays(np.float32, shape, elements=numbers))
    packed = choices_board._array_data(array)
    assert packed["kind"] in ("u1", "i2", "f4")
    assert np.array_equal(decoded(packed), array)


@pytest.mark.parametrize(
    "numbers, kind",
    [
        ([0, 255], "u1"),
        ([0, 256], "i2"),
        ([-1, 3], "i2"),
        ([-(2**15), 2**15 - 1], "i2"),
        ([2**15], "f4"),
        ([-(2**15) - 1], "f4"),
        ([0.5], "f4"),
        ([-np.inf, 3], "f4"),
        ([], "u1"),
    ],
)
def test_the_smallest_exact_kind_is_taken(numbers: list[float], kind: str) -> None:
    packed = choices_board._array_data(np.array(numbers, dtype=np.float32))
    assert packed["kind"] == kind
    assert decoded(packed).tolist() == numbers


@examples(60)
@given(values=all_values())
def test_a_payload_is_the_sweep(values: SweepSettings) -> None:
    check_payload(layer.board_spec(layer.make_runnable(values)[0]))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_a_payload(operation: str) -> None:
    values = defaults(operation=operation, in_channels=2, out_channels=2, bias=1.0)
    check_payload(layer.board_spec(layer.make_runnable(values)[0]))


def check_payload(board: BoardSpec) -> None:
    result, payload = choices_board.sweep(board), choices_board.player_data(board)
    operation = OPERATIONS[board.layer.operation]
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload, "plain JSON"
    for name in ("input", "output", "weight", "bias", "winner", "divisor"):
        array = getattr(result, name)
        assert (name in payload) == (array is not None), name
        if array is not None:
            assert np.array_equal(decoded(payload[name]), array), name
    for name, axis, values in (
        ("rows", result.rows, result.row_values),
        ("cols", result.cols, result.col_values),
    ):
        check_axis(payload[name], axis, values.tolist())
    assert float(payload["fill"]) == result.fill_value
    assert payload["reduce"] == operation.reduce
    assert payload["groups"] == result.groups
    assert payload["editable"]["kernel"] == operation.learned
    assert payload["editable"]["input"] == (max(board.source.size) <= 16)
    assert len(payload["channels"]) == result.input.shape[0]
    assert len(payload["filters"]) == result.output.shape[0]


def check_axis(sent: dict[str, list[int]], axis: Axis, values: list[int]) -> None:
    assert sent["source"] == axis.source.tolist()
    assert sent["values"] == values
    assert sent["starts"] == axis.starts.tolist()
    assert sent["offsets"] == axis.offsets.tolist()
    assert sent["reads"] == axis.grid_reads.tolist()
    assert sent["writes"] == [sum(axis.source[i] >= 0 for i in taps) for taps in axis.taps]
    assert max(sent["starts"]) + max(sent["offsets"]) < len(sent["source"])


def test_a_maximum_over_padding_alone_is_minus_infinity() -> None:
    board = layer.board_spec(
        defaults(
            operation="max_pooling",
            kernel_size=2,
            stride=1,
            padding=1,
            dilation=4,
            input_height=3,
            input_width=3,
        )
    )
    payload = choices_board.player_data(board)
    assert payload["fill"] == "-inf"
    assert np.isneginf(decoded(payload["output"])).all()
    assert (decoded(payload["winner"]) == -1).all()


def test_the_largest_payload_of_one_channel_is_small() -> None:
    board = layer.board_spec(defaults(stride=1, padding=0, input_height=64, input_width=64))
    assert len(json.dumps(choices_board.player_data(board))) < 64_000


def test_the_mount_sends_code_once_and_data_as_json() -> None:
    mounted = [component.proto for component in visit().get("bidi_component")]
    [proto] = [each for each in mounted if each.component_name == mount.NAME]
    assert (proto.js_source_path, proto.css_source_path) == (
        "player/player.js",
        "player/player.css",
    )
    assert proto.js_content == "", "the code is fetched, not sent with every change of the data"
    assert 'data-testid="sweep-player"' in proto.html_content


def test_the_mount_sends_the_board_the_view_and_the_palette() -> None:
    data = sent(visit(step="5", pin="k1.2", channel="2", filter="1", speed="30", reads="true"))
    board = layer.board_spec(defaults())
    (shown,) = data["boards"]
    assert {**choices_board.player_data(board), "name": " "} == shown
    view = {"step": 5, "pin": "k1.2", "channel": 2, "filter": 1, "speed": 30, "reads": True}
    assert view.items() <= data["view"].items()
    assert data["palette"]["meanings"] == MEANINGS
    assert data["id"]
    assert data["token"]


def test_boards_are_named_and_titled_when_there_are_several() -> None:
    data = sent(visit(compare="second", stride_b="1", operation_b="max_pooling"))
    assert [board["name"] for board in data["boards"]] == ["A", "B"]
    assert data["boards"][1]["title"].startswith("B  3×3 max pooling, stride 1")
    four = sent(visit(compare="classics"))["boards"]
    assert [board["name"] for board in four] == ["A", "B", "C", "D"]
    assert len({board["title"] for board in four}) == 4


def test_the_identity_follows_the_board_and_the_token_the_link() -> None:
    first, same, other = (sent(visit(**link)) for link in ({}, {"step": "3"}, {"stride": "1"}))
    assert first["id"] == same["id"] != other["id"]
    at = visit()
    token = sent(at)["token"]
    at.slider(key="stride").set_value(1)
    assert sent(again(at))["token"] == token
    at.query_params["step"] = "4"
    data = sent(again(at))
    assert data["token"] != token
    assert data["view"]["step"] == 4
