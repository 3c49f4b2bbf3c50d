"""The board as a visitor without a browser meets it: every control, preset and link."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.layer.code import FRAMEWORKS
from core.layer.fixes import fixes
from core.layer.kernels import PRESETS as KERNELS
from core.layer.operations import OPERATIONS, check, operation_of
from core.layer.padding import CONVENTIONS, FILLS
from tests.viz.components.test_player import decoded
from tests.viz.visit import (
    again,
    board_of,
    link_of,
    opened,
    sent,
    text_of,
    values_of,
    visit,
    warned,
)
from viz.choices import layer as state
from viz.choices.layer import BoardSettings
from viz.features.sweep import compute
from viz.features.sweep.params import SECOND, SweepSettings
from viz.features.sweep.presets import CLASSICS, PRESETS
from viz.params import query

LOSSY = {"stride": 3, "padding": 0, "input_height": 7, "input_width": 7}
EXTREMES: dict[str, dict[str, Any]] = {
    "the largest input": {"input_height": 64, "input_width": 64, "stride": 1},
    "one pixel": {"input_height": 1, "input_width": 1},
    "a strip": {"input_height": 64, "input_width": 1, "kernel_size": 1},
    "the largest kernel": {"kernel_size": 11, "padding": 10, "input_height": 20},
    "dilated apart": {"kernel_size": 11, "dilation": 6, "input_height": 64, "input_width": 64},
    "four channels": {"in_channels": 4, "out_channels": 4},
    "depthwise": {"in_channels": 4, "out_channels": 4, "groups": 4, "kernel": "random"},
    "in pairs": {"in_channels": 4, "out_channels": 2, "groups": 2, "bias": "-2.5"},
    "stretched": {
        "operation": "transposed_convolution",
        "stride": 8,
        "kernel_size": 11,
        "padding": 0,
        "output_padding": 7,
        "input_height": 18,
        "input_width": 18,
    },
    "grouped and stretched": {
        "operation": "transposed_convolution",
        "in_channels": 4,
        "out_channels": 4,
        "groups": 2,
        "dilation": 3,
    },
    "rounded up": {"operation": "average_pooling", "ceil_mode": "true", "input_height": 9},
    "sides": {"convention": "sides", "pad_top": 10, "pad_right": 3},
}


def check_numbers(at: AppTest) -> None:
    """Every number of the page is torch's."""
    values = values_of(at)
    shown = sent(at)["boards"]
    for board, suffix in zip(shown, ("", SECOND), strict=False):
        asked = board_of(at, suffix)
        output = torch_output(values.layers[suffix])
        assert np.array_equal(decoded(board["output"]), output)
        caption = f"output {output.shape[1]}×{output.shape[2]}"
        assert board["captions"]["output"] == caption
        assert np.array_equal(decoded(board["input"]), asked.source.pixels())
    sizes = frame_of(at)["sizes"]
    assert len(sizes) == len(shown)
    for size, board in zip(sizes, shown, strict=True):
        height, width = decoded(board["output"]).shape[1:]
        assert size["name"] == board["name"]
        assert (size["verdict"], size["agrees"]) == (f"torch gives {height}×{width} ✓", True)
        assert size["formulas"][0].endswith(f"= {height}")
        assert size["formulas"][-1].endswith(f"= {width}")


def frame_of(at: AppTest) -> dict[str, Any]:
    """What stands around the boards."""
    frame: dict[str, Any] = sent(at)["frame"]
    return frame


def link_to(values: dict[str, Any]) -> dict[str, str]:
    """The link of a page with these values, the others at their defaults."""
    return query(SweepSettings.params(), values)


def torch_output(values: BoardSettings) -> np.ndarray:
    """(O, h, w) straight from torch, past every cache."""
    asked = state.board_spec(values)
    weight, bias = asked.weight(), asked.bias()
    with torch.inference_mode():
        y = operation_of(asked.layer).run(
            asked.layer,
            torch.from_numpy(asked.source.pixels().copy())[None],
            None if weight is None else torch.from_numpy(weight),
            None if bias is None else torch.from_numpy(bias),
        )
    return y[0].numpy()


def test_the_page_opens_on_a_board_that_says_nothing_is_wrong() -> None:
    at = visit()
    check_numbers(at)
    assert link_of(at) == {}
    assert warned(at) == ""
    assert not at.info
    assert sent(at)["boards"][0]["title"] == "3×3 convolution, stride 2, padding 1"
    assert frame_of(at)["preset"] == "padding, stride 2"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_one_choice_away(operation: str) -> None:
    at = opened(visit())
    at.selectbox(key="operation").select(operation)
    again(at)
    check_numbers(at)
    made = {widget.key for widget in (*at.slider, *at.selectbox, *at.toggle, *at.number_input)}
    for name in ("dilation", "padding_mode", "ceil_mode", "count_include_pad", "output_padding"):
        assert (name in made) == OPERATIONS[operation].has(name), name
    assert {"kernel_size", "stride", "padding"} <= made
    at.session_state["details"] = True
    assert OPERATIONS[operation].summary in text_of(again(at))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_link_away_and_recognised(name: str) -> None:
    at = visit(**link_to(PRESETS[name]))
    assert frame_of(at)["presets"] == list(PRESETS)
    assert frame_of(at)["preset"] == name
    assert warned(at) == ""
    check_numbers(at)


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_are_shown_as_they_are(name: str) -> None:
    at = visit(**EXTREMES[name])
    assert warned(at) == ""
    assert EXTREMES[name].keys() <= {*link_of(at), *_defaults(EXTREMES[name])}
    check_numbers(at)


