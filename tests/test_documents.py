"""The documents for those who carry the project on: what they name is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.floors_picture import FILE, picture, remade
from tests.test_floors import FLOORS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted((ROOT / ".github").glob("*.md"))
PLACE = re.compile(r"`((?:core|viz|tests|\.deploy|\.ci)(?:/[\w.]+)*/?)`")
"""A folder or a file of the repository, as the documents write it."""
ROW = re.compile(r"^\| .* \| (.*`.*) \|$", re.MULTILINE)


def test_the_documents_are_there() -> None:
    names = {file.name for file in DOCUMENTS}
    assert names >= {"ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_every_place_that_a_document_names_exists(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    missing = [place for place in PLACE.findall(text) if not (ROOT / place).exists()]
    assert missing == []
    links = re.findall(r"\]\((?!https:)([^)#]+)", text)
    assert [link for link in links if not (file.parent / link).exists()] == []


def test_the_picture_of_the_floors_is_the_one_that_is_held() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert remade(text) == text, "run python -m tests.floors_picture"
    assert picture((("app", "tests"), ("core.layer",))) == "```\napp  tests\n  ↓\ncore/layer\n```\n"


def test_the_table_of_folders_names_every_folder_of_the_floors() -> None:
    text = FILE.read_text(encoding="utf-8")
    table = text[text.index("| Question |") : text.index("In a page's folder")]
    named = {place.rstrip("/") for place in PLACE.findall("".join(ROW.findall(table)))}
    folders = {name.replace(".", "/") for floor in FLOORS for name in floor} - {"app", "tests"}
    assert folders - named == set()
    assert all((ROOT / place).is_dir() for place in named)


def test_every_table_that_is_to_be_extended_is_where_contributing_says() -> None:
    text = (ROOT / ".github/CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"`([A-Z_]{4,})`\s+in\s+`((?:core|viz)/[\w/]+\.py)`", text)
    rows += re.findall(r"`([A-Z_]{4,})`\s+of\s+`((?:core|viz)/[\w/]+\.py)`", text)
    assert len(rows) >= 6
    for name, place in rows:
        source = (ROOT / place).read_text(encoding="utf-8")
        assert re.search(rf"^{name}\b.*=", source, re.MULTILINE), f"{place} has no {name}"


def test_the_changelog_is_of_the_version_that_is_installed() -> None:
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    changes = (ROOT / ".github/CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(version[1])}\b", changes, re.MULTILINE)


def test_the_lockfile_of_the_javascript_tools_names_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert len(lock["packages"]) > 2
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
