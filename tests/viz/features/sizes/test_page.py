"""The size page as a visitor meets it: links, extremes, nonsense, the textbook's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.layer.operations import OPERATIONS
from core.layer.padding import CONVENTIONS
from tests.examples import examples
from tests.viz.html_tables import table_of, tables_of
from tests.viz.values import all_values
from tests.viz.visit import open_page
from viz.choices import layer as state
from viz.features.sizes import compute
from viz.features.sizes.params import TABS, SizesSettings, board_query, layer_spec, make_valid
from viz.features.sizes.params import input_size as size_of
from viz.features.sweep.params import SweepSettings

MAIN = Path(__file__).parents[4] / "viz" / "shell" / "main.py"
DEFAULTS = SizesSettings()


def visit(query: Mapping[str, str] | None = None) -> AppTest:
    """The page, opened by a link."""
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(app, "sizes")
    for name, value in (query or {}).items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def words_of(app: AppTest) -> str:
    return "\n".join(m.value for m in (*app.title, *app.header, *app.markdown))


def html_of(app: AppTest) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def url_of(app: AppTest) -> dict[str, str]:
    """The page's URL; AppTest holds several values a name."""
    return {
        name: value if isinstance(value, str) else value[-1]
        for name, value in app.query_params.items()
    }


def test_opens_with_the_formula_and_torchs_answer() -> None:
    app = visit()
    [line] = [each.value for each in app.markdown if "displaystyle" in each.value]
    assert r"\frac{8 + 1 + 1 - 3}{2}" in line, "height and width have the same formula"
    assert "PyTorch gives **4×4** for the same layer :material/check:" in words_of(app)
    assert "PyTorch agrees in all 48 cells" in html_of(app)
    assert not app.warning
    assert url_of(app) == {}


TEXTBOOK = [
    ({"stride": "1"}, 6, "4×4", "Every input pixel is read"),
    ({"stride": "2"}, 6, "2×2", "1 row and 1 column of the padded input lie past"),
    ({"stride": "2"}, 7, "3×3", "Nothing is left over. Every input pixel is read"),
    ({"kernel_size": "7", "stride": "2", "padding": "3"}, 224, "112×112", "pixel is read"),
]


@pytest.mark.parametrize("settings, n, output, said", TEXTBOOK)
def test_textbook(settings: dict[str, str], n: int, output: str, said: str) -> None:
    size = {"input_height": f"{n}", "input_width": f"{n}"}
    app = visit({"padding": "0", **settings, **size})
    text = words_of(app)
    assert f"PyTorch gives **{output}** for the same layer :material/check:" in text
    assert said in text
    if output == "2×2":
        assert "**11** of 36 input pixels are *unread*" in text


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_tab_of_every_operation(tab: str, operation: str) -> None:
    app = visit({"tab": tab, "operation": operation})
    assert "differs in" not in words_of(app) + html_of(app)
    assert url_of(app).get("tab", "padding") == tab
    shown = {
        "padding": app.get("html"),
        "common": app.get("html"),
        "kernels": app.get("plotly_chart"),
        "conventions": app.get("plotly_chart") or app.info,
        "solver": tables_of(app) or app.info,
    }
    assert shown[tab]


EXTREMES = {
    "least": {"kernel_size": "1", "stride": "1", "padding": "0", "dilation": "1"},
    "most": {"kernel_size": "11", "stride": "8", "padding": "10", "dilation": "6"},
}
SIDES = {"smallest": ("1", "1"), "largest": ("4096", "4096"), "apart": ("1", "4096")}


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("sides", SIDES.values(), ids=list(SIDES))
@pytest.mark.parametrize("extreme", EXTREMES.values(), ids=list(EXTREMES))
def test_extremes(tab: str, sides: tuple[str, str], extreme: dict[str, str]) -> None:
    for operation in ("convolution", "transposed_convolution", "max_pooling"):
        height, width = sides
        size = {"input_height": height, "input_width": width}
        app = visit({"tab": tab, "operation": operation, **size, **extreme})
        assert "for the same layer :material/check:" in words_of(app)
        assert "differs in" not in words_of(app) + html_of(app)


