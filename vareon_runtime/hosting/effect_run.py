"""One run of an effect: its method, tried as its author declared, or the coroutine of a flow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from vareon_runtime.entity.flow import Flow
from vareon_runtime.entity.handlers import EffectHandler
from vareon_runtime.errors import Cancelled, InternalError, OutcomeUnknown, Unavailable
from vareon_runtime.hosting.effect_call import arguments_of
from vareon_runtime.hosting.effect_context import HostEffectContext
from vareon_runtime.hosting.effect_life import EffectLife
from vareon_runtime.hosting.flows import FlowRun
from vareon_runtime.hosting.journal import BEGUN, OWN, Journal
from vareon_runtime.hosting.quarantine import KILLS_LIMIT
from vareon_runtime.hosting.set_aside import poisoned
from vareon_runtime.hosting.suspects import Steps
from vareon_runtime.hosting.tries import tries
from vareon_runtime.telemetry import event

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation
    from vareon_runtime.hosting.host import Host

ATTEMPTS_LIMIT = 25
"""Hosts that may die while running one effect before it is given up."""


class EffectRun:
    """See the module."""

    def __init__(self, host: Host, life: EffectLife, places: asyncio.Semaphore) -> None:
        self._host = host
        self._life = life
        self._places = places

    async def run(self, activation: Activation) -> Any:
        """Do the outside work; what it comes to.

        Raises:
            VareonError: What it raises, or why it is not done.
        """
        life, record = self._life, self._life.effect.record
        handler = activation.klass.handlers.effects.get(record.name)
        if handler is None:
            raise InternalError(f"This program has no effect '{record.name}' any more.")
        kills = self._host.quarantine.kills_of(record.effect_id)
        if kills >= KILLS_LIMIT:
            raise poisoned(kills)
        declared = handler.effect
        arguments = arguments_of(handler, life.effect.call)
        if isinstance(declared, Flow):
            run = FlowRun(self._host, life, self._places)
            return await run.run(
                lambda flow: declared.method(activation.entity, *arguments, flow),
                declared.timeout_s,
            )
        if life.cancelled:
            raise Cancelled("It was stopped on request.")
        if record.attempts > ATTEMPTS_LIMIT:
            raise Unavailable("Its host died every time it was tried; it is given up.")
        async with self._places:
            if declared.at_most_once:
                await self._mark()
            return await self._tries(handler, partial(declared.method, activation.entity))

    async def _mark(self) -> None:
        """Make it durable that the effect may have been done.

        Raises:
            OutcomeUnknown: If an earlier host had got so far.
        """
        life, record = self._life, self._life.effect.record
        journal = Journal(self._host, life.effect)
        if record.attempts > 1 and await journal.load():
            event("effect_not_repeated", entity=str(record.target), effect=record.name)
            raise OutcomeUnknown("Its host died while it may have been done; it is not repeated.")
        life.marked = True
        await journal.write([journal.row(OWN, "", BEGUN)])
        life.holds.add(OWN)

    async def _tries(self, handler: EffectHandler, method: Callable[..., Awaitable[Any]]) -> Any:
        host, effect, declared = self._host, self._life.effect, handler.effect
        arguments = arguments_of(handler, effect.call)

        def once() -> Awaitable[Any]:
            context = (HostEffectContext(host, effect),) if handler.wants_context else ()
            return Steps(host.marks, effect.record.effect_id, method(*arguments, *context))

        return await tries(
            host.clock,
            effect.record.name,
            once,
            declared.retry,
            declared.timeout_s,
            at_most_once=declared.at_most_once,
            shown=lambda: host.audience.has_been_shown(effect.target, effect.record.effect_id),
        )
