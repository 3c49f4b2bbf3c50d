"""The floors of the house: who may import whom, read from the source and tried in a subprocess."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BY_NAME = {"import_module", "__import__"}

# Loaded before torch is: they must not bring it along.
LIGHT = (
    *("core.window", "core.padding", "core.data", "core.axis_map"),
    *("core.networks", "core.notation", "core.notation_zoo", "core.shift.layer"),
    *("core.blocks", "core.gradients.recipe", "core.gradients.counts"),
    "core.claims",
    *("core.exercises.kinds", "core.exercises.judging", "core.exercises.interview"),
    *("core.training.spec", "core.training.text"),
)
# Called behind the caches and the queue alone. Add each new heavy module here.
HEAVY = (
    *("core.sweep", "core.graph", "core.receptive_field", "core.measured_field", "core.cost"),
    *("core.strategies", "core.erf.engine", "core.erf_study", "core.expected_erf"),
    *("core.shift.consistency", "core.shift.spectrum", "core.shift.network"),
    *("core.block_facts", "core.block_probe", "core.timing", "core.saved", "core.stages"),
    *("core.coverage", "core.gradients.pattern", "core.gradients.rebuild", "core.gradients.flow"),
    "core.exercises.experiments",
    *("core.training.loop", "core.training.probes", "core.training.tasks"),
)
# The only callers of heavy modules.
COMPUTE = (
    *("viz.compute", "viz.compute_networks", "viz.compute_erf", "viz.compute_shift"),
    *("viz.compute_blocks", "viz.compute_gradients", "viz.compute_exercises"),
    *("viz.compute_claims", "viz.compute_training"),
)
PAGE_MAY_IMPORT = (
    *("viz.controls", "viz.compute", "viz.figures", "viz.player", "viz.slides", "viz.theme"),
    *("viz.state", "viz.url", "viz.words", "viz.presets"),
    *("viz.sizes_controls", "viz.sizes_tabs"),
    *("viz.compute_networks", "viz.network_state", "viz.network_picker"),
    *("viz.fields_state", "viz.fields_tabs", "viz.fields_edit", "viz.fields_measured"),
    "viz.fields_words",
    *("viz.compute_erf", "viz.erf_state", "viz.erf_controls", "viz.erf_map", "viz.erf_tabs"),
    *("viz.jobs", "viz.waiting"),
    *("viz.compute_shift", "viz.shift_state", "viz.shift_controls", "viz.shift_tabs"),
    "viz.shift_film",
    *("viz.compute_blocks", "viz.blocks_state", "viz.blocks_controls", "viz.blocks_table"),
    *("viz.blocks_tabs", "viz.compute_gradients", "viz.gradients_state"),
    *("viz.gradients_controls", "viz.gradients_tabs", "viz.save"),
    *("viz.exercises_state", "viz.exercises_controls", "viz.exercises_tabs"),
    *("viz.compute_claims", "viz.claims_state", "viz.claims_view"),
    *("viz.compute_training", "viz.training_state", "viz.training_controls"),
    *("viz.training_results", "viz.training_tabs", "viz.training_words"),
    *("viz.tour", "viz.tour_bar"),
    *("viz.pages", "core", "streamlit"),
)


@dataclass(frozen=True)
class Import:
    """One import: ``importer`` and ``target`` are dotted names, ``typing_only`` never runs."""

    importer: str
    target: str
    typing_only: bool = False

    def __str__(self) -> str:
        return f"{self.importer} imports {self.target}"


def within(name: str, *packages: str) -> bool:
    """Whether a dotted name is one of the packages or lies inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def python_files(root: Path) -> list[Path]:
    return [
        *root.glob("*.py"),
        *(
            file
            for room in ("core", "viz", "tests")
            for file in sorted((root / room).rglob("*.py"))
        ),
    ]


def module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def module_exists(name: str, root: Path) -> bool:
    path = root.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def is_typing_guard(node: ast.AST) -> bool:
    names = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
    return isinstance(node, ast.If) and ast.unparse(node.test) in names


