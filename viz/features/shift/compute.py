"""Computations of the shift page: single layers at once, networks through the queue."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core import data
from core.errors import SpecError
from viz.choices import network_analysis
from viz.choices.network import Network
from viz.choices.network_analysis import Analysis, trained_weights
from viz.features.shift import params
from viz.features.shift.params import DIRECTIONS, Request, Scene, ShiftSettings
from viz.server.cache import computed_once
from viz.server.processes import queued
from viz.server.queue import Report, Work
from viz.server.settings import settings
from viz.server.torch_start import warm
from viz.theme import GREY, SIGNED

if TYPE_CHECKING:
    from torch import nn

    from core.graph import Graph
    from core.shift.consistency import Consistency, Shift, ShiftComparison
    from core.shift.layer import DownsamplingLayer
    from core.shift.spectrum import Spectrum
    from core.training.records import State

Image = NDArray[np.float32]
MOST_SHIFTS = 64
"""Most shifts that are computed for a network; longer ranges are sampled every few pixels."""
FRAMES = 8
"""Number of frames of the animation, which shifts the picture by one pixel a frame."""
SHADES = 64
"""Number of colors in a frame of the animation."""


@computed_once(64)
def picture(scene: Scene) -> Image:
    """The picture of a scene: (1, side, side), read-only, with mean 0 and standard deviation 1."""
    warm()
    from core.shift.consistency import standardized

    values = standardized(data.picture(scene.picture, (scene.side,) * 2, 1, scene.seed))
    values.flags.writeable = False
    return values


def rolled(image: Image, shift: tuple[int, int]) -> Image:
    """A picture (H, W) shifted by (down, right) pixels; what leaves at an edge enters opposite."""
    return np.roll(image, shift, (0, 1))


@computed_once(256)
def comparison(layer: DownsamplingLayer, scene: Scene, shift: Shift) -> ShiftComparison:
    """The layer's output for the shifted picture, and its shifted output for the picture itself.

    Raises:
        SpecError: The picture is too small for the layer's padding.
    """
    image = picture(scene)
    from core.shift.consistency import compare

    return compare(layer, image, shift)


@computed_once(128, outside=True)
def consistency(layer: DownsamplingLayer, scene: Scene, direction: str) -> Consistency:
    """How well the layer's output follows each shift of the picture in a direction.

    Raises:
        SpecError: The picture is too small for the layer's padding.
    """
    image = picture(scene)
    from core.shift.consistency import layer_consistency

    return layer_consistency(layer, image, _shifts(direction, scene.side))


@computed_once(128, outside=True)
def expected_cosines(
    layer: DownsamplingLayer, scene: Scene, direction: str
) -> NDArray[np.float64] | None:
    """The cosine for each shift in closed form; None if the padding is not circular."""
    image = picture(scene)
    from core.shift.spectrum import expected_cosine

    if layer.padding_mode != "circular":
        return None
    return expected_cosine(layer, image, _shifts(direction, scene.side))


def _shifts(direction: str, count: int, step: int = 1) -> list[Shift]:
    """The shifts (down, right) by 0, ``step``, … below ``count`` pixels in a direction."""
    down, right = DIRECTIONS[direction]
    return [(down * d, right * d) for d in range(0, count, step)]


@computed_once(128, outside=True)
def spectrum(layer: DownsamplingLayer, scene: Scene) -> Spectrum:
    """The spectra of the layer's map before and after downsampling."""
    image = picture(scene)
    from core.shift.spectrum import spectrum as layer_spectrum

    return layer_spectrum(layer, image)


