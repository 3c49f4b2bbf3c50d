"""Reading and writing networks as text: as one line of notation, or as PyTorch source.

Text that is read is never executed. Nothing here needs torch.
"""

from __future__ import annotations

import re

from ..blocks import NetworkSpec
from .code import to_source
from .errors import NotationError, error_at
from .grammar import parse_notation as _parse_notation
from .source import SourceNetwork
from .source import read_source as _read_source
from .writer import chain_to_notation, layer_to_notation, to_notation

__all__ = [
    "MAX_CHARACTERS",
    "NotationError",
    "SourceNetwork",
    "chain_to_notation",
    "in_channels_of",
    "is_source",
    "layer_to_notation",
    "parse",
    "parse_notation",
    "parse_source",
    "read_source",
    "to_notation",
    "to_source",
]

MAX_CHARACTERS = 100_000
"""Largest number of characters of a text; longer texts are refused before parsing."""

SOURCE_PATTERN = re.compile(
    r"[()={}]|\bnn\.|^[ \t]*(?:(?:import|from|class|def)\b|@)", re.MULTILINE
)
"""Matches text that is PyTorch source and not notation."""
TYPOGRAPHY = str.maketrans({"\u00a0": " ", "“": '"', "”": '"', "‘": "'", "’": "'", "\ufeff": " "})
"""ASCII replacements for the spaces and quotation marks of word processors and web pages."""


def parse(text: str) -> NetworkSpec:
    """Read a network from notation or PyTorch source.

    Raises:
        NotationError: the text is no network; has line, column and a suggestion.
    """
    cleaned = _cleaned(text)
    return _read_source(cleaned).spec if _looks_like_source(cleaned) else _parse_notation(cleaned)


def parse_notation(text: str) -> NetworkSpec:
    """Read a network from notation; raises the errors of `parse`."""
    return _parse_notation(_cleaned(text))


def parse_source(text: str) -> NetworkSpec:
    """Read a network from PyTorch source; raises the errors of `parse`."""
    return _read_source(_cleaned(text)).spec


def read_source(text: str) -> SourceNetwork:
    """As `parse_source`, with the number of input channels that the source declares."""
    return _read_source(_cleaned(text))


def in_channels_of(text: str) -> int | None:
    """The number of input channels that a text declares; None if it declares none.

    Notation never declares it.

    Raises:
        NotationError: the text is no network.
    """
    cleaned = _cleaned(text)
    return _read_source(cleaned).in_channels if _looks_like_source(cleaned) else None


def is_source(text: str) -> bool:
    """Whether `parse` reads a text as PyTorch source; raises NotationError for no string."""
    return _looks_like_source(_cleaned(text))


def _looks_like_source(cleaned: str) -> bool:
    return SOURCE_PATTERN.search(re.sub(r"#[^\n]*", "", cleaned)) is not None


def _cleaned(text: object) -> str:
    """The text with line ends, spaces and quotation marks replaced by ASCII ones."""
    if not isinstance(text, str):
        raise NotationError("the text", "must be a text", text, 1, 1)
    if len(text) > MAX_CHARACTERS:
        rule = f"must have at most {MAX_CHARACTERS:,} characters"
        raise error_at(text, MAX_CHARACTERS, "the text", rule, f"{len(text):,} characters")
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(TYPOGRAPHY)
