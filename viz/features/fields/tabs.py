"""The tabs below the cone of the receptive-field page, one function each."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import SpecError
from core.networks.notation import to_notation, to_source
from core.networks.zoo_lines import NOTATIONS
from core.plots.growth import depth_plot, strategies_plot
from viz.choices import lab, network, network_analysis, unit
from viz.choices.network import OWN
from viz.choices.network_analysis import Analysis
from viz.choices.network_picker import open_layers
from viz.components.cone.cone import cone
from viz.features.fields import params
from viz.features.fields.params import PAGE, FieldSettings, change_and_move_cone
from viz.page.plots import show_plot
from viz.page.rows import choice_rows, link_to
from viz.page.save_menu import save_table
from viz.page.session import PageState, bind_widget, change_settings, is_presented
from viz.page.tables import Cell, column_table
from viz.page.widgets import widget
from viz.page.words import error_sentence, field_size_text, number_pair_text, times

if TYPE_CHECKING:
    from core.cost import LayerCost
    from core.graph import Graph
    from core.receptive_field.outline import Line

GRAPH_PAGES = {False: ((90.0, 44.0), (44.0, 41.0)), True: ((66.0, 28.0), (66.0, 28.0))}
"""Width and height of the graph in sizes of the type, alone and with one of its blocks; on a presented
page the type is larger, and the block stands below the graph."""
HEADERS = (
    *("layer", "operation", "output", "RF (px)", "effective stride (px)"),
    *("effective padding (px)", "center of unit (0, 0) (px)", "parameters", "MACs"),
    *("activations (kB)", "note", "why at most"),
)
"""Columns of the table, and of the CSV file that visitors download."""


def table_rows(analysis: Analysis) -> list[list[Any]]:
    """The rows of the table: one for each line of the cone, and one for all other parameters."""
    from core.blocks.stages import costs_by_group

    costs, rest = costs_by_group([[line] for line in analysis.lines], analysis.costs.values())
    rows = [
        _line_cells(line, _operation_text(line, analysis.graph), own, bool(analysis.costs))
        for line, own in zip(analysis.lines, costs, strict=True)
    ]
    if remaining := sum(cost.parameters for cost in rest):
        what = "parameters that no layer above reads"
        rows.append(["elsewhere", what, *[""] * 5, remaining, 0, 0.0, "", ""])
    return rows


def _operation_text(line: Line, graph: Graph) -> str:
    """A line's operation in words, and the linear layers that are folded into the line."""
    linear = [name for name in line.folded if graph[name].operation == "linear"]
    return f"{line.text}, then {', '.join(linear)} (linear)" if linear else line.text


def _line_cells(
    line: Line, operation: str, costs: Sequence[LayerCost], has_costs: bool
) -> list[Any]:
    """The cells of one line, in the order of `HEADERS`; costs are None if they are unknown."""
    field = line.field
    stride = field.effective_stride
    return [
        line.label,
        operation,
        times(line.node.shape[1:]),
        field_size_text(field),
        number_pair_text(stride) if any(stride) else "–",  # one unit has no neighbor
        number_pair_text(field.effective_padding),
        "({:g}, {:g})".format(*field.center),
        sum(cost.parameters for cost in costs) if has_costs else None,
        sum(cost.macs for cost in costs) if has_costs else None,
        sum(cost.activation_bytes for cost in costs) / 1000 if has_costs else None,
        field.note or ("" if field.aligned else "branches not aligned"),
        field.bound,
    ]


def table_csv(analysis: Analysis) -> str:
    """The table as the text of a CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADERS)
    writer.writerows(table_rows(analysis))
    return text.getvalue()


def _layers_tab(analysis: Analysis, page: PageState[FieldSettings]) -> None:
    """Draw the table of all layers, whose rows select the cone's layer, and the sums."""
    _draw_totals(analysis)
    _draw_layers(analysis, page)
    st.caption(
        "*Effective stride*: image pixels between two neighboring units. *Effective padding*: unit "
        "(0, 0) starts this many pixels before the image. *MACs*: multiply–accumulates, one "
        "product added up. *Activations*: memory of the outputs at 4 bytes a number."
    )
    save_table(table_csv(analysis), analysis.network.name)
    _recurrence(analysis, page)


