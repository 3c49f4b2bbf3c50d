"""Whether a library still has what it does not document and we use; if not, a sentence says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Interface:
    """Something that a library has without saying so.

    Attributes:
        names: the dotted names in the library, as far as they can be looked up.
        use: what it is used for: a whole sentence, for whoever has upgraded the library.
        serves: whether it does that, from the module of ours in which all of them stand.
    """

    names: tuple[str, ...]
    use: str
    serves: Callable[[Any], bool]


def resolved(dotted: str) -> object:
    """What a dotted name leads to; AttributeError where it leads nowhere."""
    path, *parts = dotted.split(".")
    found: Any = import_module(path)
    for part in parts:
        path += f".{part}"
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = import_module(path)
            except ImportError:
                raise AttributeError(dotted) from None
    return found


def check(interface: Interface, home: str) -> None:
    """Fail with one sentence where the library has changed; ``home`` is our module's name."""
    advice = f"{interface.use} Mend {home.replace('.', '/')}.py."
    for name in interface.names:
        library = name.partition(".")[0]
        try:
            resolved(name)
        except AttributeError:
            trouble = f"{library} {version(library)} has no {name} any more."
            pytest.fail(f"{trouble} {advice}", pytrace=False)
    try:
        serves = interface.serves(import_module(home))
    except Exception as error:
        pytest.fail(f"This does not work any more ({error!r}): {advice}", pytrace=False)
    if not serves:
        pytest.fail(f"This does not work any more: {advice}", pytrace=False)
