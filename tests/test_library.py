"""`core` as a library of its own: installed with pip as `strides`, beside anybody's `core` folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import core

ROOT = Path(__file__).resolve().parent.parent
PACKAGED = ("core", "README.md", "pyproject.toml", "setup.py")
"""What a build reads; it is copied, as a build writes beside its sources."""
DECOY = "raise ImportError('this is the core of somebody else')\n"
NETWORK = """from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.Conv2d(4, 4, 3))
"""
USE = """import runpy, sys
import own, strides

def command(name, *arguments):
    print("----")
    sys.argv = [name, *arguments]
    try:
        runpy.run_module(name, run_name="__main__")  # what python -m does
    except SystemExit as left:
        assert not left.code, left

print(strides.receptive_fields(own.net(), (1, 31, 31))["1"].size)
command("strides.receptive_field", "own:net", "--input", "1,31,31")
command("strides.erf", "--help")
command("strides.erf", *"own:net --input 1,31,31 --draws 1 --out erf.npz".split())
from strides.networks.notation.scan import CLASS_ALTERNATIVES
print("----")
print(CLASS_ALTERNATIVES)
"""


def run(folder: Path, *command: str, **environment: str) -> str:
    """What Python prints when it is run in ``folder``; fails with what it complains of."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the library, without what it depends on."""
    sources, target = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("installed")
    for name in PACKAGED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, sources / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, sources)
    offline = ("--no-build-isolation", "--no-deps", "--no-index", "--no-compile", "--quiet")
    run(sources, "-m", "pip", "install", *offline, "--target", str(target), ".")
    return target


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a network, and with a `core` folder that must never be imported."""
    (tmp_path / "core").mkdir()
    (tmp_path / "core/__init__.py").write_text(DECOY)
    (tmp_path / "own.py").write_text(NETWORK)
    return tmp_path


def test_every_module_of_the_tree_is_installed(installed: Path) -> None:
    tree = {file.relative_to(ROOT / "core") for file in (ROOT / "core").rglob("*.py")}
    library = installed / "strides"
    assert {file.relative_to(library) for file in library.rglob("*.py")} == tree
    assert (library / "py.typed").is_file()
    others = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert others == {"strides"}


def test_it_is_used_beside_a_core_folder_of_somebody_elses(
    installed: Path, elsewhere: Path
) -> None:
    printed = run(elsewhere, "-c", USE, PYTHONPATH=str(installed))
    size, table, erf_help, _, advice = printed.split("----\n")
    assert size == "(7, 7)\n"
    assert table.splitlines()[-1].split()[:5] == ["_1", "1", "conv2d", "4×13×13", "7"]
    assert "usage: python -m strides.erf" in erf_help
    assert "python -m strides.receptive_field" in advice
    assert "core" not in printed
    assert (elsewhere / "erf.npz").is_file()


def test_the_five_names_come_without_torch_and_bring_it_when_they_are_used() -> None:
    light = "import sys, core; assert 'torch' not in sys.modules; print(*dir(core))"
    assert set(core.__all__) <= set(run(ROOT, "-c", light).split())
    assert len(core.__all__) == len(set(core.__all__)) == 5
    for name in core.__all__:
        assert getattr(core, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = core.nothing


def test_what_the_app_pins_lies_in_the_librarys_ranges() -> None:
    packaging = pytest.importorskip("packaging.requirements")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = dict(line.split(";")[0].split("==") for line in lines if "==" in line)
    ranges = [*project["dependencies"], *project["optional-dependencies"]["pictures"]]
    for text in ranges:
        wanted = packaging.Requirement(text)
        assert wanted.specifier.contains(pins[wanted.name].strip()), text