@computed_once(32)
def film_data_url(layer: DownsamplingLayer | None, scene: Scene, direction: str, what: str) -> str:
    """All `FRAMES` frames of an animation in one PNG, one below the other, as a data URL.

    Args:
        layer: Layer whose output is drawn; None to draw the picture itself.
        scene: The picture.
        direction: Direction of the shift, a key of `DIRECTIONS`.
        what: Attribute of `ShiftComparison` that is drawn, ``"output"`` or ``"difference"``.
    """
    shifts = _shifts(direction, FRAMES)
    if layer is None:
        frames = [rolled(picture(scene)[0], shift) for shift in shifts]
    else:
        frames = [getattr(comparison(layer, scene, shift), what)[0] for shift in shifts]
    signed = what == "difference" or (layer is not None and params.is_signed(layer))
    return _png_data_url(np.concatenate(frames), _film_range(layer, scene, what), signed)


def _film_range(layer: DownsamplingLayer | None, scene: Scene, what: str) -> tuple[float, float]:
    """Values at the ends of an animation's color scale: those of the layer without a blur."""
    if layer is None:
        return float(picture(scene).min()), float(picture(scene).max())
    plain = layer.with_blur(1)
    if what == "difference":
        shifts = [(1, 0), (0, 1), (1, 1)]
        differences = [comparison(plain, scene, shift).difference for shift in shifts]
        largest = max(float(np.abs(each).max()) for each in differences)
    else:
        still = comparison(plain, scene, (0, 0)).output
        if not params.is_signed(layer):
            return float(still.min()), float(still.max())
        largest = float(np.abs(still).max())
    return -largest, largest


def _png_data_url(values: NDArray[Any], span: tuple[float, float], signed: bool) -> str:
    """Values as a PNG data URL with 64 colors: from blue through white to red if signed, else grey."""
    from PIL import Image as Pillow

    low, high = span
    share = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    shades = Pillow.fromarray(np.rint(share * (SHADES - 1)).astype(np.uint8), "P")
    stops = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (SIGNED if signed else GREY)]
    at = np.linspace(0, len(stops) - 1, SHADES)
    colors = [np.interp(at, range(len(stops)), channel) for channel in zip(*stops, strict=True)]
    shades.putpalette(np.rint(np.stack(colors, axis=1)).astype(np.uint8).tobytes())
    file = BytesIO()
    shades.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


def module(request: Request, device: str = "cpu", weights: State | None = None) -> nn.Module:
    """The network of a request, with its blur and its padding.

    Args:
        request: The request.
        device: Device of the module; on "meta" it has no weights.
        weights: Trained weights; None for random ones of the request's seed.

    Raises:
        SpecError: The network cannot be built, or a blur is wanted and no layer downsamples.
    """
    warm()
    net = network_analysis.module(request.network, device, weights, request.draw_seed)
    return _with_blur_and_padding(net, request.taps, request.wrap)


def _with_blur_and_padding(net: nn.Module, taps: int, wrap: bool) -> nn.Module:
    """The network with a blur of so many taps before each stride, and with circular padding."""
    from core.shift.network import anti_aliased, with_circular_padding

    if taps > 1:
        net = anti_aliased(net, taps)
    return with_circular_padding(net) if wrap else net


@computed_once(64, outside=True)
def _modified_graph(network: Network, taps: int, wrap: bool) -> Graph:
    """The graph of the network with the changes of `_with_blur_and_padding`."""
    if taps == 1 and not wrap:
        return network_analysis.analysis(network).graph
    warm()
    from core.graph import network_graph

    net = _with_blur_and_padding(network_analysis.meta_module(network), taps, wrap)
    return network_graph(net, network.input_size)


def comparable_layers(analysis: Analysis) -> dict[str, str]:
    """Label on the page by qualified name of the modules whose output can be compared.

    Those are modules whose feature map has several units, and whose height and width divide those
    of the image or are multiples of them.
    """
    from core.shift.consistency import stride_of

    size = analysis.network.input_size[1:]
    return {
        line.node.module: line.label
        for line in analysis.lines
        if line.node.module
        and line.node.dims == (2, 3)
        and max(line.node.grid) > 1
        and analysis.graph.find(line.node.module).name == line.node.name
        and stride_of(size, line.node.grid)
    }


def _network_picture(request: Request) -> Image:
    """The picture in the shape of the network's input."""
    channels, height, width = request.network.input_size
    return data.picture(request.picture, (height, width), channels, request.seed)


