"""One run of a flow: its coroutine from the start, fed with the outcomes that are journaled.

Every operation has a number, taken when it is called. One whose outcome is in the journal returns
it at once; one without is done, and its outcome is durable before the flow sees it. A cancellation
is an outcome too: the operations that it cut off keep it, so a rerun is cut off in the same place
and goes on with what the flow does about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from vareon_runtime.entity.context import find_resource
from vareon_runtime.entity.effect import RetryPolicy
from vareon_runtime.entity.flow import StepContext, step_shape
from vareon_runtime.errors import (
    Cancelled,
    ConfigurationError,
    DeadlineExceeded,
    FlowDiverged,
    FlowHalted,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting import journal as journals
from vareon_runtime.hosting.effect_context import ask_in_time
from vareon_runtime.hosting.effect_life import CANCEL, NAME_LIMIT, SIGNALS, EffectLife
from vareon_runtime.hosting.flow_operations import Live, Operations
from vareon_runtime.hosting.journal import Journal
from vareon_runtime.hosting.outcome import stored_error
from vareon_runtime.hosting.suspects import Steps
from vareon_runtime.hosting.tries import tries
from vareon_runtime.identity import EntityId, as_text, id_time_s, inner_id
from vareon_runtime.message import Request, reply_type
from vareon_runtime.storage.changes import RowChange

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

T = TypeVar("T")
R = TypeVar("R")

STEPS_LIMIT = 10_000
ATTEMPTS_LIMIT = 25
"""Hosts that may die in one flow, without any progress of it, before it is given up."""


class FlowRun:
    """See the module, and `vareon_runtime.entity.flow.FlowContext`."""

    def __init__(self, host: Host, life: EffectLife, places: asyncio.Semaphore) -> None:
        effect = life.effect
        self.entity_id: EntityId = effect.target
        self.flow_id = effect.record.effect_id
        self.attempt = effect.record.attempts
        self.epoch = host.ownership.epoch
        self.principal = effect.call.principal
        self._host = host
        self._life = life
        self._journal = Journal(host, effect)
        self._operations = Operations(host, life, places, self._journal)
        self._known: dict[int, tuple[str, bytes]] = {}
        self._issued = 0
        self._open: set[asyncio.Task[Any]] = set()
        self._cut: set[asyncio.Task[Any]] = set()
        self._until = 0
        """Operations up to this number that have no outcome yet are cut off."""
        self._reason: VareonError = Cancelled("It was stopped on request.")
        self._expires_s: float | None = None
        self._halted: VareonError | None = None

    async def run(self, body: Callable[[FlowRun], Awaitable[Any]], timeout_s: float | None) -> Any:
        """Run the coroutine to its end.

        Raises:
            FlowDiverged: If it does not do what its journal tells.
            VareonError: What it raises.
        """
        await self._load(timeout_s)
        self._life.news = self._heard
        timer = asyncio.ensure_future(self._expire())
        try:
            value = await Steps(self._host.marks, self.flow_id, body(self))
        except Exception:
            self._demand_whole()
            raise
        finally:
            timer.cancel()
            self._life.news = None
        self._demand_whole()
        return value

    def step(
        self,
        name: str,
        work: Callable[..., Awaitable[T]],
        *arguments: Any,
        retry: RetryPolicy | None = None,
        timeout_s: float = 300.0,
        at_most_once: bool = False,
        returns: Any = None,
    ) -> Awaitable[T]:
        """See `FlowContext.step`."""
        kind, wants_context = step_shape(work, returns)
        number = self._number()
        if wants_context:
            key = f"{as_text(self.flow_id)}-{number}"
            arguments = (*arguments, StepContext(self.flow_id, number, key, self.epoch))
        label = f"step:{name}"
        once = partial(
            tries,
            self._host.clock,
            label,
            partial(work, *arguments),
            retry or RetryPolicy(),
            timeout_s,
            at_most_once=at_most_once,
            shown=bool,
        )
        live = partial(self._operations.work, label, once)
        if at_most_once:
            live = partial(self._operations.work_at_most_once, label, once)
        return self._perform(number, label, live, kind)

    def ask(self, target: EntityId, message: Request[R], timeout_s: float = 60.0) -> Awaitable[R]:
        """See `FlowContext.ask`."""
        number = self._number()
        message_id = inner_id("flow", self.flow_id.hex(), str(number))
        label = f"ask:{type(message).__name__}"
        once = partial(
            ask_in_time, self._host, self._life.effect, message_id, target, message, timeout_s
        )
        return self._perform(
            number, label, partial(self._operations.work, label, once), reply_type(type(message))
        )

    def sleep(self, seconds: float) -> Awaitable[None]:
        """See `FlowContext.sleep`."""
        return self._perform(
            self._number(), "sleep", partial(self._operations.sleep, seconds), None
        )

    def signal(self, name: str, kind: type[T], timeout_s: float | None = None) -> Awaitable[T]:
        """See `FlowContext.signal`."""
        live = partial(self._operations.signal, name, timeout_s)
        return self._perform(self._number(), f"signal:{name}", live, kind)

    def now(self) -> Awaitable[datetime]:
        """See `FlowContext.now`."""
        return self._perform(self._number(), "now", self._operations.now, datetime)

    def new_id(self) -> Awaitable[str]:
        """See `FlowContext.new_id`."""
        return self._perform(self._number(), "new_id", self._operations.new_id, str)

    async def gather(self, *operations: Awaitable[Any]) -> list[Any]:
        """See `FlowContext.gather`."""
        running = [asyncio.ensure_future(operation) for operation in operations]
        try:
            found = await asyncio.gather(*running, return_exceptions=True)
        except asyncio.CancelledError:
            await asyncio.gather(*running, return_exceptions=True)
            raise
        for outcome in found:
            if isinstance(outcome, BaseException):
                raise outcome
        return found

    def write(self, stream: str, text: str) -> None:
        """Append to a stream of the entity."""
        self._host.audience.feed(self.entity_id).write(stream, self.attempt, self.flow_id, text)

    def resource(self, kind: type[R]) -> R:
        """Something the host was given."""
        return find_resource(self._host.services.resources, kind)

    async def _load(self, timeout_s: float | None) -> None:
        if self.attempt > 1:
            self._known = await self._journal.load()
        self._journal.got_to(self._known)
        if self._journal.idle_lives > ATTEMPTS_LIMIT:
            raise Unavailable("Its host died every time it was tried; it is given up.")
        if timeout_s is not None:
            self._expires_s = id_time_s(self.flow_id) + timeout_s
        for _, outcome in self._known.values():
            interruption = journals.interruption_of(outcome)
            if interruption is not None:
                until, error = interruption
                if until > self._until:
                    self._until, self._reason = until, error
                if isinstance(error, DeadlineExceeded):
                    self._expires_s = None

    def _number(self) -> int:
        """A number for an operation that begins.

        Raises:
            FlowHalted: If it has had as many as it may.
        """
        if self._halted is not None:
            raise self._halted
        self._issued += 1
        if self._issued > STEPS_LIMIT:
            self._halted = FlowHalted(
                f"A flow takes at most {STEPS_LIMIT:,} steps: let it start another one instead."
            )
            raise self._halted
        return self._issued

    async def _perform(self, number: int, name: str, live: Live, kind: Any) -> Any:
        if self._halted is not None:
            raise self._halted
        if len(name) > NAME_LIMIT:
            raise ConfigurationError(f"'{name[:NAME_LIMIT]}...' is too long a name.")
        before, outcome = self._known.pop(number, (name, None))
        if before != name:
            raise self._diverged(f"it did '{before}' as its number {number}, and now '{name}'")
        if outcome is None or not journals.is_final(outcome):
            outcome = await self._done(number, name, live, outcome)
        return journals.result_of(outcome, kind)

    async def _done(self, number: int, name: str, live: Live, noted: bytes | None) -> bytes:
        """Do an operation, and make its outcome durable."""
        self._demand_presence()
        self._notice()
        outcome, rows = b"", list[RowChange]()
        cut_off = number <= self._until
        if not cut_off:
            work = asyncio.ensure_future(live(number, noted))
            self._open.add(work)
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError:
                work.cancel("stopping")
                await asyncio.wait({work})
                raise
            finally:
                self._open.discard(work)
            cut_off = work in self._cut
            self._cut.discard(work)
            if work.cancelled() and not cut_off:
                outcome = stored_error(Cancelled(f"{name} gave up by itself."))
            elif not cut_off:
                outcome, rows = work.result()
        if cut_off:
            outcome = journals.interrupted_outcome(self._until, self._reason)
            where = {"effect_id": self.flow_id, "number": CANCEL}
            rows = [RowChange("delete", SIGNALS, {}, where)]
        await self._journal.note(number, name, outcome, rows)
        self._life.holds.discard(number)
        self._demand_presence()
        return outcome

    def _demand_presence(self) -> None:
        """Go on elsewhere, if this is no place to stay: the next owner finds the journal."""
        if self._host.stopping or (self._life.leave and not self._life.holds):
            raise asyncio.CancelledError("stopping")

    async def _expire(self) -> None:
        if self._expires_s is not None:
            await self._operations.sleep_until(self._expires_s)
            self._heard()

    def _heard(self) -> None:
        """Something came from outside: a signal, a cancellation, or the end of its time."""
        self._operations.heard()
        if any(not work.done() for work in self._open):
            self._notice()

    def _notice(self) -> None:
        """Cut off what is under way, if somebody asked for it or the time is over."""
        if self._life.cancelled:
            self._life.cancelled = False
            self._reason = Cancelled("It was stopped on request.")
        elif self._expires_s is not None and self._host.clock.time() >= self._expires_s:
            self._expires_s = None
            self._reason = DeadlineExceeded("The flow did not end within the time allowed.")
        else:
            return
        self._until = self._issued
        for work in self._open:
            if not work.done():
                self._cut.add(work)
                work.cancel("interrupted")

    def _diverged(self, how: str) -> VareonError:
        self._halted = FlowDiverged(
            f"The code of this flow changed while it ran: {how}. "
            "Bring back the code that it began with and redrive its dead letter: it then goes on."
        )
        return self._halted

    def _demand_whole(self) -> None:
        """Refuse to end while the journal tells of more, or once the flow was halted.

        Raises:
            FlowHalted: In both cases.
        """
        if self._halted is None and self._known:
            number = min(self._known)
            self._diverged(f"it did '{self._known[number][0]}' as its number {number}, now nothing")
        if self._halted is not None:
            raise self._halted
