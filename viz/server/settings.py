"""The environment variables by which a server is configured; they are checked when it starts.

`ServerSettings` lists them all. A field ``gmacs`` is read from the variable ``STRIDES_GMACS``. This
module does not import Streamlit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from core.errors import SpecError
from core.uploads import MAX_UPLOAD_BYTES

PREFIX = "STRIDES_"
FORMER_NAMES = {"STRIDES_WORKERS": "STRIDES_ANALYSTS"}
"""Variables and their former names. A former name wins: images set the new one by default."""
MAX_UPLOAD_MB = MAX_UPLOAD_BYTES >> 20
MIN_SECRET_LENGTH = 32  # characters
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
Reader = Callable[[str], Any]
"""A function from a variable's text to the setting's value; raises ValueError with the broken
rule."""


def _read_flag(text: str) -> bool:
    """Read 0 or 1."""
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _read_whole_number(low: int, high: int) -> Reader:
    """Return a reader of whole numbers from ``low`` to ``high``, both included."""

    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high:,}")
        return int(text)

    return read


def _read_device(text: str) -> str | None:
    """Read the name of a torch device; None stands for ``auto``."""
    if text != "auto" and not re.fullmatch(r"cpu|mps|cuda(:[0-9]{1,2})?", text):
        raise ValueError("must be auto, cpu, mps, cuda or one such as cuda:1")
    return None if text == "auto" else text


def _read_secret(text: str) -> str:
    """Read a secret, which must have at least `MIN_SECRET_LENGTH` characters."""
    if len(text) < MIN_SECRET_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters")
    return text


def _read_origin(text: str) -> str:
    """Read an origin: scheme, host and optional port without anything else."""
    rule = "must be http:// or https:// and a host, such as https://strides.example.org"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(rule) from None
    plain = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host) or text != plain:
        raise ValueError(rule)
    return text


def _read_ancestors(text: str) -> tuple[str, ...]:
    """Read the origins that may show the app in a frame; () stands for its own pages only."""
    if text == "self":
        return ()
    try:
        return tuple(_read_origin(part) for part in text.split())
    except ValueError:
        raise ValueError("must be self, or origins such as https://lms.example.org") from None


def _setting_field(default: Any, read: Reader, means: str) -> Any:
    """Return a dataclass field with its reader and its meaning, a clause for README."""
    return field(default=default, metadata={"read": read, "means": means})


@dataclass(frozen=True)
class ServerSettings:
    """The configuration of one server; every field carries its meaning for README."""

    public_address: str = _setting_field(
        "",
        _read_origin,
        "where visitors find the server, such as `https://strides.example.org`; other host names "
        "and origins are then refused, and with https cookies never travel without it; empty: this "
        "machine's own names and any number, no other",
    )
    frame_ancestors: tuple[str, ...] = _setting_field(
        (),
        _read_ancestors,
        "sites that may show the app in a frame, separated by spaces; `self`: none",
    )
    cookie_secret: str = _setting_field(
        "", _read_secret, "signs cookies, the same for all replicas; empty: drawn at every start"
    )
    max_sessions: int = _setting_field(
        400,
        _read_whole_number(1, 100_000),
        "visitors at a time; further ones are asked to come back later",
    )
    upload_mb: int = _setting_field(
        MAX_UPLOAD_MB,
        _read_whole_number(1, MAX_UPLOAD_MB),
        "largest file a visitor may upload, in MB",
    )
    queue_workers: int = _setting_field(
        1,
        _read_whole_number(1, 64),
        "long computations at a time; every one takes a core from the visitors",
    )
    training_slots: int = _setting_field(
        2,
        _read_whole_number(1, 16),
        "trainings at a time, each in a process of its own and of low priority",
    )
    workers: int = _setting_field(
        0,
        _read_whole_number(0, 16),
        "worker processes for network analysis, so that no visitor waits for another's; with them "
        "`STRIDES_QUEUE_WORKERS` more run the long computations; 0: all is computed in the web "
        "process",
    )
    gmacs: int = _setting_field(
        500,
        _read_whole_number(1, 1_000_000),
        "most multiply–accumulates of one long computation, in thousand millions",
    )
    memory_mb: int = _setting_field(
        2000, _read_whole_number(100, 1_000_000), "memory that one long computation may take, in MB"
    )
    device: str | None = _setting_field(
        None,
        _read_device,
        "where effective receptive fields are measured, and nets trained: `cpu`, `cuda`, `cuda:1`, "
        "`mps`; `auto` measures on the fastest there is, and trains on the CPU, where a seed's run "
        "repeats to the last bit on one kind of CPU",
    )
    error_details: bool = _setting_field(
        False, _read_flag, "1 shows visitors the traceback of an error; the log always has it"
    )
    local_modules: bool = _setting_field(
        False,
        _read_flag,
        "1 lets visitors load any module the server can import, by name: for your own machine "
        "only, as importing runs code",
    )

    @property
    def macs(self) -> int:
        """The largest number of multiply–accumulates of one long computation."""
        return self.gmacs * 10**9

    @property
    def memory_bytes(self) -> int:
        """The number of bytes of memory that one long computation may take."""
        return self.memory_mb * 10**6

    @property
    def upload_bytes(self) -> int:
        """The size in bytes of the largest file that a visitor may upload."""
        return self.upload_mb << 20


def variable_name(setting: Field[Any]) -> str:
    """Return the name of the environment variable for a field of `ServerSettings`."""
    return PREFIX + setting.name.upper()


def read_settings(environment: Mapping[str, str]) -> ServerSettings:
    """Read the settings from environment variables; an empty variable counts as absent.

    Raises:
        SpecError: A value is not allowed; the message shows only the length of a secret.
    """
    values: dict[str, Any] = {}
    for setting in fields(ServerSettings):
        name, text = _variable_and_text(environment, variable_name(setting))
        if not text:
            continue
        try:
            values[setting.name] = setting.metadata["read"](text)
        except ValueError as error:
            secret = setting.metadata["read"] is _read_secret
            value = f"{len(text)} characters" if secret else repr(text[:80])
            raise SpecError(name, str(error), value) from None
    return ServerSettings(**values)


def _variable_and_text(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return the name under which a variable is set and its text; a former name comes first.

    The text is "" if the variable is not set.
    """
    for each in (FORMER_NAMES.get(name, name), name):
        if text := environment.get(each, "").strip():
            return each, text
    return name, ""


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables that start with ``STRIDES_`` and belong to no setting, sorted."""
    names = {variable_name(setting) for setting in fields(ServerSettings)} | set(
        FORMER_NAMES.values()
    )
    return sorted(name for name in environment if name.startswith(PREFIX) and name not in names)


def settings() -> ServerSettings:
    """Return this process's settings; `viz.server.options.configure` has checked them at the start.

    Call this where a setting is used, never while a module is imported: a constant cannot follow
    the environment, and a bad value would become an import error.

    Raises:
        SpecError: As `read_settings`.
    """
    return read_settings(os.environ)
