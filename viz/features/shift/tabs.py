"""The tabs of the shift page; each function draws one and returns its pictures for slides."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.plots.shift import cosine_text, pictures_plot
from core.plots.spectra import percent
from core.shift.layer import KINDS
from viz.features.shift import compute, export, plots
from viz.features.shift import film as shift_film
from viz.features.shift.controls import shift_controls
from viz.features.shift.params import (
    BLUR_WORDS,
    ORDINALS,
    PAGE,
    Request,
    ShiftSettings,
    layer_pair,
    layer_title,
    scene,
    shift_vector,
)
from viz.page import progress
from viz.page.plots import show_plot
from viz.page.save_menu import save_menu
from viz.page.session import PageState
from viz.page.tables import UNKNOWN, column_table
from viz.page.widgets import widget
from viz.server.queue import View
from viz.slides.style import Picture

if TYPE_CHECKING:
    from core.shift.consistency import Consistency
    from core.shift.layer import DownsamplingLayer
    from viz.features.shift.params import Scene

SLOT = "shift"
"""Slot of the network's computation in `viz.page.progress`."""


def draw_save_menu(pictures: list[Picture], values: ShiftSettings) -> None:
    """Draw the menu that saves the pictures of the open tab."""
    save_menu(PAGE, pictures, export.settings_text(values))


def layers_tab(values: ShiftSettings) -> list[Picture]:
    """Draw the three layers for the chosen shift, or their animation if it plays."""
    if values.play:
        shift_and_play_controls(values, film=True)
        _draw_film(values)
        return export.pictures_of_a_shift(values)
    first, *others = KINDS
    with st.container(key="main_picture"):
        left, right = st.columns([1.3, 1])
        with right:
            shift_and_play_controls(values)
            st.markdown(_shift_sentence(values))
        with left:
            moved = plots.pictures(values, shift_vector(values))
            show_plot(pictures_plot(moved, plots.input_text(values)), "shift_picture")
        show_plot(plots.layer_plot(values, first), f"shift_{first}")
    for kind in others:
        show_plot(plots.layer_plot(values, kind), f"shift_{kind}")
    st.caption(
        "Output: that of the moved picture, without and with a blur before downsampling. "
        "Difference: from the moved output of the picture itself, which is 0 for a layer that "
        "follows the shift. Cosine: between these two outputs, 1 if they agree."
    )
    return export.pictures_of_a_shift(values)


def shift_and_play_controls(values: ShiftSettings, *, film: bool = False) -> None:
    """Draw the widgets of the shift and of the animation; an animation needs only the direction."""
    if film:
        widget(values, "direction")
    else:
        shift_controls(values, values.side - 1)
    widget(values, "play")


def _shift_sentence(values: ShiftSettings) -> str:
    """Sentences about the outputs of the layers for the chosen shift."""
    pixels, stride = values.shift, values.stride
    by = f"{pixels / stride:.3g} output pixels"
    if pixels % stride:
        return (
            f"A shift of {pixels} px is {by}, not a whole number, so each layer now samples **other "
            "pixels** of its map, and its output can change. A blur smooths the map, so that "
            "neighboring pixels differ less."
        )
    if values.padding_mode == "circular":
        return (
            f"A shift of {pixels} px is {by}, a whole number: the layers read the same pixels, "
            "and the output **moves with the picture exactly**."
        )
    return (
        f"A shift of {pixels} px is {by}, a whole number: inside the picture the output moves "
        "with it; at the edges the padding does not."
    )


def _draw_film(values: ShiftSettings) -> None:
    """Draw the animation of the three layers."""
    pairs = {kind: layer_pair(values, kind) for kind in KINDS}
    st.html(shift_film.film_html(pairs, scene(values), values.direction))
    st.caption(
        "The shifts are 0 to 7 px, one after the other. Above: outputs; below: difference from "
        "the shifted output, on one scale for both. Without a blur edges flicker as they pass from one grid of pixels to "
        "the next."
    )


def curve_tab(values: ShiftSettings) -> list[Picture]:
    """Draw the consistency of the layers over all shifts, in closed form too, and their cost."""
    input_scene, direction = scene(values), values.direction
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        widget(values, "direction")
        widget(values, "every", label=f"all {input_scene.side} shifts")
    show_plot(plots.curve_plot(values), "shift_curve")
    rows = [
        _consistency_row(each, input_scene, direction)
        for kind in KINDS
        for each in layer_pair(values, kind)
    ]
    columns = {heading: [row[heading] for row in rows] for heading in rows[0]}
    st.html(column_table("Consistency of the layers", columns))
    _draw_multiples_sentence(rows)
    return [export.picture_of_curve(values)]


def _consistency_row(
    layer: DownsamplingLayer, input_scene: Scene, direction: str
) -> dict[str, Any]:
    """A layer's row in the table of consistencies, by heading of the column."""
    result = compute.consistency(layer, input_scene, direction)
    form = compute.expected_cosines(layer, input_scene, direction)
    error = None if form is None else float(abs(form - result.cosine).max())
    return {
        "layer": layer_title(layer),
        "mean cosine between multiples": _cosine_of_4_decimals(result.mean),
        "worst cosine": _cosine_of_4_decimals(result.worst),
        "largest difference (%)": 100 * float(result.relative.max()),
        "equal at multiples, to the last bit": "yes" if result.exact_at_multiples else "no",
        "closed form": UNKNOWN
        if error is None
        else ("agrees" if error < 1e-3 else f"off by {error:.2g}"),
        "multiply–accumulates": layer.macs(1, (input_scene.side,) * 2),
    }