def _draw_layers(analysis: Analysis, page: PageState[FieldSettings]) -> None:
    """Draw the table of all layers, without empty columns; a row chooses the cone's layer."""
    rows = table_rows(analysis)
    columns: dict[str, list[Any]] = {
        header: cells
        for header, cells in zip(HEADERS, map(list, zip(*rows, strict=True)), strict=True)
        if any(cell not in ("", None) for cell in cells)
    }
    names = [line.node.name for line in analysis.lines]
    unchosen = replace(page.values, unit="")
    links = [
        Cell(line.label, choice=name, href=link_to(replace(unchosen, layer=name)))
        for line, name in zip(analysis.lines, names, strict=True)
    ]
    columns[HEADERS[0]][: len(links)] = links
    chosen = selected_line(analysis, page).node.name
    choice_rows(column_table("Layers", columns), "layers", names, chosen, _on_row)


def _on_row(name: str) -> None:
    """Callback of a chosen row, after which the cone shows its layer."""
    change_and_move_cone({"layer": name, "unit": ""})


def selected_line(analysis: Analysis, page: PageState[FieldSettings]) -> Line:
    """The line of the chosen layer; the deepest map's where none is chosen."""
    return analysis.line(page.values.layer) or analysis.deepest


def _draw_totals(analysis: Analysis) -> None:
    """Draw a sentence with the network's parameters, multiply–accumulates and activations."""
    if not analysis.costs:
        st.caption(f"Costs are unknown: {analysis.cost_note}.")
        return
    total = analysis.totals
    parameters, macs, memory = total.parameters, total.macs, total.activation_bytes
    st.markdown(
        f"In all **{parameters:,}** parameters, **{macs / 1e6:,.{_decimals_in_millions(macs)}f}** million "
        f"multiply–accumulates and **{memory / 1e6:,.{_decimals_in_millions(memory)}f}** MB of activations for "
        "one image. "
        "Norms and activations are in the row of the layer before them. Choose a row to see "
        "its cone."
    )


def _decimals_in_millions(amount: int) -> int:
    """Decimals with which an amount is written in millions, so that it has three digits or more."""
    return 0 if amount >= 10**9 else 1 if amount >= 10**7 else 3


def _recurrence(analysis: Analysis, page: PageState[FieldSettings]) -> None:
    """Draw the textbook's recurrence with this network's numbers."""
    from core.receptive_field.textbook import recurrence

    line = selected_line(analysis, page)
    axis = unit.AXES.index(page.values.axis)
    steps = recurrence(analysis.fields, line.node.name, axis)
    with st.expander(f"How the {line.field.size[axis]:g} pixels of `{line.label}` come about"):
        st.markdown(
            "Layer by layer along the widest path, $r$ the receptive field and $j$ the effective "
            "stride (*jump*): $r_{out} = r_{in} + (k - 1)\\,j_{in}$ and $j_{out} = j_{in}\\,s$, "
            "where a kernel with dilation $d$ counts as $k = d\\,(\\text{kernel size} - 1) + 1$ "
            "pixels. It starts with one pixel, $r = j = 1$."
        )
        if steps and steps[0].r_in == steps[0].j_in == 1:
            st.code("\n".join(map(str, steps)), language=None)
        else:
            st.markdown(
                "Here a layer's outputs see different sizes, or everything: one such chain of "
                "numbers would be wrong. The table above has the exact ones."
            )


def _depth_tab(analysis: Analysis, page: PageState[FieldSettings]) -> None:
    """Draw the receptive field against depth, of the compared networks too."""
    from core.receptive_field.growth import growth_curve

    axis = unit.AXES.index(page.values.axis)
    curves = [
        growth_curve(each.network.title, each.fields, axis)
        for each in _compared_analyses(analysis, page)
    ]
    widget(page.values, "log_growth")
    show_plot(depth_plot(curves, log=page.values.log_growth), "depth")
    rule = (
        "A layer with a kernel of $k$ pixels adds $k - 1$ effective strides: without strides each "
        "3×3 layer adds two pixels, after a stride of 2 it adds four."
    )
    shape = (
        "On a logarithmic axis layers of one stride rise less and less; where the line stays "
        "straight, each layer multiplies the field."
        if page.values.log_growth
        else "Equal layers without strides give a straight line, which becomes steeper after each "
        "stride."
    )
    st.markdown(f"{rule} {shape}")


