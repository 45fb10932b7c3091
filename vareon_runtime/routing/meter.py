"""What the router counts and remembers of the messages it dispatched."""

from __future__ import annotations

from collections import deque
from typing import Any

BUCKETS_S = (0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0)
KINDS_LIMIT = 200
"""Distinct target kinds that get a counter of their own; more are counted as ``other``."""


class Meter:
    """Counters, a latency histogram and a short memory of recent requests."""

    def __init__(self, recent: int = 2_048) -> None:
        self.envelopes = 0
        self.by_kind: dict[bytes, int] = {}
        self.refused: dict[str, int] = {}
        self.latency = [0] * (len(BUCKETS_S) + 1)
        self.recent: deque[tuple[bytes, bytes, bytes, int, float]] = deque(maxlen=recent)

    def request(
        self, kind: bytes, message_id: bytes, trace_id: bytes, origin: int, now: float
    ) -> None:
        """A request was passed on."""
        counts = self.by_kind
        if kind in counts:
            counts[kind] += 1
        elif len(counts) < KINDS_LIMIT:
            counts[kind] = 1
        else:
            counts[b"other"] = counts.get(b"other", 0) + 1
        self.recent.append((message_id, trace_id, kind, origin, now))

    def answered(self, took_s: float) -> None:
        """A reply came back after so long."""
        at = 0
        for bound in BUCKETS_S:
            if took_s <= bound:
                break
            at += 1
        self.latency[at] += 1

    def refuse(self, code: str) -> None:
        """A request was turned away."""
        self.refused[code] = self.refused.get(code, 0) + 1

    def snapshot(self) -> dict[str, Any]:
        """The counters as plain values."""
        return {
            "envelopes": self.envelopes,
            "requests": {kind.decode(): count for kind, count in self.by_kind.items()},
            "refused": dict(self.refused),
            "latency": {
                **{f"le_{bound}": n for bound, n in zip(BUCKETS_S, self.latency, strict=False)},
                "over": self.latency[-1],
            },
        }
