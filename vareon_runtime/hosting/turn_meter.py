"""What a host counts of its turns."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from vareon_runtime.trail import Source, Trail

BUCKETS_S = (0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
SERIES_LIMIT = 500
"""Combinations of kind, source and outcome that get a counter; more are counted as ``other``."""


class TurnMeter:
    """Counters by kind, source and outcome; histograms of how long messages wait and turns take."""

    def __init__(self) -> None:
        self._ended: dict[tuple[str, str, str], int] = {}
        self._asks: dict[str, int] = {}
        """Asks that went well, by kind: nearly all there is, so they are counted apart."""
        self._waited = [0] * (len(BUCKETS_S) + 1)
        self._ran = [0] * (len(BUCKETS_S) + 1)
        self._waited_s = self._ran_s = 0.0

    def asked(self, kind: str, waited_s: float, ran_s: float, code: str) -> None:
        """An ask's turn is over."""
        if code:
            self._count((kind, "ask", code))
        else:
            self._asks[kind] = self._asks.get(kind, 0) + 1
        self._waited[bisect_left(BUCKETS_S, waited_s)] += 1
        self._ran[bisect_left(BUCKETS_S, ran_s)] += 1
        self._waited_s += waited_s
        self._ran_s += ran_s

    def ran(self, kind: str, trail: Trail, code: str) -> None:
        """A turn is over; an effect's time is its own, and not that of its turn."""
        source = Source(trail.source)
        name = f"{kind}.{trail.name}" if source is Source.EFFECT else kind
        self._count((name, source.name.lower(), code or "ok"))
        if source is Source.EFFECT:
            return
        self._waited[bisect_left(BUCKETS_S, trail.waited_s)] += 1
        self._ran[bisect_left(BUCKETS_S, trail.ran_s)] += 1
        self._waited_s += trail.waited_s
        self._ran_s += trail.ran_s

    def snapshot(self) -> dict[str, Any]:
        """The counters as plain values."""
        return {
            "ended": [
                *([kind, "ask", "ok", count] for kind, count in self._asks.items()),
                *([*key, count] for key, count in self._ended.items()),
            ],
            "waited": self._waited,
            "waited_s": self._waited_s,
            "ran": self._ran,
            "ran_s": self._ran_s,
        }

    def _count(self, key: tuple[str, str, str]) -> None:
        if key not in self._ended and len(self._ended) >= SERIES_LIMIT:
            key = ("other", "other", "other")
        self._ended[key] = self._ended.get(key, 0) + 1
