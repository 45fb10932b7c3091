"""What a flow does one at a time: steps, asks, waits, and looks at the clock.

One whose outcome is not in the journal is done. What must outlive the host on the way to an
outcome, such as until when it waits, is noted there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from vareon_runtime.clock import utc
from vareon_runtime.errors import DeadlineExceeded, InternalError, OutcomeUnknown, VareonError
from vareon_runtime.hosting import journal as journals
from vareon_runtime.hosting.effect_life import SIGNALS, EffectLife
from vareon_runtime.hosting.journal import Journal
from vareon_runtime.hosting.outcome import stored_error
from vareon_runtime.hosting.suspects import Steps
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

LONGEST_SLEEP_S = 600.0
"""The wall clock is looked at this often, for machines that were suspended."""

Done = tuple[bytes, list[RowChange]]
"""The outcome of an operation, and rows to be written beside it."""
Live = Callable[[int, bytes | None], Coroutine[Any, Any, Done]]
"""Does an operation, given its number and what is noted of it."""


class Operations:
    """Those of one run of a flow."""

    def __init__(
        self, host: Host, life: EffectLife, places: asyncio.Semaphore, journal: Journal
    ) -> None:
        self._host = host
        self._life = life
        self._places = places
        self._journal = journal
        self._waiting: set[asyncio.Future[None]] = set()

    def heard(self) -> None:
        """Something came from outside: whoever waits for it looks again."""
        for heard in self._waiting:
            if not heard.done():
                heard.set_result(None)

    async def work(
        self, label: str, once: Callable[[], Awaitable[Any]], number: int, noted: bytes | None
    ) -> Done:
        """A step or an ask, which may be done again after a kill."""
        effect = self._life.effect
        try:
            async with self._places:
                work = Steps(self._host.marks, effect.record.effect_id, once())
                return journals.value_outcome(label, await work), []
        except VareonError as error:
            return stored_error(error), []
        except Exception as unforeseen:  # noqa: BLE001 - the flow must hear of it
            failure("step_failed", unforeseen, entity=str(effect.target), step=label)
            return stored_error(InternalError(f"{label} failed in an unforeseen way.")), []

    async def work_at_most_once(
        self, label: str, once: Callable[[], Awaitable[Any]], number: int, noted: bytes | None
    ) -> Done:
        """A step that is not done again, whatever became of it."""
        if noted is not None:
            unknown = f"The host died while it may have done {label}; it is not done again."
            return stored_error(OutcomeUnknown(unknown)), []
        self._life.holds.add(number)
        await self._journal.note(number, label, journals.BEGUN)
        return await self.work(label, once, number, noted)

    async def sleep(self, seconds: float, number: int, noted: bytes | None) -> Done:
        """A wait for nothing but time."""
        await self.sleep_until(await self._due(seconds, number, "sleep", noted))
        return journals.value_outcome("sleep", None), []

    async def signal(
        self, name: str, timeout_s: float | None, number: int, noted: bytes | None
    ) -> Done:
        """A wait for what the flow is told, which it takes together with the outcome."""
        label = f"signal:{name}"
        sleeping: set[asyncio.Future[None]] = set()
        if timeout_s is not None or noted is not None:
            due_s = await self._due(timeout_s or 0.0, number, label, noted)
            sleeping.add(asyncio.ensure_future(self.sleep_until(due_s)))
        else:
            await self._journal.rest()
        try:
            while (found := self._life.take(name)) is None:
                if any(timer.done() for timer in sleeping):
                    late = DeadlineExceeded(f"Nobody said '{name}' within the time allowed.")
                    return stored_error(late), []
                await self._news(sleeping)
        finally:
            for timer in sleeping:
                timer.cancel()
        taken, body = found
        where = {"effect_id": self._life.effect.record.effect_id, "number": taken}
        return b"\x00" + body, [RowChange("delete", SIGNALS, {}, where)]

    async def now(self, number: int, noted: bytes | None) -> Done:
        """The time, the same in every rerun."""
        return journals.value_outcome("now", utc(self._host.clock.time())), []

    async def new_id(self, number: int, noted: bytes | None) -> Done:
        """A fresh id, the same in every rerun."""
        return journals.value_outcome("new_id", self._host.services.ids.text_id()), []

    async def sleep_until(self, due_s: float) -> None:
        """Wait until a moment, in epoch seconds, by the wall clock."""
        clock = self._host.clock
        while (left_s := due_s - clock.time()) > 0:
            await clock.sleep(min(left_s, LONGEST_SLEEP_S))

    async def _news(self, sleeping: set[asyncio.Future[None]]) -> None:
        heard = asyncio.get_running_loop().create_future()
        self._waiting.add(heard)
        try:
            await asyncio.wait({heard, *sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.discard(heard)

    async def _due(self, seconds: float, number: int, name: str, noted: bytes | None) -> float:
        due_s = journals.due_of(noted)
        if due_s is None:
            due_s = self._host.clock.time() + seconds
            await self._journal.note(number, name, journals.due_outcome(due_s))
        else:
            await self._journal.rest()
        return due_s
