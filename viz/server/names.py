"""Middleware that checks the host name of every request and the origin of every session.

The owner of another site can let its host name point to this machine ("DNS rebinding"). A browser
then takes this server for that site's, and lets the site's page read everything. So requests are
answered only under names that cannot belong to somebody else: this machine's own, and the one in
`STRIDES_PUBLIC_ADDRESS`. IP addresses are always accepted, because nobody can redirect them: a
class uses the IP address of a lecturer's machine, and a cluster probes a pod by its IP address.
"""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_HOSTS = ("localhost", "127.0.0.1")
"""Hosts that health checks and developers use; no foreign page can have such a host."""
LOCAL_ORIGIN = re.compile(rf"https?://({'|'.join(map(re.escape, LOCAL_HOSTS))})(:[0-9]+)?")
FOREIGN_PAGE = "Sessions are for the pages of this server alone."
UNKNOWN_NAME = (
    "This server does not answer to the name in the address. Open it by its number, such as "
    "http://192.168.1.20:8501; whoever runs it can allow a name with the variable "
    "STRIDES_PUBLIC_ADDRESS."
)
WRONG_NAME = "This server answers at {address}, as its variable STRIDES_PUBLIC_ADDRESS says."


def own_host_names() -> frozenset[str]:
    """Return this machine's names: localhost, its host name, and its mDNS name (``.local``)."""
    name = socket.gethostname().lower().rstrip(".")
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local"} - {"", ".local"})


def host_of_header(text: str) -> str:
    """Return the host in a Host header (``name:port`` or ``[IPv6]:port``); "" if malformed."""
    try:
        parts = urlsplit(f"//{text}")
        _ = parts.port
    except ValueError:
        return ""
    well_formed = parts.netloc == text and "@" not in text
    return (parts.hostname or "").lower().rstrip(".") if well_formed else ""


def is_ip_address(host: str) -> bool:
    """Return whether a host is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class HostNameCheck:
    """Middleware that refuses requests under a foreign host name and sessions for foreign pages.

    Streamlit refuses foreign pages too, but it first asks a server on the internet for its own
    address, and without internet access every visitor waits until that fails.

    Args:
        app: The application behind this middleware.
        address: The server's public address; "" for a machine without a name of its own.
    """

    def __init__(self, app: ASGIApp, address: str) -> None:
        self.app, self.address = app, address
        self._names = own_host_names() | ({urlsplit(address).hostname or ""} if address else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal_text = self._refusal_text(scope) if scope["type"] in ("http", "websocket") else ""
        if not refusal_text:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            refusal = PlainTextResponse(refusal_text, 403)
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await PlainTextResponse(refusal_text, 403)(scope, receive, send)

    def _refusal_text(self, scope: Scope) -> str:
        """Return why a request is refused, as text for the visitor; "" if it is accepted."""
        headers = Headers(scope=scope)
        host_header = headers.get("host")
        if host_header is not None:  # browsers always send it
            host = host_of_header(host_header)
            if host not in self._names and not is_ip_address(host):
                address = self.address
                return WRONG_NAME.format(address=address) if address else UNKNOWN_NAME
        origin = headers.get("origin")
        if (
            scope["type"] == "websocket"
            and origin is not None
            and not self._is_own_origin(origin, host_header)
        ):
            return FOREIGN_PAGE
        return ""

    def _is_own_origin(self, origin: str, host_header: str | None) -> bool:
        """Return whether a page with this origin may open sessions."""
        if LOCAL_ORIGIN.fullmatch(origin) or self.address:
            return bool(LOCAL_ORIGIN.fullmatch(origin)) or origin == self.address
        return host_header is not None and origin in (
            f"http://{host_header}",
            f"https://{host_header}",
        )
