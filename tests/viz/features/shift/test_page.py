"""The shift page as a visitor meets it: links, nonsense, what it says against what core measures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.data import PICTURES
from core.layer.kernels import PRESETS
from core.layer.padding import FILLS
from tests.examples import examples
from tests.viz.html_tables import table_of
from tests.viz.visit import open_page, run_until_done
from viz.features.shift import compute
from viz.features.shift import film as shift_film
from viz.features.shift.params import (
    BLUR_WORDS,
    BLURS,
    DIRECTIONS,
    SIDES,
    TABS,
    Scene,
    ShiftSettings,
    layer_pair,
    scene,
    shift_vector,
)

MAIN = Path(__file__).parents[4] / "viz" / "shell" / "main.py"
DEFAULTS = ShiftSettings()
CHARTS = {"layers": 14, "curve": 3, "spectra": 6}
"""Panels of each tab that needs no network."""
SMALL = {"layers": "conv3 p1 c4, relu, maxpool2", "input_height": "16", "input_width": "16"}


def unrun(query: Mapping[str, str]) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(app, "shift")
    for name, value in query.items():
        app.query_params[name] = value
    return app


def visit(query: Mapping[str, str] | None = None) -> AppTest:
    """The page, opened by a link."""
    return settled(unrun(query or {}))


def again(app: AppTest) -> AppTest:
    """Run the page, which must not fail."""
    app.run()
    assert not app.exception, [each.value for each in app.exception]
    return app


def settled(app: AppTest) -> AppTest:
    """Run the page until nothing is computed any more."""
    return run_until_done(again(app), again)


def words_of(app: AppTest) -> str:
    return "\n".join(m.value for m in (*app.title, *app.header, *app.markdown, *app.caption))


def url_of(app: AppTest) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else value[-1]
        for name, value in app.query_params.items()
    }


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


def values_of(**changes: Any) -> ShiftSettings:
    return DEFAULTS.updated(changes)


def test_opens_with_a_moved_photograph_and_six_outputs() -> None:
    app = visit()
    assert charts(app) == CHARTS["layers"]
    assert "samples **other pixels** of its map" in words_of(app)
    assert not app.warning
    assert url_of(app) == {}


@pytest.mark.parametrize("tab", CHARTS)
@pytest.mark.parametrize("picture", ["china", "zone_plate", "checkerboard", "impulse"])
def test_every_tab_of_every_kind_of_picture(tab: str, picture: str) -> None:
    app = visit({"tab": tab, "picture": picture, "side": "48"})
    assert charts(app) == CHARTS[tab]
    assert url_of(app).get("picture", "china") == picture
    assert not app.warning


def test_whole_steps_are_said_to_move_exactly() -> None:
    app = visit({"shift": "4"})
    assert "**moves with the picture exactly**" in words_of(app)
    app.slider(key="stride").set_value(3).run()
    assert "samples **other pixels** of its map" in words_of(app)
    assert url_of(app) == {"shift": "4", "stride": "3"}


def test_table_is_what_core_measures() -> None:
    app = visit({"tab": "curve", "side": "48"})
    table = table_of(app).columns
    values = values_of(side=48)
    found = [
        compute.consistency(layer, scene(values), "across")
        for kind in ("convolution", "max_pooling", "average_pooling")
        for layer in layer_pair(values, kind)
    ]
    means = table["mean cosine between multiples"]
    assert means == [f"{min(f.mean, 0.9999):.4f}" for f in found]
    assert set(table["equal at multiples, to the last bit"]) == {"yes"}
    assert set(table["closed form"]) == {"agrees"}
    assert "follow the picture **to the last bit**" in words_of(app)
    for plain, blurred in zip(found[::2], found[1::2], strict=True):
        assert plain.mean < blurred.mean < 1


def test_other_padding_is_not_exact_and_says_so() -> None:
    app = visit({"tab": "curve", "side": "48", "padding_mode": "zeros"})
    assert "do not even follow multiples of the stride exactly" in words_of(app)
    assert "no" in table_of(app).columns["equal at multiples, to the last bit"]
    assert set(table_of(app).columns["closed form"]) == {"–"}


def test_spectra_agree_with_torch() -> None:
    app = visit({"tab": "spectra", "kind": "max_pooling"})
    assert "PyTorch's output has the same :material/check:" in words_of(app)


def test_a_network_is_measured_and_closer_with_a_blur() -> None:
    app = visit({"tab": "network", **SMALL})
    assert charts(app) == 5
    text = words_of(app)
    assert "At multiples of 2 px both follow the picture to the last bit" in text
    assert text.count("closer") == 1
    assert "not closer" not in text
    app.toggle(key="wrap").set_value(False)
    text = words_of(settled(app))
    assert "padding at the border does not move with the picture" in text
    assert url_of(app)["wrap"] == "false"


@pytest.mark.parametrize(
    "query, said",
    [
        ({"layers": "conv3 p1 c4, relu"}, "strided layers"),
        ({"layers": "conv3 s2 c4"}, "multiple of the layer's stride"),
        ({"layers": "conv3 s2 p1 c4", "input_height": "600"}, "from 1 to 512"),
        ({"layers": "conv3 s2 p1 c4", "in_channels": "9"}, "from 1 to 8"),
        ({"layers": "9x[conv3 p1 c1024], maxpool2", "input_height": "512"}, "must be smaller"),
    ],
)
def test_a_network_that_cannot_be_is_refused_with_a_way_back(
    query: dict[str, str], said: str
) -> None:
    app = visit({"tab": "network", "input_height": "16", "input_width": "16", **query})
    assert said in app.warning[0].value
    back = next(b for b in app.button if b.label == "Back to the first picture")
    back.click()
    settled(app)
    assert not app.warning
    assert charts(app) == 5


def test_a_layer_is_chosen_and_one_that_does_not_fit_is_said() -> None:
    layers = "conv3 p1 c4, relu, maxpool2, conv3 s2 c4"
    size = {"input_height": "16", "input_width": "16"}
    app = visit({"tab": "network", "layers": layers, **size, "layer": "conv3"})
    assert "no map of `conv3` fits this image" in app.warning[0].value
    assert "Its strides multiply to 2 px" in words_of(app)
    app.selectbox(key="layer").set_value("conv0")
    app = settled(app)
    assert not app.warning
    assert url_of(app)["layer"] == "conv0"
    assert "It makes one unit of each pixel" in words_of(app)


def test_a_film_is_small_and_is_no_chart() -> None:
    app = visit({"play": "true"})
    assert charts(app) == 0
    (film,) = [h.proto.body for h in app.get("html") if "reel" in h.proto.body]
    assert film.count('role="img"') == 13
    for side in SIDES:
        for stride in (2, 4):
            values = values_of(side=side, stride=stride, picture="random")
            pairs = {kind: layer_pair(values, kind) for kind in ("convolution", "max_pooling")}
            pairs["average_pooling"] = layer_pair(values, "average_pooling")
            assert len(shift_film.film_html(pairs, scene(values), "diagonal")) < 300_000


HOSTILE = [
    "nonsense", "", "-1", "99999999999999999999", "1e3", "NaN", "0x10", "²",
    "<script>alert(1)</script>", "`code` **bold** $x$", "\x00\x1b[31m", "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_nonsense_in_a_link_is_said_and_left_out(text: str) -> None:
    names = ("picture", "side", "shift", "stride", "blur", "kernel", "tab", "kind", "wrap", "layer")
    app = visit(dict.fromkeys(names, text))
    said = app.warning[0].value
    taken = {name for name in names if f"`{name}`" not in said}
    assert taken <= {"layer"}
    assert "<script" not in said
    assert charts(app) == CHARTS["layers"]


links = st.fixed_dictionaries(
    {"side": st.just("48")},
    optional={
        "picture": st.sampled_from(list(PICTURES)),
        "direction": st.sampled_from(list(DIRECTIONS)),
        "shift": st.integers(0, 143).map(str),
        "kernel_size": st.integers(1, 5).map(str),
        "stride": st.integers(2, 4).map(str),
        "blur": st.sampled_from(BLURS).map(str),
        "padding_mode": st.sampled_from(list(FILLS)),
        "kernel": st.sampled_from(list(PRESETS)),
        "relu": st.sampled_from(["true", "false"]),
        "every": st.sampled_from(["true", "false"]),
        "play": st.sampled_from(["true", "false"]),
        "tab": st.sampled_from(list(CHARTS)),
        "kind": st.sampled_from(["convolution", "max_pooling", "average_pooling"]),
    },
)


@examples(12, suppress_health_check=[HealthCheck.too_slow])
@given(links)
def test_any_link_opens_and_its_own_link_opens_the_same(query: dict[str, str]) -> None:
    first = visit(query)
    assert not first.warning
    again = visit(url_of(first))
    assert url_of(again) == url_of(first)
    assert words_of(again) == words_of(first)


def test_state_becomes_what_core_takes() -> None:
    values = values_of(direction="diagonal", shift=5, picture="random", seed=3, relu=True)
    assert shift_vector(values) == (5, 5)
    assert scene(values) == Scene("random", 96, 3)
    assert scene(values_of(seed=3)) == Scene("china", 96, 0), "one picture, computed once"
    plain, blurred = layer_pair(values, "max_pooling")
    assert not plain.relu
    assert plain.taps == 1
    assert blurred == plain.with_blur(3)
    assert layer_pair(values, "convolution")[0].relu
    assert set(BLUR_WORDS) == set(BLURS)
    for taps, words in BLUR_WORDS.items():
        assert sum(map(int, words.split())) == 2 ** (taps - 1)
    assert set(TABS) == {*CHARTS, "network"}
