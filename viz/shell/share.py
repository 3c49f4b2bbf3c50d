"""The link of the page on show: to copy, and as a QR code for a class with phones."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import streamlit as st

from core.errors import SpecError
from viz.components.mount import component
from viz.page.session import link, shell_query
from viz.server.settings import settings

NAME = "strides.share"
MOST_BYTES = 858
"""Of version 20 at the lowest correction: 97×97 modules. Phones at the back of a room fail on
finer ones (ISO/IEC 18004, table 7)."""
LOCAL = ("localhost", "127.0.0.1", "::1", "0.0.0.0")
_HTML = """<div class="share" data-testid="share"></div>
"""


def code(address: str) -> tuple[str, ...]:
    """The QR code of an address: a row of ``0`` and ``1`` (dark) for each row of modules,
    without the quiet zone. ISO/IEC 18004; the correction as high as the size allows.

    Raises:
        SpecError: an address that makes a code too fine for phones.
    """
    import segno  # only when somebody opens the dialog

    size = len(address.encode())
    if size > MOST_BYTES:
        rule = f"must have at most {MOST_BYTES} characters for a QR code that phones can read"
        raise SpecError("link", rule, f"{size} characters")
    qr = segno.make_qr(address, error="l", boost_error=True)
    return tuple("".join(str(int(bit)) for bit in row) for row in qr.matrix)


def public(address: str, site: str) -> str:
    """The address as visitors find it, where the server knows its own name."""
    if not site:
        return address
    at = urlsplit(site)
    return urlsplit(address)._replace(scheme=at.scheme, netloc=at.netloc).geturl()


def hints(address: str) -> list[str]:
    """Sentences on what keeps a class from opening the link."""
    parts, sentences = urlsplit(address), []
    if parts.hostname in LOCAL:
        sentences.append(
            "This address opens on this computer only. Open the page by the computer's name in "
            "the network, or set `STRIDES_PUBLIC_ADDRESS`, and the class can follow."
        )
    size = len(address.encode())
    if size > MOST_BYTES:
        longest = max(parse_qsl(parts.query), key=lambda item: len(item[1]), default=("", ""))
        sentences.append(
            f"The link has {size:,} characters, and phones read QR codes of up to {MOST_BYTES}. "
            f"`{longest[0]}` alone takes {len(longest[1]):,}: with that as it was, the code is "
            "back. The link itself can be copied and sent."
        )
    return sentences


def button(page: str) -> None:
    """The button that opens the link of the page; to be drawn after the page."""
    if st.button(
        "Share",
        icon=":material/qr_code_2:",
        type="tertiary",
        key="share",
        help="Copy the link, or show it as a QR code",
    ):
        # The class gets the stop of the tour, and the controls that presentation mode hides.
        address = link(page, shell_query(present=False))
        _dialog(public(address, settings().public_address))


@st.dialog("This page for the class", width="large", icon=":material/qr_code_2:")
def _dialog(address: str) -> None:
    for sentence in hints(address):
        st.info(sentence)
    try:
        rows = code(address)
    except SpecError:
        rows = ()  # a hint has said why
    show = component(NAME, html=_HTML, js="share/share.js", css="share/share.css")
    show(key="share_code", data={"address": address, "rows": list(rows)})