def _defaults(link: dict[str, Any]) -> set[str]:
    """The settings of a link that are the defaults, which a URL leaves out."""
    default = {param.name: param.format(param.default) for param in SweepSettings.params()}
    return {name for name, value in link.items() if default[name] == str(value)}


@pytest.mark.parametrize("convention", ["number", "sides", *CONVENTIONS])
def test_every_padding_convention(convention: str) -> None:
    at = opened(visit(stride="1"), "more")
    at.selectbox(key="convention").select(convention)
    again(at)
    assert values_of(at)["convention"] == convention
    made = {widget.key for widget in at.slider}
    assert ("padding" in made) == (convention == "number")
    assert ("pad_left" in made) == (convention == "sides")
    check_numbers(at)


@pytest.mark.parametrize("fill", FILLS)
def test_every_fill(fill: str) -> None:
    at = opened(visit(), "more")
    at.selectbox(key="padding_mode").select(fill)
    check_numbers(again(at))


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel(kernel: str) -> None:
    at = opened(visit(), "kernel_controls")
    at.selectbox(key="kernel").select(kernel)
    check_numbers(again(at))
    assert bool([n for n in at.number_input if n.key == "kernel_seed"]) == (kernel == "random")


def test_height_and_width_can_be_set_apart() -> None:
    at = opened(visit(kernel_size=5, padding=2), "more")
    at.toggle(key="separate").set_value(True)
    again(at)
    assert at.slider(key="kernel_width").value == 5
    assert sent(at)["boards"][0]["title"] == "5×5 convolution, stride 2, padding 2"
    at.slider(key="kernel_width").set_value(2)
    again(at)
    check_numbers(at)
    assert sent(at)["boards"][0]["title"].startswith("5×2 ")


def test_a_slider_leaves_the_others_alone() -> None:
    """Their bounds follow; Streamlit takes a slider with other bounds for a new one."""
    at = visit(kernel_size=5, dilation=2, padding=2)
    for name, value in (("padding", 6), ("stride", 1), ("padding", 1), ("dilation", 1)):
        before = values_of(at)
        at.slider(key=name).set_value(value)
        again(again(at))
        assert values_of(at) == before.updated({name: value})
        for slider in at.slider:
            assert slider.value == values_of(at)[slider.key], slider.key


def test_a_closed_drawer_keeps_its_settings() -> None:
    at = opened(visit(), "more", "input_controls")
    at.selectbox(key="padding_mode").select("replicate")
    at.number_input(key="input_height").set_value(12)
    again(at)
    for drawer in ("more", "input_controls"):
        at.session_state[drawer] = False
    again(again(at))
    assert not [widget for widget in at.selectbox if widget.key == "padding_mode"]
    assert link_of(at) == {"padding_mode": "replicate", "input_height": "12"}
    check_numbers(at)


def test_two_layers_side_by_side() -> None:
    at = opened(visit(compare="second"))
    at.selectbox(key="operation_b").select("max_pooling")
    again(at)
    at.slider(key="stride_b").set_value(1)
    again(at)
    first, second = sent(at)["boards"]
    assert first["title"] == "A  3×3 convolution, stride 2, padding 1"
    assert second["title"] == "B  3×3 max pooling, stride 1, padding 1"
    assert first["input"] == second["input"]
    check_numbers(at)
    link = {"compare": "second", "operation_b": "max_pooling", "stride_b": "1"}
    assert link_of(at) == link
    check_numbers(visit(**link))


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"kernel_size": 5, "input_height": 12, "kernel": "box"},
        {"separate": "true", "kernel_width": 2},
        {"operation": "max_pooling", "in_channels": 3, "stride": 4},
    ],
    ids=str,
)
def test_the_four_classics(link: dict[str, Any]) -> None:
    at = visit(compare="classics", **link)
    values, boards = values_of(at), sent(at)["boards"]
    size = values["input_height"], values["input_width"]
    across = values["kernel_width"] if values["separate"] else values["kernel_size"]
    for board, classic in zip(boards, CLASSICS.values(), strict=True):
        expected = {**state.values_of(state.layer_spec(values), size), **classic}
        expected |= {"kernel_size": values["kernel_size"], "kernel_width": across}
        expected |= state.widths_equal_to_heights(expected) | {
            "kernel_width": across,
            "separate": True,
        }
        layer = state.layer_spec(values.updated(expected))
        assert decoded(board["output"]).shape[1:] == check(layer, size)
        assert f"stride {classic['stride']}, padding {classic['padding']}" in board["title"]


