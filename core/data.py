"""Pictures as inputs of layers: photographs, digits, test patterns and uploads.

`picture` and `crop_and_scale` return float32 ``(channels, height, width)``, read-only, with whole
numbers from 0 to 255, so that they are easy to read in cells. One channel of a photograph is its
luminance (ITU-R 601); of several, channel ``c`` is plane ``c % 3`` of red, green, blue. The
planes of patterns repeat in the same way.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from .errors import SpecError
from .uploads import MAX_UPLOAD_BYTES, READER_POOL, check_size

MAX_SIDE = 512  # pixels, each side of a picture that `picture` or `crop_and_scale` returns
MAX_CHANNELS, MAX_SEED = 8, 2**31 - 1
MAX_UPLOAD_PIXELS = 24_000_000
MAX_UPLOAD_SIDE = 1024  # pixels, the longer side of what decode_upload returns
MAX_UPLOAD_SHORT_SIDE = MAX_SIDE  # pixels, the shorter side; no page shows more
MAX_JPEG_SCANS = 200  # a usual JPEG has about ten; those of an 8 MB file could take an hour
BAND_PIXELS = 2**20  # number of pixels that are converted at a time
REDUCING_BYTES = 20 * 2**20  # memory of one band and of the reduced picture
_FEWER_PIXELS = f"must have at most {MAX_UPLOAD_PIXELS // 10**6} million pixels; try a smaller copy"
Planes: TypeAlias = npt.NDArray[np.float32]  # (channels, height, width)
Bytes: TypeAlias = npt.NDArray[np.uint8]
Size: TypeAlias = tuple[int, int]  # (height, width)
Box: TypeAlias = tuple[int, int, int, int]  # (left, top, right, bottom), as PIL has it
DrawFunction: TypeAlias = Callable[[Size, int, int], npt.NDArray[Any]]
"""Function from (size, channels, seed) to (planes, height, width) values from 0 to 255."""


@dataclass(frozen=True)
class Credit:
    """The author of a photograph, and the license under which it is used, cropped and scaled.

    Source: scikit-learn's notes on its photographs (datasets/images/README.txt). They name one
    author for both, but the second address belongs to another photographer.
    """

    author: str  # the account on Flickr
    address: str  # URL of the photograph
    license: str = "CC BY 2.0"
    license_address: str = "https://creativecommons.org/licenses/by/2.0/"

    def __str__(self) -> str:
        licensed = f"{self.license} ({self.license_address})"
        return f"photograph by {self.author}, {self.address}, {licensed}, cropped and scaled"


@dataclass(frozen=True)
class Picture:
    """One row of PICTURES: name and description of a picture, and the function that draws it."""

    label: str
    description: str
    draw: DrawFunction  # may return fewer planes than channels, which are then repeated
    color: bool = False  # whether three channels are red, green and blue
    seeded: bool = False  # whether the seed changes the picture
    credit: Credit | None = None  # None except for photographs


def picture(name: str, size: Size, channels: int = 1, seed: int = 0) -> Planes:
    """The picture ``name`` of PICTURES as read-only float32 ``(channels, *size)``, whole, 0..255.

    Args:
        name: a key of PICTURES.
        size: (height, width) in pixels, each from 1 to MAX_SIDE.
        channels: number of channels, from 1 to MAX_CHANNELS.
        seed: from 0 to MAX_SEED; it changes only pictures that are ``seeded``.

    Raises:
        SpecError: an invalid setting, or scikit-learn's sample files are missing.
    """
    if name not in PICTURES:
        raise SpecError("picture", f"must be one of {', '.join(PICTURES)}", name)
    _check_settings(size, channels, seed)
    return _repeated_planes(PICTURES[name].draw(size, channels, seed), channels)


def crop_and_scale(image: Bytes, size: Size, channels: int = 1) -> Planes:
    """The largest centered window of an image with the aspect ratio of ``size``, scaled to it.

    Reducing averages the area that each pixel covers (PIL's BOX); enlarging is bicubic.

    Args:
        image: uint8 (height, width, 3).
        size, channels: as for `picture`, whose form the result has.

    Raises:
        SpecError: an invalid setting or image.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise SpecError("image", "must be uint8 (height, width, 3)", (image.dtype, image.shape))
    _check_settings(size, channels)
    return _repeated_planes(_crop_and_resample(image, size, channels), channels)


def decode_upload(data: bytes, max_bytes: int = MAX_UPLOAD_BYTES) -> Bytes:
    """Decode an uploaded PNG, JPEG or WebP to read-only uint8 ``(height, width, 3)``, RGB.

    Byte count, format (by content) and pixel count are checked before any pixel is decoded. The
    result is the first frame over white, with 8 bits, scaled to sides of at most MAX_UPLOAD_SIDE
    and MAX_UPLOAD_SHORT_SIDE, upright by its EXIF orientation; the color profile is ignored. Few
    pictures are decoded at a time (`core.uploads.READER_POOL`). Nothing is written to disk.

    Raises:
        SpecError: the bytes are anything else.
    """
    check_size(data, max_bytes, "try a smaller copy")
    reader = next((kind for place, mark, kind in _READERS if data[place] == mark), None)
    if reader is None:
        raise SpecError("upload", "must be a PNG, JPEG or WebP picture", f"{len(data)} other bytes")
    try:
        with reader(io.BytesIO(data)) as image:
            _check_header(image, data)
            size = _reduced_size(image.size)
            memory = _decoding_bytes(image, data, size)
            small = READER_POOL.run(memory, lambda: _reduced_rgb(image, size))
        return np.asarray(small)  # read-only, as Pillow gives it
    except SpecError:
        raise
    except Image.DecompressionBombError as error:  # Pillow's WebP reader checks the size itself
        raise SpecError("upload", _FEWER_PIXELS, "far more") from error
    except Exception as error:  # hostile bytes: Pillow raises a dozen kinds of exception
        rule = "must be an undamaged picture; open it in an image editor and save it again as PNG"
        raise SpecError("upload", rule, f"a damaged file of {len(data)} bytes") from error


def _check_settings(size: Size, channels: int, seed: int = 0) -> None:
    """Raise SpecError for a setting of `picture` that is out of range."""
    for parameter, value, low, high in (
        ("height", size[0], 1, MAX_SIDE),
        ("width", size[1], 1, MAX_SIDE),
        ("channels", channels, 1, MAX_CHANNELS),
        ("seed", seed, 0, MAX_SEED),
    ):
        if not isinstance(value, (int, np.integer)) or not low <= value <= high:
            raise SpecError(parameter, f"must be a whole number from {low} to {high}", value)


def _repeated_planes(planes: npt.NDArray[Any], channels: int) -> Planes:
    """Repeat planes (n, h, w) up to the number of channels, rounded to whole numbers."""
    repeated: Planes = np.rint(planes[np.arange(channels) % len(planes)]).astype(np.float32)
    repeated.flags.writeable = False
    return repeated


def _crop_and_resample(image: Bytes, size: Size, channels: int) -> Bytes:
    """Crop and scale uint8 (h, w, 3) to (1 or 3, *size); one channel is the luminance."""
    source = Image.fromarray(image).convert("L" if channels == 1 else "RGB")
    scale = min(
        source.height / size[0], source.width / size[1]
    )  # source pixels per pixel of the result
    down, across = min(size[0] * scale, source.height), min(size[1] * scale, source.width)
    left, top = (source.width - across) / 2, (source.height - down) / 2
    box = (left, top, left + across, top + down)
    method = Image.Resampling.BOX if scale >= 1 else Image.Resampling.BICUBIC
    small = source.resize(size[::-1], method, box=box)
    return np.asarray(small).reshape(*size, -1).transpose(2, 0, 1)


# Position and value of the first bytes of each format, and Pillow's reader. The readers are called
# directly, because Image.open would warn of large pictures, and silencing a warning is not safe
# with threads. Their constructors read the header only.
_READERS: tuple[tuple[slice, bytes, type[ImageFile.ImageFile]], ...] = (
    (slice(0, 8), b"\x89PNG\r\n\x1a\n", PngImageFile),
    (slice(0, 3), b"\xff\xd8\xff", JpegImageFile),
    (slice(8, 12), b"WEBP", WebPImageFile),
)
# PIL's names of the operations that turn EXIF orientations 2 to 8 (tag 0x0112) upright.
_TURNS = "FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_270 TRANSVERSE ROTATE_90"
_UPRIGHT = {tag: Image.Transpose[turn] for tag, turn in enumerate(_TURNS.split(), start=2)}


def _check_header(image: Image.Image, data: bytes) -> None:
    """Raise SpecError for a picture that would take too much memory or time to decode."""
    if image.width * image.height > MAX_UPLOAD_PIXELS:
        raise SpecError("upload", _FEWER_PIXELS, f"{image.width} x {image.height}")
    scans = _scan_count(image, data)
    if scans > MAX_JPEG_SCANS:
        rule = f"must be a JPEG of at most {MAX_JPEG_SCANS} scans; save it again as a baseline JPEG"
        raise SpecError("upload", rule, f"{scans} scans")


def _scan_count(image: Image.Image, data: bytes) -> int:
    """Number of scans of a JPEG, i.e. of passes over the picture; 1 for other formats."""
    return data.count(b"\xff\xda") if isinstance(image, JpegImageFile) else 1


def _reduced_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) to which a picture is reduced, with the same aspect ratio."""
    scale = min(1.0, MAX_UPLOAD_SIDE / max(size), MAX_UPLOAD_SHORT_SIDE / min(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _decoding_bytes(image: Image.Image, data: bytes, size: tuple[int, int]) -> int:
    """Peak memory of decoding in bytes, measured on pictures of 24 million pixels.

    Pillow stores one byte per pixel for pictures in gray or with a palette, four for all others.
    For a WebP, libwebp stores two frames and returns a third. For a JPEG in several scans, libjpeg
    stores all coefficients, two bytes each, whatever the size of the decoded picture.
    """
    pixels = image.width * image.height
    if isinstance(image, WebPImageFile):
        return 16 * pixels
    coefficient_bytes = 8 * pixels if _scan_count(image, data) > 1 else 0
    image.draft(None, size)  # makes libjpeg decode at 1/2, 1/4 or 1/8 of the size
    pixel_bytes = 1 if image.mode in ("1", "L", "P") else 4
    return coefficient_bytes + image.width * image.height * pixel_bytes + REDUCING_BYTES


def _reduced_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Decode a picture, reduce it to ``size``, blend it over white, and turn it upright.

    Only one full-size copy exists at a time.
    """
    image.load()
    turn = None
    with suppress(Exception):  # damaged metadata is no reason to refuse a picture
        turn = _UPRIGHT.get(image.getexif().get(0x0112, 1))
    small = _reduced_in_bands(image, size)
    image.close()  # frees the memory now, as the caller may hold a reference for a while
    small = small.resize(size, Image.Resampling.BICUBIC)
    if small.mode == "RGBA":
        small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
    return (small if turn is None else small.transpose(turn)).convert("RGB")


