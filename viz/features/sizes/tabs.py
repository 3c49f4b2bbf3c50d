"""The tabs of the size page: tables, a map, padding conventions, and layers for a wanted size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, operation_of
from core.layer.padding import CONVENTIONS
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.features.sizes import compute, export
from viz.features.sizes.params import (
    BOARD,
    PAGE,
    SizesSettings,
    board_help,
    board_query,
    count_text,
    layer_spec,
    solution_name,
)
from viz.page import words
from viz.page.plots import show_plot
from viz.page.rows import choice_rows, link_to
from viz.page.save_menu import save_menu, save_table
from viz.page.session import PageState, change_settings
from viz.page.tables import Cell, column_table, described_table
from viz.page.widgets import widget

HOW_TO_READ = "A single number *n* means *n*×*n*. –: the layer does not fit."
"""A caption below a table of sizes."""


def draw_save_menu(name: str, spec: LayerSpec, size: Pair, values: SizesSettings) -> None:
    """Draw the menu that saves the open tab's pictures and the formula."""
    pictures = [
        *export.pictures_of_tab(name, spec, size, values),
        export.picture_of_formula(spec, size),
    ]
    save_menu(PAGE, pictures, export.settings_text(spec, size))


def _padding_tab(spec: LayerSpec, size: Pair, page: PageState[SizesSettings]) -> None:
    """Draw the table of output sizes by stride and padding."""
    st.html(described_table(export.padding_table(spec, size)))
    st.caption(HOW_TO_READ)
    save_table(compute.size_table(spec, size).csv, "stride_padding")


def _common_tab(spec: LayerSpec, size: Pair, page: PageState[SizesSettings]) -> None:
    """Draw the table of common layers on usual input sizes and the page's own."""
    st.html(described_table(export.common_layers(size)))
    st.caption(HOW_TO_READ)
    save_table(compute.common_layers(export.inputs_of_common_layers(size)).csv, "common_layers")


def _kernels_tab(spec: LayerSpec, size: Pair, page: PageState[SizesSettings]) -> None:
    """Draw the map of output sizes by kernel size and stride."""
    convention = page.values.convention
    show_plot(export.kernel_map(spec, size, convention), "size_map")
    named = convention if convention in CONVENTIONS else ""
    save_table(compute.size_map(spec, size, named).csv, "kernel_stride")


def _conventions_tab(spec: LayerSpec, size: Pair, page: PageState[SizesSettings]) -> None:
    """Draw the layer under all padding conventions, on a small input and on the page's own."""
    transposed = operation_of(spec).has("output_padding")
    cut = "; a transposed convolution's padding is cut off its output" if transposed else ""
    st.markdown(
        "A *convention* is a framework's rule for how much padding goes on which side. "
        f"The same layer, picture and kernel under each of them{cut}:"
    )
    show_plot(export.conventions(spec, size), "conventions")
    drawn = export.drawn_size(spec, size)
    if drawn != size:
        st.markdown(
            f"The picture shows {words.times(drawn)}, whole strides less than {words.times(size)}, "
            f"so that the sides stay the same. On {words.times(size)}:"
        )
    st.html(described_table(export.conventions_of_size(spec, size)))


def _solver_tab(spec: LayerSpec, size: Pair, page: PageState[SizesSettings]) -> None:
    """Draw the layers that turn the input size into the wanted output size."""
    values, label = page.values, OPERATIONS[spec.operation].label.lower()
    st.markdown(f"Which {label} makes this size out of {words.times(size)}?")
    height, width, only = st.columns([1, 1, 2], vertical_alignment="bottom")
    for column, axis in ((height, "height"), (width, "width")):
        widget(values, f"output_{axis}", column)
    widget(values, "all_read", only)
    wanted = values.output_height, values.output_width
    try:
        layers = compute.solutions(size, wanted, spec.operation)
    except SpecError as error:
        st.info(f"No such layer: the {error}.")
        return
    offered = [s for s in layers if not (values.all_read and s.unread)]
    if not offered:
        st.info(
            f"None of the {count_text(len(layers), 'layer')} giving this size reads every pixel."
        )
        return
    solution = _solution_choice(offered, values)
    _open_on_board(solution, spec.operation, size)


def _solution_choice(offered: Sequence[Solution], values: SizesSettings) -> Solution:
    """Draw the table of solutions, at least one; returns the chosen one, or else the first."""
    named = {solution_name(solution): solution for solution in offered}
    text = f"{count_text(len(offered), 'layer')}, most common first. Click a row to choose it."
    if values.solution and values.solution not in named:
        text += f" The layer `{values.solution}` is not among them."
    st.markdown(text)
    chosen = values.solution if values.solution in named else next(iter(named))
    table = column_table("Layers of this size", _solution_columns(named, values))
    choice_rows(table, "solutions", named, chosen, _on_solution)
    return named[chosen]


def _on_solution(name: str) -> None:
    """Callback of a chosen solution."""
    change_settings(PAGE, {"solution": name})


def _solution_columns(named: Mapping[str, Solution], values: SizesSettings) -> dict[str, list[Any]]:
    """The columns of the table of solutions by heading."""
    names = ("stride", "padding", "dilation")
    data: dict[str, list[Any]] = {
        "kernel_size (px)": [
            Cell(str(s.kernel_size), choice=name, href=link_to(replace(values, solution=name)))
            for name, s in named.items()
        ]
    }
    data |= {f"{name} (px)": [getattr(s, name) for s in named.values()] for name in names}
    data["unread pixels"] = [s.unread for s in named.values()]
    data["remainder (px)"] = [words.times(s.remainder) for s in named.values()]
    return data


def _open_on_board(solution: Solution, operation: str, size: Pair) -> None:
    """Draw torch's output size for a solution, and a button that opens it on the sweep page."""
    names = ("kernel_size", "stride", "padding", "dilation")
    settings = {name: getattr(solution, name) for name in names}
    spec = layer_spec(SizesSettings(operation=operation, **settings))
    output = compute.measured_size(spec, size)
    size_text = words.times(output) if output else "no output"
    text, button = st.columns([4, 1.3], vertical_alignment="center")
    text.markdown(
        f"**{words.layer_title(spec)}**: PyTorch gives {size_text} out of {words.times(size)}."
    )
    if button.button(
        "Open on the board",
        type="primary",
        icon=":material/grid_on:",
        help=board_help(spec, size),
        width="stretch",
    ):
        st.switch_page(BOARD, query_params=board_query(spec, size))


DRAW: dict[str, Callable[[LayerSpec, Pair, PageState[SizesSettings]], None]] = {
    "padding": _padding_tab,
    "common": _common_tab,
    "kernels": _kernels_tab,
    "conventions": _conventions_tab,
    "solver": _solver_tab,
}
"""Function that draws each tab, by its name in the URL."""
