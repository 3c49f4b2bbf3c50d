"""What is read off a net while it trains."""

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
from .records import SHIFTS, Dead, Flow, Shifted, Snapshot
from .spec import TrainingSpec

CHUNK = 128
"""Test images at once."""


def weighted(net: nn.Module) -> dict[str, nn.Parameter]:
    """The learned weights of convolutions and linear layers, by layer, in the order they run."""
    return {
        name.removesuffix(".weight"): parameter
        for name, parameter in net.named_parameters()
        if parameter.ndim > 1 and parameter.requires_grad
    }


class Watch:
    """One step looked at: enter it for the forward pass, call `before` and `after` the update."""

    def __init__(self, net: nn.Module, layers: dict[str, nn.Parameter]) -> None:
        self.net, self.layers = net, layers
        self._dead: list[Dead] = []
        self._gradients: list[Tensor] = []
        self._old: list[Tensor] = []
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
        def read(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            zero = output.detach() == 0
            silent = zero.all(dim=0).flatten(1).all(dim=1)
            self._dead.append(Dead(name, float(silent.float().mean()), float(zero.float().mean())))

        return read

    def before(self) -> None:
        """The gradients are there, the weights still old."""
        self._gradients = [_norm(each.grad) for each in self.layers.values()]
        self._old = [each.detach().clone() for each in self.layers.values()]

    def after(self) -> None:
        """The weights are new."""
        pairs = zip(self.layers.values(), self._old, strict=True)
        self._updates = [_norm(new.detach() - old) / _norm(old) for new, old in pairs]

    def flow(self) -> tuple[Flow, ...]:
        each = zip(self.layers, self._gradients, self._updates, strict=True)
        return tuple(Flow(name, float(gradient), float(update)) for name, gradient, update in each)

    def dead(self) -> tuple[Dead, ...]:
        return tuple(self._dead)


def _norm(tensor: Tensor | None) -> Tensor:
    assert tensor is not None  # after backward every learned weight has a gradient
    norm: Tensor = torch.linalg.vector_norm(tensor, dtype=torch.float64)
    return norm


@torch.no_grad()
def scores(net: nn.Module, images: Tensor) -> Tensor:
    """(N, classes), in eval mode, which the net is left in."""
    net.eval()
    return torch.cat([net(part) for part in torch.split(images, CHUNK)])


def shifted_accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> Shifted:
    """The test set moved right by each of `SHIFTS`, round the edge."""
    told = [scores(net, images.roll(shift, 3)).argmax(1) for shift in SHIFTS]
    right = tuple(float((each == labels).float().mean()) for each in told)
    same = tuple(float((each == told[0]).float().mean()) for each in told)
    return Shifted(SHIFTS, right, same)


def snapshot(
    net: nn.Sequential, test: tuple[Tensor, Tensor], spec: TrainingSpec, shifted: bool
) -> Snapshot:
    """Accuracy, ERF and kernels as they are."""
    images, labels = test
    out = scores(net, images)
    kernels = next(iter(weighted(net).values())).detach().cpu().contiguous().numpy().copy()
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
    """Of the class scores at the unit (H // 2, W // 2) of the body's last map, over the first test
    images; None where no gradient comes through.

    The scores are those the linear layer gives for that unit alone; a head that averages gives
    their mean over all units.
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
        if error.parameter in ("inputs", "weights"):  # a gradient of 0, or one without end
            return None
        raise
