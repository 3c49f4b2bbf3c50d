"""Words of actions: one label for each action, on every page and in the components."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

VIZ = Path(__file__).parents[2] / "viz"
SAVED = {
    "Save": "the file that the menu has made",
    "Save table": "a table as CSV",
    "Save array": "a map as a NumPy array",
    "Save measures": "measures as JSON",
    "Save settings and records": "training runs as JSON",
    "Save page for print": "the results of all claims as a page",
}
"""Labels of the buttons that download something, and what it is."""
ONE_LABEL = {
    r"\bcsv\b|\bdownload\b|\bexport\b|table as\b": None,
    r"\bslides?\b": "Save for slides",
    r"\bcopy\b": "Copy link",
    r"\bboard\b": "Open on the board",
    r"\breset\b|\bdefaults?\b|\bown settings\b|\bas (it is )?told\b|\brestore\b": "Reset",
}
"""Words of an action, as a pattern, and the one label for it; None where another word is used."""
BUTTONS = ("button", "download_button", "page_link", "link_button", "form_submit_button")


def labels(function: str = "|".join(BUTTONS)) -> dict[str, list[str]]:
    """The labels of all buttons that Python makes, with the modules where they stand."""
    found: dict[str, list[str]] = {}
    for path in VIZ.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if not re.fullmatch(function, node.func.attr):
                continue
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            label = keywords.get("label", node.args[0] if node.args else None)
            if isinstance(label, ast.Constant) and isinstance(label.value, str):
                found.setdefault(label.value, []).append(path.name)
    return found


def component_labels() -> dict[str, list[str]]:
    """The labels of all buttons that the components make."""
    found: dict[str, list[str]] = {}
    for path in (VIZ / "components").rglob("*.js"):
        text = path.read_text()
        for label in re.findall(r"<button[^>]*>([^<>$]+)</button>|textContent: \"([^\"]+)\"", text):
            found.setdefault("".join(label).strip(), []).append(path.name)
    return found


@pytest.mark.parametrize("pattern, label", ONE_LABEL.items())
def test_an_action_has_one_label(pattern: str, label: str | None) -> None:
    meant = {
        text: places
        for text, places in (labels() | component_labels()).items()
        if re.search(pattern, text, re.IGNORECASE) and text != label
    }
    assert meant == {}


def test_what_is_saved_is_called_by_its_kind() -> None:
    assert set(labels("download_button")) <= set(SAVED)
    assert set(labels()) >= set(SAVED) - {"Save measures", "Save array"}


def test_labels_are_found_at_all() -> None:
    assert {"Save for slides", "Reset", "Open on the board"} <= set(labels())
    assert "Copy link" in component_labels()
