"""The browser fixtures guard the rest: what they must refuse, they refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
NO_PLAYWRIGHT = (
    "import sys\nsys.modules['playwright'] = None\nsys.modules['playwright.sync_api'] = None\n"
)
VISIT = """
def test_{name}(page):
    page.goto('data:text/html,{html}')
    page.wait_for_timeout(300)
"""
NOWHERE = "/nonexistent/chromium"


def visit(folder: Path, pages: dict[str, str], prelude: str = "", **environment: str) -> str:
    """Runs a browser test for each page under the real fixtures; pytest's report."""
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    folder.joinpath("conftest.py").write_text(f"{CONFTEST.read_text()}\n{prelude}")
    tests = "".join(VISIT.format(name=name, html=html) for name, html in pages.items())
    folder.joinpath("test_visit.py").write_text(tests)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    kept.pop("REQUIRE_BROWSER", None)
    kept["PYTHONPATH"] = str(CONFTEST.parent.parent.parent)
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "."]
    run = subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, text=True, timeout=120
    )
    return run.stdout


@pytest.mark.parametrize(
    ("prelude", "environment"),
    [("", {"CHROMIUM": NOWHERE}), (NO_PLAYWRIGHT, {})],
    ids=["no Chromium", "no Playwright"],
)
def test_without_a_browser_tests_skip_unless_one_is_required(
    tmp_path: Path, prelude: str, environment: dict[str, str]
) -> None:
    skipped = visit(tmp_path, {"hello": "hello"}, prelude, **environment)
    assert "1 skipped" in skipped
    assert "error" not in skipped
    refused = visit(tmp_path, {"hello": "hello"}, prelude, REQUIRE_BROWSER="1", **environment)
    assert "1 error" in refused
    assert "skipped" not in refused


TROUBLE = {
    "console_error": ("<script>console.error(1)</script>", "console: 1"),
    "uncaught_error": ("<script>throw new Error(1)</script>", "page error: 1"),
    "Streamlit_exception": (
        "<div data-testid=stException>boom</div>",
        "Streamlit shows an exception: ['boom']",
    ),
    "outside_request": (
        "<img src=http://127.0.0.2/x.png>",
        "fetched from outside: http://127.0.0.2/x.png",
    ),
}


@pytest.fixture(scope="module")
def report(browser: object, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One run in one browser: a clean page, and one for each trouble."""
    pages = {"clean": "<p>hello</p>"} | {name: html for name, (html, _) in TROUBLE.items()}
    return visit(tmp_path_factory.mktemp("guard"), pages)


@pytest.mark.parametrize("name", TROUBLE)
def test_a_page_in_trouble_fails_its_test(report: str, name: str) -> None:
    section = report.split(f"ERROR at teardown of test_{name} ")[1].split("ERROR at teardown")[0]
    assert TROUBLE[name][1] in section


def test_a_clean_page_passes(report: str) -> None:
    assert f"{len(TROUBLE) + 1} passed, {len(TROUBLE)} errors" in report
    assert "test_clean" not in report
