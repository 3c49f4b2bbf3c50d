"""Which device is taken, and which are refused."""

from __future__ import annotations

import pytest
import torch

from core.device import available, pick, threads
from core.errors import SpecError


def test_the_cpu_is_always_there():
    assert pick("cpu") == torch.device("cpu")
    assert available()[0] == "cpu"


def test_the_fastest_one_is_taken_unless_one_is_named():
    fastest = [kind for kind in ("cuda", "mps") if kind in available()]
    assert pick().type == pick(None).type == (fastest or ["cpu"])[0]


@pytest.mark.parametrize("name", ["tpu", "", "cuda:x", "cuda:-1", "CPU", "meta", 3])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(SpecError, match="must be one of cpu, cuda, mps"):
        pick(name)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_what_is_not_there_is_refused_with_what_is(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(SpecError, match="this machine has: cpu"):
        pick(name)
    assert pick() == torch.device("cpu")


@pytest.mark.parametrize("index, there", [(0, True), (1, True), (2, False)])
def test_cuda_devices_are_counted(index, there, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if there:
        assert pick(f"cuda:{index}") == torch.device("cuda", index)
    else:
        with pytest.raises(SpecError, match="this machine has: cpu, cuda"):
            pick(f"cuda:{index}")


def test_threads_are_as_before_afterwards_also_after_an_error():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(KeyError), threads(before + 1):
        raise KeyError
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("count", [0, -1, 1.5, True, 100_000])
def test_odd_numbers_of_threads_are_refused(count):
    with pytest.raises(SpecError), threads(count):
        pass
