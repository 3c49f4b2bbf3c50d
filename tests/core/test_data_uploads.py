"""Uploads: bounded before decoding, and no exception but SpecError."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, ImageOps

from core import data
from core.data import crop_and_scale, decode_upload
from core.errors import SpecError
from core.uploads import MAX_UPLOAD_BYTES
from tests.examples import examples


def assert_board(board: data.Planes, shape: tuple[int, ...]) -> None:
    assert board.shape == shape
    assert board.dtype == np.float32
    assert not board.flags.writeable
    assert np.array_equal(board, np.rint(board))
    assert board.min() >= 0
    assert board.max() <= 255


# --- uploads -------------------------------------------------------------------------------------


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    """One chunk of a PNG: length, name, body, checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks)


NO_PIXELS = chunk(b"IDAT", b"")


def scene(width: int = 24, height: int = 16) -> Image.Image:
    """A smooth picture without symmetry, which JPEG keeps nearly as it is."""
    row, column = np.mgrid[0:height, 0:width]
    planes = [column * 255 / width, row * 255 / height, (row + column) * 255 / (width + height)]
    return Image.fromarray(np.stack(planes, 2).astype(np.uint8))


def distance(decoded: data.Bytes, expected: Image.Image) -> float:
    other = np.asarray(expected.convert("RGB"))
    assert decoded.shape == other.shape
    return float(np.abs(decoded.astype(float) - other).mean())


@pytest.mark.parametrize("kind, tolerance", [("PNG", 0), ("WEBP", 0), ("JPEG", 3)])
def test_the_three_kinds_are_read(kind: str, tolerance: float) -> None:
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_upload(encode(scene(), kind, **options))
    assert decoded.dtype == np.uint8
    assert not decoded.flags.writeable
    assert distance(decoded, scene()) <= tolerance


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO", "PDF"])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(SpecError, match="PNG, JPEG or WebP"):
        decode_upload(encode(scene(), kind))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_exif_orientations_come_out_upright(kind: str, orientation: int) -> None:
    stored = scene(64, 40)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else {"lossless": True}
    upload = encode(stored, kind, exif=exif, **(options if kind != "PNG" else {}))
    stored.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(stored)
    assert distance(decode_upload(upload), upright) <= 3
    # The eight turns of this scene are all far apart, so the test above can tell them.
    turned = decode_upload(upload)
    plain = np.asarray(stored)
    assert (orientation == 1) == (
        turned.shape == plain.shape and float(np.abs(turned - plain.astype(float)).mean()) < 4
    )


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("body", [b"MM\0*\xff\xff\xff\xff garbage", b"not a TIFF header"])
def test_damaged_exif_is_ignored(kind: str, body: bytes) -> None:
    upload = encode(scene(), kind, exif=b"Exif\0\0" + body)
    assert distance(decode_upload(upload), scene()) < 6


def test_alpha_lies_over_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    image.paste((0, 0, 0, 0), (0, 0, 2, 4))
    decoded = decode_upload(encode(image, "PNG"))
    assert (decoded[:, :2] == 255).all()
    assert np.abs(decoded[:, 2:].astype(int) - [255, 127, 127]).max() <= 1


def grey_16() -> Image.Image:
    return Image.fromarray(np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16))


def palette_with_transparency() -> Image.Image:
    image = scene().convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    image.info["transparency"] = 0
    return image


