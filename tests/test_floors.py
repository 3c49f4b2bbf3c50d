"""The floors of the house: which folder may import which, read from the source and tried."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BY_NAME = {"import_module", "__import__"}
MOST_MODULES = 20
"""In one folder: more cannot be looked over."""

FLOORS = (
    ("app", "tests"),
    ("viz.shell",),
    ("viz.features",),
    ("viz.choices",),
    ("viz.page",),
    ("viz.components", "viz.plots", "viz.slides"),
    ("viz.server",),
    ("viz",),  # colours, parameters, the list of pages
    ("viz.lessons",),
    ("core.plots",),
    (
        *("core.receptive_field", "core.erf", "core.cost", "core.blocks"),
        *("core.gradients", "core.shift", "core.training"),
    ),
    ("core.networks",),
    ("core.graph",),
    ("core.layer",),
    ("core",),  # errors, pictures, devices
)
"""From the top. A folder may import its own floor and those below."""
SHORT_NAMES = ("core", "core.operations", "core.sweep", "core.zoo")
"""Of what lies deeper, for people who use core without the app."""
LATE = ("core.graph", "core.receptive_field")
"""Their names are looked up when they are asked for, and bring torch then."""
CALLERS = r"viz\.(choices|server|lessons)\..+|viz\.features\.\w+\.(compute|nets)"
"""Alone call what brings torch: behind the caches and the queue."""
READ = (
    *("core.device", "core.seeded", "core.erf", "core.networks.zoo", "core.blocks.stages"),
    *("core.training.studies", "core.training.records", "core.receptive_field.outline"),
    *("core.receptive_field.cone", "core.receptive_field.growth", "core.receptive_field.notes"),
    *("core.receptive_field.textbook", "core.receptive_field.cross_section", "core.plots"),
    "core.receptive_field.folding",
)
"""Bring torch as well, but are asked about results that are there."""
COMPUTES = ("core.erf.engine", "core.erf.study", "core.erf.studies", "core.erf.expected")
"""Inside what is read."""
BOARD_AND_CONE = r"viz\.features\.sweep\.(slides|board_\w+)|viz\.features\.fields\.cone_\w+"
SLIDE = rf"viz\.slides(\..+)?|{BOARD_AND_CONE}"
PICTURE = rf"{SLIDE}|viz\.plots(\..+)?|viz\.features\.\w+\.(plots|export)"
LATE_PICTURES = r"viz\.features\.fields\.cone_\w+|viz\.lessons\.exercises\.experiments"
"""Loaded when they are drawn or run: they bring torch."""
NEIGHBOURS = {("architectures", "blocks")}
"""A page whose rows are another's."""


@dataclass(frozen=True)
class Import:
    """One import: ``importer`` and ``target`` are dotted names.

    Attributes:
        typing_only: never runs.
        late: inside a function.
        heavy: brings torch.
    """

    importer: str
    target: str
    typing_only: bool = False
    late: bool = False
    heavy: bool = False

    def __str__(self) -> str:
        return f"{self.importer} imports {self.target}"


