"""What `.ci/run` tries again: browser journeys alone, told each time, and no more than three."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CI = (ROOT / ".ci/run").read_text()
CONFTEST = """
import pytest
from tests.conftest import pytest_collection_modifyitems

@pytest.fixture(scope="session")
def browser():
    yield
    import pathlib
    if (told := pathlib.Path(__file__).with_name("complaint")).exists():
        told.unlink()
        raise AssertionError("the server's log: Traceback")
"""
FAILS_FIRST = """
import pytest

@pytest.mark.journey
def test_{name}({fixture}):
    import pathlib
    seen = pathlib.Path(__file__).with_name("{name}.seen")
    if not seen.exists():
        seen.touch()
        raise AssertionError("{name} stalled")
"""


def options() -> list[str]:
    """What `.ci/run` gives pytest, for plain tests and for slow ones."""
    (line,) = re.findall(r"^again=\((.*)\)$", CI, re.MULTILINE)
    assert (
        len(re.findall(r"^.*\bpytest .*\"\$@\"", CI, re.MULTILINE)) == CI.count("${again[@]}") == 2
    )
    return shlex.split(line)


def outcome(folder: Path, *given: str, fixtures: list[str]) -> tuple[int, str]:
    """The exit status and the words of a run in which every test fails at its first try."""
    pytest.importorskip("pytest_rerunfailures", reason="no pytest-rerunfailures")
    (folder / "conftest.py").write_text(CONFTEST)
    tests = (FAILS_FIRST.format(name=f"n{i}", fixture=f) for i, f in enumerate(fixtures))
    (folder / "test_it.py").write_text("\n".join(tests))
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-n", "0"]
    done = subprocess.run(
        [*command, "--rootdir", str(folder), "-p", "no:cacheprovider", *given, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_journeys_are_tried_again_and_each_retry_is_printed(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, *options(), fixtures=["browser"] * 3)
    assert status == 0, said
    assert "3 passed, 3 rerun" in said
    assert all(f"n{number} stalled" in said for number in range(3))


def test_the_fourth_retry_is_none(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, *options(), fixtures=["browser"] * 4)
    assert status == 1
    assert "1 failed, 3 passed, 3 rerun" in said


def test_nothing_else_is_tried_again(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, *options(), fixtures=["", "browser", "tmp_path"])
    assert status == 1
    assert "2 failed, 1 passed, 1 rerun" in said


def test_what_the_server_complains_of_is_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "complaint").touch()
    (tmp_path / "n0.seen").touch()
    status, said = outcome(tmp_path, *options(), fixtures=["browser"])
    assert status == 1
    assert "rerun" not in said.splitlines()[-1]


def test_pytest_alone_tries_nothing_again(tmp_path: Path) -> None:
    status, said = outcome(tmp_path, fixtures=["browser"])
    assert status == 1
    assert "1 failed" in said
    status, said = outcome(tmp_path, "-p", "no:rerunfailures", fixtures=["browser", "browser"])
    assert "1 failed, 1 passed" in said, "nor does it need the plugin"


def test_numbers_are_held_against_two_kinds_of_processors() -> None:
    (files,) = re.findall(r"^numeric=\(\n(.*?)^\)", CI, re.MULTILINE | re.DOTALL)
    assert [name for name in files.split() if not (ROOT / name).is_file()] == []
    assert "for capability in default avx2" in CI
    assert "ATEN_CPU_CAPABILITY=$capability" in CI


def test_networks_are_installed_without_what_they_require() -> None:
    assert "pip install --quiet --no-deps -r tests/requirements-networks.txt" in CI
    assert "REQUIRE_NETWORKS=1" in CI