@pytest.mark.parametrize("convention", ["sides", *CONVENTIONS])
def test_every_way_of_giving_the_padding(convention: str) -> None:
    stride = "1" if convention == "torch_same" else "2"
    for tab in TABS:
        app = visit({"convention": convention, "stride": stride, "tab": tab, "pad_top": "3"})
        assert not app.warning
        assert "differs in" not in words_of(app) + html_of(app)


HOSTILE = [
    "nonsense", "", " ", "-1", "99999999999999999999", "1e3", "NaN", "inf", "0x10", "²", "٣", "true",
    "<script>alert(1)</script>", "`code` **bold** $x$ [a](javascript:1)", "😀", "\x00\x1b[31m",
    "'; DROP TABLE layers; --", "../../etc/passwd", "x" * 5000, "1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_nonsense_in_a_link_is_said_and_left_out(text: str) -> None:
    numbers = (
        "kernel_size",
        "stride",
        "input_height",
        "output_width",
        "tab",
        "solution",
        "separate",
    )
    names = [name for name in numbers if not (name == "separate" and text == "true")]
    app = visit(dict.fromkeys(names, text))
    said = app.warning[0].value
    accepted = {name for name in names if f"`{name}`" not in said}
    assert accepted <= {"stride", "kernel_size", "input_height", "output_width"}
    assert bool(accepted) == (text == "٣")  # a digit three, as int() reads it
    assert "<script" not in said
    assert len(said) < 3000


def test_unknown_names_are_said() -> None:
    app = visit({"<b>x</b>": "1", "y" * 5000: "2", "stride": "1"})
    assert "is no setting of this page" in app.warning[0].value
    assert len(app.warning[0].value) < 1000
    assert url_of(app) == {"stride": "1"}


def test_a_layer_that_cannot_be_is_mended_and_said() -> None:
    app = visit({"kernel_size": "9", "padding": "0"})
    assert "`kernel_size` spans 9 pixels" in app.warning[0].value
    assert "Set `kernel_size` to 8" in app.warning[0].value
    assert url_of(app) == {"kernel_size": "8", "padding": "0"}
    app.run()
    assert app.warning, "said until something changes"
    app.slider(key="stride").set_value(3).run()
    assert not app.warning


def test_a_solution_that_does_not_fit_the_question_is_said() -> None:
    app = visit({"tab": "solver", "solution": "k9s9p9d9"})
    assert "`k9s9p9d9` is not among them" in words_of(app)
    assert "**3×3 convolution, stride 2, padding 1**: PyTorch gives 4×4" in words_of(app), (
        "the first"
    )


values_of_params = st.fixed_dictionaries(
    {},
    optional={
        "operation": st.sampled_from(sorted(OPERATIONS)),
        "separate": st.sampled_from(["true", "false"]),
        "convention": st.sampled_from(["number", "sides", *CONVENTIONS]),
        "ceil_mode": st.sampled_from(["true", "false"]),
        "tab": st.sampled_from(list(TABS)),
        **{
            name: st.integers(low, high).map(str)
            for name, low, high in [
                ("kernel_size", 1, 11),
                ("kernel_width", 1, 11),
                ("stride", 1, 8),
                ("stride_width", 1, 8),
                ("padding", 0, 10),
                ("padding_width", 0, 10),
                ("dilation", 1, 6),
                ("dilation_width", 1, 6),
                ("output_padding", 0, 7),
                ("pad_top", 0, 10),
                ("pad_left", 0, 10),
                ("input_height", 1, 80),
                ("input_width", 1, 4096),
                ("output_height", 1, 40),
            ]
        },
    },
)


@examples(30, suppress_health_check=[HealthCheck.too_slow])
@given(values_of_params)
def test_any_link_opens_and_its_own_link_opens_the_same(query: dict[str, str]) -> None:
    first = visit(query)
    again = visit(url_of(first))
    assert url_of(again) == url_of(first)
    assert not again.warning
    assert words_of(again) == words_of(first)
    assert "for the same layer :material/check:" in words_of(first)


def parsed(query: Mapping[str, str]) -> SizesSettings:
    given_values = {
        p.name: p.parse(query[p.name]) for p in SizesSettings.params() if p.name in query
    }
    return DEFAULTS.updated(given_values)


@given(values_of_params)
def test_every_layer_settles_and_has_a_board(query: dict[str, str]) -> None:
    values = parsed(query)
    before = values
    values, sentences = make_valid(values)
    assert bool(sentences) == (values != before)
    spec, size = layer_spec(values), size_of(values)
    board = board_query(spec, size, values)
    shown, ignored = state.BoardSettings.decoded(board)
    assert ignored == []
    assert max(state.input_size(shown)) <= state.MAX_SIDE
    assert state.make_runnable(shown) == (shown, [])
    drawn = state.layer_spec(shown)
    assert drawn.kernel_size == spec.kernel_size
    assert drawn.padding == spec.padding
    for n, m, stride in zip(size, state.input_size(shown), spec.stride, strict=True):
        assert (n - m) % stride == 0


def test_the_board_is_one_click_away() -> None:
    app = visit({"kernel_size": "7", "padding": "3", "input_height": "224", "input_width": "224"})
    link = app.get("page_link")[0].proto
    query = {name: values[-1] for name, values in parse_qs(link.query_string).items()}
    assert query == {
        "kernel_size": "7",
        "padding": "3",
        "input_height": "64",
        "input_width": "64",
    }
    assert "64×64" in link.help


def test_table_of_solutions_follows_the_question() -> None:
    size = {"input_height": "224", "input_width": "224"}
    app = visit({"tab": "solver", **size, "output_height": "112", "output_width": "112"})
    shown = table_of(app).columns
    found = compute.solutions((224, 224), (112, 112), "convolution")
    assert shown["kernel_size (px)"] == [str(s.kernel_size) for s in found]
    assert shown["unread pixels"] == [f"{s.unread:,}" for s in found]
    app.toggle(key="all_read").set_value(True).run()
    assert set(table_of(app).columns["unread pixels"]) == {"0"}
    app.number_input(key="output_height").set_value(500).run()
    assert "No such layer" in app.info[0].value
    assert not app.exception


def test_height_and_width_apart() -> None:
    app = visit({"separate": "true", "kernel_width": "5", "stride_width": "1"})
    assert "3×5 convolution, stride 2×1" in words_of(app)
    app.toggle(key="separate").set_value(False).run()
    assert "3×3 convolution, stride 2," in words_of(app)
    app.slider(key="kernel_size").set_value(5).run()
    app.toggle(key="separate").set_value(True).run()
    assert "5×5 convolution" in words_of(app), "apart starts from what was set"


def test_conventions_of_a_transposed_convolution_cut_its_output() -> None:
    link = {"operation": "transposed_convolution", "input_height": "16", "input_width": "16"}
    app = visit({"tab": "conventions", "convention": "tf_same", **link})
    assert not app.warning
    assert app.get("plotly_chart")
    assert "cut off its output" in words_of(app)
    assert "gives **32×32**" in words_of(app)


@examples(60)
@given(values=all_values())
def test_a_wrong_layer_is_mended_as_on_the_board(values: SweepSettings) -> None:
    """Where the board can draw the output: the sizes page has no bound on it."""
    small = values.updated(in_channels=1, out_channels=1, groups=1, padding_mode="zeros")
    sizes, sentences = make_valid(SizesSettings.of(small.flat))
    board, on_board = state.make_runnable(small)
    if on_board == sentences:
        assert SizesSettings.of(sizes.flat | board.flat) == sizes
    else:  # the board's output would have been too large
        assert "output" in " ".join(on_board)