def _compared_analyses(analysis: Analysis, page: PageState[FieldSettings]) -> list[Analysis]:
    """The analyses of the network and of the compared ones; draws a warning for each failure."""
    names = [name for name in page.values.compare if name != page.values.network]
    others = [network.published_network(name) for name in names]
    size = analysis.network.input_size[1:]
    analyses = [analysis]
    for other in others:
        try:
            analyses.append(network_analysis.analysis(other.with_image_size(*size)))
        except SpecError as error:
            st.warning(f"{other.title} cannot be run on this input: {error_sentence(error)}")
    return analyses


def _graph_tab(analysis: Analysis, page: PageState[FieldSettings]) -> None:
    """Draw the network's graph; where modules are folded, one of them in detail beside it."""
    from core.plots.graphs.graph import block_plot, folded_blocks, graph_plot  # brings torch

    network = analysis.graph, analysis.fields
    whole, half = GRAPH_PAGES[is_presented()]
    if not folded_blocks(*network, whole):
        show_plot(graph_plot(*network, page=whole), "graph")
        return
    blocks = {block.line.node.name: block for block in folded_blocks(*network, half)}
    chosen = selected_line(analysis, page).node.name
    own = next(
        (name for name, block in blocks.items() if chosen in block.names),
        max(blocks, key=lambda name: blocks[name].count),
    )
    below = is_presented()
    overview, detail = (st.container(), st.container()) if below else st.columns(2, gap="medium")
    with overview:
        show_plot(graph_plot(*network, page=half), "graph")
    with detail:
        st.selectbox(
            "block in detail",
            list(blocks),
            format_func=lambda name: blocks[name].title,
            key=bind_widget("graph_block", own),
            on_change=_on_block,
        )
        show_plot(block_plot(*network, blocks[own], half), "graph_block")


def _on_block() -> None:
    """Callback of a chosen block, whose last layer becomes the chosen one."""
    change_and_move_cone({"layer": st.session_state["graph_block"], "unit": ""})


PAIRS = {
    "ResNet-50: stride in the 1×1 or in the 3×3": ("resnet50_v1", ("resnet50",)),
    "Convolution and pooling, or strided convolution": ("four_conv_pool", ("four_strided",)),
    "Dilated or strided": ("dilated_stack", ("four_strided",)),
    "Three 3×3 or one 7×7": ("three_3x3", ("one_7x7",)),
}
"""Comparisons that a button opens, by label: the network, and those compared with it."""


def _compare_tab(analysis: Analysis, page: PageState[FieldSettings]) -> None:
    """Draw the choice of networks, and their numbers, growth and cones side by side."""
    values = page.values
    with st.container(horizontal=True):
        for label, (first, others) in PAIRS.items():
            st.button(label, on_click=_on_pair, args=(first, others), key=f"pair {first} {others}")
    st.multiselect(
        "compare with",
        network.architectures(),
        format_func=network.network_title,
        max_selections=params.MOST_COMPARED,
        key=bind_widget("compare_names", list(values.compare)),
        on_change=_on_compare,
        placeholder="choose one or two architectures",
    )
    analyses = _compared_analyses(analysis, page)
    if len(analyses) < 2:
        st.info("Choose one of the pairs above, or an architecture of your own choice.")
        return
    st.html(column_table("Networks", _summary_columns(analyses)))
    axis = unit.AXES.index(values.axis)
    from core.receptive_field.growth import growth_curve

    curves = [growth_curve(each.network.title, each.fields, axis) for each in analyses]
    show_plot(depth_plot(curves), "compare")
    _cones(analyses, page)