def within(name: str, *packages: str) -> bool:
    """Whether a dotted name is one of the packages or lies inside one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def python_files(root: Path) -> list[Path]:
    rooms = ("core", "viz", "tests")
    return [*root.glob("*.py"), *(f for room in rooms for f in sorted((root / room).rglob("*.py")))]


def module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_typing_guard(node: ast.AST) -> bool:
    names = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
    return isinstance(node, ast.If) and ast.unparse(node.test) in names


def parents(name: str) -> list[str]:
    """The packages that a module lies in, which are loaded before it."""
    return [name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)]


class House:
    """All modules below a folder, and what each imports."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = {module_name(file, root): file for file in python_files(root)}

    def folder(self, module: str) -> str:
        """The dotted folder that a module lies in; "" on top."""
        return ".".join(self.files[module].relative_to(self.root).parts[:-1])

    def exists(self, name: str) -> bool:
        path = self.root.joinpath(*name.split("."))
        return path.with_suffix(".py").is_file() or path.is_dir()

    def targets(self, node: ast.AST, package: str) -> Iterator[str]:
        """The modules a statement loads: ``from core import erf`` is core.erf."""
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            tail = [node.module] if node.module else []
            base = ".".join([*(parents if node.level else []), *tail])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if self.exists(inner) else base
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in BY_NAME:
            yield from (str(name.value) for name in node.args[:1] if isinstance(name, ast.Constant))

    def read(self, module: str) -> Iterator[Import]:
        """Every import in a file, those inside functions included."""
        file = self.files[module]
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]

        def walk(node: ast.AST, typing_only: bool, late: bool) -> Iterator[Import]:
            for target in self.targets(node, package):
                yield Import(module, target, typing_only, late)
            guarded = list(node.body) if isinstance(node, ast.If) and is_typing_guard(node) else []
            inside = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                yield from walk(child, typing_only or child in guarded, inside)

        yield from walk(ast.parse(file.read_text()), False, False)

    @cached_property
    def plain(self) -> Mapping[str, Sequence[Import]]:
        return {module: tuple(self.read(module)) for module in self.files}

    @cached_property
    def heavy(self) -> set[str]:
        """The modules that bring torch when they are imported."""
        found: set[str] = set()

        def brings(each: Import) -> bool:
            return not (each.typing_only or each.late) and self.is_heavy(each.target, found)

        def is_new(module: str, own: Sequence[Import]) -> bool:
            inside = bool(found & set(parents(module)))
            return module not in found and (inside or any(map(brings, own)))

        while more := {module for module, own in self.plain.items() if is_new(module, own)}:
            found |= more
        return found

    def is_heavy(self, target: str, heavy: set[str]) -> bool:
        named = {target, *parents(target)}
        return within(target, "torch") or target in LATE or bool(heavy & named)

    @cached_property
    def imports(self) -> Sequence[Import]:
        return [
            Import(i.importer, i.target, i.typing_only, i.late, self.is_heavy(i.target, self.heavy))
            for own in self.plain.values()
            for i in own
        ]

    def circles(self) -> list[set[str]]:
        """Folders that import each other, also by way of others."""
        arrows: dict[str, set[str]] = defaultdict(set)
        for each in self.imports:
            inside = within(each.importer, "core", "viz") and each.target in self.files
            if inside and each.importer not in SHORT_NAMES:
                arrows[self.folder(each.importer)].add(self.folder(each.target))
        reached = {folder: {folder} for folder in arrows}
        for folder, seen in reached.items():
            new = {folder}
            while new:
                new = {to for at in new for to in arrows.get(at, ())} - seen
                seen |= new
            seen.discard(folder)
            if any(folder in arrows.get(at, ()) for at in seen):
                seen.add(folder)
        both = [
            {other for other in seen if folder in reached.get(other, ())}
            for folder, seen in reached.items()
            if folder in seen
        ]
        return [circle for n, circle in enumerate(both) if circle and circle not in both[:n]]


def floor(module: str) -> int | None:
    """The number of a module's floor, 0 the top; None of what is not the house's."""
    found = [
        (len(name), number)
        for number, names in enumerate(FLOORS)
        for name in names
        if within(module, name)
    ]
    return max(found)[1] if found else None


def points_up(found: Import) -> bool:
    if found.importer in SHORT_NAMES or found.importer.split(".")[-1] == "__main__":
        return False
    here, there = floor(found.importer), floor(found.target)
    return here is not None and there is not None and there < here


def feature(module: str) -> str:
    return module.split(".")[2] if module.count(".") >= 2 else ""


def meddles(found: Import) -> bool:
    """Whether a feature uses another one for more than to write a link to it."""
    if not (within(found.importer, "viz.features") and within(found.target, "viz.features")):
        return False
    here, there = feature(found.importer), feature(found.target)
    params = found.target == f"viz.features.{there}.params"
    return here != there and not params and (here, there) not in NEIGHBOURS


def calls_heavy(found: Import) -> bool:
    """Whether what computes is called past the caches and the queue."""
    if not within(found.importer, "viz") or found.typing_only or not found.heavy:
        return False
    if re.fullmatch(CALLERS, found.importer) or not within(found.target, "core", "torch"):
        return False
    return not within(found.target, *READ) or within(found.target, *COMPUTES)


def brings_torch(found: Import) -> bool:
    """Whether a part of the app cannot be loaded before torch is."""
    if not within(found.importer, "viz", "app") or found.typing_only or found.late:
        return False
    return found.heavy and not re.fullmatch(LATE_PICTURES, found.importer)