def last_comparable_layer(analysis: Analysis) -> str:
    """Qualified name of the last of `comparable_layers`, which is compared if none is chosen.

    Raises:
        SpecError: There is no such layer.
    """
    names = list(comparable_layers(analysis))
    if not names:
        rule = (
            "must be a multiple of the layer's stride, and for no layer of this network it is one; "
            "give the layers padding, or choose a power of two"
        )
        raise SpecError("input_size", rule, "×".join(map(str, analysis.network.input_size)))
    return names[-1]


def fit_layer(analysis: Analysis, values: ShiftSettings) -> tuple[ShiftSettings, list[str]]:
    """Settings whose layer the network has, and a clause if the chosen one was replaced by ""."""
    layer = values.layer
    if not layer or layer in comparable_layers(analysis):
        return values, []
    return replace(values, layer=""), [f"no map of `{layer[:80]}` fits this image"]


def requests_of(analysis: Analysis, values: ShiftSettings) -> tuple[Request, Request]:
    """The requests for the network without and with a blur; ``values`` come from `fit_layer`.

    Raises:
        SpecError: The network has no layer whose output can be compared.
    """
    return params.requests(values, values.layer or last_comparable_layer(analysis))


def network_shifts(request: Request) -> tuple[Shift, ...]:
    """The shifts for a network: up to twice the largest stride of any map up to the layer.

    Raises:
        SpecError: The layer's map does not fit the image, the weights are not trained on this
            server, or the computation would take too long.
    """
    trained_weights(request.network)
    return _network_shifts(request)


@computed_once(64)
def _network_shifts(request: Request) -> tuple[Shift, ...]:
    """As `network_shifts`, without the check of trained weights, which only the web process has."""
    warm()
    from core.cost import layer_costs
    from core.shift.network import coarsest_stride, compared_node, total_stride

    size = request.network.input_size
    _network_picture(request)
    net = module(request, "meta")
    graph = _modified_graph(request.network, request.taps, request.wrap)
    node = compared_node(graph, size[1:], request.layer)
    total_stride(graph, node, size[1:])
    longest = coarsest_stride(graph, node, size[1:])
    count = min(max(2, int(2 * longest)), *size[1:])
    shifts = _shifts(request.direction, count, -(-count // MOST_SHIFTS))
    macs = sum(cost.macs for cost in layer_costs(net, size)) * len(shifts)
    if macs > settings().macs:
        rule = f"must be smaller: {len(shifts)} shifts take {macs:.2g} multiply–accumulates"
        raise SpecError("input_size", rule, "×".join(map(str, size)))
    return tuple(shifts)


def network_comparison(measured: Consistency, index: int) -> ShiftComparison:
    """The comparison for one of a network's shifts, of the channel whose maps the result holds."""
    from core.shift.consistency import ShiftComparison, output_shift, shifted

    assert measured.maps is not None
    still, shift = np.flatnonzero(~measured.shifts.any(axis=1))[0], measured.shifts[index].tolist()
    expected = shifted(measured.maps[still], output_shift(shift, measured.stride))[None]
    return ShiftComparison(measured.maps[index][None], expected, float(measured.cosine[index]))


def work(request: Request) -> Work:
    """Queue work that computes the consistency of a network."""

    def run(report: Report) -> Consistency:
        graph = _modified_graph(request.network, request.taps, request.wrap)
        computation = _work(request, trained_weights(request.network), graph)
        result: Consistency = computation(report)
        return result

    return run


@queued
def _work(request: Request, weights: State | None, graph: Graph | None = None) -> Work:
    """As `work`, with trained weights and graph as arguments, for a worker process."""

    def run(report: Report) -> Consistency:
        from core.shift.consistency import standardized
        from core.shift.network import network_consistency

        image = standardized(_network_picture(request))
        return network_consistency(
            module(request, weights=weights),
            image,
            _network_shifts(request),
            request.layer,
            lambda done, total: report(done, total, None),
            graph,
        )

    return run
