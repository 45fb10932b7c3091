"""The turn of an effect's end: its result or its error, given to the entity that started it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vareon_runtime.entity.context import Context
from vareon_runtime.errors import Cancelled, FlowHalted, InternalError, VareonError
from vareon_runtime.hosting import redrive, sends, turn
from vareon_runtime.hosting.delivery import Caller, Resulted
from vareon_runtime.hosting.effect_call import RunningEffect
from vareon_runtime.hosting.outcome import stored_error, stored_reply
from vareon_runtime.hosting.spans import note
from vareon_runtime.storage.ports import InboxRecord, Unit
from vareon_runtime.telemetry import failure

if TYPE_CHECKING:
    from vareon_runtime.hosting.activation import Activation


async def resulted(activation: Activation, resulted: Resulted) -> None:
    """The end of an effect."""
    effect = resulted.effect
    call = effect.call
    unit = Unit(activation.target, finished=effect.record.effect_id)
    existed = activation.entity.exists
    if existed and isinstance(resulted.error, FlowHalted):
        attempts = effect.record.attempts
        unit.rows.extend(redrive.keep(activation, effect, resulted.error, attempts))
    else:
        unit.rows.extend(activation.host.effects.ending(effect.record.effect_id))
    context = turn.context_for(activation, call.message_id, call.principal)
    payload: bytes | None = None
    if existed:
        payload, context = await _take(activation, resulted, unit)
    elif call.answers:
        payload = stored_error(Cancelled("What this belonged to was deleted."))
    unit.noted = note(activation, resulted, resulted.error, context.remark)
    answered = InboxRecord(activation.target, call.message_id, call.digest, payload)
    callers: list[tuple[Caller, bool]] = []
    if call.answers:
        unit.answered = answered
        activation.remember(answered)
        callers = (activation.waiting or {}).pop(call.message_id, [])
    turn.submit(activation, unit, context.changes, payload if call.answers else None, callers)


async def _take(activation: Activation, resulted: Resulted, unit: Unit) -> tuple[bytes, Context]:
    """Give the result to ``then``, or the error, also one that ``then`` raises, to ``failed``."""
    effect = resulted.effect
    call, error = effect.call, resulted.error
    if error is None:
        context = turn.context_for(activation, call.message_id, call.principal)
        reply, error = await _one_way(activation, call.then, resulted.value, context, unit, effect)
        if error is None:
            return reply, context
    context = turn.context_for(activation, call.message_id, call.principal)
    if call.failed is not None:
        reply, problem = await _one_way(activation, call.failed, error, context, unit, effect)
        if problem is None:
            return reply, context
        error = problem
        context = turn.context_for(activation, call.message_id, call.principal)
    elif not call.answers:
        failure("effect_failed", error, entity=str(activation.target))
    return stored_error(error), context


async def _one_way(
    activation: Activation,
    method: str,
    argument: Any,
    context: Context,
    unit: Unit,
    effect: RunningEffect,
) -> tuple[bytes, VareonError | None]:
    call = effect.call
    try:
        handling = getattr(activation.entity, method)(argument, context)
        result = await turn.within_limit(activation, handling)
        await sends.number(activation, context, call.trace_id, effect.record.effect_id)
        reply = stored_reply(result)
        answered = InboxRecord(activation.target, call.message_id, call.digest, reply)
        turn.fill(
            activation,
            unit,
            context,
            answered,
            call.trace_id,
            existed=True,
            waits=call.waits[:-1],
        )
        return reply, None
    except VareonError as error:
        activation.roll_back(existed=True)
        return b"", error
    except Exception as error:  # noqa: BLE001 - the effect's row must go all the same
        turn.log_failure(activation, method, error)
        activation.roll_back(existed=True)
        return b"", InternalError("The result could not be handled; the log says why.")
