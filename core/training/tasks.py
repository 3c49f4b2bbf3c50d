"""The images of the training tasks: batches by step, and a fixed test set.

No state passes between batches: batch t of a seed is drawn from (seed, t) alone, so that a run can
resume at any step and nets side by side see the same images.
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
"""Share of every class that is used for testing."""
SPLIT_SEED = 1797
TEST_SEED, ORDER, PLACES = 2**32, 1, 2
"""Seed of the test set, larger than any training seed, and stream numbers for order and places."""
LONG_RANGE_TESTS = 512
FRAGMENT = 4
"""Side of a distractor in pixels of the 8×8 digit it is cut from."""
SPREAD, CENTER = 0.3, 0.15
"""Mean 0.15 and standard deviation 0.3, rounded, of a canvas of digits from 0 to 1."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ImageSource(Protocol):
    """A source of batches: images (N, C, H, W) float32 and labels (N,) int64, on the CPU."""

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        """Training images and labels of one step."""

    def test(self) -> tuple[Tensor, Tensor]:
        """The whole test set."""


def source_of(task: Task) -> ImageSource:
    """The source of a task's images.

    Raises:
        SpecError: scikit-learn's sample files are missing.
    """
    if isinstance(task, Digits):
        return DigitSource(task)
    return MarkSource(task) if isinstance(task, LongRange) else OwnSource(task)


def stratified(labels: Ints, seed: int = SPLIT_SEED) -> tuple[Ints, Ints]:
    """Indices of the training images and of the test images, each in ascending order.

    A quarter of each class, rounded, but at least one image, is for testing.
    """
    generator = np.random.default_rng(seed)
    tests = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == label))
        tests[places[: max(1, round(TEST_SHARE * len(places)))]] = True
    return np.flatnonzero(~tests), np.flatnonzero(tests)


def order(count: int, seed: int, step: int, size: int) -> Ints:
    """(size,) image indices of one step: a new permutation of all images in every epoch."""
    rounds = np.arange(step * size, (step + 1) * size) // count
    parts = []
    for each in range(int(rounds[0]), int(rounds[-1]) + 1):
        first = max(step * size - each * count, 0)
        last = min((step + 1) * size - each * count, count)
        parts.append(np.random.default_rng((seed, ORDER, each)).permutation(count)[first:last])
    return np.concatenate(parts)


@lru_cache(maxsize=1)
def handwritten() -> tuple[NDArray[np.float32], Ints]:
    """The 1,797 digits, (1797, 8, 8) from 0 to 1, and their labels; read-only.

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
    """Place every image on an empty canvas, interpolated linearly.

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
    """(N, SIDE, count) linear interpolation weights of each image pixel for each canvas pixel.

    They are 0 for canvas pixels more than half an image pixel outside the image.
    """
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
        """(N, FRAGMENT, FRAGMENT) patches at random places of the chosen digits."""
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
    """Batches of uploaded images."""

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
