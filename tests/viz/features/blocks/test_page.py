"""The page "Stride or pool?" as a visitor meets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.blocks import COMPARISONS
from core.data import PICTURES
from tests.examples import examples
from tests.viz.features.blocks.blocks_visit import (
    again,
    quiet,
    said,
    settled,
    tables,
    url_of,
    visit,
)
from tests.viz.html_tables import table_of
from viz.features.blocks import compute, params
from viz.features.blocks.params import OFFERED, OWN, SLOTS, TABS, BlockSettings
from viz.page.tables import WAITING


@pytest.fixture(autouse=True)
def rest() -> Iterator[None]:
    """Nothing goes on after a test."""
    yield
    quiet()


def page(**link: Any) -> AppTest:
    return visit("blocks", **link)


def test_opens_with_the_blocks_of_the_claim() -> None:
    app = settled(page())
    text = said(app)
    assert "All give **128×28×28** from **73,984** parameters" in text
    assert (
        "“3×3, then max-pool” takes **4 times** the multiply–accumulates of “strided 3×3”." in text
    )
    assert "32 images of 64×56×56" in text
    assert len(app.get("plotly_chart")) == 1 + 4 + 4
    assert not app.warning
    numbers = page(tab="numbers")
    facts = table_of(numbers)
    assert facts.row("output") == ["128×28×28"] * 4
    assert facts.row("multiply–accumulates (billion)") == ["1.85", *["7.40 (×4)"] * 3]
    assert "PyTorch finds the same shapes" in said(numbers)


@pytest.mark.parametrize("name", OFFERED)
def test_every_comparison_and_its_properties(name: str) -> None:
    link = {"compare": name, "batch": 2, "input_height": 24, "input_width": 24}
    app = settled(page(**link, tab="properties"))
    [properties] = tables(app)
    [facts] = tables(page(**link, tab="numbers"))
    for block in COMPARISONS[name].blocks:
        assert block.title in facts
        assert block.title in properties
    assert WAITING not in properties
    assert "torch: " not in facts
    assert not app.warning


def test_properties_of_layers_are_the_textbooks() -> None:
    app = settled(page(compare="layers", tab="properties"))
    properties = table_of(app, "properties")
    assert [cell.split()[0] for cell in properties.row("no gradient (%)")] == ["75", "0", "0", "75"]
    assert [cell.split()[0] for cell in properties.row("linear")] == ["no", "yes", "yes", "yes"]


def test_small_nets() -> None:
    app = page(compare="small", tab="properties")
    assert "All give **32×15×15** from **896** parameters" in said(app)


def test_times_and_memory() -> None:
    app = settled(page(compare="small", tab="cost", batch=2))
    assert len(app.get("plotly_chart")) == 2
    assert not app.warning


def test_a_sentence_is_measured_not_typed() -> None:
    app = page(compare="blocks", input_height=57, batch=1, tab="properties")
    assert "Their outputs differ in **shape**" in said(app)


def test_change_these_blocks() -> None:
    app = page(compare="small", batch=1, tab="numbers")
    next(button for button in app.button if button.label == "Change these blocks").click()
    again(app)
    assert app.session_state["compare"] == OWN
    first, second = COMPARISONS["small"].blocks
    assert [app.session_state[slot] for slot in SLOTS] == [first.layers, second.layers, "", ""]
    assert (app.session_state["in_channels"], app.session_state["input_height"]) == (3, 32)
    app.text_input(key="c").set_value("avgpool2").run()
    assert "block C" in said(app) or ">C<" in tables(app)[0]
    assert url_of(app)["c"] == "avgpool2"


def test_a_comparison_brings_its_input() -> None:
    app = page()
    app.selectbox(key="compare").set_value("small").run()
    assert "32 images of 3×32×32" in said(app)


def test_one_bad_block_does_not_hide_the_others() -> None:
    app = page(compare=OWN, a="bogus3", b="conv3 s2 p1 c8", in_channels=3, batch=1,
               tab="numbers")  # fmt: skip
    assert "A: " in app.warning[0].value
    assert "no such layer" in app.warning[0].value
    assert table_of(app).row("output") == ["–", "8×28×28"]


def test_no_block_at_all() -> None:
    app = page(compare=OWN, a="conv99 s2", b="nonsense", tab="numbers")
    assert len(app.warning) == 2
    assert not tables(app)
    next(button for button in app.button if button.label.startswith("Back")).click()
    assert tables(again(app))
    assert "Write a block" in said(page(compare=OWN, a=" ", b=" "))


def test_pasted_code() -> None:
    code = "nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU())"
    app = page(compare=OWN, a=code, b="maxpool2", in_channels=3, input_height=9, input_width=9,
               tab="numbers")  # fmt: skip
    assert table_of(app).row("output")[0] == "8×4×4"


HOSTILE = [
    {"compare": "nonsense"},
    {"in_channels": "-1", "batch": "1e9", "input_height": "99999"},
    {"tab": "<script>", "picture": "../etc/passwd", "block_seed": "x"},
    {"nonsense": "1"},
]


@pytest.mark.parametrize("link", HOSTILE)
def test_nonsense_is_said(link: dict[str, str]) -> None:
    app = page(**link, **({} if "batch" in link else {"batch": "1"}))
    assert "Part of the link was ignored" in app.warning[0].value
    for name in link:
        assert f"`{name}`" in app.warning[0].value
    assert [tab.label for tab in app.tabs] == list(TABS.values())


TOO_MUCH = [
    ("conv7 p3 c8192", "are the most"),
    ("20x[conv7 p3 c512]", "are the most"),
    ("200x[conv1]", "at most 60 layers"),
    ("conv1 c8, up64, up64", "at most 2,048 rows"),
    ("conv3, flatten, fc65536", "are the most"),
]


@pytest.mark.parametrize("line, rule", TOO_MUCH)
def test_too_much_is_refused(line: str, rule: str) -> None:
    app = page(compare=OWN, a=line, b="maxpool2", in_channels=512, input_height=256,
               input_width=256, batch=1)  # fmt: skip
    assert "A: " in app.warning[0].value
    assert rule in app.warning[0].value.replace("\\", "")


def test_the_largest_offered_input_is_no_way_to_take_all_memory() -> None:
    app = page(compare=OWN, a="maxpool2", b="relu", in_channels=512, input_height=256,
               input_width=256, batch=128)  # fmt: skip
    assert len(app.warning) == 2
    assert "60,000,000 are the most" in app.warning[0].value.replace("\\", "")


def test_too_large_a_batch_to_time_says_which_would_do() -> None:
    app = page(compare=OWN, a="conv3 p1 c256", b="conv3 s2 p1 c256", in_channels=256,
               batch=128, tab="cost")  # fmt: skip
    assert "Batch must be at most" in said(app)
    assert len(app.get("plotly_chart")) == 1, "memory is known all the same"


def test_stop_and_go_on() -> None:
    app = page(tab="cost", batch=8, block_seed=77)
    next(button for button in app.button if button.label == "Stop").click()
    again(app)
    assert "Stopped." in said(app)
    next(button for button in app.button if button.label == "Go on").click()
    again(app)
    assert "Stopped." not in said(app)
    app.selectbox(key="compare").set_value("small").run()  # gives the long one up


WORDS = (
    "conv3 s2 p1 c4",
    "maxpool2",
    "conv1, relu",
    "gap",
    "flatten, fc3",
    "bn",
    "x",
    "",
    "🙂",
    "up2",
)


@given(
    st.fixed_dictionaries(
        {
            "compare": st.sampled_from([*OFFERED, OWN, OWN, OWN]),
            **{slot: st.sampled_from(WORDS) for slot in SLOTS},
            "in_channels": st.integers(1, 4),
            "input_height": st.integers(1, 12),
            "input_width": st.integers(1, 12),
            "batch": st.integers(1, 3),
            "picture": st.sampled_from(list(PICTURES)),
            "tab": st.sampled_from(list(TABS)),
        }
    )
)
@examples(15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_link_opens_and_comes_back(link: dict[str, Any]) -> None:
    app = settled(page(**link))
    kept = url_of(app)
    names = {param.name: param for param in BlockSettings.params()}
    for name, value in link.items():
        shown = names[name].format(names[name].parse(str(value)))
        default = names[name].format(names[name].default)
        assert kept.get(name, default) == shown


def test_the_same_weights_stand_in_both_blocks() -> None:
    values = params.with_comparison_sizes(BlockSettings())
    strided, pooled, *_ = (compute.network(b) for b in params.blocks_of(values))
    for one, other in zip(strided.parameters(), pooled.parameters(), strict=True):
        assert one.equal(other)
