"""Measurements of a network while it is trained."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..erf import EffectiveReceptiveField, effective_receptive_field
from ..errors import SpecError
from .records import SHIFTS, DeadChannels, LayerFlow, ShiftAccuracy, Snapshot
from .spec import TrainingSpec

TEST_BATCH_SIZE = 128
"""Number of test images per batch."""


def weight_parameters(net: nn.Module) -> dict[str, nn.Parameter]:
    """The trainable weights of convolutions and linear layers by name, in order of execution."""
    return {
        name.removesuffix(".weight"): parameter
        for name, parameter in net.named_parameters()
        if parameter.ndim > 1 and parameter.requires_grad
    }


class StepMeasurement:
    """Measures gradients, updates and dead channels of one training step.

    Use it as a context manager around the forward pass, then call `before_update` and
    `after_update`.
    """

    def __init__(self, net: nn.Module, layers: dict[str, nn.Parameter]) -> None:
        self.net, self.layers = net, layers
        self._dead: list[DeadChannels] = []
        self._gradients: list[Tensor] = []
        self._old_weights: list[Tensor] = []
        self._updates: list[Tensor] = []

    def __enter__(self) -> None:
        rectifiers = [(n, m) for n, m in self.net.named_modules() if isinstance(m, nn.ReLU)]
        self._handles = [module.register_forward_hook(self._hook(n)) for n, module in rectifiers]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, name: str) -> Callable[..., None]:
        """A forward hook that counts the zeros in the output of the ReLU ``name``."""

        def read(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            zero = output.detach() == 0
            silent = zero.all(dim=0).flatten(1).all(dim=1)
            self._dead.append(
                DeadChannels(name, float(silent.float().mean()), float(zero.float().mean()))
            )

        return read

    def before_update(self) -> None:
        """Record the gradients and the weights before the update."""
        self._gradients = [_norm(each.grad) for each in self.layers.values()]
        self._old_weights = [each.detach().clone() for each in self.layers.values()]

    def after_update(self) -> None:
        """Record the change of the weights after the update."""
        pairs = zip(self.layers.values(), self._old_weights, strict=True)
        self._updates = [_norm(new.detach() - old) / _norm(old) for new, old in pairs]

    def flow(self) -> tuple[LayerFlow, ...]:
        """Gradient and update of each layer's weights."""
        each = zip(self.layers, self._gradients, self._updates, strict=True)
        return tuple(
            LayerFlow(name, float(gradient), float(update)) for name, gradient, update in each
        )

    def dead(self) -> tuple[DeadChannels, ...]:
        """The zeros of each ReLU."""
        return tuple(self._dead)


def _norm(tensor: Tensor | None) -> Tensor:
    assert tensor is not None  # after the backward pass every trainable weight has a gradient
    norm: Tensor = torch.linalg.vector_norm(tensor, dtype=torch.float64)
    return norm


@torch.no_grad()
def class_scores(net: nn.Module, images: Tensor) -> Tensor:
    """(N, classes) class scores of images; switches the network to eval mode."""
    net.eval()
    return torch.cat([net(part) for part in torch.split(images, TEST_BATCH_SIZE)])


def shifted_accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> ShiftAccuracy:
    """Accuracy on test images shifted circularly to the right by each of `SHIFTS`."""
    predictions = [class_scores(net, images.roll(shift, 3)).argmax(1) for shift in SHIFTS]
    right = tuple(float((each == labels).float().mean()) for each in predictions)
    same = tuple(float((each == predictions[0]).float().mean()) for each in predictions)
    return ShiftAccuracy(SHIFTS, right, same)


def snapshot(
    net: nn.Sequential, test: tuple[Tensor, Tensor], spec: TrainingSpec, shifted: bool
) -> Snapshot:
    """Measure the network in its current state.

    Args:
        net: a network of `core.training.nets.model`.
        test: images and labels of the test set.
        spec: the run's spec.
        shifted: whether to measure the accuracy on shifted images.
    """
    images, labels = test
    out = class_scores(net, images)
    kernels = next(iter(weight_parameters(net).values())).detach().cpu().contiguous().numpy().copy()
    kernels.flags.writeable = False
    return Snapshot(
        float(F.cross_entropy(out, labels)),
        float((out.argmax(1) == labels).float().mean()),
        center_erf(net, images, spec),
        np.asarray(kernels, dtype=np.float32),
        shifted_accuracy(net, images, labels) if shifted else None,
    )


def center_erf(
    net: nn.Module, images: Tensor, spec: TrainingSpec
) -> EffectiveReceptiveField | None:
    """The ERF of the class scores at the center unit of the last map before the head.

    It is averaged over the first test images. The scores are the linear layer applied to the unit
    (H // 2, W // 2) alone; the scores of an averaging head are their mean over all units. None if
    the gradient is 0 or not finite.
    """
    linear = net.get_submodule("linear")
    weight = linear.get_parameter("weight")
    last = nn.Conv2d(weight.shape[1], weight.shape[0], 1, device="meta")
    last.weight = nn.Parameter(weight.detach()[:, :, None, None])
    last.bias = nn.Parameter(linear.get_parameter("bias").detach())
    parts = OrderedDict(body=net.get_submodule("body"), scores=last)
    try:
        return effective_receptive_field(
            nn.Sequential(parts),
            spec.task.shape,
            "scores",
            draws=spec.erf_draws,
            inputs=images[: spec.erf_draws].cpu(),
            device=images.device.type,
        )
    except SpecError as error:
        if error.parameter in ("inputs", "weights"):  # the gradient is 0 or not finite
            return None
        raise
