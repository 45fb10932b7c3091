"""One measurement, and the table they make."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one load ran.

    Attributes:
        rate: Operations a second.
        p50_ms: Median latency.
        p99_ms: Latency that one in a hundred exceeds.
    """

    rate: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, latencies_s: Sequence[float], took_s: float) -> Speed:
        """From what each operation took and the time for all."""
        ordered = sorted(latencies_s)
        count = len(ordered)
        return cls(
            count / took_s,
            ordered[count // 2] * 1e3,
            ordered[min(count - 1, count * 99 // 100)] * 1e3,
        )

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s, p50 {self.p50_ms:.3f} ms, p99 {self.p99_ms:.3f} ms"


def fastest(runs: Sequence[Speed]) -> Speed:
    """The run with the highest rate."""
    return max(runs, key=lambda run: run.rate)


def quickest(runs: Sequence[Speed]) -> Speed:
    """The run with the lowest median latency."""
    return min(runs, key=lambda run: run.p50_ms)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    measured: str
    against: str
    result: str
    wanted: str
    holds: bool


def table(lines: Sequence[Line]) -> str:
    """The table as Markdown."""
    head = "| what | measured | against, same run | result | at least | holds |"
    rows = [
        f"| {n.what} | {n.measured} | {n.against} | **{n.result}** | {n.wanted} "
        f"| {'yes' if n.holds else 'NO'} |"
        for n in lines
    ]
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def machine() -> str:
    """What it was measured on."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpus:  # noqa: PTH123 - not a user's file
            model = next(n.split(":")[1].strip() for n in cpus if n.startswith("model name"))
    except (OSError, StopIteration):
        pass
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {model}, {system}"
