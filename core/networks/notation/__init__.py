"""Networks as text: one line of notation, or PyTorch source, read and written.

Nothing that is read is ever executed. Works without torch.
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
"""Most characters of a text; longer ones are refused before they are parsed."""

SOURCE_SIGNS = re.compile(r"[()={}]|\bnn\.|^[ \t]*(?:(?:import|from|class|def)\b|@)", re.MULTILINE)
PASTED = str.maketrans({"\u00a0": " ", "“": '"', "”": '"', "‘": "'", "’": "'", "\ufeff": " "})
"""Replacements for the spaces and quotation marks of word processors and web pages."""


def parse(text: str) -> NetworkSpec:
    """The network that a text writes, in notation or in PyTorch source.

    Raises:
        NotationError: a SpecError that says line, column and what to write instead.
    """
    cleaned = _cleaned(text)
    return _read_source(cleaned).spec if _looks_like_source(cleaned) else _parse_notation(cleaned)


def parse_notation(text: str) -> NetworkSpec:
    """The network a notation writes. Raises as ``parse`` does."""
    return _parse_notation(_cleaned(text))


def parse_source(text: str) -> NetworkSpec:
    """The network that PyTorch source writes. Raises as ``parse`` does."""
    return _read_source(_cleaned(text)).spec


def read_source(text: str) -> SourceNetwork:
    """The network that PyTorch source writes and the channels it takes. Raises as ``parse``."""
    return _read_source(_cleaned(text))


def in_channels_of(text: str) -> int | None:
    """The input channels a text asks for; None for notation and where no layer tells.

    Raises:
        NotationError: the text is no network.
    """
    cleaned = _cleaned(text)
    return _read_source(cleaned).in_channels if _looks_like_source(cleaned) else None


def is_source(text: str) -> bool:
    """Whether ``parse`` reads a text as PyTorch source. Raises as it does for what is no text."""
    return _looks_like_source(_cleaned(text))


def _looks_like_source(cleaned: str) -> bool:
    return SOURCE_SIGNS.search(re.sub(r"#[^\n]*", "", cleaned)) is not None


def _cleaned(text: object) -> str:
    if not isinstance(text, str):
        raise NotationError("the text", "must be a text", text, 1, 1)
    if len(text) > MAX_CHARACTERS:
        rule = f"must have at most {MAX_CHARACTERS:,} characters"
        raise error_at(text, MAX_CHARACTERS, "the text", rule, f"{len(text):,} characters")
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(PASTED)
