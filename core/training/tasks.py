"""The images that are learned from: batches by step, and a test set that never changes.

Nothing is remembered between batches: batch t of a seed is drawn from (seed, t) alone, so that a
run can be taken up anywhere and nets side by side see the same images.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data import sample_file
from .spec import MARK, SIDE, Digits, LongRange, OwnImages, Task

TEST_SHARE = 0.25
"""Of every class."""
SPLIT_SEED = 1797
TEST_SEED, ORDER, PLACES = 2**32, 1, 2
"""No training seed is so large; streams of their own for the order and for the places."""
LONG_RANGE_TESTS = 512
FRAGMENT = 4
"""Side of a fragment on the 8×8 grid of a digit."""
SPREAD, CENTER = 0.3, 0.15
"""Mean 0.15 and standard deviation 0.3, rounded, of a canvas of digits from 0 to 1."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Source(Protocol):
    """Where batches come from: (N, C, H, W) float32 and (N,) int64, on the CPU."""

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Training images of one step."""

    def test(self) -> tuple[Tensor, Tensor]:
        """The whole test set."""


def source_of(task: Task) -> Source:
    """The task's images.

    Raises:
        SpecError: scikit-learn's sample files are missing.
    """
    if isinstance(task, Digits):
        return DigitSource(task)
    return MarkSource(task) if isinstance(task, LongRange) else OwnSource(task)


def stratified(labels: Ints, seed: int = SPLIT_SEED) -> tuple[Ints, Ints]:
    """Places of the training and of the test images: of each class a quarter, rounded, but at
    least one, is for testing; in the order of the images."""
    generator = np.random.default_rng(seed)
    tests = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == label))
        tests[places[: max(1, round(TEST_SHARE * len(places)))]] = True
    return np.flatnonzero(~tests), np.flatnonzero(tests)


def order(count: int, seed: int, step: int, size: int) -> Ints:
    """(size,) images of one step: every image once a round, in an order drawn for that round."""
    rounds = np.arange(step * size, (step + 1) * size) // count
    parts = []
    for each in range(int(rounds[0]), int(rounds[-1]) + 1):
        first = max(step * size - each * count, 0)
        last = min((step + 1) * size - each * count, count)
        parts.append(np.random.default_rng((seed, ORDER, each)).permutation(count)[first:last])
    return np.concatenate(parts)


@lru_cache(maxsize=1)
def handwritten() -> tuple[NDArray[np.float32], Ints]:
    """The 1,797 digits, (1797, 8, 8) from 0 to 1, and what they are; read-only.

    Raises:
        SpecError: scikit-learn's sample files are missing.
    """
    text = gzip.decompress(sample_file("data/digits.csv.gz")).decode()
    rows = np.fromstring(text.replace("\n", ","), sep=",").reshape(-1, 65)
    images = (rows[:, :64] / 16).astype(np.float32).reshape(-1, 8, 8)
    labels = rows[:, 64].astype(np.int64)
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def placed(images: NDArray[np.float32], sides: Floats, corners: Floats) -> NDArray[np.float32]:
    """Every image at its place on an empty canvas, interpolated linearly; all at once.

    Args:
        images: (N, h, h).
        sides: (N,) of the images on the canvas, in pixels.
        corners: (N, 2) row and column of their upper left corners, in pixels.

    Returns:
        (N, SIDE, SIDE).
    """
    rows, columns = (_spread(images.shape[-1], sides, corners[:, axis]) for axis in (0, 1))
    return np.asarray(rows @ images @ columns.swapaxes(1, 2), dtype=np.float32)


def _spread(count: int, sides: Floats, starts: Floats) -> NDArray[np.float32]:
    """(N, SIDE, count): what each canvas pixel takes of each image pixel, a hat around its own
    place; nothing beyond half an image pixel outside."""
    pixels = np.arange(SIDE) + 0.5
    places = (pixels - starts[:, None]) * (count / sides)[:, None] - 0.5
    hats = 1 - np.abs(places[:, :, None] - np.arange(count))
    return np.asarray(np.maximum(hats, 0), dtype=np.float32)


class DigitSource:
    """Digits on a canvas."""

    def __init__(self, task: Digits) -> None:
        self.task = task
        self.images, self.labels = handwritten()
        self.train_places, self.test_places = stratified(self.labels)

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        chosen = self.train_places[order(len(self.train_places), seed, step, size)]
        return self._drawn(chosen, self.train_places, np.random.default_rng((seed, PLACES, step)))

    def test(self) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng((TEST_SEED, PLACES))
        return self._drawn(self.test_places, self.test_places, generator)

    def _drawn(
        self, chosen: Ints, split: Ints, generator: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """The chosen digits, placed; fragments come from the same split."""
        count, task = len(chosen), self.task
        sides = generator.uniform(task.smallest, task.largest, count)
        corners = generator.random((count, 2)) * (SIDE - sides)[:, None]
        canvas = placed(self.images[chosen], sides, corners)
        for _ in range(task.distractors):
            parts = self._fragments(generator.choice(split, count), generator)
            small = generator.uniform(task.smallest, task.largest, count) / 2
            corners = generator.random((count, 2)) * (SIDE - small)[:, None]
            canvas = np.maximum(canvas, placed(parts, small, corners))
        ready = (canvas - np.float32(CENTER)) / np.float32(SPREAD)
        return torch.from_numpy(ready[:, None]), torch.from_numpy(self.labels[chosen])

    def _fragments(self, chosen: Ints, generator: np.random.Generator) -> NDArray[np.float32]:
        """(N, FRAGMENT, FRAGMENT) cut out anywhere."""
        views = np.lib.stride_tricks.sliding_window_view(
            self.images[chosen], (FRAGMENT, FRAGMENT), axis=(1, 2)
        )
        rows, columns = generator.integers(0, views.shape[1], (2, len(chosen)))
        return np.asarray(views[np.arange(len(chosen)), rows, columns], dtype=np.float32)


class MarkSource:
    """Two marks in noise."""

    def __init__(self, task: LongRange) -> None:
        self.task = task

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        return self._drawn(size, np.random.default_rng((seed, PLACES, step)))

    def test(self) -> tuple[Tensor, Tensor]:
        return self._drawn(LONG_RANGE_TESTS, np.random.default_rng((TEST_SEED, PLACES)))

    def _drawn(self, count: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        images = generator.standard_normal((count, SIDE, SIDE)) * self.task.noise
        signs = generator.integers(0, 2, (2, count))
        ways = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])[generator.integers(0, 4, count)]
        middle, reach = np.full((count, 2), SIDE // 2), np.arange(MARK) - MARK // 2
        many = np.arange(count)[:, None, None]
        for sign, centers in zip(signs, (middle, middle + self.task.distance * ways), strict=True):
            rows = (centers[:, :1] + reach)[:, :, None]
            columns = (centers[:, 1:] + reach)[:, None, :]
            images[many, rows, columns] = (2 * sign - 1)[:, None, None]
        labels = signs[1] if self.task.rule == "far" else (signs[0] == signs[1]).astype(np.int64)
        return torch.from_numpy(images[:, None].astype(np.float32)), torch.from_numpy(labels)


class OwnSource:
    """A visitor's images, as they are."""

    def __init__(self, task: OwnImages) -> None:
        self.task = task
        self.train_places, self.test_places = stratified(task.labels)

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        return self._at(self.train_places[order(len(self.train_places), seed, step, size)])

    def test(self) -> tuple[Tensor, Tensor]:
        return self._at(self.test_places)

    def _at(self, places: Ints) -> tuple[Tensor, Tensor]:
        images, labels = self.task.images[places], self.task.labels[places]
        return torch.from_numpy(images), torch.from_numpy(labels)
