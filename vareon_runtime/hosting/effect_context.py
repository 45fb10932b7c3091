"""What an effect sees of its host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Executable

from vareon_runtime.entity.context import find_resource
from vareon_runtime.entity.effect import RetryPolicy
from vareon_runtime.errors import DeadlineExceeded, VareonError
from vareon_runtime.hosting.effect_call import RunningEffect
from vareon_runtime.identity import EntityId, MessageId, Principal, as_text, inner_id
from vareon_runtime.message import Request
from vareon_runtime.trail import span_of, traceparent

if TYPE_CHECKING:
    from vareon_runtime.hosting.host import Host

R = TypeVar("R")

ASK_S = 10.0
ASK_AGAIN = RetryPolicy(first_s=0.05, longest_s=2.0)


class HostEffectContext:
    """See `vareon_runtime.entity.effect.EffectContext`."""

    def __init__(self, host: Host, effect: RunningEffect) -> None:
        self.entity_id: EntityId = effect.target
        self.effect_id: bytes = effect.record.effect_id
        self.idempotency_key = as_text(effect.record.effect_id)
        self.attempt: int = effect.record.attempts
        self.epoch = host.ownership.epoch
        self.deadline_s = effect.call.deadline_s or None
        self.principal: Principal | None = effect.call.principal
        self.traceparent = traceparent(effect.call.trace_id, effect.record.effect_id)
        self._host = host
        self._effect = effect
        self._asked = 0

    async def ask(self, target: EntityId, message: Request[R], timeout_s: float | None = None) -> R:
        """Ask another entity under an id derived from this effect and the ask's ordinal."""
        self._asked += 1
        message_id = inner_id("effect", self.effect_id.hex(), str(self._asked))
        left_s = (self.deadline_s or 0.0) - self._host.clock.time()
        if timeout_s is None and left_s > 0:
            try:
                return await ask_for(self._host, self._effect, message_id, target, message, left_s)
            except DeadlineExceeded:
                """The caller has gone; what was accepted goes on without it."""
        return await ask_for(
            self._host, self._effect, message_id, target, message, timeout_s or ASK_S
        )

    def write(self, stream: str, text: str) -> None:
        """Append to a stream of the entity."""
        self._host.audience.feed(self.entity_id).write(stream, self.attempt, self.effect_id, text)

    async def read(self, statement: Executable, **parameters: Any) -> list[Any]:
        """Committed rows of a select with its bind parameters."""
        return await self._host.services.reader(statement, **parameters)

    def resource(self, kind: type[R]) -> R:
        """Something the host was given."""
        return find_resource(self._host.services.resources, kind)


async def ask_for(
    host: Host,
    effect: RunningEffect,
    message_id: MessageId,
    target: EntityId,
    message: Request[R],
    timeout_s: float,
) -> R:
    """Ask an entity on behalf of an effect or a flow."""
    return await host.bus.ask(
        target,
        message,
        principal=effect.call.principal,
        message_id=message_id,
        timeout_s=timeout_s,
        trace_id=effect.call.trace_id,
        span_id=span_of(effect.record.effect_id),
        waits=effect.call.waits,
    )


async def ask_in_time(
    host: Host,
    effect: RunningEffect,
    message_id: MessageId,
    target: EntityId,
    message: Request[R],
    timeout_s: float,
) -> R:
    """Ask for a flow: what may pass is asked again, under the same id, while there is time.

    The error would be the outcome for good, and the flow could ask again under a new id only.
    """
    tried, ends = 0, host.clock.monotonic() + timeout_s
    while True:
        left_s = ends - host.clock.monotonic()
        try:
            return await ask_for(host, effect, message_id, target, message, left_s)
        except VareonError as error:
            tried += 1
            pause_s = max(error.retry_after_s or 0.0, ASK_AGAIN.wait_s(min(tried, 10)))
            if not error.retryable or host.clock.monotonic() + pause_s >= ends:
                raise
        await host.clock.sleep(pause_s)
