"""Rubbish instead of a picture, through the page: a sentence, and the board goes on.

That the decoder itself is bounded, and refuses what is mutated or cut short, is shown beside it.
"""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image
from streamlit import config
from streamlit.testing.v1 import AppTest

from tests.viz.visit import again, opened, sent, unrun
from viz.server.options import streamlit_options
from viz.server.settings import settings

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, kind)
    return file.getvalue()


PNG = encoded("PNG")
BOMB = PNG[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
RUBBISH: dict[str, tuple[str, bytes]] = {
    "nothing": ("a.png", b""),
    "text": ("a.png", b"conv3 s2 p1, relu"),
    "a drawing with a script": ("a.png", SVG),
    "another kind": ("a.png", encoded("GIF")),
    "half a picture": ("a.png", PNG[: len(PNG) // 3]),
    "a picture cut in its head": ("a.jpg", encoded("JPEG")[:20]),
    "a bomb": ("a.png", BOMB + chunk(b"IDAT", zlib.compress(bytes(10**7), 9))),
    "a page with a picture's head": ("a.webp", b"RIFF\0\0\0\0WEBP<script>alert(1)</script>"),
    "an archive": ("a.jpeg", b"PK\x03\x04" + bytes(500)),
    "markup for a name": ("<img src=x onerror=alert(1)>.png", b"rubbish"),
    "a path for a name": ("../../etc/passwd.png", b"rubbish"),
    # What a client sends that does not look at the endings which the widget offers.
    "a drawing by its name": ("a.svg", SVG),
    "a film by its name": ("a.gif", encoded("GIF")),
    "a program": ("a.exe", b"MZ" + bytes(300)),
    "no ending": ("picture", b"rubbish"),
}
GOOD: dict[str, tuple[str, bytes]] = {
    "its name tells another kind": ("a.jpg", PNG),
    "its name tells a kind that is none": ("a.svg", PNG),
    "a script behind it": ("a.png", PNG + SVG),
}


def uploaded(name: str, data: bytes) -> AppTest:
    at = opened(unrun(picture="upload"), "input_controls")
    at.file_uploader[0].set_value((name, data, "image/png"))
    return again(at)


@pytest.mark.parametrize("what", RUBBISH)
def test_rubbish_gets_a_sentence(what: str) -> None:
    at = uploaded(*RUBBISH[what])
    (error,) = at.error
    assert error.value.startswith("This picture cannot be used: it must ")
    assert len(error.value) < 200
    assert "alert" not in error.value
    assert "upload_image" not in at.session_state
    assert sent(at)["boards"], "the board is there as before"


def test_the_limits_of_the_widget_and_of_its_sentences_are_the_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for limit in (8, 2):
        monkeypatch.setenv("STRIDES_UPLOAD_MB", str(limit))
        config.set_option(
            "server.maxUploadSize", streamlit_options(settings())["server.maxUploadSize"]
        )
        try:
            at = uploaded("a.png", PNG.ljust(2**20 * limit + 1, b"\0"))
        finally:
            config.set_option("server.maxUploadSize", 8)
        assert at.file_uploader[0].proto.max_upload_size_mb == limit
        (error,) = at.error
        assert f"must be at most {limit} MB" in error.value


@pytest.mark.parametrize("what", GOOD)
def test_a_picture_is_known_by_its_content(what: str) -> None:
    at = uploaded(*GOOD[what])
    assert not at.error
    assert at.session_state["upload_image"].pixels.shape == (256, 256, 3)
