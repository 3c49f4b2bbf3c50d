"""Gradients of one unit in batches, from random inputs, weights and cotangents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ..errors import SpecError
from ..graph.axes.units import unit_values
from ..graph.run_to import output_location, output_of
from ..graph.tracing.meta_copy import floating_dtype, meta_copy
from ..receptive_field.fields import ReceptiveField
from .copies import draw_weights, mixes_samples, private_copy
from .crop import Crop, whole_image_crop
from .memory import batch_size, budget_error, footprint
from .norm_folding import fold_batch_norms
from .recipe import Recipe
from .result import RunInfo, TheoreticalField

SAFE_PEAK = 2.0**-60
"""Smallest peak of a gradient that is safe from underflow in float32."""
SCALES = (1.0, 2.0**90, 2.0**-90)
"""Factors of the cotangent that are tried until the gradient neither underflows nor overflows."""


@dataclass(frozen=True)
class Target:
    """The unit that is measured, and the part of the image that is run for it.

    Attributes:
        input_size: (C, H, W) or (C, L) of the image.
        field: receptive field of the layer.
        unit: (row, column) of the unit in the layer's map.
        crop: the part of the image that is run.
        theory: the unit's theoretical receptive field.
    """

    input_size: tuple[int, ...]
    field: ReceptiveField
    unit: tuple[int, int]
    crop: Crop
    theory: TheoreticalField

    @property
    def cropped_input_size(self) -> tuple[int, ...]:
        """(C, H, W) or (C, L) of the part of the image that is run."""
        return self.input_size[0], *self.crop.size[3 - len(self.input_size) :]


class Sampler:
    """Computes the gradients of one unit with a private copy of the network.

    Attributes:
        target, recipe: the unit and the settings.
        batch: number of draws per batch.
    """

    def __init__(
        self,
        module: nn.Module,
        target: Target,
        recipe: Recipe,
        device: torch.device,
        budget: int,
        images: torch.Tensor | None,
    ) -> None:
        """Copy the network; raises SpecError if one draw takes more than ``budget`` bytes.

        Args:
            module: the network.
            target, recipe: the unit and the settings.
            device: device to compute on.
            budget: memory limit in bytes.
            images: (N, C, H, W) or (N, C, L) images; None for noise.
        """
        self.target, self.recipe, self.device = target, recipe, device
        own_weights = recipe.weights != "as_is"
        graph = target.field.network.graph
        self.node = graph[target.field.name]
        if any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())):
            raise SpecError("module", "must have weights; it is on the meta device", "meta")
        meta_module = meta_copy(module)
        own_weights = (
            own_weights
            or output_location(meta_module, target.cropped_input_size, self.node.name).writes
        )
        copied = private_copy(module, own_weights)
        fold_batch_norms(copied, graph, target.field.ancestors(target.unit))
        meta_module = meta_copy(copied)
        meta_module = meta_module.to(torch.bfloat16) if recipe.bf16 else meta_module
        self.location = output_location(meta_module, target.cropped_input_size, self.node.name)
        memory_use = footprint(
            meta_module,
            target.cropped_input_size,
            self.location,
            self.node,
            own_weights or recipe.bf16,
        )
        self.modules = memory_use.modules
        self.batch = batch_size(memory_use, recipe, budget)
        if self.batch < 1:
            raise budget_error(memory_use, target.crop.size, budget, target.input_size)
        if mixes_samples(module):
            self.batch = 1
        self.copied = self._on_device(copied)
        self.images = images
        self.draws_done = 0
        self.scale: float | None = None
        self.noise, self.weights, self.cotangents = _random_generators(recipe.seed)
        if recipe.weights == "uniform":
            draw_weights(self.copied, "uniform", self.modules, self.weights)

    def run_info(self) -> RunInfo:
        """How the results are computed."""
        target = self.target
        image = target.field.network.graph[target.field.network.source].grid
        dtype = str(floating_dtype(self.copied)).removeprefix("torch.")
        cropped = target.crop != whole_image_crop(image, target.unit)
        return RunInfo(target.crop, cropped, self.batch, self.device.type, dtype)

    def _on_device(self, copied: nn.Module) -> nn.Module:
        """Move the copy to the device, in the data type of the recipe and a fast memory format."""
        copied = copied.to(self.device, torch.bfloat16 if self.recipe.bf16 else None)
        if len(self.target.input_size) == 3 and floating_dtype(copied) != torch.float64:
            copied = copied.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return copied

    def gradients(self, count: int) -> torch.Tensor:
        """The gradients of the next draws, (N, C, H, W) or (N, C, L), up to one constant factor.

        The sum over the batch is differentiated once, as samples are independent in eval mode.

        Args:
            count: number of draws N.
        """
        if self.recipe.redraws:
            draw_weights(self.copied, self.recipe.weights, self.modules, self.weights)
        image = self._next_inputs(count)
        image.requires_grad_()
        unit = self._unit_channels(image)
        cotangent = self._cotangents(count, unit)
        for scale in SCALES if self.scale is None else (self.scale,):
            gradient = self._input_gradient(unit, image, cotangent * scale)
            if SAFE_PEAK < float(gradient.abs().max()) < 1 / SAFE_PEAK:
                self.scale = scale
                break
        return gradient

    def _unit_channels(self, image: torch.Tensor) -> torch.Tensor:
        """The unit's channels for every sample."""
        inner = image.clone()  # an in-place first layer must not write to a leaf
        autocast = torch.autocast(self.device.type, enabled=False)
        output, _ = output_of(self.copied, inner, self.location, autocast)
        return unit_values(output, self.node.layout, self.target.crop.unit)

    @staticmethod
    def _input_gradient(
        unit: torch.Tensor, image: torch.Tensor, cotangent: torch.Tensor
    ) -> torch.Tensor:
        """The gradient at the image; zeros if the unit does not depend on it."""
        if not unit.requires_grad:
            return torch.zeros_like(image)
        (gradient,) = torch.autograd.grad(
            unit, image, cotangent, retain_graph=True, allow_unused=True
        )
        return torch.zeros_like(image) if gradient is None else gradient

    def _next_inputs(self, count: int) -> torch.Tensor:
        """The inputs of the next draws, cropped to the part that is run."""
        chosen = [self._input_of_draw(self.draws_done + i) for i in range(count)]
        self.draws_done += count
        image = torch.stack(chosen).to(self.device, floating_dtype(self.copied))
        return image.contiguous(memory_format=torch.channels_last) if image.ndim == 4 else image

    def _input_of_draw(self, draw: int) -> torch.Tensor:
        """The input of one draw: noise, or the crop of an image."""
        if self.images is None:
            return torch.randn(self.target.cropped_input_size, generator=self.noise)
        (row, col), (rows, cols) = self.target.crop.origin, self.target.crop.size
        image = self.images[draw % len(self.images)][..., col : col + cols]
        return image if image.ndim == 2 else image[:, row : row + rows]

    def _cotangents(self, count: int, unit: torch.Tensor) -> torch.Tensor:
        """The unit's upstream gradients: N(0, 1) drawn separately for every sample, or ones."""
        if not self.recipe.random_cotangent:
            return torch.ones_like(unit)
        shape = unit.shape[1:] if self.batch > 1 else unit.shape
        drawn = [torch.randn(shape, generator=self.cotangents) for _ in range(count)]
        return torch.stack(drawn).reshape(unit.shape).to(unit)


def _random_generators(seed: int) -> list[torch.Generator]:
    """Generators for noise, weights and cotangents, on the CPU, so that devices do not matter."""
    first = torch.Generator().manual_seed(seed)
    seeds = torch.randint(2**62, (3,), generator=first).tolist()
    return [torch.Generator().manual_seed(s) for s in seeds]
