"""An effect or flow that was set aside, and what is tried once more.

An effect that is started again keeps its id, and with it its idempotency key and the ids of what
it asks. A flow goes on at its last finished step: its journal is kept as long as its letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vareon_runtime import codec
from vareon_runtime.entity.context import Context
from vareon_runtime.entity.flow import Flow
from vareon_runtime.entity.redriven import Redriven
from vareon_runtime.errors import VareonError
from vareon_runtime.hosting.dead_letters import DeadLetter
from vareon_runtime.hosting.delivery import Arrived
from vareon_runtime.hosting.effect_call import RunningEffect
from vareon_runtime.hosting.effect_life import JOURNAL
from vareon_runtime.hosting.journal import OWN, Journal
from vareon_runtime.hosting.reminder_plan import redriven
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import EffectRecord, Unit
from vareon_runtime.telemetry import event

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation

ATTEMPT = 2
"""Of an effect that is started again: the first that looks for what an earlier one wrote down."""


def keep(
    activation: Activation, effect: RunningEffect, error: VareonError, attempts: int
) -> list[RowChange]:
    """The rows that set an effect or flow aside, to be committed with its end."""
    host, record, call = activation.host, effect.record, effect.call
    handler = activation.klass.handlers.effects.get(record.name)
    is_flow = handler is not None and isinstance(handler.effect, Flow)
    once = handler is None or (not is_flow and handler.effect.at_most_once)
    nobody_waits = msgspec.structs.replace(call, answers=False, waits=(), deadline_s=0.0)
    letter = DeadLetter(
        activation.target,
        host.services.ids.message_id(),
        "effect",
        record.name,
        call.arguments,
        call.principal,
        str(activation.target),
        call.trace_id,
        error,
        attempts,
        record.effect_id,
        None if once else msgspec.msgpack.encode(nobody_waits),
    )
    event(
        "effect_set_aside",
        entity=str(activation.target),
        effect=record.name,
        code=error.code,
        attempts=attempts,
    )
    rows = host.effects.ending(record.effect_id, keeps_journal=is_flow)
    if is_flow:
        # one row at least, so that a flow whose journal was deleted is known from one without any
        progress = record.attempts.to_bytes(4, "big")
        rows.append(Journal(host, effect).row(OWN, "", progress))
    return [letter.change(host.clock.time()), *rows]


async def again(activation: Activation, arrived: Arrived, context: Context, unit: Unit) -> None:
    """Have a tick brought, or an effect started, once this turn has committed."""
    message = codec.decode(Redriven, arrived.sent.body)
    if not message.effect_id:
        now_ms = int(activation.host.clock.time() * 1000)
        armed = redriven(
            activation.target,
            message.letter_id,
            message.name,
            message.body,
            arrived.principal,
            now_ms,
        )
        context.changes.armed[armed.name] = armed
    elif await _is_whole(activation, message):
        shard = shard_of(activation.target)
        unit.effects.append(
            EffectRecord(
                message.effect_id, activation.target, shard, message.name, ATTEMPT, message.call
            )
        )
    else:
        event("effect_not_redriven", entity=str(activation.target), effect=message.name)
        unit.rows.extend(leftovers(arrived))


def leftovers(arrived: Arrived) -> list[RowChange]:
    """What removes that of which nothing is tried again."""
    message = codec.decode(Redriven, arrived.sent.body)
    where = {"effect_id": message.effect_id}
    return [RowChange("delete", JOURNAL, {}, where)] if message.effect_id else []


async def _is_whole(activation: Activation, message: Redriven) -> bool:
    """Whether a flow still has its journal, without which it would do everything again."""
    handler = activation.klass.handlers.effects.get(message.name)
    if handler is None or not isinstance(handler.effect, Flow):
        return True
    host, where = activation.host, {"effect_id": message.effect_id}
    return bool(await host.loader.call(lambda: host.store.find(JOURNAL, where, limit=1)))
