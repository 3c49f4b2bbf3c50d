"""What every test may ask for: Hypothesis profiles and the app on a server of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import settings

from tests.serving import serving

# As the app sets it; and two workers on two cores would only fight over them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Examples of a property: few in plain pytest, all of them in .ci/run, many for a night.
for profile, count in {"default": 40, "full": 100, "thorough": 2000}.items():
    derandomized = bool(os.environ.get("CI")) and profile != "thorough"
    settings.register_profile(profile, deadline=None, max_examples=count, derandomize=derandomized)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same weights in every run: a process of torch draws them anew, and few are unlucky."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def packages_scanned_once() -> Iterator[None]:
    """Every run of an AppTest looks through all installed packages for components of theirs,
    which takes longer than most pages; within one process they stay the same.
    """
    if "streamlit.testing.v1" not in sys.modules:
        yield
        return
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        scan = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_left_running() -> Iterator[None]:
    """A process that ends in the middle of a computation of torch's is aborted."""
    yield
    if "viz.page.progress" not in sys.modules:
        return
    jobs = sys.modules["viz.page.progress"].queue()
    for _ in range(600):
        with jobs._lock:
            for job in jobs._jobs.values():
                job.wanted.clear()
            jobs._forget_unwanted()
            if all(job.state != "running" for job in jobs._jobs.values()):
                return
        time.sleep(0.05)


SERVED = {"app_url", "browser"}


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what -m does not want
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One worker runs all that needs the server, so that there is one server and one browser; and
    the tests of a file, so that what they share is computed once. Slow tests share little.

    Of the tests in a browser, plain pytest runs the main journeys; all others count as slow. Tests
    in a browser alone are tried once more, and only where the run allows retries at all.
    """
    retried = bool(config.getoption("max_suite_reruns", None))
    for item in items:
        if SERVED & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("journey") is None:
                item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("served"))
            if retried:
                item.add_marker(pytest.mark.flaky(reruns=1))
        elif item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))


@pytest.fixture(scope="session")
def app_url() -> Iterator[str]:
    """The address of the app, served for the whole session; fails with the server's log."""
    with serving() as server:
        yield server.url
        log = server.log()[-6000:]  # the last trouble is enough
        assert "Traceback (most recent call last)" not in log, f"the server's log:\n{log}"
