"""A class of 100 in the app: each moves a control every two seconds.

The visitors share the machine with the server and speak its protocol; they draw nothing.

python -m tests.benchmarks.class_load [--sessions 100] [--think 2] [--actions 20]
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tests.benchmarks.harness import APP, serving
from tests.load.load import Settings, run_load

WIDGETS = "stride,padding,kernel_size,dilation"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=APP)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--think", type=float, default=2.0)
    parser.add_argument("--actions", type=int, default=20)
    parser.add_argument("--widgets", default=WIDGETS)
    options = parser.parse_args()
    with serving(options.app) as server:
        settings = Settings(
            server.url,
            sessions=options.sessions,
            actions=options.actions,
            think=options.think,
            widgets=tuple(options.widgets.split(",")),
            server_pid=server.process.pid,
        )
        print(asyncio.run(run_load(settings)))


if __name__ == "__main__":
    main()
