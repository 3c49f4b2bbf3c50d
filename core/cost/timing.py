"""Measures the times of the forward and the backward pass on this machine.

The compared modules take turns, with one run each, so that other load of the machine slows all of
them equally. The first turns warm up and are discarded. A time is reported as the median of the
durations, and its spread as their quartiles.
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

WARM_UP_TURNS = 1
"""The number of first turns that are discarded."""
MAX_REPEATS = 200
"""The most measured turns."""
MAX_MACS = 2 * 10**11
"""The most multiply–accumulates of one turn: the forward and backward passes of all modules."""
MAX_SECONDS = 20.0
"""The seconds after which no further turn begins, once there are `MIN_TURNS` measured turns."""
MIN_TURNS = 3
"""The fewest measured turns, however long they take."""
BACKWARD_MAC_RATIO = 2
"""The MACs of a backward pass per MAC of the forward pass: one each for inputs and weights."""


@dataclass(frozen=True)
class Quartiles:
    """The median, the lower and the upper quartile of durations, in seconds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Timing:
    """The measured durations of one module in seconds, in the order of the turns.

    Attributes:
        forward: the duration of the forward pass in each turn.
        backward: the duration of the backward pass in each turn, from a random upstream gradient to
            the gradients of the input and of all parameters.
        input_size: the shape of the input without the batch.
        batch: the number of samples in the batch.
        warm_up: the number of discarded turns.
        threads: the number of CPU threads.
    """

    forward: tuple[float, ...]
    backward: tuple[float, ...]
    input_size: tuple[int, ...]
    batch: int
    warm_up: int
    threads: int

    @property
    def repeats(self) -> int:
        """The number of measured turns."""
        return len(self.forward)

    @property
    def spreads(self) -> dict[str, Quartiles]:
        """The quartiles of the ``"forward"`` and ``"backward"`` durations of at least one turn."""
        return {"forward": quartiles(self.forward), "backward": quartiles(self.backward)}


def quartiles(durations: Sequence[float]) -> Quartiles:
    """The median and the quartiles of one or more durations."""
    low, median, high = (float(q) for q in np.quantile(durations, (0.25, 0.5, 0.75)))
    return Quartiles(median, low, high)


Progress = Callable[[int, int, tuple[Timing, ...]], bool]
"""A function of (finished runs, all runs, timings so far) that returns whether to continue.

A turn consists of one run of each module.
"""


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
    """Measures the forward and backward times of modules on the same input, on the CPU.

    Args:
        modules: the modules, copies of which run in training mode.
        input_size: the input's shape without the batch.
        batch: the number of samples in the batch.
        repeats: the number of measured turns, at most `MAX_REPEATS`.
        thread_count: torch's number of threads, set for the whole process during the measurement.
        seed: the seed of the random input and upstream gradient.
        seconds: the time after which no further turn begins, once there are `MIN_TURNS` turns.
        progress: a function that is called after each run and may end the measurement.

    Returns:
        One timing for each module, in order; it is empty if the measurement ends during warm-up.

    Raises:
        SpecError: the measurement is too large, or a module does not accept the input.
    """
    if whole("repeats", repeats, 1) > MAX_REPEATS:
        raise SpecError("repeats", f"must be at most {MAX_REPEATS}", repeats)
    check_work(modules, input_size, batch)
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(batch, *input_size, generator=generator).requires_grad_()
    runs = [_TimedModule(module, image, generator) for module in modules]
    turns, began = WARM_UP_TURNS + repeats, perf_counter()

    def timings() -> tuple[Timing, ...]:
        return tuple(run.timing(tuple(input_size), batch, thread_count) for run in runs)

    with threads(thread_count), torch.enable_grad():
        for turn in range(turns):
            if turn >= WARM_UP_TURNS + MIN_TURNS and perf_counter() - began > seconds:
                break
            for place, run in enumerate(runs, start=1):
                run.run_turn(turn >= WARM_UP_TURNS)
                done = turn * len(runs) + place
                if progress and not progress(done, turns * len(runs), timings()):
                    return timings()
    return timings()


class _TimedModule:
    """A module under measurement and its durations so far."""

    def __init__(self, module: nn.Module, image: Tensor, generator: torch.Generator) -> None:
        self.module = copy.deepcopy(module).train()
        self.image = image
        trainable = (p for p in self.module.parameters() if p.requires_grad)
        self.differentiated = [self.image, *trainable]
        self.upstream: Tensor | None = None
        self.generator = generator
        self.forward: list[float] = []
        self.backward: list[float] = []

    def run_turn(self, is_measured: bool) -> None:
        """Runs forward and backward once, and stores the two durations if the turn is measured."""
        start = perf_counter()
        out: Tensor = self.module(self.image)
        middle = perf_counter()
        if self.upstream is None:
            self.upstream = torch.randn(out.shape, generator=self.generator)
            middle = perf_counter()  # this happens in the first turn, which is discarded
        torch.autograd.grad(out, self.differentiated, self.upstream, allow_unused=True)
        end = perf_counter()
        if is_measured:
            self.forward.append(middle - start)
            self.backward.append(end - middle)

    def timing(self, input_size: tuple[int, ...], batch: int, thread_count: int) -> Timing:
        """The durations so far, with the settings of the measurement."""
        durations = tuple(self.forward), tuple(self.backward)
        return Timing(*durations, input_size, batch, WARM_UP_TURNS, thread_count)


def check_work(modules: Sequence[nn.Module], input_size: tuple[int, ...], batch: int) -> None:
    """Raises an error for a measurement that would need too much time or memory.

    Raises:
        SpecError: the text says which batch size would work, or that the input is too large for
            any; or torch cannot backpropagate through a max pooling of the network.
    """
    whole("batch", batch, 1)
    macs, most_bytes = 0, 0
    for module in modules:
        check_pools(module, input_size)
        total = totals(layer_costs(module, input_size))
        saved = sum(saved_bytes(saved_for_backward(module, input_size, batch)).values())
        macs += total.macs * batch * (1 + BACKWARD_MAC_RATIO)
        # The outputs and their gradients, the saved tensors and the parameters of one module.
        needs = 2 * total.activation_bytes * batch + saved + FLOAT32_BYTES * total.parameters
        most_bytes = max(most_bytes, needs)
    _check_limit("multiply–accumulates", macs, MAX_MACS, batch)
    _check_limit("bytes", most_bytes, MEMORY_BUDGET, batch)


def _check_limit(quantity: str, needed: int, limit: int, batch: int) -> None:
    """Raises SpecError if ``needed`` exceeds ``limit``; ``quantity`` names the unit of both."""
    if needed <= limit:
        return
    fits = limit * batch // needed
    if not fits:
        rule = f"must be smaller: one image takes more than {limit:,} {quantity}"
        raise SpecError("input_size", rule, f"{needed // batch:,}")
    raise SpecError(
        "batch", f"must be at most {fits} here, for at most {limit:,} {quantity}", batch
    )
