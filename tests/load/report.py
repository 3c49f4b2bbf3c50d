"""What a class saw: how long it waited on which page, what went wrong, what the server took."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """One thing a visitor waited for.

    Attributes:
        page: where.
        what: "open", "move", "once" (answers that are kept for all), "tab", "turn" (to another
            page) or "result" (of the queue).
        seconds: until the script had finished; until the result was there.
        received: bytes.
    """

    page: str
    what: str
    seconds: float
    received: int = 0


@dataclass
class Report:
    """What the class saw.

    Attributes:
        sessions: visitors.
        answers: all that was waited for.
        errors: what went wrong, with the visitor's number.
        lost: sessions that the server hung up on.
        queued: the places in the queue that visitors were shown, as texts.
        memory, workers: of the server and of its worker processes together, in MB, every half second.
        server, own: seconds of processor time, and of the clock.
    """

    sessions: int
    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lost: int = 0
    queued: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)
    server: tuple[float, float] = (0.0, 0.0)
    own: tuple[float, float] = (0.0, 0.0)

    def times(self, what: str, page: str | None = None) -> list[float]:
        """Seconds of one kind of answer, on one page or on all."""
        return [a.seconds for a in self.answers if a.what == what and page in (None, a.page)]

    def __str__(self) -> str:
        lines = [f"{self.sessions} sessions, {len(self.errors)} errors, {self.lost} sessions lost"]
        lines.append(
            f"{'page':15} {'what':7} {'n':>6} {'p50':>7} {'p95':>7} {'p99':>7} ms {'kB':>7}"
        )
        kinds = sorted({(a.what, a.page) for a in self.answers})
        lines += [self._line(what, page) for what, page in kinds]
        lines += [self._line("move", None)]
        if self.queued:
            shown = ", ".join(f"{text!r} ({n}×)" for text, n in self.queued.most_common(3))
            lines.append(f"in the queue: {sum(self.queued.values())} looks, such as {shown}")
        if self.memory:
            start, most, end = self.memory[0], max(self.memory), self.memory[-1]
            lines.append(
                f"server RSS start {start:.0f}, most {most:.0f}, end {end:.0f} MB; "
                f"workers at most {max(self.workers):.0f} MB"
            )
            shares = [100 * used / wall for used, wall in (self.server, self.own) if wall]
            told = " and ".join(f"{share:.0f} %" for share in shares)
            load = os.getloadavg()[0]
            lines.append(f"server and generator took {told} of a core; load average {load:.1f}")
        return "\n".join([*lines, *sorted(set(self.errors))[:10]])

    def _line(self, what: str, page: str | None) -> str:
        times = [seconds * 1e3 for seconds in self.times(what, page)]
        told = " ".join(f"{percentile(times, p):7.0f}" for p in (50, 95, 99))
        sizes = [a.received for a in self.answers if a.what == what and page in (None, a.page)]
        name = "all pages" if page is None else page
        size = sum(sizes) / max(1, len(sizes)) / 1e3
        return f"{name:15} {what:7} {len(times):6} {told}    {size:7.1f}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least ``percent`` % of the values do not exceed."""
    if not values:
        return float("nan")
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(0, int(rank) - 1)]


def family(pid: int) -> list[int]:
    """A process and those that it has started, its workers (Linux only)."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for listed in threads for child in listed.read_text().split())]


def resident_megabytes(pid: int) -> float:
    """The resident memory of a process (Linux only); what it shares with others counts."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+)", status)
    return int(match[1]) / 1024 if match else float("nan")


def processor_seconds(pid: int) -> float:
    """Processor time that a process has taken (Linux only)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def watch(pid: int, report: Report) -> None:
    """Reads the memory of the server and its workers, the server's processor time and our own,
    until it is cancelled."""
    start, server, own = time.perf_counter(), processor_seconds(pid), time.process_time()
    while True:
        report.memory.append(resident_megabytes(pid))
        report.workers.append(sum(map(resident_megabytes, family(pid)[1:])))
        wall = time.perf_counter() - start
        report.server = processor_seconds(pid) - server, wall
        report.own = time.process_time() - own, wall
        await asyncio.sleep(0.5)
