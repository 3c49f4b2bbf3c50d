"""Effective receptive fields by backpropagation: one unit, many draws, one map.

The gradient is taken on the smallest input that leaves it unchanged (core.erf.crop), of a
batch at once, with a random cotangent over the unit's channels, without gradients of
weights, up to the layer. The caller's module is only read.
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
from .crop import Crop, smallest_crop, whole_image
from .expected import expected_erf
from .metrics import FloatArray
from .recipe import Aggregate, Recipe, Weights
from .result import Convergence, EffectiveReceptiveField, Theory
from .sampler import Sampler, Target
from .tally import Tally, per_draw

Unit = int | Sequence[int]
REDRAWN_CHUNK = 4
"""Number of draws between two progress reports where every draw has new weights."""


@dataclass(frozen=True)
class Progress:
    """A report after every chunk of draws.

    Attributes:
        done, total: number of draws.
        convergence: of the map so far.
        partial: the effective receptive field of the draws so far.
    """

    done: int
    total: int
    convergence: Convergence
    partial: EffectiveReceptiveField


Report = Callable[[Progress], bool | None]


class Stopped(Exception):  # noqa: N818
    """The progress callback returned False, so the remaining draws were not made.

    Attributes:
        partial: the effective receptive field of the draws so far.
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
    """Which input pixels move one unit of a network, and by how much.

    Args:
        module: any nn.Module that does not decide by values. A copy of it runs, in eval
            mode; the module itself is only read.
        input_size: (C, H, W), or (C, L), which is treated as an image of height 1.
        layer: a graph node's or a module's qualified name (its last call); by default the
            last output with a spatial extent that is not global pooling's.
        unit: (row, column) of the layer's map, or i in 1-D; by default the center,
            ``(rows // 2, columns // 2)``.
        draws: gradients averaged, at most `MAX_DRAWS`.
        inputs: ``"noise"``, N(0, 1) pixels for every draw; or an image of ``input_size``,
            or a batch of them, of which draw i takes number i modulo their count.
        weights: ``"as_is"``; ``"he"``, ``"xavier"`` or ``"orthogonal"``, drawn anew for
            every draw; or ``"uniform"``, 1/fan-in. Except for ``"as_is"`` biases are 0
            and normalizations those of a new network (see `copies.draw_weights`).
        aggregate: ``"energy"``, the squared gradient (default), ``"abs"``, ``"relu"`` or
            ``"signed"``; see `Recipe`.
        seed: of noise, weights and cotangents, three streams of their own: other weights
            meet the same noise, and the size of the chunks changes nothing.
        device: see `core.device.pick`.
        progress: called after every chunk; returning False stops, raising raises.
        bf16: compute in bfloat16: about three times as fast where the CPU has instructions
            for it, σ unchanged, the map rougher (total variation 0.09).
        budget: bytes that the run may take.
        crop: run no more of the image than the unit's gradient needs. With the same pixels
            the gradient is the same; noise is drawn for what is run. Or the `Crop` itself, of
            `core.erf.crop.smallest_crop` for this unit, where it is known already.
        graph: of `core.graph.network_graph` for this module and size, where there is one already.

    Raises:
        SpecError: a setting that cannot work; a network that cannot be followed or copied;
            a gradient that is 0 everywhere or not finite; one draw that does not fit into
            the budget, before it starts and with what would fit.
        Stopped: the progress callback returned False.
    """
    size = _one_size(input_size)
    images = _images(inputs, size)
    inputs_text = (
        "noise" if images is None else f"{len(images)} image{'s' if len(images) > 1 else ''}"
    )
    field, at = _target(receptive_fields(module, size, graph=graph), layer, unit)
    new = weights == "as_is" and has_new_statistics(module, _modules(field, at))
    ties = any(field.network.graph[name].operation in MAXIMA for name in field.ancestors(at))
    recipe = Recipe(draws, inputs_text, weights, aggregate, seed, bf16, new, ties)
    image = field.network.graph[field.network.source].grid
    part = smallest_crop(module, size, field, at) if crop is True else crop
    part = part or whole_image(image, at)
    check_pools(module, (size[0], *part.size[1 - len(size) :]))
    target = Target(size, field, at, part, _theory(field, at))
    with torch.inference_mode(False), torch.enable_grad():
        sampler = Sampler(module, target, recipe, pick(device), whole("budget", budget, 1), images)
        return _averaged(sampler, progress)


