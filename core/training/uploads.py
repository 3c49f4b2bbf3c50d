"""Reading of uploaded training images from an ``.npz`` file, without pickle.

The zip directory is checked before anything is unpacked: number, sizes and compression of its
members. Then each member's header is checked, and only then its values are read, never more than
the header states. Invalid files raise a SpecError.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..errors import SpecError
from ..uploads import MAX_UPLOAD_BYTES, READER_POOL, check_size
from .spec import OwnImages

MAX_BYTES = 64 * 2**20
"""Largest unpacked size of both members together."""
MAX_VALUES = 24_000_000
"""Largest number of values (pixels times channels) of all images, which are stored as float32."""
MEMORY_FACTOR = 20
"""Peak bytes of memory per unpacked byte: for 8-bit pixels, the float32 result and the float64
values of the standard deviation.
"""
MEMBERS = {"images.npy": "images", "labels.npy": "labels"}
"""The files in the ``.npz``, with the names of their arrays."""
SIDES = (8, 64)
"""Smallest and largest side of an image, in pixels."""
MAX_CHANNELS, MAX_IMAGES, MIN_IMAGES, MAX_CLASSES, MIN_IMAGES_PER_CLASS = 4, 20_000, 20, 50, 4
"""Limits of the images; the last one is the smallest number of images per class."""
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression methods that numpy uses."""
HEADER_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""numpy's function that reads the header of each version of the ``.npy`` format."""


def read_npz(data: bytes, max_bytes: int = MAX_UPLOAD_BYTES) -> OwnImages:
    """Read the images and labels of ``numpy.savez(file, images=…, labels=…)``.

    Args:
        data: an ``.npz`` with two members: ``images``, (N, H, W) or (N, C, H, W), uint8 or float,
            with sides within `SIDES`, and ``labels``, (N,) whole numbers. Pixels are standardized
            to mean 0 and standard deviation 1 over all images.
        max_bytes: largest size of the file.

    Raises:
        SpecError: the bytes are anything else.
    """
    check_size(data, max_bytes, "take fewer or smaller images")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            memory = MEMORY_FACTOR * _checked_unpacked_bytes(archive)
            digest = hashlib.sha256(data).hexdigest()[:32]
            return READER_POOL.run(memory, lambda: _read_members(archive, digest))
    except SpecError:
        raise
    except Exception as error:  # hostile bytes: zipfile, zlib and numpy raise a dozen kinds
        rule = "must be an undamaged .npz; save it again with numpy.savez_compressed"
        raise SpecError("upload", rule, f"a damaged file of {len(data)} bytes") from error


def _read_members(archive: zipfile.ZipFile, digest: str) -> OwnImages:
    """Unpack and check the members."""
    images, labels = (_read_array(archive, name) for name in MEMBERS)
    codes, names = _class_indices_and_labels(labels, len(images))
    return OwnImages(digest, _standardized(images), codes, names)


