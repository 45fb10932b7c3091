"""Requests of one process that wait for their replies."""

from __future__ import annotations

import asyncio

from vareon_runtime.errors import DeadlineExceeded, Overloaded

ASKS_LIMIT = 20_000


class Ask:
    """One of them."""

    __slots__ = ("answer", "deadline", "local")

    def __init__(self, answer: asyncio.Future[tuple[int, bytes]], deadline: float) -> None:
        self.answer = answer
        self.deadline = deadline
        self.local = False
        """Whether this very process answers it."""


class Asks:
    """All of them, by correlation."""

    def __init__(self) -> None:
        self._open: dict[int, Ask] = {}

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, correlation: int, deadline: float) -> Ask:
        """Wait for an answer until a moment of the monotonic clock.

        Raises:
            Overloaded: If too many wait already.
        """
        if len(self._open) >= ASKS_LIMIT:
            raise Overloaded("Too many requests wait in this process; try again.", 1.0)
        ask = Ask(asyncio.get_running_loop().create_future(), deadline)
        self._open[correlation] = ask
        return ask

    def end(self, correlation: int) -> None:
        """Wait no more."""
        self._open.pop(correlation, None)

    def answered(self, kind: int, correlation: int, payload: bytes) -> bool:
        """An answer came; False if nobody waits for one under this correlation."""
        ask = self._open.get(correlation)
        if ask is None:
            return False
        if not ask.answer.done():
            ask.answer.set_result((kind, payload))
        return True

    def answer_all(self, kind: int, payload: bytes) -> None:
        """Nothing else will come for any of them."""
        for ask in self._open.values():
            if not ask.answer.done():
                ask.answer.set_result((kind, payload))

    def expire(self, now: float) -> None:
        """Give up those whose time is over."""
        for ask in self._open.values():
            if ask.deadline < now and not ask.answer.done():
                ask.answer.set_exception(
                    DeadlineExceeded(
                        "No reply within the time allowed; sending the same id again is safe."
                    )
                )
