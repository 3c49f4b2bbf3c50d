"""Parts that all command lines share: an error is one sentence on stderr and exit status 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from .text import sentence_case


class CommandParser(argparse.ArgumentParser):
    """An argument parser that accepts only full option names and reports errors as one sentence."""

    def __init__(self, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with status 2."""
        exit_with_error(f"{message}. See {self.prog} --help")


def exit_with_error(error: object) -> NoReturn:
    """Print an error as one sentence on stderr and exit with status 2."""
    text = " ".join(str(error).split()).rstrip(".")
    print(f"{sentence_case(text)}.", file=sys.stderr)
    raise SystemExit(2)


@contextmanager
def ignoring_broken_pipe() -> Iterator[None]:
    """Ignore a broken pipe, as when ``head`` reads only the first lines of the output."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout again at exit, so it is redirected to the null device.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
