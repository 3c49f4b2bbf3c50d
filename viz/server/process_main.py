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


def import_function(name: str) -> Callable[..., Any]:
    """Import and return the function with the name ``package.module:name``."""
    module, _, function = name.partition(":")
    resolved: Callable[..., Any] = getattr(import_module(module), function)
    return resolved


def serve_calls(requests: IO[bytes], responses: IO[bytes]) -> None:
    """Run the requested calls, one after the other, until the input ends.

    Args:
        requests: Stream of pickled (function name, args, kwargs, `CallMode`); while a call runs,
            also of booleans that answer its reports: whether to continue.
        responses: Stream for pickled ("report", progress), ("result", value), ("error", exception).
    """

    def send_message(kind: str, value: Any) -> None:
        # Pickled as a whole first, so that an error here sends nothing.
        message = pickle.dumps((kind, value), pickle.HIGHEST_PROTOCOL)
        responses.write(message)
        responses.flush()

    def report(*progress: Any) -> bool:
        send_message("report", progress)
        return bool(pickle.load(requests))

    while True:
        try:
            name, args, kwargs, mode = pickle.load(requests)
        except EOFError:
            return
        try:
            send_message("result", _run_call(name, args, kwargs, mode, report))
        except EOFError:
            return  # the parent has gone
        except BaseException as error:
            send_message("error", _picklable(error))


def _run_call(name: str, args: Any, kwargs: Any, mode: str, report: Callable[..., bool]) -> Any:
    """Run a function in one of the modes of `viz.server.processes.CallMode`."""
    function = import_function(name)
    if mode == "call":
        return function(*args, **kwargs)
    if mode == "work":
        return function(*args, **kwargs)(report)
    for value in function(*args, **kwargs):
        if not report(value):
            return None
    return None


def _picklable(error: BaseException) -> BaseException:
    """Return the error itself if it can be pickled, otherwise a RuntimeError with its text."""
    try:
        copy = pickle.loads(pickle.dumps(error))
        return error if type(copy) is type(error) else RuntimeError(repr(error))
    except Exception:  # a library's own exception class may fail in any way
        return RuntimeError(repr(error))


def main() -> None:
    """Serve requests on standard output, and send what libraries print to the log instead."""
    responses = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if hasattr(os, "nice"):
        os.nice(int(sys.argv[1]))
    with suppress(BrokenPipeError):  # the server is gone
        serve_calls(sys.stdin.buffer, responses)


if __name__ == "__main__":
    main()
