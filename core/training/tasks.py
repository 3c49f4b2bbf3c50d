"""The images of the training tasks: batches by step, and a fixed test set.

Batch t of a seed is drawn from (seed, t) alone, so that a run can resume at any step and networks
that are compared get the same images.
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
from .spec import MARK_SIDE, SIDE, Digits, LongRange, OwnImages, Task

TEST_SHARE = 0.25
"""Share of the images of each class that is used for testing."""
SPLIT_SEED = 1797
"""Seed of the split into training and test images."""
TEST_SEED, ORDER_STREAM, PLACEMENT_STREAM = 2**32, 1, 2
"""Seed of the test set, larger than any training seed; numbers of a seed's two random streams."""
LONG_RANGE_TESTS = 512
"""Number of test images of the long-range task."""
FRAGMENT = 4
"""Side of a distractor, in pixels of the 8×8 digit that it is cut from."""
CANVAS_STD, CANVAS_MEAN = 0.3, 0.15
"""Rounded standard deviation and mean of a canvas of digits with values from 0 to 1."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class ImageSource(Protocol):
    """A source of images (N, C, H, W) float32 and labels (N,) int64, on the CPU."""

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        """The training images and labels of one step."""

    def test_set(self) -> tuple[Tensor, Tensor]:
        """The images and labels of the whole test set."""


def source_of(task: Task) -> ImageSource:
    """The source of a task's images.

    Raises:
        SpecError: scikit-learn's sample files are missing.
    """
    if isinstance(task, Digits):
        return DigitSource(task)
    return MarkSource(task) if isinstance(task, LongRange) else OwnSource(task)


def stratified_split(labels: Ints, seed: int = SPLIT_SEED) -> tuple[Ints, Ints]:
    """Indices of the training images and of the test images, each in ascending order.

    A quarter of each class, rounded, but at least one image, is for testing.
    """
    generator = np.random.default_rng(seed)
    tests = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        positions = generator.permutation(np.flatnonzero(labels == label))
        tests[positions[: max(1, round(TEST_SHARE * len(positions)))]] = True
    return np.flatnonzero(~tests), np.flatnonzero(tests)


def batch_indices(count: int, seed: int, step: int, size: int) -> Ints:
    """(size,) image indices of one step; every epoch is a new permutation of all images.

    Args:
        count: number of images.
        seed: seed of the permutations.
        step: number of the step, from 0.
        size: number of images per step.
    """
    epochs = np.arange(step * size, (step + 1) * size) // count
    parts = []
    for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
        first = max(step * size - epoch * count, 0)
        last = min((step + 1) * size - epoch * count, count)
        parts.append(
            np.random.default_rng((seed, ORDER_STREAM, epoch)).permutation(count)[first:last]
        )
    return np.concatenate(parts)


@lru_cache(maxsize=1)
def digit_images() -> tuple[NDArray[np.float32], Ints]:
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


def place_on_canvas(
    images: NDArray[np.float32], sides: Floats, corners: Floats
) -> NDArray[np.float32]:
    """Scale every image and place it on an empty canvas, with linear interpolation.

    Args:
        images: (N, h, h) images.
        sides: (N,) sides of the images on the canvas, in pixels.
        corners: (N, 2) row and column of their upper left corners, in pixels.

    Returns:
        (N, SIDE, SIDE) canvases.
    """
    rows, columns = (
        _interpolation_weights(images.shape[-1], sides, corners[:, axis]) for axis in (0, 1)
    )
    return np.asarray(rows @ images @ columns.swapaxes(1, 2), dtype=np.float32)


def _interpolation_weights(count: int, sides: Floats, starts: Floats) -> NDArray[np.float32]:
    """(N, SIDE, count) linear interpolation weights of each image pixel for each canvas pixel.

    They are 0 for canvas pixels more than half an image pixel outside the image.

    Args:
        count: number of pixels of the images along the axis.
        sides: (N,) lengths of the images on the canvas, in pixels.
        starts: (N,) positions of the images on the canvas, in pixels.
    """
    pixels = np.arange(SIDE) + 0.5
    positions = (pixels - starts[:, None]) * (count / sides)[:, None] - 0.5
    hats = 1 - np.abs(positions[:, :, None] - np.arange(count))
    return np.asarray(np.maximum(hats, 0), dtype=np.float32)


class DigitSource:
    """The source of the task `Digits`."""

    def __init__(self, task: Digits) -> None:
        self.task = task
        self.images, self.labels = digit_images()
        self.train_indices, self.test_indices = stratified_split(self.labels)

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        chosen = self.train_indices[batch_indices(len(self.train_indices), seed, step, size)]
        return self._images_and_labels(
            chosen, self.train_indices, np.random.default_rng((seed, PLACEMENT_STREAM, step))
        )

    def test_set(self) -> tuple[Tensor, Tensor]:
        generator = np.random.default_rng((TEST_SEED, PLACEMENT_STREAM))
        return self._images_and_labels(self.test_indices, self.test_indices, generator)

    def _images_and_labels(
        self, chosen: Ints, split: Ints, generator: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """The chosen digits on canvases, with fragments of digits of ``split``, and the labels."""
        count, task = len(chosen), self.task
        sides = generator.uniform(task.smallest, task.largest, count)
        corners = generator.random((count, 2)) * (SIDE - sides)[:, None]
        canvas = place_on_canvas(self.images[chosen], sides, corners)
        for _ in range(task.distractors):
            parts = self._fragments(generator.choice(split, count), generator)
            small = generator.uniform(task.smallest, task.largest, count) / 2
            corners = generator.random((count, 2)) * (SIDE - small)[:, None]
            canvas = np.maximum(canvas, place_on_canvas(parts, small, corners))
        ready = (canvas - np.float32(CANVAS_MEAN)) / np.float32(CANVAS_STD)
        return torch.from_numpy(ready[:, None]), torch.from_numpy(self.labels[chosen])

    def _fragments(self, chosen: Ints, generator: np.random.Generator) -> NDArray[np.float32]:
        """(N, FRAGMENT, FRAGMENT) patches at random positions of the chosen digits."""
        views = np.lib.stride_tricks.sliding_window_view(
            self.images[chosen], (FRAGMENT, FRAGMENT), axis=(1, 2)
        )
        rows, columns = generator.integers(0, views.shape[1], (2, len(chosen)))
        return np.asarray(views[np.arange(len(chosen)), rows, columns], dtype=np.float32)


class MarkSource:
    """The source of the task `LongRange`."""

    def __init__(self, task: LongRange) -> None:
        self.task = task

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        return self._images_and_labels(size, np.random.default_rng((seed, PLACEMENT_STREAM, step)))

    def test_set(self) -> tuple[Tensor, Tensor]:
        return self._images_and_labels(
            LONG_RANGE_TESTS, np.random.default_rng((TEST_SEED, PLACEMENT_STREAM))
        )

    def _images_and_labels(
        self, count: int, generator: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Random images with two marks in noise, and their labels."""
        images = generator.standard_normal((count, SIDE, SIDE)) * self.task.noise
        signs = generator.integers(0, 2, (2, count))
        directions = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])[generator.integers(0, 4, count)]
        middle, offsets = np.full((count, 2), SIDE // 2), np.arange(MARK_SIDE) - MARK_SIDE // 2
        image_indices = np.arange(count)[:, None, None]
        for sign, centers in zip(
            signs, (middle, middle + self.task.distance * directions), strict=True
        ):
            rows = (centers[:, :1] + offsets)[:, :, None]
            columns = (centers[:, 1:] + offsets)[:, None, :]
            images[image_indices, rows, columns] = (2 * sign - 1)[:, None, None]
        labels = signs[1] if self.task.rule == "far" else (signs[0] == signs[1]).astype(np.int64)
        return torch.from_numpy(images[:, None].astype(np.float32)), torch.from_numpy(labels)


class OwnSource:
    """The source of the task `OwnImages`."""

    def __init__(self, task: OwnImages) -> None:
        self.task = task
        self.train_indices, self.test_indices = stratified_split(task.labels)

    def batch(self, seed: int, step: int, size: int) -> tuple[Tensor, Tensor]:
        return self._images_and_labels_at(
            self.train_indices[batch_indices(len(self.train_indices), seed, step, size)]
        )

    def test_set(self) -> tuple[Tensor, Tensor]:
        return self._images_and_labels_at(self.test_indices)

    def _images_and_labels_at(self, positions: Ints) -> tuple[Tensor, Tensor]:
        images, labels = self.task.images[positions], self.task.labels[positions]
        return torch.from_numpy(images), torch.from_numpy(labels)
