"""The pictures of the size page for slides; Matplotlib is loaded when one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS
from core.layer.padding import CONVENTIONS
from core.layer.size_tables import COMMON_LAYERS, USUAL_SIZES
from core.layer.sizes import formula, smaller_input_with_same_remainder
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.features.sizes import compute, params
from viz.features.sizes.params import TABS, SizesSettings, solution_name
from viz.page import words
from viz.slides.style import Picture, Style, refuse_unfit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pictures(values: SizesSettings) -> list[Picture]:
    """All pictures of a link to the page, those of the open tab first.

    Raises:
        SpecError: The layer does not fit the input, or the chosen solution does not give the
            wanted size.
    """
    valid, changes = params.make_valid(values)
    refuse_unfit(changes)
    spec, size = params.layer_spec(valid), params.input_size(valid)
    if chosen := valid.solution:
        named = map(solution_name, _offered_layers(spec.operation, size, valid))
        refuse_unfit([] if chosen in named else [f"the layer {chosen} does not give that size"])
    names = sorted(TABS, key=lambda name: TABS[name] != valid.tab)
    of_tabs = [one for name in names for one in pictures_of_tab(name, spec, size, valid)]
    return [*of_tabs, picture_of_formula(spec, size)]


def picture_of_formula(spec: LayerSpec, size: Pair) -> Picture:
    """The picture of the size formula with its numbers."""
    return Picture("formula", "The formula with its numbers", partial(_draw_formula, spec, size))


def pictures_of_tab(name: str, spec: LayerSpec, size: Pair, values: SizesSettings) -> list[Picture]:
    """The pictures of a tab, given its name in the URL."""
    if name == "conventions":
        table_pictures = (
            ("conventions", "Padding conventions, side by side", _draw_conventions),
            ("conventions_table", "Padding conventions, as a table", _draw_conventions_table),
        )
        return [
            Picture(key, label, partial(draw, spec, size)) for key, label, draw in table_pictures
        ]
    if name == "kernels":
        draw_map = partial(_draw_size_map, spec, size, values.convention)
        return [Picture("kernel_stride", "Kernel size × stride", draw_map)]
    if name == "solver":
        offered = _offered_layers(spec.operation, size, values)
        wanted = values.output_height, values.output_width, values.solution
        draw_solutions = partial(_draw_solutions, spec.operation, size, offered, wanted)
        return [Picture("solutions", "Layers that give the wanted size", draw_solutions)] * bool(
            offered
        )
    if name == "common":
        return [Picture("common_layers", "Common layers", partial(_draw_common_layers, size))]
    return [Picture("stride_padding", "Stride × padding", partial(_draw_table, spec, size))]


def settings_text(spec: LayerSpec, size: Pair) -> str:
    """The layer and its input size in words, for a caption."""
    return f"{words.layer_title(spec)}, on {words.times(size)}"


def _draw_formula(spec: LayerSpec, size: Pair, style: Style) -> Figure:
    """Draw the size formula."""
    from viz.features.sizes.formula_slide import formula as draw

    return draw(formula(spec, size), style, title=settings_text(spec, size))


def _draw_table(spec: LayerSpec, size: Pair, style: Style) -> Figure:
    """Draw the table of sizes by stride and padding."""
    from viz.features.sizes.slides import size_table

    side = {side for pads in spec.padding for side in pads}
    chosen = (spec.stride[0], min(side)) if len({*spec.stride}) == len(side) == 1 else None
    window = f"{words.times(spec.kernel_size)} {OPERATIONS[spec.operation].label.lower()}"
    title = f"Output size of a {window} on {words.times(size)}"
    return size_table(compute.size_table(spec, size), style, title=title, chosen=chosen)


def _draw_common_layers(size: Pair, style: Style) -> Figure:
    """Draw the table of common layers."""
    from viz.features.sizes.slides import size_table

    inputs = USUAL_SIZES if size in USUAL_SIZES else (size, *USUAL_SIZES)
    return size_table(
        compute.common_layers(inputs),
        style,
        title="Output sizes of layers that many networks use (s: stride, p: padding)",
        notes=[common.used_in for common in COMMON_LAYERS],
        notes_head="used in",
    )


def _draw_size_map(spec: LayerSpec, size: Pair, convention: str, style: Style) -> Figure:
    """Draw the map of sizes by kernel size and stride."""
    from viz.features.sizes.slides import size_map

    named = convention if convention in CONVENTIONS else ""
    padding = CONVENTIONS[named].label if named else words.short_padding_text(spec.padding)
    title = f"{OPERATIONS[spec.operation].label}, padding {padding}, on {words.times(size)}"
    square = spec.kernel_size[0] == spec.kernel_size[1] and spec.stride[0] == spec.stride[1]
    chosen = (spec.kernel_size[0], spec.stride[0]) if square else None
    return size_map(compute.size_map(spec, size, named), style, title=title, chosen=chosen)


def _draw_conventions(spec: LayerSpec, size: Pair, style: Style) -> Figure:
    """Draw the padding conventions on a small input."""
    from viz.features.sizes.convention_slide import conventions

    drawn = drawn_size(spec, size)
    return conventions(
        compute.conventions(spec, drawn, True), style, title=settings_text(spec, drawn)
    )


def drawn_size(spec: LayerSpec, size: Pair) -> Pair:
    """An input size small enough to be drawn, on which the layer has at least a few windows.

    It is smaller than ``size`` by whole strides, so that the remainder stays the same.
    """
    spans = spec.window.effective_kernel_size
    needed = max(span + 2 * stride for span, stride in zip(spans, spec.stride, strict=True))
    return smaller_input_with_same_remainder(spec, size, max(8, needed))


def _draw_conventions_table(spec: LayerSpec, size: Pair, style: Style) -> Figure:
    """Draw the table of padding conventions."""
    from viz.features.sizes.slides import conventions_table

    title = f"Padding conventions: {settings_text(spec, size)}"
    return conventions_table(compute.conventions(spec, size, False), style, title=title)


def _offered_layers(operation: str, size: Pair, values: SizesSettings) -> list[Solution]:
    """The layers that give the wanted output size; only those that read all pixels if set so."""
    try:
        layers = compute.solutions(size, (values.output_height, values.output_width), operation)
    except SpecError:
        return []
    return [each for each in layers if not (values.all_read and each.unread)]


def _draw_solutions(
    operation: str,
    size: Pair,
    offered: Sequence[Solution],
    wanted_and_chosen: tuple[int, int, str],
    style: Style,
) -> Figure:
    """Draw the layers that give a wanted size."""
    from viz.features.sizes.slides import solutions

    *wanted, chosen = wanted_and_chosen
    label = OPERATIONS[operation].label.lower()
    title = f"Which {label} makes {wanted[0]}×{wanted[1]} out of {words.times(size)}?"
    named = {solution_name(each): each for each in offered}
    return solutions(offered, style, title=title, chosen=named.get(chosen))
