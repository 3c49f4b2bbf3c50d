"""The pictures of the shift page that can be saved for slides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from core.data import PICTURES
from core.shift.layer import KINDS
from viz.choices import network, network_analysis
from viz.features.shift import compute, params, plots
from viz.features.shift.compute import FRAMES
from viz.features.shift.params import LABELS, TABS, Request, ShiftSettings, shift_vector
from viz.server.queue import run_now
from viz.slides.style import Picture, film_picture, plot_picture, refuse_unfit

if TYPE_CHECKING:
    from core.shift.consistency import Consistency


def pictures(values: ShiftSettings) -> list[Picture]:
    """All pictures of a link to the page; each computes what it needs when it is drawn.

    Raises:
        SpecError: The link's shift is too large, or its network cannot be built or compared.
    """
    valid = params.with_limited_shift(values)
    if valid.shift != values.shift:
        refuse_unfit([f"shift must be at most {valid['shift']}, inside the picture"])
    if valid.tab == TABS["network"]:
        offered = _pictures_of_link(valid)
        return [replace(picture, settings=settings_text(valid)) for picture in offered]
    offered = pictures_of_layers(valid)
    first = {TABS["curve"]: "curve", TABS["spectra"]: "spectra"}
    kind = valid.kind
    name = first.get(valid.tab, f"film_{kind}" if valid.play else kind)
    offered.sort(key=lambda picture: picture.name != name)
    return [replace(picture, settings=settings_text(valid)) for picture in offered]


def pictures_of_layers(values: ShiftSettings) -> list[Picture]:
    """The pictures that need no network."""
    return [*pictures_of_a_shift(values), picture_of_curve(values), *pictures_of_spectra(values)]


def settings_text(values: ShiftSettings) -> str:
    """The settings of the page in words, for a caption."""
    blur = plots.blur_text(values)
    if values.tab == TABS["network"]:
        chosen = network.network(values)
        picture = PICTURES[values.picture].label
        size = "×".join(map(str, chosen.input_size))
        return f"{chosen.title} on {size}, {picture}, moved {values.direction}; {blur}"
    return (
        f"{plots.input_text(values)}, moved {plots.shift_text(shift_vector(values))}; kernel {values.kernel_size}, "
        f"stride {values.stride}, {blur}, "
        f"padding {values.padding_mode}"
    )


def pictures_of_a_shift(values: ShiftSettings) -> list[Picture]:
    """A still and a film for each of the three layers; the films come first if they play on the page."""
    stills = [
        plot_picture(
            kind,
            f"{LABELS[kind]}, one shift",
            partial(plots.layer_plot, values, kind, with_pictures=True),
        )
        for kind in KINDS
    ]
    films = [
        film_picture(
            f"film_{kind}",
            f"{LABELS[kind]}, the picture slides",
            partial(plots.film_plots, values, kind),
            FRAMES,
            strip=partial(plots.film_strip, values, kind),
            still=min(values.shift, FRAMES - 1),
        )
        for kind in KINDS
    ]
    return [*films, *stills] if values.play else [*stills, *films]


def picture_of_curve(values: ShiftSettings) -> Picture:
    """The consistency of the three layers over all shifts."""
    return plot_picture("curve", "All shifts", partial(plots.curve_plot, values))


def pictures_of_spectra(values: ShiftSettings) -> list[Picture]:
    """The spectra of the chosen layer before and after downsampling, and the energy that aliases."""
    return [
        plot_picture("spectra", "Spectra", partial(plots.spectra, values)),
        plot_picture("folded", "What is folded", partial(plots.folded, values)),
    ]


def pictures_of_network(
    measure: Callable[[], plots.Pair], values: ShiftSettings, request: Request
) -> list[Picture]:
    """The pictures of a network's consistency without and with a blur before every stride.

    Args:
        measure: Returns the consistencies; called when a file is drawn.
        values: Settings of the page.
        request: The network without a blur.
    """
    return [
        plot_picture(
            "network",
            "The network's maps",
            lambda: plots.network_plot(measure(), values, request),
        ),
        plot_picture(
            "network_curve",
            "The network, all shifts",
            lambda: plots.network_curve_plot(measure(), values, request),
        ),
    ]


def _pictures_of_link(values: ShiftSettings) -> list[Picture]:
    """The pictures of a link's network, which is computed when one of them is drawn."""
    valid = network.with_suitable_input(values)
    analysis = network_analysis.analysis(network.network(valid))
    refuse_unfit(compute.fit_layer(analysis, valid)[1])
    requests = compute.requests_of(analysis, valid)
    most = max(max(shift) for each in requests for shift in compute.network_shifts(each))
    refuse_unfit([f"shift must be at most {most}"] if valid.shift > most else [])
    plain, blurred = requests
    maps, curve = pictures_of_network(
        lambda: (_measure_consistency(plain), _measure_consistency(blurred)), valid, plain
    )
    return [curve, maps]


@lru_cache(maxsize=4)
def _measure_consistency(request: Request) -> Consistency:
    """The consistency of a network, computed in this process."""
    result: Consistency = run_now(compute.work(request))
    return result
