"""The plots and tables of the size page, on the screen and as pictures for slides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS
from core.layer.padding import CONVENTIONS
from core.layer.size_tables import COMMON_LAYERS, USUAL_SIZES
from core.layer.sizes import formula, smaller_input_with_same_remainder
from core.layer.solver import Solution
from core.layer.window import Pair
from core.plots.conventions import conventions_plot, conventions_table
from core.plots.plot import Plot
from core.plots.sizes import size_map, size_table, solutions_table
from core.plots.table import Table
from core.text import short_padding_text, times
from viz.features.sizes import compute, params
from viz.features.sizes.params import TABS, SizesSettings, solution_name
from viz.page import words
from viz.slides.style import Picture, formula_picture, plot_picture, refuse_unfit


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
    make, title = partial(formula, spec, size), settings_text(spec, size)
    return formula_picture("formula", "The formula with its numbers", make, title)


def pictures_of_tab(name: str, spec: LayerSpec, size: Pair, values: SizesSettings) -> list[Picture]:
    """The pictures of a tab, given its name in the URL."""
    if name == "conventions":
        draw, table = partial(conventions, spec, size), partial(conventions_of_size, spec, size)
        return [
            plot_picture("conventions", "Padding conventions, side by side", draw),
            plot_picture("conventions_table", "Padding conventions, as a table", table),
        ]
    if name == "kernels":
        make = partial(kernel_map, spec, size, values.convention)
        return [plot_picture("kernel_stride", "Kernel size × stride", make)]
    if name == "solver":
        offered = _offered_layers(spec.operation, size, values)
        layers = partial(_solutions, spec.operation, size, offered, values)
        label = "Layers that give the wanted size"
        return [plot_picture("solutions", label, layers)] * bool(offered)
    if name == "common":
        return [plot_picture("common_layers", "Common layers", partial(common_layers, size))]
    return [plot_picture("stride_padding", "Stride × padding", partial(padding_table, spec, size))]


def settings_text(spec: LayerSpec, size: Pair) -> str:
    """The layer and its input size in words, for a caption."""
    return f"{words.layer_title(spec)}, on {times(size)}"


def padding_table(spec: LayerSpec, size: Pair) -> Table:
    """The table of output sizes by stride and padding."""
    sides = {side for pads in spec.padding for side in pads}
    chosen = (spec.stride[0], min(sides)) if len({*spec.stride}) == len(sides) == 1 else None
    window = f"{times(spec.kernel_size)} {OPERATIONS[spec.operation].label.lower()}"
    title = f"Output size of a {window} on {times(size)}"
    return size_table(compute.size_table(spec, size), title, chosen=chosen)


def common_layers(size: Pair) -> Table:
    """The table of common layers on usual input sizes and, before them, on the page's own."""
    inputs = inputs_of_common_layers(size)
    sizes = compute.common_layers(inputs)
    yours = f"{sizes.columns[0]} (yours)"
    heads = (yours, *map(str, sizes.columns[1:])) if len(inputs) > len(USUAL_SIZES) else ()
    title = "Output sizes of layers that many networks use (s: stride, p: padding)"
    notes = "used in", [common.used_in for common in COMMON_LAYERS]
    return size_table(sizes, title, heads=heads, notes=notes)


def inputs_of_common_layers(size: Pair) -> tuple[Pair, ...]:
    """The usual input sizes, and before them the page's own if it is none of them."""
    return USUAL_SIZES if size in USUAL_SIZES else (size, *USUAL_SIZES)


def kernel_map(spec: LayerSpec, size: Pair, convention: str) -> Plot:
    """The map of sizes by kernel size and stride, with the padding as set or of a convention."""
    named = convention if convention in CONVENTIONS else ""
    padding = CONVENTIONS[named].label if named else short_padding_text(spec.padding)
    layer = f"{OPERATIONS[spec.operation].label.lower()}, padding {padding}, on {times(size)}"
    square = spec.kernel_size[0] == spec.kernel_size[1] and spec.stride[0] == spec.stride[1]
    chosen = (spec.kernel_size[0], spec.stride[0]) if square else None
    title = f"Output size by kernel size and stride: {layer}"
    return size_map(compute.size_map(spec, size, named), title, chosen)


def conventions(spec: LayerSpec, size: Pair) -> Plot:
    """The padding conventions on an input that is small enough to be drawn."""
    small = drawn_size(spec, size)
    title = f"Padding conventions: {settings_text(spec, small)}"
    return conventions_plot(compute.conventions(spec, small, True), title)


def drawn_size(spec: LayerSpec, size: Pair) -> Pair:
    """An input size small enough to be drawn, on which the layer has at least a few windows.

    It is smaller than ``size`` by whole strides, so that the remainder stays the same.
    """
    spans = spec.window.effective_kernel_size
    needed = max(span + 2 * stride for span, stride in zip(spans, spec.stride, strict=True))
    return smaller_input_with_same_remainder(spec, size, max(8, needed))


def conventions_of_size(spec: LayerSpec, size: Pair) -> Table:
    """The table of padding conventions."""
    title = f"Padding conventions: {settings_text(spec, size)}"
    return conventions_table(compute.conventions(spec, size, False), title)


def _offered_layers(operation: str, size: Pair, values: SizesSettings) -> list[Solution]:
    """The layers that give the wanted output size; only those that read all pixels if set so."""
    try:
        layers = compute.solutions(size, (values.output_height, values.output_width), operation)
    except SpecError:
        return []
    return [each for each in layers if not (values.all_read and each.unread)]


def _solutions(
    operation: str, size: Pair, offered: Sequence[Solution], values: SizesSettings
) -> Table:
    """The layers that give the wanted size."""
    label, wanted = OPERATIONS[operation].label.lower(), (values.output_height, values.output_width)
    title = f"Which {label} makes {times(wanted)} out of {times(size)}?"
    named = {solution_name(each): each for each in offered}
    return solutions_table(offered, title, named.get(values.solution))
