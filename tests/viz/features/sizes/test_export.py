"""The slide pictures of the size page: what they say is what core says, and it fits."""

from __future__ import annotations

from itertools import cycle

import pytest

from core.layer.size_tables import COMMON_LAYERS
from core.layer.sizes import formula
from tests.viz.slides import fits
from viz.features.sizes import compute, export, params
from viz.features.sizes.params import TABS, SizesSettings
from viz.slides.style import Picture, Style

NAMES = {
    "stride_padding",
    "kernel_stride",
    "common_layers",
    "conventions",
    "conventions_table",
    "solutions",
    "formula",
}


def of(**query: str) -> dict[str, Picture]:
    values, ignored = SizesSettings.decoded(query)
    assert not ignored
    return {picture.name: picture for picture in export.pictures(values)}


def words_of(picture: Picture, size: str = "wide") -> list[str]:
    return [text.get_text() for text in fits.texts_of(fits.drawn(picture, Style(size, 72)))]


@fits.on_every_slide
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of(stride="2")[name], slide)


OTHERS: list[dict[str, str]] = [
    {"operation": "transposed_convolution", "stride": "3"},
    {
        "input_height": "224",
        "input_width": "113",
        "kernel_size": "7",
        "stride": "2",
        "output_height": "100",
        "output_width": "50",
    },
    {
        "convention": "tf_same",
        "dilation": "2",
        "input_height": "4096",
        "input_width": "4096",
        "output_height": "2048",
        "output_width": "2048",
    },
    {
        "output_height": "2048",
        "input_height": "4096",
        "output_width": "8",
        "kernel_size": "1",
    },
    {"padding_mode": "reflect", "separate": "true", "kernel_size": "2", "stride_w": "3"},
]


@pytest.mark.slow
@pytest.mark.parametrize("turn, query", list(enumerate(OTHERS)))
def test_other_layers_fit_too(turn: int, query: dict[str, str]) -> None:
    """On one of two slides in turn: every picture comes on both."""
    values, _ = SizesSettings.decoded(query)
    for picture, style in zip(export.pictures(values), cycle(fits.ENDS[:: 1 - 2 * (turn % 2)])):
        assert not fits.misfits(fits.drawn(picture, style), style), picture.name


def test_the_open_tab_comes_first_and_every_tab_has_pictures() -> None:
    assert set(of()) == NAMES
    first = [next(iter(of(tab=tab))) for tab in TABS]
    assert first == [
        "stride_padding",
        "common_layers",
        "kernel_stride",
        "conventions",
        "solutions",
    ]


def test_conventions_of_a_transposed_convolution_are_pictures_too() -> None:
    pictures = of(operation="transposed_convolution", input_height="4", input_width="4")
    assert set(pictures) == NAMES
    assert "0 before, 1 after" in words_of(pictures["conventions_table"])
    assert "inserted zero" in words_of(pictures["conventions"])
    assert "0 before, 1 after" in words_of(pictures["conventions"], "half")


def test_screen_and_file_are_the_same_plot() -> None:
    values, _ = SizesSettings.decoded({"stride": "2"})
    spec = params.layer_spec(values)
    assert export.kernel_map(spec, (8, 8), "number").title in " ".join(
        words_of(of()["kernel_stride"])
    )
    named = export.kernel_map(spec, (8, 8), "tf_same").title
    assert "padding TF / Keras / JAX SAME" in named
    assert {"619", "−943"} <= set(words_of(of(stride="2")["conventions"]))


def test_unread_pixels_are_counted_on_a_whole_slide_and_sizes_stand_on_half_of_one() -> None:
    picture = of(stride="2")["kernel_stride"]
    assert "5\n48" in words_of(picture)
    on_half = words_of(picture, "half")
    assert "10" in on_half
    assert "5\n48" not in on_half


def test_common_layers_are_all_there_and_the_own_input_comes_first() -> None:
    shown = words_of(of(input_height="50", input_width="50")["common_layers"], "half")
    for layer in COMMON_LAYERS:
        assert layer.label in shown
    assert shown.index("50 (yours)") < shown.index("224")
    assert any(text.startswith("Not shown: ") for text in shown)


def test_the_solution_that_is_looked_at_is_always_shown() -> None:
    query = {"tab": "solver", "output_height": "4", "output_width": "4"}
    found = compute.solutions((8, 8), (4, 4), "convolution")
    last = found[-1]
    name = export.solution_name(last)
    for size in ("wide", "half"):
        picture = of(**query, solution=name)["solutions"]
        strong = [
            text.get_text()
            for text in fits.texts_of(fits.drawn(picture, Style(size, 72)))
            if text.get_fontweight() == "bold" and text.get_text().isdigit()
        ]
        given = last.kernel_size, last.stride, last.padding, last.dilation
        places = [strong[n : n + 4] for n in range(len(strong))]
        assert [str(number) for number in given] in places


def test_a_size_that_no_layer_gives_has_no_picture() -> None:
    assert "solutions" not in of(output_height="4000", output_width="4000")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"stride": "2", "dilation": "2", "input_width": "1001"},
        {"operation": "transposed_convolution", "stride": "2", "output_padding": "1"},
        {"operation": "max_pooling", "ceil_mode": "true", "input_width": "97"},
    ],
)
def test_the_formula_has_cores_steps(query: dict[str, str]) -> None:
    values, _ = SizesSettings.decoded(query)
    axes = formula(params.layer_spec(values), params.input_size(values))
    for style in fits.STYLES[::2]:
        figure = fits.drawn(of(**query)["formula"], style)
        assert not fits.misfits(figure, style)
        shown = [text.get_text() for text in fits.texts_of(figure)]
        for axis in axes:
            places = [
                min(n for n, text in enumerate(shown) if f"= {step}" in text)
                for step in axis.latex_steps
            ]
            assert places == sorted(places)
