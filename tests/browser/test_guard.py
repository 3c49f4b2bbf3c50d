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
VISIT = "def test_visit(page):\n    page.goto('data:text/html,{html}')\n    page.wait_for_timeout(300)\n"
NOWHERE = "/nonexistent/chromium"


def visit(folder: Path, html: str, prelude: str = "", **environment: str) -> str:
    """Runs one browser test under the real fixtures; pytest's report."""
    folder.joinpath("pytest.ini").write_text("[pytest]\n")
    folder.joinpath("conftest.py").write_text(f"{CONFTEST.read_text()}\n{prelude}")
    folder.joinpath("test_visit.py").write_text(VISIT.format(html=html))
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
    skipped = visit(tmp_path, "hello", prelude, **environment)
    assert "1 skipped" in skipped
    assert "error" not in skipped
    refused = visit(tmp_path, "hello", prelude, REQUIRE_BROWSER="1", **environment)
    assert "1 error" in refused
    assert "skipped" not in refused


@pytest.mark.usefixtures("browser")
@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ("<script>console.error(1)</script>", "console: 1"),
        ("<script>throw new Error(1)</script>", "page error: 1"),
        ("<div data-testid=stException>boom</div>", "Streamlit shows an exception: ['boom']"),
        ("<img src=http://127.0.0.2/x.png>", "fetched from outside: http://127.0.0.2/x.png"),
    ],
    ids=["console error", "uncaught error", "Streamlit exception", "outside request"],
)
def test_a_page_in_trouble_fails_its_test(tmp_path: Path, html: str, complaint: str) -> None:
    report = visit(tmp_path, html)
    assert "1 passed, 1 error" in report
    assert complaint in report


@pytest.mark.usefixtures("browser")
def test_a_clean_page_passes(tmp_path: Path) -> None:
    report = visit(tmp_path, "<p>hello</p>")
    assert "1 passed" in report
    assert "error" not in report
