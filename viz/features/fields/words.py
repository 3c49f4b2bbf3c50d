"""The sentence above the cone, on the receptive field of a network's last feature map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.receptive_field import ReceptiveField
    from viz.choices.network_analysis import Analysis


def headline(analysis: Analysis) -> str:
    """Sentences on the receptive field of a unit of the last feature map, and on its stride."""
    line = analysis.deepest
    field, grid = line.field, line.node.grid
    if line.node.kind == "input" or all(axis.whole for axis in field.axes):
        return "No layer has several units that see different parts of the image."
    before, name = _whole_image_sentence(analysis), "its last feature map"
    if before:
        name = "the last feature map before that"
    only = f"The only unit of {name}" if max(grid) == 1 else f"A unit of {name}"
    return (
        f"{before}{only}, `{line.label}`, sees {_bound_prefix(field)}**{field.size[0]:g}×{field.size[1]:g}** pixels"
        f"{_field_name_clause(field, analysis.network.input_size[1:])}.{_spacing_sentence(field)}"
    )


def _whole_image_sentence(analysis: Analysis) -> str:
    """A sentence on the first layer whose units depend on the whole image; "" if there is none."""
    line = analysis.first_whole_image_line
    if line is None:
        return ""
    if line.field.bound:
        return f"From `{line.label}` on a unit may depend on the whole image: an upper bound. "
    return f"From `{line.label}` on every unit depends on the whole image. "


def _bound_prefix(field: ReceptiveField) -> str:
    """``at most `` for an upper bound, ``up to `` if units see different sizes, else ""."""
    if field.bound:
        return "at most "
    from core.receptive_field.notes import sizes_differ

    differ = any(sizes_differ(a, n) for a, n in zip(field.axes, field.grid, strict=True))
    return "up to " if differ else ""


def _field_name_clause(field: ReceptiveField, image: Sequence[int]) -> str:
    """The rest of the sentence: the field's name, and whether it is larger than the image."""
    if all(size <= side for size, side in zip(field.size, image, strict=True)):
        return " of the image: its *receptive field*"
    return ": its *receptive field*. That is more than the image has; outside lies padding"


def _spacing_sentence(field: ReceptiveField) -> str:
    """A sentence on the effective stride along the axes with more than one unit; "" without any."""
    from core.receptive_field.notes import is_unevenly_spaced

    along = [
        (field.effective_stride[axis], is_unevenly_spaced(field.axes[axis], field.grid[axis]), name)
        for axis, name in enumerate(("down", "across"))
        if field.grid[axis] > 1 and not field.axes[axis].whole
    ]
    if not along:
        return ""
    mean = " on average" if any(varies for _, varies, _ in along) else ""
    strides = list(dict.fromkeys(stride for stride, _, _ in along))
    if len(strides) == 1:
        unit = "pixel" if strides[0] == 1 else "pixels"
        return f" The fields of neighboring units lie {strides[0]:g} {unit} apart{mean}."
    both_ways = " and ".join(f"{stride:g} pixels {name}" for stride, _, name in along)
    return f" The fields of neighboring units lie {both_ways} apart{mean}."