def _cosine_of_4_decimals(value: float) -> str:
    """A cosine with four decimals; "1" only if it is exactly 1."""
    return "1" if value == 1 else f"{min(value, 0.9999):.4f}".replace("-", "−")


def _draw_multiples_sentence(rows: list[dict[str, Any]]) -> None:
    """Draw whether all layers follow shifts by multiples of the stride exactly."""
    if all(row["equal at multiples, to the last bit"] == "yes" for row in rows):
        text = (
            "For every multiple of the stride all six outputs follow the picture **to the last "
            "bit**. The closed form needs only the map before downsampling: a shift changes the "
            "phases of the frequencies that alias, and the phases repeat with the stride."
        )
    else:
        text = (
            "With this padding the outputs do not even follow multiples of the stride exactly: the "
            "borders differ, and there is no closed form."
        )
    st.markdown(
        f"{text} The difference is the mean absolute one, as a share of the mean absolute output."
    )


def spectra_tab(values: ShiftSettings) -> list[Picture]:
    """Draw the spectra of a layer before and after downsampling, without and with the blur."""
    widget(values, "kind")
    named = plots.named_spectra(values)
    left, right = st.columns([1.65, 1])
    with left:
        show_plot(plots.spectra(values), "shift_spectra")
    with right:
        show_plot(plots.folded(values), "shift_folded")
        shares = [percent(each.aliased) for each in named.values()]
        st.markdown(
            f"Sampling every {ORDINALS[values.stride]} pixel can represent frequencies up to "
            f"1/{2 * values.stride} cycle a pixel. Higher ones do not vanish: they are folded "
            f"back and look like lower frequencies. That is **{shares[0]}** of the energy "
            f"without a blur, **{shares[1]}** with it."
        )
        error = max(each.disagreement for each in named.values())
        st.caption(
            "Closed form: the spectrum before, folded. PyTorch's output "
            + (
                "has the same :material/check:"
                if error < 1e-4
                else f"differs by {error:.2g} of the largest energy."
            )
        )
    return export.pictures_of_spectra(values)


def network_tab(state: PageState[ShiftSettings], pair: tuple[Request, Request]) -> list[Picture]:
    """Draw the consistency of a network without and with a blur before every stride.

    Raises:
        SpecError: For the reasons of `compute.network_shifts`.
    """
    shifts = compute.network_shifts(pair[1])
    compute.network_shifts(pair[0])  # raises if the network without a blur cannot be run
    most = max(max(shift) for shift in shifts)
    values = state.values = replace(state.values, shift=min(state.values.shift, most))
    shift_controls(values, most)
    texts = ("as it is", f"with a blur {BLUR_WORDS[values.blur]} before every stride")

    def draw_comparison(views: Mapping[Hashable, View]) -> None:
        ready = []
        for request, text in zip(pair, texts, strict=True):
            view = views[request]
            name = f"The network {text}"
            progress.status_line(SLOT, request, view, name, "shifts", name=name)
            if view.result is not None:
                ready.append(view.result)
        if len(ready) == 2:
            _draw_network_comparison(ready[0], ready[1], values, pair[0])

    views = progress.request_and_draw(
        SLOT, {request: compute.work(request) for request in pair}, draw_comparison
    )
    plain, blurred = (views[request].result for request in pair)
    if plain is None or blurred is None:
        return []
    return export.pictures_of_network(lambda: (plain, blurred), values, pair[0])


def _draw_network_comparison(
    plain: Consistency, blurred: Consistency, values: ShiftSettings, request: Request
) -> None:
    """Draw the maps of a network for the chosen shift, and its consistency over all shifts."""
    pair = (plain, blurred)
    show_plot(plots.network_plot(pair, values, request), "shift_network")
    show_plot(plots.network_curve_plot(pair, values, request), "shift_network_curve")
    st.markdown(_network_words(plain, blurred, request.wrap))


def _network_words(plain: Consistency, blurred: Consistency, wraps: bool) -> str:
    """Sentences about the consistency of a network without and with a blur."""
    stride = max(plain.stride)
    means = cosine_text(plain.mean), cosine_text(blurred.mean)
    exact_at_multiples = plain.exact_at_multiples and blurred.exact_at_multiples
    steps = f"multiples of {stride.numerator} px"
    exactness = (
        f"At {steps} both follow the picture to the last bit."
        if exact_at_multiples
        else f"Not even {steps} are followed exactly"
        + ("." if wraps else ": padding at the border does not move with the picture.")
    )
    if stride <= 1:
        units = f"{1 / stride} units" if stride < 1 else "one unit"
        exact = plain.shifts[plain.exact & blurred.exact].max(axis=1).tolist()
        followed = ", ".join(str(pixels) for pixels in exact if pixels) or "no shift"
        return (
            f"It makes {units} of each pixel. Followed to the last bit by both, of the shifts that "
            f"were run: {followed}{' px' if any(exact) else ''}. The mean cosine is "
            f"**{cosine_text(float(plain.cosine.mean()))}** as it is and "
            f"**{cosine_text(float(blurred.cosine.mean()))}** with the blur."
        )
    better = "closer" if blurred.mean > plain.mean else "not closer"
    return (
        f"Its strides multiply to {stride} px a unit. {exactness} In between the mean cosine is "
        f"**{means[0]}** as it is and **{means[1]}** with the blur: {better}."
    )
