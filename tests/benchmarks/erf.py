"""The engine of effective receptive fields against the plain recipe, per draw, in one run.

The plain recipe: the whole image, one image at a time, a one-hot cotangent over a unit's
map, gradients of all weights. The engine's time is that of a whole call, everything that
happens before the first draw included, divided by its draws.

python -m tests.benchmarks.erf [--repeats 5] [--draws 64] [--device cpu] [--bf16]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from core.device import pick
from core.erf import effective_receptive_field
from core.networks import zoo
from tests.benchmarks.harness import interleaved, table

SIZE = (3, 224, 224)
MATRIX = 4096
GOALS = {"ten 3×3 of 32": 50.0, "ResNet-50": 2.0}


def ten_convolutions() -> nn.Sequential:
    """Ten 3×3 convolutions of 32 channels."""
    return nn.Sequential(*(nn.Conv2d(32 if i else 3, 32, 3, padding=1) for i in range(10)))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str | None]] = {
    "ten 3×3 of 32": (ten_convolutions, "9"),
    "ResNet-50": (lambda: zoo.build("resnet50"), "layer4"),
}


def clock(device: torch.device) -> float:
    """The time, once the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()


def plain(module: nn.Module, layer: str, device: torch.device) -> float:
    """Seconds of one draw of the plain recipe."""
    outputs: list[torch.Tensor] = []
    handle = module.get_submodule(layer).register_forward_hook(lambda *a: outputs.append(a[2]))
    start = clock(device)
    image = torch.randn(1, *SIZE, device=device, requires_grad=True)
    module(image)
    cotangent = torch.zeros_like(outputs[-1])
    cotangent[..., cotangent.shape[-2] // 2, cotangent.shape[-1] // 2] = 1
    outputs[-1].backward(cotangent)
    seconds = clock(device) - start
    handle.remove()
    module.zero_grad()
    return seconds


def engine(module: nn.Module, layer: str | None, options: argparse.Namespace) -> float:
    """Seconds of one draw of the engine: a call's, shared out."""
    device = pick(options.device)
    start = clock(device)
    effective_receptive_field(
        module, SIZE, layer, draws=options.draws, device=options.device, bf16=options.bf16
    )
    return (clock(device) - start) / options.draws


def operations(module: nn.Module, layer: str | None) -> float:
    """Floating-point operations of one draw, forwards and backwards: two calls' difference."""
    counts = []
    for draws in (1, 2):
        with FlopCounterMode(display=False) as counter:
            effective_receptive_field(module, SIZE, layer, draws=draws, device="cpu")
        counts.append(counter.get_total_flops())
    return float(counts[1] - counts[0])


def matrix_product(device: torch.device, bf16: bool) -> float:
    """Seconds of one product of two square matrices, median of a few."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    one, other = (torch.randn(MATRIX, MATRIX, device=device, dtype=dtype) for _ in range(2))
    times = []
    for _ in range(3):
        start = clock(device)
        one @ other
        times.append(clock(device) - start)
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--draws", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    device = pick(options.device)
    modules = {name: make().eval().to(device) for name, (make, _) in NETWORKS.items()}

    def by_engine() -> dict[str, float]:
        times = {name: engine(modules[name], NETWORKS[name][1], options) for name in NETWORKS}
        return times | {"matrix product": matrix_product(device, options.bf16)}

    def by_plain() -> dict[str, float]:
        return {
            name: plain(modules[name], NETWORKS[name][1] or "", device) for name in NETWORKS
        } | {"matrix product": matrix_product(device, options.bf16)}

    measures = {"engine": by_engine, "plain": by_plain}
    interleaved(1, measures)  # warms both up; not counted
    results = interleaved(options.repeats, measures)
    print(table(results, "engine", "plain"))
    product = min(results["engine"]["matrix product"] + results["plain"]["matrix product"])
    rate = 2 * MATRIX**3 / product
    print(f"fastest runs, disturbed least; matrix product: {rate / 1e9:.0f} GFLOP/s")
    for name in NETWORKS:
        mine, theirs = (min(results[way][name]) for way in ("engine", "plain"))
        share = operations(modules[name], NETWORKS[name][1]) / mine / rate
        print(
            f"{name}: {theirs / mine:.1f} times as fast (goal {GOALS[name]:g}), {share:.0%} of it"
        )


if __name__ == "__main__":
    main()