RULES: dict[str, Callable[[Import], bool]] = {
    "core knows no screen": lambda i: (
        within(i.importer, "core") and within(i.target, "streamlit", "plotly", "matplotlib")
    ),
    "nothing points up": points_up,
    "lessons know core alone": lambda i: (
        within(i.importer, "viz.lessons")
        and (
            within(i.target, "streamlit", "plotly", "matplotlib")
            or (within(i.target, "viz") and not within(i.target, "viz.lessons"))
        )
    ),
    "features stand side by side": meddles,
    "pictures know no Streamlit": lambda i: (
        re.fullmatch(PICTURE, i.importer) is not None and within(i.target, "streamlit")
    ),
    "Matplotlib is for slides, the board and the cone": lambda i: (
        within(i.importer, "viz", "app")
        and within(i.target, "matplotlib")
        and not i.typing_only
        and not re.fullmatch(SLIDE, i.importer)
    ),
    "Plotly is for its renderer": lambda i: (
        within(i.importer, "viz", "app")
        and within(i.target, "plotly")
        and not within(i.importer, "viz.plots", "viz.lessons")
    ),
    "the app starts without torch": brings_torch,
    "what computes is called behind caches and queue": calls_heavy,
    "scikit-learn is read, never imported": lambda i: (
        within(i.target, "sklearn") and not within(i.importer, "tests")  # tests: as an oracle
    ),
}


@cache
def ours() -> House:
    return House(ROOT)


def violations(root: Path) -> list[tuple[str, str]]:
    """``(rule, import)`` of everything under ``root`` that breaks a rule."""
    found = ours().imports if root == ROOT else House(root).imports
    broken = ((rule, str(each)) for rule, breaks in RULES.items() for each in found if breaks(each))
    return list(dict.fromkeys(broken))


def test_nothing_breaks_a_floor() -> None:
    assert violations(ROOT) == []


def test_no_folders_import_each_other() -> None:
    assert ours().circles() == []


def crowded(root: Path) -> dict[str, int]:
    """Folders with more modules than can be looked over."""
    house = House(root)
    own = [m for m in house.files if house.files[m].name != "__init__.py" and "." in m]
    counts = Counter(house.folder(module) for module in own)
    return {f: n for f, n in counts.items() if n > MOST_MODULES and not within(f, "tests")}


def test_no_folder_is_crowded() -> None:
    assert crowded(ROOT) == {}


PLANTED = [
    ("core/bad.py", "import streamlit as st", "core knows no screen"),
    ("core/deep/bad.py", "def f():\n    from plotly import graph_objects", "core knows no screen"),
    ("core/bad.py", "import matplotlib.pyplot as plt", "core knows no screen"),
    ("core/bad.py", "from viz import theme", "nothing points up"),
    ("core/bad.py", "import importlib\nimportlib.import_module('viz.theme')", "nothing points up"),
    ("core/bad.py", "from .layer.window import Window2d", "nothing points up"),
    ("core/layer/bad.py", "from ..networks import build", "nothing points up"),
    ("core/graph/bad.py", "def f():\n    from ..cost import totals", "nothing points up"),
    ("viz/bad.py", "import app", "nothing points up"),
    ("core/bad.py", "from tests.serving import serving", "nothing points up"),
    ("viz/page/bad.py", "from viz.choices.layer import layer", "nothing points up"),
    ("viz/choices/bad.py", "from viz.features.sweep import params", "nothing points up"),
    ("viz/features/sweep/bad.py", "from viz.shell import main", "nothing points up"),
    ("viz/server/bad.py", "from viz.plots.figure import Figure", "nothing points up"),
    ("viz/lessons/bad.py", "import streamlit", "lessons know core alone"),
    (
        "viz/lessons/bad.py",
        "from viz.lessons.tour import TOUR\nimport plotly",
        "lessons know core alone",
    ),
    (
        "viz/features/sizes/bad.py",
        "from viz.features.sweep import page",
        "features stand side by side",
    ),
    ("viz/plots/bad.py", "from streamlit import cache_data", "pictures know no Streamlit"),
    ("viz/slides/bad.py", "import streamlit", "pictures know no Streamlit"),
    ("viz/features/sweep/plots.py", "import streamlit", "pictures know no Streamlit"),
    ("viz/features/sweep/export.py", "import streamlit", "pictures know no Streamlit"),
    (
        "viz/features/sweep/bad.py",
        "def f():\n    import matplotlib",
        "Matplotlib is for slides, the board and the cone",
    ),
    (
        "viz/plots/bad.py",
        "from matplotlib.axes import Axes",
        "Matplotlib is for slides, the board and the cone",
    ),
    (
        "viz/features/erf/plots.py",
        "import plotly.graph_objects as go",
        "Plotly is for its renderer",
    ),
    (
        "viz/features/erf/slides.py",
        "import matplotlib",
        "Matplotlib is for slides, the board and the cone",
    ),
    ("viz/features/sweep/compute.py", "import torch", "the app starts without torch"),
    ("viz/choices/bad.py", "from core.layer.sweep import sweep", "the app starts without torch"),
    ("viz/choices/bad.py", "from core.graph import network_graph", "the app starts without torch"),
    ("app.py", "from core import cost", "the app starts without torch"),
    (
        "viz/features/sweep/bad.py",
        "def f():\n    from core.layer import sweep",
        "what computes is called behind caches and queue",
    ),
    (
        "viz/plots/bad.py",
        "def f():\n    import torch.nn.functional as F",
        "what computes is called behind caches and queue",
    ),
    (
        "viz/features/sweep/page.py",
        "def f():\n    from core.receptive_field import fields_of",
        "what computes is called behind caches and queue",
    ),
    ("viz/bad.py", "from sklearn import datasets", "scikit-learn is read, never imported"),
    ("app.py", "import sklearn.datasets", "scikit-learn is read, never imported"),
]