def _checked_unpacked_bytes(archive: zipfile.ZipFile) -> int:
    """The unpacked size of both members in bytes, as the zip directory states it, after checks."""
    members = archive.infolist()
    names = [member.filename for member in members]
    if sorted(names) != sorted(MEMBERS):
        content = f"{len(names)} members" if len(names) != 2 else ", ".join(n[:40] for n in names)
        raise SpecError("upload", "must hold two arrays named images and labels", content)
    size = sum(member.file_size for member in members)
    if size > MAX_BYTES:
        rule = f"must unpack to at most {MAX_BYTES >> 20} MB; take fewer or smaller images"
        raise SpecError("upload", rule, f"{size / 2**20:,.0f} MB")
    if any(member.compress_type not in COMPRESSIONS or member.flag_bits & 1 for member in members):
        raise SpecError("upload", "must be packed as numpy packs it", "another compression")
    return size


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Read one array, after checking its header."""
    with archive.open(name) as file:
        version = npy.read_magic(file)
        if version not in HEADER_READERS:
            raise SpecError(MEMBERS[name], "must be saved by numpy.savez", f"version {version}")
        shape, fortran, dtype = HEADER_READERS[version](file)
        _check_header(MEMBERS[name], shape, dtype)
        flat = _read_values(file, math.prod(shape), dtype, MEMBERS[name])
    return flat.reshape(shape, order="F" if fortran else "C")


def _check_header(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise SpecError for a type or shape that is no array of images (or of labels)."""
    kinds = "u f" if name == "images" else "i u"
    if dtype.hasobject or dtype.kind not in kinds or dtype.itemsize > 8:
        rule = "must be uint8 or float numbers" if name == "images" else "must be whole numbers"
        raise SpecError(name, rule, dtype)
    if name == "labels":
        if len(shape) != 1:
            raise SpecError(name, "must have one axis, one label an image", shape)
        return
    if dtype.kind == "u" and dtype.itemsize != 1:
        raise SpecError(name, "must be uint8 or float numbers", dtype)
    low, high = SIDES
    channels = shape[1] if len(shape) == 4 else 1
    if len(shape) not in (3, 4) or not 1 <= channels <= MAX_CHANNELS:
        rule = f"must be (N, H, W) or (N, C, H, W) with at most {MAX_CHANNELS} channels"
        raise SpecError(name, rule, shape)
    if not all(low <= side <= high for side in shape[-2:]):
        raise SpecError(name, f"must have {low} to {high} pixels a side", shape)
    if not MIN_IMAGES <= shape[0] <= MAX_IMAGES or math.prod(shape) > MAX_VALUES:
        rule = f"must be {MIN_IMAGES} to {MAX_IMAGES:,}, with at most {MAX_VALUES:,} values in all"
        raise SpecError(name, rule, shape)


def _read_values(file: IO[bytes], count: int, dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    """Read the values of a member, whose number must be the one that its header states."""
    size = count * dtype.itemsize
    if size > MAX_BYTES:
        raise SpecError(name, f"must unpack to at most {MAX_BYTES >> 20} MB", f"{size:,} bytes")
    data = file.read(size)
    if len(data) != size or file.read(1):
        raise SpecError(name, "must have as many numbers as its shape says", f"{len(data)} bytes")
    return np.frombuffer(data, dtype)


def _class_indices_and_labels(
    labels: NDArray[Any], images: int
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """(N,) class indices from 0, and the label of each class in the file."""
    if len(labels) != images:
        rule = f"must be as many as the images, {images}"
        raise SpecError("labels", rule, len(labels))
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if not 2 <= len(names) <= MAX_CLASSES:
        raise SpecError("labels", f"must be of 2 to {MAX_CLASSES} classes", f"{len(names)} classes")
    if counts.min() < MIN_IMAGES_PER_CLASS:
        rule = f"must be those of at least {MIN_IMAGES_PER_CLASS} images in every class"
        fewest = f"{counts.min()} of class {names[counts.argmin()]}"
        raise SpecError("labels", rule, fewest)
    ready = codes.astype(np.int64)
    ready.flags.writeable = False
    return ready, tuple(int(name) for name in names)


def _standardized(images: NDArray[Any]) -> NDArray[np.float32]:
    """The images as (N, C, H, W) with mean 0 and standard deviation 1, read-only."""
    if not np.isfinite(images).all() or np.abs(images).max() > 1e6:
        raise SpecError("images", "must be finite and at most a million", "others")
    mean, spread = float(images.mean(dtype=np.float64)), float(images.std(dtype=np.float64))
    if spread == 0:
        raise SpecError("images", "must not all be of one gray", f"{mean:g} everywhere")
    ready = ((images.astype(np.float32) - np.float32(mean)) / np.float32(spread)).astype(np.float32)
    if ready.ndim == 3:
        ready = ready[:, None]
    ready = np.ascontiguousarray(ready)
    ready.flags.writeable = False
    return ready
