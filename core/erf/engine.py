"""Measures the effective receptive field of one unit by backpropagation, averaged over draws.

To save time, the network runs on the smallest part of the image with the same gradient
(core.erf.crop), only up to the layer, on several draws in a batch, and without gradients of
weights. The caller's module is not modified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from ..device import MEMORY_BUDGET, pick
from ..errors import SpecError, whole
from ..graph.axes.units import checked_unit, middle_unit
from ..graph.graph import Graph, input_sizes, last_feature_map
from ..graph.pool_check import check_pools
from ..graph.ties import MAXIMA
from ..receptive_field.cone import Box
from ..receptive_field.fields import ReceptiveField, receptive_fields
from .copies import has_new_statistics
from .crop import Crop, smallest_crop, whole_image_crop
from .expected import expected_erf
from .metrics import FloatArray
from .recipe import Aggregate, Recipe, Weights
from .result import Convergence, EffectiveReceptiveField, TheoreticalField
from .sampler import Sampler, Target
from .tally import Tally, maps_of_draws

Unit = int | Sequence[int]
"""(row, column) of a unit, or its index in 1-D."""
REDRAWN_CHUNK = 4
"""Number of draws between two progress reports where every draw has new weights."""


@dataclass(frozen=True)
class Progress:
    """Progress of a measurement after a chunk of draws.

    Attributes:
        done, total: number of draws completed, and of all draws.
        convergence: convergence of the map of the draws completed.
        partial: the effective receptive field of the draws completed.
    """

    done: int
    total: int
    convergence: Convergence
    partial: EffectiveReceptiveField


Report = Callable[[Progress], bool | None]
"""Progress callback; if it returns False, the measurement stops."""


class Stopped(Exception):  # noqa: N818
    """Raised when the progress callback returns False before the last draw.

    Attributes:
        partial: the effective receptive field of the draws completed.
    """

    def __init__(self, partial: EffectiveReceptiveField) -> None:
        done, total = partial.convergence[-1].draws, partial.recipe.draws
        super().__init__(f"stopped after {done} of {total} draws")
        self.partial = partial


def effective_receptive_field(
    module: nn.Module,
    input_size: tuple[int, ...],
    layer: str | None = None,
    unit: Unit | None = None,
    *,
    draws: int = 16,
    inputs: str | ArrayLike = "noise",
    weights: Weights = "as_is",
    aggregate: Aggregate = "energy",
    seed: int = 0,
    device: str | None = None,
    progress: Report | None = None,
    bf16: bool = False,
    budget: int = MEMORY_BUDGET,
    crop: bool | Crop = True,
    graph: Graph | None = None,
) -> EffectiveReceptiveField:
    """Measure how strongly each input pixel influences one unit of a network.

    Args:
        module: a module whose control flow does not depend on values. A copy of it runs in
            eval mode; the module itself is not modified.
        input_size: (C, H, W), or (C, L), which is treated as an image of height 1.
        layer: name of a graph node, or qualified name of a module (its last call); by default
            the last output with a spatial extent, except that of global pooling.
        unit: (row, column) of the layer's map, or an index in 1-D; by default the center,
            ``(rows // 2, columns // 2)``.
        draws: number of gradients that are averaged, at most `MAX_DRAWS`.
        inputs: ``"noise"`` for N(0, 1) pixels, new for every draw; or an image of
            ``input_size``; or a batch of images, which the draws use in turn.
        weights: ``"as_is"``; ``"he"``, ``"xavier"`` or ``"orthogonal"`` for new weights in
            every draw; or ``"uniform"`` for 1/fan-in. Except for ``"as_is"``, biases are 0
            and normalizations those of a new network (see `copies.draw_weights`).
        aggregate: ``"energy"`` (the squared gradient), ``"abs"``, ``"relu"`` or ``"signed"``;
            see `Recipe`.
        seed: seed of noise, weights and cotangents. Each has its own stream of random numbers,
            so that the noise does not depend on the weights, nor the result on the chunk size.
        device: see `core.device.pick`.
        progress: called after every chunk of draws; if it returns False, the run stops.
        bf16: whether to compute in bfloat16, which is about three times as fast on CPUs with
            such instructions; σ is the same, the map rougher (total variation 0.09).
        budget: memory limit of the run in bytes.
        crop: whether to run only the part of the image that the unit's gradient depends on,
            which gives the same gradient for the same pixels (noise is drawn for that part
            only); or that part itself, if `core.erf.crop.smallest_crop` has computed it.
        graph: result of `core.graph.network_graph` for this module and size, if it exists.

    Raises:
        SpecError: an invalid setting; a network that cannot be traced or copied; a gradient
            that is 0 everywhere or not finite; one draw would exceed the budget (raised before
            the run, with what would fit).
        Stopped: the progress callback returned False.
    """
    size = _checked_single_size(input_size)
    images = _checked_images(inputs, size)
    inputs_text = (
        "noise" if images is None else f"{len(images)} image{'s' if len(images) > 1 else ''}"
    )
    field, at = _field_and_unit(receptive_fields(module, size, graph=graph), layer, unit)
    new_statistics = weights == "as_is" and has_new_statistics(module, _modules_of_unit(field, at))
    ties = any(field.network.graph[name].operation in MAXIMA for name in field.ancestors(at))
    recipe = Recipe(draws, inputs_text, weights, aggregate, seed, bf16, new_statistics, ties)
    image = field.network.graph[field.network.source].grid
    if crop is True:
        crop = smallest_crop(module, size, field, at)
    crop = crop or whole_image_crop(image, at)
    check_pools(module, (size[0], *crop.size[1 - len(size) :]))
    target = Target(size, field, at, crop, _theoretical_field(field, at))
    with torch.inference_mode(False), torch.enable_grad():
        sampler = Sampler(module, target, recipe, pick(device), whole("budget", budget, 1), images)
        return _average_draws(sampler, progress)


def _checked_single_size(input_size: object) -> tuple[int, ...]:
    """The input size, checked to be that of a single input."""
    sizes = input_sizes(input_size)
    if len(sizes) > 1:
        rule = (
            "must be one (C, H, W) or (C, L); put a network of several inputs into a module of one"
        )
        raise SpecError("input_size", rule, input_size)
    return sizes[0]


def _checked_images(inputs: str | ArrayLike, size: tuple[int, ...]) -> torch.Tensor | None:
    """The images as (N, C, H, W) or (N, C, L) on the CPU; None for noise."""
    if isinstance(inputs, str):
        if inputs != "noise":
            raise SpecError("inputs", "must be noise, an image or a batch of images", inputs)
        return None
    rule = f"must be an array of shape {size} or (N, {', '.join(map(str, size))})"
    try:
        array = inputs.detach().cpu() if isinstance(inputs, torch.Tensor) else np.array(inputs)
        images = torch.as_tensor(array, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SpecError("inputs", rule, type(inputs).__name__) from error
    images = images[None] if tuple(images.shape) == size else images
    if tuple(images.shape[1:]) != size or not len(images):
        raise SpecError("inputs", rule, tuple(images.shape))
    if not images.isfinite().all():
        raise SpecError("inputs", "must be finite everywhere", "nan or infinity")
    return images


def _field_and_unit(
    fields: Mapping[str, ReceptiveField], layer: str | None, unit: Unit | None
) -> tuple[ReceptiveField, tuple[int, int]]:
    """The receptive field of the layer, and (row, column) of the unit, after checks."""
    graph = next(iter(fields.values())).network.graph
    last = last_feature_map(graph, graph.inputs[0]).name
    name = last if layer is None else graph.find(layer).name
    if name not in fields:
        raise SpecError("layer", "must depend on the input", layer)
    field = fields[name]
    if graph[name].dims == (None, None):
        rule = (
            "must have units in rows and columns, as flattened maps and tokens beside a class "
            f"token have not; the last layer that has them is {last}"
        )
        raise SpecError("layer", rule, name)
    at = checked_unit(field.grid, middle_unit(field.grid) if unit is None else unit, name)
    if field.interval(at).clipped is None:
        raise SpecError("unit", "must be one that reads the image; this one sees nothing", at)
    return field, at


def _modules_of_unit(field: ReceptiveField, unit: tuple[int, int]) -> set[str]:
    """Qualified names of the modules that a unit depends on."""
    return {field.network.graph[name].module for name in field.ancestors(unit)}


def _average_draws(sampler: Sampler, progress: Report | None) -> EffectiveReceptiveField:
    """Run all draws in chunks and average them."""
    recipe = sampler.recipe
    tally = Tally(sampler.target.crop.size)
    while tally.done < recipe.draws:
        count = REDRAWN_CHUNK if recipe.redraws else sampler.batch
        for _ in range(count if sampler.batch == 1 else 1):
            left = recipe.draws - tally.done
            if left:
                tally.add(
                    maps_of_draws(sampler.gradients(min(left, sampler.batch)), recipe.aggregate)
                )
        convergence = tally.record_convergence()
        if progress is not None:
            partial = _result_of_draws(sampler, tally)
            report = Progress(tally.done, recipe.draws, convergence, partial)
            if progress(report) is False and tally.done < recipe.draws:
                raise Stopped(partial)
    return _result_of_draws(sampler, tally)


def _result_of_draws(sampler: Sampler, tally: Tally) -> EffectiveReceptiveField:
    """The result of the draws so far; its map covers the clipped receptive field."""
    target, field = sampler.target, sampler.target.field
    mean = tally.mean()
    total = float(np.abs(mean).sum())
    _check_total(total, sampler.recipe)
    shares, origin = _crop_to_field(mean / total, target.crop.origin, target.theory.clipped)
    shares.setflags(write=False)
    return EffectiveReceptiveField(
        shares,
        origin,
        field.name,
        field.module,
        target.unit,
        field.grid,
        target.input_size,
        target.theory,
        sampler.recipe,
        sampler.run_info(),
        float(mean.sum()),
        tuple(tally.convergence_points),
    )


def _check_total(total: float, recipe: Recipe) -> None:
    """Raise SpecError if the total of the map is 0 or not finite."""
    if total == 0:
        raise SpecError(
            "inputs",
            "must let the unit pass: its gradient is exactly 0 everywhere, as zeros make it "
            "behind a ReLU; take noise or a photograph",
            recipe.inputs,
        )
    if not np.isfinite(total):
        raise SpecError(
            "weights", "must keep the gradient finite; take he or uniform", recipe.weights
        )


def _crop_to_field(
    shares: FloatArray, origin: tuple[int, int], box: Box
) -> tuple[FloatArray, tuple[int, int]]:
    """Cut the map to the clipped receptive field ``box``, unless it is nonzero outside.

    Returns:
        The map and the image coordinates of its first pixel.
    """
    (top, bottom), (left, right) = box
    rows = slice(top - origin[0], bottom + 1 - origin[0])
    cols = slice(left - origin[1], right + 1 - origin[1])
    inside = shares[rows, cols]
    if np.count_nonzero(inside) < np.count_nonzero(shares):
        return shares, origin
    return inside.copy(), (top, left)


def _theoretical_field(field: ReceptiveField, unit: tuple[int, int]) -> TheoreticalField:
    """The theoretical receptive field of a unit."""
    unclipped, clipped = field.interval(unit)
    assert unclipped is not None  # `_field_and_unit` has checked that the unit reads the image
    assert clipped is not None
    return TheoreticalField(
        field.size,
        field.effective_stride,
        field.effective_padding,
        (sum(unclipped.rows) / 2, sum(unclipped.cols) / 2),
        unclipped,
        clipped,
        field.aligned,
        field.note,
        0.0 if unclipped == clipped else _expected_padding_loss(field, unit),
    )


def _expected_padding_loss(field: ReceptiveField, unit: tuple[int, int]) -> float:
    """Expected share of the energy that falls on padding; nan where it cannot be computed."""
    try:
        return expected_erf(field.network.graph, layer=field.name, unit=unit).padding_loss
    except SpecError:  # too many taps or pixels
        return math.nan
