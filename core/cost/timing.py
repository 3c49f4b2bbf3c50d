"""Measured times of the forward and the backward pass on this machine.

The modules under comparison take turns, one repeat each, so that other work of the machine slows
all of them alike. The first turns warm up and are discarded. A time is reported as the median,
its spread as the quartiles.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from ..device import MEMORY_BUDGET, threads
from ..errors import SpecError, whole
from ..graph.pool_check import check_pools
from .layers import FLOAT32_BYTES, layer_costs, totals
from .saved_tensors import saved_bytes, saved_for_backward

WARM_UP = 1
"""Number of first turns that are not counted."""
MAX_REPEATS = 200
MAX_MACS = 2 * 10**11
"""Most multiply–accumulates of one turn: the forward and backward passes of all modules."""
MAX_SECONDS = 20.0
"""Seconds after which no further turn begins, once there are `LEAST` turns."""
MIN_TURNS = 3
BACKWARD_MAC_RATIO = 2
"""MACs of a backward pass per MAC of the forward pass: one for the input, one for the weights."""


@dataclass(frozen=True)
class Quartiles:
    """Median and quartiles of some durations, in seconds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Timing:
    """The durations of one module, in seconds, in the order they were measured.

    Attributes:
        forward, backward: of each repeat; the backward pass takes a random upstream gradient to
            the input and all parameters.
        input_size, batch: of the input it was measured with.
        warm_up: turns before the first that counts.
        threads: of the CPU.
    """

    forward: tuple[float, ...]
    backward: tuple[float, ...]
    input_size: tuple[int, ...]
    batch: int
    warm_up: int
    threads: int

    @property
    def repeats(self) -> int:
        """The number of measured repeats."""
        return len(self.forward)

    @property
    def spreads(self) -> dict[str, Quartiles]:
        """The quartiles of ``"forward"`` and ``"backward"``; there must be at least one repeat."""
        return {"forward": quartiles(self.forward), "backward": quartiles(self.backward)}


def quartiles(durations: Sequence[float]) -> Quartiles:
    """Median and quartiles of one or more durations."""
    low, median, high = (float(q) for q in np.quantile(durations, (0.25, 0.5, 0.75)))
    return Quartiles(median, low, high)


Progress = Callable[[int, int, tuple[Timing, ...]], bool]
"""(runs done, total runs, the timings so far) → whether to go on. A turn is one run per module."""


def measure_times(
    modules: Sequence[nn.Module],
    input_size: tuple[int, ...],
    batch: int = 1,
    *,
    repeats: int = 10,
    thread_count: int = 1,
    seed: int = 0,
    seconds: float = MAX_SECONDS,
    progress: Progress | None = None,
) -> tuple[Timing, ...]:
    """Forward and backward times of some modules on the same input, on the CPU, in turns.

    Args:
        modules: copied and run in training mode; themselves untouched.
        input_size: what follows the batch axis.
        batch: images.
        repeats: at most `MAX_REPEATS`; fewer are made when ``seconds`` have passed.
        thread_count: of torch, in the whole process while this runs.
        seed: of the input and of the upstream gradient.
        seconds: time after which no further turn begins, once there are `LEAST` turns.
        progress: called after each run; returning False ends the measurement with the results so
            far.

    Returns:
        One timing per module, in order. Timings are empty when stopped during warm-up.

    Raises:
        SpecError: too much work or memory, or a module that does not take this input.
    """
    if whole("repeats", repeats, 1) > MAX_REPEATS:
        raise SpecError("repeats", f"must be at most {MAX_REPEATS}", repeats)
    check_work(modules, input_size, batch)
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(batch, *input_size, generator=generator).requires_grad_()
    runs = [_TimedModule(module, image, generator) for module in modules]
    turns, began = WARM_UP + repeats, perf_counter()

    def timings() -> tuple[Timing, ...]:
        return tuple(run.timing(tuple(input_size), batch, thread_count) for run in runs)

    with threads(thread_count), torch.enable_grad():
        for turn in range(turns):
            if turn >= WARM_UP + MIN_TURNS and perf_counter() - began > seconds:
                break
            for place, run in enumerate(runs, start=1):
                run.turn(turn >= WARM_UP)
                done = turn * len(runs) + place
                if progress and not progress(done, turns * len(runs), timings()):
                    return timings()
    return timings()


class _TimedModule:
    """One module and its durations."""

    def __init__(self, module: nn.Module, image: Tensor, generator: torch.Generator) -> None:
        self.module = copy.deepcopy(module).train()
        self.image = image
        learned = (p for p in self.module.parameters() if p.requires_grad)
        self.differentiated = [self.image, *learned]
        self.upstream: Tensor | None = None
        self.generator = generator
        self.forward: list[float] = []
        self.backward: list[float] = []

    def turn(self, counts: bool) -> None:
        """Run forward and backward once; ``counts`` records the two durations."""
        start = perf_counter()
        out: Tensor = self.module(self.image)
        middle = perf_counter()
        if self.upstream is None:
            self.upstream = torch.randn(out.shape, generator=self.generator)
            middle = perf_counter()  # a turn that does not count
        torch.autograd.grad(out, self.differentiated, self.upstream, allow_unused=True)
        end = perf_counter()
        if counts:
            self.forward.append(middle - start)
            self.backward.append(end - middle)

    def timing(self, input_size: tuple[int, ...], batch: int, thread_count: int) -> Timing:
        durations = tuple(self.forward), tuple(self.backward)
        return Timing(*durations, input_size, batch, WARM_UP, thread_count)


def check_work(modules: Sequence[nn.Module], input_size: tuple[int, ...], batch: int) -> None:
    """Refuse a measurement that would take too long or too much memory, before it begins.

    Raises:
        SpecError: says which batch would do, or that the input is too large for any; or a
            max pooling that torch cannot backpropagate through.
    """
    whole("batch", batch, 1)
    macs, most_bytes = 0, 0
    for module in modules:
        check_pools(module, input_size)
        total = totals(layer_costs(module, input_size))
        saved = sum(saved_bytes(saved_for_backward(module, input_size, batch)).values())
        macs += total.macs * batch * (1 + BACKWARD_MAC_RATIO)
        # all outputs and a gradient for each, and the saved tensors; modules run one by one
        needs = 2 * total.activation_bytes * batch + saved + FLOAT32_BYTES * total.parameters
        most_bytes = max(most_bytes, needs)
    _check_limit("multiply–accumulates", macs, MAX_MACS, batch)
    _check_limit("bytes", most_bytes, MEMORY_BUDGET, batch)


def _check_limit(what: str, needed: int, most: int, batch: int) -> None:
    if needed <= most:
        return
    fits = most * batch // needed
    if not fits:
        rule = f"must be smaller: one image takes more than {most:,} {what}"
        raise SpecError("input_size", rule, f"{needed // batch:,}")
    raise SpecError("batch", f"must be at most {fits} here, for at most {most:,} {what}", batch)