def _reduced_in_bands(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Reduce a picture by a whole factor to at least twice ``size``, in 8 bits per channel.

    It processes bands of rows, so that the full-size picture never exists in two modes.
    """
    factor = max(1, min(image.width // size[0], image.height // size[1]) // 2)
    rows = factor * -(-BAND_PIXELS // (image.width * factor))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    parts = []
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        if band.mode.startswith("I"):  # 16-bit gray; 65535 / 257 = 255
            band = Image.fromarray((np.asarray(band) // 257).astype(np.uint8))
        parts.append(band.convert(mode).reduce(factor))
    joined = Image.new(mode, (parts[0].width, sum(part.height for part in parts)))
    for number, part in enumerate(parts):
        joined.paste(part, (0, number * parts[0].height))
    return joined


def sample_file(name: str) -> bytes:
    """The bytes of a file of scikit-learn's datasets, without importing it, which would be slow."""
    spec = find_spec("sklearn")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder, "datasets", name)).is_file():
            return path.read_bytes()
    raise SpecError("picture", "needs scikit-learn's sample files; choose a pattern instead", name)


@lru_cache(maxsize=2)
def _cropped_photograph(name: str, box: Box) -> Bytes:
    """The part ``box`` of a sample photograph, uint8 (h, w, 3)."""
    with JpegImageFile(io.BytesIO(sample_file(f"images/{name}.jpg"))) as image:
        return np.asarray(image.crop(box))  # read-only, as Pillow gives it


