"""Code that the app prints, and the README shows, imports what core has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMPORT = re.compile(r"from (core[\w.]*) import ([\w, ]+)")


def printed_imports() -> Iterator[tuple[str, str, str]]:
    """(file, module, name) of every import of core in a text of the app or the README."""
    texts = [("README.md", (ROOT / "README.md").read_text())]
    for file in sorted((ROOT / "viz").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append((str(file.relative_to(ROOT)), node.value))
    for where, text in texts:
        for module, names in IMPORT.findall(text):
            for name in names.split(","):
                yield where, module, name.split(" as ")[0].strip()


def there(module: str, name: str) -> bool:
    """Whether a module has a name, or a module of that name inside it."""
    return hasattr(import_module(module), name) or find_spec(f"{module}.{name}") is not None


def test_printed_code_imports_what_there_is() -> None:
    imports = list(printed_imports())
    assert {"core.erf", "core.training.loop"} <= {module for _, module, _ in imports}
    assert [each for each in imports if not there(*each[1:])] == []
    assert not there("core.erf", "nothing_of_that_name")