@pytest.mark.parametrize(
    "make, kind",
    [
        (lambda: scene().convert("L"), "PNG"),
        (lambda: scene().convert("1"), "PNG"),
        (lambda: scene().convert("LA"), "PNG"),
        (lambda: scene().convert("P"), "PNG"),
        (lambda: scene().convert("L"), "JPEG"),
        (lambda: scene().convert("CMYK"), "JPEG"),
        (lambda: scene().convert("RGBA"), "WEBP"),
    ],
)
def test_every_mode_is_read(make: Callable[[], Image.Image], kind: str) -> None:
    image = make()
    assert distance(decode_upload(encode(image, kind)), image) <= 6


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    decoded = decode_upload(encode(grey_16(), "PNG"))
    assert np.array_equal(decoded[..., 0].ravel(), (np.asarray(grey_16()) // 257).ravel())
    assert (decoded[-1, -1] == 255).all()


def test_a_transparent_palette_entry_is_white() -> None:
    image = palette_with_transparency()
    clear = np.asarray(image) == 0
    decoded = decode_upload(encode(image, "PNG", transparency=0))
    assert clear.any()
    assert (decoded[clear] == 255).all()
    assert not (decoded[~clear] == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    upload = encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    assert distance(decode_upload(upload), frames[0]) < 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("size", [(2400, 1200), (1500, 64), (1200, 2400)])
def test_large_uploads_are_reduced(kind: str, size: tuple[int, int]) -> None:
    decoded = decode_upload(encode(scene(*size), kind))
    scale = min(data.MAX_UPLOAD_SIDE / max(size), data.MAX_UPLOAD_SHORT_SIDE / min(size))
    assert decoded.shape[:2] == (round(size[1] * scale), round(size[0] * scale))
    assert distance(decoded, scene(*size).resize(decoded.shape[1::-1])) < 4


def test_small_uploads_keep_their_size() -> None:
    assert decode_upload(encode(scene(1024, 7), "PNG")).shape == (7, 1024, 3)


def test_an_upload_reaches_the_board() -> None:
    assert_board(
        crop_and_scale(decode_upload(encode(scene(100, 60), "JPEG")), (16, 16), 3), (3, 16, 16)
    )


# --- hostile uploads -----------------------------------------------------------------------------


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise AssertionError("a pixel was decoded")

    for owner in (ImageFile.ImageFile, *(reader for _, _, reader in data._READERS)):
        monkeypatch.setattr(owner, "load", load)


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG of ``scene`` whose frame header (SOF0) claims another size."""
    small = encode(scene(), "JPEG")
    place = small.index(b"\xff\xc0") + 5
    return small[:place] + struct.pack(">HH", height, width) + small[place + 4 :]


def webp_header(width: int, height: int) -> bytes:
    """A lossless WebP of ``scene`` whose VP8L header claims another size (14 bits a side)."""
    small = bytearray(encode(scene(), "WEBP", lossless=True))
    place = small.index(b"VP8L") + 9
    (bits,) = struct.unpack_from("<I", small, place)
    bits = (bits >> 28 << 28) | (height - 1) << 14 | (width - 1)
    struct.pack_into("<I", small, place, bits)
    return bytes(small)


def webp_canvas(width: int, height: int) -> bytes:
    """An extended WebP (VP8X) that claims a canvas and holds nothing else."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + sides
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize(
    "upload",
    [
        png(60_000, 60_000, NO_PIXELS),
        png(60_000, 60_000, chunk(b"IDAT", zlib.compress(bytes(10_000)))),
        png(10_000, 10_000, NO_PIXELS),  # between Pillow's own two limits, where it would warn
        png(data.MAX_UPLOAD_PIXELS + 1, 1, NO_PIXELS),
        jpeg_header(60_000, 60_000),
        jpeg_header(10_000, 10_000),
        webp_header(16_000, 16_000),
        webp_header(6_000, 6_000),
        webp_canvas(2**24, 200),
    ],
    ids=["png", "png data", "png warns", "png line", "jpeg", "jpeg 2", "webp", "webp 2", "canvas"],
)
def test_too_many_pixels_are_refused_before_decoding(upload: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SpecError, match="at most 24 million pixels"):
            decode_upload(upload)


@pytest.mark.usefixtures("no_decoding")
def test_the_guard_against_decoding_guards() -> None:
    with pytest.raises(SpecError) as refusal:
        decode_upload(encode(scene(), "PNG"))
    assert isinstance(refusal.value.__cause__, AssertionError)


def test_as_many_pixels_as_allowed_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "MAX_UPLOAD_PIXELS", 24 * 16)
    assert decode_upload(encode(scene(24, 16), "PNG")).shape == (16, 24, 3)
    with pytest.raises(SpecError, match="pixels"):
        decode_upload(encode(scene(24, 17), "PNG"))


@pytest.mark.usefixtures("no_decoding")
def test_too_many_bytes_are_refused_before_decoding() -> None:
    upload = encode(scene(), "PNG").ljust(MAX_UPLOAD_BYTES + 1, b"\0")
    with pytest.raises(SpecError, match=f"at most {MAX_UPLOAD_BYTES // 2**20} MB"):
        decode_upload(upload)


def test_as_many_bytes_as_allowed_are_read() -> None:
    upload = encode(scene(), "PNG").ljust(MAX_UPLOAD_BYTES, b"\0")
    assert distance(decode_upload(upload), scene()) == 0


@pytest.mark.usefixtures("no_decoding")
def test_a_jpeg_of_endless_scans_is_refused() -> None:
    upload = encode(scene(), "JPEG", progressive=True)
    scan = upload[upload.rindex(b"\xff\xda") : -2]
    with pytest.raises(SpecError, match="baseline"):
        decode_upload(upload[:-2] + scan * data.MAX_JPEG_SCANS + upload[-2:])


def test_a_progressive_jpeg_is_read() -> None:
    assert distance(decode_upload(encode(scene(), "JPEG", progressive=True)), scene()) < 6


IDAT = chunk(b"IDAT", zlib.compress(bytes(8 * (1 + 8 * 3)))) + chunk(b"IEND", b"")
ZEROS = zlib.compress(bytes(2**26), 9)  # 64 MB in 64 kB


@pytest.mark.parametrize(
    "bomb",
    [
        chunk(b"iCCP", b"x\0\0" + ZEROS),
        chunk(b"zTXt", b"Comment\0\0" + ZEROS),
        chunk(b"iTXt", b"Comment\0\x01\0\0\0" + ZEROS),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + ZEROS),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**20 - 1))) * 100,
    ],
    ids=["iCCP", "zTXt", "iTXt", "exif", "many"],
)
def test_compressed_chunks_of_a_png_cannot_explode(bomb: bytes) -> None:
    try:
        decoded = decode_upload(png(8, 8, bomb, IDAT))
    except SpecError as refusal:
        assert "save it again" in str(refusal)  # noqa: PT017 - both ends are welcome
    else:
        assert decoded.shape == (8, 8, 3)


