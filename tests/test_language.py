"""Names say what a thing is, and one class name means one thing."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DONE = ("core",)
"""Folders, with all below them, whose names keep to all rules."""
NAMED = (*DONE, "viz")
"""Folders whose names say what a thing is, in American spelling."""
FORBIDDEN = frozenset(["told", "asked", "found", "shown", "kept", "lost", "known", "given", "made"])
"""Words that say only that something happened."""
ALLOWED = {
    "lost_to_padding": "the name of a metric in files that users have downloaded",
    "shown": "the name of a URL parameter",
}
BRITISH = re.compile(r"centre|colour|normalis|initialis|optimis|neighbour", re.IGNORECASE)
PARAMETERS = {
    "initialisation_study": "a link holds the study's name",
    "centres": "the name of a URL parameter",
}


def words_of(name: str) -> set[str]:
    """The lower-case words of a snake_case or CamelCase name."""
    return {word.lower() for word in re.split(r"_|(?<=[a-z0-9])(?=[A-Z])", name) if word}


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, name) of every class, function, parameter, field and variable of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def private_words(source: str) -> list[tuple[int, str]]:
    """(line, name) of the names of a module that only say that something happened."""
    named = names_in(ast.parse(source))
    return [(line, name) for line, name in named if words_of(name) & FORBIDDEN]


def files(folders: tuple[str, ...] = DONE) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def test_names_say_what_a_thing_is() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file in files(NAMED)
        for line, name in private_words(file.read_text())
        if name not in ALLOWED
    ]
    assert wrong == []


def test_names_are_spelled_as_in_america() -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file in files(NAMED)
        for line, name in names_in(ast.parse(file.read_text()))
        if BRITISH.search(name) and name not in PARAMETERS
    ]
    assert wrong == []


def test_one_class_name_means_one_thing() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for file in files():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_a_planted_name_is_seen() -> None:
    source = "class Found:\n    kept: int = 0\n    def told(self, asked):\n        self.shown = 1\n"
    names = {name for _, name in private_words(source)}
    assert names == {"Found", "kept", "told", "asked", "shown"}
    assert private_words("knowledge = unknown = foundation = accuracy = 1") == []