def test_a_classic_that_had_to_change_says_so() -> None:
    at = visit(compare="classics", kernel_size=9, padding=4)
    assert "Board A: " in warned(at)
    assert "Set `kernel_size` to 8." in warned(at)
    assert "9×9" in sent(at)["boards"][2]["title"]


@pytest.mark.parametrize(
    "link", [LOSSY, LOSSY | {"operation": "max_pooling"}, LOSSY | {"dilation": 2}], ids=str
)
def test_a_fix_leaves_no_pixel_unread(link: dict[str, Any]) -> None:
    at = visit(**link)
    assert "hatched) never count" in frame_of(at)["sizes"][0]["unread"]
    layer, size = board_of(at).layer, board_of(at).source.size
    found = fixes(layer, size)
    assert frame_of(at)["sizes"][0]["fixes"] == [fix.label for fix in found]
    assert found
    for fix in found:
        mended = visit(**link_to(state.values_of(fix.spec, fix.size)))
        assert "never count" not in frame_of(mended)["sizes"][0]["unread"]
        assert frame_of(mended)["sizes"][0]["fixes"] == []
        assert warned(mended) == ""
        check_numbers(mended)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_code_on_the_page_gives_the_numbers_on_the_page(operation: str) -> None:
    at = visit(operation=operation, bias="1.5", weights="0.0.1.1:7")
    assert not at.code, "the drawer is closed"
    at.session_state["details"] = True
    again(at)
    names: dict[str, Any] = {}
    exec(at.code[0].value, names)
    (board,) = sent(at)["boards"]
    assert np.array_equal(names["y"][0].detach().numpy(), decoded(board["output"]))


@pytest.mark.parametrize(
    "link, said",
    [
        ({"stride": 1}, (r"\frac{8 + 1 + 1 - 3}{1}", "= 8$$", "row $o - 1$", "rounded down")),
        (
            {"operation": "transposed_convolution"},
            (r"(8 - 1) \cdot 2 - 1 - 1 + 3 = 15$$", "moves by 1", "1 zero between", "cut off"),
        ),
        (
            {"operation": "max_pooling", "kernel_size": 2, "padding": 0, "ceil_mode": "true"},
            ("learns nothing, and it multiplies nothing", "rounded up", r"row $2\,o$"),
        ),
        ({"separate": "true", "stride_width": 3}, ("{height}", "{width}", r"column $3\,o - 1$")),
        ({"dilation": 2}, ("taps are 2 apart", "here 2(3 − 1) + 1 = 5.")),
    ],
    ids=str,
)
def test_why_this_size_is_told_of_this_layer(link: dict[str, Any], said: tuple[str, ...]) -> None:
    at = visit(**{"stride_width": 1, **link})
    at.session_state["details"] = True
    text = text_of(again(at))
    assert all(part in text for part in said), text


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_code_is_there_for_every_framework(framework: str) -> None:
    at = visit()
    at.session_state["details"] = True
    again(at)
    (choice,) = at.button_group
    choice.set_value(framework)
    again(at)
    assert at.code[0].value == compute.snippet(framework, board_of(at)).strip()


def test_a_typed_cell_counts_and_can_be_undone() -> None:
    typed = {"weights": "0.0.1.1:7_9.9.9.9:1", "pixels": "0.1.1:-40"}
    at = opened(visit(**typed))
    check_numbers(at)
    assert decoded(sent(at)["boards"][0]["weight"])[0, 0, 1, 1] == 7
    assert decoded(sent(at)["boards"][0]["input"])[0, 1, 1] == -40
    for key in ("undo_weights", "undo_pixels"):
        at.button(key=key).click()
        again(at)
    assert link_of(at) == {}
    check_numbers(at)


def test_a_link_restores_the_whole_page() -> None:
    link = {
        "operation": "transposed_convolution",
        "kernel_size": "4",
        "output_padding": "1",
        "in_channels": "2",
        "out_channels": "2",
        "input_height": "5",
        "kernel": "random",
        "kernel_seed": "3",
        "weights": "0.0.1.1:7",
        "pixels": "0.0.0:1.5",
        "picture": "checkerboard",
        "compare": "second",
        "dilation_b": "3",
        "step": "4",
        "pin": "i2.2",
        "channel": "1",
        "filter": "1",
        "speed": "8",
        "reads": "true",
        "loop": "true",
    }
    at = opened(visit(**link))
    assert link_of(at) == link
    assert warned(at) == ""
    check_numbers(at)
    assert json.dumps(sent(at)["boards"]) == json.dumps(sent(visit(**link_of(at)))["boards"])