def _summary_columns(analyses: Sequence[Analysis]) -> dict[str, list[Any]]:
    """The columns of a table with a row for each network."""
    lines = [each.deepest for each in analyses]
    return {
        "network": [each.network.title for each in analyses],
        "last map": [times(line.node.shape[1:]) for line in lines],
        "RF (px)": [field_size_text(line.field) for line in lines],
        "effective stride (px)": [number_pair_text(line.field.effective_stride) for line in lines],
        "effective padding (px)": [
            number_pair_text(line.field.effective_padding) for line in lines
        ],
        "parameters": [each.totals.parameters for each in analyses],
        "MACs (million)": [each.totals.macs / 1e6 for each in analyses],
    }


def _cones(analyses: Sequence[Analysis], page: PageState[FieldSettings]) -> None:
    """Draw the cone of each network's deepest map, side by side."""
    for index, (column, each) in enumerate(zip(st.columns(len(analyses)), analyses, strict=True)):
        with column:
            st.markdown(f"**{each.network.title}**")
            cone(
                network_analysis.cone_network(each.network),
                params.cone_view_data(replace(page.values, layer=each.deepest.node.name, unit="")),
                title=each.network.title,
                picture=params.picture_data_url(page.values, each.network.input_size[1:]),
                identity=f"{index} {each.network}",
                token=page.values.axis,
                key=f"cone_{index}",
                on_view=_ignore_view,
            )


def _ignore_view() -> None:
    """Callback of the compared cones, in which a chosen unit changes nothing on the page."""


def _on_pair(first: str, others: tuple[str, ...]) -> None:
    """Callback of a button that opens a comparison of `PAIRS`."""
    _, height, width = network.published_network(first).input_size
    size = {"input_height": height, "input_width": width}
    change_settings(PAGE, {"network": first, "compare": others, "layer": "", "unit": "", **size})
    st.session_state.pop("compare_names", None)


def _on_compare() -> None:
    """Callback of the choice of networks to compare with."""
    change_settings(PAGE, {"compare": tuple(st.session_state["compare_names"])})


def _reach_tab(analysis: Analysis, page: PageState[FieldSettings]) -> None:
    """Draw designs that reach a receptive field of a chosen size, with their costs."""

    values = page.values
    widget(values, "target", width=220)
    with st.spinner("Searching for the shortest networks…"):
        strategies = network_analysis.strategies(values.target, analysis.network.input_size)
    show_plot(strategies_plot(strategies), "strategies")
    names = {each.name: each for each in strategies}
    left, right = st.columns([4, 1.4], vertical_alignment="bottom")
    widget(values, "strategy", left, options={name: each.title for name, each in names.items()})
    picked = names[values.strategy]
    left.markdown(" ".join(filter(None, (picked.sentence, picked.refusal))))
    right.button(
        "Open its layers",
        on_click=open_layers,
        args=(PAGE, picked.notation),
        type="primary",
        width="stretch",
    )


def _code_tab(analysis: Analysis, page: PageState[FieldSettings]) -> None:
    """Draw the network in the notation, as PyTorch code and as a command."""
    values = page.values
    notation = values.layers if values.network == OWN else NOTATIONS.get(values.network)
    if notation:
        spec = network.spec_from_notation(notation)
        st.markdown("As one line, for the box beside *network*:")
        st.code(to_notation(spec), language=None, wrap_lines=True)
        channels, *size = analysis.network.input_size
        st.markdown("As PyTorch:")
        st.code(to_source(spec, channels, (size[0], size[1])), language="python")
    if analysis.network.run is not None:
        st.markdown("As PyTorch:")
        st.code(lab.net_source_code(analysis.network.run), language="python")
    st.markdown(
        "For a network of your own code, in a terminal beside this app's files "
        "(`--json` and `--csv` for files):"
    )
    shape = ",".join(map(str, analysis.network.input_size))
    st.code(
        f"python -m core.receptive_field package.module:callable --input {shape}", language="bash"
    )


DRAW: dict[str, Callable[[Analysis, PageState[FieldSettings]], None]] = {
    "layers": _layers_tab,
    "depth": _depth_tab,
    "graph": _graph_tab,
    "compare": _compare_tab,
    "reach": _reach_tab,
    "code": _code_tab,
}
"""The functions that draw the tabs, by name in the URL; the editor is `edit_tab`."""