def _one_size(input_size: object) -> tuple[int, ...]:
    sizes = input_sizes(input_size)
    if len(sizes) > 1:
        rule = (
            "must be one (C, H, W) or (C, L); put a network of several inputs into a module of one"
        )
        raise SpecError("input_size", rule, input_size)
    return sizes[0]


def _images(inputs: str | ArrayLike, size: tuple[int, ...]) -> torch.Tensor | None:
    """(N, C, H, W) or (N, C, L) on the CPU; None for noise."""
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


def _target(
    fields: Mapping[str, ReceptiveField], layer: str | None, unit: Unit | None
) -> tuple[ReceptiveField, tuple[int, int]]:
    """The layer's field and the unit's row and column."""
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


def _modules(field: ReceptiveField, unit: tuple[int, int]) -> set[str]:
    """Qualified names of the modules that a unit depends on."""
    return {field.network.graph[name].module for name in field.ancestors(unit)}


def _averaged(sampler: Sampler, progress: Report | None) -> EffectiveReceptiveField:
    """The mean over all draws, which are made in chunks."""
    recipe, part = sampler.recipe, sampler.target.part
    tally = Tally(part.size)
    while tally.done < recipe.draws:
        many = REDRAWN_CHUNK if recipe.redraws else sampler.batch
        for _ in range(many if sampler.batch == 1 else 1):
            left = recipe.draws - tally.done
            if left:
                tally.add(per_draw(sampler.gradients(min(left, sampler.batch)), recipe.aggregate))
        settled = tally.mark()
        if progress is not None:
            partial = _result(sampler, tally)
            report = Progress(tally.done, recipe.draws, settled, partial)
            if progress(report) is False and tally.done < recipe.draws:
                raise Stopped(partial)
    return _result(sampler, tally)


def _result(sampler: Sampler, tally: Tally) -> EffectiveReceptiveField:
    """The result of the draws so far, its map cut to the clipped receptive field."""
    target, field = sampler.target, sampler.target.field
    mean = tally.mean()
    total = float(np.abs(mean).sum())
    _check(total, sampler.recipe)
    shares, origin = _cut(mean / total, target.part.origin, target.theory.clipped)
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
        tuple(tally.points),
    )


def _check(total: float, recipe: Recipe) -> None:
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


def _cut(
    shares: FloatArray, origin: tuple[int, int], box: Box
) -> tuple[FloatArray, tuple[int, int]]:
    """The map over the clipped receptive field; the whole crop if the map is not 0 outside it."""
    (top, bottom), (left, right) = box
    rows = slice(top - origin[0], bottom + 1 - origin[0])
    cols = slice(left - origin[1], right + 1 - origin[1])
    inside = shares[rows, cols]
    if np.count_nonzero(inside) < np.count_nonzero(shares):
        return shares, origin
    return inside.copy(), (top, left)


def _theory(field: ReceptiveField, unit: tuple[int, int]) -> Theory:
    unclipped, clipped = field.interval(unit)
    assert unclipped is not None  # `_target` has checked that the unit reads the image
    assert clipped is not None
    return Theory(
        field.size,
        field.effective_stride,
        field.effective_padding,
        (sum(unclipped.rows) / 2, sum(unclipped.cols) / 2),
        unclipped,
        clipped,
        field.aligned,
        field.note,
        0.0 if unclipped == clipped else _padding_loss(field, unit),
    )


def _padding_loss(field: ReceptiveField, unit: tuple[int, int]) -> float:
    try:
        return expected_erf(field.network.graph, layer=field.name, unit=unit).padding_loss
    except SpecError:  # more branches or pixels than it follows
        return math.nan
