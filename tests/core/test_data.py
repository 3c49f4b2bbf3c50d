"""Pictures: whole values in range, bounded uploads, and no exception but SpecError."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import data
from core.data import MAX_SIDE, PICTURES, crop_and_scale, picture
from core.errors import SpecError
from tests.examples import examples

NAMES = st.sampled_from(list(PICTURES))
SIDES = st.integers(1, 40) | st.sampled_from([64, 511, MAX_SIDE])
SIZES = st.tuples(SIDES, SIDES)
CHANNELS = st.integers(1, data.MAX_CHANNELS)
SEEDS = st.integers(0, data.MAX_SEED)


def assert_board(board: data.Planes, shape: tuple[int, ...]) -> None:
    assert board.shape == shape
    assert board.dtype == np.float32
    assert not board.flags.writeable
    assert np.array_equal(board, np.rint(board))
    assert board.min() >= 0
    assert board.max() <= 255


# --- the table of pictures -----------------------------------------------------------------------


@examples(150, deadline=None, derandomize=True)
@given(name=NAMES, size=SIZES, channels=CHANNELS, seed=SEEDS)
def test_every_picture_is_whole_in_range_and_read_only(
    name: str, size: data.Size, channels: int, seed: int
) -> None:
    board = picture(name, size, channels, seed)
    assert_board(board, (channels, *size))
    assert np.array_equal(board, picture(name, size, channels, seed))


@pytest.mark.parametrize("name", PICTURES)
def test_a_row_says_what_it_is(name: str) -> None:
    row = PICTURES[name]
    assert row.label
    assert row.description.endswith(".")
    draws = [picture(name, (16, 16), 1, seed) for seed in range(4)]
    changes = any(not np.array_equal(draws[0], draw) for draw in draws[1:])
    assert changes == row.seeded


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("channels", [2, 3, 7])
def test_fewer_channels_are_the_first_of_more(name: str, channels: int) -> None:
    few, many = picture(name, (9, 12), channels, 5), picture(name, (9, 12), 8, 5)
    assert np.array_equal(few, many[:channels])


@pytest.mark.parametrize("name", [name for name in PICTURES if name not in ("digit", "impulse")])
def test_three_channels_differ(name: str) -> None:
    planes = picture(name, (16, 16), 3)
    assert len({plane.tobytes() for plane in planes}) == 3


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "random"])
def test_channels_beyond_three_cycle(name: str) -> None:
    planes = picture(name, (16, 16), 8)
    assert np.array_equal(planes[3:6], planes[:3])
    assert np.array_equal(planes[6:], planes[:2])


def test_noise_draws_every_channel() -> None:
    assert len({plane.tobytes() for plane in picture("random", (4, 4), 8)}) == 8


@pytest.mark.parametrize("name", ["china", "flower", "digit", "checkerboard", "zone_plate"])
def test_eight_by_eight_still_shows_something(name: str) -> None:
    board = picture(name, (8, 8))
    assert board.std() > 45
    assert np.ptp(board) > 120


@pytest.mark.parametrize("name", [name for name, row in PICTURES.items() if row.color])
def test_one_channel_of_a_photograph_is_its_luminance(name: str) -> None:
    red, green, blue = picture(name, (16, 16), 3)
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(picture(name, (16, 16), 1)[0] - luminance).max() <= 1.5


def test_photographs_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_sample_image

    whole = load_sample_image("china.jpg")[8:418, 58:468]
    blocks = whole.reshape(10, 41, 10, 41, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(picture("china", (10, 10), 3) - blocks).max() <= 1  # rounded twice


@pytest.mark.parametrize("seed", [0, 4, 1796, 1797, data.MAX_SEED])
def test_digits_are_those_of_scikit_learn(seed: int) -> None:
    from sklearn.datasets import load_digits

    expected = np.rint(load_digits().images[seed % 1797] * 255 / 16)
    assert np.array_equal(picture("digit", (8, 8), 1, seed)[0], expected)
    enlarged = picture("digit", (24, 16), 1, seed)[0]
    assert np.array_equal(enlarged, np.kron(expected, np.ones((3, 2))))


def test_a_digit_of_another_size_is_blended() -> None:
    assert not set(np.unique(picture("digit", (12, 12)))) <= set(
        np.unique(picture("digit", (8, 8)))
    )


def test_the_ramp_rises_right_down_and_along_the_diagonal() -> None:
    right, down, diagonal = picture("ramp", (5, 9), 3)
    assert right[0].tolist() == [0, 32, 64, 96, 128, 159, 191, 223, 255]
    assert (right == right[0]).all()
    assert down[:, 0].tolist() == [0, 64, 128, 191, 255]
    assert (down == down[:, :1]).all()
    assert np.abs(diagonal - (right + down) / 2).max() <= 1


@given(size=SIZES)
@examples(30, deadline=None, derandomize=True)
def test_every_pixel_of_the_checkerboard_differs_from_the_next(size: data.Size) -> None:
    board = picture("checkerboard", size)[0]
    assert board[0, 0] == 0
    assert (np.abs(np.diff(board, axis=0)) == 255).all()
    assert (np.abs(np.diff(board, axis=1)) == 255).all()


@given(size=SIZES)
@examples(30, deadline=None, derandomize=True)
def test_the_impulse_is_one_bright_pixel_in_the_centre(size: data.Size) -> None:
    board = picture("impulse", size)[0]
    assert np.argwhere(board).tolist() == [[size[0] // 2, size[1] // 2]]
    assert board.sum() == 255


@pytest.mark.parametrize("n", [32, 64, 65, 128])
def test_the_zone_plate_turns_half_a_cycle_a_pixel_at_the_border(n: int) -> None:
    both, across, down = picture("zone_plate", (n, n), 3)
    assert np.array_equal(both, both[::-1, ::-1])
    assert np.array_equal(across, down.T)
    # Unwrapped by the closed form: the turn from one pixel to the next grows evenly up to pi.
    x = np.arange(n) - (n - 1) / 2
    assert np.abs(across[0] - 127.5 * (1 + np.cos(np.pi * x**2 / n))).max() <= 0.51
    turn = np.diff(np.pi * x**2 / n)
    assert np.abs(turn).max() == pytest.approx(np.pi * (n - 2) / n)
    assert (np.sign(np.diff(across[0, -4:])) * np.array([1, -1, 1])).sum() in (-3, 3)


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, parameter",
    [
        (("mona lisa", (8, 8)), "picture"),
        (("china", (0, 8)), "height"),
        (("china", (8, MAX_SIDE + 1)), "width"),
        (("china", (8.5, 8)), "height"),
        (("ramp", (8, 8), 0), "channels"),
        (("ramp", (8, 8), data.MAX_CHANNELS + 1), "channels"),
        (("random", (8, 8), 1, -1), "seed"),
        (("random", (8, 8), 1, data.MAX_SEED + 1), "seed"),
    ],
)
def test_a_setting_out_of_range_is_refused(arguments: Any, parameter: str) -> None:
    with pytest.raises(SpecError) as refusal:
        picture(*arguments)
    assert refusal.value.parameter == parameter


def test_whole_numbers_of_numpy_are_welcome() -> None:
    settings_of_numpy: Any = ("ramp", (np.int64(4), np.int32(5)), np.int8(2))
    assert picture(*settings_of_numpy).shape == (2, 4, 5)


def test_without_scikit_learn_the_photographs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data._cropped_photograph.cache_clear()
    monkeypatch.setattr(data, "find_spec", lambda name: None)
    with pytest.raises(SpecError, match="choose a pattern"):
        picture("china", (8, 8))
    assert picture("ramp", (8, 8)).shape == (1, 8, 8)


def test_slow_packages_stay_out() -> None:
    code = (
        "import sys; from core.data import PICTURES, picture\n"
        "for name in PICTURES: picture(name, (8, 8), 3)\n"
        "print(sorted({'sklearn', 'scipy', 'torch', 'streamlit'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- fit -----------------------------------------------------------------------------------------


@examples(100, deadline=None, derandomize=True)
@given(source=SIZES, size=SIZES, channels=CHANNELS, value=st.integers(0, 255))
def test_fit_keeps_a_plain_picture_plain(
    source: data.Size, size: data.Size, channels: int, value: int
) -> None:
    board = crop_and_scale(np.full((*source, 3), value, np.uint8), size, channels)
    assert_board(board, (channels, *size))
    assert (board == value).all()


def test_fit_takes_the_centre() -> None:
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = [200, 100, 50]
    board = crop_and_scale(image, (5, 5), 3)
    assert (board.transpose(1, 2, 0) == [200, 100, 50]).all()
    assert np.array_equal(crop_and_scale(image.transpose(1, 0, 2).copy(), (5, 5), 3), board)


@given(seed=SEEDS, factor=st.integers(1, 5))
@examples(25, deadline=None, derandomize=True)
def test_fit_averages_the_area(seed: int, factor: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (6 * factor, 4 * factor, 3), np.uint8)
    means = image.reshape(6, factor, 4, factor, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(crop_and_scale(image, (6, 4), 3) - means).max() <= 1  # rounded along each axis


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_fit_refuses_other_arrays(image: Any) -> None:
    with pytest.raises(SpecError, match=r"height, width, 3"):
        crop_and_scale(image, (4, 4))


def test_fit_refuses_other_sizes() -> None:
    with pytest.raises(SpecError, match="width"):
        crop_and_scale(np.zeros((4, 4, 3), np.uint8), (4, 0))


def test_every_photograph_has_the_credit_that_scikit_learn_notes() -> None:
    notes = data.sample_file("images/README.txt").decode()
    photographs = {name: row.credit for name, row in PICTURES.items() if row.color}
    assert len(photographs) == 2
    for name, credit in photographs.items():
        assert credit is not None, name
        assert f"Image: {name}.jpg" in notes
        assert credit.address.rstrip("/") in notes.partition(f"Image: {name}.jpg")[2]
        assert f"/{credit.author}/" in credit.address
        assert credit.license_address in notes
    assert not any(row.credit for row in PICTURES.values() if not row.color)
