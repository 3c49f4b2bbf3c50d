"""What several claims are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.layer import LayerSpec
from core.layer.operations import operation_of
from core.layer.padding import pytorch_int
from core.layer.window import IntArray
from viz.lessons.claims.claim import Link

if TYPE_CHECKING:
    from torch import Tensor


def layer(
    kernel: int,
    stride: int,
    padding: int = 0,
    dilation: int = 1,
    operation: str = "convolution",
    **more: Any,
) -> LayerSpec:
    """A layer alike along both axes."""
    return LayerSpec(
        operation,
        (kernel, kernel),
        (stride, stride),
        pytorch_int(padding),
        (dilation, dilation),
        **more,
    )


def torch_reads(spec: LayerSpec, n: int) -> IntArray:
    """(n, n) how many windows read each pixel, as torch has it.

    With weights 1 the gradient of the sum of all outputs counts them.
    """
    import torch

    with torch.enable_grad():
        x = torch.ones(1, 1, n, n, dtype=torch.float64, requires_grad=True)
        weight: Tensor = torch.ones(1, 1, *spec.kernel_size, dtype=torch.float64)
        out = operation_of(spec).run(spec, x, weight, None)
        (grad,) = torch.autograd.grad(out.sum(), x)
    counts: IntArray = grad[0, 0].round().long().numpy()
    return counts


def board_link(spec: LayerSpec, n: int, page: str = "sweep", **more: str) -> Link:
    """The page with this layer on an n×n input."""
    query = {
        "operation": spec.operation,
        "kernel_size": str(spec.kernel_size[0]),
        "stride": str(spec.stride[0]),
        "padding": str(spec.padding[0][0]),
        "dilation": str(spec.dilation[0]),
        "ceil_mode": "true" if spec.ceil_mode else "false",
        "input_height": str(n),
        "input_width": str(n),
    }
    return Link(page, (*query.items(), *more.items()))


def named_condition(agrees: Sequence[bool | None], names: Mapping[str, Sequence[bool]]) -> str:
    """The name of the rule that tells the rows that agree from those that do not; "" if none."""
    judged = [place for place, each in enumerate(agrees) if each is not None]
    for name, rule in names.items():
        if all(bool(agrees[place]) == bool(rule[place]) for place in judged):
            return name
    return ""


def square(n: int) -> str:
    """``6×6``."""
    return f"{n}×{n}"


def plural(count: int, word: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count} {word}" + ("" if count == 1 else "s")
