"""Checks of pasted source before Python's parser reads it.

Everything that could make the parser slow, recurse deeply or warn is refused with its position:
brackets nested too deeply, long chains of operators, other characters, statements that are no
network. The result is ASCII text with the same positions.
"""

from __future__ import annotations

import keyword
import re

from .errors import NotationError, error_at

MAX_BRACKETS = 90
"""Largest number of nested brackets; Python's parser fails at 200."""
MAX_PIECES = 60
"""Largest number of names, numbers and operators between two commas."""
MAX_OPEN_PIECES = 400
"""Largest number of names, numbers and operators in all brackets open at one position."""

PIECE = re.compile(
    r"""(?P<space>[ \t]+|\\\n)|(?P<newline>\n)|(?P<comment>\#[^\n]*)
    |(?P<triple>[A-Za-z]{0,2}(?:\"\"\"|'''))
    |(?P<string>[A-Za-z]{0,2}(?:'[^'\\\n]*'|"[^"\\\n]*"))
    |(?P<name>[A-Za-z_][A-Za-z_0-9]*)
    |(?P<number>(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![A-Za-z_0-9]))
    |(?P<op>\*\*|//|:=|==|->|\.\.\.|[()\[\],=.+\-*/;])""",
    re.VERBOSE,
)
"""Matches one token ("piece") of source; the name of the group is the kind of token."""
ALLOWED_KEYWORDS = {"import", "from", "as", "None", "True", "False"}
NOT_EXECUTED = "pasted source is read, never executed"
LIBRARY = __name__.partition(".")[0]
"""The name of this package: `core` in the checkout, `strides` where it is installed."""
CLASS_ALTERNATIVES = (
    "paste an nn.Sequential(...), or write the layers in notation, where residual[...] makes a "
    f"skip; on your own machine, python -m {LIBRARY}.receptive_field file:Class "
    "--input 3,224,224 follows any class"
)
"""What to do with a network that is a class or a function."""
CLASS_HINT = f"classes and functions cannot be read here; {CLASS_ALTERNATIVES}"
KEYWORD_HINTS = {
    "for": "loops and comprehensions cannot be read; write every layer, or 3x[...] in notation",
    "lambda": NOT_EXECUTED,
    "class": CLASS_HINT,
    "def": CLASS_HINT,
    "return": "paste what follows return alone",
    "if": "conditions cannot be read; write the layers that are used",
}
"""The hint for each refused keyword; others get ``NOT_EXECUTED``."""
OPERATOR_HINTS = {
    "**": "powers and **arguments cannot be read; write the numbers",
    ":=": NOT_EXECUTED,
    "==": "comparisons cannot be read; write the value",
    "->": CLASS_HINT,
    "...": "write every layer; ... stands for nothing",
}
"""The hint for each refused operator."""
CLOSING = {")": "(", "]": "["}
"""The opening bracket of each closing bracket."""


def checked_source(text: str) -> str:
    """Check a text and return it with comments replaced by spaces, safe to parse.

    Raises:
        NotationError: the text cannot be read; has the position of the error.
    """
    return _Scanner(text).run()


