"""Remakes the picture of the floors in .github/ARCHITECTURE.md from the rules that hold them.

python -m tests.floors_picture
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.test_floors import FLOORS

FILE = Path(__file__).resolve().parent.parent / ".github/ARCHITECTURE.md"
BEGIN, END = "<!-- floors: begin -->\n", "<!-- floors: end -->\n"


def picture(floors: Sequence[Sequence[str]] = FLOORS) -> str:
    """The floors from the top, a line of folders each, as a block of Markdown."""
    lines = ["  ".join(name.replace(".", "/") for name in floor) for floor in floors]
    return "```\n" + "\n  ↓\n".join(lines) + "\n```\n"


def remade(text: str) -> str:
    """A document with the picture between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{picture()}{END}{after}"


if __name__ == "__main__":
    FILE.write_text(remade(FILE.read_text(encoding="utf-8")), encoding="utf-8")
