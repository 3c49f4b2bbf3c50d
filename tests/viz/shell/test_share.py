"""Sharing: the code is read by a decoder that is not the encoder's, and a link that cannot be
opened or read by a class is told so."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from tests.viz.shell.test_tour import run, visit
from viz.shell import share

zxingcpp = pytest.importorskip("zxingcpp")
SITE = "https://strides.example.org"


def decoded(rows: tuple[str, ...]) -> str:
    """What a phone reads, from the modules as pixels: 4 each, with the quiet zone."""
    dark = np.array([[int(bit) for bit in row] for row in rows], dtype=np.uint8)
    picture = np.kron(np.pad(dark, 4), np.ones((4, 4), dtype=np.uint8))
    (found,) = zxingcpp.read_barcodes((255 * (1 - picture)).astype(np.uint8))
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    return str(found.text)


@given(query=st.text("abcdefghijklmnopqrstuvwxyz0123456789=&.-_:%", max_size=600))
def test_a_phone_reads_the_address(query: str) -> None:
    address = f"{SITE}/sweep?{query}"
    assert decoded(share.qr_rows(address)) == address


def test_the_longest_link_is_read_and_the_next_refused() -> None:
    address = f"{SITE}/?weights=".ljust(share.MAX_QR_BYTES, "7")
    rows = share.qr_rows(address)
    assert len(rows) == 97, "version 20"
    assert decoded(rows) == address
    assert share.sharing_hints(address) == []
    with pytest.raises(SpecError, match="link must have at most 858 characters"):
        share.qr_rows(address + "7")


def test_a_link_that_is_too_long_names_what_makes_it_so() -> None:
    (told,) = share.sharing_hints(f"{SITE}/?stride=2&pixels={'1' * 900}")
    assert "`pixels` alone takes 900" in told


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1", "[::1]:8501"])
def test_an_address_of_this_computer_only_says_so(host: str) -> None:
    (told,) = share.sharing_hints(f"http://{host}/sweep?stride=3")
    assert "this computer only" in told


def test_the_server_s_own_name_stands_in_for_a_local_one() -> None:
    local = "http://127.0.0.1:8501/erf?draws=64"
    assert share.public_address(local, SITE) == f"{SITE}/erf?draws=64"
    assert share.public_address(local, "") == local


def test_the_class_gets_the_settings_and_the_stop_but_not_presentation_mode() -> None:
    app = visit("sizes", stride="3", tour="4", present="true")
    app.button(key="share").click()
    run(app)
    sent = [json.loads(each.proto.json or "{}") for each in app.get("bidi_component")]
    (data,) = [each for each in sent if "address" in each]
    query = dict(parse_qsl(urlsplit(data["address"]).query))
    assert query == {"stride": "3", "tour": "4"}
    assert decoded(tuple(data["rows"])) == data["address"]
