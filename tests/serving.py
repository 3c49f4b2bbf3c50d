"""A Streamlit server of one's own, for tests and benchmarks: started, watched, stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app.py"

# No proxy stands between a test and its own machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Server:
    """A running server; ``spawned`` is the ``time.perf_counter()`` just before its start."""

    url: str
    process: subprocess.Popen[bytes]
    log_path: Path
    spawned: float

    def log(self) -> str:
        """Everything the server has printed so far."""
        return self.log_path.read_text(errors="replace")

    def alive(self) -> bool:
        return self.process.poll() is None


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _healthy(url: str) -> bool:
    try:
        with _direct.open(f"{url}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def serving(
    script: Path = APP,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    port: int | None = None,
) -> Iterator[Server]:
    """Runs ``streamlit run script`` until the block ends.

    Args:
        script: the app.
        cwd: where it starts; Streamlit reads ``.streamlit/config.toml`` there.
        environment: variables on top of this process's own.
        timeout: seconds until the server must be healthy.
        port: to serve on; a free one without it.

    Raises:
        RuntimeError: it never became healthy, or has died in the meantime; with its log.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    command += ["--server.headless", "true"]
    with TemporaryDirectory(prefix="streamlit-") as folder:
        log_path = Path(folder) / "server.log"
        with log_path.open("wb") as log:
            spawned = time.perf_counter()
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        server = Server(f"http://127.0.0.1:{port}", process, log_path, spawned)
        try:
            while not _healthy(server.url):
                if not server.alive() or time.perf_counter() - spawned > timeout:
                    raise RuntimeError(f"{script.name} did not start:\n{server.log()}")
                time.sleep(0.02)
            yield server
            if not server.alive():
                raise RuntimeError(f"{script.name} died while serving:\n{server.log()}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