def test_a_colour_profile_does_no_harm() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    upload = encode(scene(), "PNG", icc_profile=profile)
    assert distance(decode_upload(upload), scene()) == 0


def valid_uploads() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [scene(), scene().transpose(Image.Transpose.ROTATE_180)]
    animated: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    return [
        encode(scene(), "PNG", exif=exif),
        encode(palette_with_transparency(), "PNG", transparency=0),
        encode(grey_16(), "PNG"),
        encode(scene(), "PNG", **animated),
        encode(scene(), "JPEG", exif=exif, comment=b"hello"),
        encode(scene(), "JPEG", progressive=True),
        encode(scene().convert("CMYK"), "JPEG"),
        encode(scene(), "WEBP", exif=exif),
        encode(scene().convert("RGBA"), "WEBP", lossless=True),
        encode(scene(), "WEBP", **animated),
    ]


VALID = valid_uploads()


def survives(upload: bytes) -> None:
    """A picture or a SpecError; anything else fails the test."""
    try:
        decoded = decode_upload(upload)
    except SpecError as refusal:
        assert refusal.parameter == "upload"  # noqa: PT017 - both ends are welcome
        assert len(str(refusal)) < 200  # noqa: PT017
    else:
        assert decoded.ndim == 3
        assert decoded.shape[2] == 3
        assert max(decoded.shape) <= data.MAX_UPLOAD_SIDE


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about damaged metadata
class TestFuzz:
    @examples(200, deadline=None, derandomize=True)
    @given(upload=st.binary(max_size=300), mark=st.sampled_from([b"", *(v[:16] for v in VALID)]))
    def test_random_bytes(self, upload: bytes, mark: bytes) -> None:
        with pytest.raises(SpecError):
            decode_upload(mark + upload)

    @examples(400, deadline=None, derandomize=True)
    @given(st.sampled_from(VALID), st.data())
    def test_mutated_files(self, upload: bytes, draw: st.DataObject) -> None:
        mutated = bytearray(upload)
        places = st.integers(0, len(upload) - 1)
        for place, value in draw.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
            mutated[place] = value
        start, length = draw.draw(places), draw.draw(st.integers(0, 8))
        if draw.draw(st.booleans()):
            del mutated[start : start + length]
        survives(bytes(mutated))

    @pytest.mark.parametrize("upload", VALID, ids=range(len(VALID)))
    def test_truncated_files(self, upload: bytes) -> None:
        for length in range(0, len(upload), max(1, len(upload) // 60)):
            survives(upload[:length])
        with pytest.raises(SpecError):
            decode_upload(upload[: len(upload) // 3])

    @pytest.mark.parametrize("upload", VALID, ids=range(len(VALID)))
    def test_the_files_to_mutate_are_valid(self, upload: bytes) -> None:
        assert decode_upload(upload).shape in ((16, 24, 3), (24, 16, 3), (8, 8, 3))


def test_a_refusal_never_quotes_the_upload() -> None:
    with pytest.raises(SpecError) as refusal:
        decode_upload(b"secret" * 1000)
    assert "secret" not in str(refusal.value)
