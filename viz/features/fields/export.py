"""The receptive-field page's pictures for slides. Matplotlib is imported when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core import data
from core.errors import SpecError
from core.layer.board import Upload
from core.plots.growth import depth_plot, short_number, strategies_plot
from core.plots.plot import Plot
from core.plots.table import Table, texts
from viz.choices import network, network_analysis
from viz.choices import unit as choices_unit
from viz.choices.layer import UPLOAD
from viz.choices.network_analysis import Analysis
from viz.choices.unit import AXES
from viz.features.fields import params
from viz.features.fields.params import TABS, FieldSettings
from viz.page.words import field_size_text, number_pair_text, times
from viz.slides.style import NO_UPLOAD, Picture, Style, page_in_type, plot_picture, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from core.receptive_field.outline import Line

COLUMNS = (
    *("layer", "RF (px)", "effective stride (px)", "output", "operation", "parameters"),
    "MACs",
)
"""Columns of the page's table, the most important first; the last ones may not fit."""

MOST_CENTERS = 24
"""The most units along a side whose centers are drawn on the slide's image without being chosen."""


def pictures(values: FieldSettings) -> list[Picture]:
    """All pictures of the page, the cone's and those of the open tab first.

    Args:
        values: The page's settings; sizes of 0 stand for the network's own.

    Raises:
        SpecError: The network cannot be built or traced on its input, or the settings name a
            layer, unit or picture that does not exist.
    """
    valid = network.with_suitable_input(values)
    analysis = network_analysis.analysis(network.network(valid))
    refuse_unfit(_unfit_clauses(analysis, valid))
    names = sorted(TABS, key=lambda name: TABS[name] != valid.tab)
    return [
        *cone_pictures(analysis, valid),
        *(one for n in names for one in tab_pictures(n, analysis, valid)),
    ]


def _unfit_clauses(analysis: Analysis, values: FieldSettings) -> list[str]:
    """A clause for each setting that names a picture, layer, unit or network that is not there."""
    clauses = [NO_UPLOAD] if values.picture == UPLOAD else []
    clauses += choices_unit.fit_layer_and_unit(analysis, values, "")[2]
    analyzed = {each.network.name for each in compared_analyses(analysis, values)}
    size = times(analysis.network.input_size[1:])
    failed = [name for name in values.compare if name not in analyzed]
    return clauses + [f"{network.network_title(name)} does not run on {size}" for name in failed]


def settings_text(analysis: Analysis) -> str:
    """The network and its input in words."""
    return f"{analysis.network.title} on {'×'.join(map(str, analysis.network.input_size[1:]))}"


def cone_pictures(
    analysis: Analysis, values: FieldSettings, upload: Upload | None = None
) -> list[Picture]:
    """The pictures of the cone: the cross-section, and the image with the unit's field."""
    line = analysis.line(values.layer) or analysis.deepest
    unit = params.chosen_unit(values)
    if unit is None or any(u >= n for u, n in zip(unit, line.node.grid, strict=True)):
        unit = line.node.grid[0] // 2, line.node.grid[1] // 2
    arguments = analysis, line, unit, values, upload
    return [
        Picture("cone", f"Cone of a unit of {line.label}", partial(_draw_cone, *arguments)),
        Picture("view", f"What a unit of {line.label} sees", partial(_draw_view, *arguments)),
    ]


def tab_pictures(name: str, analysis: Analysis, values: FieldSettings) -> list[Picture]:
    """The pictures of the tab with this name in the URL; [] for a tab without any."""
    axis = AXES.index(values.axis)
    if name == "layers":
        return [plot_picture("layers", "Layer by layer", partial(layers_table, analysis))]
    if name == "depth":
        make = partial(depth_growth, (analysis,), axis, values.log_growth)
        return [plot_picture("depth", "Growth with depth", make)]
    if name == "graph":
        return [Picture("graph", "Graph", partial(_draw_graph, analysis))]
    if name == "reach":
        make = partial(_strategies, values.target, analysis.network.input_size)
        return [plot_picture("strategies", f"Ways to see {values.target} pixels", make)]
    if name == "compare":
        analyses = compared_analyses(analysis, values)
        if len(analyses) > 1:
            table = partial(_comparison_table, analyses)
            depth = partial(depth_growth, analyses, axis)
            return [
                plot_picture("compare", "Networks side by side", table),
                plot_picture("compare_depth", "Their growth with depth", depth),
            ]
    return []


def compared_analyses(analysis: Analysis, values: FieldSettings) -> tuple[Analysis, ...]:
    """The analyses of the network and of the compared networks that run on its input."""
    analyses = [analysis]
    for name in (name for name in values.compare if name != values.network):
        try:
            other = network.published_network(name).with_image_size(
                *analysis.network.input_size[1:]
            )
            analyses.append(network_analysis.analysis(other))
        except SpecError:
            continue
    return tuple(analyses)


