"""The dialog with the current page's link: as text to copy, and as a QR code for phones."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import streamlit as st

from core.errors import SpecError
from viz.components.mount import component
from viz.page.session import page_url, shell_query
from viz.server.settings import settings

NAME = "strides.share"
MAX_QR_BYTES = 858
"""Capacity of a QR code of version 20 with the lowest error correction (ISO/IEC 18004, table 7).
It has 97×97 modules; phones at the back of a room cannot read finer ones."""
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
"""Hosts in an address that only this computer can open."""
_HTML = """<div class="share" data-testid="share"></div>
"""


def qr_rows(address: str) -> tuple[str, ...]:
    """Return the QR code (ISO/IEC 18004) of an address, without the quiet zone.

    The error correction is as high as the size allows.

    Returns:
        For each row of modules, a text of ``0`` (light) and ``1`` (dark).

    Raises:
        SpecError: The address needs a code that is too fine for phones.
    """
    import segno  # only when somebody opens the dialog

    size = len(address.encode())
    if size > MAX_QR_BYTES:
        rule = f"must have at most {MAX_QR_BYTES} characters for a QR code that phones can read"
        raise SpecError("link", rule, f"{size} characters")
    qr = segno.make_qr(address, error="l", boost_error=True)
    return tuple("".join(str(int(bit)) for bit in row) for row in qr.matrix)


def public_address(address: str, site: str) -> str:
    """Return the address with scheme and host of the public ``site``, or unchanged if it is ""."""
    if not site:
        return address
    public_parts = urlsplit(site)
    return (
        urlsplit(address)._replace(scheme=public_parts.scheme, netloc=public_parts.netloc).geturl()
    )


def sharing_hints(address: str) -> list[str]:
    """Return sentences about what may keep a class from opening the link."""
    parts, sentences = urlsplit(address), []
    if parts.hostname in LOCAL_HOSTS:
        sentences.append(
            "This address opens on this computer only. Open the page by the computer's name in "
            "the network, or set `STRIDES_PUBLIC_ADDRESS`, and the class can follow."
        )
    size = len(address.encode())
    if size > MAX_QR_BYTES:
        longest = max(parse_qsl(parts.query), key=lambda item: len(item[1]), default=("", ""))
        sentences.append(
            f"The link has {size:,} characters, and phones read QR codes of up to {MAX_QR_BYTES}. "
            f"`{longest[0]}` alone takes {len(longest[1]):,}: with that as it was, the code is "
            "back. The link itself can be copied and sent."
        )
    return sentences


def share_button(page: str) -> None:
    """Show the button that opens the dialog; call it after the page has written its address."""
    if st.button(
        "Share",
        icon=":material/qr_code_2:",
        type="tertiary",
        key="share",
        help="Copy the link, or show it as a QR code",
    ):
        # The link keeps the stop of the tour, but not presentation mode.
        address = page_url(page, shell_query(present=False))
        _share_dialog(public_address(address, settings().public_address))


@st.dialog("This page for the class", width="large", icon=":material/qr_code_2:")
def _share_dialog(address: str) -> None:
    """Show hints, the QR code and the link."""
    for sentence in sharing_hints(address):
        st.info(sentence)
    try:
        rows = qr_rows(address)
    except SpecError:
        rows = ()  # a hint has said why
    show = component(NAME, html=_HTML, js="share/share.js", css="share/share.css")
    show(key="share_code", data={"address": address, "rows": list(rows)})
