"""A worker process: does what `viz.server.processes` sends it, one thing after another, until that is gone.

``python -m viz.server.process_main NICENESS``. Messages are pickles on standard input and output, between this
process and the one that started it alone.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import IO, Any


def found(name: str) -> Callable[..., Any]:
    """The function that is called ``package.module:name``."""
    module, _, function = name.partition(":")
    there: Callable[..., Any] = getattr(import_module(module), function)
    return there


def serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until there are no more questions."""

    def say(kind: str, value: Any) -> None:
        message = pickle.dumps((kind, value), pickle.HIGHEST_PROTOCOL)  # whole, or not at all
        answers.write(message)
        answers.flush()

    def report(*told: Any) -> bool:
        say("report", told)
        return bool(pickle.load(questions))

    while True:
        try:
            name, args, kwargs, way = pickle.load(questions)
        except EOFError:
            return
        try:
            say("result", _done(name, args, kwargs, way, report))
        except EOFError:
            return  # nobody is left to report to
        except BaseException as error:
            say("error", _portable(error))


def _done(name: str, args: Any, kwargs: Any, way: str, report: Callable[..., bool]) -> Any:
    function = found(name)
    if way == "call":
        return function(*args, **kwargs)
    if way == "work":
        return function(*args, **kwargs)(report)
    for each in function(*args, **kwargs):
        if not report(each):
            return None
    return None


def _portable(error: BaseException) -> BaseException:
    """The error itself where it survives the way to the other process, else one that says it."""
    try:
        again = pickle.loads(pickle.dumps(error))
        return error if type(again) is type(error) else RuntimeError(repr(error))
    except Exception:  # an error of a library's own making can be anything
        return RuntimeError(repr(error))


def main() -> None:
    """Keep the way out to ourselves: what a library prints goes to the log."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(int(sys.argv[1]))
    with suppress(BrokenPipeError):  # the server is gone
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