def picture_pixels(
    values: FieldSettings, size: tuple[int, int], upload: Upload | None
) -> NDArray[np.uint8]:
    """The chosen picture (H, W, 3) in the image's proportions, at most `MAX_SIDE` pixels a side."""
    share = min(1.0, data.MAX_SIDE / max(size))
    small = max(1, round(size[0] * share)), max(1, round(size[1] * share))
    if values.picture == UPLOAD and upload is not None:
        planes = data.crop_and_scale(upload.pixels, small, 3)
    else:
        name = "china" if values.picture == UPLOAD else values.picture
        planes = data.picture(name, small, 3, values.seed)
    return np.asarray(planes.transpose(1, 2, 0), dtype=np.uint8)


def _draw_cone(
    analysis: Analysis,
    line: Line,
    unit: tuple[int, int],
    values: FieldSettings,
    upload: Upload | None,
    style: Style,
) -> Figure:
    """Draw the cross-section through the layers."""
    from viz.features.fields.cone_slide import cone

    return cone(
        analysis.lines,
        analysis.lines.index(line),
        unit,
        style,
        axis=AXES.index(values.axis),
        down=values.down,
        zoom=values.zoom,
        title=settings_text(analysis),
        photo=picture_pixels(values, analysis.network.input_size[1:], upload),
    )


def _draw_view(
    analysis: Analysis,
    line: Line,
    unit: tuple[int, int],
    values: FieldSettings,
    upload: Upload | None,
    style: Style,
) -> Figure:
    """Draw the image with the unit's receptive field."""
    from viz.features.fields.cone_view_slide import view

    image = picture_pixels(values, analysis.network.input_size[1:], upload)
    few = max(line.node.grid) <= MOST_CENTERS
    centers = values.centres == "true" or (values.centres == "auto" and few)
    return view(line, unit, style, title=settings_text(analysis), photo=image, centers=centers)


def layers_table(analysis: Analysis) -> Table:
    """The table of all layers."""
    from viz.features.fields.tabs import HEADERS, table_rows

    rows = table_rows(analysis)
    index_of = {name: HEADERS.index(name) for name in COLUMNS}
    total = analysis.totals
    costs = f"{total.parameters:,} parameters, {short_number(total.macs)} multiply–accumulates"
    return Table(
        settings_text(analysis),
        COLUMNS,
        texts([[_cell_text(name, row[i]) for name, i in index_of.items()] for row in rows]),
        f"In all {costs} for one image." if analysis.costs else "",
        align="lrrrlrr",
        importance=tuple(_row_importance(analysis, index) for index in range(len(rows))),
    )


def _cell_text(column: str, value: Any) -> str:
    """A cell of the page's table as text; a dash for None."""
    if value is None:
        return "–"
    if column in ("parameters", "MACs"):
        return short_number(value) if value else "0"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def _row_importance(analysis: Analysis, index: int) -> float:
    """The importance of a row, 0 to 3: where space is short, the least important are left out."""
    if index >= len(analysis.lines):
        return 0.0
    line = analysis.lines[index]
    if line in (analysis.lines[0], analysis.lines[-1], analysis.deepest):
        return 3.0
    if line.strided:
        return 2.0
    return 1.0 if line.branch is None and line.node.kind == "window" else 0.0


def depth_growth(analyses: Sequence[Analysis], axis: int, log: bool = False) -> Plot:
    """The receptive field against depth."""
    from core.receptive_field.growth import growth_curve

    curves = [growth_curve(each.network.title, each.fields, axis) for each in analyses]
    title = "Receptive field against depth"
    size = times(analyses[0].network.input_size[1:])
    title += f": {analyses[0].network.title}" if len(analyses) == 1 else ""
    return depth_plot(curves, f"{title} on {size}", log=log)


def _draw_graph(analysis: Analysis, style: Style) -> Figure:
    """Draw the network's graph in as many columns as the slide has room for."""
    from core.plots.graphs.graph import graph_plot
    from viz.slides.parts import width_of
    from viz.slides.plot import draw

    plot = graph_plot(
        analysis.graph,
        analysis.fields,
        settings_text(analysis),
        page=page_in_type(style),
        text_width=lambda text, bold: 72 * width_of(text, 1.0, bold),
    )
    return draw(replace(plot, subtitle="Receptive field (RF, in pixels) of each operation."), style)


def _comparison_table(analyses: Sequence[Analysis]) -> Table:
    """A table with a column for each network."""
    lines = [each.deepest for each in analyses]
    fields = [line.field for line in lines]
    rows = [
        ["last map", *(times(line.node.shape[1:]) for line in lines)],
        ["receptive field (px)", *(field_size_text(field) for field in fields)],
        ["effective stride (px)", *(number_pair_text(f.effective_stride) for f in fields)],
        ["effective padding (px)", *(number_pair_text(f.effective_padding) for f in fields)],
        ["parameters", *(f"{each.totals.parameters:,}" for each in analyses)],
        ["multiply–accumulates", *(short_number(each.totals.macs) for each in analyses)],
    ]
    size = times(analyses[0].network.input_size[1:])
    columns = ("", *(each.network.title for each in analyses))
    align = "l" + "c" * len(analyses)
    return Table(f"Networks side by side on {size}", columns, texts(rows), align=align)


def _strategies(target: int, input_size: tuple[int, int, int]) -> Plot:
    """The costs of the designs that reach a receptive field of ``target`` pixels."""
    title = f"Ways to a receptive field of {target}×{target} pixels"
    return strategies_plot(network_analysis.strategies(target, input_size), title)
