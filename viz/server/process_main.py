"""The main program of a worker process: it runs the calls that `viz.server.processes` sends it.

It is started as ``python -m viz.server.process_main NICENESS`` and ends when its parent is gone.
Messages are pickles on standard input and output, exchanged only with the parent process.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import IO, Any


def resolve(name: str) -> Callable[..., Any]:
    """The function with the name ``package.module:name``."""
    module, _, function = name.partition(":")
    resolved: Callable[..., Any] = getattr(import_module(module), function)
    return resolved


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until the input ends."""

    def say(kind: str, value: Any) -> None:
        message = pickle.dumps(
            (kind, value), pickle.HIGHEST_PROTOCOL
        )  # pickled first, so that an error here sends nothing
        answers.write(message)
        answers.flush()

    def report(*progress: Any) -> bool:
        say("report", progress)
        return bool(pickle.load(questions))

    while True:
        try:
            name, args, kwargs, way = pickle.load(questions)
        except EOFError:
            return
        try:
            say("result", _done(name, args, kwargs, way, report))
        except EOFError:
            return  # the parent has gone
        except BaseException as error:
            say("error", _portable(error))


def _done(name: str, args: Any, kwargs: Any, way: str, report: Callable[..., bool]) -> Any:
    function = resolve(name)
    if way == "call":
        return function(*args, **kwargs)
    if way == "work":
        return function(*args, **kwargs)(report)
    for each in function(*args, **kwargs):
        if not report(each):
            return None
    return None


def _portable(error: BaseException) -> BaseException:
    """The error itself if it can be pickled, otherwise a RuntimeError with its text."""
    try:
        again = pickle.loads(pickle.dumps(error))
        return error if type(again) is type(error) else RuntimeError(repr(error))
    except Exception:  # a library's own exception class may fail in any way
        return RuntimeError(repr(error))


def main() -> None:
    """Serve requests on standard output, and send what libraries print to the log instead."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(int(sys.argv[1]))
    with suppress(BrokenPipeError):  # the server is gone
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
