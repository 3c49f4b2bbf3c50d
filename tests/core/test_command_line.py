"""Refusals of core's command lines: one sentence, status 2, and no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.command_line import ignoring_broken_pipe
from core.erf import cli as erf_cli
from core.receptive_field import cli

NETWORKS = """import torch

class Conv(torch.nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 3)

class Raises(torch.nn.Module):
    def forward(self, x):
        raise RuntimeError("two\\nlines")
"""
MAINS: dict[str, Callable[[list[str]], None]] = {
    "receptive_field": cli.main,
    "erf": erf_cli.main,
}


@pytest.fixture(autouse=True)
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets_of_a_visitor.py").write_text(NETWORKS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "nets_of_a_visitor", raising=False)


def refused(name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as left:
        MAINS[name](arguments)
    said = capsys.readouterr()
    assert (left.value.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert said.err.endswith(".\n")
    return said.err


CONV = "nets_of_a_visitor:Conv"


@pytest.mark.parametrize("name", MAINS)
@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "required: network, --input"),
        ([CONV], "required: --input"),
        ([CONV, "--input", "3,8,8", "--colour"], "nrecognized arguments"),
        ([CONV, "--inp", "3,8,8"], "required: --input"),
        ([CONV, "--input", "3,x"], "whole numbers"),
        ([CONV, "--input", "3"], "must be (C, H, W)"),
        ([CONV, "--input", "3,0,8"], "at least 1"),
        ([CONV, "--input", "5,8,8"], "fails on an input of this size"),
        (["nets_of_a_visitor:Raises", "--input", "3,8,8"], "on an input of this size: two"),
        (["nets_of_a_visitor:Nothing", "--input", "3,8,8"], "cannot be loaded"),
        (["no_such_module:Net", "--input", "3,8,8"], "cannot be loaded"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    name: str, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(name, arguments, capsys)


@pytest.mark.parametrize(
    "options, words",
    [
        (["--draws", "0"], "at least 1"),
        (["--draws", "many"], "invalid int value"),
        (["--device", "bogus"], "must be one of"),
        (["--seed", "-1"], "at least 0"),
        (["--seed", str(2**70)], "below"),
        (["--unit", "99,99"], "must lie in"),
        (["--layer", "nothing"], "name of a node"),
        (["--weights", "magic"], "invalid choice"),
        (["--draws", "1", "--out", "no/such/folder.npz"], "cannot be written"),
    ],
)
def test_what_an_effective_field_cannot_be(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused("erf", [CONV, "--input", "3,8,8", *options], capsys)


def test_a_table_is_still_printed(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([CONV, "--input", "3,8,8"])
    assert "conv2d" in capsys.readouterr().out


def test_a_closed_pipe_ends_it_quietly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with ignoring_broken_pipe():
            raise BrokenPipeError
        out.write("goes nowhere")
    assert (tmp_path / "out").read_text() == ""