def targets(node: ast.AST, package: str, root: Path) -> Iterator[str]:
    """The modules a statement loads, each once: ``from core import sweep`` is core.sweep."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*(parents if node.level else []), *([node.module] if node.module else [])])
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if module_exists(inner, root) else base
    elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in BY_NAME:
        yield from (str(name.value) for name in node.args[:1] if isinstance(name, ast.Constant))


def imports_of(file: Path, root: Path) -> Iterator[Import]:
    """Every import in a file, those inside functions included."""
    importer = module_name(file, root)
    package = importer if file.name == "__init__.py" else importer.rpartition(".")[0]

    def walk(node: ast.AST, typing_only: bool) -> Iterator[Import]:
        for target in targets(node, package, root):
            yield Import(importer, target, typing_only)
        guarded = list(node.body) if isinstance(node, ast.If) and is_typing_guard(node) else []
        for child in ast.iter_child_nodes(node):
            yield from walk(child, typing_only or child in guarded)

    yield from walk(ast.parse(file.read_text()), False)


def page_oversteps(found: Import) -> bool:
    if found.typing_only or within(found.target, *HEAVY):
        return False  # what only the type checker reads; what the rule on heavy modules says
    standard = found.target.split(".")[0] in sys.stdlib_module_names
    return not standard and not within(found.target, *PAGE_MAY_IMPORT)


RULES: dict[str, Callable[[Import], bool]] = {
    "core knows no screen": lambda i: (
        within(i.importer, "core") and within(i.target, "streamlit", "plotly", "matplotlib", "viz")
    ),
    "pictures know no Streamlit": lambda i: (
        within(i.importer, "viz.figures", "viz.slides") and within(i.target, "streamlit")
    ),
    "figures know no torch": lambda i: (
        within(i.importer, "viz.figures") and within(i.target, "torch")
    ),
    "viz.compute… alone calls heavy core": lambda i: (
        within(i.importer, "viz")
        and i.importer not in COMPUTE
        and not i.typing_only
        and within(i.target, *HEAVY)
    ),
    "pages only put together": lambda i: within(i.importer, "viz.pages") and page_oversteps(i),
    "nothing points up": lambda i: (
        within(i.importer, "core", "viz") and within(i.target, "app", "tests")
    ),
    "scikit-learn is read, never imported": lambda i: (
        within(i.target, "sklearn") and not within(i.importer, "tests")  # tests: as an oracle
    ),
}


def violations(root: Path) -> list[tuple[str, str]]:
    """``(rule, import)`` of everything under ``root`` that breaks a rule."""
    found = [each for file in python_files(root) for each in imports_of(file, root)]
    broken = ((rule, str(each)) for rule, breaks in RULES.items() for each in found if breaks(each))
    return list(dict.fromkeys(broken))


def test_nothing_breaks_a_floor() -> None:
    assert violations(ROOT) == []


PLANTED = [
    ("core/bad.py", "import streamlit as st", "core knows no screen"),
    ("core/deep/bad.py", "def f():\n    from plotly import graph_objects", "core knows no screen"),
    ("core/bad.py", "import matplotlib.pyplot as plt", "core knows no screen"),
    ("core/bad.py", "from viz import theme", "core knows no screen"),
    (
        "core/bad.py",
        "import importlib\nimportlib.import_module('viz.theme')",
        "core knows no screen",
    ),
    ("viz/figures/bad.py", "from streamlit import cache_data", "pictures know no Streamlit"),
    ("viz/slides/bad.py", "import streamlit", "pictures know no Streamlit"),
    ("viz/figures/bad.py", "import torch.nn.functional as F", "figures know no torch"),
    ("viz/player/bad.py", "from core import sweep", "viz.compute… alone calls heavy core"),
    ("viz/controls.py", "from core.sweep import sweep", "viz.compute… alone calls heavy core"),
    ("viz/controls.py", "from ..core import sweep", "viz.compute… alone calls heavy core"),
    ("viz/pages/bad.py", "import core.sweep", "viz.compute… alone calls heavy core"),
    ("viz/fields_bad.py", "from core import cost", "viz.compute… alone calls heavy core"),
    (
        "viz/figures/bad.py",
        "def f():\n    from core.graph import network_graph",
        "viz.compute… alone calls heavy core",
    ),
    (
        "viz/compute_more.py",
        "import core.receptive_field",
        "viz.compute… alone calls heavy core",
    ),
    ("viz/pages/bad.py", "import torch", "pages only put together"),
    ("viz/pages/bad.py", "import numpy as np", "pages only put together"),
    ("viz/pages/bad.py", "from viz.hidden import x", "pages only put together"),
    ("viz/bad.py", "import app", "nothing points up"),
    ("core/bad.py", "from tests.serving import serving", "nothing points up"),
    ("viz/bad.py", "from sklearn import datasets", "scikit-learn is read, never imported"),
    ("app.py", "import sklearn.datasets", "scikit-learn is read, never imported"),
]


@pytest.fixture
def good_house(tmp_path: Path) -> Path:
    """A small house in which every allowed arrow is drawn once."""
    sources = {
        "app.py": "import streamlit\nfrom viz.pages import sweep_page",
        "core/__init__.py": "",
        "core/window.py": "import math\nimport numpy as np",
        "core/sweep.py": "import torch\nfrom .window import Window2d",
        "viz/theme.py": "INK = 'black'",
        "viz/controls.py": "import streamlit\nfrom core.window import Window2d",
        "core/graph.py": "import torch",
        "core/cost.py": "import torch",
        "core/receptive_field.py": "from core import graph",
        "viz/compute.py": "import streamlit\ndef f():\n    from core import sweep",
        "viz/compute_networks.py": "def f():\n    from core import cost, receptive_field",
        "viz/figures/board.py": (
            "from typing import TYPE_CHECKING\nimport plotly\nfrom viz import theme\n"
            "if TYPE_CHECKING:\n    from core.sweep import Sweep"
        ),
        "viz/player/player.py": "import streamlit",
        "viz/slides/board.py": "import matplotlib",
        "viz/pages/sweep_page.py": (
            "import math\nimport streamlit as st\nfrom core.window import Window2d\n"
            "from viz import compute, controls\nfrom viz.figures.board import board"
        ),
        "tests/test_all.py": "import core.sweep\nimport app",
    }
    for name, source in sources.items():
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).write_text(source)
    return tmp_path


def test_a_good_house_breaks_nothing(good_house: Path) -> None:
    assert violations(good_house) == []


@pytest.mark.parametrize("name, source, rule", PLANTED)
def test_a_planted_arrow_is_seen(good_house: Path, name: str, source: str, rule: str) -> None:
    good_house.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
    good_house.joinpath(name).write_text(source)
    assert {broken for broken, _ in violations(good_house)} == {rule}


def test_every_rule_has_a_planted_arrow() -> None:
    assert {rule for _, _, rule in PLANTED} == set(RULES)


def test_the_types_of_heavy_results_may_be_named_but_not_their_else(good_house: Path) -> None:
    page = good_house / "viz/pages/bad.py"
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from core.sweep import A\n"
    page.write_text(guarded)
    assert violations(good_house) == []
    page.write_text(f"{guarded}else:\n    import core.sweep")
    assert len(violations(good_house)) == 1


# Run, not read: what the source hides from ast, an interpreter without the packages finds.
IMPORT_WITHOUT = """
import importlib, pkgutil, sys
root, name, *blocked = sys.argv[1:]
class Blocker:
    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] in blocked:
            raise ImportError(f"{fullname} is blocked")
