"""What the front door takes on at once, and when those it turns away may come again."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager

from vareon_runtime.clock import Clock
from vareon_runtime.routing.shares import Shares

MOST_SHORT = 256
"""Requests that are answered as soon as they have been handled: so many if the event loop keeps up.
Everybody, also whoever is turned away, waits there behind those who were let in; so it is that
delay which decides how many are, between this number and `FEWEST_SHORT`."""
FEWEST_SHORT = 64
"""What is let in even when the event loop is late: enough to keep everything behind it busy."""
MOST_WAITING = 4_000
"""Requests that wait for somebody else, such as a model; they cost memory and no time."""
SHORTEST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
SPREAD_S = 8.0
"""Over so long at least those turned away together come again, or all would be too many again."""
LATE_S = 0.015
"""How late the event loop may be, at the best of several looks, before fewer are let in."""
_LOOK_EVERY_S = 0.02
_LOOKS = 4
_WINDOW_S = 1.0


class Admission:
    """Counts requests by caller, and refuses at once what is too much.

    Args:
        clock: Tells how many were turned away lately.
        rng: Spreads those who come again.
    """

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._short: Shares[str] = Shares(MOST_SHORT)
        self._waiting: Shares[str] = Shares(MOST_WAITING)
        self._window_ends_s = 0.0
        self._refused = self._refused_before = 0
        self._admitted = self._admitted_before = 0

    @contextmanager
    def admitted(self, who: str, *, waits: bool) -> Iterator[None]:
        """Let a request in for as long as it is served.

        Raises:
            QuotaExceeded: If this caller has its share.
            Overloaded: If there is no room for anybody.
        """
        shares = self._waiting if waits else self._short
        problem = shares.refusal(who)
        if problem is not None:
            raise problem
        self._admitted += 1
        shares.take(who)
        try:
            yield
        finally:
            shares.give(who)

    async def keep_up(self) -> None:
        """Watch how late the event loop is, for as long as the front door serves.

        The best of several looks counts: one late callback is chance, a queue that never gets
        short is not (as in CoDel, Nichols and Jacobson 2012).
        """
        while True:
            late_s = [await self._late_s() for _ in range(_LOOKS)]
            self.adapt(min(late_s))

    def adapt(self, late_s: float) -> None:
        """Let in fewer if the loop is late, and slowly more if it is not."""
        limit = self._short.limit
        if late_s > LATE_S:
            self._short.limit = max(FEWEST_SHORT, limit * 3 // 4)
        elif late_s < LATE_S / 2:
            self._short.limit = min(MOST_SHORT, limit + 8)

    async def _late_s(self) -> float:
        began_s = self._clock.monotonic()
        await self._clock.sleep(_LOOK_EVERY_S)
        return self._clock.monotonic() - began_s - _LOOK_EVERY_S

    def come_again_s(self, at_least_s: float | None) -> int:
        """When somebody turned away should come again: the later, the more are turned away.

        Args:
            at_least_s: What the refusal itself asks for.
        """
        self._turn_window()
        self._refused += 1
        refused = max(self._refused, self._refused_before)
        admitted = max(self._admitted, self._admitted_before, 1)
        shortest_s = max(SHORTEST_WAIT_S, at_least_s or 0.0)
        spread_s = shortest_s + SPREAD_S + 4.0 * refused / admitted
        return math.ceil(min(LONGEST_WAIT_S, self._rng.uniform(shortest_s, spread_s)))

    def _turn_window(self) -> None:
        now_s = self._clock.monotonic()
        if now_s >= self._window_ends_s:
            self._window_ends_s = now_s + _WINDOW_S
            self._refused_before, self._refused = self._refused, 0
            self._admitted_before, self._admitted = self._admitted, 0