class _Scanner:
    """Checks one text token by token, with a method ``check_…`` for each kind of token in `PIECE`.

    Attributes:
        out: the tokens of the checked text.
        open: (bracket, offset) of every open bracket.
        pieces: number of tokens since the last comma, for every open bracket and outside.
        previous: the last token that is no space, on this line if outside brackets.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.out: list[str] = []
        self.open: list[tuple[str, int]] = []
        self.pieces = [0]
        self.previous = ""

    def run(self) -> str:
        """Check the whole text and return it without comments."""
        offset = 0
        while offset < len(self.text):
            match = PIECE.match(self.text, offset)
            if match is None or match.lastgroup is None:
                raise self.unknown_character(offset)
            self.out.append(self.checked_token_text(match.lastgroup, match[0], offset))
            offset = match.end()
        if self.open:
            raise self.error(self.open[-1][1], "has a bracket that is never closed")
        return "".join(self.out)

    def error(self, offset: int, rule: str, value_text: str = "", hint: str = "") -> NotationError:
        """The error at an offset of the text; it quotes one character if there is no other text."""
        value = value_text or self.text[offset]
        return error_at(self.text, offset, "the source", rule, value, hint)

    def checked_token_text(self, group: str, token: str, offset: int) -> str:
        """Check one token and return its text in the result."""
        if group == "newline":
            return self.end_line(token)
        if group in ("space", "comment"):
            return token if group == "space" else " " * len(token)
        getattr(self, f"check_{group}", self.check_nothing)(token, offset)
        self.count_token(offset)
        self.previous = token
        return token

    def end_line(self, token: str) -> str:
        """Begin a new expression, unless a bracket is open; return the line break."""
        if not self.open:
            self.pieces, self.previous = [0], ""
        return token

    def count_token(self, offset: int) -> None:
        """Count one token of the current expression; raise if it is too long."""
        self.pieces[-1] += 1
        if self.pieces[-1] > MAX_PIECES or sum(self.pieces) > MAX_OPEN_PIECES:
            raise self.error(offset, "has too long an expression; write it simpler")

    def check_nothing(self, token: str, offset: int) -> None:
        """Accept a token of a kind that needs no check of its own."""

    def check_triple(self, token: str, offset: int) -> None:
        """Refuse a string in triple quotes."""
        raise self.error(offset, "has a text over several lines, which cannot be read", token)

    def check_string(self, token: str, offset: int) -> None:
        """Refuse a string with a prefix, such as ``f""``, or with unusual characters."""
        if token[0] not in "'\"":
            raise self.error(offset, f"can have plain strings only; {NOT_EXECUTED}", token)
        if not (token.isascii() and token.isprintable()):
            raise self.error(offset, "can have strings of plain letters only", token)

    def check_name(self, token: str, offset: int) -> None:
        """Refuse a keyword of Python that a network does not need."""
        if keyword.iskeyword(token) and token not in ALLOWED_KEYWORDS:
            rule = f"cannot have {token!r} here"
            raise self.error(offset, rule, token, KEYWORD_HINTS.get(token, NOT_EXECUTED))

    def check_number(self, token: str, offset: int) -> None:
        """Refuse a number of more than 24 characters."""
        if len(token) > 24:
            raise self.error(offset, "has too long a number", token)

    def check_op(self, token: str, offset: int) -> None:
        """Check an operator or a bracket."""
        if token in OPERATOR_HINTS:
            raise self.error(offset, f"cannot have {token} here", token, OPERATOR_HINTS[token])
        if token == "*" and self.previous in ("", "(", "[", ",", "="):
            rule = "cannot have *[...] here: write every layer, one after the other"
            raise self.error(offset, rule, token)
        if token in "([":
            self.open_bracket(token, offset)
        elif token in ")]":
            self.close_bracket(token, offset)
        elif token == ",":
            self.pieces[-1] = 0

    def open_bracket(self, token: str, offset: int) -> None:
        """Record an opening bracket; raise if too many brackets are open."""
        if len(self.open) >= MAX_BRACKETS:
            raise self.error(offset, f"must have at most {MAX_BRACKETS} brackets in each other")
        self.count_token(offset)
        self.open.append((token, offset))
        self.pieces.append(0)

    def close_bracket(self, token: str, offset: int) -> None:
        """Check a closing bracket against the last open one."""
        if not self.open:
            raise self.error(offset, f"has {token} without an opening bracket")
        opener, _ = self.open.pop()
        if opener != CLOSING[token]:
            raise self.error(offset, f"closes {opener} with {token}")
        self.pieces.pop()

    def unknown_character(self, offset: int) -> NotationError:
        """The error for a character that begins no token."""
        token = self.text[offset]
        if token in "'\"":
            return self.error(offset, "has a text that is never closed")
        if token in "{}":
            hint = (
                "dictionaries cannot be read; write the layers themselves, or "
                "OrderedDict([(name, layer), ...]) for layers with names"
            )
            return self.error(offset, "cannot have { } here", token, hint)
        if token == "@":
            return self.error(offset, "cannot have decorators here", token, CLASS_HINT)
        if token == ":":
            printed = self.previous == ")"  # "(0): Conv2d(..."
            hint = "that is what print(net) shows; paste the code" if printed else NOT_EXECUTED
            return self.error(offset, "cannot have : here", token, hint)
        return self.error(offset, "has a character that cannot be read", token)
