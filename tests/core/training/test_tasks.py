"""The tasks: splits, places, batches by step, and what the label hangs on."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.training import Digits, LongRange
from core.training.spec import RULES
from core.training.tasks import (
    DigitSource,
    MarkSource,
    batch_indices,
    digit_images,
    place_on_canvas,
    stratified_split,
)


def test_the_digits_are_those_of_scikit_learn():
    sklearn = importlib.import_module("sklearn.datasets").load_digits()
    images, labels = digit_images()
    np.testing.assert_array_equal(images * 16, sklearn.images)
    np.testing.assert_array_equal(labels, sklearn.target)


@given(st.lists(st.integers(0, 4), min_size=10, max_size=200), st.integers(0, 99))
def test_a_quarter_of_every_class_is_for_testing(labels, seed):
    labels = np.array(labels)
    train, test = stratified_split(labels, seed)
    assert sorted([*train, *test]) == list(range(len(labels)))
    for label in set(labels.tolist()):
        many = int((labels == label).sum())
        assert int((labels[test] == label).sum()) == max(1, round(many / 4))


def test_the_split_is_always_the_same_and_its_parts_share_nothing():
    source, again = DigitSource(Digits()), DigitSource(Digits(distractors=2))
    np.testing.assert_array_equal(source.test_indices, again.test_indices)
    assert not set(source.test_indices) & set(source.train_indices)
    assert len(source.test_indices) + len(source.train_indices) == 1797
    for a, b in zip(source.test_set(), DigitSource(Digits()).test_set(), strict=True):
        assert torch.equal(a, b)


@given(st.integers(3, 50), st.integers(0, 9), st.integers(1, 60), st.integers(1, 12))
def test_every_image_comes_once_a_round(count, seed, size, steps):
    drawn = np.concatenate([batch_indices(count, seed, step, size) for step in range(steps)])
    assert len(drawn) == steps * size
    for start in range(0, len(drawn), count):
        part = drawn[start : start + count]
        assert len(set(part.tolist())) == len(part)


@given(st.integers(0, 2**32 - 1))
def test_placing_is_bilinear_interpolation(seed):
    generator = np.random.default_rng(seed)
    image = generator.random((1, 8, 8)).astype(np.float32)
    side, corner = generator.uniform(8, 24), generator.uniform(0, 8, (1, 2))
    found = place_on_canvas(image, np.array([side]), corner)[0]
    rim = np.pad(image[0], 1)  # nothing beyond the image
    for row, column in generator.integers(0, 32, (20, 2)):
        y, x = ((np.array([row, column]) + 0.5 - corner[0]) * 8 / side) - 0.5
        if not (-1 < y < 8 and -1 < x < 8):
            assert found[row, column] == 0
            continue
        top, left = int(np.floor(y)), int(np.floor(x))
        b, r = y - top, x - left
        four = rim[top + 1 : top + 3, left + 1 : left + 3]
        value = np.array([1 - b, b]) @ four @ np.array([1 - r, r])
        assert found[row, column] == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("task", [Digits(), Digits(8, 32, 4), Digits(distractors=1)])
def test_batches_hang_on_seed_and_step_alone(task):
    source = DigitSource(task)
    source.batch(5, 0, 8)
    images, labels = source.batch(0, 7, 8)
    again, same = DigitSource(task).batch(0, 7, 8)
    assert torch.equal(images, again)
    assert torch.equal(labels, same)
    assert images.shape == (8, 1, 32, 32)
    assert images.dtype == torch.float32
    assert not torch.equal(images, source.batch(0, 8, 8)[0])
    assert not torch.equal(images, source.batch(1, 7, 8)[0])


def test_distractors_only_add_light():
    plain, busy = (DigitSource(Digits(distractors=n)).test_set()[0] for n in (0, 3))
    assert (busy >= plain - 1e-6).all()
    assert (busy > plain + 0.1).flatten(1).any(dim=1).float().mean() > 0.9


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("distance", [3, 9, 14])
def test_marks_stand_where_they_should_and_the_label_is_what_the_rule_says(distance, rule):
    images, labels = MarkSource(LongRange(distance, 0, rule)).test_set()
    ways = set()
    for image, label in zip(images[:200, 0].numpy(), labels[:200].tolist(), strict=True):
        first = image[16, 16]
        places = [
            (16 + distance * a, 16 + distance * b) for a, b in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
        seen = [place for place in places if image[place]]
        assert len(seen) == 1
        ways.add(seen[0])
        assert (image[16 - 1 : 18, 15:18] == first).all()
        (row, column), second = seen[0], image[seen[0]]
        assert (image[row - 1 : row + 2, column - 1 : column + 2] == second).all()
        assert np.count_nonzero(image) == 18
        assert label == (first == second if rule == "agree" else second > 0)
    assert len(ways) == 4


def label_share(rule, which):
    """Mean label where a mark is +1, and where it is −1, of 4,096 images; chance ± 0.011."""
    images, labels = MarkSource(LongRange(12, 0, rule)).batch(0, 0, 4096)
    near = images[:, 0, 16, 16] > 0
    images[:, 0, 15:18, 15:18] = 0
    sign = near if which == "near" else images.sum(dim=(1, 2, 3)) > 0
    return [labels[kind].float().mean().item() for kind in (sign, ~sign)]


@pytest.mark.parametrize("rule, which", [("agree", "near"), ("agree", "far"), ("far", "near")])
def test_one_mark_says_nothing_about_the_label(rule, which):
    assert label_share(rule, which) == pytest.approx([0.5, 0.5], abs=0.06)


def test_the_far_mark_alone_says_all_by_its_own_rule():
    assert label_share("far", "far") == [1, 0]