sys.meta_path.insert(0, Blocker())
sys.path.insert(0, root)
module = importlib.import_module(name)
for found in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}."):
    importlib.import_module(found.name)
print(*sorted(sys.modules))
"""


def import_without(root: Path, name: str, *blocked: str) -> subprocess.CompletedProcess[str]:
    """Imports a module, and all of it if it is a package, where some packages cannot be."""
    command = [sys.executable, "-c", IMPORT_WITHOUT, str(root), name, *blocked]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=root)


def test_core_runs_without_a_screen() -> None:
    run = import_without(ROOT, "core", "streamlit", "plotly", "matplotlib", "viz", "app")
    assert run.returncode == 0, run.stderr
    submodules = {module_name(file, ROOT) for file in (ROOT / "core").rglob("*.py")}
    assert submodules <= set(run.stdout.split())


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_do_not_bring_torch(name: str) -> None:
    if not module_exists(name, ROOT):
        pytest.skip(f"{name} is not written yet")
    run = import_without(ROOT, name, "torch")
    assert run.returncode == 0, run.stderr


def test_some_light_module_stands() -> None:
    assert [name for name in LIGHT if module_exists(name, ROOT)]


@pytest.mark.parametrize("blocked", ["streamlit", "torch"])
def test_a_blocked_import_is_refused(good_house: Path, blocked: str) -> None:
    hidden = f"__import__({blocked[:3]!r} + {blocked[3:]!r})"
    good_house.joinpath("core/window.py").write_text(hidden)
    good_house.joinpath("core/sweep.py").write_text("")
    for name in ("core", "core.window"):
        assert f"{blocked} is blocked" in import_without(good_house, name, blocked).stderr


def test_no_garbage_collection_after_every_rerun() -> None:
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    assert config["runner"]["postScriptGC"] is False
