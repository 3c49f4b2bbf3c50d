"""Under which names the server answers, and for whose pages.

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
"""A health check, or a developer, asks by these; no stranger's page can take such a name."""
LOCAL = re.compile(rf"https?://({'|'.join(map(re.escape, LOCAL_HOSTS))})(:[0-9]+)?")
STRANGER = "Sessions are for the pages of this server alone."
ELSEWHERE = (
    "This server does not answer to the name in the address. Open it by its number, such as "
    "http://192.168.1.20:8501; whoever runs it can allow a name with the variable "
    "STRIDES_PUBLIC_ADDRESS."
)
AT_ITS_ADDRESS = "This server answers at {address}, as its variable STRIDES_PUBLIC_ADDRESS says."


def own_names() -> frozenset[str]:
    """This machine's names: what it calls itself, and that in the local network (mDNS)."""
    name = socket.gethostname().lower().rstrip(".")
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local"} - {"", ".local"})


def host_of(text: str) -> str:
    """The host of a Host header, ``name:port`` or ``[number]:port``; "" where that is none."""
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
    """Middleware: no answer under a stranger's name, no session for another site's page.

    Streamlit refuses foreign pages too, but it asks the internet for its own address first, and
    where there is none every visitor waits for that.

    Args:
        app: what stands behind.
        address: of the server, as visitors know it; "" for a machine that has no name of its own.
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
        asked = headers.get("host")
        if asked is not None:  # a browser always says it
            host = host_of(asked)
            if host not in self._names and not is_number(host):
                address = self.address
                return AT_ITS_ADDRESS.format(address=address) if address else ELSEWHERE
        origin = headers.get("origin")
        if scope["type"] == "websocket" and origin is not None and not self._own(origin, asked):
            return STRANGER
        return ""

    def _own(self, origin: str, asked: str | None) -> bool:
        if LOCAL.fullmatch(origin) or self.address:
            return bool(LOCAL.fullmatch(origin)) or origin == self.address
        return asked is not None and origin in (f"http://{asked}", f"https://{asked}")
