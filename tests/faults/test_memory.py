"""Memory runs out in the middle of a job: a sentence that helps, and the next job runs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
import torch

from core.device import is_out_of_memory
from tests.serving import ROOT
from viz.server.queue import FAILED, NO_MEMORY, Jobs, Report, View, Work

# The real thing: maps of effective fields in a process that may take only so much more.
SHORT_OF_MEMORY = """
import re, resource, sys, threading
from pathlib import Path

from viz.choices import network, network_analysis
from viz.features.erf import compute, params
from viz.server.queue import Jobs

def asked(side, layers):
    values = params.ErfSettings(layers=layers, input_height=side, input_width=side, draws=1)
    found = network_analysis.analysis(network.network(values))
    request = params.request(values, found.deepest.node.name, found.deepest.node.grid)
    compute.check_request(request, found)
    return request

def outcome(request):
    works = {request: compute.work(request)}
    while (view := jobs.set_wishes("visitor", works)[request]).state in ("waiting", "running"):
        threading.Event().wait(0.01)
    return view

jobs = Jobs()
small, large = asked(16, "conv3 p1 c2"), asked(512, "2x[conv3 d120 p120 c64]")
assert outcome(asked(16, "conv3 p1 c3")).state == "done"
size = int(re.search(r"VmSize:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + 100 * 2**20, resource.RLIM_INFINITY))
print(outcome(large).error)
print(outcome(small).state)
"""


def test_a_map_that_does_not_fit_is_refused_and_the_next_one_computed() -> None:
    command = [sys.executable, "-c", SHORT_OF_MEMORY]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.splitlines() == [f"it {NO_MEMORY}", "done"], ran.stderr[-3000:]


def fails_with(error: BaseException) -> Work:
    def work(report: Report) -> None:
        raise error

    return work


def finished(jobs: Jobs, works: dict[str, Work], key: str) -> View:
    for _ in range(2000):
        view = jobs.set_wishes("visitor", works)[key]  # type: ignore[arg-type]
        if view.state in ("done", "failed"):
            return view
        threading.Event().wait(0.005)
    raise AssertionError(view)


@pytest.mark.parametrize(
    "error, said",
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), NO_MEMORY),
        (MemoryError(), NO_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), NO_MEMORY),
        (RuntimeError("shapes cannot be multiplied"), FAILED),
        (SystemExit(0), FAILED),
    ],
)
def test_whatever_ends_a_job_its_slot_comes_free(error: BaseException, said: str) -> None:
    jobs = Jobs()
    view = finished(jobs, {"bad": fails_with(error)}, "bad")
    assert (view.state, said in view.error) == ("failed", True)
    assert finished(jobs, {"good": lambda report: "map"}, "good").result == "map"


def refused_by_torch(allocate: Callable[[], object]) -> BaseException:
    with pytest.raises((MemoryError, RuntimeError)) as refusal:
        allocate()
    return refusal.value


def test_torch_says_so_in_the_words_that_are_looked_for() -> None:
    assert is_out_of_memory(refused_by_torch(lambda: torch.empty(2**50)))
    assert is_out_of_memory(refused_by_torch(lambda: bytearray(2**50)))
    other = refused_by_torch(lambda: torch.ones(2, 3) @ torch.ones(2, 3))
    assert not is_out_of_memory(other)
