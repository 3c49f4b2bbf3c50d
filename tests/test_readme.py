"""The README's code is run: it fails here when it lies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_is_code_to_run() -> None:
    assert len(BLOCKS) >= 2


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[-1][:40])
def test_code_prints_what_its_comments_say(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(block, {})
    printed = capsys.readouterr().out
    for said in re.findall(r"# (\([\d, ]+\))$", block, re.MULTILINE):
        assert said in printed


def test_the_number_of_architectures_is_that_of_the_zoo() -> None:
    from core.networks.zoo import NAMES

    (count,) = re.findall(r"for (\d+) published architectures", README)
    assert int(count) == len(NAMES)
