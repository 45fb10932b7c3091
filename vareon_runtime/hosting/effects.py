"""Runs effects beside the mailboxes and brings their results back as turns."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Executable

from vareon_runtime.entity.context import find_resource
from vareon_runtime.entity.effect import RetryPolicy
from vareon_runtime.entity.handlers import EffectHandler
from vareon_runtime.errors import (
    Cancelled,
    Conflict,
    DeadlineExceeded,
    InternalError,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting.delivery import Resulted
from vareon_runtime.hosting.effect_call import RunningEffect, arguments_of, from_record
from vareon_runtime.hosting.quarantine import KILLS_LIMIT
from vareon_runtime.hosting.set_aside import poisoned
from vareon_runtime.hosting.suspects import Steps
from vareon_runtime.identity import EntityId, Principal, derived_id
from vareon_runtime.message import Request
from vareon_runtime.storage.ports import Unit
from vareon_runtime.telemetry import event, failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation
    from vareon_runtime.hosting.host import Host

R = TypeVar("R")

ATTEMPTS_LIMIT = 25
"""Hosts that may die while running one effect before it is given up."""
RUNNING_LIMIT = 2_000


class HostEffectContext:
    """See `vareon_runtime.entity.effect.EffectContext`."""

    def __init__(self, host: Host, effect: RunningEffect) -> None:
        self.entity_id: EntityId = effect.target
        self.effect_id: bytes = effect.record.effect_id
        self.attempt: int = effect.record.attempts
        self.principal: Principal | None = effect.call.principal
        self._host = host
        self._trace_id = effect.call.trace_id
        self._waits = effect.call.waits
        self._asked = 0

    async def ask(self, target: EntityId, message: Request[R], timeout_s: float = 10.0) -> R:
        """Ask another entity under an id derived from this effect and the ask's ordinal."""
        self._asked += 1
        message_id = derived_id("effect", self.effect_id.hex(), str(self._asked))
        return await self._host.bus.ask(
            target,
            message,
            principal=self.principal,
            message_id=message_id,
            timeout_s=timeout_s,
            trace_id=self._trace_id,
            waits=self._waits,
        )

    def write(self, stream: str, text: str) -> None:
        """Append to a stream of the entity."""
        self._host.feed(self.entity_id).write(stream, self.attempt, self.effect_id, text)

    async def read(self, statement: Executable, **parameters: Any) -> list[Any]:
        """Committed rows of a select with its bind parameters."""
        return await self._host.services.reader(statement, **parameters)

    def resource(self, kind: type[R]) -> R:
        """Something the host was given."""
        return find_resource(self._host.services.resources, kind)


