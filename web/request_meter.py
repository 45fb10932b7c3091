"""How many requests each route has answered, with which status, and how long that took."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
UNKNOWN = "unknown"
"""In place of a route where there is none: what somebody made up is no label."""


class RequestMeter:
    """Labels are bounded: routes as they are declared, and the statuses that they answer."""

    def __init__(self) -> None:
        self.answered: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self.took = [0] * (len(BUCKETS_S) + 1)
        self.took_s = 0.0

    def count(self, method: str, path: str, status: int, took_s: float) -> None:
        """A request was answered."""
        self.answered[method, path, status] += 1
        self.took[bisect_left(BUCKETS_S, took_s)] += 1
        self.took_s += took_s
