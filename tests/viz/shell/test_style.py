"""The style sheet of the page, whose selectors decide what a changed class costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

SHELL = Path(__file__).resolve().parents[3] / "viz" / "shell"
SUBSTRING = re.compile(r"\[class[*^$]=")


def selectors(text: str) -> Iterator[str]:
    """All selectors of a style sheet, those in a list one by one."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    for group in re.findall(r"([^{}]+)\{", text):
        if not group.strip().startswith("@"):
            yield from (each.strip() for each in re.split(r",(?![^(]*\))", group))


def costly(selector: str) -> bool:
    """Whether every change of any class makes the browser look at most elements anew.

    It does if the selector looks for part of a class name, and below it for an element by nothing
    but an attribute or ``*``: nearly all elements of Streamlit have a ``data-testid``.
    """
    compounds = re.split(r"\s*[>+~ ]\s*(?![^\[(]*[\])])", selector)
    return any(SUBSTRING.search(each) for each in compounds[:-1]) and not re.match(
        r"[a-z.#]", compounds[-1]
    )


def test_no_selector_is_costly() -> None:
    for sheet in SHELL.glob("*.css"):
        found = list(selectors(sheet.read_text(encoding="utf-8")))
        assert len(found) > 5
        assert [each for each in found if costly(each)] == [], sheet.name


def test_costly_selectors_are_recognized() -> None:
    assert costly('[class*="st-key-a_"] [data-testid="stPlotlyChart"]')
    assert costly('[class*="st-key-a_"] > *')
    assert not costly('[class*="st-key-a_"] th')
    assert not costly('[class*="st-key-a_"]')
    assert not costly('.a [data-testid="b"]')
    assert list(selectors("/* x{ */ a, :is(b, c) d{} @media (x){ e > f{} }")) == [
        "a",
        ":is(b, c) d",
        "e > f",
    ]
