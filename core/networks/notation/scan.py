"""Checks pasted source before Python's own parser reads it.

Everything that could make that parser slow, deep or loud is refused with its
position: brackets nested too deeply, chains of operators, strange characters, statements that are
no network. The result is plain ASCII of the same length, line for line.
"""

from __future__ import annotations

import keyword
import re

from .errors import NotationError, error_at

MAX_BRACKETS = 90
"""Most nested brackets; Python's parser fails at 200."""
MAX_PIECES = 60
"""Most names, numbers and operators between two commas."""
MAX_OPEN_PIECES = 400
"""Most names, numbers and operators in all brackets that are open at one place."""

PIECE = re.compile(
    r"""(?P<space>[ \t]+|\\\n)|(?P<newline>\n)|(?P<comment>\#[^\n]*)
    |(?P<triple>[A-Za-z]{0,2}(?:\"\"\"|'''))
    |(?P<string>[A-Za-z]{0,2}(?:'[^'\\\n]*'|"[^"\\\n]*"))
    |(?P<name>[A-Za-z_][A-Za-z_0-9]*)
    |(?P<number>(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?![A-Za-z_0-9]))
    |(?P<op>\*\*|//|:=|==|->|\.\.\.|[()\[\],=.+\-*/;])""",
    re.VERBOSE,
)
ALLOWED_KEYWORDS = {"import", "from", "as", "None", "True", "False"}
NOT_EXECUTED = "pasted source is read, never executed"
LIBRARY = __name__.partition(".")[0]
"""`core` in the checkout, `strides` where it is installed."""
CODE_INSTEAD = (
    "paste an nn.Sequential(...), or write the layers in notation, where residual[...] makes a "
    f"skip; on your own machine, python -m {LIBRARY}.receptive_field file:Class "
    "--input 3,224,224 follows any class"
)
"""What works for a network that is a class or a function."""
CLASSES = f"classes and functions cannot be read here; {CODE_INSTEAD}"
WHY = {
    "for": "loops and comprehensions cannot be read; write every layer, or 3x[...] in notation",
    "lambda": NOT_EXECUTED,
    "class": CLASSES,
    "def": CLASSES,
    "return": "paste what follows return alone",
    "if": "conditions cannot be read; write the layers that are used",
}
OPERATORS = {
    "**": "powers and **arguments cannot be read; write the numbers",
    ":=": NOT_EXECUTED,
    "==": "comparisons cannot be read; write the value",
    "->": CLASSES,
    "...": "write every layer; ... stands for nothing",
}
CLOSING = {")": "(", "]": "["}


def scanned(text: str) -> str:
    """The text with comments, foreign prefixes and line indents blanked, safe to parse.

    Raises:
        NotationError: a SpecError with the position of what cannot be read.
    """
    return _Scan(text).run()


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.out: list[str] = []
        self.open: list[tuple[str, int]] = []
        self.pieces = [0]
        self.before = ""  # the last piece that is not space, on this line if outside brackets

    def run(self) -> str:
        offset = 0
        while offset < len(self.text):
            match = PIECE.match(self.text, offset)
            if match is None or match.lastgroup is None:
                raise self.strange(offset)
            self.out.append(self.piece(match.lastgroup, match[0], offset))
            offset = match.end()
        if self.open:
            raise self.error(self.open[-1][1], "has a bracket that is never closed")
        return "".join(self.out)

    def error(self, offset: int, rule: str, value_text: str = "", hint: str = "") -> NotationError:
        value = value_text or self.text[offset]
        return error_at(self.text, offset, "the source", rule, value, hint)

    def piece(self, group: str, token: str, offset: int) -> str:
        """One piece of the checked text; raises for a piece that cannot be part of a network."""
        if group == "newline":
            return self.line_end(token)
        if group in ("space", "comment"):
            return token if group == "space" else " " * len(token)
        getattr(self, group, self.plain)(token, offset)
        self.count(offset)
        self.before = token
        return token

    def line_end(self, token: str) -> str:
        if not self.open:
            self.pieces, self.before = [0], ""
        return token

    def count(self, offset: int) -> None:
        self.pieces[-1] += 1
        if self.pieces[-1] > MAX_PIECES or sum(self.pieces) > MAX_OPEN_PIECES:
            raise self.error(offset, "has too long an expression; write it simpler")

    def plain(self, token: str, offset: int) -> None:
        """Nothing to check."""

    def triple(self, token: str, offset: int) -> None:
        raise self.error(offset, "has a text over several lines, which cannot be read", token)

    def string(self, token: str, offset: int) -> None:
        if token[0] not in "'\"":
            raise self.error(offset, f"can have plain strings only; {NOT_EXECUTED}", token)
        if not (token.isascii() and token.isprintable()):
            raise self.error(offset, "can have strings of plain letters only", token)

    def name(self, token: str, offset: int) -> None:
        if keyword.iskeyword(token) and token not in ALLOWED_KEYWORDS:
            rule = f"cannot have {token!r} here"
            raise self.error(offset, rule, token, WHY.get(token, NOT_EXECUTED))

    def number(self, token: str, offset: int) -> None:
        if len(token) > 24:
            raise self.error(offset, "has too long a number", token)

    def op(self, token: str, offset: int) -> None:
        if token in OPERATORS:
            raise self.error(offset, f"cannot have {token} here", token, OPERATORS[token])
        if token == "*" and self.before in ("", "(", "[", ",", "="):
            rule = "cannot have *[...] here: write every layer, one after the other"
            raise self.error(offset, rule, token)
        if token in "([":
            self.opened(token, offset)
        elif token in ")]":
            self.closed(token, offset)
        elif token == ",":
            self.pieces[-1] = 0

    def opened(self, token: str, offset: int) -> None:
        if len(self.open) >= MAX_BRACKETS:
            raise self.error(offset, f"must have at most {MAX_BRACKETS} brackets in each other")
        self.count(offset)
        self.open.append((token, offset))
        self.pieces.append(0)

    def closed(self, token: str, offset: int) -> None:
        if not self.open:
            raise self.error(offset, f"has {token} without an opening bracket")
        opener, _ = self.open.pop()
        if opener != CLOSING[token]:
            raise self.error(offset, f"closes {opener} with {token}")
        self.pieces.pop()

    def strange(self, offset: int) -> NotationError:
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
            return self.error(offset, "cannot have decorators here", token, CLASSES)
        if token == ":":
            printed = self.before == ")"  # "(0): Conv2d(..."
            hint = "that is what print(net) shows; paste the code" if printed else NOT_EXECUTED
            return self.error(offset, "cannot have : here", token, hint)
        return self.error(offset, "has a character that cannot be read", token)
