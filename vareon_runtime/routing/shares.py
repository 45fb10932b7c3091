"""Who may have how much under way: a bound for all, and fair parts of it when it gets full."""

from __future__ import annotations

from typing import Generic, TypeVar

from vareon_runtime.errors import Overloaded, QuotaExceeded, VareonError

W = TypeVar("W")


class Shares(Generic[W]):
    """Counts what is under way for each caller.

    Nobody has more than half of everything, so that one caller cannot fill it. Past that half
    each caller has an equal part of it: whoever asks for little always finds room, and whoever
    asks for too much is told that it is their own doing.

    Args:
        limit: Requests of all callers together.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._held: dict[W, int] = {}
        self.total = 0

    def refusal(self, who: W) -> VareonError | None:
        """Why this caller may not begin one more, or None if it may."""
        held = self._held.get(who, 0)
        half = self.limit // 2
        if self.total >= half and held >= max(1, half // len(self._held)):
            return QuotaExceeded("Others wait too; you have your share of requests here.", 1.0)
        if held >= half:
            return QuotaExceeded("You have too many requests under way.", 1.0)
        if self.total >= self.limit:
            return Overloaded("Too many requests at once; try again.", 1.0)
        return None

    def take(self, who: W) -> None:
        """One more is under way."""
        self._held[who] = self._held.get(who, 0) + 1
        self.total += 1

    def give(self, who: W) -> None:
        """One of them is over."""
        self.total -= 1
        held = self._held[who] - 1
        if held:
            self._held[who] = held
        else:
            del self._held[who]
