"""The tabs of the size page: tables, a map, padding conventions, and layers for a wanted size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, operation_of
from core.layer.padding import CONVENTIONS
from core.layer.size_tables import SizeTable
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
from viz.page.save_menu import save_menu
from viz.page.session import PageState
from viz.page.tables import described_table
from viz.page.widgets import widget

HOW_TO_READ = "A single number *n* means *n*×*n*. –: the layer does not fit."
"""Sentences below a table of sizes."""


def draw_save_menu(name: str, spec: LayerSpec, size: Pair, values: SizesSettings) -> None:
    """Draw the menu that saves the open tab's pictures and the formula."""
    pictures = [
        *export.pictures_of_tab(name, spec, size, values),
        export.picture_of_formula(spec, size),
    ]
    save_menu(PAGE, pictures, export.settings_text(spec, size))


def _draw_csv_button(table: SizeTable, name: str, text: str = "") -> None:
    """Draw a button that downloads a table as CSV, and a text beside it."""
    left, button = st.columns([4, 1.3], vertical_alignment="center")
    left.markdown(text)
    button.download_button(
        "Download as CSV",
        data=table.csv,
        file_name=f"{name}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key=f"csv_{name}",
        width="stretch",
    )


def _padding_tab(spec: LayerSpec, size: Pair, page: PageState[SizesSettings]) -> None:
    """Draw the table of output sizes by stride and padding."""
    st.html(described_table(export.padding_table(spec, size), "sizes"))
    _draw_csv_button(compute.size_table(spec, size), "stride_padding", HOW_TO_READ)


def _common_tab(spec: LayerSpec, size: Pair, page: PageState[SizesSettings]) -> None:
    """Draw the table of common layers on usual input sizes and the page's own."""
    st.html(described_table(export.common_layers(size), "sizes"))
    table = compute.common_layers(export.inputs_of_common_layers(size))
    _draw_csv_button(table, "common_layers", HOW_TO_READ)


def _kernels_tab(spec: LayerSpec, size: Pair, page: PageState[SizesSettings]) -> None:
    """Draw the map of output sizes by kernel size and stride."""
    convention = page.values.convention
    show_plot(export.kernel_map(spec, size, convention), "size_map")
    named = convention if convention in CONVENTIONS else ""
    _draw_csv_button(compute.size_map(spec, size, named), "kernel_stride")


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
    st.html(described_table(export.conventions_of_size(spec, size), "sizes"))


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
    solution = _solution_choice(offered, page, f"{spec.operation} {size} {wanted}")
    _open_on_board(solution, spec.operation, size)


def _solution_choice(
    offered: Sequence[Solution], page: PageState[SizesSettings], question: str
) -> Solution:
    """Draw the table of solutions; returns the chosen one, which the page's settings then name.

    Args:
        offered: Solutions, at least one.
        page: State of the page.
        question: Text that changes with the operation and the sizes; the choice then starts anew.
    """
    names = [solution_name(solution) for solution in offered]
    key = f"solutions {page.adopted} {question} {len(offered)}"
    if st.session_state.get("solutions", ("", 0))[0] != key:  # another table: choose anew
        chosen = page.values.solution
        st.session_state["solutions"] = key, names.index(chosen) if chosen in names else 0, chosen
    _, default, linked = st.session_state["solutions"]
    text = f"{count_text(len(offered), 'layer')}, the most usual first. Choose one by its row."
    if linked and linked not in names:
        text += f" The layer `{linked}` is not among them."
    st.markdown(text)
    picked = st.dataframe(
        _solution_columns(offered),
        key=key,
        hide_index=True,
        height=min(35 * (len(offered) + 1) + 3, 320),
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [default]}},
    )
    row = next(iter(picked["selection"]["rows"]), default)
    page.values = replace(page.values, solution=names[row])
    return offered[row]


def _solution_columns(offered: Sequence[Solution]) -> dict[str, list[Any]]:
    """The columns of the table of solutions by heading."""
    names = ("kernel_size", "stride", "padding", "dilation")
    data: dict[str, list[Any]] = {name: [getattr(s, name) for s in offered] for name in names}
    data["unread"] = [s.unread for s in offered]
    data["remainder"] = [words.times(s.remainder) for s in offered]
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