@pytest.fixture
def good_house(tmp_path: Path) -> Path:
    """A small house in which every allowed arrow is drawn once."""
    sources = {
        "app.py": "import streamlit\nfrom viz.shell import main",
        "core/__init__.py": "",
        "core/errors.py": "",
        "core/operations.py": "from .layer.window import Window2d",
        "core/layer/__init__.py": "",
        "core/layer/window.py": "import numpy as np\nfrom ..errors import SpecError",
        "core/layer/sweep.py": "import torch\nfrom .window import Window2d",
        "core/graph/__init__.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .graph import Graph\n"
            "def __getattr__(name):\n    from . import graph"
        ),
        "core/graph/graph.py": "import torch\nfrom ..layer.window import Window2d",
        "core/networks/__init__.py": "def build():\n    import torch",
        "core/receptive_field/__init__.py": "",
        "core/receptive_field/fields.py": "from ..graph.graph import Graph",
        "core/cost/__init__.py": "import torch\nfrom ..networks import build",
        "viz/theme.py": "INK = 'black'",
        "viz/lessons/tour.py": "from core.layer.window import Window2d",
        "viz/lessons/claim.py": "def f():\n    from core.cost import totals",
        "viz/server/cache.py": "from viz import theme\nfrom viz.lessons.tour import TOUR",
        "viz/plots/figure.py": (
            "from typing import TYPE_CHECKING\nimport plotly\nfrom viz import theme\n"
            "if TYPE_CHECKING:\n    from core.layer.sweep import Sweep"
        ),
        "viz/slides/parts.py": "import matplotlib\nfrom viz.plots.figure import Figure",
        "viz/page/session.py": "import streamlit\nfrom viz.slides.parts import sheet",
        "viz/choices/layer.py": "from viz.page.session import change",
        "viz/choices/board.py": "def f():\n    from core.layer import sweep",
        "viz/features/sweep/__init__.py": "",
        "viz/features/sweep/params.py": "from viz.choices.layer import layer",
        "viz/features/sweep/compute.py": "def f():\n    import torch\n    from core.graph import Graph",
        "viz/features/sweep/page.py": "import streamlit\nfrom viz.features.sweep import compute",
        "viz/features/sizes/page.py": "from viz.features.sweep.params import SweepSettings",
        "viz/features/sweep/slides.py": "import matplotlib",
        "viz/features/architectures/page.py": "from viz.features.blocks.page import draw",
        "viz/features/blocks/page.py": "import streamlit",
        "viz/shell/main.py": "from viz.features.sweep import page",
        "tests/test_all.py": "import core.layer.sweep\nimport app",
    }
    for name, source in sources.items():
        tmp_path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        tmp_path.joinpath(name).write_text(source)
    return tmp_path


def test_a_good_house_breaks_nothing(good_house: Path) -> None:
    assert violations(good_house) == []
    assert House(good_house).circles() == []


