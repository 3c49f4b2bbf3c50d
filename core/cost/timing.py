"""How long forward and backward take on this machine, measured.

Modules that are compared take turns, one repeat each, so that whatever else the machine does
meanwhile slows all of them alike. The first turns warm up and are thrown away. What stands for
a time is the median; its spread is the quartiles.
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
from .kept import kept_bytes, saved_for_backward
from .layers import FLOAT32_BYTES, layer_costs, totals

WARM_UP = 1
"""Turns that are not counted."""
MAX_REPEATS = 200
MAX_MACS = 2 * 10**11
"""Most multiply–accumulates of one turn: forward and backward of all that are compared."""
MAX_SECONDS = 20.0
"""No turn is begun after so long, once there are `LEAST` of them."""
LEAST = 3
BACKWARD = 2
"""A backward pass multiplies twice as often: once for the input, once for the weights."""


@dataclass(frozen=True)
class Spread:
    """Some durations in seconds: their median and quartiles."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Timing:
    """The durations of one module, in seconds, in the order they were measured.

    Attributes:
        forward, backward: of each repeat; backward of a random gradient to the input and
            all parameters.
        input_size, batch: what it was given.
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
        """How many durations there are."""
        return len(self.forward)

    @property
    def spreads(self) -> dict[str, Spread]:
        """Of ``"forward"`` and ``"backward"``; of at least one repeat."""
        return {"forward": spread(self.forward), "backward": spread(self.backward)}


def spread(durations: Sequence[float]) -> Spread:
    """Median and quartiles of one or more durations."""
    low, median, high = (float(q) for q in np.quantile(durations, (0.25, 0.5, 0.75)))
    return Spread(median, low, high)


Progress = Callable[[int, int, tuple[Timing, ...]], bool]
"""(runs done, runs in all, the timings so far) → whether to go on. A turn has a run of each."""


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
        seed: of the input and of the gradient that comes in.
        seconds: after which no further turn is begun, once there are `LEAST`.
        progress: called after each run; False ends it with what there is.

    Returns:
        one each, in order; empty ones when stopped while warming up.

    Raises:
        SpecError: too much work or memory, or a module that does not take this input.
    """
    if whole("repeats", repeats, 1) > MAX_REPEATS:
        raise SpecError("repeats", f"must be at most {MAX_REPEATS}", repeats)
    check_work(modules, input_size, batch)
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(batch, *input_size, generator=generator).requires_grad_()
    runs = [_Run(module, image, generator) for module in modules]
    turns, began = WARM_UP + repeats, perf_counter()

    def found() -> tuple[Timing, ...]:
        return tuple(run.timing(tuple(input_size), batch, thread_count) for run in runs)

    with threads(thread_count), torch.enable_grad():
        for turn in range(turns):
            if turn >= WARM_UP + LEAST and perf_counter() - began > seconds:
                break
            for place, run in enumerate(runs, start=1):
                run.turn(turn >= WARM_UP)
                done = turn * len(runs) + place
                if progress and not progress(done, turns * len(runs), found()):
                    return found()
    return found()


class _Run:
    """One module and its durations."""

    def __init__(self, module: nn.Module, image: Tensor, generator: torch.Generator) -> None:
        self.module = copy.deepcopy(module).train()
        self.image = image
        learned = (p for p in self.module.parameters() if p.requires_grad)
        self.wanted = [self.image, *learned]
        self.coming: Tensor | None = None
        self.generator = generator
        self.forward: list[float] = []
        self.backward: list[float] = []

    def turn(self, counts: bool) -> None:
        """Forward and backward once."""
        start = perf_counter()
        out: Tensor = self.module(self.image)
        middle = perf_counter()
        if self.coming is None:
            self.coming = torch.randn(out.shape, generator=self.generator)
            middle = perf_counter()  # a turn that does not count
        torch.autograd.grad(out, self.wanted, self.coming, allow_unused=True)
        end = perf_counter()
        if counts:
            self.forward.append(middle - start)
            self.backward.append(end - middle)

    def timing(self, input_size: tuple[int, ...], batch: int, thread_count: int) -> Timing:
        durations = tuple(self.forward), tuple(self.backward)
        return Timing(*durations, input_size, batch, WARM_UP, thread_count)


def check_work(modules: Sequence[nn.Module], input_size: tuple[int, ...], batch: int) -> None:
    """Refuse what would take too long or too much memory, before anything is computed.

    Raises:
        SpecError: says which batch would do, or that the input is too large for any; or a
            max pooling that torch cannot backpropagate through.
    """
    whole("batch", batch, 1)
    macs, most_bytes = 0, 0
    for module in modules:
        check_pools(module, input_size)
        total = totals(layer_costs(module, input_size))
        kept = sum(kept_bytes(saved_for_backward(module, input_size, batch)).values())
        macs += total.macs * batch * (1 + BACKWARD)
        # forward's outputs and a gradient for each, what else is kept; they run one by one
        needs = 2 * total.activation_bytes * batch + kept + FLOAT32_BYTES * total.parameters
        most_bytes = max(most_bytes, needs)
    _within("multiply–accumulates", macs, MAX_MACS, batch)
    _within("bytes", most_bytes, MEMORY_BUDGET, batch)


def _within(what: str, needed: int, most: int, batch: int) -> None:
    if needed <= most:
        return
    fits = most * batch // needed
    if not fits:
        rule = f"must be smaller: one image takes more than {most:,} {what}"
        raise SpecError("input_size", rule, f"{needed // batch:,}")
    raise SpecError("batch", f"must be at most {fits} here, for at most {most:,} {what}", batch)