class EffectRunner:
    """The effects under way in one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._taken: dict[bytes, RunningEffect] = {}
        """Effects whose result is on its way through a turn."""
        self._conflicted: set[bytes] = set()
        self._places = asyncio.Semaphore(RUNNING_LIMIT)
        self.started = 0

    @property
    def running(self) -> int:
        """How many are under way."""
        return len(self._tasks)

    def start(self, effect: RunningEffect, activation: Activation) -> None:
        """Run an effect whose start is committed."""
        effect_id = effect.record.effect_id
        if effect_id in self._tasks:
            return
        self.started += 1
        activation.effects += 1
        self._taken[effect_id] = effect
        running = asyncio.ensure_future(self._run(effect, activation))
        self._tasks[effect_id] = running
        running.add_done_callback(lambda _: self._ended(effect_id, activation))

    def cancel(self, effect_id: bytes) -> None:
        """Stop one; its entity is told `Cancelled`."""
        running = self._tasks.get(effect_id)
        if running is not None:
            running.cancel("asked")

    def cancel_all(self, target: EntityId) -> None:
        """Stop those of an entity that is gone."""
        for effect_id, effect in list(self._taken.items()):
            if effect.target == target:
                self.cancel(effect_id)

    def finished(self, target: EntityId, effect_id: bytes) -> None:
        """The result is committed."""
        self._taken.pop(effect_id, None)
        self._conflicted.discard(effect_id)
        self._host.quarantine.handled(effect_id)
        self._host.end_streams(target, effect_id)

    def not_stored(self, effect_id: bytes, error: VareonError) -> None:
        """The turn that took the result was not stored.

        A conflict is a result of its own, and goes to the entity once; anything else means that
        the effect runs again, under a new attempt, because its readers have seen the last one.
        """
        effect = self._taken.get(effect_id)
        if effect is None:
            return
        if not isinstance(error, Conflict):
            restarted = replace(effect.record, attempts=effect.record.attempts + 1)
            self._host.committer.submit(_Restart(self._host, replace(effect, record=restarted)))
        elif effect_id in self._conflicted:
            self._conflicted.discard(effect_id)
            self._host.committer.submit(_Abandoned(self._host, effect))
        else:
            self._conflicted.add(effect_id)
            self._host.redeliver(Resulted(effect, error=error))

    async def take_up(self, shards: Collection[int]) -> None:
        """Run on what an earlier owner of these shards started."""
        host = self._host
        for record in await host.committer.call(host.store.recover_effects, shards):
            host.wake(from_record(record))

    def hand_over(self, shards: Collection[int]) -> None:
        """Stop those of shards that go to another host, which finds their rows."""
        for effect_id, effect in list(self._taken.items()):
            running = self._tasks.get(effect_id)
            if effect.record.shard in shards and running is not None:
                running.cancel("stopping")

    async def stop(self) -> None:
        """Stop all; their rows stay, and the next life of the host finds them."""
        tasks = list(self._tasks.values())
        for running in tasks:
            running.cancel("stopping")
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, effect_id: bytes, activation: Activation) -> None:
        self._tasks.pop(effect_id, None)
        activation.effects -= 1
        activation.last_used = self._host.clock.monotonic()

    async def _run(self, effect: RunningEffect, activation: Activation) -> None:
        value: Any = None
        error: VareonError | None = None
        try:
            await self._host.quarantine.passing()
            async with self._places:
                value = await self._tries(effect, activation)
        except asyncio.CancelledError as stop:
            if "stopping" in stop.args or self._host.stopping:
                raise
            error = Cancelled("It was stopped on request.")
        except VareonError as known:
            error = known
        except Exception as unforeseen:  # noqa: BLE001 - its entity must hear of it
            failure(
                "effect_failed", unforeseen, entity=str(effect.target), effect=effect.record.name
            )
            error = InternalError("It failed in an unforeseen way; the log says why.")
        self._host.redeliver(Resulted(effect, value, error))

    async def _tries(self, effect: RunningEffect, activation: Activation) -> Any:
        handler = activation.klass.handlers.effects.get(effect.record.name)
        if handler is None:
            raise InternalError(f"This program has no effect '{effect.record.name}' any more.")
        if effect.record.attempts > ATTEMPTS_LIMIT:
            raise Unavailable("Its host died every time it was tried; it is given up.")
        kills = self._host.quarantine.kills_of(effect.record.effect_id)
        if kills >= KILLS_LIMIT:
            raise poisoned(kills)
        policy: RetryPolicy = handler.effect.retry
        tried = 0
        while True:
            tried += 1
            try:
                return await self._once(effect, activation, handler)
            except VareonError as error:
                shown = self._host.feed_has_written(effect.target, effect.record.effect_id)
                if not error.retryable or shown or tried >= policy.attempts:
                    raise
                event("effect_retried", effect=effect.record.name, code=error.code, tried=tried)
                await self._host.clock.sleep(max(error.retry_after_s or 0, policy.wait_s(tried)))

    async def _once(
        self, effect: RunningEffect, activation: Activation, handler: EffectHandler
    ) -> Any:
        arguments = arguments_of(handler, effect.call)
        context: tuple[Any, ...] = ()
        if handler.wants_context:
            context = (HostEffectContext(self._host, effect),)
        limit = handler.effect.timeout_s
        try:
            async with asyncio.timeout(limit):
                running = handler.effect.method(activation.entity, *arguments, *context)
                return await Steps(self._host.marks, effect.record.effect_id, running)
        except TimeoutError:
            raise DeadlineExceeded(f"It did not end within {limit:g} s.") from None


class _Restart:
    """Counts one more attempt durably, then runs the effect again."""

    def __init__(self, host: Host, effect: RunningEffect) -> None:
        self.unit = Unit(effect.target, effects=[effect.record])
        self.void = False
        self._host = host
        self._effect = effect

    def committed(self) -> None:
        """Run it."""
        self._host.wake(self._effect)

    def failed(self, error: VareonError) -> None:
        """Keep trying: the database may come back."""
        if not self._host.stopping:
            loop = asyncio.get_running_loop()
            loop.call_later(1.0, self._host.committer.submit, self)


class _Abandoned:
    """Removes an effect whose end could not be stored in any form."""

    def __init__(self, host: Host, effect: RunningEffect) -> None:
        self.unit = Unit(effect.target, finished=effect.record.effect_id)
        self.void = False
        self._host = host
        self._effect = effect

    def committed(self) -> None:
        """Forget it."""
        self._host.effects.finished(self._effect.target, self._effect.record.effect_id)

    def failed(self, error: VareonError) -> None:
        """The next life of the host finds its row."""
        failure("effect_not_abandoned", error, entity=str(self._effect.target))