def _scaled_photograph(name: str, box: Box, size: Size, channels: int, seed: int) -> Bytes:
    """Draw the part ``box`` of a sample photograph; the seed has no effect."""
    return _crop_and_resample(_cropped_photograph(name, box), size, channels)


@lru_cache(maxsize=1)
def _all_digits() -> Bytes:
    """The test part of UCI's optical digits, uint8 (1797, 8, 8), with 0..16 scaled to 0..255."""
    text = gzip.decompress(sample_file("data/digits.csv.gz")).decode()
    rows = np.fromstring(text.replace("\n", ","), sep=",").reshape(-1, 65)[:, :64]
    return np.rint(rows * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)


def _digit(size: Size, channels: int, seed: int) -> Bytes:
    """Digit ``seed`` modulo 1797, interpolated unless the size is a multiple of its 8 pixels."""
    method = Image.Resampling.BILINEAR if any(n % 8 for n in size) else Image.Resampling.NEAREST
    image = Image.fromarray(_all_digits()[seed % len(_all_digits())])
    return np.asarray(image.resize(size[::-1], method))[np.newaxis]


def _ramp(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    """Three planes: brightness rising to the right, downwards, and along the diagonal."""
    down, right = np.meshgrid(*(np.linspace(0, 255, n) for n in size), indexing="ij")
    return np.stack([right, down, (right + down) / 2])


def _checkerboard(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    """Three planes: checkerboards with squares of 1, 2 and 4 pixels."""
    row, column = np.indices(size)
    return np.stack([255 * ((row // side + column // side) % 2) for side in (1, 2, 4)])


def _zone_plate(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    """Three planes: the chirp cos(π x² / 2R) along both axes, along x, and along y.

    At distance x from the center its frequency is x / 2R cycles per pixel, which at the border,
    x = R = side / 2, is the Nyquist frequency 1/2.
    """
    phase = (np.pi * (np.arange(n) - (n - 1) / 2) ** 2 / n for n in size)
    down, right = np.meshgrid(*phase, indexing="ij")
    return 127.5 * (1 + np.cos(np.stack([right + down, right, down])))


def _impulse(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    """One plane: a single bright pixel in the center."""
    plane = np.zeros((1, *size))
    plane[0, size[0] // 2, size[1] // 2] = 255
    return plane


def _noise(size: Size, channels: int, seed: int) -> npt.NDArray[Any]:
    """Independent uniform pixels for every channel."""
    return np.random.default_rng(seed).integers(0, 256, (channels, *size))


_china = partial(
    _scaled_photograph, "china", (58, 8, 468, 418)
)  # square crops that are recognizable even at 8 x 8
_flower = partial(_scaled_photograph, "flower", (150, 60, 466, 376))
_CHINA = Credit("danielbuechele", "https://www.flickr.com/photos/danielbuechele/6061409035/")
_FLOWER = Credit("vultilion", "https://www.flickr.com/photos/vultilion/6056698931/")
PICTURES: Mapping[str, Picture] = {
    "china": Picture("Pagoda", "A dark tower before a bright sky.", _china, True, credit=_CHINA),
    "flower": Picture("Dahlia", "A round bloom on a dark ground.", _flower, True, credit=_FLOWER),
    "digit": Picture("Digit", "Handwritten; the seed picks one of 1,797.", _digit, seeded=True),
    "ramp": Picture("Ramp", "Brightness rises evenly from left to right.", _ramp),
    "checkerboard": Picture("Checkerboard", "Every pixel differs from the next.", _checkerboard),
    "zone_plate": Picture("Zone plate", "Rings, ever finer up to the Nyquist limit.", _zone_plate),
    "impulse": Picture("Impulse", "One bright pixel: shows the kernel, mirrored.", _impulse),
    "random": Picture("Noise", "Every pixel drawn on its own by the seed.", _noise, seeded=True),
}
"""Every built-in picture by its name."""
