"""Middleware that checks the host name of every request and the origin of every session.

Another site's page can have its own name point to this machine ("DNS rebinding"): the browser then
takes the server for that site's, and lets its page read everything. So a name is answered only if
it cannot be somebody else's: this machine's own, or the one that `STRIDES_PUBLIC_ADDRESS` says. A
number is no name: nobody can have it point elsewhere. A class reaches a lecturer's machine by its
number, a container behind the one of its host, and a cluster's probe asks a pod by it.
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
"""Names that health checks and developers use; no foreign page can take such a name."""
LOCAL = re.compile(rf"https?://({'|'.join(map(re.escape, LOCAL_HOSTS))})(:[0-9]+)?")
STRANGER = "Sessions are for the pages of this server alone."
ELSEWHERE = (
    "This server does not answer to the name in the address. Open it by its number, such as "
    "http://192.168.1.20:8501; whoever runs it can allow a name with the variable "
    "STRIDES_PUBLIC_ADDRESS."
)
AT_ITS_ADDRESS = "This server answers at {address}, as its variable STRIDES_PUBLIC_ADDRESS says."


def own_names() -> frozenset[str]:
    """This machine's names: its host name, and the host name in the local network (mDNS)."""
    name = socket.gethostname().lower().rstrip(".")
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local"} - {"", ".local"})


def host_of(text: str) -> str:
    """The host in a Host header (``name:port`` or ``[number]:port``); "" if it is malformed."""
    try:
        parts = urlsplit(f"//{text}")
        _ = parts.port
    except ValueError:
        return ""
    whole = parts.netloc == text and "@" not in text
    return (parts.hostname or "").lower().rstrip(".") if whole else ""


def is_number(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class OwnNames:
    """Middleware that refuses requests under a foreign host name and sessions for foreign pages.

    Streamlit refuses foreign pages too, but it asks the internet for its own address first, and
    where there is none every visitor waits for that.

    Args:
        app: the application behind this middleware.
        address: the server's public address; "" for a machine without a name of its own.
    """

    def __init__(self, app: ASGIApp, address: str) -> None:
        self.app, self.address = app, address
        self._names = own_names() | ({urlsplit(address).hostname or ""} if address else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = self._refusal(scope) if scope["type"] in ("http", "websocket") else ""
        if not why:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            refusal = PlainTextResponse(why, 403)
            await WebSocket(scope, receive, send).send_denial_response(refusal)
        else:
            await PlainTextResponse(why, 403)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        host_header = headers.get("host")
        if host_header is not None:  # browsers always send it
            host = host_of(host_header)
            if host not in self._names and not is_number(host):
                address = self.address
                return AT_ITS_ADDRESS.format(address=address) if address else ELSEWHERE
        origin = headers.get("origin")
        if (
            scope["type"] == "websocket"
            and origin is not None
            and not self._own(origin, host_header)
        ):
            return STRANGER
        return ""

    def _own(self, origin: str, host_header: str | None) -> bool:
        if LOCAL.fullmatch(origin) or self.address:
            return bool(LOCAL.fullmatch(origin)) or origin == self.address
        return host_header is not None and origin in (
            f"http://{host_header}",
            f"https://{host_header}",
        )
