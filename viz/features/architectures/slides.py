"""The slide of a network's stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from viz.features.blocks import tables
from viz.plots.parts import short
from viz.slides.style import Style
from viz.slides.tables import text_table

if TYPE_CHECKING:
    from core.blocks.stages import Stage


def stages(table: Sequence[Stage], style: Style, *, title: str, subtitle: str) -> Figure:
    """A table with a row for each stage, and a last one for the whole network."""
    columns = tables.stage_columns(table)
    order = ["output", "RF at its end (px)", "effective stride", "layers", "parameters"]
    order += ["MACs (million)", "outputs (MB)", "begins with"]
    texts = {
        "parameters": [short(n) for n in columns["parameters"]],
        "MACs (million)": [f"{n:,.1f}" for n in columns["MACs (million)"]],
        "outputs (MB)": [f"{n:.2f}" for n in columns["outputs (MB)"]],
    }
    columns_of_text = [[str(cell) for cell in texts.get(name, columns[name])] for name in order]
    rows = [list(row) for row in zip(*columns_of_text, strict=True)]
    importance = [1.0 if index in (0, len(rows) - 1) else 0.0 for index in range(len(rows))]
    return text_table(
        order,
        rows,
        style,
        title=title,
        subtitle=subtitle,
        align="l" + "r" * 6 + "l",
        importance=importance,
        strong=len(rows) - 1,
        optional=1,
    )
