"""A clock and a store that misbehave as a test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vareon_runtime.clock import SystemClock
from vareon_runtime.errors import StoreFailed, VareonError
from vareon_runtime.storage.memory import MemoryStore
from vareon_runtime.storage.ports import Unit


class ShiftedClock(SystemClock):
    """The wall clock, put forward by a test."""

    shift_s = 0.0

    def time(self) -> float:
        return super().time() + self.shift_s


class ForgetfulStore(MemoryStore):
    """Says of some commits that it does not know what became of them, though they are made."""

    loses: Callable[[Unit], bool] | None = None
    """Picks the unit whose commit is the next to be forgotten."""
    forgot = 0

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        outcomes = super().commit(units, now_ms)
        if self.loses is not None and any(self.loses(unit) for unit in units):
            self.loses = None
            self.forgot += 1
            raise StoreFailed("The connection was lost.")
        return outcomes