@pytest.mark.parametrize("name, source, rule", PLANTED)
def test_a_planted_arrow_is_seen(good_house: Path, name: str, source: str, rule: str) -> None:
    good_house.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
    good_house.joinpath(name).write_text(source)
    assert {broken for broken, _ in violations(good_house)} == {rule}


def test_every_rule_has_a_planted_arrow() -> None:
    assert {rule for _, _, rule in PLANTED} == set(RULES)


def test_a_circle_is_seen(good_house: Path) -> None:
    good_house.joinpath("viz/plots/bad.py").write_text("from viz.slides import parts")
    assert House(good_house).circles() == [{"viz.plots", "viz.slides"}]
    good_house.joinpath("viz/plots/bad.py").write_text("")
    good_house.joinpath("core/bad.py").write_text("def f():\n    from .graph.graph import Graph")
    assert House(good_house).circles() == [{"core", "core.layer", "core.graph"}]


def test_a_crowded_folder_is_seen(good_house: Path) -> None:
    for number in range(MOST_MODULES):
        good_house.joinpath(f"viz/plots/part{number}.py").write_text("")
    assert crowded(good_house) == {"viz.plots": MOST_MODULES + 1}


def test_the_types_of_heavy_results_may_be_named_but_not_their_else(good_house: Path) -> None:
    page = good_house / "viz/features/sweep/bad.py"
    guarded = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from core.layer.sweep import A\n"
    )
    page.write_text(guarded)
    assert violations(good_house) == []
    page.write_text(f"{guarded}else:\n    import core.layer.sweep")
    assert {rule for rule, _ in violations(good_house)} == {
        "the app starts without torch",
        "what computes is called behind caches and queue",
    }


# Run, not read: what the source hides from ast, an interpreter without the packages finds.
IMPORT_WITHOUT = """
import importlib, sys
root, blocked, *names = sys.argv[1:]
class Blocker:
    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] in blocked.split(","):
            raise ImportError(f"{fullname} is blocked")
sys.meta_path.insert(0, Blocker())
sys.path.insert(0, root)
for name in names:
    importlib.import_module(name)
"""


def import_without(root: Path, names: Sequence[str], *blocked: str) -> str:
    """What is said when modules are imported where some packages cannot be; "" of success."""
    command = [sys.executable, "-c", IMPORT_WITHOUT, str(root), ",".join(blocked), *names]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=root)
    assert bool(run.stderr) == bool(run.returncode), run.stderr
    return run.stderr


def test_core_runs_without_a_screen() -> None:
    names = [name for name in ours().files if within(name, "core")]
    assert len(names) > 100
    assert import_without(ROOT, names, "streamlit", "plotly", "matplotlib", "viz", "app") == ""


WITHOUT_TORCH = (
    *("core.layer", "core.networks", "core.networks.notation", "core.networks.zoo_lines"),
    *("core.blocks", "core.graph", "core.graph.axes.axis_map", "core.receptive_field.reach"),
    *("core.shift.layer", "core.gradients.recipe", "core.gradients.counts", "core.data"),
    *("core.training.spec", "core.training.text", "viz.shell.tour_bar", "viz.slides.catalogue"),
    *("viz.lessons.claims", "viz.lessons.exercises", "viz.choices.network_analysis"),
)
"""Some that the first page needs, so that the rule that finds all of them is not empty."""


def test_the_app_is_loaded_before_torch() -> None:
    house = ours()
    light = [m for m in house.files if within(m, "core", "viz") and m not in house.heavy]
    assert set(WITHOUT_TORCH) <= set(light)
    scripts = re.compile(
        r"viz\.features\.\w+\.page|viz\.shell\.main|.*__main__"
    )  # run, never imported
    assert import_without(ROOT, [m for m in light if not scripts.fullmatch(m)], "torch") == ""


@pytest.mark.parametrize("blocked", ["streamlit", "torch"])
def test_a_blocked_import_is_refused(good_house: Path, blocked: str) -> None:
    hidden = f"__import__({blocked[:3]!r} + {blocked[3:]!r})"
    good_house.joinpath("core/layer/window.py").write_text(hidden)
    assert f"{blocked} is blocked" in import_without(good_house, ["core.layer.window"], blocked)


def test_no_garbage_collection_after_every_rerun() -> None:
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    assert config["runner"]["postScriptGC"] is False
