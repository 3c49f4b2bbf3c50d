"""Gradients of one unit, batch by batch, from streams of noise, weights and cotangents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ..errors import SpecError
from ..graph.axes.units import unit_values
from ..graph.run_to import location_of, output_of
from ..graph.tracing.meta_copy import floating_dtype, meta_copy
from ..receptive_field.fields import ReceptiveField
from .copies import draw_weights, mixes_samples, private_copy
from .crop import Crop, whole_image
from .fold import fold_norms
from .memory import batch_size, footprint, refusal
from .recipe import Recipe
from .result import RunInfo, Theory

HEALTHY = 2.0**-60
"""Smallest peak of a gradient that is safe from underflow in float32."""
SCALES = (1.0, 2.0**90, 2.0**-90)
"""Factors tried on the cotangent so that the gradient neither vanishes nor overflows."""


@dataclass(frozen=True)
class Target:
    """One unit of one layer, and the part of the image that is run for it.

    Attributes:
        input_size: (C, H, W) or (C, L) of the image.
        field: of the layer.
        unit: (row, column) in the layer's map.
        part: of the image.
        theory: the unit's theoretical receptive field.
    """

    input_size: tuple[int, ...]
    field: ReceptiveField
    unit: tuple[int, int]
    part: Crop
    theory: Theory

    @property
    def run_size(self) -> tuple[int, ...]:
        """(C, H, W) or (C, L) of the part that is run."""
        return self.input_size[0], *self.part.size[3 - len(self.input_size) :]


class Sampler:
    """Draws a unit's gradients from a copy of a network.

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
        """Raises SpecError where one draw takes more than ``budget`` bytes."""
        self.target, self.recipe, self.device = target, recipe, device
        own = recipe.weights != "as_is"
        graph = target.field.network.graph
        self.node = graph[target.field.name]
        if any(tensor.is_meta for tensor in (*module.parameters(), *module.buffers())):
            raise SpecError("module", "must have weights; it is on the meta device", "meta")
        bare = meta_copy(module)
        own = own or location_of(bare, target.run_size, self.node.name).writes
        copied = private_copy(module, own)
        fold_norms(copied, graph, target.field.ancestors(target.unit))
        bare = meta_copy(copied)
        bare = bare.to(torch.bfloat16) if recipe.bf16 else bare
        self.spot = location_of(bare, target.run_size, self.node.name)
        taken = footprint(bare, target.run_size, self.spot, self.node, own or recipe.bf16)
        self.ran = taken.ran
        self.batch = batch_size(taken, recipe, budget)
        if self.batch < 1:
            raise refusal(taken, target.part.size, budget, target.input_size)
        if mixes_samples(module):
            self.batch = 1
        self.copied = self._placed(copied)
        self.images = images
        self.draws_done = 0
        self.scale: float | None = None
        self.noise, self.weights, self.cotangents = _streams(recipe.seed)
        if recipe.weights == "uniform":
            draw_weights(self.copied, "uniform", self.ran, self.weights)

    def run_info(self) -> RunInfo:
        """How the result is computed."""
        target = self.target
        image = target.field.network.graph[target.field.network.source].grid
        dtype = str(floating_dtype(self.copied)).removeprefix("torch.")
        cropped = target.part != whole_image(image, target.unit)
        return RunInfo(target.part, cropped, self.batch, self.device.type, dtype)

    def _placed(self, copied: nn.Module) -> nn.Module:
        """The copy on the device, in the type and the memory format that are fast there."""
        copied = copied.to(self.device, torch.bfloat16 if self.recipe.bf16 else None)
        if len(self.target.input_size) == 3 and floating_dtype(copied) != torch.float64:
            copied = copied.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return copied

    def gradients(self, many: int) -> torch.Tensor:
        """The gradients of the next draws, (N, C, H, W) or (N, C, L), up to one factor.

        The batch's sum is differentiated once: samples are independent in eval mode.
        """
        if self.recipe.redraws:
            draw_weights(self.copied, self.recipe.weights, self.ran, self.weights)
        image = self._inputs(many)
        image.requires_grad_()
        unit = self._unit(image)
        cotangent = self._cotangents(many, unit)
        for scale in SCALES if self.scale is None else (self.scale,):
            gradient = self._backward(unit, image, cotangent * scale)
            if HEALTHY < float(gradient.abs().max()) < 1 / HEALTHY:
                self.scale = scale
                break
        return gradient

    def _unit(self, image: torch.Tensor) -> torch.Tensor:
        """All channels of the unit, of every sample."""
        inner = image.clone()  # a leaf may not be written to, as an in-place first layer does
        autocast = torch.autocast(self.device.type, enabled=False)
        output, _ = output_of(self.copied, inner, self.spot, autocast)
        return unit_values(output, self.node.layout, self.target.part.unit)

    @staticmethod
    def _backward(unit: torch.Tensor, image: torch.Tensor, cotangent: torch.Tensor) -> torch.Tensor:
        if not unit.requires_grad:
            return torch.zeros_like(image)
        (gradient,) = torch.autograd.grad(
            unit, image, cotangent, retain_graph=True, allow_unused=True
        )
        return torch.zeros_like(image) if gradient is None else gradient

    def _inputs(self, many: int) -> torch.Tensor:
        """The images of the next draws, cropped to the part that is run."""
        chosen = [self._input(self.draws_done + i) for i in range(many)]
        self.draws_done += many
        image = torch.stack(chosen).to(self.device, floating_dtype(self.copied))
        return image.contiguous(memory_format=torch.channels_last) if image.ndim == 4 else image

    def _input(self, draw: int) -> torch.Tensor:
        if self.images is None:
            return torch.randn(self.target.run_size, generator=self.noise)
        (row, col), (rows, cols) = self.target.part.origin, self.target.part.size
        image = self.images[draw % len(self.images)][..., col : col + cols]
        return image if image.ndim == 2 else image[:, row : row + rows]

    def _cotangents(self, many: int, unit: torch.Tensor) -> torch.Tensor:
        """v ~ N(0, I) for every sample, each drawn by itself; or ones."""
        if not self.recipe.random_cotangent:
            return torch.ones_like(unit)
        shape = unit.shape[1:] if self.batch > 1 else unit.shape
        drawn = [torch.randn(shape, generator=self.cotangents) for _ in range(many)]
        return torch.stack(drawn).reshape(unit.shape).to(unit)


def _streams(seed: int) -> list[torch.Generator]:
    """Three generators on the CPU, so that a seed means the same on every device."""
    first = torch.Generator().manual_seed(seed)
    seeds = torch.randint(2**62, (3,), generator=first).tolist()
    return [torch.Generator().manual_seed(s) for s in seeds]
