"""The parser of the one-line notation, whose grammar is:

    network  = chain
    chain    = [ item { separator item } [ separator ] ]      separator: a comma or a new line
    item     = repeat | residual | concat | layer
    repeat   = NUMBER "x" "[" chain "]"
    residual = "residual" "[" chain [ "|" chain ] "]"         body | shortcut
    concat   = "concat" "[" chain "|" chain { "|" chain } "]"
    layer    = WORD [ number ] { KEY number | FLAG }          as in conv3x5 s2 p1 c64 nobias
    number   = N | HEIGHT "x" WIDTH                           padding: each N or BEFORE ":" AFTER

``#`` starts a comment; case does not matter. `core.networks.notation.words` defines the words,
keys and flags.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from ...errors import SpecError
from ..blocks import ConcatBlock, Layer, NetworkSpec, Repeat, ResidualBlock
from ..layers import Leaf
from ..rules import MAX_LAYERS, MAX_NESTING
from .errors import NotationError, did_you_mean, error_at, most_similar
from .words import (
    ALIASES,
    BLOCK_WORDS,
    FLAGS,
    KEYS,
    WORDS,
    Word,
    canonical_word,
    read_value,
    split_word,
)

TOKEN = re.compile(r"#[^\n]*|\n|[,\[\]|]|[^\s,\[\]|#]+")
"""Matches one token, or a comment."""
REPEAT = re.compile(r"[0-9]+x", re.IGNORECASE)
"""Matches the number and ``x`` that begin a repeat."""
STRUCTURE = (",", "[", "]", "|", "")
"""Tokens that end the settings of a layer; the empty one is the end of the text."""
NAMES_WITH_DIGITS = tuple(name for name in WORDS if name[-1].isdigit())
"""Words that end in a digit, which is not the number of a setting."""
LAYER_NAMES = tuple(
    name for name in (*WORDS, *ALIASES, *BLOCK_WORDS) if not any(map(str.isdigit, name))
)
"""Names without digits that can begin a layer or a block, for suggestions."""
Built = TypeVar("Built")


@dataclass(frozen=True)
class Token:
    """A token of the text.

    Attributes:
        text: the characters; empty for the end of the text.
        offset: index of its first character in the text.
        new_line: whether it is the first token of a line.
    """

    text: str
    offset: int
    new_line: bool


def tokens_of(text: str) -> list[Token]:
    """Split a text into tokens and skip its comments; an empty token marks the end."""
    tokens, new_line = [], False
    for match in TOKEN.finditer(text):
        if match[0] == "\n":
            new_line = True
        elif not match[0].startswith("#"):
            tokens.append(Token(match[0], match.start(), new_line))
            new_line = False
    return [*tokens, Token("", len(text), new_line)]


def parse_notation(text: str) -> NetworkSpec:
    """Read a network from notation.

    Raises:
        NotationError: the text is no network; has the position of the error.
    """
    return NotationParser(text.replace("×", "x")).network()


class NotationParser:
    """A recursive-descent parser of one text, with a method per rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.index = 0
        self.layers = 0

    @property
    def token(self) -> Token:
        """The current token."""
        return self.tokens[self.index]

    def next_token(self) -> Token:
        """Return the current token and advance to the next."""
        token = self.token
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def error(self, token: Token, rule: str, suggestion: str = "") -> NotationError:
        """The error at a token; see `NotationError`."""
        value = token.text or "the end"
        return error_at(self.text, token.offset, "the notation", rule, value, suggestion)

    def build_at(
        self, token: Token, make: Callable[[], Built], setting_tokens: dict[str, Token]
    ) -> Built:
        """Call ``make``, and give a SpecError that it raises its position in the text.

        ``setting_tokens`` has the token of each setting, for errors that name the setting.
        """
        try:
            return make()
        except NotationError:
            raise
        except SpecError as error:
            at = setting_tokens.get(error.parameter, token).offset
            details = (error.parameter, error.rule, error.value)
            raise error_at(self.text, at, *details) from None

    def network(self) -> NetworkSpec:
        """The whole text as a network."""
        layers = self.chain(0)
        if self.token.text:
            raise self.error(self.token, "has a bracket or bar that belongs to no block")
        if not layers:
            raise self.error(self.token, "must have at least one layer", "try conv3 p1 c64, relu")
        return self.build_at(self.tokens[0], lambda: NetworkSpec(layers), {})

    def chain(self, depth: int) -> tuple[Layer, ...]:
        """The layers up to the next closing bracket, bar or end; ``depth`` is their nesting."""
        layers: list[Layer] = []
        while self.token.text not in ("]", "|", ""):
            if self.token.text in STRUCTURE:
                raise self.error(self.token, "misses a layer here")
            layers.append(self.item(depth))
            if self.token.text == ",":
                self.next_token()
            elif self.token.text not in ("]", "|", "") and not self.token.new_line:
                raise self.error(self.token, "misses a comma here")
        return tuple(layers)

    def item(self, depth: int) -> Layer:
        """One layer, repeat or block."""
        token = self.next_token()
        if REPEAT.fullmatch(token.text):
            return self.repeat(token, depth)
        self.layers += 1
        if self.layers > MAX_LAYERS:
            raise self.error(token, f"must have at most {MAX_LAYERS:,} layers")
        if token.text.lower() in BLOCK_WORDS:
            return self.block(token, depth)
        return self.leaf(token)

    def open_bracket(self, token: Token, depth: int) -> None:
        """Consume the ``[`` that must follow the block's word ``token``."""
        if self.token.text != "[":
            raise self.error(self.token, f"misses [ after {token.text[:20]}")
        if depth >= MAX_NESTING:
            raise self.error(self.token, f"must have at most {MAX_NESTING} blocks in each other")
        self.next_token()

    def close_bracket(self, token: Token) -> None:
        """Consume the ``]`` that must end the block of the word ``token``."""
        if self.token.text != "]":
            opener = f"the [ of {token.text[:20]}"
            rule = (
                f"misses ] for {opener}" if not self.token.text else f"has too many | in {opener}"
            )
            raise self.error(self.token if self.token.text else token, rule)
        self.next_token()

    def repeat(self, token: Token, depth: int) -> Repeat:
        """The repeat that ``token``, such as ``3x``, begins."""
        self.open_bracket(token, depth)
        body = self.chain(depth + 1)
        self.close_bracket(token)
        digits = token.text[:-1]
        if len(digits) > 9:
            raise self.error(token, f"must have at most {MAX_LAYERS:,} layers")
        return self.build_at(token, lambda: Repeat(int(digits), body), {})

    def block(self, token: Token, depth: int) -> ResidualBlock | ConcatBlock:
        """The block that ``token``, the word ``residual`` or ``concat``, begins."""
        self.open_bracket(token, depth)
        branches = [self.chain(depth + 1)]
        limit = 2 if token.text.lower() == "residual" else MAX_LAYERS
        while self.token.text == "|" and len(branches) < limit:
            self.next_token()
            branches.append(self.chain(depth + 1))
        self.close_bracket(token)
        if token.text.lower() == "residual":
            return self.build_at(token, lambda: ResidualBlock(*branches), {})
        return self.build_at(token, lambda: ConcatBlock(tuple(branches)), {})

    def leaf(self, token: Token) -> Leaf:
        """The layer whose word is ``token``, with the settings that follow it."""
        head, number = split_word(token.text)
        name = canonical_word(head)
        if not name:
            raise self.unknown_layer(token, head, number)
        word = WORDS[name]
        values, setting_tokens = dict(word.fixed), {}
        if number:
            if not word.main:
                rule = f"has no number after {name}"
                raise self.error(token, rule, f"write {word.example}")
            values[word.main] = self.build_at(
                token, lambda: read_value(word.make, word.main, number), {}
            )
            setting_tokens[word.main] = token
        while self.token.text not in STRUCTURE and not self.layer_begins():
            self.read_setting(name, word, values, setting_tokens)
        return self.build_leaf(token, name, word, values, setting_tokens)

    def layer_begins(self) -> bool:
        """Whether the current token begins a layer, i.e. is a layer's word on a new line."""
        return self.token.new_line and _is_layer(self.token.text)

    def build_leaf(
        self,
        token: Token,
        name: str,
        word: Word,
        values: dict[str, object],
        setting_tokens: dict[str, Token],
    ) -> Leaf:
        """Build the layer ``name`` from its values; ``setting_tokens`` has the token of each field."""
        needed = [each.name for each in fields(word.make) if each.default is MISSING]
        if word.main in needed and word.main not in values:
            rule = f"misses the number after {name}, its {word.main}"
            raise self.error(token, rule, f"write it as in {word.example}")
        make: Any = word.make
        leaf: Leaf = self.build_at(token, lambda: make(**values), setting_tokens)
        return leaf

    def read_setting(
        self, name: str, word: Word, values: dict[str, object], setting_tokens: dict[str, Token]
    ) -> None:
        """Read one setting of the layer ``name`` into ``values`` and its token into ``setting_tokens``."""
        token = self.next_token()
        key, number = split_word(token.text)
        if key not in word.keys or (key in FLAGS and number):
            raise self.unknown_setting(token, key, number, name, word)
        target = FLAGS[key][0] if key in FLAGS else KEYS[key]
        if target in setting_tokens:
            raise self.error(token, f"sets the {target} of {name} twice")
        setting_tokens[target] = token
        if key in FLAGS:
            values[target] = FLAGS[key][1]
        else:
            values[target] = self.build_at(token, lambda: read_value(word.make, target, number), {})

    def unknown_setting(
        self, token: Token, key: str, number: str, name: str, word: Word
    ) -> NotationError:
        """The error for a token that is no setting of the layer before it."""
        if _is_layer(token.text):
            return self.error(token, "misses a comma before this layer")
        settings = ", ".join(word.keys) or "no settings"
        meant = did_you_mean(key, word.keys, number)
        return self.error(token, f"has no such setting; {name} takes {settings}", meant)

    def unknown_layer(self, token: Token, head: str, number: str) -> NotationError:
        """The error for a token that is no layer, where a layer must begin."""
        if head in KEYS or head in FLAGS:
            return self.error(token, "has a setting where a layer must begin", "write conv3 s2 p1")
        if not head:
            return self.error(token, "must begin each layer with a word", "write conv3, not 3")
        meant = most_similar(head + number, NAMES_WITH_DIGITS, 0.75) or most_similar(
            head, LAYER_NAMES
        )
        if not meant:
            return self.error(token, "has no such layer", f"known: {', '.join(WORDS)}")
        word = WORDS.get(ALIASES.get(meant, meant))
        rest = number if word is not None and word.main and meant not in NAMES_WITH_DIGITS else ""
        return self.error(token, "has no such layer", f"did you mean {meant}{rest}?")


def _is_layer(text: str) -> bool:
    """Whether a token begins a layer, repeat or block."""
    low = text.lower()
    return bool(canonical_word(split_word(low)[0]) or low in BLOCK_WORDS or REPEAT.fullmatch(low))
