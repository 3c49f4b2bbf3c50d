"""How many files are read at a time, and within which memory."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from core import data, uploads
from core.data import decode_upload
from core.errors import SpecError
from core.training.uploads import read_npz
from core.uploads import MAX_UPLOAD_BYTES, ReaderPool

WAIT_S = 60.0


class Watch:
    """Work that says how much of it goes on at the same time."""

    def __init__(self) -> None:
        self._lock, self.now, self.most, self.bytes, self.most_bytes = threading.Lock(), 0, 0, 0, 0
        self.threads: set[int] = set()

    def work(self, size: int) -> int:
        with self._lock:
            self.now, self.bytes = self.now + 1, self.bytes + size
            self.most = max(self.most, self.now)
            self.most_bytes = max(self.most_bytes, self.bytes)
            self.threads.add(threading.get_ident())
        threading.Event().wait(0.005)
        with self._lock:
            self.now, self.bytes = self.now - 1, self.bytes - size
        return size


@pytest.mark.parametrize(("total", "threads"), [(100, 2), (100, 1), (30, 3), (5, 2)])
def test_no_more_at_a_time_than_places_and_memory(total: int, threads: int) -> None:
    readers, watch = ReaderPool(total, threads, WAIT_S), Watch()
    sizes = [10, 20, 30, 3, 1] * 4
    with ThreadPoolExecutor(20) as crowd:
        found = crowd.map(lambda size: readers.run(size, lambda: watch.work(size)), sizes)
        assert list(found) == sizes
    assert watch.most <= threads
    assert watch.most_bytes <= max(total, *sizes)
    assert len(watch.threads) <= threads, "memory that is freed stays with its thread"


def test_what_the_work_raises_is_raised_and_the_next_one_runs() -> None:
    readers = ReaderPool(10, 1, WAIT_S)
    for error in (KeyError("x"), SpecError("upload", "must be a picture", "b")):

        def fail(error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error)):
            readers.run(99, fail)
    assert readers.run(99, lambda: 7) == 7


def test_whose_turn_never_comes_is_told_so() -> None:
    readers, go_on, begun = ReaderPool(10, 1, 0.05), threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        go_on.wait(WAIT_S)
        return 1

    with ThreadPoolExecutor(1) as other:
        first = other.submit(readers.run, 1, work)
        begun.wait(WAIT_S)
        with pytest.raises(SpecError, match="must wait, as many files are being read"):
            readers.run(1, lambda: 2)
        go_on.set()
        assert first.result() == 1, "one that has begun is waited for"


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def reserved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes that each file was said to take."""
    found: list[int] = []

    def run(size: int, work: object) -> object:
        found.append(size)
        return work()  # type: ignore[operator]

    monkeypatch.setattr(uploads.READER_POOL, "run", run)
    return found


MANY = Image.linear_gradient("L").resize((1800, 2000))


@pytest.mark.parametrize(
    ("upload", "a_pixel"),
    [
        (encoded(MANY, "PNG"), 1),
        (encoded(MANY.convert("P"), "PNG"), 1),
        (encoded(MANY.convert("RGB"), "PNG"), 4),
        (encoded(MANY.convert("RGBA"), "PNG"), 4),
        (encoded(MANY.convert("RGB"), "WEBP", method=0), 12),
        (encoded(MANY.convert("RGB"), "JPEG", progressive=True, subsampling=0), 6),
    ],
    ids=["grey", "palette", "RGB", "RGBA", "WebP", "progressive"],
)
def test_a_picture_says_how_much_memory_it_takes(
    upload: bytes, a_pixel: int, reserved: list[int]
) -> None:
    decode_upload(upload)
    assert len(reserved) == 1
    assert a_pixel * 1800 * 2000 <= reserved[0] <= uploads.READER_BYTES


def test_the_largest_picture_of_every_kind_fits_into_the_memory() -> None:
    assert 16 * data.MAX_UPLOAD_PIXELS <= uploads.READER_BYTES


def test_arrays_are_read_within_the_same_memory(reserved: list[int]) -> None:
    file = io.BytesIO()
    labels = np.arange(40) % 4
    np.savez(
        file,
        images=np.zeros((40, 8, 8), np.uint8) + labels[:, None, None].astype("u1"),
        labels=labels,
    )
    read_npz(file.getvalue())
    assert len(reserved) == 1
    assert reserved[0] >= 8 * 40 * 64


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (1600, 1600), (700, 600)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "I;16"])
def test_what_is_kept_is_no_larger_than_a_page_shows(size: tuple[int, int], mode: str) -> None:
    picture = Image.linear_gradient("L").resize(size)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    decoded = decode_upload(encoded(picture if mode == "I;16" else picture.convert(mode), "PNG"))
    assert min(decoded.shape[:2]) == min(512, *size)
    assert decoded.base is not None, "a view of nothing larger than itself"
    truth = np.asarray(
        Image.linear_gradient("L").resize(size).resize(decoded.shape[1::-1], Image.Resampling.BOX)
    )
    assert np.abs(decoded.astype(int) - truth[..., None]).max() <= 3


@pytest.mark.parametrize("most", [2**20, MAX_UPLOAD_BYTES])
def test_the_limit_is_the_one_that_is_set(most: int) -> None:
    for read, begin in ((decode_upload, b"\x89PNG\r\n\x1a\n"), (read_npz, b"PK")):
        with pytest.raises(SpecError, match=f"at most {most >> 20} MB"):
            read(begin.ljust(most + 1, b"\0"), most)
        with pytest.raises(SpecError) as other:
            read(begin.ljust(most, b"\0"), most)
        assert "MB" not in str(other.value)
