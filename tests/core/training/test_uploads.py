"""A visitor's images: what is taken, and that everything else is refused with a sentence."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.training import Net, TrainingSpec
from core.training.loop import train
from core.training.uploads import MAX_BYTES, read_npz
from core.uploads import MAX_UPLOAD_BYTES
from tests.examples import examples

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 12, 10), dtype=np.uint8)
LABELS = np.repeat([3, 7], 20)


def packed(save=np.savez, **arrays: object) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def npy(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def header(shape: tuple[int, ...], dtype: str = "|u1") -> bytes:
    """That of an array, without its numbers."""
    buffer = io.BytesIO()
    described = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "images",
    [
        IMAGES,
        np.asfortranarray(IMAGES),
        IMAGES[:, None].repeat(3, 1),
        IMAGES.astype(">f4"),
        IMAGES.astype(np.float64) / 255,
    ],
)
def test_images_are_read_standardised(save, images):
    found = read_npz(packed(save, images=images, labels=LABELS))
    plain = images.reshape(40, -1, 12, 10).astype(float)
    np.testing.assert_allclose(found.images, (plain - plain.mean()) / plain.std(), atol=1e-4)
    np.testing.assert_array_equal(np.array(found.names)[found.labels], LABELS)
    assert found.names == (3, 7)
    assert found.shape == plain.shape[1:]
    assert not found.images.flags.writeable
    assert found == read_npz(packed(save, images=images, labels=LABELS))


def test_own_images_can_be_learned():
    images = IMAGES.astype(np.float32)
    images[:20] += 60
    task = read_npz(packed(images=images, labels=LABELS))
    other = read_npz(packed(images=images + 1, labels=LABELS))
    assert hash(task) != hash(other)
    spec = TrainingSpec(
        Net(levels=2, width=4),
        task,
        batch=8,
        steps=30,
        warm_up=3,
        records=1,
        erf_draws=1,
        snapshots=1,
    )
    shot = list(train(spec))[-1].snapshot
    assert shot is not None
    assert shot.test_accuracy > 0.8


def test_images_too_small_for_the_halvings_are_refused():
    task = read_npz(packed(images=IMAGES, labels=LABELS))
    with pytest.raises(SpecError):
        train(TrainingSpec(Net(levels=4), task))


class Bomb:
    def __reduce__(self):
        return os.putenv, ("TRAINING_UPLOAD_RAN", "1")


def test_pickled_objects_are_never_loaded(monkeypatch):
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "loads", None)
    objects = np.array([Bomb()] * 40, dtype=object)
    for data in (
        packed(images=objects, labels=LABELS),
        packed(images=IMAGES, labels=objects),
        zipped(images=pickle.dumps(Bomb()), labels=npy(LABELS)),
    ):
        with pytest.raises(SpecError) as error:
            read_npz(data)
        assert not isinstance(error.value.__cause__, TypeError)  # what calling None would raise


def bomb_of_declared_size() -> bytes:
    return zipped(images=b"\0" * (MAX_BYTES + 1), labels=npy(LABELS))


def bomb_that_lies() -> bytes:
    """A directory that says 100 bytes for a member of 30 MB."""
    data = bytearray(zipped(images=header((40, 12, 10)) + b"\0" * 30_000_000, labels=npy(LABELS)))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.index(signature) + offset, 100)
    return bytes(data)


REFUSED = {
    "nothing": (b"", "upload"),
    "too large": (b"PK" + b"\0" * MAX_UPLOAD_BYTES, "upload"),
    "no zip": (npy(IMAGES), "upload"),
    "one array": (packed(images=IMAGES), "upload"),
    "three arrays": (packed(images=IMAGES, labels=LABELS, more=LABELS), "upload"),
    "other names": (packed(x=IMAGES, y=LABELS), "upload"),
    "bomb": (bomb_of_declared_size(), "upload"),
    "lying bomb": (bomb_that_lies(), None),
    "bomb in the header": (zipped(images=header((20_000, 64, 64)), labels=npy(LABELS)), "images"),
    "huge header": (zipped(images=header((2**62, 64, 64)), labels=npy(LABELS)), "images"),
    "negative": (zipped(images=header((-40, 12, 10)), labels=npy(LABELS)), "images"),
    "many labels": (zipped(images=npy(IMAGES), labels=header((2**40,), "<i8")), "labels"),
    "too few numbers": (zipped(images=npy(IMAGES)[:-1], labels=npy(LABELS)), "images"),
    "too many numbers": (zipped(images=npy(IMAGES) + b"\0", labels=npy(LABELS)), "images"),
    "flat images": (packed(images=IMAGES.reshape(40, -1), labels=LABELS), "images"),
    "five axes": (packed(images=IMAGES[:, None, None], labels=LABELS), "images"),
    "channels": (packed(images=IMAGES[:, None].repeat(5, 1), labels=LABELS), "images"),
    "small": (packed(images=IMAGES[:, :7], labels=LABELS), "images"),
    "wide": (packed(images=IMAGES.repeat(7, 2), labels=LABELS), "images"),
    "few": (packed(images=IMAGES[:19], labels=LABELS[:19]), "images"),
    "int16": (packed(images=IMAGES.astype(np.int16), labels=LABELS), "images"),
    "uint16": (packed(images=IMAGES.astype(np.uint16), labels=LABELS), "images"),
    "complex": (packed(images=IMAGES.astype(complex), labels=LABELS), "images"),
    "nan": (packed(images=np.full(IMAGES.shape, np.nan), labels=LABELS), "images"),
    "infinite": (packed(images=np.full(IMAGES.shape, np.inf, np.float16), labels=LABELS), "images"),
    "one grey": (packed(images=np.ones(IMAGES.shape, np.uint8), labels=LABELS), "images"),
    "words": (packed(images=IMAGES, labels=LABELS.astype(str)), "labels"),
    "real labels": (packed(images=IMAGES, labels=LABELS / 2), "labels"),
    "one-hot": (packed(images=IMAGES, labels=np.eye(2, dtype=int)[LABELS // 7]), "labels"),
    "too few labels": (packed(images=IMAGES, labels=LABELS[:-1]), "labels"),
    "one class": (packed(images=IMAGES, labels=LABELS * 0), "labels"),
    "all different": (packed(images=IMAGES, labels=np.arange(40)), "labels"),
    "a rare class": (packed(images=IMAGES, labels=np.r_[LABELS[:-1], 9]), "labels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_rest_is_refused(case):
    data, parameter = REFUSED[case]
    with pytest.raises(SpecError) as error:
        read_npz(data)
    assert parameter in (None, error.value.parameter)
    assert " must " in str(error.value)
    assert len(str(error.value)) < 250


@examples(60)
@given(st.data())
def test_damaged_files_are_refused_or_read(data):
    whole = packed(np.savez_compressed, images=IMAGES[:, :8, :8], labels=LABELS)
    cut = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if cut:
            cut[data.draw(st.integers(0, len(cut) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_npz(bytes(cut))
    except SpecError:
        return
    assert len(found.images) == len(found.labels)
