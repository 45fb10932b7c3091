"""Giving up a message that has ended its host too often, without running it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vareon_runtime import codec, envelope
from vareon_runtime.entity.context import Changes
from vareon_runtime.errors import Poisoned
from vareon_runtime.hosting import redrive, sent_turn
from vareon_runtime.hosting.dead_letters import DeadLetter
from vareon_runtime.hosting.delivery import Arrived, Asked, Delivery, Resulted, Subscribed, Ticked
from vareon_runtime.hosting.outcome import PendingUnit, stored_error
from vareon_runtime.hosting.spans import record_of, trail_of
from vareon_runtime.identity import id_time_s
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import InboxRecord, Unit
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation

RESULT_KILLS_LIMIT = 6
"""Hosts that an effect and then the turn that takes its error may end together."""


def poisoned(kills: int) -> Poisoned:
    """What its callers are told."""
    return Poisoned(
        f"It was being handled when its host died, {kills} times; it is not tried again."
    )


async def give_up(activation: Activation, delivery: Delivery, kills: int) -> bool:
    """Set the message aside for good; False if it may run, for it only repeats an outcome."""
    if isinstance(delivery, Asked):
        return await _asked(activation, delivery, kills)
    if isinstance(delivery, Arrived):
        return await sent_turn.give_up(activation, delivery, poisoned(kills), kills)
    if isinstance(delivery, Subscribed):
        activation.host.audience.refuse(delivery.subscriber.caller, poisoned(kills))
        return True
    if isinstance(delivery, Ticked):
        activation.host.reminders.spoilt(delivery.armed, poisoned(kills))
        return True
    return kills >= RESULT_KILLS_LIMIT and _resulted(activation, delivery, kills)


async def _asked(activation: Activation, asked: Asked, kills: int) -> bool:
    request, flags, caller, _ = asked
    handler = activation.klass.handlers.messages.get(request.name)
    if handler is None:
        return False
    error = poisoned(kills)
    if not handler.options.durable:
        _log(activation, request.message_id, kills)
        caller.refuse(error)
        return True
    known = await activation.recall(request.message_id, id_time_s(request.message_id))
    if known is not None:
        return False
    as_json = bool(flags & envelope.JSON_BODY)
    principal = request.principal if flags & envelope.TRUSTED else None
    letter = DeadLetter(
        activation.target,
        request.message_id,
        "ask",
        request.name,
        codec.json_body(request.body) if as_json else request.body,
        principal,
        "",
        request.trace_id,
        error,
        kills,
    )
    digest = request.fingerprint or codec.digest(request.name, principal, request.body)
    reply = stored_error(error)
    activation.outcome = error.code
    inbox = record_of(activation.target, asked, digest, reply, trail_of(activation, asked))
    activation.remember(inbox)
    unit = Unit(activation.target, inbox=inbox, rows=[_row(activation, letter)])
    pending = PendingUnit(activation, unit, Changes(), reply, [(caller, as_json)])
    _submit(activation, pending, letter.message_id, kills)
    return True


def _resulted(activation: Activation, resulted: Resulted, kills: int) -> bool:
    """Even the turn that takes the error ends the host: the effect goes without it."""
    record, call = resulted.effect.record, resulted.effect.call
    error = poisoned(kills)
    rows = redrive.keep(activation, resulted.effect, error, kills)
    unit = Unit(activation.target, finished=record.effect_id, rows=rows)
    reply = None
    if call.answers:
        reply = stored_error(error)
        unit.answered = InboxRecord(activation.target, call.message_id, call.digest, reply)
        activation.remember(unit.answered)
    callers = (activation.waiting or {}).pop(call.message_id, []) if call.answers else []
    pending = PendingUnit(activation, unit, Changes(), reply, callers)
    _submit(activation, pending, record.effect_id, kills)
    return True


def _row(activation: Activation, letter: DeadLetter) -> RowChange:
    return letter.change(activation.host.clock.time())


def _submit(activation: Activation, pending: PendingUnit, message_id: bytes, kills: int) -> None:
    _log(activation, message_id, kills)
    activation.begin_commit()
    activation.host.submit(pending)


def _log(activation: Activation, message_id: bytes, kills: int) -> None:
    failure(
        "message_set_aside", entity=str(activation.target), message=message_id.hex(), kills=kills
    )
