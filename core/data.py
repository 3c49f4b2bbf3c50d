"""Pictures to convolve: photographs, digits, test patterns and a visitor's upload.

Whatever the source, the board gets float32 ``(channels, height, width)``, read-only, whole numbers
from 0 to 255, because students read them in cells. With one channel a photograph is luminance
(ITU-R 601); with more, channel ``c`` is plane ``c % 3`` of red, green, blue. Patterns cycle through
their planes in the same way; ``random`` draws every channel.

scikit-learn's sample files are read as files: importing the package takes more than a second.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import SpecError

MAX_SIDE = 512  # pixels, each side of a picture on the board
MAX_CHANNELS = 8
MAX_SEED = 2**31 - 1
MAX_UPLOAD_BYTES = 8 * 2**20
MAX_UPLOAD_PIXELS = 24_000_000
MAX_UPLOAD_SIDE = 1024  # pixels, the longer side of what decode_upload returns
MAX_JPEG_SCANS = 200  # a real progressive JPEG has about ten; 8 MB could hold an hour's work
_FEWER_PIXELS = f"must have at most {MAX_UPLOAD_PIXELS // 10**6} million pixels; try a smaller copy"

Planes: TypeAlias = npt.NDArray[np.float32]  # (channels, height, width)
Bytes: TypeAlias = npt.NDArray[np.uint8]
_Kind = TypeVar("_Kind", bound=np.generic)
Size: TypeAlias = tuple[int, int]  # (height, width)
Draw: TypeAlias = Callable[[Size, int, int], npt.NDArray[Any]]  # (size, channels, seed) -> planes


@dataclass(frozen=True)
class Picture:
    """One row of PICTURES: how a picture is called, what it is for, and how it is drawn."""

    label: str
    description: str
    colour: bool  # three channels are red, green and blue
    seeded: bool  # the seed changes the picture
    draw: Draw  # may return fewer planes than channels: they are repeated in turn


def picture(name: str, size: Size, channels: int = 1, seed: int = 0) -> Planes:
    """The picture ``name`` of PICTURES as read-only float32 ``(channels, *size)``, 0..255, whole.

    Args:
        name: a key of PICTURES.
        size: (height, width) in pixels, each 1..MAX_SIDE.
        channels: 1..MAX_CHANNELS; a smaller count gives the first channels of a larger one,
            except that a photograph with one channel is luminance.
        seed: 0..MAX_SEED; only rows with ``seeded`` look at it.

    Raises:
        SpecError: a setting is out of range, or scikit-learn's sample files are missing.
    """
    if name not in PICTURES:
        raise SpecError("picture", f"must be one of {', '.join(PICTURES)}", name)
    _check_board(size, channels, seed)
    return _board(PICTURES[name].draw(size, channels, seed), channels)


def fit(image: Bytes, size: Size, channels: int = 1) -> Planes:
    """A photograph on the board: the largest centred window of the wanted shape, resampled.

    Shrinking averages the area each pixel covers (PIL's BOX); enlarging is bicubic.

    Args:
        image: uint8 (height, width, 3), red, green, blue.
        size: (height, width) wanted, each 1..MAX_SIDE.
        channels: 1 is luminance, taken before resampling; more cycle through the colours.

    Raises:
        SpecError: the image is not of that kind, or a setting is out of range.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise SpecError("image", "must be uint8 (height, width, 3)", (image.dtype, image.shape))
    _check_board(size, channels)
    return _board(_crop_and_resample(image, size, channels), channels)


def decode_upload(data: bytes) -> Bytes:
    """A visitor's PNG, JPEG or WebP as read-only uint8 ``(height, width, 3)``, RGB.

    The kind is told from the content; byte count, kind and pixel count are checked before any
    pixel is decoded. Then: first frame, upright by its EXIF orientation, over white, 8 bits, longer
    side reduced to MAX_UPLOAD_SIDE. Colour profiles are ignored. Nothing is written to disk.

    Raises:
        SpecError: and nothing else, whatever the bytes.
    """
    if len(data) > MAX_UPLOAD_BYTES:
        limit = f"must be at most {MAX_UPLOAD_BYTES >> 20} MB; a smaller copy will do"
        raise SpecError("upload", limit, f"{len(data) / 2**20:.1f} MB")
    reader = _reader(data)
    try:
        with reader(io.BytesIO(data)) as image:
            _check_header(image, data)
            return _read_only(np.array(_reduced_rgb(image)))
    except SpecError:
        raise
    except Image.DecompressionBombError as error:  # WebP's reader may be the first to see the size
        raise SpecError("upload", _FEWER_PIXELS, "far more") from error
    except Exception as error:  # hostile bytes: Pillow's readers raise a dozen kinds of exception
        rule = "must be an undamaged picture; open it in an image editor and save it again as PNG"
        raise SpecError("upload", rule, f"a damaged file of {len(data)} bytes") from error


def _check_board(size: Size, channels: int, seed: int = 0) -> None:
    bounds = (
        ("height", size[0], 1, MAX_SIDE),
        ("width", size[1], 1, MAX_SIDE),
        ("channels", channels, 1, MAX_CHANNELS),
        ("seed", seed, 0, MAX_SEED),
    )
    for parameter, value, low, high in bounds:
        if not isinstance(value, int) or not low <= value <= high:
            raise SpecError(parameter, f"must be a whole number from {low} to {high}", value)


def _read_only(array: npt.NDArray[_Kind]) -> npt.NDArray[_Kind]:
    array.flags.writeable = False
    return array


def _board(planes: npt.NDArray[Any], channels: int) -> Planes:
    """Planes (n, h, w) repeated in turn up to the channel count, rounded."""
    return _read_only(np.rint(planes[np.arange(channels) % len(planes)]).astype(np.float32))


def _crop_and_resample(image: Bytes, size: Size, channels: int) -> Bytes:
    """uint8 (h, w, 3) → (1 or 3, *size)."""
    source = Image.fromarray(image).convert("L" if channels == 1 else "RGB")
    height, width = size
    scale = min(source.height / height, source.width / width)  # source pixels per board pixel
    left = (source.width - width * scale) / 2
    top = (source.height - height * scale) / 2
    box = (left, top, left + width * scale, top + height * scale)
    method = Image.Resampling.BOX if scale >= 1 else Image.Resampling.BICUBIC
    small = np.asarray(source.resize((width, height), method, box=box))
    return small.reshape(height, width, -1).transpose(2, 0, 1)


# Pillow's readers, called directly: Image.open would warn of large pictures, and silencing a
# warning is not safe among threads. Their constructors read the header only.
_READERS: tuple[tuple[slice, bytes, type[ImageFile.ImageFile]], ...] = (
    (slice(0, 8), b"\x89PNG\r\n\x1a\n", PngImageFile),
    (slice(0, 3), b"\xff\xd8\xff", JpegImageFile),
    (slice(8, 12), b"WEBP", WebPImageFile),
)

# EXIF 2.3, tag 0x0112 (Orientation): how to turn the stored pixels upright. 1 is upright.
_Turn = Image.Transpose
_UPRIGHT = dict(enumerate(
    (_Turn.FLIP_LEFT_RIGHT, _Turn.ROTATE_180, _Turn.FLIP_TOP_BOTTOM, _Turn.TRANSPOSE,
     _Turn.ROTATE_270, _Turn.TRANSVERSE, _Turn.ROTATE_90), start=2))  # fmt: skip


def _check_header(image: Image.Image, data: bytes) -> None:
    """Refuse what would take too much memory or time, before a pixel is decoded."""
    if image.width * image.height > MAX_UPLOAD_PIXELS:
        raise SpecError("upload", _FEWER_PIXELS, f"{image.width} x {image.height}")
    scans = data.count(b"\xff\xda") if isinstance(image, JpegImageFile) else 1
    if scans > MAX_JPEG_SCANS:
        rule = f"must be a JPEG of at most {MAX_JPEG_SCANS} scans; save it again as a baseline JPEG"
        raise SpecError("upload", rule, f"{scans} scans")


def _reader(data: bytes) -> type[ImageFile.ImageFile]:
    for place, mark, reader in _READERS:
        if data[place] == mark:
            return reader
    raise SpecError("upload", "must be a PNG, JPEG or WebP picture", f"{len(data)} other bytes")


def _reduced_rgb(image: ImageFile.ImageFile) -> Image.Image:
    """Decode, reduce, lay over white, turn upright: in this order, to hold few large copies."""
    image.draft(None, (MAX_UPLOAD_SIDE, MAX_UPLOAD_SIDE))  # lets JPEG decode at a fraction
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    small = _eight_bits(image)
    small.thumbnail((MAX_UPLOAD_SIDE, MAX_UPLOAD_SIDE))
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    return (small if turn is None else small.transpose(turn)).convert("RGB")


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # damaged metadata is no reason to refuse a picture
        return 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """Any mode of the three formats as RGB, or RGBA where it has transparency."""
    if image.mode.startswith("I"):  # 16-bit grey; 65535 / 257 = 255
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _sample_file(name: str) -> bytes:
    """A file of scikit-learn's ``datasets`` folder, found without importing the package."""
    spec = find_spec("sklearn")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        path = Path(folder, "datasets", name)
        if path.is_file():
            return path.read_bytes()
    rule = "needs a sample file of scikit-learn; install scikit-learn, or choose a pattern"
    raise SpecError("picture", rule, name)


@lru_cache(maxsize=4)
def _photograph(name: str, box: tuple[int, int, int, int]) -> Bytes:
    """The part (left, top, right, bottom) of a sample photograph, uint8 (h, w, 3)."""
    image = Image.open(io.BytesIO(_sample_file(f"images/{name}.jpg")))
    return _read_only(np.array(image.crop(box)))


def _china(size: Size, channels: int, seed: int) -> Bytes:
    return _crop_and_resample(_photograph("china", (10, 20, 410, 420)), size, channels)


def _flower(size: Size, channels: int, seed: int) -> Bytes:
    return _crop_and_resample(_photograph("flower", (150, 60, 466, 376)), size, channels)


@lru_cache(maxsize=1)
def _digits() -> Bytes:
    """The test part of UCI's optical digits, uint8 (1797, 8, 8), 0..16 scaled to 0..255."""
    text = gzip.decompress(_sample_file("data/digits.csv.gz")).decode()
    rows = np.fromstring(text.replace("\n", ","), sep=",").reshape(-1, 65)[:, :64]
    return _read_only(np.rint(rows * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8))


def _digit(size: Size, channels: int, seed: int) -> Bytes:
    """Digit ``seed`` modulo 1797: whole multiples of 8 keep its squares, other sizes blend."""
    height, width = size
    exact = height % 8 == 0 and width % 8 == 0
    method = Image.Resampling.NEAREST if exact else Image.Resampling.BILINEAR
    image = Image.fromarray(_digits()[seed % len(_digits())])
    return np.asarray(image.resize((width, height), method))[np.newaxis]


def _ramp(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    """Rising to the right; downwards; along the diagonal."""
    down, right = (np.linspace(0, 255, n) for n in size)
    across, along = np.meshgrid(right, down)
    return np.stack([across, along, (across + along) / 2])


def _checkerboard(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    """Squares of 1, 2 and 4 pixels."""
    row, column = np.indices(size)
    return np.stack([255 * ((row // side + column // side) % 2) for side in (1, 2, 4)])


def _zone_plate(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    """cos(π x² / 2R): its frequency x / 2R reaches Nyquist, 1/2 cycle a pixel, at the border x = R.

    Both axes; along rows only; along columns only.
    """
    down, right = (np.pi * (np.arange(n) - (n - 1) / 2) ** 2 / n for n in size)
    across, along = np.meshgrid(right, down)
    return 127.5 * (1 + np.cos(np.stack([across + along, across, along])))


def _impulse(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    plane = np.zeros((1, *size))
    plane[0, size[0] // 2, size[1] // 2] = 255
    return plane


def _random(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    return np.random.default_rng(seed).integers(0, 256, (channels, *size))


def _row(text: str, draw: Draw, colour: bool = False, seeded: bool = False) -> Picture:
    label, description = text.split(": ", 1)
    return Picture(label, description, colour, seeded, draw)


PICTURES: Mapping[str, Picture] = {
    "china": _row("Pagoda: A dark tower before a bright sky.", _china, colour=True),
    "flower": _row("Dahlia: A round bloom on a dark ground.", _flower, colour=True),
    "digit": _row("Digit: A handwritten digit; the seed picks one of 1,797.", _digit, seeded=True),
    "ramp": _row("Ramp: Brightness rises evenly from left to right.", _ramp),
    "checkerboard": _row("Checkerboard: The finest detail: every pixel alternates.", _checkerboard),
    "zone_plate": _row("Zone plate: Rings get finer up to the Nyquist limit.", _zone_plate),
    "impulse": _row("Impulse: One bright pixel: the answer is the kernel itself.", _impulse),
    "random": _row("Noise: Every pixel is drawn on its own; the seed changes it.", _random),
}
