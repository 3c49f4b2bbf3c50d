"""The settings of a server: read or refused, told in README, and each one of them felt."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from threading import Event, Semaphore
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.uploads import MAX_UPLOAD_BYTES
from viz.choices.network import Network, modules_allowed, spec_from_notation
from viz.choices.network_analysis import analysis
from viz.features.erf import compute
from viz.features.erf.params import Request
from viz.page import progress
from viz.server.headers import headers
from viz.server.options import configure, streamlit_options
from viz.server.settings import (
    FORMER_NAMES,
    MAX_UPLOAD_MB,
    MIN_SECRET_LENGTH,
    ServerSettings,
    read_settings,
    settings,
    unknown_variables,
    variable_name,
)

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
NAMES = [variable_name(field) for field in fields(ServerSettings)]
SECRET = "a secret of thirty-two characters"

GOOD: list[tuple[str, str, Any]] = [
    ("public_address", "https://strides.example.org", "https://strides.example.org"),
    ("public_address", "http://10.0.0.7:8501", "http://10.0.0.7:8501"),
    ("frame_ancestors", "self", ()),
    ("frame_ancestors", "https://a.org  https://b.org:8", ("https://a.org", "https://b.org:8")),
    ("cookie_secret", SECRET, SECRET),
    ("max_sessions", " 12 ", 12),
    ("upload_mb", str(MAX_UPLOAD_MB), MAX_UPLOAD_MB),
    ("queue_workers", "2", 2),
    ("training_slots", "3", 3),
    ("workers", "2", 2),
    ("gmacs", "20", 20),
    ("memory_mb", "500", 500),
    ("device", "cuda:1", "cuda:1"),
    ("device", "auto", None),
    ("error_details", "1", True),
    ("local_modules", "0", False),
]
BAD = [
    ("public_address", "strides.example.org"),
    ("public_address", "https://strides.example.org/"),
    ("public_address", "https://strides.example.org/path"),
    ("public_address", "https://me:word@strides.example.org"),
    ("public_address", "https://strides.example.org; script-src *"),
    ("public_address", "https://[::1"),
    ("public_address", "https://a.org:99999"),
    ("frame_ancestors", "*"),
    ("frame_ancestors", "none"),
    ("frame_ancestors", "https://a.org, https://b.org"),
    ("cookie_secret", "short"),
    ("max_sessions", "0"),
    ("max_sessions", "1e3"),
    ("max_sessions", "-1"),
    ("max_sessions", "٣"),
    ("upload_mb", str(MAX_UPLOAD_MB + 1)),
    ("queue_workers", "0"),
    ("training_slots", "0"),
    ("workers", "-1"),
    ("gmacs", "0"),
    ("memory_mb", "99"),
    ("device", "gpu"),
    ("error_details", "yes"),
    ("local_modules", "true"),
]


def name_of(setting: str) -> str:
    return f"STRIDES_{setting.upper()}"


@pytest.mark.parametrize(("setting", "text", "value"), GOOD)
def test_a_good_value_is_read(setting: str, text: str, value: Any) -> None:
    assert getattr(read_settings({name_of(setting): text}), setting) == value


@pytest.mark.parametrize(("setting", "text"), BAD)
def test_a_bad_value_is_refused_by_name(setting: str, text: str) -> None:
    with pytest.raises(SpecError, match=f"^{name_of(setting)} must ") as refusal:
        read_settings({name_of(setting): text})
    assert (text in str(refusal.value)) == (setting != "cookie_secret")


def test_every_setting_is_tried() -> None:
    every = [field.name for field in fields(ServerSettings)]
    assert list(dict.fromkeys(setting for setting, *_ in GOOD)) == every
    assert list(dict.fromkeys(setting for setting, _ in BAD)) == every


def test_an_empty_variable_is_an_absent_one() -> None:
    assert read_settings(dict.fromkeys(NAMES, " ")) == read_settings({}) == ServerSettings()


@given(st.sampled_from(NAMES), st.text(max_size=300))
def test_any_text_is_read_or_refused_with_a_sentence(name: str, text: str) -> None:
    try:
        found = read_settings({name: text})
    except SpecError as error:
        message = str(error)
        found = ServerSettings()
    else:
        message = f"{name} is taken"
    assert message.startswith(name)
    assert len(message) < 400
    assert "".join(headers(found).values()).isprintable()  # nobody writes headers of their own


@given(st.text(min_size=1, max_size=MIN_SECRET_LENGTH - 1).filter(str.strip))
def test_a_refused_secret_is_not_told(text: str) -> None:
    with pytest.raises(SpecError) as refusal:
        read_settings({name_of("cookie_secret"): text})
    assert refusal.value.value == f"{len(text.strip())} characters"


def test_misspelt_variables_are_seen() -> None:
    asked = {"STRIDES_MAX_SESSION": "1", "PATH": "", "STREAMLIT_SERVER_PORT": "1", NAMES[0]: ""}
    assert unknown_variables(asked) == ["STRIDES_MAX_SESSION"]


def test_the_environment_is_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STRIDES_")]:
        monkeypatch.delenv(name)
    assert settings() == ServerSettings()
    assert not modules_allowed()
    monkeypatch.setenv(name_of("local_modules"), "1")
    assert settings() == ServerSettings(local_modules=True)
    assert modules_allowed()


# What the computations are told.


def test_the_queue_has_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIDES_QUEUE_WORKERS", "3")
    begun, go_on = Semaphore(0), Event()

    def work(report: Any) -> None:
        begun.release()
        go_on.wait(10)

    jobs = progress.queue.__wrapped__()
    views = jobs.set_wishes("class", dict.fromkeys(range(5), work))
    go_on.set()
    assert [view.state for view in views.values()] == ["running"] * 3 + ["waiting"] * 2
    assert all(begun.acquire(timeout=10) for _ in range(5))


def test_a_computation_has_the_bounds_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    found = analysis(Network("own", spec_from_notation("8x[conv7 p3 c64]"), "", (1, 256, 256)))
    recipe = (1, "noise", "he", "energy", 0, False, "kept", "kept", True)
    asked = Request(found.network, list(found.fields)[-1], (128, 128), *recipe)
    assert compute.most_draws(asked, found) > 1
    monkeypatch.setenv("STRIDES_GMACS", "1")
    assert compute.most_draws(asked, found) == 0
    monkeypatch.setenv("STRIDES_MEMORY_MB", "200")
    assert settings().memory_bytes == 200 * 10**6


READS = {"settings", "environ", "getenv"}
"""Names through which an environment is read."""


def read_at_import(source: str) -> list[str]:
    """Reads of settings or of the environment that run while the module is imported: in its own
    body, in a class's, in a decorator or a default of an argument.
    """
    found: list[str] = []

    def walk(node: ast.AST) -> None:
        if (isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in READS) or (
            isinstance(node, ast.Attribute) and ast.unparse(node).startswith("os.environ")
        ):
            found.append(ast.unparse(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            defaults = [each for each in arguments.defaults + arguments.kw_defaults if each]
            children: list[ast.AST] = [*node.decorator_list, *defaults]
        elif isinstance(node, ast.Lambda):
            children = [each for each in node.args.defaults + node.args.kw_defaults if each]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            children = []
        else:
            children = list(ast.iter_child_nodes(node))
        for child in children:
            walk(child)

    walk(ast.parse(source))
    return found


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("from viz.server.settings import settings\nMOST = settings().gmacs", True),
        ("import os\nclass A:\n    b = os.environ['HOME']", True),
        ("import os\ndef f(a=os.getenv('A')): ...", True),
        ("@computed_once(settings().workers)\ndef f(): ...", True),
        ("F = [settings() for _ in range(2)]", True),
        ("def f():\n    return settings().gmacs, os.environ", False),
        ("F = lambda: settings().gmacs", False),
    ],
)
def test_what_is_read_at_import_is_seen(source: str, seen: bool) -> None:
    assert bool(read_at_import(source)) == seen


def test_no_module_reads_a_setting_while_it_is_imported() -> None:
    files = [file for room in ("core", "viz") for file in (ROOT / room).rglob("*.py")]
    assert len(files) > 100
    found = {str(file.relative_to(ROOT)): read_at_import(file.read_text()) for file in files}
    assert {file: reads for file, reads in found.items() if reads} == {}


def test_a_bad_setting_is_no_error_of_an_import() -> None:
    """What calls a function that reads settings is not to be seen in the source."""
    code = (
        "import importlib, pkgutil, viz\n"
        "for found in pkgutil.walk_packages(viz.__path__, 'viz.'):\n"
        "    if not found.name.endswith(('.page', 'main', 'main__')):\n"
        "        importlib.import_module(found.name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **dict.fromkeys(NAMES, "nonsense \x01")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_measurement_is_told_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.device._device_count", lambda kind: int(kind == "cpu"))
    network = Network("own", spec_from_notation("conv3"), "", (1, 8, 8))
    recipe = (1, "noise", "he", "energy", 0, False, "kept", "kept", True)
    work = compute.work(Request(network, "", (3, 3), *recipe))
    monkeypatch.setenv("STRIDES_DEVICE", "cuda")
    with pytest.raises(SpecError, match="device"):
        work(lambda *_: True)
    monkeypatch.setenv("STRIDES_DEVICE", "cpu")
    assert work(lambda *_: True).run.device == "cpu"


def test_a_device_that_is_not_there_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.device._device_count", lambda kind: int(kind == "cpu"))
    monkeypatch.setattr("viz.server.options._set_options", lambda chosen: None)
    monkeypatch.setenv("STRIDES_DEVICE", "cuda")
    with pytest.raises(SystemExit, match="device must be one that this machine has: cpu"):
        configure()
    monkeypatch.setenv("STRIDES_DEVICE", "cpu")
    assert configure().device == "cpu"


# What Streamlit is told, and what browsers are told.


def test_without_settings_streamlit_keeps_its_defaults_but_tells_no_visitor_of_errors() -> None:
    assert streamlit_options(ServerSettings()) == {
        "client.showErrorDetails": "none",
        "server.maxUploadSize": MAX_UPLOAD_BYTES >> 20,
    }


def test_streamlit_is_told() -> None:
    told = streamlit_options(
        ServerSettings(
            public_address="https://strides.example.org:444",
            frame_ancestors=("https://lms.example.org",),
            cookie_secret=SECRET,
            upload_mb=2,
            error_details=True,
        )
    )
    assert told == {
        "client.showErrorDetails": "full",
        "server.maxUploadSize": 2,
        "server.cookieSecret": SECRET,
        "browser.serverAddress": "strides.example.org",
        "server.corsAllowedOrigins": ["https://strides.example.org:444"],
        "server.xsrfCookieSameSite": "none",
    }


def test_cookies_go_into_foreign_frames_by_https_alone() -> None:
    framed = ServerSettings("http://a.org", ("https://lms.example.org",))
    assert "server.xsrfCookieSameSite" not in streamlit_options(framed)


def test_every_option_is_one_of_streamlit() -> None:
    from streamlit import config

    known = config.get_config_options()
    full = ServerSettings("https://a.org", ("https://b.org",), SECRET)
    assert set(streamlit_options(full)) <= set(known)


# README's table.


def as_text(value: Any) -> str:
    """A default as it would be written into the environment."""
    if value in ((), None):
        return "self" if value == () else "auto"
    return str(int(value)) if isinstance(value, bool) else str(value)


def test_readme_tells_every_setting() -> None:
    rows = re.findall(r"^\| `(STRIDES_\w+)` \| (.*?) \| (.*) \|$", README, re.MULTILINE)
    assert rows == [
        (
            variable_name(field),
            f"`{as_text(field.default)}`" if as_text(field.default) else "empty",
            field.metadata["means"],
        )
        for field in fields(ServerSettings)
    ]


@pytest.mark.parametrize(("name", "former"), FORMER_NAMES.items())
def test_a_former_name_is_still_read_and_wins_over_an_images_default(
    name: str, former: str
) -> None:
    assert read_settings({former: "2"}) == read_settings({name: "2"}) != ServerSettings()
    assert read_settings({name: "1", former: "2"}) == read_settings({name: "2"})
    assert read_settings({name: "2", former: " "}) == read_settings({name: "2"})
    assert unknown_variables({former: "2"}) == []
    with pytest.raises(SpecError, match=f"^{former} must "):
        read_settings({former: "-1"})
